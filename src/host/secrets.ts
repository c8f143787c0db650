import { resolve } from "node:path";
import type { SecretSource } from "../adapter/host.ts";
import { fileMark, isCurrent, readBounded, type FileMark } from "./files.ts";

export interface SecretsOptions {
  /** The environment, as configuration loading read it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What relative paths start from; absent: the working directory. */
  readonly folder?: string;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
}

/** The present value of a secret field. Rejects with a sentence that names the source, never the value. */
export type Secrets = (source: SecretSource) => Promise<string>;

const MAX_BYTES = 65_536;
const LOOK_EVERY_MS = 1_000;
const MAX_KNOWN = 1_000;

interface Known {
  readonly value: string;
  readonly mark: FileMark;
  readonly readAtMs: number;
  readonly lookedAtMs: number;
}

/**
 * Secrets by file or environment variable, without the newline that editors put at their end. A file is looked at once a
 * second at most, and read again when it changed, a swapped link included.
 */
export function createSecrets({ environment, folder = ".", nowMs }: SecretsOptions): Secrets {
  const known = new Map<string, Known>();
  const fromFile = async (path: string): Promise<string> => {
    const now = nowMs();
    const last = known.get(path);
    if (last !== undefined && Math.abs(now - last.lookedAtMs) < LOOK_EVERY_MS) return last.value;
    const mark = await fileMark(path);
    if (last !== undefined && isCurrent(last.mark, mark, last.readAtMs)) {
      known.set(path, { ...last, lookedAtMs: now });
      return last.value;
    }
    known.delete(path);
    const value = worded((await readBounded(path, MAX_BYTES)).toString("utf8"), `the secret file ${path}`);
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(path, { value, mark, readAtMs: Date.now(), lookedAtMs: now });
    return value;
  };
  return async (source) => {
    if ("file" in source) return fromFile(resolve(folder, source.file));
    const value = environment[source.env];
    if (value === undefined) throw new Error(`the environment variable ${source.env} is not set`);
    return worded(value, `the environment variable ${source.env}`);
  };
}

function worded(text: string, what: string): string {
  const value = text.replace(/\r?\n$/, "");
  if (value === "") throw new Error(`${what} is empty`);
  return value;
}
