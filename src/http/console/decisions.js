import { renderDecision, requestText } from "./decision.js";
import { arrange, element, moment, nothing, row, table } from "./dom.js";
import { verdictBadge } from "./explanation.js";
import { choice, Filters, textFilter } from "./filters.js";
import { poll, rethrowUnlessAborted } from "./poll.js";

/**
 * @import { RecentDecision } from "../../check/recent.ts"
 * @import { Status } from "../../runtime/status.ts"
 * @import { Drawing, Page } from "./main.js"
 */

const EVERY_MS = 2_000;
/** Asked for again each time: a decision that took longer is told of after later ones. */
const OVERLAP_MS = 10_000;
/** Read out no more often, however many come. */
const ANNOUNCED_EVERY_MS = 15_000;

/** The last refusals, chosen by filters; or one of them. @type {Page} */
export function renderDecisions(drawing) {
  if (drawing.rest === undefined) renderList(drawing);
  else renderDecision(drawing, drawing.rest);
}

/** @param {Drawing} drawing */
function renderList({ content, query, ask, announce, signal }) {
  const pause = element("button", { type: "button", "aria-pressed": "false" }, "Pause");
  const { filters, text, policies } = filtersOf(query, pause);
  const told = element("p", { class: "told" });
  const list = new List(announce);
  content.append(
    element(
      "p",
      { class: "lead" },
      "The last refusals and faults of this process, the newest first. What is allowed is not kept.",
    ),
    filters.form,
    told,
    list.element,
  );
  let generation = 0;
  const refresh = async () => {
    const asked = ++generation;
    const wanted = filters.chosen(["text"]);
    const limit = Number(wanted.get("limit"));
    const answer = await ask(`decisions?${list.newer(wanted)}`);
    // An answer to filters that have changed since is of no use.
    if (asked !== generation) return;
    // The weir that comes back may be another, which has not refused what is shown.
    if (answer.kind === "away") list.forget();
    if (answer.kind === "refused") told.textContent = `weir does not list them: ${answer.error}.`;
    if (answer.kind !== "found") return;
    const { decisions } = /** @type {{ decisions: readonly RecentDecision[] }} */ (answer.value);
    list.add(decisions, limit);
    list.choose(text.value);
    told.textContent = list.told();
  };
  const isPaused = () => pause.getAttribute("aria-pressed") === "true";
  pause.addEventListener("click", () => {
    pause.setAttribute("aria-pressed", String(!isPaused()));
    if (!isPaused()) void refresh().catch(rethrowUnlessAborted(signal));
  });
  filters.form.addEventListener("change", ({ target }) => {
    filters.remember("decisions");
    if (target === text) return;
    list.forget();
    void refresh().catch(rethrowUnlessAborted(signal));
  });
  text.addEventListener("input", () => {
    list.choose(text.value);
    told.textContent = list.told();
  });
  void poll(async () => (isPaused() ? undefined : refresh()), { everyMs: EVERY_MS, signal });
  void namePolicies(ask, policies).catch(rethrowUnlessAborted(signal));
}

/**
 * weir chooses by policy, rule, verdict and number; by text the page does.
 *
 * @param {URLSearchParams} query
 * @param {HTMLButtonElement} pause
 */
function filtersOf(query, pause) {
  const policies = element("datalist", { id: "policies" });
  const text = textFilter("text", { type: "search", placeholder: "host, path, decision …" });
  const verdicts = /** @type {const} */ ([
    ["", "any"],
    ["deny", "denied"],
    ["error", "not decided"],
  ]);
  const limits = /** @type {const} */ ([
    ["100", "100"],
    ["1000", "1000"],
  ]);
  const filters = new Filters(
    query,
    [
      ["Policy", textFilter("policy", { list: policies.id })],
      ["Rule", textFilter("rule")],
      ["Verdict", choice("verdict", verdicts)],
      ["Text", text],
      ["At most", choice("limit", limits)],
    ],
    [policies, pause],
  );
  return { filters, text, policies };
}

/**
 * What may be typed as a policy.
 *
 * @param {Drawing["ask"]} ask
 * @param {HTMLDataListElement} into
 */
