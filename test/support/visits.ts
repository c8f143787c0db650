import net from "node:net";
import { callGrpc, requestHttp1 } from "./http.ts";
import { ORDERS, type Shop } from "./shop.ts";
import { until } from "./until.ts";

/** Calls of gRPC that a round has beside one that fails, and its connections. */
export const CALLS = 4;
export const BOOKINGS = 3;
export const BOOKED = Buffer.alloc(100, "b");

/** One round: always the same requests, calls and connections; `visits` are requests from outside, by path. */
export async function visitShop(
  { storefront, orders }: Shop,
  visits: Readonly<Record<string, number>>,
): Promise<void> {
  const door = { port: storefront.port("storefront") };
  for (const [path, count] of Object.entries(visits)) {
    for (let one = 0; one < count; one++)
      await requestHttp1(door, { path, authority: "storefront.example.com" });
  }
  const message = Buffer.from("an order");
  for (let one = 0; one < CALLS; one++)
    await callGrpc(
      { port: storefront.port("grpc") },
      { path: "/shop.Orders/Get", authority: ORDERS, message },
    );
  await callGrpc(
    { port: storefront.port("grpc") },
    { path: "/shop.Orders/Fail", authority: ORDERS, message },
  );
  for (let one = 0; one < BOOKINGS; one++) await book(storefront.port("ledger"));
  // What nobody answers, and what leads out of the mesh.
  await requestHttp1({ port: storefront.port("gone") }, { authority: "gone.shop.svc.cluster.local" });
  await requestHttp1({ port: orders.port("shelf") }, { authority: "shelf.shop.svc.cluster.local" });
  await book(storefront.port("gone-tcp"));
  await book(storefront.port("bell"));
  const payments = "payments.bank.svc.cluster.local";
  for (const path of ["/orders/1", "/orders/slow", "/orders/fail"])
    await requestHttp1({ port: orders.port("payments") }, { path, authority: payments });
  await callGrpc(
    { port: orders.port("payments-grpc") },
    { path: "/bank.Payments/Get", authority: payments, message },
  );
  await book(orders.port("payments-tcp"));
}

/** Sends bytes and waits until they are back, or the connection is closed. */
async function book(port: number): Promise<void> {
  const socket = net.connect(port, "127.0.0.1");
  // Who is refused may be reset, which is an end like another.
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => socket.destroy());
  let missing = BOOKED.length;
  socket.on("data", (chunk: Buffer) => {
    missing -= chunk.length;
    if (missing <= 0) socket.end();
  });
  socket.write(BOOKED);
  await closed;
}

/** Waits until weir has what Envoys wrote, which they send within their interval. */
export async function allReceived({ weir, storefront, orders }: Shop): Promise<void> {
  await until(
    async () => {
      const stats = await Promise.all(
        [storefront, orders].map((one) => one.stats("access_logs.grpc_access_log.grpc_entries_flushed")),
      );
      // Of TCP, Envoy counts only what it sends.
      const written = stats.reduce(
        (sum, found) => sum + [...found.values()].reduce((one, more) => one + more, 0),
        0,
      );
      const samples = await weir.metrics();
      const received = [...samples].reduce(
        (sum, [name, count]) => (name.startsWith("weir_report_received_total") ? sum + count : sum),
        0,
      );
      return written > 0 && received === written;
    },
    { what: "weir to receive what Envoys wrote", timeoutMs: 20_000 },
  );
}
