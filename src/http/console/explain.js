import { element, field } from "./dom.js";
import { explanationTree } from "./explanation.js";
import { rethrowUnlessAborted } from "./poll.js";

/**
 * @import { Explanation } from "../../check/explanation.ts"
 * @import { Diagnostic } from "../../policy/diagnostic.ts"
 * @import { Answer } from "./ask.js"
 * @import { Page } from "./main.js"
 */

/** @typedef {Readonly<Record<"method" | "url" | "headers" | "body" | "spiffe" | "source" | "destination" | "as" | "backends", string>>} Written */

/** A form that describes a request, and why that would be allowed or denied. @type {Page} */
export function renderExplain({ content, query, ask, announce, signal }) {
  const form = formOf(query);
  const result = element("div", { class: "result" });
  content.append(
    element(
      "p",
      { class: "lead" },
      "Decides about a request by what is live now. No back-end is asked, nothing is counted, and the values of headers and bodies are not shown.",
    ),
    ...fromDecision(query.get("decision")),
    form,
    result,
  );
  const button = form.querySelector("button");
  const explain = async () => {
    const described = describe(writtenIn(form));
    if (typeof described === "string") {
      result.replaceChildren(problem(described));
      return;
    }
    button?.setAttribute("aria-disabled", "true");
    const answer = await ask("explain", { type: "application/yaml", text: described.text });
    button?.removeAttribute("aria-disabled");
    result.replaceChildren(...resultOf(answer));
    result.querySelector("h2")?.focus();
    if (answer.kind === "found") announce("explained");
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!(button?.hasAttribute("aria-disabled") ?? false)) void explain().catch(rethrowUnlessAborted(signal));
  });
}

/** @param {string | null} decision */
const fromDecision = (decision) =>
  decision === null
    ? []
    : [
        element(
          "p",
          { class: "notice" },
          "Filled in from ",
          element(
            "a",
            { href: `#/decisions/${encodeURIComponent(decision)}` },
            element("code", {}, decision),
          ),
          ": method, host and path in its one reading. Headers, the query, the body and who asked are not kept; add what matters.",
        ),
      ];

/** @param {URLSearchParams} query */
function formOf(query) {
  const plain = { autocomplete: "off", autocapitalize: "off", spellcheck: "false" };
  /**
   * @param {string} name
   * @param {Readonly<Record<string, string | boolean>>} more
   */
  const input = (name, more = {}) =>
    element("input", { name, ...plain, value: query.get(name) ?? "", ...more });
  /**
   * @param {string} name
   * @param {string} rows
   * @param {string} placeholder
   */
  const area = (name, rows, placeholder) => element("textarea", { name, rows, ...plain, placeholder });
  return element(
    "form",
    { class: "asked", "aria-label": "The request" },
    element(
      "div",
      { class: "target" },
      field("Method", input("method", { value: query.get("method") ?? "GET", required: true })),
      field(
        "URL",
        input("url", {
          required: true,
          inputmode: "url",
          placeholder: "https://orders.example.com/orders/alice",
        }),
      ),
    ),
    field("Headers", area("headers", "4", "x-api-key: …\naccept: */*"), "One a line, name: value."),
    element(
      "fieldset",
      {},
      element("legend", {}, "Who asks"),
      field(
        "SPIFFE ID of the caller",
        input("spiffe", { placeholder: "spiffe://cluster.local/ns/shop/sa/web" }),
      ),
      field("Address of the caller", input("source", { placeholder: "127.0.0.1" })),
      field(
        "Identities that are given",
        area("as", "2", "{user: {sub: alice}}"),
        "In place of what the request would prove; as in a file of tests.",
      ),
    ),
    element(
      "fieldset",
      {},
      element("legend", {}, "What else is known"),
      field("SPIFFE ID of the called workload", input("destination")),
      field(
        "What handlers answer",
        area("backends", "2", "{plans: {allow: true, plan: gold}}"),
        "As in a file of tests: {plans: deny}, timeout, or an answer.",
      ),
      field("Body", area("body", "2", "")),
    ),
    element("p", {}, element("button", { type: "submit" }, "Explain")),
  );
}

/**
 * @param {HTMLFormElement} form
 * @returns {Written}
 */
