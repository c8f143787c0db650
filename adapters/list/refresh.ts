import { createHash } from "node:crypto";
import type { Host } from "../../src/adapter/host.ts";
import type { ListConfig, Source } from "./config.ts";
import { readLines, type Entries } from "./entries.ts";

/** A list that was read whole, and what tells whether it changed since. */
export interface Loaded {
  readonly entries: Entries;
  readonly digest: string;
  readonly etag: string | undefined;
  /** Epoch milliseconds of the last time that it was found to be the present one. */
  readonly confirmedAtMs: number;
}

const FETCH_TIMEOUT_MS = 10_000;

/**
 * Reads the list, or finds that `last` is still the present one. Rejects with a sentence when it cannot be had, or when any
 * of its lines is bad: half a list is none.
 */
export async function load(
  config: ListConfig,
  host: Host,
  last: Loaded | undefined,
  signal: AbortSignal,
): Promise<Loaded> {
  const { content, etag } = await read(config, host, last?.etag, signal);
  const confirmedAtMs = host.nowMs();
  if (content === undefined) {
    if (last === undefined)
      throw new Error("the server says that nothing changed, but nothing was loaded before");
    return { ...last, confirmedAtMs };
  }
  const digest = createHash("sha256").update(content).digest("base64");
  const isSame = last?.digest === digest;
  const entries = isSame ? last.entries : await readLines(content, config.type).catch(badList(config.source));
  return { entries, digest, etag, confirmedAtMs };
}

interface Content {
  /** Undefined: not changed. */
  readonly content: Buffer | undefined;
  readonly etag: string | undefined;
}

async function read(
  { source, maxBytes }: ListConfig,
  host: Host,
  etag: string | undefined,
  signal: AbortSignal,
): Promise<Content> {
  switch (source.kind) {
    case "entries":
      return { content: undefined, etag };
    case "file":
      return { content: await host.readFile(source.path, maxBytes), etag: undefined };
    case "url": {
      const headers = etag === undefined ? {} : { "if-none-match": etag };
      const answer = await host.fetch({
        url: source.url,
        headers,
        maxBytes,
        timeoutMs: FETCH_TIMEOUT_MS,
        signal,
      });
      if (answer.status === 304) return { content: undefined, etag };
      if (answer.status !== 200) throw new Error(`${place(source)} answered with status ${answer.status}`);
      // A login or error page with status 200 would be read as a list of texts.
      if (/^text\/html\b/i.test(answer.headers.get("content-type") ?? "")) {
        throw new Error(`${place(source)} answered with a page of HTML`);
      }
      return { content: answer.body, etag: answer.headers.get("etag") };
    }
  }
}

/** The source as people may see it: the query of a URL may be a secret. */
function place(source: Source): string {
  switch (source.kind) {
    case "entries":
      return "the list";
    case "file":
      return source.path;
    case "url":
      return source.url.replace(/\?.*$/s, "");
  }
}

const badList =
  (source: Source) =>
  (error: unknown): never => {
    throw new Error(`${place(source)} is refused: ${error instanceof Error ? error.message : String(error)}`);
  };

/** Whether a list that was loaded from one source is one of the other. */
export const isSameSource = (left: ListConfig, right: ListConfig): boolean =>
  left.type === right.type &&
  left.source.kind !== "entries" &&
  left.source.kind === right.source.kind &&
  JSON.stringify(left.source) === JSON.stringify(right.source);
