import { STATUS_CODES } from "node:http";
import type { ExplainedPolicy, ExplainedRule, Labelled } from "../check/explain.ts";
import type { Explanation, Summary } from "../check/explanation.ts";
import { nameOf } from "../check/expectation.ts";
import type { Shown } from "../check/shown.ts";

/** An explanation for people: what decided first, then each policy that applies, then why the others do not. */
export function printExplanation({ verdict, policies }: Explanation): string {
  const applying = policies.filter(({ applies }) => applies.kind !== "no");
  const others = policies.filter(({ applies }) => applies.kind === "no");
  const blocks = [
    headline(verdict),
    ...applying.map((policy) => printPolicy(policy, verdict)),
    ...(others.length === 0 ? [] : [`These do not apply:\n${others.map(printOther).join("")}`]),
  ];
  return blocks.join("\n");
}

function headline({ kind, by, status, sets, removes }: Summary): string {
  const who = by.join(", ");
  switch (kind) {
    case "allow": {
      const effects = [
        ...sets.map((name) => `  sets the request header ${name}\n`),
        ...removes.map((name) => `  removes the request header ${name}\n`),
      ];
      return `allowed by ${who}\n${effects.join("")}`;
    }
    case "deny":
      return `denied with ${status ?? ""} ${STATUS_CODES[status ?? 0] ?? ""} by ${who}\n`;
    case "error":
      return `not decided: ${who} has no answer, and Envoy's failure mode decides\n`;
  }
}

function printPolicy(policy: ExplainedPolicy, { by }: Summary): string {
  const { applies, mode, gate, identities, rules, carries } = policy;
  const notes = [
    ...(mode === "shadow" ? ["in shadow"] : []),
    ...(applies.kind === "unknown" ? ["it is UNKNOWN whether it applies, so it does"] : []),
  ];
  const head = `${policy.policy}${notes.length === 0 ? "" : ` (${notes.join("; ")})`}\n`;
  const decides = (rule: string): boolean => by.includes(nameOf({ policy: policy.policy, rule }));
  const who = identities.map(
    ({ name, finding }) => `${mark(decides(`identity/${name}`))}identity ${name}: ${finding}\n`,
  );
  return [
    head,
    printLabelled(gate, "  "),
    ...who,
    ...rules.map((rule) => printRule(rule, decides(rule.rule))),
    ...carries.map(({ value }) => printShown(value, "  ", "carries ")),
    printFallback(policy, decides("default")),
  ].join("");
}

const mark = (decides: boolean): string => (decides ? "→ " : "  ");

function printRule(explained: ExplainedRule, decides: boolean): string {
  const { rule, kind, mode, outcome, detail, expressions } = explained;
  const why = detail === undefined ? "" : ` (${detail})`;
  const shadow = mode === "shadow" ? ", in shadow" : "";
  return `${mark(decides)}${kind} ${rule}: ${outcome}${why}${shadow}\n${printLabelled(expressions, "      ")}`;
}

function printFallback({ fallback }: ExplainedPolicy, decides: boolean): string {
  switch (fallback) {
    case "grant":
      return `${mark(decides)}default: allows what no rule refuses\n`;
    case "refuse":
      return `${mark(decides)}default: denies what no rule allows\n`;
    case "nothing":
      return "";
  }
}

const printLabelled = (labelled: readonly Labelled[], indent: string): string =>
  labelled.map(({ key, value }) => printShown(value, indent, `${key}: `)).join("");

/** One line a part, its value behind it. */
export function printShown({ source, value, parts }: Shown, indent: string, label = ""): string {
  const oneLine = source.trim().replace(/\s+/g, " ");
  const inner = parts.map((part) => printShown(part, `${indent}  `)).join("");
  return `${indent}${label}${oneLine}  =  ${value}\n${inner}`;
}

function printOther({ policy, applies, gate }: ExplainedPolicy): string {
  const by = applies.kind === "no" ? applies.by : [];
  const why = by.includes("except") ? "its exception holds" : `other ${by.join(", ")}`;
  return `  ${policy}: ${why}\n${printLabelled(gate, "    ")}`;
}
