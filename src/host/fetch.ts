import { X509Certificate } from "node:crypto";
import type { Dispatcher } from "undici";
import type { Fetch, FetchAnswer, FetchRequest, HostLog, Stop } from "../adapter/host.ts";
import { createAddressGuard, hostOf, type AddressGuard, type OutboundSettings } from "./address-guard.ts";
import { createDispatcher, resolveWithSystem, type Resolve } from "./connect.ts";
import { describeFailure, FetchFailure, shownUrl, type Failure, type FetchOutcome } from "./fetch-failure.ts";
import { readBounded, watchFile } from "./files.ts";
import { boundedLabel } from "../std/bounded-label.ts";

export interface OutboundOptions {
  readonly settings: OutboundSettings;
  readonly log: HostLog;
  /** Called once for each request, refused ones included. */
  readonly onFetch?: (record: FetchRecord) => void;
  /** The system's own where absent. */
  readonly resolve?: Resolve;
}

/** For metrics: `host` is one of at most a hundred names, or `other`. */
export interface FetchRecord {
  readonly host: string;
  readonly outcome: FetchOutcome;
  readonly seconds: number;
}

/** The one client that weir's own requests go through. */
export interface Outbound {
  readonly fetch: Fetch;
  /** Reads the file of authorities and watches it. Rejects when it cannot be read or holds no certificate. */
  start(): Promise<void>;
  /** Ends every request that is under way. Safe twice, and without a start. */
  close(): Promise<void>;
}

const MAX_IN_FLIGHT = 1_000;
const MAX_IN_FLIGHT_AN_ORIGIN = 250;
const MAX_HOST_LABELS = 100;
const MAX_CA_BYTES = 1_048_576;

/** Makes the client; it opens nothing before its first request. */
export const createOutbound = (options: OutboundOptions): Outbound => new Client(options);

class Client implements Outbound {
  readonly #options: OutboundOptions;
  readonly #guard: AddressGuard;
  readonly #hostLabel = boundedLabel(MAX_HOST_LABELS);
  readonly #inFlight = new InFlight();
  #dispatcher: Dispatcher | undefined;
  #unwatch: Stop | undefined;
  #isClosed = false;

  constructor(options: OutboundOptions) {
    this.#options = options;
    this.#guard = createAddressGuard(options.settings);
    if (options.settings.caFile === undefined) this.#dispatcher = this.#connections(undefined);
  }

