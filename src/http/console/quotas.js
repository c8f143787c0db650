import { arrange, badge, element, moment, nothing } from "./dom.js";
import { choice, Filters, textFilter } from "./filters.js";
import { poll, rethrowUnlessAborted } from "./poll.js";
import { resetButton } from "./reset.js";

/**
 * @import { ListedQuota } from "../../check/quota-list.ts"
 * @import { ListedLimits } from "../../counting.ts"
 * @import { ListedCounter } from "../../limits/listed.ts"
 * @import { ListedLimit } from "../../quota/limit-list.ts"
 * @import { Drawing, Page } from "./main.js"
 */

/**
 * A quota, or a rate limit, as its card shows it.
 *
 * @typedef {object} Card
 * @property {string} name tells it from all others
 * @property {readonly (Node | string)[]} head
 * @property {ListedQuota["algorithm"]} algorithm
 * @property {readonly Row[]} rows
 */

/** @typedef {ListedCounter & { readonly parts: readonly string[] }} Row */

const EVERY_MS = 5_000;

const NOTHING = "No policy has a quota, and there is no rate limit.";
const LEAD =
  "The keys that were busiest of late in this process. What they have used is what the store counts, for all replicas.";

/** Quotas and rate limits, who uses them up, and how much is left. @type {Page} */
export function renderQuotas(drawing) {
  const { content, query, ask, signal } = drawing;
  const keys = /** @type {const} */ ([
    ["", "10"],
    ["50", "50"],
  ]);
  const filters = new Filters(query, [
    ["Policy", textFilter("policy")],
    ["Quota", textFilter("quota")],
    ["Domain", textFilter("domain")],
    ["Keys of each", choice("limit", keys)],
  ]);
  const told = element("p", { class: "notice bad", role: "alert", hidden: true });
  const none = nothing("Asking weir …");
  const list = element("div", { class: "quotas" });
  const more = element("p", { class: "told", hidden: true });
  content.append(element("p", { class: "lead" }, LEAD), filters.form, told, none, list, more);
  /** @type {Map<string, QuotaCard>} */
  let shown = new Map();
  const refresh = async () => {
    const answer = await ask(`quotas?${filters.chosen()}`);
    if (answer.kind === "refused") say(told, `weir does not list them: ${answer.error}.`);
    if (answer.kind !== "found") return;
    const { store, quotas, limits, unlisted } = /** @type {ListedLimits} */ (answer.value);
    say(
      told,
      store.state === "ready" ? "" : `The store of counters is away, and cannot be asked: ${store.detail}.`,
    );
    const cards = [...quotas.map(cardOfQuota), ...limits.map(cardOfLimit)];
    none.textContent = filters.chosen(["limit"]).size === 0 ? NOTHING : "None fits.";
    none.hidden = cards.length > 0;
    more.textContent = `And ${unlisted} more rate limits: choose by domain.`;
    more.hidden = unlisted === 0;
    shown = new Map(
      cards.map((one) => {
        const card = shown.get(one.name) ?? new QuotaCard(drawing, refresh);
        card.show(one);
        return [one.name, card];
      }),
    );
    arrange(
      list,
      Array.from(shown.values(), (card) => card.element),
    );
  };
  filters.form.addEventListener("change", () => {
    filters.remember("quotas");
    void refresh().catch(rethrowUnlessAborted(signal));
  });
  void poll(refresh, { everyMs: EVERY_MS, signal });
}

/**
 * Says it once: what is written anew is read out again.
 *
 * @param {HTMLElement} told
 * @param {string} text
 */
function say(told, text) {
  if (told.textContent !== text) told.textContent = text;
  told.hidden = text === "";
}

