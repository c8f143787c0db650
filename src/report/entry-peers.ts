import type { AddressFacts, EntryFacts } from "../attributes/entry-facts.ts";
import type { PeerFacts } from "../attributes/facts.ts";

type Ends = Pick<EntryFacts, "address" | "principal">;

/**
 * The peer that connected to Envoy, as a check has it. An address that Envoy took from a forwarded header has no port; one of the PROXY
 * protocol has.
 */
export function sourceOf(entry: Ends): PeerFacts {
  const remote = entry.address("downstream_remote");
  const isForwarded = remote === undefined || (remote.port ?? 0) === 0;
  const peer = isForwarded ? (entry.address("downstream_direct_remote") ?? remote) : remote;
  return peerOf(peer, entry.principal("source"));
}

/** Envoy's own end of the connection, as a check has it. */
export const destinationOf = (entry: Ends): PeerFacts =>
  peerOf(entry.address("downstream_local"), entry.principal("destination"));

const peerOf = (address: AddressFacts | undefined, principal: string): PeerFacts => ({
  address: address?.address ?? "",
  port: address?.port,
  principal,
  certificate: "",
});
