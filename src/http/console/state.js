import { badge, element, moment, nothing, row, table } from "./dom.js";
import { poll } from "./poll.js";

/**
 * @import { Status } from "../../runtime/status.ts"
 * @import { Child } from "./dom.js"
 * @import { Page } from "./main.js"
 */

const EVERY_MS = 5_000;

/** What is live, and what is held back. @type {Page} */
export function renderState({ content, ask, signal }) {
  const shown = element("div", {}, nothing("Asking weir …"));
  content.append(shown);
  let before = "";
  void poll(
    async () => {
      const answer = await ask("status");
      if (answer.kind !== "found") return;
      // Nothing is replaced under a reader's eyes that has not changed.
      const now = JSON.stringify(answer.value);
      if (now === before) return;
      before = now;
      shown.replaceChildren(...statusOf(/** @type {Status} */ (answer.value)));
    },
    { everyMs: EVERY_MS, signal },
  );
}

/**
 * @param {Status} status
 * @returns {readonly HTMLElement[]}
 */
const statusOf = ({ configuration, parts, handlers, identities }) => [
  ...outlineOf(configuration, parts),
  partsOf(parts),
  overridesOf(configuration.overrides),
  section(
    "Handlers",
    stateTable(
      ["Handler", ...STATE_COLUMNS],
      handlers.map(({ handler, ...one }) => ({ name: handler, ...one })),
    ),
    handlers.length === 0 ? "weir.yaml names no handler: no policy asks anybody." : undefined,
  ),
  section(
    "Identities",
    stateTable(
      ["Identity", ...STATE_COLUMNS],
      identities.map(({ identity, ...one }) => ({ name: identity, ...one })),
    ),
    identities.length === 0 ? "No identity needs keys." : undefined,
  ),
  policiesOf(configuration.policies),
];

/**
 * What is looked at first.
 *
 * @param {Status["configuration"]} configuration
 * @param {Status["parts"]} parts
 * @returns {readonly HTMLElement[]}
 */
function outlineOf({ revision, observes, policies, overrides, lastLoad }, parts) {
  const held = parts.filter(({ state }) => state !== "current");
  const observing = element(
    "p",
    { class: "notice warn" },
    "weir only observes: every request passes, whatever the policies say.",
  );
  const facts = element(
    "dl",
    { class: "facts" },
    fact("Revision", element("code", {}, revision ?? "none")),
    fact(
      "Last load",
      badge(lastLoad.result === "refused" ? "bad" : "good", lastLoad.result),
      " ",
      lastLoad.at === "never" ? "" : moment(lastLoad.at),
    ),
    fact("Policies", String(policies.length)),
    fact("Held back", held.length === 0 ? badge("good", "nothing") : badge("bad", String(held.length))),
    fact("Overrides", overrides.length === 0 ? "none" : badge("warn", String(overrides.length))),
  );
  // What holds a part back stands with the part.
  const others = lastLoad.diagnostics.filter(
    (one) => !parts.some(({ diagnostics }) => diagnostics.includes(one)),
  );
  return [
    ...(observes ? [observing] : []),
    facts,
    ...(others.length === 0 ? [] : [section("Findings of the last load", findings(others))]),
  ];
}

/** @param {Status["parts"]} parts */
const partsOf = (parts) =>
  section(
    "Parts",
    element(
      "div",
      { class: "stack" },
      table(
        "Parts of the configuration",
        ["Part", "State"],
        parts.map(({ part, state }) => row(part, badge(PART_TONES[state], state))),
      ),
      parts
        .filter(({ diagnostics }) => diagnostics.length > 0)
        .map(({ part, diagnostics }) => [
          element("h3", {}, `What is wrong in the newest files: ${part}`),
          findings(diagnostics),
        ]),
    ),
  );

/** @param {Status["configuration"]["overrides"]} overrides */
const overridesOf = (overrides) =>
  section(
    "Overrides",
    table(
      "Overrides that hold",
      ["Rule", "Mode", "Until (UTC)", "Reason"],
      overrides.map((override) => overrideRow(override)),
    ),
    overrides.length === 0 ? "No override holds." : undefined,
  );

/** @param {Status["configuration"]["policies"]} policies */
const policiesOf = (policies) =>
  section(
    "Policies",
    table(
      "Policies",
      ["Policy", "Mode"],
      policies.map(({ policy, mode }) =>
        row(element("code", {}, policy), badge(mode === "shadow" ? "warn" : "good", mode)),
      ),
    ),
    policies.length === 0 ? "No policy is live: nothing is governed." : undefined,
  );

const STATE_COLUMNS = ["State", "Detail"];

/** @type {Readonly<Record<Status["parts"][number]["state"], "good" | "bad">>} */
const PART_TONES = { current: "good", held: "bad", "never loaded": "bad" };

/**
 * @param {string} name
 * @param {readonly Child[]} value
 */
const fact = (name, ...value) => element("div", {}, element("dt", {}, name), element("dd", {}, ...value));

/**
 * @param {string} title
 * @param {HTMLElement} content
 * @param {string} [otherwise] what stands there where there is nothing
 */
const section = (title, content, otherwise) =>
  element("section", {}, element("h2", {}, title), otherwise === undefined ? content : nothing(otherwise));

/** @param {readonly string[]} printed */
const findings = (printed) =>
  element(
    "div",
    {},
    printed.map((one) => element("pre", { tabindex: "0", "aria-label": "finding" }, one)),
  );

/** @param {object} override */
function overrideRow(override) {
  const { policy, rule, mode, until, reason } = /** @type {Readonly<Record<string, string>>} */ (override);
  return row(
    element("code", {}, `${policy ?? ""}/${rule ?? ""}`),
    badge("warn", mode ?? ""),
    until === undefined ? "–" : moment(until),
    reason ?? "–",
  );
}

/**
 * @param {readonly string[]} columns
 * @param {readonly { readonly name: string, readonly state: string, readonly detail: string }[]} rows
 */
const stateTable = (columns, rows) =>
  table(
    columns[0] ?? "",
    columns,
    rows.map(({ name, state, detail }) =>
      row(element("code", {}, name), badge(STATE_TONES[state] ?? "plain", state), detail),
    ),
  );

/** @type {Readonly<Record<string, "good" | "warn" | "bad">>} */
const STATE_TONES = { ready: "good", starting: "warn", stale: "warn", failing: "bad" };
