/** What a run of tests came to. `skipped` holds the full titles of the tests that did not run. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: readonly string[];
}

/** The line that ends every run, such as `12 passed, 0 failed, 1 skipped`. */
export function tallyLine({ passed, failed, skipped }: Tally): string {
  const line = `${passed} passed, ${failed} failed`;
  return skipped.length === 0 ? line : `${line}, ${skipped.length} skipped`;
}

/** Why a run without failures is not good, one reason an entry. A run without tests proves nothing. */
export function complaints({ passed, failed, skipped }: Tally, skips: "allowed" | "refused"): string[] {
  const reasons: string[] = [];
  if (passed + failed + skipped.length === 0) reasons.push("there was no test to run");
  if (skips === "refused")
    reasons.push(...skipped.map((title) => `skipped, which CI does not allow: ${title}`));
  return reasons;
}
