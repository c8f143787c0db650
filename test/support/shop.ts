import { createAuthority } from "./certificates.ts";
import { type Envoy, startEnvoy } from "./envoy.ts";
import { startGrpcOrders, startLedger, startOrders, startStorefront } from "./services.ts";
import { hostOf, type Outbound, type Port, type Workload } from "./sidecar-parts.ts";
import { sidecarBootstrap, type Sidecar } from "./sidecars.ts";
import type { Found } from "../servers/ensure.ts";
import { removeFolder, startWeir, type ServeOptions, type Weir, writeFolder } from "./weir.ts";

/** Two workloads of a mesh with their proxies, and the weir that both ask and tell. */
export interface Shop {
  readonly folder: string;
  readonly weir: Weir;
  /**
   * Stands before `web/storefront`. Its listeners `storefront` and, over TCP, `bell` are for callers from outside; `orders`, `grpc` and `ledger` lead to the
   * other proxy, `gone` and `gone-tcp` to a service of which nobody is there.
   */
  readonly storefront: Envoy;
  /** Stands before `shop/orders`; `payments`, `payments-grpc` and `payments-tcp` lead to `bank/payments`, and `shelf` to `shop/shelf`, which have no proxies. */
  readonly orders: Envoy;
}

export interface ShopSetup {
  readonly envoy: Found;
  /** Text by path, with a weir.yaml. */
  readonly files: Readonly<Record<string, string>>;
  readonly serve?: ServeOptions;
  /** The port of the listener for callers from outside; absent: the system chooses. */
  readonly port?: number;
  readonly buffer?: Sidecar["buffer"];
  readonly tracer?: Sidecar["tracer"];
  /** What callers from outside are held against. */
  readonly rateLimits?: Sidecar["rateLimits"];
}

/** How the storefront calls orders. */
export const ORDERS = hostOf({ service: "orders", namespace: "shop" });

/** Starts everything; `open` stops it in reverse. */
export async function startShop(setup: ShopSetup, open: AsyncDisposableStack): Promise<Shop> {
  const folder = open.adopt(await writeFolder(setup.files), removeFolder);
  const weir = open.adopt(await startWeir(folder, setup.serve), (started) => started.process.stop());
  const [storefront, orders] = await workloads(["web", "storefront"], ["shop", "orders"]);
  const at = tcpAddress(weir);
  const { buffer, tracer } = setup;
  const own = { weir: at, ...(buffer && { buffer }), ...(tracer && { tracer }) };
  const start = async (sidecar: Sidecar): Promise<Envoy> =>
    open.adopt(await startEnvoy({ program: setup.envoy, config: sidecarBootstrap(sidecar) }), (started) =>
      started.stop(),
    );
  /** Where the proxies lead, once they are there. */
  const doors = { orders: 0, payments: 0 };
  const callPayments = () => ({ port: doors.payments, authority: hostOf(PAYMENTS) });
  const services = {
    orders: open.adopt(await startOrders(callPayments), (started) => started.stop()),
    grpc: open.adopt(await startGrpcOrders(), (started) => started.stop()),
    ledger: open.adopt(await startLedger(), (started) => started.stop()),
  };
  const ordersProxy = await start({
    ...own,
    workload: orders,
    inbound: [
      { kind: "http", listener: "orders", app: services.orders, tls: "mutual" },
      { kind: "http", listener: "grpc", app: services.grpc, tls: "mutual" },
      { kind: "tcp", listener: "ledger", app: services.ledger, tls: "mutual" },
    ],
    outbound: [
      outbound("http", "payments", { ...PAYMENTS, to: services.orders }),
      outbound("http", "payments-grpc", { ...PAYMENTS, to: services.grpc }),
      outbound("tcp", "payments-tcp", { ...PAYMENTS, to: services.ledger }),
      outbound("http", "shelf", { ...PAYMENTS, service: "shelf", namespace: "shop", to: services.orders }),
    ],
  });
  const toOrders = (kind: Outbound["kind"], listener: string): Outbound => {
    const to = { host: "127.0.0.1", port: ordersProxy.port(listener) };
    return outbound(kind, listener, { service: "orders", namespace: "shop", to, tls: "mutual" });
  };
  const callOrders = () => ({ port: doors.orders, authority: ORDERS });
  const app = open.adopt(await startStorefront(callOrders), (started) => started.stop());
  const storefrontProxy = await start({
    ...own,
    ...(setup.rateLimits && { rateLimits: setup.rateLimits }),
    workload: storefront,
    inbound: [
      { kind: "http", listener: "storefront", app, tls: "none", port: setup.port ?? 0 },
      { kind: "tcp", listener: "bell", app: services.ledger, tls: "none" },
    ],
    outbound: [
      ...[toOrders("http", "orders"), toOrders("http", "grpc"), toOrders("tcp", "ledger")],
      ...[outbound("http", "gone", GONE), outbound("tcp", "gone-tcp", GONE)],
    ],
  });
  doors.orders = storefrontProxy.port("orders");
  doors.payments = ordersProxy.port("payments");
  return { folder, weir, storefront: storefrontProxy, orders: ordersProxy };
}

const PAYMENTS = { service: "payments", namespace: "bank", tls: "none" } as const;
const GONE = { service: "gone", namespace: "shop", tls: "none", to: undefined } as const;

const outbound = (
  kind: Outbound["kind"],
  listener: string,
  to: Omit<Outbound, "kind" | "listener">,
): Outbound => ({ kind, listener, ...to });

type Named = readonly [namespace: string, name: string];

/** Each with a certificate of one authority. */
async function workloads(...names: readonly [Named, Named]): Promise<readonly [Workload, Workload]> {
  const authority = await createAuthority();
  const workload = async ([namespace, name]: Named): Promise<Workload> => ({
    name,
    namespace,
    // As Kiali calls the only one that it knows.
    cluster: "Kubernetes",
    credential: await authority.issue({ uris: [`spiffe://cluster.local/ns/${namespace}/sa/${name}`] }),
    ca: authority.ca,
  });
  return [await workload(names[0]), await workload(names[1])];
}

function tcpAddress({ checks }: Weir): Port {
  if ("unix" in checks) throw new Error("the sidecars ask over TCP");
  return checks;
}
