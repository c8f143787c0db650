import assert from "node:assert/strict";
import { stringify } from "yaml";
import { Attributes } from "../../src/attributes/attributes.ts";
import type { CheckFacts } from "../../src/attributes/facts.ts";
import { checkFacts } from "../../src/check/attributes.ts";
import { decide } from "../../src/check/decide.ts";
import type { Verdict } from "../../src/check/verdict.ts";
import { compileConfiguration } from "../../src/policy/compile.ts";
import { printDiagnostic } from "../../src/policy/diagnostic.ts";
import { loadFiles } from "../../src/policy/load.ts";
import type { Snapshot } from "../../src/policy/snapshot.ts";
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
  const message = CheckRequest.fromPartial({
    attributes: {
      source: { principal: asked.source ?? "" },
      destination: { principal: asked.destination ?? "" },
      request: { http },
      contextExtensions: new Map(Object.entries(asked.extensions ?? {})),
    },
  });
  return Buffer.from(CheckRequest.encode(message).finish());
}

/** The snapshot of files that have no error; fails the test where one has. */
export function snapshotOf(...files: readonly File[]): Snapshot {
  const loaded = loadFiles(files.map((file, index) => ({ path: `${index}.yaml`, text: textOf(file) })));
  const { snapshot, diagnostics } = compileConfiguration(loaded, "test");
  return snapshot ?? assert.fail(diagnostics.map(printDiagnostic).join("\n"));
}

/** Text may be indented as the test is. */
export function textOf(file: File): string {
  if (typeof file !== "string")
    return stringify({ weir: 1, ...file }, { lineWidth: 0, aliasDuplicateObjects: false });
  const indent = /^ */.exec(file.replace(/^\n/, ""))?.[0] ?? "";
  return `weir: 1\n${file.replace(/^\n/, "").replaceAll(new RegExp(`^${indent}`, "gm"), "")}`;
}

/** The verdict on a request. `metadata` stands in place of what the message says. */
export function verdictOn(snapshot: Snapshot, asked: Asked, metadata?: CheckFacts["metadata"]): Verdict {
  const facts = checkFacts(checkRequest(asked));
  const { request, source, destination } = facts;
  const contextExtensions = () => facts.contextExtensions();
  const all = {
    request,
    source,
    destination,
    contextExtensions,
    metadata: metadata ?? (() => facts.metadata()),
  };
  return decide(snapshot, new Attributes(all, snapshot.settings)).verdict;
}

/** A verdict in one line: `allow a/one`, `deny a/one 403`, `error a/one`. */
export function inShort(verdict: Verdict): string {
  const by = verdict.by.policy === "" ? verdict.by.rule : `${verdict.by.policy}/${verdict.by.rule}`;
  return verdict.kind === "deny" ? `deny ${by} ${verdict.status}` : `${verdict.kind} ${by}`;
}
