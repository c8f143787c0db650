import assert from "node:assert/strict";
import fc from "fast-check";
import { problem, type Diagnostic } from "../../src/policy/diagnostic.ts";
import type { Document } from "../../src/policy/document.ts";
import type { Loaded } from "../../src/policy/load.ts";
import { PLATFORM, type Division } from "../../src/policy/parts.ts";
import { choose, type Candidate, type Chosen, type Good, type Trial } from "../../src/runtime/choose.ts";
import type { Version, Versions } from "../../src/runtime/reading.ts";

/**
 * Parts as a test writes them: `p1`, `a1`, `b2` are versions. What is wrong with which versions together is said by a
 * rule, which blames a part.
 */
type Wrong = (versions: ReadonlySet<string>) => readonly string[];

const partOf = (name: string): string => (name.startsWith("p") ? PLATFORM : name.slice(0, 1));

const place = (name: string) => ({ file: partOf(name), line: 1, column: 1, length: 1, source: "" });

const documentOf = (name: string): Document => ({
  file: name,
  kind: "policy",
  plain: new Map(),
  at: () => place(name),
  keyAt: () => place(name),
});

const loadedOf = (name: string): Loaded => ({
  documents: [documentOf(name)],
  diagnostics: [],
  references: [],
  companions: { data: new Map(), keys: new Map(), jwks: new Map() },
});

const versionOf = (name: string): Version => ({
  loaded: loadedOf(name),
  revision: name,
  folder: partOf(name),
});

const versionsOf = (names: readonly string[]): Versions =>
  new Map(names.map((name) => [partOf(name), versionOf(name)]));

const divisionOf = (teams: readonly string[]): Division => ({
  file: "weir.yaml",
  parts: [PLATFORM, ...teams],
  partOf: (file) => file,
  folderOf: (part) => part,
  ownership: (team) => ({ team, hosts: [], destinations: [], domains: [] }),
});

interface Tried extends Trial {
  readonly snapshot: readonly string[] | undefined;
}

async function chosenOf(
  newest: readonly string[],
  live: readonly string[] | undefined,
  wrong: Wrong,
): Promise<Chosen<Tried> & { readonly turns: readonly Candidate[] }> {
  const turns: Candidate[] = [];
  const division = divisionOf([...new Set(newest.map(partOf))].filter((part) => part !== PLATFORM));
  const good: Good | undefined = live && { division, versions: versionsOf(live) };
  const attempt = (candidate: Candidate): Promise<Tried> => {
    turns.push(candidate);
    const names = candidate.loaded.documents.map(({ file }) => file);
    const blamed = wrong(new Set(names));
    const diagnostics = blamed.map((part): Diagnostic => problem(place(part), "unknown-name", part));
    return Promise.resolve({ snapshot: blamed.length === 0 ? names : undefined, diagnostics });
  };
  const divide = () => Promise.resolve(versionsOf(newest));
  return { ...(await choose({ division, divide, live: good, attempt })), turns };
}

const heldOf = ({ held }: Chosen<Tried>): readonly string[] =>
  held.map(({ part, live }) => `${part === PLATFORM ? "p" : part}: ${live}`);

/** Is wrong where all of the versions are there. */
const where =
  (versions: string, blamed: string): Wrong =>
  (there) =>
    versions.split(" ").every((name) => there.has(name)) ? [blamed] : [];
const all =
  (...rules: readonly Wrong[]): Wrong =>
  (there) => [...new Set(rules.flatMap((rule) => rule(there)))];

const NOTHING: Wrong = () => [];

const CASES: readonly (readonly [
  what: string,
  given: { readonly live?: string; readonly newest: string; readonly wrong: Wrong },
  then: { readonly versions: string | undefined; readonly held?: readonly string[] },
])[] = [
  [
    "all that is new, where nothing is wrong",
    { live: "p1 a1 b1", newest: "p2 a2 b2", wrong: NOTHING },
    { versions: "p2 a2 b2" },
  ],
  [
    "the last good of a team that is broken",
    { live: "p1 a1 b1", newest: "p2 a2 b2", wrong: where("a2", "a") },
    { versions: "p2 a1 b2", held: ["a: last good"] },
  ],
  [
    "nothing of a team that was never good",
    { newest: "p1 a1 b1", wrong: where("a1", "a") },
    { versions: "p1 b1", held: ["a: nothing"] },
  ],
  [
    "nothing at all where the platform was never good",
    { newest: "p1 a1", wrong: where("p1", "p") },
    { versions: undefined },
  ],
  [
    "the last good of the platform, with what is new of teams",
    { live: "p1 a1 b1", newest: "p2 a2 b2", wrong: where("p2", "p") },
    { versions: "p1 a2 b2", held: ["p: last good"] },
  ],
  [
    "the last good of a platform that breaks a team which has not changed",
    { live: "p1 a1 b1", newest: "p2 a1 b2", wrong: where("p2 a1", "a") },
    { versions: "p1 a1 b2", held: ["p: last good"] },
  ],
  [
    "the last good of a platform that breaks the old and the new of a team",
    { live: "p1 a1", newest: "p2 a2", wrong: all(where("p2 a1", "a"), where("p2 a2", "a")) },
    { versions: "p1 a2", held: ["p: last good"] },
  ],
  [
    "the new platform, where it breaks what is new of a team only",
    { live: "p1 a1", newest: "p2 a2", wrong: where("p2 a2", "a") },
    { versions: "p2 a1", held: ["a: last good"] },
  ],
  [
    "the new platform, where it breaks a team that is not live anyway",
    { live: "p1 b1", newest: "p2 a1 b1", wrong: where("a1", "a") },
    { versions: "p2 b1", held: ["a: nothing"] },
  ],
  [
    "neither the platform nor the team that needs it, where the platform is broken",
    { live: "p1 a1", newest: "p2 a2", wrong: all(where("p2", "p"), where("p1 a2", "a")) },
    { versions: "p1 a1", held: ["p: last good", "a: last good"] },
  ],
  [
    "both, where each needs the other",
    { live: "p1 a1", newest: "p2 a2", wrong: all(where("p2 a1", "a"), where("p1 a2", "a")) },
    { versions: "p2 a2" },
  ],
  [
    "no team that has changed, where what is good cannot be beside them and nobody else is at fault",
    { live: "p1 a1 b1 c1", newest: "p1 a2 b1 c2", wrong: where("a2 b1", "b") },
    { versions: "p1 a1 b1 c1", held: ["a: last good", "c: last good"] },
  ],
  [
    "all but a team that is suddenly at fault by itself",
    { live: "p1 a1 b1", newest: "p1 a1 b1", wrong: where("a1", "a") },
    { versions: "p1 b1", held: ["a: nothing"] },
  ],
];

