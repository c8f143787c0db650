import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Fetch, HostLog, HostMetrics } from "../adapter/host.ts";
import { createEngine } from "../cel/environment.ts";
import { createOutbound, type FetchRecord, type Outbound } from "../host/fetch.ts";
import { personalDigest } from "../host/digest.ts";
import { createHost } from "../host/host.ts";
import { openFile, openStandardOutput } from "../host/line-targets.ts";
import { KeptSecrets } from "../host/kept-secrets.ts";
import { Lines, type LinesOptions } from "../host/lines.ts";
import { createSecrets, type Secrets } from "../host/secrets.ts";
import { signer, type Signer } from "../host/signer.ts";
import { Spools } from "../host/spools.ts";
import { floodGuards } from "../identity/flood.ts";
import type { WrittenTarget } from "../policy/decisions-file.ts";
import { problem, type Diagnostic } from "../policy/diagnostic.ts";
import { LentCompiler } from "../policy/lent-compiler.ts";
import type { Settings } from "../policy/settings.ts";
import { FollowedStore, type StoreEvents } from "./store.ts";
import type { HandlerWorld } from "./handlers.ts";
import type { VerifierWorld } from "./verifiers.ts";

export interface OutsideOptions {
  readonly log: HostLog;
  /** The log of one handler. */
  readonly logOf: (handler: string) => HostLog;
  readonly metricsOf: (adapter: string, handler: string) => HostMetrics;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onFetch: (record: FetchRecord) => void;
  readonly onAnswer: HandlerWorld["observe"];
  readonly metrics: HandlerWorld["metrics"];
  readonly onLine: LinesOptions["onLine"];
  readonly store: StoreEvents;
}

/**
 * What weir has of the world around it: the client for its own requests, secrets, and what slows floods. It outlives
 * configurations, and follows their settings.
 */
export class Outside {
  readonly secret: Secrets;
  readonly verifiers: VerifierWorld;
  readonly handlers: HandlerWorld;
  /** Where counters are kept. */
  readonly store: FollowedStore;
  readonly #options: OutsideOptions;
  readonly #fetch: Fetch = (request) => {
    if (this.#outbound === undefined) return Promise.reject(new Error("no configuration is live yet"));
    return this.#outbound.client.fetch(request);
  };
  #outbound: { readonly settings: Settings["outbound"]; readonly client: Outbound } | undefined;
  #lines: { readonly to: WrittenTarget; readonly lines: Lines } | undefined;
  readonly #spools = new Spools();
  readonly #compiler = new LentCompiler(createEngine());
  readonly #pepper: KeptSecrets;
  readonly #mac: KeptSecrets;
  /** Stands for values of persons, the same on all replicas that have one pepper. */
  readonly digest = personalDigest(() => this.#pepper.values[0]);
  /** Signs what weir tells itself by way of others, the same on all replicas that have one key. */
  readonly signer: Signer = signer(() => this.#mac.values);

  constructor(options: OutsideOptions) {
    this.#options = options;
    const { environment, nowMs, logOf, metricsOf, onAnswer } = options;
    this.secret = createSecrets({ environment, nowMs });
    const kept = { secret: this.secret, log: options.log };
    this.#pepper = new KeptSecrets({ ...kept, what: "the pepper of API keys" });
    this.#mac = new KeptSecrets({ ...kept, what: "the key that signs what is told by way of others" });
    this.store = new FollowedStore({ nowMs, secret: this.secret, ...options.store });
    this.verifiers = { fetch: this.#fetch, flood: floodGuards(), pepper: () => this.#pepper.values[0] };
    this.handlers = {
      nowMs,
      observe: onAnswer,
      metrics: options.metrics,
      hostFor: ({ name, adapter, folder }) =>
        createHost({
          log: logOf(name),
          nowMs,
          fetch: this.#fetch,
          secret: this.secret,
          metrics: metricsOf(adapter.id, name),
          spools: this.#spools,
          compiler: this.#compiler,
          folder,
        }),
    };
  }

  /** Takes over what a new configuration says; where a file of it cannot be read, says so and changes nothing. */
  async follow({ folder, outbound, decisions, secrets, store }: Settings): Promise<readonly Diagnostic[]> {
    const unreadable = (key: string, error: unknown): readonly Diagnostic[] => {
      const place = { file: join(folder, "weir.yaml"), line: 1, column: 1, length: 1, source: "" };
      const message = `${key}: ${error instanceof Error ? error.message : String(error)}`;
      return [problem(place, "unreadable-file", message)];
    };
    try {
      await this.#followOutbound(outbound);
    } catch (error) {
      return unreadable("outbound", error);
    }
    try {
      await this.#followLines(decisions?.to);
    } catch (error) {
      return unreadable("decisions", error);
    }
    await this.#pepper.follow(secrets.pepper === undefined ? [] : [secrets.pepper]);
    await this.#mac.follow(secrets.mac);
    await this.store.follow(store);
    return [];
  }

  /** Where decisions are written; undefined: nowhere. */
  lines(): Lines | undefined {
    return this.#lines?.lines;
  }

  /** Ends all requests. Safe twice. */
  async close(): Promise<void> {
    this.#pepper.close();
    this.#mac.close();
    await Promise.all([
      this.store.close(),
      this.#outbound?.client.close(),
      this.#lines?.lines.close(LINES_PATIENCE_MS),
    ]);
  }

  /** The new target is open before the old one is left; what waits for that is still written. */
  async #followLines(to: WrittenTarget | undefined): Promise<void> {
    const before = this.#lines;
    if (isDeepStrictEqual(to, before?.to)) return;
    this.#lines = to && { to, lines: await this.#openLines(to) };
    await before?.lines.close(LINES_PATIENCE_MS);
  }

  async #openLines(to: WrittenTarget): Promise<Lines> {
    const { log, onLine } = this.#options;
    return new Lines({
      target: to.kind === "stdout" ? openStandardOutput() : await openFile(to),
      maxBytes: MAX_WAITING_BYTES,
      onLine,
      onError: (error) => log.warn({ reason: String(error) }, "decisions cannot be written, and are lost"),
    });
  }

  async #followOutbound(settings: Settings["outbound"]): Promise<void> {
    if (this.#outbound !== undefined && isDeepStrictEqual(settings, this.#outbound.settings)) return;
    const { log, onFetch } = this.#options;
    const client = createOutbound({ settings, log, onFetch });
    await client.start();
    const before = this.#outbound;
    this.#outbound = { settings, client };
    await before?.client.close();
  }
}

/** Of lines that wait to be written; a record has less than a kilobyte. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** For whoever reads standard output, when weir ends or writes elsewhere. */
const LINES_PATIENCE_MS = 2_000;
