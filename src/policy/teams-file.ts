import { delegate, either, ID_FORM, misplaced, name, parsedText, refuse, text } from "./fields.ts";
import { entries, list, mapping } from "./fields-of-collections.ts";
import { told } from "./forms.ts";
import type { HostPattern } from "./match.ts";
import { hostPattern } from "./outbound-file.ts";
import { isDestination } from "./patterns.ts";
import { isList } from "./tree.ts";

/** One entry of `teams`: a part of the configuration with files of its own. */
export interface TeamFile {
  /** Relative to the folder of weir.yaml, without a slash at either end; no team's folder lies in another's. */
  readonly folder: string;
  readonly owns: Owned;
  /** The handlers that its policies may ask; undefined: all. */
  readonly mayAsk: ReadonlySet<string> | undefined;
}

/** What a team's policies may match. */
export interface Owned {
  readonly hosts: readonly HostPattern[];
  /** `namespace/service-account`, or `namespace/*`. */
  readonly destinations: readonly string[];
  /** Domains of rate limits. */
  readonly domains: readonly string[];
}

const isFolder = (path: string): boolean =>
  path.split("/").every((part) => /^[^\\\0/]{1,255}$/.test(part) && !part.startsWith("."));

const isOwnDestination = (written: string): boolean =>
  isDestination(written.endsWith("/*") ? `${written.slice(0, -1)}any` : written);

const WRITTEN_OWNS = mapping({
  hosts: list(hostPattern(), "hosts").optional(),
  destinations: list(
    parsedText("namespace/service-account, or namespace/* for all of a namespace", (written) =>
      isOwnDestination(written) ? written : undefined,
    ),
    "destinations",
  ).optional(),
  domains: list(text("a domain of rate limits"), "domains").optional(),
});

const OWNS = told({ minProperties: 1 }, WRITTEN_OWNS).transform((found, context): Owned => {
  const { hosts = [], destinations = [], domains = [] } = found;
  if (hosts.length + destinations.length + domains.length === 0) {
    const message = "a team that owns nothing can match nothing";
    refuse(context, misplaced("one-of", message, "write hosts, destinations or domains"));
  }
  return { hosts, destinations, domains };
});

const SOME_HANDLERS = list(text("the name of a handler"), "handlers");

/** An empty list is one here: a team that may ask nobody. */
const HANDLERS = told(
  { minItems: 0 },
  either([SOME_HANDLERS], (value, context): readonly string[] =>
    isList(value) && value.length === 0 ? [] : delegate(context, SOME_HANDLERS, value),
  ),
);

const TEAM = mapping({
  folder: parsedText("a folder below that of weir.yaml, such as teams/orders", (path) => {
    const plain = path.replace(/\/$/, "");
    return isFolder(plain) ? plain : undefined;
  }),
  owns: OWNS,
  may: mapping({ handlers: HANDLERS.optional() }).optional(),
}).transform(({ folder, owns, may }): TeamFile => ({
  folder,
  owns,
  mayAsk: may?.handlers === undefined ? undefined : new Set(may.handlers),
}));

/** `teams` of weir.yaml. */
export const TEAMS = entries(TEAM, name(ID_FORM, "key")).transform(
  (found, context): ReadonlyMap<string, TeamFile> => {
    const teamOf = new Map<string, string>();
    const teamBelow = new Map<string, string>();
    for (const [id, { folder }] of found) {
      const above = foldersAbove(folder);
      const other =
        teamBelow.get(folder) ??
        [folder, ...above].map((one) => teamOf.get(one)).find((one) => one !== undefined);
      teamOf.set(folder, id);
      for (const one of above) if (!teamBelow.has(one)) teamBelow.set(one, id);
      if (other === undefined) continue;
      const message = `the folders of the teams ${other} and ${id} lie in one another`;
      const reason = { kind: "refused", code: "duplicate-name", message, at: "value" } as const;
      refuse(context, { ...reason, hint: "give each team a folder of its own" }, [id, "folder"]);
    }
    return found;
  },
);

/** `teams` for `teams/orders`. */
function foldersAbove(folder: string): readonly string[] {
  const parts = folder.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}
