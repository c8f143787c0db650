import type { Json } from "./bootstrap.ts";
import type { Credential } from "./certificates.ts";

/** One workload of a small mesh, and what its proxy is told. */
export interface Workload {
  /** `storefront`: of the workload, its service and its service account alike. */
  readonly name: string;
  readonly namespace: string;
  readonly cluster: string;
  readonly credential: Credential;
  /** The authority that all workloads trust, PEM. */
  readonly ca: string;
}

export interface Port {
  readonly host: string;
  readonly port: number;
}

/** What the proxy in front of a workload takes for it. */
export interface Inbound {
  readonly kind: "http" | "tcp";
  /** The listener's name; its port is chosen by the system unless given. */
  readonly listener: string;
  readonly port?: number;
  readonly app: Port;
  /** Whether callers prove who they are. */
  readonly tls: "mutual" | "none";
}

/** Where the proxy sends what its workload calls. */
export interface Outbound {
  readonly kind: "http" | "tcp";
  readonly listener: string;
  /** The workload that is called. */
  readonly service: string;
  readonly namespace: string;
  /** The inbound listener of its proxy, or the service itself where it has none; undefined: nobody is there. */
  readonly to: Port | undefined;
  readonly tls: "mutual" | "none";
}

export const inboundName = ({ app }: Inbound): string => `inbound|${app.port}||`;

export const outboundName = ({ service, namespace, listener }: Outbound): string =>
  `outbound|8080|${listener}|${hostOf({ service, namespace })}`;

export const hostOf = ({ service, namespace }: Pick<Outbound, "service" | "namespace">): string =>
  `${service}.${namespace}.svc.cluster.local`;

/** What both ends of a connection of the mesh prove themselves with. */
export const commonTls = ({ credential, ca }: Workload): Json => ({
  tls_certificates: [
    {
      certificate_chain: { inline_string: credential.certificate },
      private_key: { inline_string: credential.key },
    },
  ],
  validation_context: { trusted_ca: { inline_string: ca } },
});

export const address = ({ host, port }: Port): Json => ({
  socket_address: { address: host, port_value: port },
});
