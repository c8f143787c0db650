import { execFile } from "node:child_process";

/** How a command ended. `absent` means that the machine has no such program. */
export type Ended =
  | { kind: "succeeded"; stdout: string; stderr: string }
  | { kind: "failed"; stdout: string; stderr: string; code: number | "timeout" }
  | { kind: "absent" };

/** Where and for how long a command runs. `environment` is added to this process's own. */
export interface CommandOptions {
  folder?: string;
  environment?: Readonly<Record<string, string>>;
  timeoutMs?: number;
  /** What it reads; absent: nothing. */
  input?: string;
}

/** Runs a program to its end without a shell. A program that fails is a value, not an exception. */
export function runCommand(
  program: string,
  parameters: readonly string[],
  { folder, environment = {}, timeoutMs = 60_000, input }: CommandOptions = {},
): Promise<Ended> {
  const options = {
    cwd: folder,
    env: { ...process.env, ...environment },
    timeout: timeoutMs,
    maxBuffer: 16 * 1024 * 1024,
    encoding: "utf8",
  } as const;
  return new Promise((resolve) => {
    const child = execFile(program, parameters, options, (error, stdout, stderr) => {
      if (error === null) resolve({ kind: "succeeded", stdout, stderr });
      else if (error.code === "ENOENT") resolve({ kind: "absent" });
      else resolve({ kind: "failed", stdout, stderr, code: exitCode(error) });
    });
    if (input !== undefined) child.stdin?.end(input);
  });
}

function exitCode(error: Error & { killed?: boolean; code?: unknown }): number | "timeout" {
  if (error.killed === true) return "timeout";
  return typeof error.code === "number" ? error.code : 1;
}
