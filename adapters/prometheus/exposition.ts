import type { TransformOptions } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGzip, type ZlibOptions } from "node:zlib";
import type { Exposition, ScrapeRequest } from "../../src/adapter/report.ts";
import { CONTENT_TYPES, formatOf, isGzipTaken, type Format } from "./negotiate.ts";
import { writePage, type PageMetric } from "./page.ts";
import { SliceWriter } from "./slice-writer.ts";

/** What a page is made of, and who wants to know of it. */
export interface PageSource {
  /** What the page shows, asked for when it is begun. */
  readonly metrics: () => readonly PageMetric[];
  /** A page is begun; what comes back says that it is ended. */
  readonly begin: () => () => void;
  /** Milliseconds of the event loop. */
  readonly spent: (ms: number) => void;
  /** Bytes of a whole page before they are compressed. */
  readonly written: (bytes: number) => void;
}

/** The page that a scraper asks for, in its format, compressed where it takes that. */
export function expose(request: ScrapeRequest, source: PageSource): Exposition {
  const format = formatOf(request);
  const isGzip = isGzipTaken(request);
  const plain = writeMeasured(format, source);
  return {
    contentType: CONTENT_TYPES[format],
    contentEncoding: isGzip ? "gzip" : "",
    slices: isGzip ? compressed(plain) : plain,
  };
}

async function* writeMeasured(
  format: Format,
  source: PageSource,
): AsyncGenerator<Uint8Array, void, undefined> {
  const end = source.begin();
  const writer = new SliceWriter();
  let bytes = 0;
  try {
    for await (const slice of writePage(source.metrics(), { format, writer, spent: source.spent })) {
      bytes += slice.length;
      yield slice;
    }
    source.written(bytes);
  } finally {
    end();
  }
}

/**
 * zlib works on threads of its own. Labels repeat from line to line, so its fastest level is nearly as short as the others. Each slice
 * fills it, so that the next one is asked for when it is done with this one.
 */
const GZIP: ZlibOptions & TransformOptions = {
  level: constants.Z_BEST_SPEED,
  chunkSize: 65_536,
  writableHighWaterMark: 1,
};

async function* compressed(slices: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const gzip = createGzip(GZIP);
  const feeding = pipeline(slices, gzip);
  // What fails there fails here, too, where it is thrown; and where the reader leaves, nobody waits for the rest.
  feeding.catch(() => undefined);
  try {
    for await (const slice of gzip as AsyncIterable<Buffer>) yield slice;
    await feeding;
  } finally {
    gzip.destroy();
  }
}