/** One quota or rate limit. Its rows stay in their place in the page, so that the focus and a question stay with them. */
class QuotaCard {
  #head = element("div", {});
  #list = element("ul", { class: "keys" });
  #none = nothing("Nothing was counted here since the files were loaded.");
  element = element("section", { class: "quota" }, this.#head, this.#list, this.#none);
  #drawing;
  #refresh;
  #before = "";
  /** @type {ReadonlyMap<string, KeyRow>} */
  #rows = new Map();

  /**
   * @param {Drawing} drawing
   * @param {() => Promise<void>} refresh
   */
  constructor(drawing, refresh) {
    this.#drawing = drawing;
    this.#refresh = refresh;
  }

  /** @param {Card} card */
  show({ head, rows, algorithm }) {
    const now = head.map((node) => (typeof node === "string" ? node : node.textContent)).join("\n");
    if (now !== this.#before) this.#head.replaceChildren(...head);
    this.#before = now;
    this.#rows = new Map(
      rows.map((one) => {
        const row = this.#rows.get(one.id) ?? new KeyRow(one, this.#drawing, this.#refresh);
        row.show(one, algorithm);
        return [one.id, row];
      }),
    );
    arrange(
      this.#list,
      Array.from(this.#rows.values(), (row) => row.element),
    );
    this.#list.hidden = rows.length === 0;
    this.#none.hidden = rows.length > 0;
  }
}

/**
 * @param {ListedQuota} quota
 * @returns {Card}
 */
function cardOfQuota({ policy, quota, mode, percent, windows, key, keys, algorithm, count, onError }) {
  const enforced = percent === undefined ? "enforced" : `enforced for ${percent}%`;
  const head = [
    element(
      "h2",
      {},
      element("code", {}, `${policy}/${quota}`),
      badge(mode === "shadow" ? "warn" : "good", mode === "shadow" ? "in shadow" : enforced),
    ),
    element(
      "p",
      { class: "told" },
      windowsOf(windows),
      key.length === 0 ? " for all requests together" : " by ",
      key.map((source, index) => [index === 0 ? "" : ", ", element("code", {}, source)]),
      `. ${algorithm}; counts ${COUNTS[count]}; without the store: ${ON_ERROR[onError]}.`,
    ),
  ];
  const rows = keys.map((one) => ({ ...one, parts: one.key }));
  return { name: `${policy}/${quota}`, head, algorithm, rows };
}

/**
 * @param {ListedLimit} limit
 * @returns {Card}
 */
function cardOfLimit({ domain, descriptor, standing, windows, algorithm, onError, keys }) {
  const entries = descriptor.map(({ key, value }) => (value === undefined ? key : `${key}=${value}`));
  const head = [
    element(
      "h2",
      {},
      element("code", {}, domain),
      badge("plain", "rate limit"),
      badge(standing === "shadow" ? "warn" : "good", STANDINGS[standing]),
    ),
    element(
      "p",
      { class: "told" },
      windowsOf(windows),
      " by ",
      entries.map((entry, index) => [index === 0 ? "" : ", ", element("code", {}, entry)]),
      `. ${algorithm}; without the store: ${onError === undefined ? "Envoy's failure mode decides" : ON_ERROR[onError]}.`,
    ),
  ];
  const rows = keys.map((one) => ({ ...one, parts: one.entries.map(({ key, value }) => `${key}=${value}`) }));
  return { name: JSON.stringify([domain, descriptor, algorithm]), head, algorithm, rows };
}

const STANDINGS = { enforce: "enforced", shadow: "in shadow", quota: "with the other quotas of a request" };

/** @param {readonly { readonly limit: number | string, readonly per: string }[]} windows */
const windowsOf = (windows) =>
  windows.map(({ limit, per }, index) => [
    index === 0 ? "" : ", ",
    element("code", {}, String(limit)),
    ` per ${per}`,
  ]);

const COUNTS = { granted: "what passes", denied: "what is refused", all: "what passes and what is refused" };
const ON_ERROR = {
  local: "each replica counts its part",
  allow: "everything passes",
  deny: "nothing passes",
};

/** One key of a quota or rate limit. */
class KeyRow {
  #state = element("div", { class: "windows" });
  #seen = element("p", { class: "told" });
  element;

  /**
   * @param {Row} key
   * @param {Drawing} drawing
   * @param {() => Promise<void>} refresh
   */
  constructor({ id, parts, mode }, drawing, refresh) {
    const written = parts.map((part) => (part === "" ? "“”" : part));
    const name = parts.length === 0 ? "all requests" : written.join(" ");
    this.element = element(
      "li",
      {},
      element(
        "div",
        { class: "name" },
        parts.length === 0 ? name : written.map((part) => element("code", {}, part)),
        mode === "shadow" ? badge("plain", "in shadow") : undefined,
        this.#seen,
      ),
      this.#state,
      resetButton({ id, name }, drawing, refresh),
    );
  }

  /**
   * @param {Row} key
   * @param {ListedQuota["algorithm"]} algorithm
   */
  show({ hits, refusals, seen, now }, algorithm) {
    this.#seen.replaceChildren(`${hits} charged, ${refusals} refused here; last `, moment(seen));
    this.#state.replaceChildren(...stateOf(now, algorithm));
  }
}

/**
 * @param {ListedCounter["now"]} now
 * @param {ListedQuota["algorithm"]} algorithm
 */
function stateOf(now, algorithm) {
  switch (now.kind) {
    case "failed":
      return [badge("warn", "the store has not said")];
    case "skipped":
      return [nothing("Not asked: choose by policy, quota or domain.")];
    case "found": {
      const alone = now.by === "local" ? [badge("warn", "counted by this process alone")] : [];
      return [...now.windows.map((window) => windowOf(window, algorithm)), ...alone];
    }
  }
}

/**
 * @param {Extract<ListedCounter["now"], { kind: "found" }>["windows"][number]} window
 * @param {ListedQuota["algorithm"]} algorithm
 */
function windowOf({ per, limit, used, remaining, resetMs }, algorithm) {
  // A bucket holds its burst, whatever its limit is.
  const most = algorithm === "bucket" ? used + remaining : limit;
  const tone = remaining === 0 ? "bad" : used >= most * NEAR ? "warn" : "good";
  const left = remaining === 0 ? "exhausted" : `${remaining} left`;
  return element(
    "p",
    { class: "window" },
    element("meter", {
      class: tone,
      min: "0",
      max: String(Math.max(1, most)),
      value: String(Math.min(most, used)),
      "aria-label": `used per ${per}`,
    }),
    element(
      "span",
      { class: "used" },
      `${used} of ${most} per ${per}, `,
      element("strong", { class: tone }, left),
    ),
    element("span", { class: "told" }, resetMs === 0 ? "empty" : `resets in ${inUnits(resetMs)}`),
  );
}

/** From this part of a limit on it is near. */
const NEAR = 0.8;

/** The two largest units of a time that is to pass, in milliseconds. @param {number} ms */
function inUnits(ms) {
  const units = /** @type {const} */ ([
    [86_400, "d"],
    [3_600, "h"],
    [60, "m"],
    [1, "s"],
  ]);
  let seconds = Math.ceil(ms / 1_000);
  const parts = [];
  for (const [size, unit] of units) {
    if (seconds >= size && parts.length < 2) parts.push(`${Math.floor(seconds / size)}${unit}`);
    seconds %= size;
  }
  return parts.join(" ");
}
