/** What stands for all values beyond the bound. */
const OVERFLOW = "other";

/** Gives each value back, of the first `most` different ones; `other` for all that come later. */
export function boundedLabel(most: number): (value: string) => string {
  const known = new Map<string, string>();
  return (value) => {
    const found = known.get(value);
    if (found !== undefined) return found;
    if (known.size >= most) return OVERFLOW;
    // A copy: a part of a text keeps the whole of it in memory, here a message.
    const own = Buffer.from(value, "utf16le").toString("utf16le");
    known.set(own, own);
    return own;
  };
}
