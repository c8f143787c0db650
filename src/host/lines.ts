import type { LineTarget } from "../adapter/host.ts";

export interface LinesOptions {
  readonly target: LineTarget;
  /** Of lines that wait to be written. One that would be more is dropped. */
  readonly maxBytes: number;
  /** Told of every line, with what became of it. */
  readonly onLine: (result: LineResult) => void;
  /** Told why lines could not be written, once until one is written again. */
  readonly onError: (error: unknown) => void;
}

/** `full`: too many were waiting. `failed`: the target did not take it. */
export type LineResult = "written" | "full" | "failed";

/** Nothing that is written at once is larger, so that a rotation comes near its bound. */
const MAX_BATCH_BYTES = 256 * 1024;

interface Waiting {
  readonly line: Buffer;
  readonly tell: ((result: LineResult) => void) | undefined;
}

/** Writes lines in their order and in nobody's way: they wait in a bounded queue, one write at a time. */
export class Lines {
  readonly #options: LinesOptions;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #writing: Promise<void> | undefined;
  #isFailing = false;

  constructor(options: LinesOptions) {
    this.#options = options;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A line without its end. `tell` is called once with what became of it. */
  add(text: string, tell?: (result: LineResult) => void): void {
    const line = Buffer.from(`${text}\n`, "utf8");
    if (this.#bytes + line.length > this.#options.maxBytes) {
      this.#told({ line, tell }, "full");
      return;
    }
    this.#bytes += line.length;
    this.#waiting.push({ line, tell });
    // Owned: it ends when nothing waits, and rejects never.
    this.#writing ??= this.#write();
  }

  /** Writes what waits, for `patienceMs` at most, and closes the target; what is left then is dropped. Safe twice. */
  async close(patienceMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const impatient = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patienceMs);
    });
    const written = (this.#writing ?? Promise.resolve()).then(() => this.#options.target.close());
    await Promise.race([written, impatient]);
    clearTimeout(timer);
    for (const one of this.#waiting.splice(0)) this.#told(one, "failed");
    this.#bytes = 0;
  }

  async #write(): Promise<void> {
    // What comes in the same turn goes out together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#batch();
      const result = await this.#append(Buffer.concat(batch.map(({ line }) => line)));
      for (const one of batch) {
        this.#bytes = Math.max(0, this.#bytes - one.line.length);
        this.#told(one, result);
      }
    }
    this.#writing = undefined;
  }

  #batch(): readonly Waiting[] {
    let bytes = 0;
    const end = this.#waiting.findIndex(({ line }) => (bytes += line.length) > MAX_BATCH_BYTES);
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : Math.max(1, end));
  }

  async #append(bytes: Buffer): Promise<LineResult> {
    try {
      await this.#options.target.append(bytes);
      this.#isFailing = false;
      return "written";
    } catch (error) {
      if (!this.#isFailing) this.#options.onError(error);
      this.#isFailing = true;
      return "failed";
    }
  }

  #told({ tell }: Waiting, result: LineResult): void {
    this.#options.onLine(result);
    tell?.(result);
  }
}
