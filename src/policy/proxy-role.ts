import type { ProxyFacts } from "../attributes/facts.ts";
import type { ProxyRole } from "../attributes/proxy.ts";
import { matchesSpiffe, type SpiffePattern } from "./caller-pattern.ts";

/** `proxy` of weir.yaml: the same for all, or by the SPIFFE id of the proxy; one that is not named is a sidecar. */
export type ProxyRoles =
  | { readonly kind: "one"; readonly role: ProxyRole }
  | {
      readonly kind: "byPrincipal";
      /** The most exact first. */
      readonly roles: readonly (readonly [pattern: SpiffePattern, role: ProxyRole])[];
    };

/** The roles with the most exact pattern first, so that the order in the file never matters. */
export const rolesByPrincipal = (roles: ReadonlyMap<SpiffePattern, ProxyRole>): ProxyRoles => ({
  kind: "byPrincipal",
  roles: [...roles].sort(
    ([left], [right]) =>
      Number(right.reach === "exact") - Number(left.reach === "exact") ||
      right.name.length - left.name.length,
  ),
});

/** The role of the proxy that asks: what its listener says comes first. One that proved no name is a sidecar where names decide. */
export function proxyRole(roles: ProxyRoles, { principal, listenerRole }: ProxyFacts): ProxyRole {
  if (listenerRole !== undefined) return listenerRole;
  if (roles.kind === "one") return roles.role;
  if (principal === undefined) return "sidecar";
  return roles.roles.find(([pattern]) => matchesSpiffe(pattern, principal))?.[1] ?? "sidecar";
}
