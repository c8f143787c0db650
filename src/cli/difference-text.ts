import type { Decided, PairDifference, TestDifference } from "../check/both-sides.ts";
import { verdictLine } from "../check/verdict-difference.ts";
import type { Change } from "../policy/change.ts";
import { printErrors } from "../policy/diagnostic.ts";
import type { FieldChange } from "../policy/written.ts";
import { counted } from "../std/counted.ts";
import { visible } from "../std/printable.ts";
import type { Difference } from "./difference.ts";
import { printFindings, printRefusal } from "./findings.ts";

/** For people: rules, then tests, then requests, each where there is something, and last how much it is. */
export function printDifference(difference: Difference): string {
  const { ref, missing, changes, decided } = difference;
  const paragraphs = [
    ...findingsOf(difference),
    missing.map((folder) => `${folder} is not there at ${ref}: all of it is new\n`).join(""),
    section("rules", changes.map(printChange)),
    section("tests", decided?.tests.differing.map(printTest) ?? []),
    section("requests", decided?.requests.differing.map((one) => printPair(one, ref)) ?? []),
    summary(difference),
  ];
  const text = paragraphs.filter((one) => one !== "").join("\n");
  return text.split("\n").map(visible).join("\n");
}

function findingsOf({ ref, before, after }: Difference): readonly string[] {
  const findings = printFindings(after.diagnostics);
  const old = `at ${ref} there were errors already:\n\n${printErrors(before.diagnostics)}`;
  return [
    after.outcome === "broken"
      ? `${findings}${printRefusal(after.diagnostics)}`
      : findings.replace(/\n$/, ""),
    before.outcome === "broken" ? old.replace(/\n$/, "") : "",
  ];
}

const section = (title: string, entries: readonly string[]): string =>
  entries.length === 0 ? "" : `${title}:\n${entries.join("")}`;

/** The last line: how much differs, of how much. */
function summary({ ref, commit, changes, decided }: Difference): string {
  const against = `against ${ref} (${commit.slice(0, 12)}): `;
  const rules = counted(changes.length, "change");
  if (decided === undefined)
    return `${against}${rules} in what the files say; tests and requests are compared when neither side has an error\n`;
  const { tests, requests } = decided;
  const beyond = requests.beyond === 0 ? "" : `; ${requests.beyond} more requests were not looked at`;
  const [some, all] = [tests.differing.length, requests.differing.length];
  const isSame = changes.length + some + all === 0;
  const looked = [counted(tests.looked, "test"), counted(requests.looked, "request")] as const;
  if (isSame) return `${against}nothing differs (${looked.join(", ")})${beyond}\n`;
  return `${against}${rules}; ${some} of ${looked[0]} and ${all} of ${looked[1]} differ${beyond}\n`;
}

const KINDS = {
  added: "added",
  removed: "removed",
  changed: "changed",
  "to-shadow": "to shadow",
  "to-enforcement": "enforced",
} as const satisfies Record<Change["kind"], string>;

/** The most fields of one change that are shown: a data file may have thousands. */
const MAX_FIELDS = 40;

function printChange({ kind, of, name, fields, usedBy }: Change): string {
  const users = usedBy.length === 0 ? "" : `, used by ${usedBy.join(", ")}`;
  const shown = fields.slice(0, MAX_FIELDS).map(printField).join("");
  const more = fields.length > MAX_FIELDS ? `      and ${fields.length - MAX_FIELDS} more\n` : "";
  return `  ${KINDS[kind].padEnd(10)}${titleOf(of, name)}${users}\n${shown}${more}`;
}

function titleOf(of: Change["of"], name: string): string {
  switch (of) {
    case "rule":
    case "server":
      return name;
    case "policy":
      return `policy ${name}`;
    case "quota":
      return `quota ${name}`;
    case "shared":
      return `shared ${name}`;
    case "domain":
      return `domain ${name}`;
    case "descriptor":
      return `descriptor ${name}`;
    case "override":
      return `override of ${name}`;
  }
}

