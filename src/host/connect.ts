import { lookup } from "node:dns/promises";
import type { LookupFunction } from "node:net";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import { Agent, buildConnector, ProxyAgent, type Dispatcher } from "undici";
import type { AddressGuard } from "./address-guard.ts";
import { FetchFailure } from "./fetch-failure.ts";

/** Looks a name up; rejects where it is not known. */
export type Resolve = (host: string) => Promise<readonly ResolvedAddress[]>;

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

export interface Connections {
  readonly guard: AddressGuard;
  readonly resolve: Resolve;
  readonly proxy: string | undefined;
  /** Authorities in PEM beside the machine's own. */
  readonly authorities: string | undefined;
}

/** At most this many connections an origin, and origins at one time. */
const MAX_CONNECTIONS = 16;
const MAX_ORIGINS = 256;
const CONNECT_TIMEOUT_MS = 5_000;
/** Deadlines end requests; these end what a deadline has left behind. */
const LAST_RESORT_MS = 60_000;

export const resolveWithSystem: Resolve = (host) => lookup(host, { all: true });

/**
 * Makes the pool of connections. Without a proxy each address is checked where it is connected to, so that a name cannot
 * lead to one address when it is checked and to another when it is used.
 */
export function createDispatcher({ guard, resolve, proxy, authorities }: Connections): Dispatcher {
  const secureContext = authorities === undefined ? undefined : trusting(authorities);
  const tls = { timeout: CONNECT_TIMEOUT_MS, allowH2: false, ...(secureContext && { secureContext }) };
  const bounds = {
    connections: MAX_CONNECTIONS,
    maxOrigins: MAX_ORIGINS,
    headersTimeout: LAST_RESORT_MS,
    bodyTimeout: LAST_RESORT_MS,
    allowH2: false,
  };
  if (proxy !== undefined) return new ProxyAgent({ ...bounds, uri: proxy, proxyTls: tls, requestTls: tls });
  const connect = buildConnector({ ...tls, lookup: guardedLookup(guard, resolve) });
  return new Agent({
    ...bounds,
    connect: (options, callback) => {
      // An address needs no lookup, so it is checked here.
      const refusal = isName(options.hostname) ? undefined : guard.refuseAddress("", options.hostname);
      if (refusal === undefined) connect(options, callback);
      else callback(new FetchFailure("refused", refusal), null);
    },
  });
}

const isName = (host: string): boolean => !/^[\d.]+$|:/.test(host);

function guardedLookup(guard: AddressGuard, resolve: Resolve): LookupFunction {
  return (host, options, callback) => {
    resolve(host).then(
      (found) => {
        const refusals = found.map(({ address }) => guard.refuseAddress(host.replace(/\.$/, ""), address));
        const open = found.filter((_, index) => refusals[index] === undefined);
        const [first] = open;
        if (first === undefined) {
          const why = refusals[0] ?? "it has no address";
          callback(
            new FetchFailure("refused", `the name ${host} leads to an address that is refused: ${why}`),
            "",
            0,
          );
        } else if (options.all === true) callback(null, [...open]);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error("the lookup failed"), "", 0),
    );
  };
}

/** One context for all connections: reading a hundred authorities for each would take milliseconds. */
const trusting = (authorities: string): SecureContext =>
  createSecureContext({ ca: [...getCACertificates("default"), authorities] });
