/** Claims nest no deeper than this. */
const MAX_DEPTH = 32;

/**
 * What JSON.parse made of an object, as Maps all the way down, so that a claim named `__proto__` is a claim like any
 * other. Undefined where it nests too deeply.
 */
export function claimsOf(payload: object): ReadonlyMap<string, unknown> | undefined {
  return depthOf(payload) > MAX_DEPTH ? undefined : mapOf(payload);
}

const mapOf = (object: object): ReadonlyMap<string, unknown> =>
  new Map(Object.entries(object).map(([name, value]) => [name, valueOf(value)]));

function valueOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(valueOf);
  return typeof value === "object" && value !== null ? mapOf(value) : value;
}

/** At most one more than the deepest that is allowed. */
function depthOf(value: unknown, above = 0): number {
  if (typeof value !== "object" || value === null || above > MAX_DEPTH) return above;
  let deepest = above + 1;
  for (const part of Object.values(value)) deepest = Math.max(deepest, depthOf(part, above + 1));
  return deepest;
}
