import type { Input } from "./adapter.ts";

/** An input that a rule may leave out, and that may be given what nobody has to hide. */
export const openInput = (meaning: string, type = "string"): Input => ({
  type,
  presence: "optional",
  class: "open",
  meaning,
});

/** An input that a rule may leave out, and that may be given secrets: it is never logged. */
export const secretInput = (meaning: string, type = "string"): Input => ({
  ...openInput(meaning, type),
  class: "secret",
});
