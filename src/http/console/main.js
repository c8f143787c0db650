import { ask as askOnce, token } from "./ask.js";
import { renderDecisions } from "./decisions.js";
import { renderDifferences } from "./differences.js";
import { element, field } from "./dom.js";
import { renderExplain } from "./explain.js";
import { rethrowUnlessAborted } from "./poll.js";
import { renderQuotas } from "./quotas.js";
import { renderState } from "./state.js";
import { renderTelemetry } from "./telemetry.js";

/** @import { Answer, Body } from "./ask.js" */

/**
 * What a page is drawn with. It draws into `content`, below its title, and ends what it has begun with `signal`.
 *
 * @typedef {object} Drawing
 * @property {HTMLElement} content
 * @property {HTMLHeadingElement} title
 * @property {string | undefined} rest what stands behind the page's name: the decision that is open
 * @property {URLSearchParams} query
 * @property {(path: string, body?: Body) => Promise<Answer>} ask
 * @property {(text: string) => void} announce says it to those who hear the page
 * @property {AbortSignal} signal
 */

/** @typedef {(drawing: Drawing) => void} Page */

/**
 * The navigation: a page more is a line more.
 *
 * @type {readonly { readonly id: string, readonly title: string, readonly render: Page }[]}
 */
const PAGES = [
  { id: "state", title: "State", render: renderState },
  { id: "decisions", title: "Decisions", render: renderDecisions },
  { id: "explain", title: "Explain", render: renderExplain },
  { id: "differences", title: "Differences", render: renderDifferences },
  { id: "quotas", title: "Quotas", render: renderQuotas },
  { id: "telemetry", title: "Telemetry", render: renderTelemetry },
];

/**
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
function found(id, kind) {
  const one = document.getElementById(id);
  if (one instanceof kind) return one;
  throw new Error(`the page has no ${id}`);
}

const content = found("content", HTMLElement);
const away = found("away", HTMLParagraphElement);
const said = found("said", HTMLParagraphElement);
const forget = found("forget", HTMLButtonElement);

/** What the page that is shown has begun ends with it. */
let shown = new AbortController();
let answeredAt = new Date();

start();

function start() {
  found("pages", HTMLUListElement).append(
    ...PAGES.map(({ id, title }) => element("li", {}, element("a", { href: `#/${id}` }, title))),
  );
  forget.addEventListener("click", () => {
    token.forget();
    show("moved");
  });
  window.addEventListener("hashchange", () => show("moved"));
  show("opened");
}

/**
 * Draws the page that the address names. Who has moved is taken to its title.
 *
 * @param {"opened" | "moved"} how
 */
function show(how) {
  shown.abort();
  shown = new AbortController();
  const { signal } = shown;
  const [path = "", search = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const [id, rest] = path.split("/", 2);
  const page = PAGES.find((one) => one.id === id) ?? PAGES[0];
  if (page === undefined) return;
  forget.hidden = token.get() === null;
  for (const link of document.querySelectorAll("#pages a"))
    if (link.getAttribute("href") === `#/${page.id}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  const title = element("h1", { tabindex: "-1" }, page.title);
  document.title = `${page.title} – weir`;
  content.replaceChildren(title);
  page.render({
    content,
    title,
    rest,
    query: new URLSearchParams(search),
    ask: (asked, body) => askFor(asked, { signal, body }),
    announce: (text) => {
      said.textContent = text;
    },
    signal,
  });
  if (how === "moved") title.focus();
}

/**
 * Asks, and minds what is the same for all pages: a weir that is away, and a token that is wanted.
 *
 * @param {string} path
 * @param {{ readonly signal: AbortSignal, readonly body: Body | undefined }} options
 */
async function askFor(path, { signal, body }) {
  const answer = await askOnce(path, { signal, body });
  signal.throwIfAborted();
  if (answer.kind === "away") {
    // Said once: what is read out again at every attempt cannot be listened to.
    if (away.hidden)
      away.textContent = `weir does not answer. What is shown is of ${answeredAt.toISOString().slice(11, 19)} UTC; trying again.`;
    away.hidden = false;
  } else {
    answeredAt = new Date();
    away.hidden = true;
  }
  if (answer.kind === "token") askForToken(answer.error);
  return answer;
}

/**
 * In place of the page: a form for the token.
 *
 * @param {string} why
 */
function askForToken(why) {
  shown.abort();
  shown = new AbortController();
  const { signal } = shown;
  const wasTried = token.get() !== null;
  token.forget();
  forget.hidden = true;
  const input = element("input", {
    name: "token",
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
  });
  const problem = element("p", { class: "problem", role: "alert" }, wasTried ? sentence(why) : "");
  const form = element(
    "form",
    { class: "token" },
    element(
      "p",
      {},
      "This weir wants its admin token: what the file that ",
      element("code", {}, "listen.admin.token"),
      " of weir.yaml names holds. This tab keeps it until it is closed.",
    ),
    field("Admin token", input),
    problem,
    element("button", { type: "submit" }, "Open"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void tryToken(input.value.trim(), problem, signal).catch(rethrowUnlessAborted(signal));
  });
  content.replaceChildren(element("h1", { tabindex: "-1" }, "Admin token"), form);
  document.title = "Admin token – weir";
  input.focus();
}

/**
 * @param {string} tried
 * @param {HTMLElement} problem
 * @param {AbortSignal} signal
 */
async function tryToken(tried, problem, signal) {
  // A header takes no others; no token has them.
  if (!/^[\x21-\x7e]+$/.test(tried)) {
    problem.textContent = "A token is letters, digits and signs, without a space.";
    return;
  }
  problem.textContent = "";
  const answer = await askOnce("status", { signal, token: tried });
  switch (answer.kind) {
    case "found":
      away.hidden = true;
      token.set(tried);
      show("moved");
      return;
    case "token":
    case "refused":
      problem.textContent = sentence(answer.error);
      return;
    case "away":
      problem.textContent = "weir does not answer.";
  }
}

/** @param {string} text */
const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
