import type { Diagnostic } from "../policy/diagnostic.ts";
import type { Loaded } from "../policy/load.ts";
import { joinParts, PLATFORM, type Division } from "../policy/parts.ts";
import { revisionOf } from "../policy/revision.ts";
import type { Ownership } from "../policy/snapshot.ts";
import type { Version, Versions } from "./reading.ts";

/** A part whose newest files are not live, and why. */
export interface Held {
  readonly part: string;
  /** What is live in their place. */
  readonly live: "last good" | "nothing";
  readonly diagnostics: readonly Diagnostic[];
}

/** Versions of parts that are good together, and how their weir.yaml divides the files. */
export interface Good {
  readonly division: Division;
  readonly versions: Versions;
}

/** What came of trying versions together: a snapshot, or errors. */
export interface Trial {
  readonly snapshot: unknown;
  readonly diagnostics: readonly Diagnostic[];
}

/** What is tried. */
export interface Candidate {
  readonly loaded: Loaded;
  /** Of the parts that it is made of. */
  readonly revision: string;
  /** What is owned by teams that have no part in it. */
  readonly unloaded: readonly Ownership[];
}

/** What goes live, made of the newest version of each part that can be had. */
export interface Chosen<T extends Trial> {
  readonly trial: T;
  readonly good: Good;
  readonly held: readonly Held[];
}

export interface Choice<T extends Trial> {
  /** As the newest weir.yaml has it. */
  readonly division: Division;
  /** The newest files, divided. */
  readonly divide: (division: Division) => Promise<Versions>;
  readonly live: Good | undefined;
  readonly attempt: (candidate: Candidate) => Promise<T>;
}

/**
 * The platform's newest good part and each team's newest good part. A team's fault holds that team back; a change of the
 * platform that would break a team is held back itself, and with it how it divides the files. Without a snapshot, nothing
 * at all can go live.
 */
export async function choose<T extends Trial>(choice: Choice<T>): Promise<Chosen<T>> {
  const choosing = new Choosing(choice, choice.division, await choice.divide(choice.division));
  const first = await choice.attempt(choosing.candidate());
  let trial = first;
  // Every turn gives up one version of one part at least.
  while (trial.snapshot === undefined && (await choosing.giveUp(trial.diagnostics))) {
    trial = await choice.attempt(choosing.candidate());
  }
  // Where nothing can go live, all that is wrong with the newest files is of interest.
  return choosing.chosen(trial.snapshot === undefined ? first : trial);
}

class Choosing<T extends Trial> {
  readonly #choice: Choice<T>;
  #division: Division;
  #versions: Map<string, Version>;
  #held = new Map<string, readonly Diagnostic[]>();

  constructor(choice: Choice<T>, division: Division, newest: Versions) {
    this.#choice = choice;
    this.#division = division;
    this.#versions = new Map(newest);
  }

  /** What has changed comes last: where two parts cannot both be, the later one is told so. */
  candidate(): Candidate {
    const names = [...this.#versions.keys()];
    const rank = (part: string): number => (part === PLATFORM ? 0 : this.#isChanged(part) ? 2 : 1);
    const ordered = names.toSorted((left, right) => rank(left) - rank(right));
    return {
      loaded: joinParts(ordered.flatMap((part) => this.#versions.get(part)?.loaded ?? [])),
      revision: revisionOf(
        Array.from(this.#versions, ([part, { revision }]) => ({ path: part, text: revision })),
      ),
      unloaded: this.#teams()
        .filter((team) => !this.#versions.has(team))
        .map((team) => this.#division.ownership(team)),
    };
  }

  #teams(): readonly string[] {
    return this.#division.parts.filter((part) => part !== PLATFORM);
  }

  chosen(trial: T): Chosen<T> {
    return {
      trial,
      good: { division: this.#division, versions: this.#versions },
      held: Array.from(this.#held, ([part, diagnostics]): Held => {
        return { part, live: this.#versions.has(part) ? "last good" : "nothing", diagnostics };
      }),
    };
  }

  /** Takes an older version of what is at fault; false where there is none to take. */
  async giveUp(diagnostics: readonly Diagnostic[]): Promise<boolean> {
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    const byPart = this.#byPart(errors);
    const changed = [...byPart.keys()].filter((part) => part !== PLATFORM && this.#isChanged(part));
    // A fault of the platform may be what is wrong with teams: with the older platform their newest is tried again.
    if (changed.length > 0) return this.#giveUpTeams(changed, byPart);
    if (byPart.size > 0 && this.#isChanged(PLATFORM)) return this.#giveUpPlatform(errors);
    const others = this.#teams().filter((team) => this.#isChanged(team));
    // What was good is at fault now, so it is for what else has changed.
    if (others.length > 0) return this.#giveUpTeams(others, new Map(others.map((team) => [team, errors])));
    return !byPart.has(PLATFORM) && this.#giveUpTeams([...byPart.keys()], byPart);
  }

  /** Whose fault it is: what is wrong with a file that a part names is that part's, wherever the file lies. */
  #byPart(errors: readonly Diagnostic[]): ReadonlyMap<string, readonly Diagnostic[]> {
    const found = new Map<Diagnostic, string>();
    for (const [part, { loaded }] of this.#versions)
      for (const one of loaded.diagnostics) found.set(one, part);
    return Map.groupBy(errors, (one) => found.get(one) ?? this.#division.partOf(one.file));
  }

  async #giveUpPlatform(errors: readonly Diagnostic[]): Promise<boolean> {
    const { live, divide } = this.#choice;
    const last = live?.versions.get(PLATFORM);
    if (live === undefined || last === undefined) return false;
    this.#division = live.division;
    // With the old platform, what was given up because of the new one may be good again.
    this.#versions = new Map(await divide(live.division)).set(PLATFORM, last);
    this.#held = new Map([[PLATFORM, errors]]);
    return true;
  }

  #giveUpTeams(teams: readonly string[], errors: ReadonlyMap<string, readonly Diagnostic[]>): boolean {
    const there = teams.filter((team) => this.#versions.has(team));
    for (const team of there) {
      const last = this.#isChanged(team) ? this.#lastGood(team) : undefined;
      if (last === undefined) this.#versions.delete(team);
      else this.#versions.set(team, last);
      this.#held.set(team, errors.get(team) ?? this.#held.get(team) ?? []);
    }
    return there.length > 0;
  }

  /** The files of another folder are no longer the team's. */
  #lastGood(part: string): Version | undefined {
    const version = this.#choice.live?.versions.get(part);
    return version?.folder === this.#division.folderOf(part) ? version : undefined;
  }

  #isChanged(part: string): boolean {
    const version = this.#versions.get(part);
    return version !== undefined && version.revision !== this.#lastGood(part)?.revision;
  }
}
