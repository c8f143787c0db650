import { isIPv4, isIPv6 } from "node:net";
import type { Endpoint, Exchange, Interval } from "../../src/adapter/report.ts";
import { readTraceContext } from "../../src/adapter/trace-context.ts";
import type { ZipkinConfig } from "./config.ts";
import { isInShare, placesOf, type Place } from "../../src/adapter/span-places.ts";
import { tagsOf } from "./tags.ts";

/** A span of Zipkin's API, version 2, as JSON has it. Source: openzipkin/zipkin-api, zipkin2-api.yaml. */
export interface Span {
  readonly traceId: string;
  readonly parentId: string | undefined;
  readonly id: string;
  readonly kind: "CLIENT" | "SERVER";
  readonly name: string | undefined;
  /** Epoch microseconds. */
  readonly timestamp: number | undefined;
  /** Microseconds, at least 1. */
  readonly duration: number | undefined;
  readonly localEndpoint: ZipkinEndpoint | undefined;
  readonly remoteEndpoint: ZipkinEndpoint | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly debug: true | undefined;
  readonly shared: true | undefined;
}

export interface ZipkinEndpoint {
  readonly serviceName: string | undefined;
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
  readonly port: number | undefined;
}

export type Made =
  | { readonly kind: "spans"; readonly spans: readonly Span[] }
  | { readonly kind: "none"; readonly reason: "unsampled" | "correlate" };

/**
 * The spans of an exchange: a caller's proxy tells of a CLIENT span, the called one's of a SERVER span, a gateway of the one that it
 * received and, where it called anyone, the one that it sent on.
 */
export function spansOf(exchange: Exchange, { mode, share }: Pick<ZipkinConfig, "mode" | "share">): Made {
  if (mode === "correlate") return { kind: "none", reason: "correlate" };
  const context = readTraceContext((name) => exchange.context.get(name));
  const { traceId, server, client } = placesOf(exchange, context?.ids, mode);
  const sampling = context?.sampling ?? "defer";
  if (sampling === "deny" || (sampling === "defer" && !isInShare(traceId, share))) {
    return { kind: "none", reason: "unsampled" };
  }
  const { side, called } = exchange;
  const of = (exchanged: Pick<Span, "kind" | "remoteEndpoint">, place: Place, when: Interval): Span => ({
    traceId,
    parentId: place.parentId,
    id: place.id,
    ...exchanged,
    name: exchange.name === "" ? undefined : exchange.name.toLowerCase(),
    timestamp: microseconds(when.startedAtUs),
    duration: when.durationUs === undefined ? undefined : (microseconds(when.durationUs) ?? 1),
    localEndpoint: localEndpointOf(exchange.local),
    tags: tagsOf(exchange),
    debug: sampling === "debug" ? true : undefined,
    shared: place.ownership === "shared" ? true : undefined,
  });
  const remoteEndpoint = endpointOf(exchange.remote);
  const spans: Span[] = [];
  if (server !== undefined) {
    // Who calls a gateway is not among the ends that it tells of.
    const caller = side === "gateway" ? undefined : remoteEndpoint;
    spans.push(of({ kind: "SERVER", remoteEndpoint: caller }, server, exchange));
  }
  const calledAt = side === "gateway" ? called : exchange;
  if (client !== undefined && calledAt !== undefined) {
    spans.push(of({ kind: "CLIENT", remoteEndpoint }, client, calledAt));
  }
  return { kind: "spans", spans };
}

/** Zipkin takes 0 for absent. */
function microseconds(value: number): number | undefined {
  const whole = Math.round(value);
  return whole >= 1 && Number.isSafeInteger(whole) ? whole : undefined;
}

/**
 * Of a span that both ends share, Zipkin finds the called one's side for the spans below it by the whole of its local endpoint: one workload
 * has to have one, whichever of its addresses a proxy logs.
 */
const localEndpointOf = (local: Endpoint): ZipkinEndpoint | undefined =>
  endpointOf({ ...local, ip: local.service === "" ? local.ip : undefined, port: undefined });

function endpointOf({ service, ip = "", port }: Endpoint): ZipkinEndpoint | undefined {
  const endpoint = {
    serviceName: service === "" ? undefined : service.toLowerCase(),
    ipv4: isIPv4(ip) ? ip : undefined,
    ipv6: isIPv6(ip) ? ip : undefined,
    port: port !== undefined && port > 0 && port <= 65_535 ? port : undefined,
  };
  const isKnown =
    endpoint.serviceName !== undefined || endpoint.ipv4 !== undefined || endpoint.ipv6 !== undefined;
  return isKnown ? endpoint : undefined;
}
