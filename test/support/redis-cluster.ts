import type { Found } from "../servers/ensure.ts";
import { freePorts, guardedBy, startRedis, type Guard, type RunningRedis } from "./redis.ts";
import { until } from "./until.ts";

/** A Cluster of three masters without replicas. */
export interface RunningCluster {
  readonly servers: readonly RunningRedis[];
  /** Moves a slot with all its keys, as `redis-cli --cluster reshard` does. */
  move(slot: number, from: RunningRedis, to: RunningRedis): Promise<void>;
  ownerOf(slot: number): RunningRedis;
  stop(): Promise<void>;
}

export async function startCluster(server: Found, guard: Guard = {}): Promise<RunningCluster> {
  const ports = await freePorts(3);
  const servers = await Promise.all(ports.map((port) => startNode(server, port, guard)));
  const [first] = servers;
  if (first === undefined) throw new Error("no node");
  for (const [index, one] of servers.entries()) {
    await one.command(
      "CLUSTER",
      "ADDSLOTSRANGE",
      index * PART,
      index === 2 ? 16_383 : (index + 1) * PART - 1,
    );
    await one.command("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
  }
  for (const [index, { address }] of servers.entries())
    await first.command("CLUSTER", "MEET", address.host, address.port, ports[index] ?? 0);
  const isWhole = async (one: RunningRedis): Promise<boolean> => {
    const info = String(await one.command("CLUSTER", "INFO"));
    return info.includes("cluster_state:ok") && info.includes("cluster_known_nodes:3");
  };
  await until(async () => (await Promise.all(servers.map(isWhole))).every(Boolean), {
    what: "the cluster to be whole",
    timeoutMs: 20_000,
  });
  return {
    servers,
    move: (slot, from, to) => moveSlot(slot, { from, to, all: servers }),
    ownerOf: (slot) => servers[Math.min(2, Math.floor(slot / PART))] ?? first,
    stop: async () => {
      await Promise.all(servers.map((one) => one.stop()));
    },
  };
}

const PART = 5_461;

/** `port` is that of the cluster's bus. */
function startNode(server: Found, port: number, guard: Guard): Promise<RunningRedis> {
  const guarded = guardedBy(guard);
  return startRedis(server, {
    ...guarded,
    settings: {
      ...guarded.settings,
      ...(guard.tls && { "tls-cluster": "yes" }),
      ...{ "cluster-enabled": "yes", "cluster-port": String(port), "cluster-node-timeout": "1000" },
      // Slots of nodes that are there are served, whatever becomes of the others.
      "cluster-require-full-coverage": "no",
    },
  });
}

/** Adds a replica of one master, which takes over when that is gone. */
export async function addReplica(
  server: Found,
  { servers }: RunningCluster,
  master: RunningRedis,
): Promise<RunningRedis> {
  const [port = 0] = await freePorts(1);
  const replica = await startNode(server, port, {});
  const { host, port: mainPort } = replica.address;
  const id = String(await master.command("CLUSTER", "MYID"));
  await master.command("CLUSTER", "MEET", host, mainPort, port);
  const knows = async (one: RunningRedis, known: string): Promise<boolean> =>
    String(await one.command("CLUSTER", "NODES")).includes(known);
  await until(() => knows(replica, id), { what: "the replica to know its master", timeoutMs: 20_000 });
  await replica.command("CLUSTER", "REPLICATE", id);
  // Only masters that know it elect it, and only when it is in step.
  await until(
    async () => {
      const info = String(await replica.command("INFO", "replication"));
      const ready = await Promise.all(servers.map((one) => knows(one, `slave ${id}`)));
      return info.includes("master_link_status:up") && ready.every(Boolean);
    },
    { what: "the replica to be in step", timeoutMs: 20_000 },
  );
  return replica;
}

interface Move {
  readonly from: RunningRedis;
  readonly to: RunningRedis;
  readonly all: readonly RunningRedis[];
}

async function moveSlot(slot: number, { from, to, all }: Move): Promise<void> {
  const [source, target] = (await Promise.all([from, to].map((one) => one.command("CLUSTER", "MYID")))) as [
    string,
    string,
  ];
  await to.command("CLUSTER", "SETSLOT", slot, "IMPORTING", source);
  await from.command("CLUSTER", "SETSLOT", slot, "MIGRATING", target);
  for (;;) {
    const keys = (await from.command("CLUSTER", "GETKEYSINSLOT", slot, 10)) as string[];
    if (keys.length === 0) break;
    const { host, port } = to.address;
    await from.command("MIGRATE", host, port, "", 0, 1_000, "KEYS", ...keys);
  }
  for (const one of [to, from, ...all.filter((other) => other !== from && other !== to)])
    await one.command("CLUSTER", "SETSLOT", slot, "NODE", target);
}
