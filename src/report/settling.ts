import type { EntryAttributes } from "../attributes/entry.ts";
import { byEntry, settle, type Settler } from "../limits/settle.ts";

export interface SettlingOptions {
  readonly settler: Settler;
  /** Told of an entry whose costs are not settled, because too many wait for the store. */
  readonly onDropped: () => void;
  readonly onError: (error: unknown) => void;
}

/** Entries whose costs the store has not yet answered about, at most; they are settled by the store's own patience otherwise. */
const MAX_WAITING = 1_000;

/** Settles the late costs of requests by their access-log entries, in nobody's way. */
export function settling({
  settler,
  onDropped,
  onError,
}: SettlingOptions): (tokens: readonly string[], entry: EntryAttributes) => void {
  let waiting = 0;
  return (tokens, entry) => {
    if (waiting >= MAX_WAITING) {
      onDropped();
      return;
    }
    waiting++;
    // Owned: the settler bounds how long it takes.
    void settle(tokens, byEntry(settler.live, entry), settler)
      .catch(onError)
      .finally(() => waiting--);
  };
}
