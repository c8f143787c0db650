import { createDocument } from "./document.ts";
import { problem, type Diagnostic } from "./diagnostic.ts";
import { momentMs } from "./fields.ts";
import { mapping } from "./fields-of-collections.ts";
import { parseWith } from "./schema.ts";
import { STUBS, type Stubs } from "./stubs-file.ts";
import { PRINCIPAL, REQUEST, type DescribedRequest, type Principal } from "./tests-file.ts";
import { readYaml } from "./yaml.ts";

/** What `weir explain` is asked about: one request, in the words of a file of tests. */
export interface Asked {
  readonly request: DescribedRequest;
  readonly principal: Principal;
  /** What handlers answer. */
  readonly backends: Stubs;
  /** What the clock says, in milliseconds since 1970; undefined: the clock. */
  readonly nowMs: number | undefined;
}

const ASKED = mapping({
  request: REQUEST,
  as: PRINCIPAL.optional(),
  backends: STUBS.optional(),
  now: momentMs().optional(),
}).transform(({ request, as, backends, now }): Asked => ({
  request,
  principal: as ?? NOBODY,
  backends: backends ?? new Map(),
  nowMs: now,
}));

/** Who has nothing but what the request itself carries. */
const NOBODY: Principal = { kind: "credentials", spiffe: undefined, headers: new Map() };

/** Reads such a request, in YAML or JSON, or says what is wrong with it. Never throws. */
export function readAsked(path: string, text: string | Uint8Array): Asked | readonly Diagnostic[] {
  const { source, root, diagnostics } = readYaml(path, text);
  if (diagnostics.length > 0) return diagnostics;
  if (root === undefined) {
    const hint = 'such as {"request": {"host": "orders.example.com", "path": "/orders/1"}}';
    return [problem(source.place({ start: 0, end: 1 }), "missing-key", "there is nothing in it", hint)];
  }
  const { value, isWhole, diagnostics: found } = parseWith(createDocument(source, "tests", root), ASKED);
  return value !== undefined && isWhole ? value : found;
}
