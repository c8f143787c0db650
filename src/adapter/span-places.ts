import { hash } from "node:crypto";
import type { Exchange } from "./report.ts";
import type { ContextIds } from "./trace-context.ts";

/**
 * What the ids in a request's headers are taken for: `join` for the span that the proxy tells of, `child` for the one above it; `auto`
 * joins B3, whose spans both ends of a call share.
 */
export type Joining = "auto" | "join" | "child";

/** The ids of what one proxy tells: of the spans that it received, sent on, or both. */
export interface Places {
  readonly traceId: string;
  readonly server: Place | undefined;
  readonly client: Place | undefined;
}

/** One span's place in its trace. */
export interface Place {
  readonly id: string;
  readonly parentId: string | undefined;
  /** `shared`: the span of the same id that the caller began. */
  readonly ownership: "own" | "shared";
}

/**
 * Where the spans of an exchange stand. What its headers do not give follows from the exchange's id and the trace's, so that what is
 * told again is the same span.
 */
export function placesOf(exchange: Exchange, ids: ContextIds | undefined, mode: Joining): Places {
  const traceId = ids?.traceId ?? derivedId("trace", exchange.id, "").slice(0, 32);
  const own = (kind: "server" | "client"): string => derivedId(kind, exchange.id, traceId).slice(0, 16);
  if (ids !== undefined && isJoined(ids, mode)) return joined(exchange.side, ids, own("server"));

  const server: Place = { id: own("server"), parentId: ids?.spanId, ownership: "own" };
  const client: Place = { id: own("client"), parentId: ids?.spanId, ownership: "own" };
  switch (exchange.side) {
    case "server":
      return { traceId, server, client: undefined };
    case "client":
      return { traceId, server: undefined, client };
    case "gateway":
      return { traceId, server, client: { ...client, parentId: server.id } };
  }
}

const isJoined = ({ form }: ContextIds, mode: Joining): boolean =>
  mode === "join" || (mode === "auto" && form === "b3");

/**
 * The ids are of this proxy's own span, which in B3 both ends of a call share. A gateway's are of the span that it sends on, and the
 * one above is that which it received.
 */
function joined(side: Exchange["side"], ids: ContextIds, serverId: string): Places {
  const { traceId, spanId: id, parentId, form } = ids;
  switch (side) {
    case "server":
      return {
        traceId,
        server: { id, parentId, ownership: form === "b3" ? "shared" : "own" },
        client: undefined,
      };
    case "client":
      return { traceId, server: undefined, client: { id, parentId, ownership: "own" } };
    case "gateway": {
      const server: Place = { id: parentId ?? serverId, parentId: undefined, ownership: "own" };
      return { traceId, server, client: { id, parentId: server.id, ownership: "own" } };
    }
  }
}

/** 64 hex digits. */
const derivedId = (kind: string, exchangeId: string, traceId: string): string =>
  hash("sha256", `weir ${kind}\0${traceId}\0${exchangeId}`);

/** Whether a trace is one of a share from 0 to 1: the same everywhere, and for the short form of its id. */
export function isInShare(traceId: string, share: number): boolean {
  return parseInt(hash("sha256", traceId.slice(-16)).slice(0, 12), 16) < share * 2 ** 48;
}
