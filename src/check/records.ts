import type { Lines, LineResult } from "../host/lines.ts";
import { Attributes } from "../attributes/attributes.ts";
import type { CheckFacts } from "../attributes/facts.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import type { Made } from "./recent.ts";
import { factsOf, recordOf, shadowRecordOf, type Recording } from "./record.ts";
import { isSampled } from "./sample.ts";
import type { ShadowOutcome } from "./shadow.ts";

export interface RecordsOptions {
  /** Where lines go now; undefined: nowhere. */
  readonly lines: () => Lines | undefined;
  readonly digest: Recording["digest"];
  /** What is live, for decisions of which nothing could be made; undefined before there is one. */
  readonly live: () => Snapshot | undefined;
}

/** Writes decisions, those that weir.yaml selects and those of policies with `audit: required`. */
export class Records {
  readonly #options: RecordsOptions;

  constructor(options: RecordsOptions) {
    this.#options = options;
  }

  /** Whether a decision may be written; `add` then looks more closely. It costs next to nothing where it is not. */
  mayWant(made: Made): boolean {
    if (this.#options.lines() === undefined) return false;
    const [first] = this.#snapshotOf(made)?.selections ?? [];
    if (first !== undefined && !first.isUnconditional) return true;
    return (first !== undefined && isSampled(made.decisionId, first.share)) || isAudited(made.decision);
  }

  /** Writes a decision with its shadow verdicts, where it is selected. */
  add(made: Made, shadow: readonly ShadowOutcome[]): void {
    if (isAudited(made.decision) && made.decision.verdict.kind === "allow") {
      // It was written before the answer left.
      if (shadow.length > 0) this.#lines?.add(JSON.stringify(shadowRecordOf(made, shadow)));
      return;
    }
    if (isAudited(made.decision) || this.#isSelected(made, shadow)) this.#write(made, shadow);
  }

  /** Writes a decision before its answer leaves, whatever is selected; false where it could not be written. */
  require(made: Made): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#lines === undefined) resolve(false);
      else this.#write(made, [], (result) => resolve(result === "written"));
    });
  }

  #isSelected(made: Made, shadow: readonly ShadowOutcome[]): boolean {
    const snapshot = this.#snapshotOf(made);
    if (snapshot === undefined) return false;
    const facts = factsOf(made, shadow);
    const attributes = made.question?.attributes ?? new Attributes(NO_FACTS, snapshot.settings);
    const selection = snapshot.selections?.find(({ selects }) => selects(facts, attributes));
    return selection !== undefined && isSampled(made.decisionId, selection.share);
  }

  #snapshotOf({ question }: Made): Snapshot | undefined {
    return question?.snapshot ?? this.#options.live();
  }

  get #lines(): Lines | undefined {
    return this.#options.lines();
  }

  #write(made: Made, shadow: readonly ShadowOutcome[], tell?: (result: LineResult) => void): void {
    const decisions = this.#snapshotOf(made)?.settings.decisions;
    const { personal = "digest", headers = [] } = decisions ?? {};
    const record = recordOf(made, shadow, { personal, headers, digest: this.#options.digest });
    this.#lines?.add(JSON.stringify(record), tell);
  }
}

const NOBODY = { address: "", port: undefined, principal: "", certificate: "" } as const;

/** Of a request of which nothing could be made: whatever a condition reads of it has no value. */
const NO_FACTS: CheckFacts = {
  request: undefined,
  source: NOBODY,
  destination: NOBODY,
  serverName: "",
  proxy: { principal: undefined, listenerRole: undefined },
  contextExtensions: () => new Map(),
  metadata: () => new Map(),
};

/** Whether a policy that is enforced for the request requires that the decision is written. */
export const isAudited = ({ governing }: Made["decision"]): boolean =>
  governing.some(({ policy, mode }) => policy.audit === "required" && mode === "enforce");
