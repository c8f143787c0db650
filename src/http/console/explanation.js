import { badge, element } from "./dom.js";

/**
 * @import { Applies, ExplainedPolicy, ExplainedRule, Labelled, Outcome } from "../../check/explain.ts"
 * @import { Explanation, Summary } from "../../check/explanation.ts"
 * @import { Shown } from "../../check/shown.ts"
 */

/**
 * An explanation as a tree: what decided first, then each policy that applies, then why the others do not.
 *
 * @param {Explanation} explanation
 */
export const explanationTree = ({ verdict, policies }) =>
  element("div", { class: "explanation" }, headline(verdict), policiesTree(policies, verdict.by));

/**
 * The same without its first line: each policy that applies, then why the others do not.
 *
 * @param {Explanation["policies"]} policies
 * @param {readonly string[]} by `policy/rule` of what decided
 */
export function policiesTree(policies, by) {
  const applying = policies.filter(({ applies }) => applies.kind !== "no");
  const others = policies.filter(({ applies }) => applies.kind === "no");
  const summary = others.length === 1 ? "1 policy does not apply" : `${others.length} policies do not apply`;
  return element(
    "div",
    { class: "explanation" },
    applying.map((policy) => policyOf(policy, by)),
    others.length === 0
      ? undefined
      : element(
          "details",
          { class: "others" },
          element("summary", {}, summary),
          element("ul", {}, others.map(otherOf)),
        ),
  );
}

/**
 * What a verdict is called, in a word and its colour.
 *
 * @param {{ readonly kind: Summary["kind"], readonly status?: number | undefined }} verdict
 */
export function verdictBadge({ kind, status }) {
  switch (kind) {
    case "allow":
      return badge("good", "allowed");
    case "deny":
      return badge("bad", status === undefined ? "denied" : `denied ${status}`);
    case "error":
      return badge("warn", "not decided");
  }
}

/** @param {Summary} verdict */
function headline({ kind, by, status, sets, removes }) {
  const effects = [
    ...sets.map((name) => ["sets the request header ", name]),
    ...removes.map((name) => ["removes the request header ", name]),
  ];
  return element(
    "div",
    { class: "headline" },
    element(
      "p",
      {},
      verdictBadge({ kind, status }),
      " by ",
      by.map((name, index) => [index === 0 ? "" : ", ", element("code", {}, name)]),
    ),
    kind === "error" ? element("p", {}, "It has no answer, and Envoy's failure mode decides.") : undefined,
    effects.length === 0
      ? undefined
      : element(
          "ul",
          {},
          effects.map(([what = "", name = ""]) => element("li", {}, what, element("code", {}, name))),
        ),
  );
}

/**
 * @param {ExplainedPolicy} policy
 * @param {readonly string[]} by
 */
function policyOf({ policy, mode, applies, gate, identities, rules, fallback }, by) {
  /** @param {string} rule */
  const decides = (rule) => by.includes(`${policy}/${rule}`);
  return element(
    "div",
    { class: "policy" },
    element(
      "h3",
      {},
      element("code", {}, policy),
      mode === "shadow" ? badge("plain", "in shadow") : undefined,
      applies.kind === "unknown" ? badge("warn", "UNKNOWN whether it applies, so it does") : undefined,
    ),
    expressionsOf(gate),
    identities.map(({ name, finding }) => line("identity", name, finding, decides(`identity/${name}`))),
    rules.map((rule) =>
      ruleOf(rule, { decides: decides(rule.rule), isMissed: decides("default") && isMissed(rule) }),
    ),
    fallback === "nothing"
      ? undefined
      : line(
          "default",
          "",
          fallback === "grant" ? "allows what no rule refuses" : "denies what no rule allows",
          decides("default"),
        ),
  );
}

/** @type {Readonly<Record<Outcome, "good" | "warn" | "bad" | "plain">>} */
const TONES = {
  grants: "good",
  refuses: "bad",
  unknown: "warn",
  "does not grant": "plain",
  passes: "plain",
  "passed over": "plain",
  "not asked": "plain",
};

/** The mark of what decided, for eyes and for screen readers. */
const decided = () => element("span", { class: "decided" }, "decided");

/**
 * @param {string} kind
 * @param {string} name
 * @param {string} finding
 * @param {boolean} decides
 */
const line = (kind, name, finding, decides) =>
  element(
    "p",
    { class: decides ? "step deciding" : "step" },
    element("span", { class: "kind" }, kind),
    name === "" ? undefined : element("code", {}, name),
    element("span", { class: "finding" }, finding),
    decides ? decided() : undefined,
  );

/**
 * An allow that could have held: where the default has refused, these are the reason.
 *
 * @param {ExplainedRule} rule
 */
const isMissed = ({ kind, mode, outcome }) =>
  kind === "allow" && mode === "enforce" && outcome === "does not grant";

/**
 * What decided, and what explains it, is open; the rest can be opened.
 *
 * @param {ExplainedRule} rule
 * @param {{ readonly decides: boolean, readonly isMissed: boolean }} part
 */
function ruleOf({ rule, kind, mode, outcome, detail, expressions }, { decides, isMissed }) {
  const isOpen = decides || isMissed || outcome === "refuses" || outcome === "unknown";
  return element(
    "details",
    { class: decides ? "step deciding" : "step", open: isOpen },
    element(
      "summary",
      {},
      element("span", { class: "kind" }, kind),
      element("code", {}, rule),
      badge(mode === "shadow" ? "plain" : TONES[outcome], outcome),
      mode === "shadow" ? badge("plain", "in shadow") : undefined,
      detail === undefined ? undefined : element("span", { class: "finding" }, detail),
      decides ? decided() : undefined,
    ),
    expressions.length === 0
      ? element("p", { class: "finding" }, "nothing of it was evaluated")
      : expressionsOf(expressions),
  );
}

/** @param {readonly Labelled[]} expressions */
const expressionsOf = (expressions) =>
  expressions.length === 0
    ? undefined
    : element(
        "ul",
        { class: "tree" },
        expressions.map(({ key, value }) => partOf(value, key)),
      );

/**
 * @param {Shown} shown
 * @param {string} [key]
 * @returns {HTMLElement}
 */
function partOf({ source, value, parts }, key) {
  return element(
    "li",
    {},
    key === undefined ? undefined : element("span", { class: "kind" }, key),
    element("code", { class: "source" }, source.trim().replace(/\s+/g, " ")),
    element("span", { class: "equals" }, " = "),
    element("code", { class: `value ${toneOf(value)}` }, value),
    parts.length === 0
      ? undefined
      : element(
          "ul",
          {},
          parts.map((part) => partOf(part)),
        ),
  );
}

/** @param {string} value */
const toneOf = (value) =>
  value.startsWith("UNKNOWN") ? "warn" : value === "not looked at" ? "unseen-value" : "";

/** @param {ExplainedPolicy} policy */
const otherOf = ({ policy, applies, gate }) =>
  element("li", {}, element("code", {}, policy), `: ${whyNot(applies)}`, expressionsOf(gate));

/** @param {Applies} applies */
function whyNot(applies) {
  const by = applies.kind === "no" ? applies.by : [];
  return by.includes("except") ? "its exception holds" : `other ${by.join(", ")}`;
}
