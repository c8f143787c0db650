import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";

/** One file of the console, as it is sent. */
export interface ConsoleFile {
  readonly type: string;
  readonly content: Buffer;
}

/** Every file that the page asks for, but the page itself. */
const FILES = [
  "style.css",
  "main.js",
  "ask.js",
  "dom.js",
  "filters.js",
  "poll.js",
  "explanation.js",
  "state.js",
  "decisions.js",
  "decision.js",
  "explain.js",
  "differences.js",
  "quotas.js",
  "reset.js",
  "telemetry.js",
] as const;

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
};

const FOLDER = join(import.meta.dirname, "console");

/**
 * Reads the console: the page, and its files by the path that it asks for them. They hold nothing of this weir, so whoever can
 * connect may have them, and the page can ask for the token. Rejects where one cannot be read.
 */
export async function readConsole(): Promise<{
  readonly page: ConsoleFile;
  readonly files: ReadonlyMap<string, ConsoleFile>;
}> {
  const files = await Promise.all(
    FILES.map(async (name) => [`/console/${name}`, await readOne(name)] as const),
  );
  return { page: await readOne("index.html"), files: new Map(files) };
}

async function readOne(name: string): Promise<ConsoleFile> {
  return {
    type: TYPES[extname(name)] ?? "application/octet-stream",
    content: await readFile(join(FOLDER, name)),
  };
}

/** Browsers ask for HTML by name; curl takes anything. */
export const wantsConsole = (accept: string | undefined): boolean => /\btext\/html\b/i.test(accept ?? "");

/** What the page may do is what it needs: its own scripts, its own style, asking this listener. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};
