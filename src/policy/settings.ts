import type { Reading } from "../attributes/attributes.ts";
import type { ListenAddress } from "../std/listen-address.ts";

/** weir.yaml with its defaults: what the operator decides. */
export interface Settings extends Reading {
  readonly listen: {
    readonly grpc: ListenAddress;
    readonly metrics: ListenAddress;
  };
  /** The most one check may take, in milliseconds; Envoy's own timeout counts when it is shorter. */
  readonly checkTimeoutMs: number;
  /** How many checks one connection of Envoy's may have under way at once. */
  readonly maxInFlight: number;
  /** What happens to a request that no policy which can grant matches. */
  readonly ungoverned: "deny" | "allow";
}
