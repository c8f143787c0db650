import { judgeAll, type Judged } from "../test/cel/official/judge.ts";
import { REASONS, type Reason } from "../test/cel/official/reasons.ts";

/** The page of docs/ that says how weir fares in CEL's conformance suite, without the line that says how it is made. */
export function celConformancePage(): string {
  const { judged, total } = judgeAll();
  const failed = judged.filter(({ outcome }) => outcome.kind !== "passed");
  const passed = judged.length - failed.length;
  return [
    "# CEL conformance",
    `CEL's own conformance suite has ${total.toLocaleString("en")} cases (\`@bufbuild/cel-spec\`, the files of ` +
      "`tests/simple/testdata` in [google/cel-spec](https://github.com/google/cel-spec)). Policies have no protobuf messages, " +
      `so those count that use none: ${judged.length.toLocaleString("en")}. **${passed.toLocaleString("en")} of them pass**, ` +
      `${failed.length} do not. None has a wrong value: what does not pass is refused when a policy is loaded, but where the ` +
      "list of reasons says otherwise.",
    "A case uses a protobuf message when its expression, container, declarations, bindings or result name one, other than the " +
      "two that are types of CEL: `google.protobuf.Timestamp` and `google.protobuf.Duration`. Every other case runs through " +
      "the environment and the evaluation that policies use (`test/cel/official.test.ts`), with its variables declared by " +
      "their types. It passes when the value and its type are right, or when there is an error, or a refusal at load, where " +
      "it expects an error.",
    "Beside these cases a property test compares weir with `@bufbuild/cel` on generated expressions " +
      "(`test/cel/differential.test.ts`).",
    "## What does not pass, and why",
    ...REASONS.map((reason) => reasonSection(reason, failed)),
    "## All cases",
    table(["File", "Section", "Cases", "Passed"], sectionRows(judged)),
  ].join("\n\n");
}

function reasonSection(reason: Reason, failed: readonly Judged[]): string {
  const cases = failed.filter(({ reasons }) => reasons.includes(reason));
  const rows = cases.map(({ path, test, outcome }) => [
    code(path),
    code(shortened(test.expr)),
    becameOf(outcome),
  ]);
  const heading = `### ${reason.title}: ${cases.length}`;
  return [heading, reason.why, table(["Case", "Expression", "What weir says"], rows)].join("\n\n");
}

function becameOf(outcome: Judged["outcome"]): string {
  switch (outcome.kind) {
    case "refused":
      return `refused: ${outcome.why}`;
    case "undeclarable":
      return `cannot declare ${outcome.why}`;
    case "mistyped":
    case "wrong":
      return `${outcome.found} instead of ${outcome.expected}`;
    case "error":
    case "passed":
      return outcome.kind;
  }
}

function sectionRows(judged: readonly Judged[]): readonly (readonly string[])[] {
  const sections = Map.groupBy(judged, ({ file, section }) => `${file}/${section}`);
  return Array.from(sections.values(), (cases) => [
    cases[0]?.file ?? "",
    cases[0]?.section ?? "",
    String(cases.length),
    String(cases.filter(({ outcome }) => outcome.kind === "passed").length),
  ]);
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

/** Fenced by more backticks than the text has in a row. */
const code = (text: string): string => (text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``);

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}
