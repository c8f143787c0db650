import { Attributes } from "../attributes/attributes.ts";
import type { CheckFacts, ProxyFacts } from "../attributes/facts.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import type { Backends } from "../runtime/backends.ts";
import { MalformedMessage } from "../std/wire-reader.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { checkFacts } from "./attributes.ts";
import { decide, type Decision } from "./decide.ts";
import { decisionIds } from "./decision-id.ts";
import { ownDenial, type OwnRefusal } from "./denial.ts";
import { encodeResponse } from "./response.ts";
import type { Question } from "./question.ts";
import type { Made } from "./recent.ts";
import { hasShadow, shadowOutcomes, type ShadowOutcome } from "./shadow.ts";
import type { Verdict } from "./verdict.ts";

/** What the check path needs of the rest of weir. */
export interface CheckHost {
  /** The live configuration and whom its policies may ask; undefined before there is one. */
  readonly live: () => { readonly snapshot: Snapshot; readonly backends: Backends } | undefined;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Epoch milliseconds, with fractions. */
  readonly nowMs: () => number;
  /** Runs a task after the answer; says false when too many are waiting. */
  readonly later: (task: () => void) => boolean;
  /** Told after the answer of what was not allowed. */
  readonly onRefusal?: (made: Made) => void;
}

/** One answer, before it is written for whoever asked. */
export interface Answered {
  readonly verdict: Verdict;
  readonly decisionId: string;
  /** A refused gRPC call is told so in gRPC's own words. */
  readonly dialect: "http" | "grpc";
}

/** Answers checks, over gRPC and over HTTP. */
export interface CheckService {
  /** envoy.service.auth.v3.Authorization/Check: bytes in, bytes out. */
  check(request: Buffer, deadlineAtMs: number, caller: ProxyFacts): Uint8Array | Promise<Uint8Array>;
  /** The same of a request that another edge has read. `facts` may throw MalformedMessage. */
  answer(facts: () => CheckFacts, deadlineAtMs: number): Answered | Promise<Answered>;
  /** A refusal of weir's own, for what is no check. */
  refuse(id: OwnRefusal): Answered;
}

/** What Envoy sends is below this: headers, and a body that `max_request_bytes` bounds. */
const MAX_CHECK_BYTES = 4 * 1024 * 1024;

/** What of a check's time is kept for writing the answer and for its way back. */
const OWN_SHARE_MS = 20;

/**
 * The check path. There is a promise only where a back-end is waited for. Whatever happens, the answer is a refusal
 * unless a grant was found in time.
 */
export function checkService(host: CheckHost): CheckService {
  const nextDecisionId = decisionIds();
  const waiting = { count: 0 };
  const finish = (asked: Asked, decided: Decided): Answered => {
    const answered: Answered = {
      verdict: decided.decision.verdict,
      decisionId: nextDecisionId(),
      dialect: decided.dialect,
    };
    countDecision(host, answered.verdict);
    judgeShadows(host, decided.decision);
    // A clock may be set back.
    const durationMs = Math.max(0, host.nowMs() - asked.startedAtMs);
    host.metrics.observeCheck(durationMs / 1_000);
    if (answered.verdict.kind !== "allow")
      tellRefusal(host, { ...answered, ...decided, atMs: asked.startedAtMs, durationMs });
    return answered;
  };
  const answer: CheckService["answer"] = (facts, deadlineAtMs) => {
    const asked = { facts, deadlineAtMs, startedAtMs: host.nowMs() };
    const decided = decideInTime(host, asked, waiting);
    return decided instanceof Promise ? decided.then((one) => finish(asked, one)) : finish(asked, decided);
  };
  return {
    answer,
    refuse: (id) => finish({ startedAtMs: host.nowMs() }, refused(id)),
    check(request, deadlineAtMs, caller) {
      const isTooLarge = request.length > MAX_CHECK_BYTES;
      const answered = isTooLarge
        ? finish({ startedAtMs: host.nowMs() }, refused("weir/too-large"))
        : answer(() => checkFacts(request, caller), deadlineAtMs);
      return answered instanceof Promise ? answered.then(encoded) : encoded(answered);
    },
  };
}

