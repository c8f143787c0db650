import type { Lines, LineResult } from "../host/lines.ts";
import type { Settings } from "../policy/settings.ts";
import type { Made } from "./recent.ts";
import { factsOf, recordOf, shadowRecordOf, type Recording } from "./record.ts";
import { isSampled } from "./sample.ts";
import type { ShadowOutcome } from "./shadow.ts";

export interface RecordsOptions {
  /** Where lines go now; undefined: nowhere. */
  readonly lines: () => Lines | undefined;
  readonly digest: Recording["digest"];
}

/** Writes decisions, those that weir.yaml selects and those of policies with `audit: required`. */
export class Records {
  readonly #options: RecordsOptions;

  constructor(options: RecordsOptions) {
    this.#options = options;
  }

  /** Whether a decision may be written; `add` then looks more closely. It costs next to nothing where it is not. */
  mayWant({ decisionId, question, decision }: Made): boolean {
    if (this.#options.lines() === undefined) return false;
    const selections = question?.snapshot.selections;
    // Nothing could be made of the request: whatever is selected, this is rare and rather written than lost.
    if (selections === undefined) return question === undefined;
    const [first] = selections;
    if (first === undefined || !first.isUnconditional) return true;
    return isSampled(decisionId, first.share) || isAudited(decision);
  }

  /** Writes a decision with its shadow verdicts, where it is selected. */
  add(made: Made, shadow: readonly ShadowOutcome[]): void {
    if (isAudited(made.decision) && made.decision.verdict.kind === "allow") {
      // It was written before the answer left.
      if (shadow.length > 0) this.#lines?.add(JSON.stringify(shadowRecordOf(made, shadow)));
      return;
    }
    if (isAudited(made.decision) || isSelected(made, shadow)) this.#write(made, shadow);
  }

  /** Writes a decision before its answer leaves, whatever is selected; false where it could not be written. */
  require(made: Made): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#lines === undefined) resolve(false);
      else this.#write(made, [], (result) => resolve(result === "written"));
    });
  }

  get #lines(): Lines | undefined {
    return this.#options.lines();
  }

  #write(made: Made, shadow: readonly ShadowOutcome[], tell?: (result: LineResult) => void): void {
    const decisions: Settings["decisions"] = made.question?.snapshot.settings.decisions;
    const { personal = "digest", headers = [] } = decisions ?? {};
    const record = recordOf(made, shadow, { personal, headers, digest: this.#options.digest });
    this.#lines?.add(JSON.stringify(record), tell);
  }
}

/** Whether a policy that is enforced for the request requires that the decision is written. */
export const isAudited = ({ governing }: Made["decision"]): boolean =>
  governing.some(({ policy, mode }) => policy.audit === "required" && mode === "enforce");

function isSelected(made: Made, shadow: readonly ShadowOutcome[]): boolean {
  const { question, decisionId } = made;
  if (question === undefined) return true;
  const facts = factsOf(made, shadow);
  const selection = question.snapshot.selections?.find(({ selects }) => selects(facts, question.attributes));
  return selection !== undefined && isSampled(decisionId, selection.share);
}
