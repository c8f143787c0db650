import type { FieldValue } from "../adapter/report.ts";
import { EntryAttributes } from "../attributes/entry.ts";
import { NO_ENTRY, type DecisionFacts, type EntryFacts, type TimingStep } from "../attributes/entry-facts.ts";
import type { CheckFacts } from "../attributes/facts.ts";
import { flagsOfCodes } from "../attributes/response-flags.ts";
import type { DescribedEntry } from "../policy/expected-telemetry.ts";
import { reportingOf } from "../policy/reporting.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { subjectOf, type Expectation } from "../policy/tests-file.ts";
import { readStruct } from "../std/struct.ts";
import { WireReader } from "../std/wire-reader.ts";
import { accessLog } from "./access-log.ts";
import type { Counted } from "./connections.ts";
import { decideEntry, type Presets, type Wanted } from "./decide.ts";
import { decisionOf, NAMESPACES } from "./decision.ts";
import { istioPreset } from "./istio.ts";
import { exchangeOf } from "./trace.ts";

/** A request that was answered, as far as its access log tells of it. */
export interface Logged {
  readonly facts: CheckFacts;
  /** What the answer leaves for the entry: a google.protobuf.Struct. */
  readonly metadata: Buffer;
  /** What the caller was answered where nobody else answered; undefined where the request passed. */
  readonly refused: { readonly status: number; readonly details: string } | undefined;
  readonly nowMs: number;
}

/** Stands for what a handler may not see: digests differ from process to process. */
const HIDDEN = "hidden";

/**
 * What differs from what an expectation says of telemetry, a sentence each. Each rule is put before the entry alone and whole, so that no
 * test depends on samples.
 */
export function telemetryDifferences(
  { telemetry, entry }: Expectation,
  tests: string,
  snapshot: Snapshot,
  logged: Logged,
): readonly string[] {
  if (telemetry.size === 0) return [];
  const attributes = new EntryAttributes(entryFacts(entry, logged), snapshot.settings);
  return Array.from(telemetry).flatMap(([named, expected]) => {
    const { policy, rule } = subjectOf(tests, named);
    const missing: string[] = [];
    const [wanted] = decideEntry(attributes, countedOf(attributes, logged.nowMs), {
      reporting: reportingOf(onlyRule(snapshot, policy, rule)),
      presets: presets(),
      digest: () => HIDDEN,
      onMissing: (_policy, _rule, what) => missing.push(what),
    });
    return differences(named, expected, { wanted, missing });
  });
}

function differences(
  named: string,
  expected: "none" | ReadonlyMap<string, string>,
  { wanted, missing }: { readonly wanted: Wanted | undefined; readonly missing: readonly string[] },
): readonly string[] {
  if (expected === "none")
    return wanted === undefined ? [] : [`expected ${named} not to want the entry, it does`];
  if (wanted === undefined) {
    const why = missing.includes("when") ? ": its when has no value" : "";
    return [`expected ${named} to want the entry, it does not${why}`];
  }
  const values = valuesOf(wanted);
  return Array.from(expected).flatMap(([name, value]) => {
    const found = values.get(name);
    return found === value ? [] : [`expected ${named} to tell ${name}: ${value}, got ${found ?? "none"}`];
  });
}

const presets = (): Presets => ({ istio: istioPreset(), "access-log": accessLog, trace: exchangeOf });

/** The policy as if it had this rule alone. */
const onlyRule = ({ policies }: Snapshot, policyId: string, ruleId: string) =>
  policies.flatMap((policy) => {
    const { telemetry } = policy;
    if (policy.id !== policyId || telemetry === undefined) return [];
    const rules = telemetry.rules.filter(({ id }) => id === ruleId).map((rule) => ({ ...rule, share: 1 }));
    return [{ ...policy, telemetry: { ...telemetry, rules } }];
  });

/** All that the record says under a name, as text. */
function valuesOf({ outcome }: Wanted): ReadonlyMap<string, string> {
  if (outcome === "sampled-out") return new Map();
  const own: Iterable<readonly [string, FieldValue]> =
    outcome.kind === "measurement"
      ? outcome.family.labels.map((label, index) => [label, outcome.labels[index] ?? ""])
      : outcome.kind === "fields"
        ? outcome.fields
        : outcome.attributes;
  return new Map([...own, ...outcome.added].map(([name, value]) => [name, textOf(value)]));
}

const textOf = (value: FieldValue): string =>
  typeof value === "object" ? JSON.stringify(value) : String(value);

/** The one entry that counts the request, or the connection. */
const countedOf = ({ kind }: EntryAttributes, observedAtMs: number): Counted =>
  kind === "http"
    ? { observedAtMs, request: "finished", connection: undefined, messages: undefined }
    : {
        observedAtMs,
        request: "none",
        connection: { opened: true, closed: true, sentBytes: 0, receivedBytes: 0 },
        messages: undefined,
      };

/** envoy.data.accesslog.v3.AccessLogType: DownstreamEnd, TcpConnectionEnd. */
const TYPES = { http: 6, tcp: 3 } as const;

function entryFacts(described: DescribedEntry, { facts, metadata, refused, nowMs }: Logged): EntryFacts {
  const { request, source, destination, serverName, proxy } = facts;
  const kind = request === undefined ? "tcp" : "http";
  const requestHeaders = request?.headers().joined ?? new Map<string, string>();
  const headers = new Map(
    Array.from(described.headers ?? [], ([name, value]): [string, string] => [name.toLowerCase(), value]),
  );
  const answer = structOf(metadata);
  const decision = decisionIn(answer);
  return {
    ...NO_ENTRY,
    ...{ kind, request, source, destination, serverName, proxy },
    ...outcomeOf(described, refused),
    ...(kind === "tcp" ? { responseCode: undefined } : {}),
    metadata: () => new Map([[NAMESPACES[kind], answer]]),
    accessLogType: TYPES[kind],
    startedAtMs: nowMs,
    principal: (of) => facts[of].principal,
    requestHeader: (name) => requestHeaders.get(name),
    responseHeader: (name) => headers.get(name),
    responseHeaders: () => headers,
    decision: () => decision,
  };
}

/** What is not described is as Envoy logs it of a request that passed, or was refused. */
const outcomeOf = (
  { duration, status, flags, details, cluster }: DescribedEntry,
  refused: Logged["refused"],
) => ({
  durationMs: duration,
  timing: (step: TimingStep) => (step === "last_downstream_tx_byte" ? duration : undefined),
  responseCode: status ?? refused?.status ?? 200,
  responseFlags: flagsOfCodes(flags ?? (refused === undefined ? [] : ["UAEX"])),
  responseCodeDetails: details ?? refused?.details ?? "",
  upstreamCluster: cluster ?? "",
});

function structOf(bytes: Buffer): ReadonlyMap<string, unknown> {
  const reader = new WireReader(bytes);
  return readStruct(reader, reader.whole);
}

function decisionIn(answer: ReadonlyMap<string, unknown>): DecisionFacts | undefined {
  const weir = answer.get("weir");
  return weir instanceof Map ? decisionOf(weir) : undefined;
}
