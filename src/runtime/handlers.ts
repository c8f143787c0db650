import type { Call, CheckAnswer, CheckInput, Handler } from "../adapter/adapter.ts";
import type { Host } from "../adapter/host.ts";
import { Breaker, BreakerOpen } from "../host/breaker.ts";
import type { DeliveryQueue } from "../host/delivery.ts";
import { OneCall } from "../host/one-call.ts";
import type { ConfiguredHandler } from "../policy/handlers.ts";
import { isThenable } from "../std/thenable.ts";
import { within } from "../std/within.ts";
import { answerOf } from "./answer.ts";
import type { QueueWorld } from "./queues.ts";

/** What handlers need of the rest of weir. */
export interface HandlerWorld {
  /** What is lent to a handler. */
  readonly hostFor: (configured: ConfiguredHandler) => Host;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  readonly observe: (handler: string, verdict: CheckAnswer["verdict"], seconds: number) => void;
  /** Where it is counted what becomes of records. */
  readonly metrics: QueueWorld;
  /** What has not started, or closed, by then is given up. Default 10 seconds. */
  readonly patienceMs?: number;
}

/** One handler that runs, behind its deadline and its breaker. */
export class RunningHandler {
  readonly configured: ConfiguredHandler;
  readonly handler: Handler;
  /** What waits for it to report; undefined where it takes no records. It lives as long as the handler. */
  readonly queue: DeliveryQueue | undefined;
  readonly #world: HandlerWorld;
  readonly #breaker: Breaker;

  constructor(
    configured: ConfiguredHandler,
    { handler, queue }: Pick<RunningHandler, "handler" | "queue">,
    world: HandlerWorld,
  ) {
    this.configured = configured;
    this.handler = handler;
    this.queue = queue;
    this.#world = world;
    this.#breaker = new Breaker({ failures: FAILURES, openMs: OPEN_MS, nowMs: world.nowMs });
  }

  /** The handler's answer, or `error` where it has none by the deadline. Never throws or rejects. */
  ask(
    input: CheckInput,
    deadlineAtMs: number,
    charge: NonNullable<Call["charge"]> = "now",
  ): CheckAnswer | Promise<CheckAnswer> {
    const { nowMs, observe } = this.#world;
    const startedAtMs = nowMs();
    const leftMs = Math.min(deadlineAtMs - startedAtMs, this.configured.deadlineMs);
    const seen = (answer: CheckAnswer): CheckAnswer => {
      // A clock may be set back.
      observe(this.configured.name, answer.verdict, Math.max(0, nowMs() - startedAtMs) / 1_000);
      return answer;
    };
    const answer = leftMs > 0 ? this.#answer(input, { startedAtMs, leftMs, charge }) : OUT_OF_TIME;
    return answer instanceof Promise ? answer.then(seen) : seen(answer);
  }

  /** A handler whose answer is at hand is asked without a promise, as long as the breaker is closed. */
  #answer(input: CheckInput, time: Time): CheckAnswer | Promise<CheckAnswer> {
    const breaker = this.handler.breaker ?? this.configured.adapter.breaker;
    if (breaker === "own") return this.#call(input, time);
    if (this.#breaker.state !== "closed") return this.#guarded(async () => this.#call(input, time));
    const answer = this.#call(input, time);
    return answer instanceof Promise ? this.#guarded(() => answer) : answer;
  }

  /** An answer that did not come in time is a failure like others. */
  #guarded(call: () => Promise<CheckAnswer>): Promise<CheckAnswer> {
    return this.#breaker.run(call, isError).catch(failed);
  }

  #call(input: CheckInput, { startedAtMs, leftMs, charge }: Time): CheckAnswer | Promise<CheckAnswer> {
    const { outputs } = this.configured.declared;
    const call = new OneCall(startedAtMs + leftMs, charge);
    let answer: unknown;
    try {
      answer = this.handler.check?.(input, call);
    } catch (error) {
      return failed(error);
    }
    if (!isThenable(answer)) return answerOf(answer, outputs);
    const known = Promise.resolve(answer).then((value) => answerOf(value, outputs), failed);
    return within(known, leftMs, OUT_OF_TIME).then((one) => {
      if (one === OUT_OF_TIME) call.abort();
      return one;
    });
  }
}

interface Time {
  /** Epoch milliseconds. */
  readonly startedAtMs: number;
  readonly leftMs: number;
  readonly charge: NonNullable<Call["charge"]>;
}

/** A back-end that fails this often in a row is left alone for a moment. */
const FAILURES = 5;
const OPEN_MS = 1_000;

const OUT_OF_TIME: CheckAnswer = { verdict: "error", reason: "the time was up" };

const isError = ({ verdict }: CheckAnswer): boolean => verdict === "error";

/** Messages of a handler's own errors hold no secrets: that is part of what adapters promise. */
const failed = (error: unknown): CheckAnswer => ({
  verdict: "error",
  reason:
    error instanceof BreakerOpen
      ? "it failed again and again and is left alone for a moment"
      : messageOf(error),
});

/** What went wrong, in words. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The handlers of one configuration, by name. */
export type Handlers = ReadonlyMap<string, RunningHandler>;

/** What of them keeps metrics of its own, by name. */
export const exposedBy = (handlers: Handlers): ReadonlyMap<string, NonNullable<Handler["expose"]>> =>
  new Map(
    Array.from(handlers).flatMap(([name, { handler }]) =>
      handler.expose === undefined ? [] : [[name, handler.expose.bind(handler)]],
    ),
  );
