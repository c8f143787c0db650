import { element } from "./dom.js";

/** @import { Drawing } from "./main.js" */

/**
 * A button that forgets one counter after it was asked whether that is meant, and says what came of it.
 *
 * @param {{ readonly id: string, readonly name: string }} counter
 * @param {Pick<Drawing, "ask" | "announce" | "signal">} drawing
 * @param {() => Promise<void>} refresh
 */
export function resetButton({ id, name }, { ask, announce, signal }, refresh) {
  const problem = element("p", { class: "problem", role: "alert" });
  const open = element("button", { type: "button", class: "quiet", "aria-label": `Reset ${name}` }, "Reset");
  const confirm = element("button", { type: "button", class: "quiet danger" }, "Reset it");
  const cancel = element("button", { type: "button", class: "quiet" }, "Cancel");
  const question = element(
    "span",
    { class: "question", role: "group", "aria-label": `Reset ${name}?`, hidden: true },
    element("span", {}, "Everything that it has used is forgotten."),
    confirm,
    cancel,
  );
  const show = (/** @type {"button" | "question"} */ what) => {
    open.hidden = what === "question";
    question.hidden = what === "button";
    (what === "question" ? confirm : open).focus();
  };
  open.addEventListener("click", () => {
    problem.textContent = "";
    show("question");
  });
  cancel.addEventListener("click", () => show("button"));
  question.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") show("button");
  });
  const reset = async () => {
    const answer = await ask("quotas/reset", { type: "application/json", text: JSON.stringify({ id }) });
    show("button");
    if (answer.kind === "refused") problem.textContent = `It was not reset: ${answer.error}.`;
    if (answer.kind === "away") problem.textContent = "It was not reset: weir does not answer.";
    if (answer.kind !== "found") return;
    announce(`${name} begins anew.`);
    await refresh();
  };
  confirm.addEventListener("click", () => {
    void reset().catch((/** @type {unknown} */ error) => {
      if (!signal.aborted) throw error;
    });
  });
  return element("div", { class: "reset" }, open, question, problem);
}