function writtenIn(form) {
  const fields = new FormData(form);
  /** @param {string} name */
  const value = (name) => {
    const found = fields.get(name);
    // Browsers end the lines of a text area with CR LF.
    return typeof found === "string" ? found.replaceAll("\r\n", "\n") : "";
  };
  return {
    method: value("method").trim(),
    url: value("url").trim(),
    headers: value("headers"),
    body: value("body"),
    spiffe: value("spiffe").trim(),
    source: value("source").trim(),
    destination: value("destination").trim(),
    as: value("as"),
    backends: value("backends"),
  };
}

/**
 * What the form says, in the words of `weir explain --request`; a sentence where it says nothing of use.
 *
 * @param {Written} written
 * @returns {{ readonly text: string } | string}
 */
function describe({ method, url, headers, body, spiffe, source, destination, as, backends }) {
  const target = /^(https?):\/\/([^/?#]+)(.*)$/i.exec(url);
  if (target === null) return "The URL begins with http:// or https:// and a host.";
  const [, scheme = "", host = "", rest = ""] = target;
  const lines = headers.split("\n").filter((line) => line.trim() !== "");
  const broken = lines.find((line) => !HEADER_LINE.test(line));
  if (broken !== undefined) return `This is no header line, name: value: ${broken}`;
  const request = {
    scheme: scheme.toLowerCase(),
    host,
    path: rest.startsWith("/") ? rest : `/${rest}`,
    method,
    headers: headersOf(lines),
    ...(body === "" ? {} : { body }),
    ...(source === "" && spiffe === "" ? {} : { source: known({ address: source, spiffe }) }),
    ...(destination === "" ? {} : { destination: { spiffe: destination } }),
  };
  // What is YAML already stands last and on lines of its own, so that what is wrong in it has its place.
  const parts = [`request: ${JSON.stringify(request)}`, ...block("as", as), ...block("backends", backends)];
  return { text: `${parts.join("\n")}\n` };
}

const HEADER_LINE = /^\s*([^:\s]+):\s*(.*?)\s*$/;

/**
 * Names and their lines; a header that comes twice has two.
 *
 * @param {readonly string[]} lines
 * @returns {Readonly<Record<string, readonly string[]>>}
 */
function headersOf(lines) {
  /** @type {Map<string, readonly string[]>} */
  const headers = new Map();
  for (const line of lines) {
    const [, name = "", value = ""] = HEADER_LINE.exec(line) ?? [];
    const key = name.toLowerCase();
    headers.set(key, [...(headers.get(key) ?? []), value]);
  }
  return Object.fromEntries(headers);
}

/** @param {Readonly<Record<string, string>>} texts */
const known = (texts) => Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== ""));

/**
 * @param {string} key
 * @param {string} text
 */
const block = (key, text) =>
  text.trim() === "" ? [] : [`${key}:`, ...text.split("\n").map((line) => `  ${line}`)];

/**
 * @param {Answer} answer
 * @returns {readonly Node[]}
 */
function resultOf(answer) {
  switch (answer.kind) {
    case "found": {
      const explanation = /** @type {Explanation & { readonly revision: string }} */ (answer.value);
      return [
        element("h2", { tabindex: "-1" }, "Explanation"),
        element("p", { class: "told" }, "by revision ", element("code", {}, explanation.revision)),
        explanationTree(explanation),
      ];
    }
    case "refused":
      return [problem(`Nothing was explained: ${answer.error}.`), ...findingsIn(answer.value)];
    case "away":
      return [problem("weir does not answer. Nothing was explained.")];
    case "token":
      return [];
  }
}

/** @param {string} text */
const problem = (text) => element("p", { class: "problem", role: "alert" }, text);

/** @param {unknown} value */
function findingsIn(value) {
  const isRecord = typeof value === "object" && value !== null && "diagnostics" in value;
  const found = isRecord ? /** @type {readonly Diagnostic[]} */ (value.diagnostics) : [];
  return found.map(({ source, column, length, code, message, hint }) =>
    element(
      "div",
      { class: "found" },
      element("p", {}, element("code", {}, code), ` ${message}`),
      // The line of the request is made of the fields above, and says nothing to who filled them in.
      source.startsWith("request:")
        ? undefined
        : element(
            "pre",
            { tabindex: "0", "aria-label": "where" },
            `${source}\n${" ".repeat(column - 1)}${"^".repeat(Math.max(1, length))}`,
          ),
      hint === undefined ? undefined : element("p", { class: "hint" }, hint),
    ),
  );
}
