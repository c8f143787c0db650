import type { CST, Document, YAMLError } from "yaml";
import type { Code } from "./codes.ts";
import { problem, type Diagnostic } from "./diagnostic.ts";
import type { Range, SourceText } from "./source.ts";
import { explainSyntax, type SyntaxFault } from "./yaml-syntax.ts";

/** Something of YAML that the format does not have, and where it stands. */
export type Finding = { readonly range: Range } & (
  | { readonly kind: "mark"; readonly mark: Mark }
  /** What YAML took of an expression. */
  | { readonly kind: "taken"; readonly as: "comment" | "list" | "mapping" | "comma" }
  | ({ readonly kind: "syntax" } & SyntaxFault)
  | { readonly kind: "refused"; readonly words: Words }
);

type Mark = keyof typeof MARKS;

const MARKS = { tag: "a tag", anchor: "an anchor", alias: "an alias", directive: "a directive" } as const;

type Words = readonly [code: Code, message: string, hint: string];

/** The stretch of a file that belongs to one expression: from its key to the next. */
export interface Slot extends Range {
  /** The same for all stretches of one expression that YAML took apart. */
  readonly id: number;
  readonly key: string;
  readonly style: "block" | "flow";
}

/** How many findings of one file are reported; what follows is mostly their consequence. */
export const MAX_FINDINGS = 100;

/** The marks that files of rate limits may have. */
export const FOREIGN_MARKS: ReadonlySet<Mark> = new Set(["anchor", "alias"]);

/** The tags, anchors, aliases, directives and further documents among the parser's tokens, but for marks that are allowed. */
export function markFindings(
  tokens: readonly CST.Token[],
  allowed: ReadonlySet<Mark> = new Set(),
): readonly Finding[] {
  const findings: Finding[] = [];
  const pending: unknown[] = tokens.toReversed();
  let documents = 0;
  while (pending.length > 0) {
    const token = pending.pop();
    if (Array.isArray(token)) {
      for (const one of token.toReversed()) pending.push(one);
    } else if (isToken(token)) {
      if (token.type === "document" && ++documents === 2)
        findings.push({ kind: "refused", range: rangeOf(token), words: SECOND_DOCUMENT });
      if (isMark(token.type) && !allowed.has(token.type))
        findings.push({ kind: "mark", mark: token.type, range: rangeOf(token) });
      for (const part of PARTS) pending.push(Reflect.get(token, part));
    }
  }
  return findings;
}

/** The properties of a token under which further tokens stand, last first. */
const PARTS = ["end", "value", "sep", "key", "items", "start", "props"];

/** What all kinds of tokens, and the items of collections, may have. */
interface Token {
  readonly type?: string;
  readonly offset?: number;
  readonly source?: string;
}

const isToken = (value: unknown): value is Token => typeof value === "object" && value !== null;

function rangeOf({ offset = 0, source = "---" }: Token): Range {
  return { start: offset, end: offset + source.length };
}

const isMark = (type: string | undefined): type is Mark => type !== undefined && Object.hasOwn(MARKS, type);

const SECOND_DOCUMENT: Words = [
  "yaml-not-plain",
  "a second document begins here",
  "one document a file: move it to a file of its own",
];

/** What the parser complains of, without the tags: markFindings has those. */
export function syntaxFindings(text: string, document: Document.Parsed): readonly Finding[] {
  const errors: YAMLError[] = [...document.errors, ...document.warnings];
  return errors
    .slice(0, 10 * MAX_FINDINGS)
    .filter(({ code }) => code !== "TAG_RESOLVE_FAILED")
    .map((error) => ({ kind: "syntax", ...explainSyntax(text, error) }));
}

