import type { StatusAnswer } from "../grpc/calls.ts";
import type { CounterStores } from "../limits/limits.ts";
import { SETTLE_DOMAIN, type Settler } from "../limits/settle.ts";
import type { TopKeys } from "../limits/top-keys.ts";
import type { Domain } from "../policy/domain.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { MalformedMessage } from "../std/wire-reader.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { NO_LIMIT, type Answer } from "./answer.ts";
import type { Asked } from "./asked.ts";
import { readRequest } from "./attributes.ts";
import { decide, type Decision } from "./decide.ts";
import { noteKeys } from "./noted.ts";
import { settleAsked } from "./settlement.ts";
import { tell } from "./told.ts";
import { encodeResponse } from "./response.ts";

/** What rate-limit requests are answered over. */
export interface QuotaHost {
  /** Undefined: there is no configuration yet. */
  readonly live: () => { readonly snapshot: Snapshot } | undefined;
  readonly stores: CounterStores;
  /** Settles late costs of quotas. */
  readonly settler: Settler;
  readonly topKeys: TopKeys;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  readonly metrics: Metrics;
}

/** Answers rate-limit requests. */
export interface QuotaService {
  /** envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit: bytes in, bytes out, or a status of gRPC. */
  shouldRateLimit(request: Buffer, deadlineAtMs: number, rights: Call["rights"]): Outcome | Promise<Outcome>;
}

type Outcome = Uint8Array | StatusAnswer;

/**
 * The path of a rate-limit request. There is a promise only where the store is waited for. What cannot be decided is a status
 * of gRPC, about which Envoy's failure mode decides, as with envoyproxy/ratelimit.
 */
export function quotaService(host: QuotaHost): QuotaService {
  const waiting = { count: 0 };
  return {
    shouldRateLimit(request, deadlineAtMs, rights) {
      const startedAtMs = host.nowMs();
      const finish = (outcome: Outcome): Outcome => {
        host.metrics.observeRateLimit(Math.max(0, host.nowMs() - startedAtMs) / 1_000);
        return outcome;
      };
      const outcome = answer(host, { request, startedAtMs, deadlineAtMs, rights }, waiting);
      return outcome instanceof Promise ? outcome.then(finish) : finish(outcome);
    },
  };
}

/** Times are epoch milliseconds. */
interface Call {
  readonly request: Buffer;
  readonly startedAtMs: number;
  readonly deadlineAtMs: number;
  /** What weir.yaml lets the caller do. */
  readonly rights: "may refund" | "may not refund";
}

/** Requests of all connections that wait for the store now; `maxInFlight` bounds them. */
interface Waiting {
  count: number;
}

function answer(host: QuotaHost, call: Call, waiting: Waiting): Outcome | Promise<Outcome> {
  const live = host.live();
  if (live === undefined) return refuse(host, "", "unavailable", "weir has no configuration yet");
  const { snapshot } = live;
  const reading = read(call.request);
  if (reading.kind === "bad") return refuse(host, "", "invalid-argument", reading.reason);
  const { asked } = reading;
  if (call.rights === "may not refund" && asked.descriptors.some(({ direction }) => direction === "refund"))
    return refuse(host, "", "permission-denied", "weir.yaml does not let you give hits back");
  if (asked.domain === SETTLE_DOMAIN) return settled(host, asked, waiting);
  const domain = snapshot.domains.get(asked.domain);
  if (domain === undefined) return unknownDomain(host, snapshot, asked);
  const { name } = domain;
  if (call.startedAtMs >= call.deadlineAtMs)
    return refuse(host, name, "deadline-exceeded", "the time was up");
  if (waiting.count >= snapshot.settings.maxInFlight)
    return refuse(host, name, "resource-exhausted", "too many requests wait for the store");
  const deadlineAtMs = Math.min(call.deadlineAtMs, call.startedAtMs + snapshot.settings.checkTimeoutMs);
  const finish = (decision: Decision): Outcome => concluded(host, domain, decision, call);
  const decision = decide(domain, asked, host.stores, { stance: snapshot.stance, deadlineAtMs });
  if (!(decision instanceof Promise)) return finish(decision);
  waiting.count++;
  return decision.then(
    (made) => {
      waiting.count--;
      return finish(made);
    },
    (error: unknown) => {
      waiting.count--;
      throw error;
    },
  );
}

/** The store bounds how many settlements wait there; here they are among the requests that do. */
function settled(host: QuotaHost, asked: Asked, waiting: Waiting): Promise<Outcome> {
  waiting.count++;
  return settleAsked(asked, host.settler)
    .then(encodeResponse)
    .finally(() => waiting.count--);
}

function read(request: Buffer): ReturnType<typeof readRequest> {
  try {
    return readRequest(request);
  } catch (error) {
    if (error instanceof MalformedMessage) return { kind: "bad", reason: error.message };
    throw error;
  }
}

/** A domain that nobody has is not limited, but one of a team whose files have never been good is not known. */
function unknownDomain(host: QuotaHost, { unloaded }: Snapshot, { domain, descriptors }: Asked): Outcome {
  const owner = unloaded.find(({ domains }) => domains.includes(domain));
  if (owner !== undefined)
    return refuse(host, domain, "unavailable", `the files of the team ${owner.team} are not loaded`);
  host.metrics.countRateLimit(UNKNOWN_DOMAIN, "ok");
  const unlimited: Answer = {
    code: "ok",
    statuses: descriptors.map(() => NO_LIMIT),
    headers: [],
    metadata: undefined,
  };
  return encodeResponse(unlimited);
}

/** As the domain of all that weir does not know: names of callers' choice would be as many series. */
const UNKNOWN_DOMAIN = "unknown";

function concluded(host: QuotaHost, limits: Domain, decision: Decision, call: Call): Outcome {
  const { name: domain } = limits;
  const { startedAtMs, deadlineAtMs } = call;
  switch (decision.kind) {
    case "answered":
      host.metrics.countRateLimit(domain, decision.answer.code === "ok" ? "ok" : "over_limit");
      tell(host.metrics, domain, decision.descriptors);
      noteKeys(host.topKeys, limits, decision.descriptors, startedAtMs);
      return encodeResponse(decision.answer);
    case "failed":
      return decision.reason === "timeout" && host.nowMs() >= deadlineAtMs
        ? refuse(host, domain, "deadline-exceeded", "the store has not answered in time")
        : refuse(host, domain, "unavailable", "the store of counters cannot be asked");
  }
}

function refuse(
  { metrics }: QuotaHost,
  domain: string,
  code: StatusAnswer["code"],
  details: string,
): StatusAnswer {
  metrics.countRateLimit(domain, code.replaceAll("-", "_"));
  return { code, details };
}