function printField({ key, before, after }: FieldChange): string {
  const [old, now] = shortened(before, after);
  return [
    ...(old === undefined ? [] : [`      - ${key}: ${old}\n`]),
    ...(now === undefined ? [] : [`      + ${key}: ${now}\n`]),
  ].join("");
}

type Sides = readonly [before: string | undefined, after: string | undefined];

/** Each on one line, and of long ones where they begin to differ. */
function shortened(before: string | undefined, after: string | undefined): Sides {
  const lines: Sides = [before && oneLine(before), after && oneLine(after)];
  // What differs in line breaks only is shown with them.
  const [old, now]: Sides = lines[0] === lines[1] ? [JSON.stringify(before), JSON.stringify(after)] : lines;
  const start = old === undefined || now === undefined ? 0 : Math.max(0, commonStart(old, now) - BEFORE);
  return [cut(old, start), cut(now, start)];
}

const oneLine = (text: string): string => text.trim().replace(/\s*\n\s*/g, " ");

/** How much stands before a difference, and how much of a value at most. */
const BEFORE = 200;
const MAX_SHOWN = 600;

function commonStart(left: string, right: string): number {
  let at = 0;
  while (at < left.length && left[at] === right[at]) at++;
  return at;
}

function cut(text: string | undefined, start: number): string | undefined {
  if (text === undefined) return undefined;
  const end = start + MAX_SHOWN;
  return `${start > 0 ? "…" : ""}${text.slice(start, end)}${end < text.length ? "…" : ""}`;
}

function printTest({ tests, expectation, principal, origin, before, after }: TestDifference): string {
  const { as, request, verdict } = expectation;
  const what = `${tests}: ${as} (${principal}) ${request}: ${verdict.kind} ${verdict.rule}`;
  const line = (word: string, note: string): string => `  ${word.padEnd(10)}${what}${note}\n`;
  const reasons = (sentences: readonly string[], prefix: string): string =>
    sentences.map((one) => `      ${prefix}${one}\n`).join("");
  switch (origin) {
    case "both":
      return after.length === 0
        ? line("now met", "") + reasons(before, "before: ")
        : line("now fails", "") + reasons(after, "");
    case "after":
      return after.length === 0
        ? line("added", before.length === 0 ? "  (met before, too)" : "") + reasons(before, "before: ")
        : line("added", "  (FAILS)") + reasons(after, "");
    case "before":
      return line("removed", after.length === 0 ? "  (would be met)" : "") + reasons(after, "now: ");
  }
}

function printPair({ pair, before, after, differences }: PairDifference, ref: string): string {
  const own = Array.from(pair.own, ([handler, answer]) => `${handler}: ${answer.kind}`).join(", ");
  const name = `${pair.tests}: ${pair.as} ${pair.request}${own === "" ? "" : ` (${own})`}`;
  const [old, now] = [decidedLine(before, pair.as), decidedLine(after, pair.as)];
  const effects = differences
    .filter(({ part }) => part === "effect")
    .map(({ of, before: was, after: is }) => printEffect(of, was, is))
    .join("");
  const notes = [
    ...(before.tested === "missing" && after.tested === "there" ? [`no policy ${pair.tests} at ${ref}`] : []),
    ...(before.tested === "there" && after.tested === "missing" ? [`no policy ${pair.tests} now`] : []),
    ...(pair.origin === "before" ? [`as the tests at ${ref} describe it`] : []),
  ];
  const note = notes.length === 0 ? "" : `  (${notes.join("; ")})`;
  return `  ${name}: ${old === now ? old : `${old} -> ${now}`}${note}\n${effects}`;
}

const decidedLine = ({ verdict, unsaid }: Decided, as: string): string =>
  unsaid.length === 0
    ? verdictLine(verdict)
    : `not known: no test says what ${unsaid.join(", ")} answers ${as}`;

function printEffect(of: string, before: string | undefined, after: string | undefined): string {
  const [old, now] = shortened(before, after);
  return `      ${of}: ${old ?? "none"} -> ${now ?? "none"}\n`;
}
