import type { Signer } from "../host/signer.ts";
import { ONCE_HEADER } from "../policy/once-header.ts";
import type { Question } from "./question.ts";
import type { Verdict } from "./verdict.ts";

/** What was charged: an ask or a quota, and what it was asked or counted by. */
export interface OnceItem {
  readonly kind: "ask" | "quota";
  readonly policy: string;
  readonly id: string;
  readonly detail: string;
}

/** A request is not on its way for longer, from the one hop to the next. */
const VALID_MS = 10_000;
/** Each takes 44 bytes of the header. */
const MAX_ITEMS = 16;
const MAX_ID_LENGTH = 128;

/**
 * What is charged once a request, although two hops ask: a gateway signs what it was charged, in a header, and a sidecar that has proved its
 * name is not charged again. The header says only that, and never that something may pass. Each signature is over the request's own id,
 * method, host, path and what was charged, and over the time at which it ends, so that it is good for nothing else.
 */
export class Once {
  readonly #question: Question;
  readonly #signer: Signer;
  readonly #bound: readonly string[];
  readonly #role: "tells" | "is told" | "neither";
  readonly #told: Told | undefined;
  readonly #charged: OnceItem[] = [];

  private constructor(question: Question, signer: Signer, bound: readonly string[]) {
    const { attributes } = question;
    this.#question = question;
    this.#signer = signer;
    this.#bound = bound;
    const { role, principal } = attributes.proxy;
    this.#role = role === "gateway" ? "tells" : principal === undefined ? "neither" : "is told";
    this.#told = this.#role === "is told" ? toldIn(question) : undefined;
  }

  /** Undefined where nothing is charged once, or the request has nothing that it could be told by. */
  static of(question: Question): Once | undefined {
    const { snapshot, signer, attributes } = question;
    if (snapshot.once === "unused" || signer === undefined || attributes.kind !== "http") return undefined;
    const { headers, method, host, path } = attributes.request;
    const id = headers.get("x-request-id") ?? "";
    if (id === "" || id.length > MAX_ID_LENGTH || host === undefined) return undefined;
    return new Once(question, signer, [id, method, host, path]);
  }

  /** Whether an earlier hop was charged for it. */
  wasCharged(item: OnceItem): boolean {
    if (this.#told === undefined) return false;
    const { untilMs, signatures } = this.#told;
    const text = this.#text(item, untilMs);
    return signatures.some((signature) => this.#signer.isSigned(text, signature));
  }

  /** Notes what this hop was charged for. */
  note(item: OnceItem): void {
    this.#charged.push(item);
  }

  /** The value for the next hop; undefined where there is nothing to tell, or nobody who may. */
  header(): string | undefined {
    if (this.#role !== "tells" || this.#charged.length === 0) return undefined;
    const untilMs = Math.floor(this.#question.nowMs) + VALID_MS;
    const signed = this.#charged
      .slice(0, MAX_ITEMS)
      .flatMap((item) => this.#signer.sign(this.#text(item, untilMs)) ?? []);
    return signed.length === 0 ? undefined : [untilMs, ...signed].join(".");
  }

  /** The purpose stands in front: under the same key, weir signs other things. */
  #text({ kind, policy, id, detail }: OnceItem, untilMs: number): string {
    return JSON.stringify(["weir once", untilMs, ...this.#bound, kind, policy, id, detail]);
  }
}

interface Told {
  readonly untilMs: number;
  readonly signatures: readonly string[];
}

/** What the request has been told by; two headers are none. */
function toldIn({ attributes, nowMs }: Question): Told | undefined {
  const written = attributes.kind === "http" ? (attributes.request.headers.get(ONCE_HEADER) ?? "") : "";
  if (!/^\d{13}(?:\.[A-Za-z0-9_-]{43}){1,16}$/.test(written)) return undefined;
  const [until = "", ...signatures] = written.split(".");
  const untilMs = Number(until);
  // One that ends later than any that is signed now is of another clock, or of nobody's.
  return untilMs > nowMs && untilMs <= nowMs + 2 * VALID_MS ? { untilMs, signatures } : undefined;
}

/** What passes, with what the next hop is told; what came from outside, or for this hop, goes no further. */
export function telling(verdict: Verdict, question: Question, once: Once | undefined): Verdict {
  const { snapshot, attributes } = question;
  if (verdict.kind !== "allow" || snapshot.once === "unused" || attributes.kind !== "http") return verdict;
  const value = once?.header();
  if (value === undefined) return { ...verdict, requestRemove: [...verdict.requestRemove, ONCE_HEADER] };
  return { ...verdict, requestSet: [...verdict.requestSet, [ONCE_HEADER, value]] };
}
