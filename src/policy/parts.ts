import { resolve } from "node:path";
import { settingsOf } from "./compile-settings.ts";
import type { Document } from "./document.ts";
import type { Loaded } from "./load.ts";
import { ownershipOf, ownersOf } from "./ownership.ts";
import { parseServer } from "./schema.ts";
import { SERVER_DEFAULTS, type ServerFile } from "./server-file.ts";
import type { Ownership } from "./snapshot.ts";

/** The name of the part that is no team's. */
export const PLATFORM = "";

/** Which part of a configuration a file is of: a team's by its folder, or the platform's. */
export interface Division {
  /** The weir.yaml that divides; undefined where there is none. */
  readonly file: string | undefined;
  /** All parts, the platform first. */
  readonly parts: readonly string[];
  readonly partOf: (file: string) => string;
  /** The absolute path of a team's folder; empty for the platform. */
  readonly folderOf: (part: string) => string;
  /** What a team owns. */
  readonly ownership: (team: string) => Ownership;
}

/** How weir.yaml divides the files. */
export type Dividing =
  | { readonly kind: "divided"; readonly division: Division }
  /** There is no weir.yaml: the files are one part. */
  | { readonly kind: "one-part"; readonly division: Division }
  /** It cannot be read as a whole. */
  | { readonly kind: "unreadable" };

/** `isEligible` says which files may be the weir.yaml that holds. */
export function dividingOf(
  documents: readonly Document[],
  isEligible: (file: string) => boolean = () => true,
): Dividing {
  const servers = documents.filter(({ kind, file }) => kind === "server" && isEligible(file));
  if (servers.length === 0) return { kind: "one-part", division: ONE_PART };
  const read = servers.flatMap((document) => {
    const { value, isWhole } = parseServer(document);
    return value === undefined || !isWhole ? [] : [{ document, file: value }];
  });
  const [first] = serverFirst(read);
  if (first === undefined || read.length < servers.length) return { kind: "unreadable" };
  return { kind: "divided", division: dividedBy(first.file, first.document.file) };
}

/** The files of servers with the one first that is no team's by what another says: a team must not configure the server. */
export function serverFirst<T extends { readonly document: Document; readonly file: ServerFile }>(
  read: readonly T[],
): readonly T[] {
  if (read.length < 2) return read;
  const owners = read.map(({ document, file }) => ownersOf(settingsOf(file, document.file)));
  const first = read.find((one) =>
    owners.every((ownerOf, index) => read[index] === one || ownerOf(one.document.file) === undefined),
  );
  return first === undefined ? read : [first, ...read.filter((one) => one !== first)];
}

function dividedBy(file: ServerFile, path: string | undefined): Division {
  const settings = settingsOf(file, path);
  const { teams, folder } = settings;
  const owners = ownersOf(settings);
  return {
    file: path,
    parts: [PLATFORM, ...teams.keys()],
    partOf: (one) => owners(one) ?? PLATFORM,
    folderOf: (part) => {
      const team = teams.get(part);
      return team === undefined ? "" : resolve(folder, team.folder);
    },
    ownership: (team) =>
      ownershipOf(team, teams.get(team)?.owns ?? { hosts: [], destinations: [], domains: [] }),
  };
}

/** How files are divided without a weir.yaml. */
export const ONE_PART: Division = dividedBy(SERVER_DEFAULTS, undefined);

/** What was loaded, by part. Files that others name are not read yet, but for keys files that lie in the folders. */
export function partition(loaded: Loaded, division: Division): ReadonlyMap<string, Loaded> {
  const { partOf } = division;
  const documents = Map.groupBy(loaded.documents, ({ file }) => partOf(file));
  const diagnostics = Map.groupBy(loaded.diagnostics, ({ file }) => partOf(file));
  const references = Map.groupBy(loaded.references, ({ document }) => partOf(document.file));
  const keys = Map.groupBy(loaded.companions.keys, ([path]) => partOf(path));
  return new Map(
    division.parts.map((part) => [
      part,
      {
        documents: documents.get(part) ?? [],
        diagnostics: diagnostics.get(part) ?? [],
        references: references.get(part) ?? [],
        companions: { data: new Map(), jwks: new Map(), keys: new Map(keys.get(part)) },
      },
    ]),
  );
}

/** Parts as one configuration. Each has read what its own files name, and no two name the same where nothing is wrong. */
export const joinParts = (parts: readonly Loaded[]): Loaded => ({
  documents: parts.flatMap(({ documents }) => documents),
  diagnostics: parts.flatMap(({ diagnostics }) => diagnostics),
  references: parts.flatMap(({ references }) => references),
  companions: {
    data: new Map(parts.flatMap(({ companions }) => [...companions.data])),
    keys: new Map(parts.flatMap(({ companions }) => [...companions.keys])),
    jwks: new Map(parts.flatMap(({ companions }) => [...companions.jwks])),
  },
});