const encoded = ({ verdict, ...envelope }: Answered): Uint8Array => encodeResponse(verdict, envelope);

interface Asked {
  readonly startedAtMs: number;
}

interface AskedCheck extends Asked {
  readonly facts: () => CheckFacts;
  readonly deadlineAtMs: number;
}

/** Checks of all connections that wait for somebody now; `maxInFlight` bounds them. */
interface Waiting {
  count: number;
}

interface Decided {
  readonly decision: Decision;
  /** Undefined where nothing could be made of the request. */
  readonly question: Question | undefined;
  readonly dialect: Answered["dialect"];
}

function decideInTime(
  host: CheckHost,
  { facts, startedAtMs, deadlineAtMs }: AskedCheck,
  waiting: Waiting,
): Decided | Promise<Decided> {
  const live = host.live();
  if (live === undefined) return refused("weir/not-ready");
  const { snapshot, backends } = live;
  const untilMs = Math.min(deadlineAtMs, startedAtMs + snapshot.settings.checkTimeoutMs);
  // Only what waits for others takes more than one turn of the loop.
  const isFull = waiting.count >= snapshot.settings.maxInFlight;
  if (startedAtMs >= untilMs || isFull) return refused("weir/overload");
  const isInTime = (decided: Decided): Decided =>
    host.nowMs() >= untilMs ? refused("weir/overload") : decided;
  try {
    const attributes = new Attributes(facts(), snapshot.settings);
    const askUntilMs = untilMs - OWN_SHARE_MS;
    const question = { snapshot, backends, attributes, nowMs: startedAtMs, askUntilMs };
    const decision = decide(question);
    const spoken = (one: Decision): Decided => isInTime(inDialect(one, question));
    if (!(decision instanceof Promise)) return spoken(decision);
    waiting.count++;
    return decision
      .then(spoken)
      .catch((error: unknown) => failed(host, error))
      .finally(() => waiting.count--);
  } catch (error) {
    return failed(host, error);
  }
}

function failed({ metrics, log }: CheckHost, error: unknown): Decided {
  if (error instanceof MalformedMessage) return refused("weir/bad-request");
  metrics.countInternalError("Check");
  log.error({ err: error }, "a check ended in an exception; the request was refused with 500");
  return refused("weir/internal");
}

const refused = (id: OwnRefusal): Decided => ({
  decision: { verdict: ownDenial(id), governing: [], authentication: undefined, answers: undefined },
  question: undefined,
  dialect: "http",
});

/** A refusal is told in the words of the protocol that was asked in. */
function inDialect(decision: Decision, question: Question): Decided {
  const { attributes } = question;
  const isGrpc =
    decision.verdict.kind === "deny" &&
    attributes.kind === "http" &&
    GRPC_CONTENT_TYPE.test(attributes.request.headers.get("content-type") ?? "");
  return { decision, question, dialect: isGrpc ? "grpc" : "http" };
}

/** What Envoy itself takes for gRPC: it turns the answer to nothing else (gRPC-Web, say) into gRPC's form. */
const GRPC_CONTENT_TYPE = /^application\/grpc(?:\+|$)/;

const countDecision = ({ metrics }: CheckHost, { kind, by }: Verdict): void =>
  metrics.countCheck(by.policy, by.rule, kind);

function tellRefusal({ onRefusal, later, metrics }: CheckHost, made: Made): void {
  if (onRefusal !== undefined && !later(() => onRefusal(made))) metrics.countRecentDropped();
}

function judgeShadows(host: CheckHost, decision: Decision): void {
  if (!hasShadow(decision)) return;
  const count = (outcomes: readonly ShadowOutcome[]): void => {
    for (const { policy, rule, verdict } of outcomes) host.metrics.countShadow(policy, rule, verdict);
  };
  const isTaken = host.later(() => {
    const outcomes = shadowOutcomes(decision);
    if (!(outcomes instanceof Promise)) count(outcomes);
    else void outcomes.then(count).catch((error: unknown) => void failed(host, error));
  });
  if (!isTaken) host.metrics.countShadowDropped();
}
