import type { EntryFacts } from "../attributes/entry-facts.ts";
import { grpcStatus, isGrpc } from "../attributes/grpc.ts";
import { flagCodes } from "../attributes/response-flags.ts";

/**
 * Why an exchange failed, in short words such as `503 UF,URX`; undefined where it did not. What the caller did wrong, and what was refused
 * it, is no failure of the exchange: neither a status below 500 nor an end of the connection by the caller, after an answer had begun.
 */
export function failureOf(facts: EntryFacts): string | undefined {
  const flags = flagCodes(facts.responseFlags);
  const hasFailedFlag = flags.some((flag) => FAILURES.has(flag));
  const said = (why: string): string => [why, flags.join()].filter((part) => part !== "").join(" ");
  if (facts.kind === "tcp") return hasFailedFlag ? said("") : undefined;
  const { responseCode } = facts;
  if (responseCode === undefined || responseCode === 0) return said("no response");
  if (responseCode >= 500) return said(String(responseCode));
  const status = isGrpc(facts) ? grpcStatus(facts) : undefined;
  if (status !== undefined && GRPC_FAILURES.has(status)) return said(`gRPC ${status}`);
  return hasFailedFlag ? said(String(responseCode)) : undefined;
}

/** Flags of what went wrong on the way to the upstream, or there. */
const FAILURES: ReadonlySet<string> = new Set(
  "LH UH UT LR UR UF UC UO URX SI UMSDR DT UPE NC OM DF".split(" "),
);

/**
 * UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE, DATA_LOSS: what Envoy's own tracers take for an
 * error; the others say what is wrong with the request.
 */
const GRPC_FAILURES: ReadonlySet<string> = new Set(["2", "4", "8", "12", "13", "14", "15"]);
