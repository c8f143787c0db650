/**
 * The same function, with its last results kept: at most `bound`, then all are forgotten and it starts anew.
 * For pure functions of short texts that come again and again.
 */
export function remember<T>(bound: number, compute: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const own = detached(text);
    const computed = compute(own);
    // What has no result is short work again, and hostile texts do not push out the others.
    if (computed === undefined) return computed;
    if (known.size >= bound) known.clear();
    known.set(own, computed);
    return computed;
  };
}

/** A copy: a part of a text keeps the whole of it in memory, here a message of a caller's choice. */
export const detached = (text: string): string => Buffer.from(text, "utf16le").toString("utf16le");
