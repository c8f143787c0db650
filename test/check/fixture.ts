import assert from "node:assert/strict";
import { stringify } from "yaml";
import { Attributes } from "../../src/attributes/attributes.ts";
import type { CheckFacts } from "../../src/attributes/facts.ts";
import { checkFacts } from "../../src/check/attributes.ts";
import { decide } from "../../src/check/decide.ts";
import type { Verdict } from "../../src/check/verdict.ts";
import { ADAPTERS } from "../../adapters/index.ts";
import { assumedLimits } from "../../src/limits/assumed.ts";
import type { Limits } from "../../src/limits/limits.ts";
import { compileConfiguration, type World } from "../../src/policy/compile.ts";
import { printDiagnostic } from "../../src/policy/diagnostic.ts";
import { loadFiles } from "../../src/policy/load.ts";
import type { Snapshot } from "../../src/policy/snapshot.ts";
import type { Backends } from "../../src/runtime/backends.ts";
import { CheckRequest } from "../../src/wire/envoy/service/auth/v3/external_auth.ts";

/** A file without its first line: as YAML, or as the value that its YAML has. */
export type File = string | Readonly<Record<string, unknown>>;

/** A request as a test describes it; what is left out is a plain GET of `/` on a.example.com. */
export interface Asked {
  readonly method?: string;
  readonly host?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Header lines as Envoy's `encode_raw_headers` sends them, in place of `headers`. */
  readonly lines?: readonly (readonly [name: string, value: string | Buffer])[];
  /** The SPIFFE id of the peer. */
  readonly source?: string;
  readonly destination?: string;
  readonly extensions?: Readonly<Record<string, string>>;
  /** What Envoy's network filter asks about: there is a peer with an address, and no request. */
  readonly kind?: "connection";
  /** The address of the peer. */
  readonly address?: string;
}

/** The message that Envoy would send. */
export function checkRequest(asked: Asked): Buffer {
  const { method = "GET", host = "a.example.com", path = "/", headers = {}, lines } = asked;
  const headerMap = lines && {
    headers: lines.map(([key, value]) => ({
      key,
      value: typeof value === "string" ? value : "",
      rawValue: typeof value === "string" ? Buffer.alloc(0) : value,
    })),
  };
  const http = { method, host, path, headers: new Map(Object.entries(headers)), headerMap, size: -1n };
  const isAddressed = asked.address !== undefined || asked.kind === "connection";
  const message = CheckRequest.fromPartial({
    attributes: {
      source: {
        principal: asked.source ?? "",
        ...(isAddressed && { address: { socketAddress: { address: asked.address ?? "10.0.0.1" } } }),
      },
      destination: { principal: asked.destination ?? "" },
      ...(asked.kind === "connection" ? {} : { request: { http } }),
      contextExtensions: new Map(Object.entries(asked.extensions ?? {})),
    },
  });
  return Buffer.from(CheckRequest.encode(message).finish());
}

/** The snapshot of files that have no error; fails the test where one has. */
export function snapshotOf(...files: readonly File[]): Snapshot {
  const loaded = loadFiles(files.map((file, index) => ({ path: `${index}.yaml`, text: textOf(file) })));
  const { snapshot, diagnostics } = compileConfiguration(loaded, "test", worldOf());
  return snapshot ?? assert.fail(diagnostics.map(printDiagnostic).join("\n"));
}

/** Text may be indented as the test is. */
export function textOf(file: File): string {
  if (typeof file !== "string")
    return stringify({ weir: 1, ...file }, { lineWidth: 0, aliasDuplicateObjects: false });
  const indent = /^ */.exec(file.replace(/^\n/, ""))?.[0] ?? "";
  return `weir: 1\n${file.replace(/^\n/, "").replaceAll(new RegExp(`^${indent}`, "gm"), "")}`;
}

/** What configurations of tests are compiled for. */
export const worldOf = (more: Partial<World> = {}): World => ({
  adapters: ADAPTERS,
  nowMs: Date.now(),
  stance: "enforce",
  ...more,
});

/** Back-ends that a test has no use for. */
export const NO_BACKENDS: Backends = {
  find: () => assert.fail("a verifier was asked"),
  ask: () => assert.fail("a handler was asked"),
};

/** Limits that have room for everything. */
export const NO_LIMITS: Limits = assumedLimits(() => undefined);

/** The verdict on a request that nobody is asked about. `metadata` stands in place of what the message says. */
export function verdictOn(snapshot: Snapshot, asked: Asked, metadata?: CheckFacts["metadata"]): Verdict {
  const facts = checkFacts(checkRequest(asked));
  const { request, source, destination, serverName, proxy } = facts;
  const all: CheckFacts = {
    request,
    source,
    destination,
    serverName,
    proxy,
    contextExtensions: () => facts.contextExtensions(),
    metadata: metadata ?? (() => facts.metadata()),
  };
  const decision = decide({
    snapshot,
    attributes: new Attributes(all, snapshot.settings),
    backends: NO_BACKENDS,
    limits: NO_LIMITS,
    nowMs: Date.now(),
    askUntilMs: Infinity,
  });
  if (decision instanceof Promise) return assert.fail("somebody was waited for");
  return decision.verdict;
}

/** A verdict in one line: `allow a/one`, `deny a/one 403`, `error a/one`. */
export function inShort(verdict: Verdict): string {
  const by = verdict.by.policy === "" ? verdict.by.rule : `${verdict.by.policy}/${verdict.by.rule}`;
  return verdict.kind === "deny" ? `deny ${by} ${verdict.status}` : `${verdict.kind} ${by}`;
}
