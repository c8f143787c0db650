import type { HostLog, SecretSource, Stop } from "../adapter/host.ts";
import { repeat } from "./repeat.ts";
import type { Secrets } from "./secrets.ts";

/** How often secrets are read again: who changes one waits no longer than this. */
const EVERY_MS = 1_000;

export interface KeptSecretsOptions {
  readonly secret: Secrets;
  readonly log: HostLog;
  /** What they are, for the log: `the pepper of API keys`. */
  readonly what: string;
}

/**
 * Secrets at hand, for what cannot wait for a file. While one of them cannot be read there are none; nothing else stops, and the log says so once.
 */
export class KeptSecrets {
  readonly #options: KeptSecretsOptions;
  #values: readonly string[] = [];
  #stop: Stop | undefined;

  constructor(options: KeptSecretsOptions) {
    this.#options = options;
  }

  get values(): readonly string[] {
    return this.#values;
  }

  /** Reads other sources from now on. */
  async follow(sources: readonly SecretSource[]): Promise<void> {
    this.close();
    if (sources.length === 0) {
      this.#values = [];
      return;
    }
    const read = async (): Promise<void> => {
      this.#values = await Promise.all(sources.map((source) => this.#options.secret(source)));
    };
    const lose = (error: unknown): void => {
      if (this.#values.length > 0) this.#warn(error);
      this.#values = [];
    };
    try {
      await read();
    } catch (error) {
      this.#warn(error);
      this.#values = [];
    }
    this.#stop = repeat(EVERY_MS, read, lose);
  }

  /** Safe twice. */
  close(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #warn(error: unknown): void {
    this.#options.log.warn({ reason: String(error) }, `${this.#options.what} cannot be read`);
  }
}
