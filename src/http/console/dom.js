/** @typedef {string | Node | undefined} Leaf */
/** @typedef {Leaf | readonly Leaf[] | readonly (readonly Leaf[])[]} Child */

/**
 * An element. Children that are strings become text, never markup: hosts and paths are chosen by callers.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Readonly<Record<string, string | boolean | undefined>>} attributes `true` sets an empty one; `false` and undefined none
 * @param {readonly Child[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...flat(children));
  return made;
}

/** @param {readonly Child[]} children */
const flat = (children) => children.flat(2).filter((child) => child !== undefined);

/**
 * A state in a word, a sign and a colour, so that it is told without the colour.
 *
 * @param {"good" | "warn" | "bad" | "plain"} tone
 * @param {string} word
 */
export const badge = (tone, word) =>
  element(
    "span",
    { class: `badge ${tone}` },
    element("span", { class: "sign", "aria-hidden": "true" }, SIGNS[tone]),
    word,
  );

const SIGNS = { good: "✓", warn: "!", bad: "✕", plain: "·" };

/**
 * A table with its roles written out: narrow screens lay its rows out as blocks, which would lose them.
 *
 * @param {string} label
 * @param {readonly string[]} columns
 * @param {readonly HTMLTableRowElement[]} rows
 */
export const table = (label, columns, rows) =>
  element(
    "table",
    { role: "table", "aria-label": label },
    element(
      "thead",
      { role: "rowgroup" },
      element(
        "tr",
        { role: "row" },
        columns.map((column) => element("th", { scope: "col", role: "columnheader" }, column)),
      ),
    ),
    element("tbody", { role: "rowgroup" }, rows),
  );

/**
 * A row; the first cell names it.
 *
 * @param {readonly Child[]} cells
 */
export const row = (...cells) =>
  element(
    "tr",
    { role: "row" },
    cells.map((cell, index) =>
      index === 0
        ? element("th", { scope: "row", role: "rowheader" }, cell)
        : element("td", { role: "cell" }, cell),
    ),
  );

/**
 * A field of a form, under its label.
 *
 * @param {string} label
 * @param {HTMLElement} control
 * @param {string} [hint]
 */
export function field(label, control, hint) {
  const id = control.getAttribute("name") ?? "";
  control.id = `field-${id}`;
  if (hint !== undefined) control.setAttribute("aria-describedby", `hint-${id}`);
  return element(
    "div",
    { class: "field" },
    element("label", { for: control.id }, label),
    control,
    hint === undefined ? undefined : element("p", { class: "hint", id: `hint-${id}` }, hint),
  );
}

/**
 * A moment as logs have it, in UTC; the day only where it is not today.
 *
 * @param {string} iso
 */
export function moment(iso) {
  const [day = "", time = ""] = iso.replace(/(?:\.\d+)?Z$/, "").split("T");
  const isToday = day === new Date().toISOString().slice(0, 10);
  return element("time", { datetime: iso, title: iso }, isToday ? time : `${day} ${time}`);
}

/**
 * What stands where there is nothing.
 *
 * @param {readonly Child[]} text
 */
export const nothing = (...text) => element("p", { class: "nothing" }, ...text);

/**
 * Gives an element these children in this order. Those that are there are not touched, so that the focus, a selection and what
 * is open stay as they are.
 *
 * @param {Element} parent
 * @param {readonly Element[]} wanted
 */
export function arrange(parent, wanted) {
  const kept = new Set(wanted);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  let next = parent.firstElementChild;
  for (const one of wanted) {
    if (one === next) next = next.nextElementSibling;
    else parent.insertBefore(one, next);
  }
}
