import { paced, tooMany } from "./paced.ts";

/** What became of a request that somebody described. */
export type Explained =
  | { readonly kind: "explained"; readonly explanation: object }
  /** `findings`: what is wrong with the description, each with its place in the text. */
  | { readonly kind: "refused"; readonly findings: readonly object[] }
  /** There is no configuration yet. */
  | { readonly kind: "not ready" };

/** Decides about a request that somebody describes, in YAML or JSON. Asks nobody, and counts nothing. */
export type ExplainSource = (text: Uint8Array) => Promise<Explained>;

/** An answer of the page, with its status. */
export interface ExplainAnswer {
  readonly status: 200 | 400 | 429 | 503;
  readonly body: object;
}

/** The longest description. */
export const MAX_ASKED_BYTES = 64 * 1_024;

/** Each takes some milliseconds of the loop that answers Envoy. */
const MAX_EXPLAINED_PER_SECOND = 5;

/** Answers who wants something explained: one at a time, and few a second. */
export function explainAnswerer(explain: ExplainSource): (text: Uint8Array) => Promise<ExplainAnswer> {
  const explained = paced(MAX_EXPLAINED_PER_SECOND, async (text: Uint8Array) =>
    answerOf(await explain(text)),
  );
  return async (text) => (await explained(text)) ?? TOO_MANY;
}

const TOO_MANY: ExplainAnswer = { status: 429, body: { error: tooMany(MAX_EXPLAINED_PER_SECOND) } };

function answerOf(found: Explained): ExplainAnswer {
  switch (found.kind) {
    case "explained":
      return { status: 200, body: found.explanation };
    case "refused":
      return {
        status: 400,
        body: { error: "the request is not well described", diagnostics: found.findings },
      };
    case "not ready":
      return { status: 503, body: { error: "there is no configuration yet" } };
  }
}
