import { createEngine } from "../../src/cel/environment.ts";
import { Refresher } from "../../src/host/refresher.ts";
import { RememberedAnswers } from "../../src/host/remembered.ts";
import { LentCompiler } from "../../src/policy/lent-compiler.ts";
import type { Call } from "../../src/adapter/adapter.ts";
import type { SpoolDelivery } from "../../src/adapter/spool.ts";
import type { FetchAnswer, FetchRequest, Host } from "../../src/adapter/host.ts";

/** How the remote of a test behaves; it may change at any time. */
export type Remote =
  | { readonly kind: "answers"; readonly answer: (request: FetchRequest) => Partial<FetchAnswer> }
  | { readonly kind: "away" }
  /** Never answers, and ends when it is aborted. */
  | { readonly kind: "hangs" };

/** A host that records what it is asked for, with a remote and files of the test's choice. */
export interface TestHost extends Host {
  remote: Remote;
  readonly files: Map<string, Buffer>;
  readonly secrets: Map<string, string>;
  /** `fetch …`, `readFile …`, `writeFile …`, `secret …`, `repeat …`, in order. */
  readonly calls: string[];
  readonly requests: FetchRequest[];
  readonly lines: string[];
  /** What was written to line targets, by path or `stdout`. Paths with `missing` in them cannot be opened. */
  readonly written: Map<string, string>;
  /** By name and labels, apart by spaces. */
  readonly counted: Map<string, number>;
  /** Delivers what waits in a spool, by its folder; nothing else does. Folders with `missing` in them cannot be opened. */
  readonly spooled: Map<string, (call: Call) => Promise<SpoolDelivery>>;
  readonly gauges: Map<string, () => number>;
  /** Tasks that are repeated and not stopped. */
  readonly repeated: Set<() => Promise<void>>;
  advance(ms: number): void;
}

export function createTestHost(): TestHost {
  let nowMs = 1_700_000_000_000;
  const calls: string[] = [];
  const lines: string[] = [];
  const written = new Map<string, string>();
  const counted = new Map<string, number>();
  const spooled: TestHost["spooled"] = new Map();
  const gauges = new Map<string, () => number>();
  const keep = (fields: Readonly<Record<string, unknown>>, message: string): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  const host: TestHost = {
    remote: { kind: "away" },
    files: new Map(),
    secrets: new Map(),
    calls,
    requests: [],
    lines,
    repeated: new Set(),
    advance: (ms) => (nowMs += ms),
    log: { info: keep, warn: keep },
    counted,
    written,
    openLines: (to) => {
      const name = to.kind === "stdout" ? "stdout" : to.path;
      calls.push(`openLines ${name}`);
      if (name.includes("missing")) return Promise.reject(new Error(`${name} cannot be written`));
      return Promise.resolve({
        append: async (lines) => {
          if (host.remote.kind === "hangs") await new Promise(() => undefined);
          if (host.remote.kind === "away") throw new Error("the disk is full");
          written.set(name, `${written.get(name) ?? ""}${lines.toString()}`);
        },
        close: () => Promise.resolve(),
      });
    },
    remember: (options, previous) =>
      new RememberedAnswers(
        options,
        {
          log: host.log,
          metrics: host.metrics,
          nowMs: () => nowMs,
          monotonicMs: () => nowMs,
          random: () => 0,
        },
        previous,
      ),
    compiler: new LentCompiler(createEngine()),
    spooled,
    openSpool: ({ folder, deliver }) => {
      calls.push(`openSpool ${folder}`);
      if (folder.includes("missing")) return Promise.reject(new Error(`${folder} cannot be used`));
      let waiting: Buffer[] = [];
      spooled.set(folder, (call) => {
        const batch = waiting;
        waiting = [];
        return deliver(batch, call);
      });
      return Promise.resolve({
        append: (record) => waiting.push(record) <= 1_000,
        close: () => Promise.resolve(),
      });
    },
    metrics: {
      counter:
        ({ name }) =>
        (by, ...labels) => {
          const key = [name, ...labels].join(" ");
          counted.set(key, (counted.get(key) ?? 0) + by);
        },
      gauge: ({ name }, read) => void gauges.set(name, read),
    },
    gauges,
    nowMs: () => nowMs,
    fetch: (request) => {
      calls.push(`fetch ${request.url}`);
      host.requests.push(request);
      return exchange(host.remote, request);
    },
    readFile: (path, maxBytes) => {
      calls.push(`readFile ${path}`);
      const content = host.files.get(path);
      if (content === undefined) return Promise.reject(new Error(`${path} cannot be read`));
      if (content.length > maxBytes)
        return Promise.reject(new Error(`${path} is longer than ${maxBytes} bytes`));
      return Promise.resolve(content);
    },
    writeFile: (path, content) => {
      calls.push(`writeFile ${path}`);
      if (path.includes("missing")) return Promise.reject(new Error(`${path} cannot be written`));
      host.files.set(path, Buffer.from(content));
      return Promise.resolve();
    },
    secret: (source) => {
      const name = "file" in source ? source.file : source.env;
      calls.push(`secret ${name}`);
      const value = host.secrets.get(name);
      return value === undefined ? Promise.reject(new Error(`${name} is not set`)) : Promise.resolve(value);
    },
    repeat: (everyMs, task) => {
      calls.push(`repeat ${everyMs}`);
      host.repeated.add(task);
      return () => void host.repeated.delete(task);
    },
    refresh: (options) =>
      new Refresher(options, { log: host.log, nowMs: host.nowMs, repeat: host.repeat, random: Math.random }),
  };
  return host;
}

function exchange(remote: Remote, request: FetchRequest): Promise<FetchAnswer> {
  switch (remote.kind) {
    case "answers": {
      const answer = { status: 200, headers: new Map<string, string>(), body: Buffer.alloc(0) };
      return Promise.resolve({ ...answer, ...remote.answer(request) });
    }
    case "away":
      return Promise.reject(new Error("the connection was refused"));
    case "hangs":
      return new Promise((_, reject) => {
        const end = (): void => reject(new Error("nobody waits any more"));
        if (request.signal?.aborted === true) end();
        request.signal?.addEventListener("abort", end);
      });
  }
}

/** Runs every repeated task once. */
export async function tick(host: TestHost): Promise<void> {
  for (const task of host.repeated) await task();
}
