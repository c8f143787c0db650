import { element, field } from "./dom.js";

/** @typedef {HTMLInputElement | HTMLSelectElement} Control */

/** What to choose by: a row of controls, filled in from the address and written back to it. */
export class Filters {
  /** Goes into the page. */
  form;
  #controls;

  /**
   * @param {URLSearchParams} query
   * @param {readonly (readonly [label: string, control: Control])[]} controls
   * @param {readonly HTMLElement[]} more what stands behind them
   */
  constructor(query, controls, more = []) {
    this.#controls = controls.map(([, control]) => control);
    for (const control of this.#controls) control.value = query.get(control.name) ?? control.value;
    this.form = element(
      "form",
      { class: "filters", "aria-label": "Filters" },
      controls.map(([label, control]) => field(label, control)),
      more,
    );
    // Enter in a field is a change, which is enough.
    this.form.addEventListener("submit", (event) => event.preventDefault());
  }

  /** What is chosen, as a query: of all of them, or of all but these. @param {readonly string[]} but */
  chosen(but = []) {
    const entries = this.#controls
      .filter(({ name }) => !but.includes(name))
      .map(({ name, value }) => [name, value.trim()]);
    return new URLSearchParams(entries.filter(([, value]) => value !== ""));
  }

  /** Writes what is chosen into the address of this page, so that it can be gone back to and handed on. @param {string} page */
  remember(page) {
    const all = this.chosen();
    history.replaceState(undefined, "", `#/${page}${all.size === 0 ? "" : `?${all}`}`);
  }
}

/**
 * A line of text to choose by.
 *
 * @param {string} name
 * @param {Readonly<Record<string, string>>} more
 */
export const textFilter = (name, more = {}) =>
  element("input", { name, autocomplete: "off", spellcheck: "false", placeholder: "any", ...more });

/**
 * One of some values; the first where the address says nothing.
 *
 * @param {string} name
 * @param {readonly (readonly [value: string, label: string])[]} options
 */
export const choice = (name, options) =>
  element(
    "select",
    { name },
    options.map(([value, label]) => element("option", { value }, label)),
  );
