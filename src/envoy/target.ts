import { isIP } from "node:net";
import type { ProxyListener } from "../policy/listen-file.ts";
import { parseAddress } from "../policy/address.ts";
import type { ListenAddress } from "../std/listen-address.ts";
import type { Transport } from "./loggers.ts";
import type { Needs } from "./needs.ts";

/** For whom configuration is written. */
export type Target = "envoy" | "istio" | "envoy-gateway";

/** Which of weir's two services Envoy asks. */
export type Service = "grpc" | "http";

/** What configuration is written of. */
export interface Order {
  readonly needs: Needs;
  /** Where Envoy reaches weir. */
  readonly at: ListenAddress;
  readonly service: Service;
  /** How access-log entries travel. */
  readonly transport: Transport;
}

/** Where Envoy reaches weir: as it is told, or where weir.yaml says that weir listens. A sentence where neither says it. */
export function reachable(
  listener: ProxyListener,
  told: string | undefined,
  target: Target,
): ListenAddress | string {
  const address = told === undefined ? listener.address : parseAddress(told);
  if (address === undefined) return `--at takes an address such as weir.example.com:9191, not ${told ?? ""}`;
  if (target !== "envoy" && address.kind === "unix")
    return "other machines reach no unix socket; name weir's Service with --at weir.weir.svc.cluster.local:9191";
  if (told !== undefined && address.kind === "tcp" && !isKnownTo(target, address.host))
    return `${target} reaches weir by the name of its Service: --at weir.weir.svc.cluster.local:${address.port}`;
  if (told !== undefined || address.kind === "unix") return address;
  if (address.port === 0) return "weir.yaml leaves the port to the system; name it with --at 127.0.0.1:9191";
  if (isEverywhere(address.host))
    return `${address.host} is where weir listens, and no address to connect to; name one with --at weir.example.com:${address.port}`;
  if (target === "envoy") return address;
  return `name weir's Service in the cluster with --at weir.weir.svc.cluster.local:${address.port}`;
}

const isEverywhere = (host: string): boolean => host === "0.0.0.0" || host === "::";

/** A SecurityPolicy names a Service; Istio a host of its registry, which may be one of a ServiceEntry. */
const isKnownTo = (target: Target, host: string): boolean =>
  target === "envoy" || (target === "istio" ? isIP(host) === 0 : serviceOf(host) !== undefined);

/** The Service and the namespace that a name in the cluster's DNS speaks of; `weir.edge.svc.cluster.local`. */
export function serviceOf(host: string): { readonly name: string; readonly namespace: string } | undefined {
  const [, name, namespace] = /^([a-z0-9-]+)\.([a-z0-9-]+)(?:\.svc(?:\.[a-z0-9.-]+)?)?$/.exec(host) ?? [];
  return isIP(host) !== 0 || name === undefined || namespace === undefined ? undefined : { name, namespace };
}

/**
 * How long Envoy waits for a check: longer than weir takes at most, so that weir's own answer comes, with its reason and
 * its id, and not a timeout of Envoy's that says neither.
 */
export const timeoutMs = ({ settings }: Needs): number => settings.checkTimeoutMs + TIMEOUT_MARGIN_MS;

/** What the way there and back and a busy processor may take. */
export const TIMEOUT_MARGIN_MS = 50;

/** A duration as the JSON form of protobuf's writes it. */
export const seconds = (ms: number): string => `${ms / 1000}s`;

/** The most of a body that is written for Envoy to send: what requests with a body that rules read usually need. */
export const BODY_BYTES = 65_536;

/** Whether a gateway alone asks; where names decide, sidecars may. */
export const isGateway = ({ settings: { proxy, listen } }: Needs): boolean =>
  (listen.grpc.role ?? (proxy.kind === "one" ? proxy.role : "sidecar")) === "gateway";