  async start(): Promise<void> {
    const { caFile } = this.#options.settings;
    if (caFile === undefined || this.#unwatch !== undefined) return;
    const known = await readBounded(caFile, MAX_CA_BYTES);
    this.#dispatcher = this.#connections(certificatesIn(known, caFile));
    if (this.#isClosed) return this.#end(this.#dispatcher);
    this.#unwatch = watchFile({
      path: caFile,
      maxBytes: MAX_CA_BYTES,
      known,
      onChange: (content) => {
        const before = this.#dispatcher;
        this.#dispatcher = this.#connections(certificatesIn(content, caFile));
        this.#options.log.info({ file: caFile }, "outbound authorities read again");
        // What is under way ends by its own deadline.
        before?.close(() => undefined);
      },
      onError: (error) =>
        this.#options.log.warn(
          { file: caFile, reason: String(error) },
          "outbound authorities kept as they were",
        ),
    });
  }

  readonly fetch: Fetch = async (request) => {
    const startedAtMs = performance.now();
    const url = URL.parse(request.url);
    let outcome: FetchOutcome = "failed";
    try {
      if (url === null) throw new FetchFailure("refused", "an outbound request was refused: its URL is none");
      const answer = await this.#exchange(request, url);
      outcome = answer.status >= 500 ? "answered-5xx" : answer.status >= 400 ? "answered-4xx" : "answered";
      return answer;
    } catch (error) {
      if (error instanceof FetchFailure) outcome = error.outcome;
      throw error;
    } finally {
      const host = url === null || outcome === "refused" ? "other" : this.#hostLabel(hostOf(url));
      this.#options.onFetch?.({ host, outcome, seconds: (performance.now() - startedAtMs) / 1000 });
    }
  };

  async #exchange(request: FetchRequest, url: URL): Promise<FetchAnswer> {
    const what = `${request.method ?? "GET"} ${shownUrl(url)}`;
    const refusal =
      this.#guard.refuseUrl(url) ?? this.#refuseThroughProxy(url) ?? this.#refuseNow(url.origin);
    if (refusal !== undefined) throw new FetchFailure("refused", `${what} was refused: ${refusal}`);
    const ending = this.#endingOf(request);
    const asked = this.#ask(request, url, ending.controller.signal);
    this.#inFlight.begin(url.origin, ending.controller);
    // A connection that is being made outlives the deadline; until it ends the request holds its place.
    asked.catch(() => undefined).finally(() => this.#inFlight.end(url.origin, ending.controller));
    try {
      return await Promise.race([asked, ending.ended]);
    } catch (error) {
      const { outcome, why, sent } = wordsOf(ending.controller.signal.aborted ? ending.reason() : error, url);
      throw new FetchFailure(outcome, `${what} failed: ${why}`, sent);
    } finally {
      ending.release();
    }
  }

  #endingOf({ timeoutMs, signal }: FetchRequest): Ending {
    const controller = new AbortController();
    const { promise: ended, reject } = Promise.withResolvers<never>();
    // Whoever races with it hears of it; when nobody does any more, it is nothing.
    ended.catch(() => undefined);
    let reason: FetchFailure | undefined;
    const end = (outcome: FetchOutcome, why: string): void => {
      reason ??= new FetchFailure(outcome, why);
      controller.abort();
      reject(reason);
    };
    const timer = setTimeout(() => end("timeout", `no whole answer within ${timeoutMs} ms`), timeoutMs);
    const onAbort = (): void => end("aborted", "nobody waits for the answer any more");
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    const release = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    const reasonNow = (): FetchFailure => reason ?? new FetchFailure("aborted", CLOSED);
    return { controller, ended, reason: reasonNow, release };
  }

  /** The body is taken as it comes: nothing is decompressed, so that few bytes cannot become many. */
  async #ask(request: FetchRequest, url: URL, signal: AbortSignal): Promise<FetchAnswer> {
    if (this.#dispatcher === undefined)
      throw new FetchFailure("failed", "the outbound client is not started");
    signal.throwIfAborted();
    const { statusCode, headers, body } = await this.#dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: request.method ?? "GET",
      headers: { "user-agent": "weir", "accept-encoding": "identity", ...request.headers },
      body: request.body ?? null,
      signal,
    });
    const encoding = joined(headers["content-encoding"]);
    if (encoding !== "" && encoding.toLowerCase() !== "identity") {
      await body.dump({ limit: 0, signal }).catch(() => undefined);
      throw new FetchFailure("failed", "the answer is compressed, which was not asked for");
    }
    const parts: Buffer[] = [];
    let length = 0;
    for await (const part of body as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > request.maxBytes) {
        throw new FetchFailure("too-large", `the answer is longer than ${request.maxBytes} bytes`);
      }
      parts.push(part);
    }
    const lines = Object.entries(headers).map(([name, value]) => [name, joined(value)] as const);
    return { status: statusCode, headers: new Map(lines), body: Buffer.concat(parts, length) };
  }

  /** The proxy looks names up, so only the name that is the machine itself by definition can be told here. */
  #refuseThroughProxy(url: URL): string | undefined {
    const host = hostOf(url);
    if (this.#options.settings.proxy === undefined || !/(^|\.)localhost$/.test(host)) return undefined;
    return this.#guard.refuseAddress(host, "127.0.0.1");
  }

  #refuseNow(origin: string): string | undefined {
    return this.#isClosed ? CLOSED : this.#inFlight.refuse(origin);
  }

  #connections(authorities: string | undefined): Dispatcher {
    const { settings, resolve = resolveWithSystem } = this.#options;
    return createDispatcher({ guard: this.#guard, resolve, proxy: settings.proxy, authorities });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unwatch?.();
    this.#inFlight.abort();
    await this.#end(this.#dispatcher);
  }

  async #end(dispatcher: Dispatcher | undefined): Promise<void> {
    this.#dispatcher = undefined;
    await dispatcher?.destroy();
  }
}

const CLOSED = "the outbound client is closed";

/** How a request ends before its answer is there. */
interface Ending {
  readonly controller: AbortController;
  /** Rejects when the time is up or the caller goes. */
  readonly ended: Promise<never>;
  readonly reason: () => FetchFailure;
  readonly release: () => void;
}

/** The requests that are under way; one host that hangs does not take the places of all. */
class InFlight {
  readonly #controllers = new Set<AbortController>();
  readonly #counts = new Map<string, number>();

  refuse(origin: string): string | undefined {
    if (this.#controllers.size >= MAX_IN_FLIGHT) return `${MAX_IN_FLIGHT} requests are under way already`;
    const isFull = (this.#counts.get(origin) ?? 0) >= MAX_IN_FLIGHT_AN_ORIGIN;
    return isFull ? `${MAX_IN_FLIGHT_AN_ORIGIN} requests to it are under way already` : undefined;
  }

  begin(origin: string, controller: AbortController): void {
    this.#controllers.add(controller);
    this.#counts.set(origin, (this.#counts.get(origin) ?? 0) + 1);
  }

  end(origin: string, controller: AbortController): void {
    this.#controllers.delete(controller);
    const count = (this.#counts.get(origin) ?? 1) - 1;
    if (count === 0) this.#counts.delete(origin);
    else this.#counts.set(origin, count);
  }

  abort(): void {
    for (const controller of this.#controllers) controller.abort();
  }
}

const wordsOf = (error: unknown, url: URL): Failure =>
  error instanceof FetchFailure
    ? { outcome: error.outcome, why: error.message, sent: error.sent }
    : describeFailure(error, url);

const joined = (value: string | string[] | undefined): string =>
  Array.isArray(value) ? value.join(", ") : (value ?? "");

/** The PEM text, checked: a file without a certificate would be trusted silently for nothing. */
function certificatesIn(content: Buffer, path: string): string {
  const text = content.toString("latin1");
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new Error(`${path} holds no certificate in PEM`);
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch {
      throw new Error(`certificate ${index + 1} of ${path} cannot be read`);
    }
  }
  return blocks.join("\n");
}
