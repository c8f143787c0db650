import { ValueFault } from "../std/fault.ts";
import { readJson } from "../std/json.ts";
import type { BodyFacts, RequestFacts } from "./facts.ts";

/** A body longer than this is not read as JSON. */
const MAX_JSON_BYTES = 1024 * 1024;
const JSON_LIMITS = { maxBytes: MAX_JSON_BYTES, maxDepth: 64, maxValues: 100_000 };

const NOT_WHOLE = new ValueFault("request");
const NOT_JSON = new ValueFault("request");
const TOO_LARGE = new ValueFault("budget");

/** The header that Envoy writes into a check itself whenever it sends a body; it drops what a client wrote there. */
export const PARTIAL_BODY_HEADER = "x-envoy-auth-partial-body";

/**
 * What of a body came with a check, by `x-envoy-auth-partial-body` (`marker`): `false` where it is whole, `true` where it
 * was cut, none where Envoy sent no body. Without it the absence of bytes proves nothing (Envoy removes
 * Transfer-Encoding, and HTTP/2 needs no length), so they must be as many as the request's own Content-Length says
 * (`declaredBytes`; undefined where it is not known, as in HTTP mode, whose Content-Length is that of the question).
 * Measured on Envoy 1.40, see test/e2e/body.test.ts.
 */
export function bodyFacts(
  bytes: Uint8Array,
  marker: string | undefined,
  declaredBytes: bigint | undefined,
): BodyFacts {
  switch (marker) {
    case "false":
      return { kind: "whole", bytes };
    case undefined:
      return declaredBytes === BigInt(bytes.length) ? { kind: "whole", bytes } : { kind: "unseen" };
    default:
      return { kind: "cut" };
  }
}

/** What Content-Length says; undefined where it says nothing, or no number. */
export function contentLength(headers: ReadonlyMap<string, string>): bigint | undefined {
  const text = headers.get("content-length");
  return text !== undefined && /^\d{1,18}$/.test(text) ? BigInt(text) : undefined;
}

/** `request.body` and `request.json`, each decoded once however many policies read it. */
export class RequestBody {
  readonly #facts: RequestFacts;
  #body: BodyFacts | undefined;
  #json: { readonly value: unknown } | ValueFault | undefined;

  constructor(facts: RequestFacts) {
    this.#facts = facts;
  }

  /** Throws ValueFault where the body is not known whole: a part must not pass for it, nor nothing. */
  get bytes(): Uint8Array {
    this.#body ??= this.#facts.body();
    if (this.#body.kind !== "whole") throw NOT_WHOLE;
    return this.#body.bytes;
  }

  /** The value that the body stands for, whatever its type is said to be. Throws ValueFault. */
  get json(): unknown {
    this.#json ??= jsonOf(this.bytes);
    if (this.#json instanceof ValueFault) throw this.#json;
    return this.#json.value;
  }
}

function jsonOf(bytes: Uint8Array): { readonly value: unknown } | ValueFault {
  const read = readJson(bytes, JSON_LIMITS);
  switch (read.kind) {
    case "value":
      return read;
    case "malformed":
      return NOT_JSON;
    case "too-large":
      return TOO_LARGE;
  }
}
