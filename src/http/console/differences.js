import { requestText } from "./decision.js";
import { arrange, badge, element, moment, nothing, row, table } from "./dom.js";
import { policiesTree } from "./explanation.js";
import { choice, Filters, textFilter } from "./filters.js";
import { poll, rethrowUnlessAborted } from "./poll.js";

/**
 * @import { Difference, DifferenceCount } from "../../check/differences.ts"
 * @import { Page } from "./main.js"
 */

/**
 * What /differences answers.
 *
 * @typedef {object} Differences
 * @property {{ readonly folders: readonly string[], readonly revision?: string } | null} candidate without a revision: it is not loaded
 * @property {readonly DifferenceCount[]} counts
 * @property {readonly Difference[]} differences the newest first
 */

const EVERY_MS = 5_000;

/** What would be decided otherwise by rules in shadow, and by a candidate. @type {Page} */
export function renderDifferences({ content, query, ask, signal }) {
  const kinds = /** @type {const} */ ([
    ["", "both"],
    ["shadow", "shadow"],
    ["candidate", "candidate"],
  ]);
  const filters = new Filters(query, [
    ["Of", choice("kind", kinds)],
    ["Policy", textFilter("policy")],
    ["Rule", textFilter("rule")],
  ]);
  const told = element("p", {}, "Asking weir …");
  const counts = element("div", { class: "stack" });
  const list = new List();
  content.append(
    element(
      "p",
      { class: "lead" },
      "What rules in shadow, and a candidate for the configuration, would decide otherwise.",
    ),
    told,
    element("h2", {}, "How often"),
    counts,
    element("h2", {}, "The last ones"),
    filters.form,
    list.element,
  );
  const refresh = async () => {
    const answer = await ask(`differences?${filters.chosen()}`);
    if (answer.kind === "refused") told.replaceChildren(`weir does not list them: ${answer.error}.`);
    if (answer.kind !== "found") return;
    const found = /** @type {Differences} */ (answer.value);
    told.replaceChildren(...candidateIn(found));
    counts.replaceChildren(
      found.counts.length === 0
        ? nothing("Nothing would have been decided otherwise.")
        : countsOf(found.counts),
    );
    list.show(found.differences);
  };
  filters.form.addEventListener("change", () => {
    filters.remember("differences");
    void refresh().catch(rethrowUnlessAborted(signal));
  });
  void poll(refresh, { everyMs: EVERY_MS, signal });
}

/**
 * @param {Differences} differences
 * @returns {readonly (string | Node)[]}
 */
function candidateIn({ candidate }) {
  if (candidate === null)
    return [
      "There is no candidate: weir serve --candidate names one. Rules in shadow are looked at all the same.",
    ];
  const { folders, revision } = candidate;
  const what = ["The candidate is ", element("code", {}, folders.join(", "))];
  return revision === undefined
    ? [...what, ", and has an error: nothing is compared with it. The log says what is wrong."]
    : [...what, ", revision ", element("code", {}, revision), "."];
}

/** The last differences. What somebody has opened stays open when others come. */
class List {
  #list = element("ul", { class: "differences" });
  #none = nothing("None that fits is kept.");
  element = element("div", {}, this.#list, this.#none);
  /** @type {ReadonlyMap<string, HTMLLIElement>} */
  #shown = new Map();

  /** @param {readonly Difference[]} differences */
  show(differences) {
    this.#shown = new Map(
      differences.map((one) => {
        const key = [one.decision, one.kind, one.policy, one.rule].join(" ");
        return [key, this.#shown.get(key) ?? differenceOf(one)];
      }),
    );
    arrange(this.#list, [...this.#shown.values()]);
    this.#none.hidden = differences.length > 0;
  }
}

/** @param {Differences["counts"]} counts */
const countsOf = (counts) =>
  table(
    "Differences",
    ["Rule", "Of", "From", "To", "Times"],
    counts.map(({ kind, policy, rule, from, to, count }) =>
      row(element("code", {}, nameOf(policy, rule)), kind, verdictOf(from), verdictOf(to), String(count)),
    ),
  );

/** @param {Difference} difference */
function differenceOf({ decision, time, kind, policy, rule, from, to, request, policies }) {
  return element(
    "li",
    {},
    element(
      "details",
      { class: "step" },
      element(
        "summary",
        {},
        moment(time),
        badge("plain", kind),
        verdictOf(from),
        element("span", { class: "arrow", "aria-label": "to" }, "→"),
        verdictOf(to),
        element("code", {}, nameOf(policy, rule)),
        element("span", { class: "finding" }, requestText(request)),
      ),
      element("p", { class: "told" }, "decision ", element("code", {}, decision)),
      policies === undefined
        ? nothing("It was counted, and not explained.")
        : policiesTree(policies, [nameOf(policy, rule)]),
    ),
  );
}

/**
 * @param {string} policy
 * @param {string} rule
 */
const nameOf = (policy, rule) => (policy === "" ? rule : `${policy}/${rule}`);

/** @param {string} verdict */
function verdictOf(verdict) {
  if (/^allow/.test(verdict)) return badge("good", verdict);
  return badge(/^deny/.test(verdict) ? "bad" : "warn", verdict);
}
