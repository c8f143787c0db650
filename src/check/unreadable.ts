import { owns } from "../policy/ownership.ts";
import { destinationOf } from "../policy/subject.ts";
import { ownDenial } from "./denial.ts";
import type { Question } from "./question.ts";
import type { Denied } from "./verdict.ts";

/**
 * What is not decided about at all: what two servers may read differently, and what belongs to a team whose policies
 * have never been good.
 */
export function refuseUnreadable({ snapshot, attributes }: Question): Denied | undefined {
  const isHttp = attributes.kind === "http";
  if (isHttp && attributes.request.host === undefined) return ownDenial("weir/bad-host");
  if (isHttp && attributes.request.target.kind === "ambiguous") return ownDenial("weir/ambiguous-path");
  if (snapshot.unloaded.length === 0) return undefined;
  const host = isHttp ? attributes.request.host : undefined;
  const destination = destinationOf(attributes);
  const isUnloaded = snapshot.unloaded.some((one) => owns(one, host, destination));
  return isUnloaded ? ownDenial("weir/team-not-loaded") : undefined;
}
