import { join } from "node:path";
import type { CompiledPolicy, PolicyWorld } from "./compile-policy.ts";
import { activeOverrides, type OverriddenPolicies } from "./compile-overrides.ts";
import { problem, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import type { DomainFile } from "./domain-file.ts";
import type { WrittenIdentity } from "./identity-file.ts";
import { hostsWithin, type Match } from "./match.ts";
import type { Loaded } from "./load.ts";
import type { OverridesFile } from "./overrides-file.ts";
import { isWithinDestination, type Owners } from "./ownership.ts";
import type { PolicyFile } from "./policy-file.ts";
import type { Reference } from "./references.ts";
import type { SharedFile } from "./shared-file.ts";
import type { ActiveOverride, Ownership } from "./snapshot.ts";
import type { Settings } from "./settings.ts";
import type { Path } from "./source.ts";
import type { Owned, TeamFile } from "./teams-file.ts";

/** What says where teams end. */
export interface Borders {
  readonly owners: Owners;
  readonly settings: Pick<Settings, "folder" | "teams">;
  readonly diagnostics: Diagnostic[];
}

/** A team's policy matches what the team owns and nothing else, asks the handlers that it may, and uses no other team's files. */
export function refuseTrespass(
  policy: CompiledPolicy,
  world: Pick<PolicyWorld, "shared">,
  borders: Borders,
): void {
  const { file, document, draft } = policy;
  const { owners, settings, diagnostics } = borders;
  refuseForeignShared(policy, world, borders);
  const name = owners(document.file);
  const team = name === undefined ? undefined : settings.teams.get(name);
  if (name === undefined || team === undefined) return;
  const hint = "match what weir.yaml says the team owns, or let the platform own the policy";
  for (const [key, message] of trespasses(file, draft.match, name, team.owns)) {
    diagnostics.push(problem(document.keyAt(["match", ...key]), "not-owned", message, hint));
  }
  for (const rule of file.rules) {
    if (rule.kind !== "ask" || mayAsk(team, rule.handler)) continue;
    diagnostics.push(notAsked({ document, at: ["rules", rule.index, "ask"], handler: rule.handler }, name));
  }
  for (const { index, to } of file.telemetry) {
    if (mayAsk(team, to)) continue;
    diagnostics.push(
      notAsked({ document, at: ["telemetry", index, "to"], handler: to }, name, "send telemetry to"),
    );
  }
  refuseForeignVerifiers(document, file.identities, borders);
}

type Trespass = readonly [key: readonly string[], message: string];

/** A team limits the domains that it owns. */
export function refuseForeignDomains(
  files: readonly Read<DomainFile>[],
  { owners, settings, diagnostics }: Borders,
): void {
  for (const { document, file } of files) {
    const name = owners(document.file);
    const team = name === undefined ? undefined : settings.teams.get(name);
    if (name === undefined || team === undefined || team.owns.domains.includes(file.domain)) continue;
    const message = `the team ${name} does not own the domain ${file.domain}`;
    const hint = "name it under `owns` in weir.yaml, or let the platform own the file";
    diagnostics.push(problem(document.at(["domain"]), "not-owned", message, hint));
  }
}

/** One of hosts and destinations must bind the policy to what the team owns; neither may reach beyond. */
function trespasses(file: PolicyFile, match: Match, team: string, owned: Owned): readonly Trespass[] {
  if (file.match === "everything") return [[[], `match: everything is more than the team ${team} owns`]];
  const { hosts, destinations } = match;
  if (hosts === undefined && destinations === undefined)
    return [[[], `a policy of the team ${team} names hosts or destinations`]];
  const found: Trespass[] = [];
  const foreign = hosts?.find((host) => !owned.hosts.some((pattern) => hostsWithin(host, pattern)));
  if (foreign !== undefined) {
    const written = foreign.kind === "exact" ? foreign.name : `*.${foreign.name}`;
    found.push([["hosts"], `the team ${team} does not own the host ${written}`]);
  }
  const other = [...(destinations ?? [])].find(
    (one) => !owned.destinations.some((pattern) => isWithinDestination(one, pattern)),
  );
  if (other !== undefined)
    found.push([["destinations"], `the team ${team} does not own the destination ${other}`]);
  return found;
}

/** A policy uses shared files of the platform and of its own team: another team's may be gone tomorrow. */
function refuseForeignShared(
  { file, document }: CompiledPolicy,
  { shared }: Pick<PolicyWorld, "shared">,
  { owners, diagnostics }: Borders,
): void {
  for (const [index, name] of file.use.entries()) {
    const part = shared.get(name);
    const owner = part && owners(part.document.file);
    if (owner === undefined || owner === owners(document.file)) continue;
    const message = `the shared file ${name} is of the team ${owner}`;
    const hint = "a policy uses what is the platform's, or its own team's";
    diagnostics.push(problem(document.at(["use", index]), "not-owned", message, hint));
  }
}

/** An identity that a handler verifies is asked about, too. */
export function refuseForeignVerifiers(
  document: Document,
  identities: SharedFile["identities"],
  { owners, settings, diagnostics }: Borders,
): void {
  const name = owners(document.file);
  const team = name === undefined ? undefined : settings.teams.get(name);
  if (name === undefined || team === undefined) return;
  for (const [identity, written] of identities) {
    const handler = verifierOf(written);
    if (handler === undefined || mayAsk(team, handler)) continue;
    const at = ["identities", identity, "apiKey", "verify"];
    diagnostics.push(notAsked({ document, at, handler }, name));
  }
}

const verifierOf = (written: WrittenIdentity): string | undefined =>
  written.kind === "apiKey" && written.proof.kind === "verify" ? written.proof.handler : undefined;

const mayAsk = ({ mayAsk: handlers }: TeamFile, handler: string): boolean => handlers?.has(handler) ?? true;

/** `at`: where the handler is named. */
interface Asked {
  readonly document: Document;
  readonly at: Path;
  readonly handler: string;
}

const notAsked = ({ document, at, handler }: Asked, team: string, verb = "ask"): Diagnostic => {
  const hint = "add it to the team's `may: { handlers: … }`";
  return problem(document.at(at), "not-owned", `the team ${team} may not ${verb} ${handler}`, hint);
};

/**
 * A file that another names is of the same team as that one: a team must not read what lies elsewhere, secrets for one,
 * and nobody depends on what a team may change.
 */
export const foreignFiles = (references: readonly Reference[], owners: Owners): readonly Diagnostic[] =>
  references.flatMap(({ document, at, path, leadsTo = path, shown }) => {
    const by = owners(document.file);
    const isOwn = [path, leadsTo].every((one) => owners(one) === by);
    if (isOwn) return [];
    const of = owners(path) === by ? owners(leadsTo) : owners(path);
    const message =
      of === undefined
        ? `${shown} is not in the folder of the team ${by ?? ""}`
        : `${shown} is of the team ${of}`;
    const hint = by === undefined ? "move it out of the team's folder" : "move it into the team's own folder";
    return [problem(document.at(at), "not-owned", message, hint)];
  });

interface Read<T> {
  readonly document: Document;
  readonly file: T;
}

/**
 * The overrides that hold at `nowMs`. The platform overrides any rule, a team those of its own policies; where both do,
 * the platform's holds.
 */
export function overridesWithin(
  overrides: readonly Read<OverridesFile>[],
  policies: OverriddenPolicies,
  nowMs: number,
  borders: Borders,
): readonly ActiveOverride[] {
  const { owners, diagnostics } = borders;
  const [ofPlatform = [], ofTeams = []] = [false, true].map((isOfTeam) =>
    overrides.filter(({ document }) => (owners(document.file) !== undefined) === isOfTeam),
  );
  const found: Diagnostic[] = [];
  const first = activeOverrides(ofPlatform, policies, nowMs, found);
  diagnostics.push(...acrossParts(found, borders), ...foreignOverrides(ofTeams, policies.files, owners));
  const names = new Set(first.map(nameOf));
  const others = activeOverrides(ofTeams, policies, nowMs, diagnostics);
  return [...first, ...others.filter((one) => !names.has(nameOf(one)))];
}

const nameOf = ({ policy, rule }: ActiveOverride): string => `${policy}/${rule}`;

function foreignOverrides(
  overrides: readonly Read<OverridesFile>[],
  policies: readonly Read<PolicyFile>[],
  owners: Owners,
): readonly Diagnostic[] {
  const ownerOf = new Map(policies.map(({ file, document }) => [file.policy, owners(document.file)]));
  return overrides.flatMap(({ document, file }) => {
    const team = owners(document.file) ?? "";
    return file.overrides
      .filter(({ policy }) => ownerOf.has(policy) && ownerOf.get(policy) !== team)
      .map(({ index, policy }) => {
        const message = `the policy ${policy} is not of the team ${team}`;
        const place = document.at(["overrides", index, "rule"]);
        return problem(place, "not-owned", message, "a team overrides rules of its own policies");
      });
  });
}

/**
 * Names that another part has are missed with a warning where there are teams: what one part says of another must not
 * hold that one back, nor stop weir while that one cannot be loaded.
 */
export const acrossParts = (
  diagnostics: readonly Diagnostic[],
  { settings }: Pick<Borders, "settings">,
): readonly Diagnostic[] =>
  settings.teams.size === 0
    ? diagnostics
    : diagnostics.map((one) => (one.code.startsWith("unknown-") ? { ...one, severity: "warning" } : one));

/**
 * The teams whose folder has nothing in it. A mount that went wrong looks like that: it must not pass for a team without
 * policies.
 */
export function emptyTeams(
  { documents, diagnostics }: Pick<Loaded, "documents" | "diagnostics">,
  unloaded: readonly Ownership[],
  { owners, settings: { folder, teams } }: Pick<Borders, "owners" | "settings">,
): readonly Diagnostic[] {
  if (teams.size === 0) return [];
  const known = new Set([
    ...unloaded.map(({ team }) => team),
    ...[...documents, ...diagnostics].map(({ file }) => owners(file)),
  ]);
  return Array.from(teams)
    .filter(([name]) => !known.has(name))
    .map(([name, team]) => {
      const place = { file: join(folder, team.folder), line: 1, column: 1, length: 1, source: "" };
      const message = `the team ${name} has no files in its folder`;
      return problem(place, "unreadable-file", message, "write its policies, or take it out of weir.yaml");
    });
}
