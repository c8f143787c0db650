import { join } from "node:path";
import { startProcess, type RunningProcess } from "../support/process.ts";
import { until } from "../support/until.ts";
import { removeFolder, writeFolder } from "../support/weir.ts";
import { median } from "./report.ts";
import { pinned, SERVER_CORE } from "./target.ts";

const main = join(import.meta.dirname, "../../src/main.ts");
const probe = join(import.meta.dirname, "loop-probe.ts");

/** In milliseconds, by the clock and by the processor time of the thread: what else the machine does is in the first only. */
export interface Turn {
  readonly ms: number;
  readonly cpuMs: number;
}

/** weir on a core of its own, with the probe of its event loop. */
export interface Probed {
  readonly address: string;
  readonly metricsAddress: string;
  readonly running: RunningProcess;
  readonly series: () => Promise<ReadonlyMap<string, number>>;
  /** Since the last time. */
  readonly longestTurn: () => Promise<Turn>;
}

async function startProbed(folder: string): Promise<Probed> {
  const [program, ...before] = await pinned(SERVER_CORE, process.execPath);
  const running = await startProcess(program, [...before, "--import", probe, main, "serve", folder]);
  const printed = await until(
    () => {
      const end = running.ended();
      if (end !== undefined)
        throw new Error(`weir ended with ${end}:\n${running.errors()}${running.output()}`);
      const checks = /^ *checks +(\S+:\d+)/m.exec(running.output())?.[1];
      const metrics = /^ *metrics +(\S+:\d+)/m.exec(running.output())?.[1];
      return checks !== undefined && metrics !== undefined ? { checks, metrics } : undefined;
    },
    { timeoutMs: 30_000, what: "weir to listen" },
  );
  const series = async (): Promise<ReadonlyMap<string, number>> => {
    const text = await (await fetch(`http://${printed.metrics}/metrics`)).text();
    const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return new Map(
      lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
    );
  };
  const turns = (): readonly Turn[] =>
    Array.from(running.errors().matchAll(TOLD), ([, ms, cpu]) => ({ ms: Number(ms), cpuMs: Number(cpu) }));
  const longestTurn = async (): Promise<Turn> => {
    const known = turns().length;
    running.signal("SIGUSR2");
    return await until(() => turns()[known], { what: "the probe's answer" });
  };
  return { address: printed.checks, metricsAddress: printed.metrics, running, series, longestTurn };
}

/** What test/bench/loop-probe.ts writes. */
const TOLD = /^longest-turn-ms ([\d.]+) cpu-ms ([\d.]+)$/gm;

export const medianTurn = (turns: readonly Turn[]): Turn => ({
  ms: median(turns.map(({ ms }) => ms)),
  cpuMs: median(turns.map(({ cpuMs }) => cpuMs)),
});

/** As a table has it: by the clock, and by processor time. */
export const turnText = ({ ms, cpuMs }: Turn): string => `${ms.toFixed(1)} (${cpuMs.toFixed(1)})`;

/** Of all series whose names begin so. */
export const sumOf = (series: ReadonlyMap<string, number>, start: string): number =>
  series.entries().reduce((sum, [name, value]) => (name.startsWith(start) ? sum + value : sum), 0);

/** Starts a weir for one measurement. */
export async function withWeir<T>(
  files: Readonly<Record<string, string>>,
  task: (weir: Probed) => Promise<T>,
): Promise<T> {
  await using open = new AsyncDisposableStack();
  const folder = open.adopt(await writeFolder(files), removeFolder);
  const weir = await startProbed(folder);
  open.adopt(weir.running, (running) => running.stop());
  return await task(weir);
}
