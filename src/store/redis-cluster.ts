import type { Stop } from "../adapter/host.ts";
import { repeat } from "../host/repeat.ts";
import { remember } from "../std/remember.ts";
import type { Address, Client } from "./redis-client.ts";
import { Link, type LinkState } from "./redis-link.ts";
import type { Routes } from "./redis-routes.ts";
import { SLOTS, slotOf } from "./redis-slot.ts";

export interface ClusterOptions {
  /** Nodes that are asked for the others; any of the Cluster's. */
  readonly nodes: readonly Address[];
  readonly open: (address: Address, signal: AbortSignal) => Promise<Client>;
  readonly onState: (state: LinkState) => void;
}

/** Slots that nobody has told of are looked for this often, and all of them in any case. */
const LOOK_EVERY_MS = 250;
const REFRESH_EVERY_MS = 5_000;
const MAX_TAGS = 10_000;
/** Masters of one Cluster. */
const MAX_NODES = 1_000;

/**
 * The masters of a Redis Cluster, each with a connection of its own. Which has which slots is asked of any of them: at the
 * start, again and again, and as soon as a node says that a slot has moved or a connection is lost.
 */
export class ClusterRoutes implements Routes {
  readonly division = "by-tag";
  readonly groupOf = remember(MAX_TAGS, slotOf);
  readonly #options: ClusterOptions;
  readonly #links = new Map<string, Link>();
  /** Names of nodes, by slot. */
  #slots: (string | undefined)[] = [];
  #stop: Stop | undefined;
  readonly #closing = new AbortController();
  #isStale = true;
  #refreshedAtMs = -Infinity;
  #reason = "no node of the cluster has answered yet";
  #looking: Promise<void> | undefined;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#refreshSoon();
    this.#stop = repeat(
      LOOK_EVERY_MS,
      () => this.#lookWhereStale(),
      () => undefined,
    );
  }

  linkOf(slot: number): Link | undefined {
    const name = this.#slots[slot];
    return name === undefined ? undefined : this.#links.get(name);
  }

  moved(slot: number, to: string, from: Link): Link | undefined {
    const link = this.asked(to, from);
    if (link !== undefined) this.#slots[slot] = link.name;
    this.#refreshSoon();
    return link;
  }

  asked(to: string, from: Link): Link | undefined {
    const address = parseAddress(to, from.name);
    if (address === undefined || this.#closing.signal.aborted) return undefined;
    return this.#linkTo(address);
  }

  states(): readonly LinkState[] {
    const states = Array.from(this.#links.values(), ({ state }) => state);
    const missing = Array.from({ length: SLOTS }, (_, slot) => slot).filter(
      (slot) => this.linkOf(slot) === undefined,
    );
    if (missing.length === 0) return states;
    return [
      ...states,
      { name: "cluster", state: "away", reason: `${missing.length} slots without a master: ${this.#reason}` },
    ];
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#stop?.();
    await this.#looking;
    await Promise.all(Array.from(this.#links.values(), (link) => link.close()));
  }

  #linkTo(address: Address): Link | undefined {
    const name = nameOf(address);
    const known = this.#links.get(name);
    if (known !== undefined || this.#links.size >= MAX_NODES) return known;
    const { open, onState } = this.#options;
    const link = new Link({
      name,
      open: (signal) => open(address, signal),
      onState: (state) => {
        if (state.state === "away") this.#isStale = true;
        onState(state);
      },
    });
    this.#links.set(name, link);
    return link;
  }

  async #lookWhereStale(): Promise<void> {
    if (this.#isStale || performance.now() - this.#refreshedAtMs >= REFRESH_EVERY_MS) this.#refreshSoon();
    await this.#looking;
  }

  /** One look at a time; its end is awaited when all of this closes. */
  #refreshSoon(): void {
    if (this.#closing.signal.aborted || this.#looking !== undefined) return;
    this.#looking = this.#refresh().finally(() => (this.#looking = undefined));
  }

  /** Never rejects. */
  async #refresh(): Promise<void> {
    for (const ask of this.#askers()) {
      if (this.#closing.signal.aborted) return;
      try {
        const { from, reply } = await ask();
        const owners = readSlots(reply, from);
        if (owners.size === 0) throw new Error(`${from} knows of no slots`);
        this.#apply(owners);
        return;
      } catch (error) {
        this.#reason = error instanceof Error ? error.message : String(error);
      }
    }
  }

  /** Whom to ask, in turn: those that are connected, and those that the configuration names. */
  *#askers(): Generator<() => Promise<{ readonly from: string; readonly reply: unknown }>> {
    for (const link of [...this.#links.values()]) {
      if (!link.isReady) continue;
      yield async () => ({ from: link.name, reply: await within(link.command("CLUSTER", "SLOTS")) });
    }
    for (const address of this.#options.nodes) {
      yield async () => {
        const client = await this.#options.open(address, this.#closing.signal);
        try {
          return { from: nameOf(address), reply: await within(client.send("CLUSTER", "SLOTS")) };
        } finally {
          client.close();
        }
      };
    }
  }

  #apply(owners: ReadonlyMap<number, Address>): void {
    if (this.#closing.signal.aborted) return;
    const used = new Set<string>();
    const slots: (string | undefined)[] = [];
    for (const [slot, address] of owners) {
      const link = this.#linkTo(address);
      slots[slot] = link?.name;
      used.add(nameOf(address));
    }
    this.#slots = slots;
    this.#isStale = owners.size < SLOTS;
    this.#refreshedAtMs = performance.now();
    for (const [name, link] of this.#links) {
      if (used.has(name)) {
        this.#isStale ||= !link.isReady;
        continue;
      }
      this.#links.delete(name);
      // It ends by itself: nobody sends anything there any more.
      void link.close();
    }
  }
}

const ANSWER_MS = 1_000;

const nameOf = ({ host, port }: Address): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;

/** `host:port` as nodes write it, IPv6 without brackets; without a host it is the one that said so. */
function parseAddress(text: string, from: string): Address | undefined {
  const colon = text.lastIndexOf(":");
  const port = Number(text.slice(colon + 1));
  const host = text.slice(0, colon).replace(/^\[|\]$/g, "");
  if (colon < 0 || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  return { host: host === "" ? from.slice(0, from.lastIndexOf(":")).replace(/^\[|\]$/g, "") : host, port };
}

/** The masters by slot: CLUSTER SLOTS answers `[first, last, [host, port, …] of the master, replicas…]`. */
function readSlots(reply: unknown, from: string): ReadonlyMap<number, Address> {
  const owners = new Map<number, Address>();
  for (const range of Array.isArray(reply) ? (reply as readonly unknown[]) : []) {
    if (!Array.isArray(range)) continue;
    const [first, last, master] = range as readonly unknown[];
    if (typeof first !== "number" || typeof last !== "number" || !Array.isArray(master)) continue;
    const [host, port] = master as readonly unknown[];
    const known = typeof host === "string" && host !== "?" ? host : "";
    const address = typeof port === "number" ? parseAddress(`${known}:${port}`, from) : undefined;
    if (address === undefined) continue;
    for (let slot = first; slot <= Math.min(last, SLOTS - 1); slot++) owners.set(slot, address);
  }
  return owners;
}

/** Rejects where nobody answers in time. */
async function within<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), ANSWER_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
