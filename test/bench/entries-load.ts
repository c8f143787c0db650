import { join } from "node:path";
import { runCommand } from "../support/command.ts";
import { LOAD_CORE, pinned } from "./target.ts";

/** Streams of access logs, always `entries` of them. */
export interface EntriesLoad {
  /** `host:port`. */
  readonly address: string;
  /** Connections, each with one stream, as Envoy's workers have. */
  readonly streams: number;
  readonly entries: number;
  readonly entriesPerMessage: number;
  /** How many label sets the entries have among them. */
  readonly labelSets: number;
  /** At most this many a second; 0: as fast as they are taken. */
  readonly perSecond: number;
}

export interface EntriesSeen {
  readonly entries: number;
  /** Of one entry on the wire, on average. */
  readonly bytes: number;
  /** From the first message to the last that was taken. */
  readonly seconds: number;
}

/** No run takes longer: a server that hangs ends the measurement instead of stopping it. */
const PATIENCE_MS = 120_000;

/** Sends the load from a process of its own. */
export async function runEntriesLoad(load: EntriesLoad): Promise<EntriesSeen> {
  const script = join(import.meta.dirname, "entries-sender.ts");
  const [program, ...before] = await pinned(LOAD_CORE, process.execPath);
  const answer = await runCommand(program, [...before, script, JSON.stringify(load)], {
    timeoutMs: PATIENCE_MS,
  });
  if (answer.kind !== "succeeded") throw new Error(`the load did not succeed: ${JSON.stringify(answer)}`);
  return JSON.parse(answer.stdout) as EntriesSeen;
}
