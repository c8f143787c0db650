import { CASES, type Expected, type SecurityCase, type Way } from "../test/security/corpus.ts";
import { ELSEWHERE, LOAD_CASES } from "../test/security/corpus-loads.ts";

/** The page of docs/ that lists the security cases, without the line that says how it is made. */
export const securityCasesPage = (): string =>
  [
    "# Security cases",
    "What servers of this kind have got wrong, each as a request with the answer that is right. All of it is proved on each " +
      "commit by `test/security` and `test/e2e/security.test.ts`: every case is asked over gRPC with header lines, over gRPC " +
      "with joined headers and over Envoy's HTTP service, and all three have to give the same verdict with the same effects, " +
      "but where the table says otherwise. What a client can send goes through a real Envoy that neither merges slashes nor " +
      "resolves paths, over HTTP/1.1 and HTTP/2; what is refused must not reach the upstream.",
    "Over HTTP a denial with 5xx is written as 403, with its status in `x-weir-status`.",
    "## Requests",
    table(
      ["Case", "What is sent", "Who got it wrong, or what says so", "Answer", "Decided by"],
      CASES.map((one) => [code(one.id), cell(one.what), one.source, answerOf(one.expected), decided(one)]),
    ),
    "## Files that never go live",
    table(
      ["Case", "What is written", "Who got it wrong, or what says so", "Diagnostic"],
      LOAD_CASES.map(({ id, what, source, code: found }) => [code(id), cell(what), source, code(found)]),
    ),
    "## What takes more than one request to show",
    table(
      ["Case", "What is shown", "Who got it wrong, or what says so", "By"],
      ELSEWHERE.map(({ id, what, source, tests, later }) => [
        code(id),
        cell(what),
        source,
        later === undefined ? tests.map(code).join(", ") : `not yet: ${later}`,
      ]),
    ),
  ].join("\n\n");

const WAYS: Readonly<Record<Way, string>> = {
  lines: "header lines",
  joined: "joined headers",
  http: "HTTP",
};

/** Who decides, and where another way of asking gets another answer. */
function decided({ expected, unlike = {} }: SecurityCase): string {
  const others = (["lines", "joined", "http"] as const).flatMap((way) => {
    const other = unlike[way];
    return other === undefined ? [] : [`${WAYS[way]}: ${answerOf(other.expected)}, because ${other.because}`];
  });
  return [expected.verdict === "unread" ? "" : code(expected.by), ...others].join("; ");
}

function answerOf(expected: Expected): string {
  switch (expected.verdict) {
    case "allow":
      return "passes";
    case "deny":
      return String(expected.status);
    case "error":
      return "as Envoy's failure mode says";
    case "unread":
      return `${expected.status} before it is read`;
  }
}

const code = (text: string): string => `\`${text}\``;

/** What stands behind the colon of a description is shown as it is sent. */
function cell(text: string): string {
  const [, before, sent] = /^([^:]+: )(\S*[/\\%#@].*)$/.exec(text) ?? [];
  return before === undefined || sent === undefined ? text : `${before}${code(sent)}`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((one) => one.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}
