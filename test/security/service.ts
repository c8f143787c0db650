import { ReportAccount } from "../../src/telemetry/report-account.ts";
import { offlineLimits } from "../../src/limits/assumed.ts";
import assert from "node:assert/strict";
import { pino } from "pino";
import { ADAPTERS } from "../../adapters/index.ts";
import type { Fetch } from "../../src/adapter/host.ts";
import type { CheckHost } from "../../src/check/check-host.ts";
import { checkService, type Answered, type CheckService } from "../../src/check/service.ts";
import { createHost } from "../../src/host/host.ts";
import type { FloodGuard } from "../../src/identity/flood.ts";
import { compileConfiguration } from "../../src/policy/compile.ts";
import { printDiagnostic } from "../../src/policy/diagnostic.ts";
import { loadFiles } from "../../src/policy/load.ts";
import type { Snapshot } from "../../src/policy/snapshot.ts";
import { closeHandlers, prepareHandlers } from "../../src/runtime/prepare.ts";
import { Live } from "../../src/runtime/live.ts";
import { VerifierPool } from "../../src/runtime/verifiers.ts";
import { createMetrics, type Metrics } from "../../src/telemetry/metrics.ts";
import { NO_METRICS } from "../host/no-metrics.ts";
import { NO_FLOOD } from "../identity/fixture.ts";
import { GRPC_POLICIES, OPERATOR, POLICIES } from "./policies.ts";
import type { World } from "./world.ts";

/** The check path over a set of policies, with everybody whom they ask; nothing listens. */
export interface Served {
  readonly service: CheckService;
  readonly metrics: Metrics;
  /** What it decided last. */
  readonly last: () => Answered | undefined;
  /** The URLs that it tried to fetch. */
  readonly fetched: readonly string[];
  readonly logged: readonly string[];
  /** What the next checks meet; lasts until it is changed. */
  moment: "usual" | "before the configuration" | "too late";
  close(): Promise<void>;
}

export interface ServedOptions {
  readonly flood?: (identity: string) => FloodGuard;
  /** More files, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The snapshot of the cases' policies. */
export function securitySnapshot(world: World, more: Readonly<Record<string, string>> = {}): Snapshot {
  const files = Object.entries({ ...POLICIES, ...GRPC_POLICIES, "weir.yaml": `weir: 1${OPERATOR}`, ...more });
  const loaded = loadFiles(files.map(([path, text]) => ({ path, text: world.fill(text) })));
  const compiled = compileConfiguration(loaded, "test", {
    ...{ adapters: ADAPTERS, nowMs: Date.now(), stance: "enforce" },
  });
  return compiled.snapshot ?? assert.fail(compiled.diagnostics.map(printDiagnostic).join("\n"));
}

/** Serves the cases' policies. */
export async function serveSecurity(world: World, options: ServedOptions = {}): Promise<Served> {
  const snapshot = securitySnapshot(world, options.files);
  const fetched: string[] = [];
  const fetch: Fetch = ({ url }) => {
    fetched.push(url);
    return Promise.reject(new Error("nobody is there"));
  };
  const logged: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => void logged.push(line) });
  const quiet = pino({ enabled: false });
  const pool = new VerifierPool({
    fetch,
    flood: options.flood ?? (() => NO_FLOOD),
    pepper: () => world.pepper,
  });
  const prepared = await prepareHandlers(snapshot.handlers, new Map(), {
    nowMs: Date.now,
    observe: () => undefined,
    metrics: { report: new ReportAccount(), observeBatch: () => undefined },
    hostFor: () =>
      createHost({
        log: quiet,
        metrics: NO_METRICS,
        nowMs: Date.now,
        fetch,
        secret: () => Promise.reject(new Error("none")),
      }),
  });
  if ("diagnostics" in prepared) return assert.fail(prepared.diagnostics.map(printDiagnostic).join("\n"));
  const verifiers = pool.prepare(snapshot.identities);
  pool.use(verifiers);
  const live = new Live({ snapshot, handlers: prepared.handlers, ...verifiers }, () => undefined);
  const metrics = createMetrics();
  let last: Answered | undefined;
  const served: Served = {
    service: noting(
      checkService({
        live: () => (served.moment === "before the configuration" ? undefined : live),
        limits: offlineLimits(0),
        metrics,
        log,
        nowMs: () => clock(),
        later: () => true,
      }),
      (answered) => (last = answered),
    ),
    ...{ metrics, fetched, logged, moment: "usual" },
    last: () => last,
    close: async () => {
      pool.close();
      await closeHandlers(prepared.handlers.values(), {});
    },
  };
  let calls = 0;
  /** Too late: every other look at the clock is a second after the one before. */
  const clock: CheckHost["nowMs"] = () => Date.now() + (served.moment === "too late" ? calls++ * 1_000 : 0);
  return served;
}

/** Tells of each answer that is made for HTTP. */
function noting(service: CheckService, note: (answered: Answered) => void): CheckService {
  return {
    ...service,
    answer(facts, deadlineAtMs) {
      const answered = service.answer(facts, deadlineAtMs);
      if (!(answered instanceof Promise)) note(answered);
      return answered instanceof Promise
        ? answered.then((one) => {
            note(one);
            return one;
          })
        : answered;
    },
    refuse(id) {
      const answered = service.refuse(id);
      note(answered);
      return answered;
    },
  };
}
