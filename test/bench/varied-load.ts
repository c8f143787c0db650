import assert from "node:assert/strict";
import { join } from "node:path";
import { runCommand } from "../support/command.ts";
import { LOAD_CORE, pinned } from "./target.ts";

/** Calls of gRPC whose bodies differ, always `requests` of them. */
export interface VariedLoad {
  /** `host:port`. */
  readonly address: string;
  /** The method, as gRPC's path. */
  readonly path: string;
  readonly connections: number;
  /** In flight at a time on each connection. */
  readonly streams: number;
  readonly requests: number;
  /** The encoded message, base64. */
  readonly message: string;
  /** Digits in it, wherever they stand: each time another number below `values` is put there. */
  readonly place: string;
  readonly values: number;
  /** Of the numbers that are drawn. */
  readonly seed: number;
}

export interface VariedSeen {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How many answers began with these two bytes (hexadecimal). Calls without an answer are not among them. */
  readonly answers: Readonly<Record<string, number>>;
}

/** No run takes longer: a server that hangs ends the measurement instead of stopping it. */
const PATIENCE_MS = 60_000;

/** Sends the load from a process of its own. Throws unless every answer begins with `expected`. */
export async function runVariedLoad(load: VariedLoad, expected: string): Promise<VariedSeen> {
  const script = join(import.meta.dirname, "varied-sender.ts");
  const [program, ...before] = await pinned(LOAD_CORE, process.execPath);
  const answer = await runCommand(program, [...before, script, JSON.stringify(load)], {
    timeoutMs: PATIENCE_MS,
  });
  if (answer.kind !== "succeeded") throw new Error(`the load did not succeed: ${JSON.stringify(answer)}`);
  const seen = JSON.parse(answer.stdout) as VariedSeen;
  assert.deepEqual(seen.answers, { [expected]: load.requests });
  return seen;
}
