import type { Address, Client } from "./redis-client.ts";

export interface SentinelOptions {
  readonly nodes: readonly Address[];
  /** What the Sentinels call the master. */
  readonly name: string;
  /** Opens a connection to a Sentinel. */
  readonly openSentinel: (address: Address, signal: AbortSignal) => Promise<Client>;
}

/** For one Sentinel to answer. */
const ANSWER_MS = 1_000;

/**
 * Where the master is now, by the first Sentinel that knows it. Asked before every connection, so that a failover is followed
 * as soon as the connection to the old master has ended. Rejects with what the last of them said.
 */
export async function findMaster(
  { nodes, name, openSentinel }: SentinelOptions,
  signal: AbortSignal,
): Promise<Address> {
  let last: unknown = new Error("no Sentinel is named");
  for (const node of nodes) {
    try {
      return await askSentinel(await openSentinel(node, signal), name);
    } catch (error) {
      signal.throwIfAborted();
      last = error;
    }
  }
  const reason = last instanceof Error ? last.message : String(last);
  throw new Error(`no Sentinel knows the master ${name}: ${reason}`, { cause: last });
}

async function askSentinel(client: Client, name: string): Promise<Address> {
  const timer = setTimeout(() => client.close(), ANSWER_MS);
  try {
    const answer = await client.send("SENTINEL", "get-master-addr-by-name", name);
    const [host, port] = Array.isArray(answer) ? (answer as readonly unknown[]) : [];
    if (typeof host === "string" && Number.isInteger(Number(port))) return { host, port: Number(port) };
    throw new Error("it watches over no master of this name");
  } finally {
    clearTimeout(timer);
    client.close();
  }
}
