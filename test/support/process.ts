import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** A server that runs as a child of this process. What it printed is kept, the last MiB of each stream. */
export interface RunningProcess {
  /** Its number, as the system has it. */
  readonly pid: number;
  output(): string;
  errors(): string;
  /** How it ended, such as `exit code 1` or `SIGKILL`; undefined while it runs. */
  ended(): string | undefined;
  /** Resolves with `ended()` once it has ended. */
  whenEnded: Promise<string>;
  /** Sends a signal; does nothing once it has ended. */
  signal(name: NodeJS.Signals): void;
  /** Asks it to end, and after five seconds makes it. */
  stop(): Promise<void>;
}

const maxKeptLength = 1024 * 1024;
const patienceMs = 5000;

/**
 * Starts a program; it is killed with this process at the latest. Throws when the program cannot be started. `signals` says
 * whom they reach: the program alone, or, as from a terminal, what it has started too.
 */
export async function startProcess(
  program: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  signals: "program" | "group" = "program",
): Promise<RunningProcess> {
  const child = spawn(program, parameters, {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    detached: signals === "group",
  });
  const send = (name: NodeJS.Signals): void => {
    if (signals === "group" && child.pid !== undefined) signalGroup(child.pid, name);
    else child.kill(name);
  };
  const output = keep(child.stdout);
  const errors = keep(child.stderr);
  await once(child, "spawn");
  const kill = (): void => send("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.removeListener("exit", kill));
  const whenEnded = once(child, "close").then(() => endOf(child) ?? "no exit code");
  return {
    pid: child.pid ?? Number.NaN,
    output,
    errors,
    ended: () => endOf(child),
    whenEnded,
    signal: send,
    stop: () => stop(send, whenEnded),
  };
}

function keep(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text = (text + chunk).slice(-maxKeptLength);
  });
  return () => text;
}

function endOf({ exitCode, signalCode }: ChildProcess): string | undefined {
  if (signalCode !== null) return signalCode;
  return exitCode === null ? undefined : `exit code ${exitCode}`;
}

function signalGroup(leader: number, name: NodeJS.Signals): void {
  try {
    process.kill(-leader, name);
  } catch (error) {
    // Nobody is left of it.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

async function stop(send: (name: NodeJS.Signals) => void, whenEnded: Promise<string>): Promise<void> {
  const force = setTimeout(() => send("SIGKILL"), patienceMs);
  send("SIGTERM");
  await whenEnded;
  clearTimeout(force);
}
