import { Attributes } from "../attributes/attributes.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { MalformedMessage } from "../std/wire-reader.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { checkFacts } from "./attributes.ts";
import { decide, type Decision } from "./decide.ts";
import { decisionIds } from "./decision-id.ts";
import { ownDenial, type OwnRefusal } from "./denial.ts";
import { encodeResponse } from "./response.ts";
import { hasShadow, shadowOutcomes } from "./shadow.ts";
import type { Verdict } from "./verdict.ts";

/** What the check path needs of the rest of weir. */
export interface CheckHost {
  /** The live configuration; undefined before there is one. */
  readonly snapshot: () => Snapshot | undefined;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Epoch milliseconds, with fractions. */
  readonly nowMs: () => number;
  /** Runs a task after the answer; says false when too many are waiting. */
  readonly later: (task: () => void) => boolean;
}

/**
 * The check path: envoy.service.auth.v3.Authorization/Check, bytes in, bytes out, in one turn of the loop.
 * Whatever happens, the answer is a refusal unless a grant was found in time.
 */
export function checkMethod(host: CheckHost): (request: Buffer, deadlineAtMs: number) => Uint8Array {
  const nextDecisionId = decisionIds();
  return (request, deadlineAtMs) => {
    const startedAtMs = host.nowMs();
    const { decision, dialect } = check(host, request, { startedAtMs, deadlineAtMs });
    const answer = encodeResponse(decision.verdict, { decisionId: nextDecisionId(), dialect });
    countDecision(host, decision.verdict);
    judgeShadows(host, decision);
    host.metrics.observeCheck((host.nowMs() - startedAtMs) / 1_000);
    return answer;
  };
}

interface Checked {
  readonly decision: Decision;
  readonly dialect: "http" | "grpc";
}

interface Time {
  readonly startedAtMs: number;
  readonly deadlineAtMs: number;
}

function check(host: CheckHost, request: Buffer, { startedAtMs, deadlineAtMs }: Time): Checked {
  const snapshot = host.snapshot();
  if (snapshot === undefined) return refused("weir/not-ready");
  const untilMs = Math.min(deadlineAtMs, startedAtMs + snapshot.settings.checkTimeoutMs);
  if (startedAtMs >= untilMs) return refused("weir/overload");
  try {
    const attributes = new Attributes(checkFacts(request), snapshot.settings);
    const decision = decide(snapshot, attributes);
    if (host.nowMs() >= untilMs) return refused("weir/overload");
    return { decision, dialect: decision.verdict.kind === "deny" ? dialectOf(attributes) : "http" };
  } catch (error) {
    if (error instanceof MalformedMessage) return refused("weir/bad-request");
    host.metrics.countInternalError("Check");
    host.log.error({ err: error }, "a check ended in an exception; the request was refused with 500");
    return refused("weir/internal");
  }
}

const refused = (id: OwnRefusal): Checked => ({
  decision: { verdict: ownDenial(id), governing: [] },
  dialect: "http",
});

function dialectOf({ request }: Attributes): Checked["dialect"] {
  return GRPC_CONTENT_TYPE.test(request.headers.get("content-type") ?? "") ? "grpc" : "http";
}

/** What Envoy itself takes for gRPC: it turns the answer to nothing else (gRPC-Web, say) into gRPC's form. */
const GRPC_CONTENT_TYPE = /^application\/grpc(?:\+|$)/;

const countDecision = ({ metrics }: CheckHost, { kind, by }: Verdict): void =>
  metrics.countCheck(by.policy, by.rule, kind);

function judgeShadows({ metrics, later }: CheckHost, { governing }: Decision): void {
  if (!hasShadow(governing)) return;
  const isTaken = later(() => {
    for (const { policy, rule, verdict } of shadowOutcomes(governing))
      metrics.countShadow(policy, rule, verdict);
  });
  if (!isTaken) metrics.countShadowDropped();
}
