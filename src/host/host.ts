import { resolve } from "node:path";
import type { Compiler } from "../adapter/expressions.ts";
import type { Fetch, Host, HostLog, HostMetrics } from "../adapter/host.ts";
import { readBounded, writeWhole } from "./files.ts";
import { openLines } from "./open-lines.ts";
import { Refresher } from "./refresher.ts";
import { RememberedAnswers } from "./remembered.ts";
import { repeat } from "./repeat.ts";
import type { Secrets } from "./secrets.ts";
import { Spools } from "./spools.ts";

export interface HostOptions {
  /** Where what this handler says goes; the caller binds its name. */
  readonly log: HostLog;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  readonly fetch: Fetch;
  readonly secret: Secrets;
  readonly metrics: HostMetrics;
  /** Absent: for handlers without expressions. */
  readonly compiler?: Compiler;
  /** Those of this process; absent: this one has its own. */
  readonly spools?: Spools;
  /** What relative paths start from; absent: the working directory. */
  readonly folder?: string;
}

/** What is lent to one handler, or to the identities of a snapshot. It owns nothing that would have to be closed; what it opens is the handler's. */
export const createHost = ({
  log,
  nowMs,
  fetch,
  secret,
  metrics,
  compiler = NO_COMPILER,
  spools = new Spools(),
  folder = ".",
}: HostOptions): Host => {
  const again: Host["repeat"] = (everyMs, task) =>
    repeat(everyMs, task, (error) => log.warn({ reason: String(error) }, "a repeated task failed"));
  return {
    log,
    nowMs,
    fetch,
    secret,
    metrics,
    compiler,
    readFile: (path, maxBytes) => readBounded(resolve(folder, path), maxBytes),
    writeFile: (path, content) => writeWhole(resolve(folder, path), content),
    openLines: (to) => openLines(to, { log, nowMs, folder }),
    remember: (options, previous) =>
      new RememberedAnswers(
        options,
        { log, metrics, nowMs, monotonicMs: () => performance.now(), random: Math.random },
        previous,
      ),
    openSpool: (options) =>
      spools.open({ ...options, folder: resolve(folder, options.folder) }, { log, metrics }),
    repeat: again,
    refresh: (options) => new Refresher(options, { log, nowMs, repeat: again, random: Math.random }),
  };
};

const noExpressions = (): never => {
  throw new Error("no expressions are compiled here");
};

const NO_COMPILER: Compiler = { expression: noExpressions, text: noExpressions };
