import { dirname, resolve } from "node:path";
import { hostsWithin } from "./match.ts";
import type { Settings } from "./settings.ts";
import type { Ownership } from "./snapshot.ts";
import type { Owned } from "./teams-file.ts";

/** The team whose folder a file lies in, or is; undefined: it is of the platform. */
export type Owners = (file: string) => string | undefined;

/** Whose the files are, by the folders that weir.yaml gives to teams. */
export function ownersOf({ folder, teams }: Pick<Settings, "folder" | "teams">): Owners {
  if (teams.size === 0) return () => undefined;
  const byFolder = new Map(Array.from(teams, ([name, team]) => [resolve(folder, team.folder), name]));
  return (file) => {
    // No team's folder lies in another's, so there is one answer at most.
    for (let path = resolve(file); ; path = dirname(path)) {
      const owner = byFolder.get(path);
      if (owner !== undefined || path === dirname(path)) return owner;
    }
  };
}

/** What a team owns, as requests are compared with it. */
export const ownershipOf = (team: string, { hosts, destinations, domains }: Owned): Ownership => ({
  team,
  hosts,
  destinations,
  domains,
});

/** Whether what a request is for is the team's. */
export const owns = (
  { hosts, destinations }: Ownership,
  host: string | undefined,
  destination: string | undefined,
): boolean =>
  (host !== undefined && hosts.some((pattern) => hostsWithin({ kind: "exact", name: host }, pattern))) ||
  (destination !== undefined && destinations.some((pattern) => isWithinDestination(destination, pattern)));

/** Whether a destination is what `namespace/service-account` or `namespace/*` names. */
export const isWithinDestination = (destination: string, pattern: string): boolean =>
  pattern.endsWith("/*") ? destination.startsWith(pattern.slice(0, -1)) : destination === pattern;
