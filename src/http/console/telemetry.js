import { badge, element, nothing, row, table } from "./dom.js";
import { poll } from "./poll.js";

/**
 * @import { Account, HandlerLine, Sums } from "../../runtime/account.ts"
 * @import { Page } from "./main.js"
 */

const EVERY_MS = 2_000;

/** What became of access-log entries. @type {Page} */
export function renderTelemetry({ content, ask, signal }) {
  const shown = element("div", {}, nothing("Asking weir …"));
  content.append(
    element(
      "p",
      { class: "lead" },
      "Access-log entries since this process started: what came in, and what became of it for each handler.",
    ),
    shown,
  );
  let before = "";
  void poll(
    async () => {
      const answer = await ask("account");
      if (answer.kind !== "found") return;
      // Nothing is replaced under a reader's eyes that has not changed.
      const now = JSON.stringify(answer.value);
      if (now === before) return;
      before = now;
      shown.replaceChildren(...accountOf(/** @type {Account} */ (answer.value)));
    },
    { everyMs: EVERY_MS, signal },
  );
}

/**
 * @param {Account} account
 * @returns {readonly HTMLElement[]}
 */
const accountOf = ({ streams, received, invalid, shed, unwanted, connections, missing, handlers }) => [
  element(
    "dl",
    { class: "facts" },
    fact("Streams", String(sum(streams))),
    fact("Received", String(sum(received))),
    fact("Invalid", sum(invalid) === 0 ? "none" : badge("warn", String(sum(invalid)))),
    fact("Shed", sum(shed) === 0 ? "none" : badge("bad", String(sum(shed)))),
    fact("Wanted by no rule", String(unwanted)),
    fact("Connections that go on", String(connections.open)),
    fact("Balance", balanceOf(handlers)),
  ),
  handlersOf(handlers),
  sumsOf("Received, by way", received),
  sumsOf("Invalid, by way and reason", invalid),
  sumsOf("Without a value, by policy, rule and name", missing),
];

/** @param {readonly HandlerLine[]} handlers */
function balanceOf(handlers) {
  const wrong = handlers.filter(({ imbalance }) => imbalance !== 0);
  return wrong.length === 0
    ? badge("good", "every entry is accounted for")
    : badge("bad", `entries are missing: ${wrong.map(({ handler }) => handler).join(", ")}`);
}

/** @param {readonly HandlerLine[]} handlers */
const handlersOf = (handlers) =>
  element(
    "section",
    {},
    element("h2", {}, "Handlers"),
    handlers.length === 0
      ? nothing("No handler takes records.")
      : table(
          "Handlers",
          ["Handler", "State", "Queue", "Delivered", "Dropped", "Sampled out", "Unwanted"],
          handlers.map((one) => handlerRow(one)),
        ),
  );

/** @param {HandlerLine} one */
const handlerRow = ({ handler, state, detail, queued, capacity, delivered, dropped, sampledOut, unwanted }) =>
  row(
    element("code", {}, handler),
    [badge(STATE_TONES[state] ?? "plain", state), " ", detail],
    [
      element("meter", {
        class: queued >= capacity * NEAR ? "bad" : "good",
        min: "0",
        max: String(Math.max(1, capacity)),
        value: String(queued),
        "aria-label": `records that wait for ${handler}`,
      }),
      ` ${queued} of ${capacity}`,
    ],
    String(delivered),
    sum(dropped) === 0
      ? "0"
      : [
          badge("bad", String(sum(dropped))),
          ` ${Object.entries(dropped)
            .map(([reason, count]) => `${reason} ${count}`)
            .join(", ")}`,
        ],
    String(sampledOut),
    String(unwanted),
  );

/**
 * @param {string} title
 * @param {Sums} sums
 */
const sumsOf = (title, sums) =>
  element(
    "section",
    {},
    element("h2", {}, title),
    Object.keys(sums).length === 0
      ? nothing("Nothing.")
      : table(
          title,
          ["What", "Entries"],
          Object.entries(sums).map(([name, count]) => row(element("code", {}, name), String(count))),
        ),
  );

/**
 * @param {string} name
 * @param {string | HTMLElement} value
 */
const fact = (name, value) => element("div", {}, element("dt", {}, name), element("dd", {}, value));

/** @param {Sums} sums */
const sum = (sums) => Object.values(sums).reduce((total, one) => total + one, 0);

/** From this part of a queue on it is nearly full. */
const NEAR = 0.8;

/** @type {Readonly<Record<string, "good" | "warn" | "bad">>} */
const STATE_TONES = { ready: "good", starting: "warn", stale: "warn", failing: "bad" };
