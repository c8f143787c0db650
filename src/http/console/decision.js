import { element, moment, nothing } from "./dom.js";
import { explanationTree } from "./explanation.js";
import { rethrowUnlessAborted } from "./poll.js";

/**
 * @import { RecentDecision } from "../../check/recent.ts"
 * @import { Drawing } from "./main.js"
 */

/**
 * One refusal: what everything came to at that moment.
 *
 * @param {Drawing} drawing
 * @param {string} id
 */
export function renderDecision({ content, title, ask, signal }, id) {
  title.replaceChildren("Decision ", element("code", {}, id));
  const shown = element("div", { class: "stack" }, nothing("Asking weir …"));
  const back = element("a", { href: "#/decisions" }, "All decisions");
  content.append(element("p", {}, back), shown);
  const draw = async () => {
    const answer = await ask(`decisions/${encodeURIComponent(id)}`);
    if (answer.kind === "found")
      shown.replaceChildren(...decisionOf(/** @type {RecentDecision} */ (answer.value)));
    else if (answer.kind === "refused") shown.replaceChildren(nothing(`Not shown: ${answer.error}.`));
    else if (answer.kind === "away")
      shown.replaceChildren(nothing("weir does not answer; open it again later."));
  };
  void draw().catch(rethrowUnlessAborted(signal));
}

/**
 * @param {RecentDecision} recent
 * @returns {readonly HTMLElement[]}
 */
function decisionOf({
  decision,
  time,
  revision,
  verdict,
  status,
  policy,
  rule,
  durationMs,
  request,
  policies,
}) {
  const by = policy === "" ? rule : `${policy}/${rule}`;
  const link = element("a", { class: "button", href: explainLink(decision, request) }, "Explain this one");
  return [
    element("p", { class: "request" }, element("code", {}, requestText(request))),
    element(
      "p",
      { class: "told" },
      moment(time),
      " UTC · revision ",
      element("code", {}, revision ?? "unknown"),
      ` · ${durationMs} ms`,
    ),
    element("h2", {}, "Explanation"),
    explanationTree({
      verdict: { kind: verdict, by: [by], status, sets: [], removes: [] },
      policies: policies ?? [],
    }),
    policies === undefined
      ? nothing("Too many were refused at the time to explain each of them.")
      : element(
          "p",
          { class: "hint" },
          "As it was at that moment. Secret values are not kept; those of persons stand as digests, the same for the same value.",
        ),
    request === undefined
      ? nothing("A connection can be explained with weir explain.")
      : element("p", {}, link),
  ];
}

/** @param {RecentDecision["request"]} request */
export const requestText = (request) =>
  request === undefined ? "a connection" : `${request.method} ${request.host}${request.path}`;

/**
 * The form of the page Explain, filled in with what is known.
 *
 * @param {string} decision
 * @param {NonNullable<RecentDecision["request"]> | undefined} request
 */
function explainLink(decision, request) {
  const { method = "GET", host = "", path = "" } = request ?? {};
  const known = new URLSearchParams({ method, url: `http://${host}${path}`, decision });
  return `#/explain?${known}`;
}
