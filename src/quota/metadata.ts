import type { StructValue } from "../std/struct.ts";
import type { Asked, AskedDescriptor } from "./asked.ts";
import type { Decided } from "./decide.ts";

/**
 * What Envoy puts into its metadata `envoy.filters.http.ratelimit`: the fields of envoyproxy/ratelimit
 * (RESPONSE_DYNAMIC_METADATA), so that what reads them there finds them here.
 */
export function metadataOf(asked: Asked, decided: readonly Decided[]): ReadonlyMap<string, StructValue> {
  const fields = new Map<string, StructValue>([
    ["domain", asked.domain],
    ["descriptors", asked.descriptors.map(descriptorFields)],
  ]);
  if (asked.hitsAddend > 0) fields.set("hitsAddend", asked.hitsAddend);
  const isQuota = ({ applied }: Decided): boolean => applied?.rule.standing === "quota";
  fields.set("quotaModeEnabled", decided.some(isQuota));
  const violations = decided.flatMap((one, index) =>
    isQuota(one) && one.status.code === "over-limit" ? [index] : [],
  );
  if (violations.length > 0) fields.set("quotaModeViolations", violations);
  const metadata = new Map<string, StructValue>();
  for (const { applied, status } of decided) {
    if (status.code === "over-limit") continue;
    for (const [name, value] of applied?.rule.metadata ?? [])
      if (!metadata.has(name)) metadata.set(name, value);
  }
  if (metadata.size > 0) fields.set("metadata", metadata);
  return fields;
}

function descriptorFields({ entries, limit, ownHits }: AskedDescriptor): StructValue {
  const fields = new Map<string, StructValue>([
    ["entries", entries.map(({ key, value }) => `${key}=${value}`)],
  ]);
  if (limit !== undefined)
    fields.set("limit", `requests_per_unit:${limit.requestsPerUnit} unit:${limit.unit.toUpperCase()}`);
  if (ownHits !== undefined) fields.set("hitsAddend", ownHits);
  return fields;
}