async function namePolicies(ask, into) {
  const answer = await ask("status");
  if (answer.kind !== "found") return;
  const { policies } = /** @type {Status} */ (answer.value).configuration;
  into.replaceChildren(...policies.map(({ policy }) => element("option", { value: policy })));
}

/** The rows, which keep their elements for as long as they stay. */
class List {
  element = element("div", {}, nothing("Asking weir …"));
  #announce;
  #announcedMs = -Infinity;
  /** @type {Map<string, { readonly row: HTMLTableRowElement, readonly text: string }>} */
  #rows = new Map();
  #body = element("tbody");
  #chosen = 0;
  /** @type {number | undefined} */
  #newestMs;

  /** @param {(text: string) => void} announce */
  constructor(announce) {
    this.#announce = announce;
  }

  /** Begins anew with what comes next. */
  forget() {
    this.#rows = new Map();
    this.#body = element("tbody");
    this.#newestMs = undefined;
  }

  /** What is asked for where only the new ones are. @param {URLSearchParams} wanted */
  newer(wanted) {
    if (this.#newestMs !== undefined)
      wanted.set("since", new Date(this.#newestMs - OVERLAP_MS).toISOString());
    return wanted;
  }

  /**
   * Puts them before those that are there, and lets the oldest go.
   *
   * @param {readonly RecentDecision[]} decisions the newest first
   * @param {number} limit
   */
  add(decisions, limit) {
    const before = this.#rows;
    const isFirst = this.#newestMs === undefined;
    const fresh = decisions.filter(({ decision }) => !before.has(decision));
    /** @type {typeof before} */
    const found = new Map(
      decisions.map((one) => [
        one.decision,
        before.get(one.decision) ?? { row: rowOf(one), text: wordsOf(one) },
      ]),
    );
    const all = [...found, ...[...before].filter(([decision]) => !found.has(decision))];
    this.#rows = new Map(all.slice(0, limit));
    this.#newestMs = Math.max(this.#newestMs ?? 0, ...decisions.map(({ time }) => Date.parse(time)));
    this.#place();
    if (!isFirst && fresh.length > 0) this.#tell(fresh.length);
  }

  #place() {
    if (!this.#body.isConnected) {
      const made = table("Refusals", ["Request", "Verdict", "Decided by", "Time (UTC)", "Decision"], []);
      made.className = "decisions";
      this.#body = made.tBodies[0] ?? this.#body;
      this.element.replaceChildren(made);
    }
    arrange(
      this.#body,
      Array.from(this.#rows.values(), ({ row: one }) => one),
    );
  }

  /** Hides what does not have this text. @param {string} text */
  choose(text) {
    const wanted = text.trim().toLowerCase();
    this.#chosen = 0;
    for (const one of this.#rows.values()) {
      one.row.hidden = !one.text.includes(wanted);
      if (!one.row.hidden) this.#chosen++;
    }
  }

  /** What is shown, in a sentence. */
  told() {
    const { size } = this.#rows;
    if (size === 0) return "No refusal that fits is kept.";
    return this.#chosen === size ? `${size} shown.` : `${this.#chosen} of ${size} have this text.`;
  }

  /** @param {number} fresh */
  #tell(fresh) {
    if (performance.now() - this.#announcedMs < ANNOUNCED_EVERY_MS) return;
    this.#announcedMs = performance.now();
    this.#announce(`${fresh} new ${fresh === 1 ? "refusal" : "refusals"}`);
  }
}

/** @param {RecentDecision} recent */
function rowOf({ decision, time, verdict, status, policy, rule, request }) {
  return row(
    element("a", { href: `#/decisions/${decision}` }, requestText(request)),
    verdictBadge({ kind: verdict, status }),
    element("code", {}, policy === "" ? rule : `${policy}/${rule}`),
    moment(time),
    element("code", {}, decision),
  );
}

/** @param {RecentDecision} recent */
const wordsOf = ({ decision, policy, rule, request, status }) =>
  `${requestText(request)} ${policy}/${rule} ${decision} ${status ?? ""}`.toLowerCase();
