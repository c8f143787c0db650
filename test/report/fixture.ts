import assert from "node:assert/strict";
import { ADAPTERS } from "../../adapters/index.ts";
import type { FieldRecord, Measurement } from "../../src/adapter/report.ts";
import { NO_ENTRY, type DecisionFacts, type EntryFacts } from "../../src/attributes/entry-facts.ts";
import { EntryAttributes } from "../../src/attributes/entry.ts";
import { compileConfiguration, type Configuration } from "../../src/policy/compile.ts";
import { printDiagnostic } from "../../src/policy/diagnostic.ts";
import { loadFiles } from "../../src/policy/load.ts";
import type { Snapshot } from "../../src/policy/snapshot.ts";
import type { Counted } from "../../src/report/connections.ts";
import { decideEntry, type Presets, type Wanted } from "../../src/report/decide.ts";
import { textOf, worldOf, type File } from "../check/fixture.ts";
import { SINKS } from "./sinks.ts";

/** A weir.yaml with a handler of each sink; `plain` takes values of persons as they are. */
export const HANDLERS = {
  handlers: {
    lines: { adapter: "lines" },
    plain: { adapter: "lines", config: { personal: "plain" } },
    graphs: { adapter: "graphs" },
    asked: { adapter: "both" },
  },
};

/** What files come to with weir.yaml of the sinks beside them. */
export const configurationOf = (...files: readonly File[]): Configuration =>
  compileConfiguration(
    loadFiles([HANDLERS, ...files].map((file, index) => ({ path: `${index}.yaml`, text: textOf(file) }))),
    "test",
    worldOf({ adapters: [...ADAPTERS, ...SINKS] }),
  );

/** The snapshot of files that have no error; fails the test where one has. */
export function reportingSnapshot(...files: readonly File[]): Snapshot {
  const { snapshot, diagnostics } = configurationOf(...files);
  return snapshot ?? assert.fail(diagnostics.map(printDiagnostic).join("\n"));
}

/** The findings about files, in one line each. */
export const findingsIn = (...files: readonly File[]): readonly string[] =>
  configurationOf(...files).diagnostics.map(
    ({ line, column, code, message }) => `${line}:${column} ${code} ${message}`,
  );

const MEASUREMENT: Omit<Measurement, "added"> = {
  kind: "measurement",
  observedAtMs: 0,
  trace: undefined,
  family: { id: "test", labels: [], metrics: [] },
  labels: [],
  values: [],
};

/** Presets that make the same of every entry. */
export const PRESETS: Presets = {
  istio: () => MEASUREMENT,
  trace: () => undefined,
  "access-log": (): Omit<FieldRecord, "added" | "rule"> => ({
    kind: "fields",
    observedAtMs: 0,
    trace: undefined,
    timeMs: undefined,
    severity: "info",
    fields: new Map([["method", "GET"]]),
  }),
};

/** An HTTP entry, or where `kind` says so a TCP one; what is not said is empty. */
export interface EntryAsked extends Partial<Omit<EntryFacts, "request" | "decision">> {
  readonly method?: string;
  readonly host?: string;
  readonly path?: string;
  readonly requestHeaders?: Readonly<Record<string, string>>;
  readonly left?: Partial<DecisionFacts>;
}

export function entryOf(snapshot: Snapshot, asked: EntryAsked = {}): EntryAttributes {
  const { method = "GET", host = "a.example.com", path = "/", requestHeaders = {}, left, ...more } = asked;
  const request: EntryFacts["request"] = {
    ...{ id: "", method, path, host, scheme: "", protocol: "", sizeBytes: undefined, timeMs: undefined },
    headers: () => ({ joined: new Map(Object.entries(requestHeaders)), all: undefined }),
    body: () => ({ kind: "unseen" }),
  };
  const decision = left && { ...NO_DECISION, ...left };
  const facts: EntryFacts = {
    ...NO_ENTRY,
    kind: "http",
    ...more,
    request: more.kind === "tcp" ? undefined : request,
    decision: () => decision,
  };
  return new EntryAttributes(facts, snapshot.settings);
}

const NO_DECISION: DecisionFacts = {
  ...{ id: "d_a", verdict: "allow", policy: "", rule: "" },
  policies: undefined,
  carried: new Map(),
  settleTokens: [],
};

/** A request that has ended. */
export const FINISHED: Counted = {
  observedAtMs: 0,
  request: "finished",
  connection: undefined,
  messages: undefined,
};

/** What is wanted of an entry, and what was missing: `policy/rule what`. */
export function decided(
  snapshot: Snapshot,
  asked: EntryAsked = {},
  counted: Counted = FINISHED,
): { readonly wanted: readonly Wanted[]; readonly missing: readonly string[] } {
  const missing: string[] = [];
  const wanted = decideEntry(entryOf(snapshot, asked), counted, {
    reporting: snapshot.reporting,
    presets: PRESETS,
    digest: (printed) => `#${printed}`,
    onMissing: (policy, rule, what) => void missing.push(`${policy}/${rule} ${what}`),
  });
  return { wanted, missing };
}

/** Each wanted in one line: the handler, and what is added or that it was sampled out. */
export const inShort = ({ wanted }: { readonly wanted: readonly Wanted[] }): readonly string[] =>
  wanted.map(({ handler, outcome }) =>
    outcome === "sampled-out"
      ? `${handler} ${outcome}`
      : `${handler} ${outcome.kind}${Array.from(outcome.added, ([name, value]) => ` ${name}=${JSON.stringify(value)}`).join("")}`,
  );
