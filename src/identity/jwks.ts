import type { Fetch } from "../adapter/host.ts";
import { counted } from "../std/counted.ts";
import { readKeySet, type KeySet, type VerificationKey, type WantedKey } from "./key-set.ts";
import type { VerifierStatus } from "./verifier.ts";

/** Where the keys of an issuer come from. */
export type KeysFrom =
  | {
      readonly kind: "url";
      readonly url: string;
      /** From one good reading to the next. Default 5 minutes. */
      readonly refreshMs?: number;
      /** How long the last good keys are used when nothing better can be had. Default 24 hours. */
      readonly maxStaleMs?: number;
      /** The least time from one reading to the next that an unknown key id asks for. Default 10 seconds. */
      readonly cooldownMs?: number;
    }
  /** The JWKS itself, of the policy file or of a file that it names. */
  | { readonly kind: "keys"; readonly jwks: unknown };

export interface KeyWorld {
  readonly fetch: Fetch;
  /** Milliseconds that never step back; default the process's own. */
  readonly elapsedMs?: () => number;
  /** From 0 to 1, for spreading retries; default Math.random. */
  readonly random?: () => number;
}

export type KeyAnswer =
  | { readonly kind: "key"; readonly key: VerificationKey; readonly set: KeySet }
  /** The keys are there, and none is the wanted one. */
  | { readonly kind: "unknown" }
  | { readonly kind: "unavailable"; readonly reason: string };

/** The keys of one issuer, as they are now. */
export interface KeySource {
  /** Undefined while none were ever read, or when they are too old. */
  current(): KeySet | undefined;
  /** Without a promise where the key is at hand. Never throws or rejects. */
  find(wanted: WantedKey): KeyAnswer | Promise<KeyAnswer>;
  status(): VerifierStatus;
  start(): void;
  close(): void;
}

/** Makes the source of an issuer's keys; nothing is fetched before `start`, or before a token asks. */
export const keySource = (from: KeysFrom, algorithms: readonly string[], world: KeyWorld): KeySource =>
  from.kind === "url" ? new FetchedKeys(from, algorithms, world) : givenKeys(from.jwks, algorithms);

/** What is wrong with a JWKS that stands in the configuration, as a sentence, or undefined. */
export function jwksProblem(jwks: unknown, algorithms: readonly string[]): string | undefined {
  const read = readKeySet(jwks, { algorithms, source: "keys" });
  return typeof read === "string" ? read : undefined;
}

function givenKeys(jwks: unknown, algorithms: readonly string[]): KeySource {
  const read = readKeySet(jwks, { algorithms, source: "keys" });
  const nothing = (): void => undefined;
  if (typeof read === "string") {
    return {
      current: () => undefined,
      find: () => ({ kind: "unavailable", reason: `the keys are of no use: ${read}` }),
      status: () => ({ state: "failing", detail: read }),
      start: nothing,
      close: nothing,
    };
  }
  return {
    current: () => read,
    find: (wanted) => answerFrom(read, wanted),
    status: () => ({ state: "ready", detail: counted(read.ids.size, "key") }),
    start: nothing,
    close: nothing,
  };
}

function answerFrom(set: KeySet, wanted: WantedKey): KeyAnswer {
  const key = set.find(wanted);
  return key === undefined ? { kind: "unknown" } : { kind: "key", key, set };
}

const DEFAULT_REFRESH_MS = 300_000;
const DEFAULT_MAX_STALE_MS = 86_400_000;
const DEFAULT_COOLDOWN_MS = 10_000;
const FETCH_TIMEOUT_MS = 3_000;
const MAX_BYTES = 1_048_576;
/** The first wait after a failure; each further one doubles it, up to the usual time between readings. */
const FIRST_RETRY_MS = 1_000;

class FetchedKeys implements KeySource {
  readonly #url: string;
  readonly #refreshMs: number;
  readonly #maxStaleMs: number;
  readonly #cooldownMs: number;
  readonly #algorithms: readonly string[];
  readonly #fetch: Fetch;
  readonly #elapsedMs: () => number;
  readonly #random: () => number;
  readonly #stop = new AbortController();

