import { runCommand } from "../support/command.ts";
import { startProcess, type RunningProcess } from "../support/process.ts";
import { until } from "../support/until.ts";

/** A server under test: a process of its own, on a core of its own where the machine has two. */
export interface Target {
  /** `host:port` of its checks. */
  readonly checks: string;
  /** The series of its `/metrics`, by name with labels as the exposition writes them. */
  readonly series: () => Promise<ReadonlyMap<string, number>>;
  readonly process: RunningProcess;
}

export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

/** Starts a script with this process's own Node, and waits until it says where it listens. */
export async function startTarget(script: string, parameters: readonly string[] = []): Promise<Target> {
  const [program, ...before] = await pinned(SERVER_CORE, process.execPath);
  const started = await startProcess(program, [...before, script, ...parameters]);
  const addresses = await until(() => addressesIn(started), {
    timeoutMs: 30_000,
    what: `${script} to listen`,
  });
  return { checks: addresses.checks, series: () => readSeries(addresses.metrics), process: started };
}

/** The command that runs a program on one core; just the program where the machine cannot pin it. */
export async function pinned(
  core: number,
  program: string,
): Promise<[program: string, ...parameters: string[]]> {
  const answer = await runCommand("taskset", ["-c", String(core), "true"]);
  return answer.kind === "succeeded" ? ["taskset", "-c", String(core), program] : [program];
}

interface Addresses {
  readonly checks: string;
  readonly metrics: string;
}

function addressesIn(started: RunningProcess): Addresses | undefined {
  const end = started.ended();
  if (end !== undefined)
    throw new Error(`the server ended with ${end}:\n${started.errors()}${started.output()}`);
  const output = started.output();
  const checks = /^ *checks +(\S+:\d+)/m.exec(output)?.[1];
  const metrics = /^ *metrics +(\S+:\d+)/m.exec(output)?.[1];
  return checks !== undefined && metrics !== undefined ? { checks, metrics } : undefined;
}

async function readSeries(address: string): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`http://${address}/metrics`);
  const text = await response.text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => seriesOf(line)));
}

function seriesOf(line: string): [name: string, value: number] {
  const space = line.lastIndexOf(" ");
  return [line.slice(0, space), Number(line.slice(space + 1))];
}