/** The findings as diagnostics: one an expression, one a line where the parser lost its way. */
export function report(
  source: SourceText,
  findings: readonly Finding[],
  slots: readonly Slot[],
): readonly Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const seenSlots = new Set<number>();
  const seenLines = new Set<number>();
  const syntaxLines = new Set(
    findings.filter(({ kind }) => kind === "syntax").map(({ range }) => source.place(range).line),
  );
  const located = findings.map((finding) => {
    const { start } = finding.range;
    const isIndent = finding.kind === "syntax" && finding.of === "indent";
    const slot = isIndent ? undefined : slots.find((one) => one.start <= start && start < one.end);
    return { finding, slot, order: slot?.id ?? start };
  });
  located.sort((left, right) => left.order - right.order || weight(left.finding) - weight(right.finding));
  for (const { finding, slot } of located) {
    if (diagnostics.length >= MAX_FINDINGS) break;
    const place = source.place(finding.range);
    // A parser that lost its way complains again of what follows: the first complaint is the one to mend.
    const isEcho =
      slot === undefined ? isFollowUp(finding) && seenLines.has(place.line) : seenSlots.has(slot.id);
    // A key whose value the parser lost has none, which is a consequence and not a fault.
    if (isEcho || (isNull(finding) && syntaxLines.has(place.line + 1))) continue;
    seenLines.add(place.line);
    if (slot !== undefined) {
      seenSlots.add(slot.id);
      seenLines.add(place.line + 1);
    }
    const text = source.text.slice(finding.range.start, finding.range.end);
    const words = slot === undefined ? plainly(finding, text) : swallowed(finding, text, slot);
    diagnostics.push(problem(place, ...words));
  }
  return diagnostics;
}

/** Of several findings in one expression, or at one place, the lightest is the cause. */
function weight(finding: Finding): number {
  switch (finding.kind) {
    case "mark":
      return 0;
    case "taken":
      return finding.as === "list" || finding.as === "mapping" ? 2 : 0;
    case "syntax":
      return 1;
    case "refused":
      return isNull(finding) ? 3 : 0;
  }
}

const isNull = (finding: Finding): boolean => finding.kind === "refused" && finding.words[0] === "null-value";

const isFollowUp = (finding: Finding): boolean => finding.kind === "syntax" || isNull(finding);

/** What YAML took of the expression that stands under the key of `slot`. */
function swallowed(finding: Finding, text: string, slot: Slot): Words {
  const instead =
    slot.style === "flow"
      ? "write the rule in block style"
      : `write it on the line below \`${slot.key === "-" ? "-" : `${slot.key}:`} |\``;
  const quote = `quote the whole expression, or ${instead}`;
  const say = (message: string, hint: string): Words => ["yaml-swallowed-cel", message, hint];
  switch (finding.kind) {
    case "mark":
      return say(`YAML reads ${shown(text)} as ${MARKS[finding.mark]}, not as part of the expression`, quote);
    case "taken":
      return say(TAKEN[finding.as].message, TAKEN[finding.as].hint ?? quote);
    case "syntax":
      return say(`YAML cannot read the expression: ${finding.message}`, finding.hint ?? quote);
    case "refused":
      return finding.words;
  }
}

type Taken = Extract<Finding, { kind: "taken" }>["as"];

const TAKEN: Readonly<Record<Taken, { readonly message: string; readonly hint?: string }>> = {
  comment: {
    message: "the expression ends here: YAML reads the rest of the line as a comment",
    hint: "a comment goes on a line of its own; if this is part of the expression, quote the whole expression",
  },
  list: { message: "YAML reads a list here, where an expression is expected" },
  mapping: { message: "YAML reads a mapping here, where an expression is expected" },
  comma: {
    message: "the comma ends the expression: YAML reads what follows as the next key",
    hint: "quote the whole expression, or write the rule in block style",
  },
};

function plainly(finding: Finding, text: string): Words {
  const quote = "if it is text, quote it; otherwise write the value out";
  switch (finding.kind) {
    case "mark": {
      const message = `${shown(text)} is ${MARKS[finding.mark]}, which the format does not have`;
      return ["yaml-not-plain", message, finding.mark === "directive" ? "remove the line" : quote];
    }
    case "taken":
      return ["yaml-swallowed-cel", TAKEN[finding.as].message, TAKEN[finding.as].hint ?? quote];
    case "syntax":
      return ["yaml-syntax", finding.message, finding.hint ?? "if it is one text, quote it"];
    case "refused":
      return finding.words;
  }
}

/** The first line of a text, quoted, not endlessly long. */
export function shown(text: string): string {
  const line = text.split("\n", 1).join("").trim();
  return `"${line.length > 40 ? `${line.slice(0, 40)}…` : line}"`;
}
