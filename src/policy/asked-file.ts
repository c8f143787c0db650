import type { Diagnostic } from "./diagnostic.ts";
import { momentMs } from "./fields.ts";
import { mapping } from "./fields-of-collections.ts";
import { readDescribed } from "./schema.ts";
import { STUBS, type Stubs } from "./stubs-file.ts";
import { PRINCIPAL, REQUEST, type DescribedRequest, type Principal } from "./tests-file.ts";

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
  const example = '{"request": {"host": "orders.example.com", "path": "/orders/1"}}';
  return readDescribed({ path, content: text }, ASKED, example);
}
