import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { ADAPTERS } from "../../adapters/index.ts";
import { defineAdapter, type Adapter, type Handler } from "../../src/adapter/adapter.ts";
import type { Host } from "../../src/adapter/host.ts";
import type { Diagnostic } from "../../src/policy/diagnostic.ts";
import { ReportAccount } from "../../src/telemetry/report-account.ts";
import type { ConfiguredHandler } from "../../src/policy/handlers.ts";
import { createEngine } from "../../src/cel/environment.ts";
import { LentCompiler } from "../../src/policy/lent-compiler.ts";
import { Records } from "../../src/policy/records.ts";
import { Runtime, type LoadResult, type RuntimeOptions } from "../../src/runtime/runtime.ts";
import { NO_METRICS } from "../host/no-metrics.ts";
import { Refresher } from "../../src/host/refresher.ts";
import { RememberedAnswers } from "../../src/host/remembered.ts";
import { NO_FLOOD } from "../identity/fixture.ts";
import { ownFolder } from "./folder.ts";

/** What a handler of the adapter `fake` does; what is left out goes well. */
export interface Behaviour {
  create?: () => void;
  start?: (about: string) => Promise<void>;
  check?: Handler["check"];
  close?: () => Promise<void>;
}

/** A handler that writes down what happens to it. */
export interface FakeHandler extends Handler {
  readonly about: string;
  readonly previous: Handler | undefined;
  started: number;
  closed: number;
}

/** An adapter whose handlers a test can look at. `about` is all their configuration. */
export function fakeAdapter(behaviour: Behaviour = {}) {
  const made: FakeHandler[] = [];
  const adapter: Adapter = defineAdapter<{ about: string }>({
    id: "fake",
    summary: "does what a test says",
    config: z.strictObject({ about: z.string() }),
    inputs: {
      check: { value: { type: "string", presence: "optional", class: "open", meaning: "what it is asked" } },
    },
    outputs: {
      plan: { type: "string", meaning: "a text" },
      quota: { type: "int", meaning: "a number" },
      tags: { type: "list(string)", meaning: "a list" },
    },
    create({ about }, _host, previous) {
      behaviour.create?.();
      const handler: FakeHandler = {
        about,
        previous,
        started: 0,
        closed: 0,
        async start() {
          handler.started++;
          await behaviour.start?.(about);
        },
        check: (input, call) =>
          behaviour.check === undefined ? { verdict: "allow" } : behaviour.check(input, call),
        status: () => ({ state: "ready", detail: about }),
        async close() {
          handler.closed++;
          await behaviour.close?.();
        },
      };
      made.push(handler);
      return handler;
    },
  });
  return { adapter, made };
}

const QUIET: Pick<Host, "log"> = { log: { info: () => undefined, warn: () => undefined } };

/** A host that lends nothing. */
export const NO_HOST: Host = {
  ...QUIET,
  nowMs: Date.now,
  fetch: () => Promise.reject(new Error("nothing is fetched")),
  readFile: () => Promise.reject(new Error("nothing is read")),
  secret: () => Promise.reject(new Error("there are no secrets")),
  writeFile: () => Promise.reject(new Error("nothing is written")),
  openLines: () => Promise.reject(new Error("nothing is written")),
  compiler: new LentCompiler(createEngine()),
  remember: (options) =>
    new RememberedAnswers(options, {
      ...QUIET,
      metrics: NO_METRICS,
      nowMs: Date.now,
      monotonicMs: Date.now,
      random: Math.random,
    }),
  openSpool: () => Promise.reject(new Error("nothing is written")),
  metrics: NO_METRICS,
  repeat: () => () => undefined,
  refresh: (options) =>
    new Refresher(options, { ...QUIET, nowMs: Date.now, repeat: () => () => undefined, random: Math.random }),
};

export const HANDLER_WORLD: RuntimeOptions["handlers"] = {
  hostFor: () => NO_HOST,
  nowMs: Date.now,
  observe: () => undefined,
  metrics: { report: new ReportAccount(), observeBatch: () => undefined },
};

/** A handler of weir.yaml whose configuration is its key. */
export const configured = (
  adapter: Adapter,
  about: string,
  more: Partial<ConfiguredHandler> = {},
): ConfiguredHandler => ({
  name: "one",
  adapter,
  config: { about },
  place: { file: "weir.yaml", line: 3, column: 3, length: 3, source: "" },
  folder: ".",
  key: about,
  deadlineMs: 50,
  queue: undefined,
  declared: { inputs: adapter.inputs.check ?? {}, outputs: adapter.outputs },
  outputs: new Records().of({}),
  ...more,
});

/** A runtime over a folder of its own, closed with the test. */
export function ownRuntimes() {
  const folder = ownFolder();
  let opened: Runtime[] = [];
  afterEach(async () => {
    await Promise.all(opened.map((one) => one.close()));
    opened = [];
  });
  return {
    at: (...names: string[]): string => join(folder.path, ...names),
    write: async (path: string, text: string): Promise<void> => {
      const file = join(folder.path, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    },
    remove: (path: string) => rm(join(folder.path, path), { recursive: true }),
    start: (options: Partial<RuntimeOptions> = {}) => {
      const results: LoadResult[] = [];
      const errors: unknown[] = [];
      const settings: number[] = [];
      const watched: (readonly string[])[] = [];
      const runtime = new Runtime({
        folders: [folder.path],
        adapters: ADAPTERS,
        stance: "enforce",
        nowMs: Date.now,
        handlers: HANDLER_WORLD,
        verifiers: { fetch: NO_HOST.fetch, flood: () => NO_FLOOD, pepper: () => undefined },
        onFinding: () => undefined,
        onSettings: ({ checkTimeoutMs }) => {
          settings.push(checkTimeoutMs);
          return Promise.resolve([]);
        },
        onResult: (result) => void results.push(result),
        onError: (error) => void errors.push(error),
        watch: (paths) => {
          watched.push(paths);
          return Promise.resolve();
        },
        ...options,
      });
      opened.push(runtime);
      const names = (): readonly string[] | undefined => runtime.live?.snapshot.policies.map(({ id }) => id);
      return { runtime, results, errors, settings, watched, names };
    },
  };
}

/** Findings as `code file` with the file's name below the folder. */
export const inShort = (diagnostics: readonly Diagnostic[], folder: string): readonly string[] =>
  diagnostics.map(({ code, file }) => `${code} ${file.replace(`${folder}/`, "")}`);