describe("what goes live is", () => {
  for (const [what, { live, newest, wrong }, { versions, held = [] }] of CASES) {
    it(what, async () => {
      const chosen = await chosenOf(newest.split(" "), live?.split(" "), wrong);
      assert.deepEqual(chosen.trial.snapshot?.join(" "), versions);
      if (versions !== undefined) assert.deepEqual(heldOf(chosen), held);
    });
  }

  it("told by a revision of its versions, whatever else there is", async () => {
    const revisionOf = async (newest: string, wrong: Wrong): Promise<string | undefined> =>
      (await chosenOf(newest.split(" "), ["p1", "a1"], wrong)).turns.at(-1)?.revision;
    const good = await revisionOf("p1 a1", NOTHING);
    assert.equal(await revisionOf("p1 a2", where("a2", "a")), good);
    assert.notEqual(await revisionOf("p1 a2", NOTHING), good);
    assert.notEqual(await revisionOf("p2 a1", NOTHING), good);
  });

  it("owned by nobody where a team has no part in it", async () => {
    const { turns } = await chosenOf(["p1", "a1", "b1"], undefined, where("a1", "a"));
    assert.deepEqual(
      turns.map(({ unloaded }) => unloaded.map(({ team }) => team)),
      [[], ["a"]],
    );
  });

  it("put with the platform first and what has changed last, so that the later of two is at fault", async () => {
    const { turns } = await chosenOf(["p2", "a2", "b1", "c2"], ["p1", "a1", "b1", "c1"], NOTHING);
    assert.deepEqual(
      turns.map(({ loaded }) => loaded.documents.map(({ file }) => file).join(" ")),
      ["p2 b1 a2 c2"],
    );
  });

  it("without a team's files of another folder", async () => {
    const division = { ...divisionOf(["a"]), folderOf: (part: string) => (part === "a" ? "moved" : part) };
    const newest = new Map([
      [PLATFORM, versionOf("p2")],
      ["a", { ...versionOf("a2"), folder: "moved" }],
    ]);
    const attempt = ({ loaded }: Candidate): Promise<Tried> => {
      const names = loaded.documents.map(({ file }) => file);
      const isBroken = names.includes("a2");
      return Promise.resolve({
        snapshot: isBroken ? undefined : names,
        diagnostics: isBroken ? [problem(place("a"), "unknown-name", "a")] : [],
      });
    };
    const live = { division: divisionOf(["a"]), versions: versionsOf(["p1", "a1"]) };
    const chosen = await choose({ division, divide: () => Promise.resolve(newest), live, attempt });
    assert.deepEqual(chosen.trial.snapshot, ["p2"]);
  });

  it("always something, where something was live; a team without fault has its newest, and no turn is lost", async () => {
    const teams = ["a", "b", "c", "d"];
    const parts = fc.record({
      platform: fc.constantFrom("good", "broken", "same"),
      teams: fc.array(fc.constantFrom("good", "broken", "same"), { minLength: 4, maxLength: 4 }),
      breaks: fc.subarray(teams),
    });
    await fc.assert(
      fc.asyncProperty(parts, async ({ platform, teams: states, breaks }) => {
        const stateOf = (team: string): string => states[teams.indexOf(team)] ?? "same";
        const newest = [
          platform === "same" ? "p1" : "p2",
          ...teams.map((team) => (stateOf(team) === "same" ? `${team}1` : `${team}2`)),
        ];
        const wrong = all(
          platform === "broken" ? where("p2", "p") : NOTHING,
          ...teams.filter((team) => stateOf(team) === "broken").map((team) => where(`${team}2`, team)),
          ...breaks.map((team) => where(`p2 ${team}1`, team)),
        );
        const chosen = await chosenOf(newest, ["p1", "a1", "b1", "c1", "d1"], wrong);
        const names = new Set(chosen.trial.snapshot);
        assert.equal(names.size, 5);
        for (const team of teams) assert.ok(names.has(stateOf(team) === "good" ? `${team}2` : `${team}1`));
        // A team that stays as it was, or has to, needs the platform as it was.
        const isBreaking = breaks.some((team) => stateOf(team) !== "good");
        assert.ok(names.has(platform === "good" && !isBreaking ? "p2" : "p1"));
        assert.ok(chosen.turns.length <= 4);
      }),
      { numRuns: 500 },
    );
  });
});