  #set: KeySet | undefined;
  #readAtMs = 0;
  /** Of the last attempt, or undefined where it was good. */
  #failure: string | undefined;
  #failures = 0;
  /** When the last attempt ended. */
  #triedAtMs = -Infinity;
  #underWay: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: KeysFrom & { kind: "url" }, algorithms: readonly string[], world: KeyWorld) {
    this.#url = from.url;
    this.#refreshMs = from.refreshMs ?? DEFAULT_REFRESH_MS;
    this.#maxStaleMs = from.maxStaleMs ?? DEFAULT_MAX_STALE_MS;
    this.#cooldownMs = from.cooldownMs ?? DEFAULT_COOLDOWN_MS;
    this.#algorithms = algorithms;
    this.#fetch = world.fetch;
    this.#elapsedMs = world.elapsedMs ?? (() => performance.now());
    this.#random = world.random ?? Math.random;
  }

  start(): void {
    // The attempt records how it ended.
    if (this.#triedAtMs === -Infinity) void this.#refresh();
  }

  close(): void {
    this.#stop.abort();
    clearTimeout(this.#timer);
  }

  current(): KeySet | undefined {
    return this.#elapsedMs() - this.#readAtMs > this.#maxStaleMs ? undefined : this.#set;
  }

  find(wanted: WantedKey): KeyAnswer | Promise<KeyAnswer> {
    const answer = this.#answer(wanted);
    if (answer.kind === "key") return answer;
    const refresh = this.#underWay ?? (this.#isCool() ? this.#refresh() : undefined);
    return refresh === undefined ? answer : refresh.then(() => this.#answer(wanted));
  }

  status(): VerifierStatus {
    const from = placeOf(this.#url);
    const set = this.current();
    const ageS = Math.round((this.#elapsedMs() - this.#readAtMs) / 1000);
    if (set !== undefined) {
      const detail = `${counted(set.ids.size, "key")} of ${from}, read ${ageS} s ago`;
      if (this.#failure === undefined) return { state: "ready", detail };
      return { state: "stale", detail: `${detail}; since then: ${this.#failure}` };
    }
    if (this.#failure === undefined) return { state: "starting", detail: `no keys of ${from} yet` };
    const older =
      this.#set === undefined ? "" : `; the last good ones were read ${ageS} s ago, which is too old`;
    return { state: "failing", detail: `no keys of ${from}: ${this.#failure}${older}` };
  }

  #answer(wanted: WantedKey): KeyAnswer {
    const set = this.current();
    if (set !== undefined) return answerFrom(set, wanted);
    const reason =
      this.#set === undefined ? "the issuer's keys were never read" : "the issuer's keys are too old";
    return { kind: "unavailable", reason };
  }

  /** However many tokens ask for a key that is not there, the issuer is asked once a while. */
  #isCool(): boolean {
    return this.#elapsedMs() - this.#triedAtMs >= this.#cooldownMs && !this.#stop.signal.aborted;
  }

  /** One attempt at a time. Never rejects. */
  #refresh(): Promise<void> {
    this.#underWay ??= this.#attempt().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #attempt(): Promise<void> {
    clearTimeout(this.#timer);
    const read = await this.#read().catch((error: unknown) =>
      error instanceof Error ? error.message : "it could not be fetched",
    );
    this.#triedAtMs = this.#elapsedMs();
    if (typeof read === "string") {
      this.#failure = read;
      this.#failures++;
    } else {
      this.#set = read;
      this.#readAtMs = this.#triedAtMs;
      this.#failure = undefined;
      this.#failures = 0;
    }
    if (this.#stop.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#refresh(), this.#waitMs());
    this.#timer.unref();
  }

  /** Spread, so that replicas that started together do not ask together. */
  #waitMs(): number {
    const backOffMs = FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 20);
    const waitMs = this.#failures === 0 ? this.#refreshMs : Math.min(this.#refreshMs, backOffMs);
    return waitMs * (0.75 + this.#random() / 4);
  }

  async #read(): Promise<KeySet | string> {
    const { status, body } = await this.#fetch({
      url: this.#url,
      headers: { accept: "application/jwk-set+json, application/json" },
      maxBytes: MAX_BYTES,
      timeoutMs: FETCH_TIMEOUT_MS,
      signal: this.#stop.signal,
    });
    if (status !== 200) return `it answered ${status}`;
    if (body.length > MAX_BYTES) return `it is larger than ${MAX_BYTES} bytes`;
    const jwks = parsed(body.toString("utf8"));
    return readKeySet(jwks, { algorithms: this.#algorithms, source: "url" });
  }
}

/** Undefined where it is not JSON, which is no JWKS either. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Without query and password, which may be secrets. */
function placeOf(url: string): string {
  const parsedUrl = URL.parse(url);
  return parsedUrl === null ? "its URL" : `${parsedUrl.origin}${parsedUrl.pathname}`;
}
