import type { Exchange } from "../../../src/adapter/report.ts";

/** A request that the caller's proxy tells of, at 2023-11-14T22:13:20Z, with what a test wants otherwise. */
export function exchangeOf(over: Partial<Exchange> = {}): Exchange {
  return {
    kind: "exchange",
    observedAtMs: 1_700_000_001_250,
    added: new Map(),
    trace: undefined,
    side: "client",
    context: new Map(),
    id: "sidecar~10.0.0.1~shop 7f3c",
    name: "GET /orders/7",
    startedAtUs: 1_700_000_000_000_000,
    durationUs: 12_500,
    called: { startedAtUs: 1_700_000_000_001_000, durationUs: 11_000 },
    local: { service: "shop", ip: "10.0.0.1", port: undefined },
    remote: { service: "orders", ip: "10.0.0.2", port: 8080 },
    failure: undefined,
    attributes: new Map(),
    ...over,
  };
}

/** The headers that a test writes as an object. */
export const contextOf = (headers: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(headers));
