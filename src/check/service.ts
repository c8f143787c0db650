import { Attributes } from "../attributes/attributes.ts";
import type { CheckFacts, ProxyFacts } from "../attributes/facts.ts";
import { MalformedMessage } from "../std/wire-reader.ts";
import { within } from "../std/within.ts";
import { afterwards } from "./afterwards.ts";
import { checkFacts } from "./attributes.ts";
import { carriedOf } from "./carried.ts";
import type { CheckHost } from "./check-host.ts";
import { decide, type Decision } from "./decide.ts";
import { decisionIds } from "./decision-id.ts";
import { ownDenial, type OwnRefusal } from "./denial.ts";
import { encodeResponse } from "./response.ts";
import type { Question } from "./question.ts";
import type { Made } from "./recent.ts";
import { isAudited } from "./records.ts";
import type { Verdict } from "./verdict.ts";

/** One answer, before it is written for whoever asked. */
export interface Answered {
  readonly verdict: Verdict;
  readonly decisionId: string;
  /** A refused gRPC call is told so in gRPC's own words. */
  readonly dialect: "http" | "grpc";
  readonly decision: Decision;
  /** Undefined where nothing could be made of the request. */
  readonly question: Question | undefined;
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
  const finish = (decided: Decided, startedAtMs: number, decisionId = nextDecisionId()): Answered => {
    const { verdict } = decided.decision;
    host.metrics.countCheck(verdict.by.policy, verdict.by.rule, verdict.kind);
    const made = madeOf(host, decided, { startedAtMs, decisionId });
    host.metrics.observeCheck(made.durationMs / 1_000);
    afterwards(host, made);
    return { verdict, decisionId, ...decided };
  };
  const conclude = (decided: Decided, { startedAtMs, untilMs }: Asked): Answered | Promise<Answered> => {
    if (decided.decision.verdict.kind !== "allow" || !isAudited(decided.decision))
      return finish(decided, startedAtMs);
    const decisionId = nextDecisionId();
    const made = madeOf(host, decided, { startedAtMs, decisionId });
    const written = host.records?.require(made) ?? Promise.resolve(false);
    return within(written, untilMs - host.nowMs(), false).then((isWritten) =>
      finish(isWritten ? decided : unwritten(decided), startedAtMs, decisionId),
    );
  };
  const answer: CheckService["answer"] = (facts, deadlineAtMs) => {
    const asked = askedOf(host, deadlineAtMs);
    const decided = decideInTime(host, { ...asked, facts }, waiting);
    return decided instanceof Promise
      ? decided.then((one) => conclude(one, asked))
      : conclude(decided, asked);
  };
  const encoded = ({ verdict, decision, question, ...envelope }: Answered): Uint8Array => {
    const carried = carriedOf(decision, question);
    if (carried?.isCut === true) host.metrics.countCarriedCut();
    return encodeResponse(verdict, { ...envelope, carried });
  };
  return {
    answer,
    refuse: (id) => finish(refused(id), host.nowMs()),
    check(request, deadlineAtMs, caller) {
      const isTooLarge = request.length > MAX_CHECK_BYTES;
      const answered = isTooLarge
        ? finish(refused("weir/too-large"), host.nowMs())
        : answer(() => checkFacts(request, caller), deadlineAtMs);
      return answered instanceof Promise ? answered.then(encoded) : encoded(answered);
    },
  };
}

/** Times are epoch milliseconds. */
interface Asked {
  readonly startedAtMs: number;
  /** By when it must be answered. */
  readonly untilMs: number;
  readonly live: ReturnType<CheckHost["live"]>;
}

interface AskedCheck extends Asked {
  readonly facts: () => CheckFacts;
}

function askedOf({ live, nowMs }: CheckHost, deadlineAtMs: number): Asked {
  const startedAtMs = nowMs();
  const found = live();
  const mostMs = found?.snapshot.settings.checkTimeoutMs ?? 0;
  return { startedAtMs, live: found, untilMs: Math.min(deadlineAtMs, startedAtMs + mostMs) };
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
  { facts, startedAtMs, untilMs, live }: AskedCheck,
  waiting: Waiting,
): Decided | Promise<Decided> {
  if (live === undefined) return refused("weir/not-ready");
  const { snapshot, backends } = live;
  // Only what waits for others takes more than one turn of the loop.
  const isFull = waiting.count >= snapshot.settings.maxInFlight;
  if (startedAtMs >= untilMs || isFull) return refused("weir/overload");
  const isInTime = (decided: Decided): Decided =>
    host.nowMs() >= untilMs ? refused("weir/overload") : decided;
  try {
    const attributes = new Attributes(facts(), snapshot.settings);
    const askUntilMs = untilMs - OWN_SHARE_MS;
    const { limits, signer } = host;
    const question = { snapshot, backends, limits, signer, attributes, nowMs: startedAtMs, askUntilMs };
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

/** What would have been allowed, had it been written. */
const unwritten = ({ decision, ...decided }: Decided): Decided => ({
  ...decided,
  decision: { ...decision, verdict: ownDenial("weir/audit") },
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

/** A clock may be set back. */
const madeOf = (
  { nowMs }: CheckHost,
  { decision, question }: Decided,
  { startedAtMs, decisionId }: { readonly startedAtMs: number; readonly decisionId: string },
): Made => ({
  decisionId,
  atMs: startedAtMs,
  durationMs: Math.max(0, nowMs() - startedAtMs),
  decision,
  question,
});
