import type { EntryAttributes } from "../attributes/entry.ts";
import { Unknown } from "../cel/expression.ts";
import type { Signer } from "../host/signer.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import type { Store } from "../store/store.ts";
import { readReservation, type Reservation } from "./reservation.ts";

/**
 * What became of one token. `forged`: weir has not signed it. `unknown`: what it came to cannot be had. `gone`: it was settled before,
 * or not within its time. `failed`: the store could not be asked; what was reserved stays as `ifLost` says.
 */
export type Settling = "settled" | "forged" | "unknown" | "gone" | "failed";

export interface Settler {
  readonly store: () => Store;
  readonly signer: Signer;
  readonly live: () => Pick<Snapshot, "policies"> | undefined;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  readonly onSettled: (by: Pick<Reservation, "policy" | "quota">, result: Settling) => void;
}

const NOBODYS = { policy: "", quota: "" };

/** How long the store may take. */
export const SETTLE_PATIENCE_MS = 1_000;

/** The domain of rate-limit requests in which late costs are settled. No file has it: names that begin so are weir's own. */
export const SETTLE_DOMAIN = "weir/settle";

/** The entry that carries what a check's answer has in `weir.settle`. */
export const TOKEN_ENTRY = "token";

/** The entry that says which quota it is that is settled, `models/tokens`; without it, all of the tokens'. */
export const QUOTA_ENTRY = "quota";

/** The hits that a quota's `settle` finds in an access-log entry: it may read all that entries have, and nothing of checks. */
export const byEntry =
  (live: Settler["live"], entry: EntryAttributes) =>
  ({ policy, quota }: Reservation): number | undefined => {
    const cost = live()
      ?.policies.find(({ id }) => id === policy)
      ?.quotas.find(({ id }) => id === quota)?.cost;
    const value = cost?.kind === "late" ? cost.settle.evaluate(entry) : undefined;
    return value instanceof Unknown || typeof value !== "bigint" || value < 0n ? undefined : Number(value);
  };

/** What a reservation came to; undefined where that is not known, `another's` where it is not spoken of. */
export type HitsOf = (reservation: Reservation) => number | "another's" | undefined;

/**
 * Settles the tokens that an answer carried, once each, wherever and by whichever replica. Where `hitsOf` knows nothing, nothing is
 * changed. Yields what became of those that are spoken of.
 */
export async function settle(
  tokens: readonly string[],
  hitsOf: HitsOf,
  settler: Settler,
): Promise<readonly Settling[]> {
  const settled = await Promise.all(
    tokens.slice(0, MAX_TOKENS).map(async (token) => {
      const reservation = readReservation(token, settler.signer);
      const hits = reservation && hitsOf(reservation);
      if (hits === "another's") return [];
      const result = reservation === undefined ? "forged" : await settleOne(reservation, hits, settler);
      settler.onSettled(reservation ?? NOBODYS, result);
      return [result];
    }),
  );
  return settled.flat();
}

/** A request has no more late costs than policies have quotas; a forged list may be long. */
const MAX_TOKENS = 100;

async function settleOne(
  reservation: Reservation,
  hits: number | undefined,
  { store, nowMs }: Settler,
): Promise<Settling> {
  if (hits === undefined) return "unknown";
  const settled = await store().settle({ ...reservation.settlement, hits }, nowMs() + SETTLE_PATIENCE_MS);
  return settled.kind;
}
