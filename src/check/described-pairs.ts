import { answerFor, type StubAnswer, type Stubs } from "../policy/stubs-file.ts";
import type { DescribedRequest, Expectation, Principal, TestsFile } from "../policy/tests-file.ts";

/** Which of two states of the files describes something. */
export type Origin = "both" | "before" | "after";

/** A request and who makes it, as files of tests describe them. */
export interface DescribedPair {
  /** The policy that is tested. */
  readonly tests: string;
  /** The names that the file has for them. */
  readonly as: string;
  readonly request: string;
  readonly principal: Principal;
  readonly described: DescribedRequest;
  /** What the file says of the clock. */
  readonly nowMs: number | undefined;
  /** By handler, what is taken for its answer: where both files say it, what the later does. */
  readonly answers: ReadonlyMap<string, StubAnswer>;
  /** Those of them that an expectation says for itself. */
  readonly own: ReadonlyMap<string, StubAnswer>;
  readonly origin: Origin;
}

/** Pairs, and how many more there are that are beyond the bound. */
export interface DescribedPairs {
  readonly pairs: readonly DescribedPair[];
  readonly beyond: number;
}

/** The most pairs that are looked at: they are decided in a few seconds. */
export const MAX_PAIRS = 50_000;

/**
 * Each request of the files of tests with each principal of its file, once: those that both states describe alike, those that
 * only the later has, and those that only the earlier has. An expectation with answers of its own makes a pair of its own.
 */
export function describedPairs(before: readonly TestsFile[], after: readonly TestsFile[]): DescribedPairs {
  const old = named(before);
  const now = named(after);
  const pairs = new Map<string, DescribedPair>();
  let beyond = old.beyond + now.beyond;
  const add = (pair: DescribedPair): void => {
    const key = keyOf([pair.as, pair.request, inputsOf(pair), pair.answers]);
    const known = pairs.get(key);
    // Where the tested policy has another name now, its tests are the same.
    if (known !== undefined)
      pairs.set(key, known.origin === pair.origin ? known : { ...known, origin: "both" });
    else if (pairs.size < MAX_PAIRS) pairs.set(key, pair);
    else beyond++;
  };
  for (const [key, pair] of now.pairs) {
    const earlier = old.pairs.get(key);
    if (earlier === undefined) add(pair);
    else add({ ...pair, origin: "both", answers: new Map([...earlier.answers, ...pair.answers]) });
  }
  for (const [key, pair] of old.pairs) if (!now.pairs.has(key)) add({ ...pair, origin: "before" });
  return { pairs: [...pairs.values()], beyond };
}

const inputsOf = ({ principal, described, nowMs }: DescribedPair): readonly unknown[] => [
  principal,
  described,
  nowMs,
];

interface Named {
  /** By what a file calls them, and what they are. */
  readonly pairs: ReadonlyMap<string, DescribedPair>;
  readonly beyond: number;
}

function named(files: readonly TestsFile[]): Named {
  const pairs = new Map<string, DescribedPair>();
  let beyond = 0;
  for (const file of files) {
    for (const wanted of wantedOf(file)) {
      if (pairs.size < MAX_PAIRS) addTo(pairs, file, wanted);
      else beyond++;
    }
  }
  return { pairs, beyond };
}

type Wanted = Pick<Expectation, "as" | "request" | "backends">;

function* wantedOf({ principals, requests, expect }: TestsFile): Generator<Wanted> {
  for (const as of principals.keys())
    for (const request of requests.keys()) yield { as, request, backends: NO_STUBS };
  yield* expect.filter(({ backends }) => backends.size > 0);
}

const NO_STUBS: Stubs = new Map();

function addTo(pairs: Map<string, DescribedPair>, file: TestsFile, { as, request, backends }: Wanted): void {
  const principal = file.principals.get(as);
  const described = file.requests.get(request);
  if (principal === undefined || described === undefined) return;
  const own = answersFor(backends, as);
  const pair: DescribedPair = {
    ...{ tests: file.tests, as, request, principal, described, nowMs: file.nowMs },
    answers: new Map([...answersFor(file.backends, as), ...own]),
    own,
    origin: "after",
  };
  pairs.set(keyOf([file.tests, as, request, inputsOf(pair), own]), pair);
}

/** What handlers answer one who asks under this name, as far as it is said. */
export const answersFor = (stubs: Stubs, as: string): ReadonlyMap<string, StubAnswer> =>
  new Map(
    Array.from(stubs).flatMap(([handler, stub]) => {
      const answer = answerFor(stub, as);
      return answer === undefined ? [] : [[handler, answer] as const];
    }),
  );

/** The same text for values that are alike, whatever the order of their keys. */
export const keyOf = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) => {
    const entries = one instanceof Map ? [...(one as ReadonlyMap<unknown, unknown>)] : undefined;
    if (entries !== undefined) return { map: entries.toSorted() };
    if (typeof one === "bigint") return `${one}n`;
    if (typeof one !== "object" || one === null || Array.isArray(one)) return one;
    return Object.fromEntries(Object.entries(one).sort());
  });
