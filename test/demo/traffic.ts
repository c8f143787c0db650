import { randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { callGrpc } from "../support/http.ts";
import type { Shop } from "../support/shop.ts";

/** What visitors of the shop do, and how often of a hundred times. */
const DEEDS: readonly (readonly [share: number, deed: (shop: Doors) => Promise<void>])[] = [
  [24, ({ storefront }) => visit(storefront, "/")],
  [30, ({ storefront }) => visit(storefront, `/buy/${Math.floor(Math.random() * 20)}`)],
  [6, ({ storefront }) => visit(storefront, "/buy/pay")],
  [8, ({ storefront }) => visit(storefront, "/buy/fail")],
  [6, ({ storefront }) => visit(storefront, "/buy/slow")],
  [4, ({ storefront }) => visit(storefront, "/buy/gone")],
  [8, ({ storefront }) => visit(storefront, "/admin")],
  [8, ({ grpc }) => call(grpc, "/shop.Orders/Get")],
  [2, ({ grpc }) => call(grpc, "/shop.Orders/Fail")],
  [4, ({ ledger }) => book(ledger)],
];

interface Doors {
  readonly storefront: number;
  readonly grpc: number;
  readonly ledger: number;
}

export interface Traffic {
  /** What was done so far. */
  readonly done: () => number;
  /** Begins nothing more, and waits for what is under way. */
  stop(): Promise<void>;
}

export interface TrafficOptions {
  readonly perSecond: number;
  /** No more than this at a time. */
  readonly atOnce: number;
}

/** Sends visitors, at most as many as are asked for, until it is stopped. */
export function startTraffic({ storefront }: Shop, { perSecond, atOnce }: TrafficOptions): Traffic {
  const doors = {
    storefront: storefront.port("storefront"),
    grpc: storefront.port("grpc"),
    ledger: storefront.port("ledger"),
  };
  const underWay = new Set<Promise<void>>();
  let done = 0;
  const timer = setInterval(() => {
    if (underWay.size >= atOnce) return;
    // A visitor who is refused, or finds the door closed, is part of the traffic.
    const deed = deedOf(Math.random() * 100)(doors)
      .catch(() => undefined)
      .finally(() => {
        done++;
        underWay.delete(deed);
      });
    underWay.add(deed);
  }, 1_000 / perSecond);
  return {
    done: () => done,
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}

function deedOf(point: number): (shop: Doors) => Promise<void> {
  let sum = 0;
  for (const [share, deed] of DEEDS) {
    sum += share;
    if (point < sum) return deed;
  }
  return ({ storefront }) => visit(storefront, "/");
}

/** Every visitor begins a trace. */
async function visit(port: number, path: string): Promise<void> {
  const b3 = `${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-1`;
  const request = http.request({
    host: "127.0.0.1",
    port,
    path,
    agent: false,
    timeout: 5_000,
    headers: { host: "storefront.example.com", b3, "user-agent": "weir-demo" },
  });
  request.on("timeout", () => request.destroy(new Error("no answer")));
  const [answer] = (await once(request.end(), "response")) as [http.IncomingMessage];
  answer.resume();
  await once(answer, "end");
}

const call = async (port: number, path: string): Promise<void> => {
  const authority = "orders.shop.svc.cluster.local";
  await callGrpc({ port }, { path, authority, message: Buffer.from("an order") });
};

async function book(port: number): Promise<void> {
  const socket = net.connect(port, "127.0.0.1");
  socket.setTimeout(5_000, () => socket.destroy());
  socket.write("a booking");
  await once(socket, "data");
  socket.end();
  await once(socket, "close");
}
