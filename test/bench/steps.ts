import { assumedLimits } from "../../src/limits/assumed.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Attributes } from "../../src/attributes/attributes.ts";
import { checkFacts } from "../../src/check/attributes.ts";
import { decide } from "../../src/check/decide.ts";
import { decisionIds } from "../../src/check/decision-id.ts";
import { encodeResponse } from "../../src/check/response.ts";
import { checkService } from "../../src/check/service.ts";
import type { Verdict } from "../../src/check/verdict.ts";
import type { Snapshot } from "../../src/policy/snapshot.ts";
import type { Backends } from "../../src/runtime/backends.ts";
import { readConfiguration } from "../../src/server.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { DECIDING, writePolicies } from "./policies.ts";
import { provenance, table, writeSection } from "./report.ts";
import { checkRequest } from "./request.ts";

/** One step of a check. `run` answers something that depends on its work, so that none of it is optimised away. */
interface Step {
  readonly name: string;
  readonly run: () => unknown;
}

/** The measured policies ask nobody. */
const NOBODY: Backends = {
  find: () => ({ kind: "absent" }),
  ask: () => ({ verdict: "error", reason: "there is no handler" }),
};
const ANY_PROXY = { principal: undefined, listenerRole: undefined };

const BATCHES = 30;
const BATCH_MS = 40;

await main();

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });
  const snapshot = await loadTenRules();
  const measured = steps(snapshot).map((step) => [step.name, microseconds(step).toFixed(1)] as const);
  const text = `${provenance("node test/bench/steps.ts --write")} The fastest of ${BATCHES} batches.\n\n${table(["one check with 10 rules", "µs"], measured)}`;
  console.log(text);
  if (values.write) await writeSection("steps", text);
}

async function loadTenRules(): Promise<Snapshot> {
  const folder = await mkdtemp(join(tmpdir(), "weir-bench-"));
  try {
    await writePolicies(folder, { hosts: 1, rulesPerHost: 10 });
    const { snapshot, diagnostics } = await readConfiguration([folder]);
    if (snapshot === undefined)
      throw new Error(`the measured policies do not load: ${JSON.stringify(diagnostics)}`);
    return snapshot;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function steps(snapshot: Snapshot): readonly Step[] {
  const bytes = checkRequest();
  const metrics = createMetrics();
  const nextId = decisionIds();
  const decideOn = (attributes: Attributes): Verdict => {
    const question = {
      snapshot,
      attributes,
      backends: NOBODY,
      limits: assumedLimits(() => undefined),
      nowMs: Date.now(),
      askUntilMs: Infinity,
    };
    const decision = decide(question);
    if (decision instanceof Promise) throw new Error("the measured check waits for somebody");
    return decision.verdict;
  };
  const decideOnce = () => decideOn(new Attributes(checkFacts(bytes), snapshot.settings));
  const verdict = decideOnce();
  if (verdict.kind !== "allow" || verdict.by.rule !== DECIDING.rule)
    throw new Error("the measured verdict is wrong");
  const known = new Attributes(checkFacts(bytes), snapshot.settings);
  const service = checkService({
    live: () => ({ snapshot, backends: NOBODY }),
    limits: assumedLimits(() => undefined),
    metrics,
    log: createLog("silent"),
    nowMs: () => performance.timeOrigin + performance.now(),
    later: () => true,
  });
  const { by, kind } = verdict;
  return [
    { name: "decode: the message, without headers", run: () => checkFacts(bytes) },
    { name: "decode: the message and its headers", run: () => checkFacts(bytes).request?.headers() },
    { name: "decide: from attributes that were read before", run: () => decideOn(known) },
    { name: "decode and decide", run: decideOnce },
    {
      name: "encode the answer",
      run: () => encodeResponse(verdict, { decisionId: nextId(), dialect: "http" }),
    },
    {
      name: "count and time",
      run: () => {
        metrics.countCheck(by.policy, by.rule, kind);
        metrics.observeCheck(0.000_05);
      },
    },
    {
      name: "**the whole check, bytes to bytes**",
      run: () => service.check(bytes, Number.POSITIVE_INFINITY, ANY_PROXY),
    },
  ];
}

/** One run's time in the fastest batch: what else the machine does only ever adds to it. */
function microseconds({ run }: Step): number {
  return Math.min(...Array.from({ length: BATCHES }, () => batchMicroseconds(run)));
}

function batchMicroseconds(run: () => unknown): number {
  let count = 0;
  let last: unknown;
  const startMs = performance.now();
  let spentMs = 0;
  while (spentMs < BATCH_MS) {
    for (let turn = 0; turn < 100; turn++) last = run();
    count += 100;
    spentMs = performance.now() - startMs;
  }
  if (last === run) throw new Error("a step answers itself");
  return (spentMs * 1_000) / count;
}
