import { buildLookup } from "../policy/lookup.ts";
import { readRecorded, type RecordedDecision } from "../policy/recorded-decision.ts";
import type { Policy, Snapshot } from "../policy/snapshot.ts";
import { decide } from "./decide.ts";
import { inAWord } from "./differences.ts";
import { nameOf } from "./expectation.ts";
import { recordedQuestion } from "./recorded.ts";

/** What deciding again came to. */
export interface Replayed {
  readonly same: number;
  readonly different: number;
  /** Depends on what the lines do not have. */
  readonly unknown: number;
  /** Decisions that say nothing of policies: weir was too busy, not ready, or could not read the request. */
  readonly skipped: number;
  /** Lines that are no decisions. */
  readonly others: number;
  /** The most frequent first. */
  readonly changes: readonly Change[];
}

/** Decisions that would come out otherwise in the same way. */
export interface Change {
  /** `orders/owner`: who decided, and who would. */
  readonly before: string;
  readonly after: string;
  /** `allow`, `deny 403`, `error`; `unknown` of what cannot be told. */
  readonly from: string;
  readonly to: string;
  readonly count: number;
  /** Ids of the first of them. */
  readonly decisions: readonly string[];
}

const MAX_EXAMPLES = 3;
/** More kinds of changes are counted in the sums only. */
const MAX_CHANGES = 1_000;

/** Refusals of weir's own that come of the request, and so would come again. */
const OF_REQUESTS: ReadonlySet<string> = new Set(["weir/ungoverned", "weir/bad-host", "weir/ambiguous-path"]);

/** Decides recorded decisions again, line by line. */
export class Replay {
  readonly #snapshot: Snapshot;
  readonly #counts = { same: 0, different: 0, unknown: 0, skipped: 0, others: 0 };
  readonly #changes = new Map<string, Change>();

  constructor(snapshot: Snapshot) {
    this.#snapshot = withoutAppends(snapshot);
  }

  async line(text: string): Promise<void> {
    if (text.trim() === "") return;
    const recorded = readRecorded(text);
    if (recorded === undefined) this.#counts.others++;
    else await this.#decide(recorded);
  }

  get result(): Replayed {
    const changes = [...this.#changes.values()].sort((left, right) => right.count - left.count);
    return { ...this.#counts, changes };
  }

  async #decide(recorded: RecordedDecision): Promise<void> {
    const question = recordedQuestion(recorded, this.#snapshot);
    const isOwn = recorded.policy === "" && !OF_REQUESTS.has(recorded.rule);
    if (question === undefined || isOwn || recorded.verdict === "error") {
      this.#counts.skipped++;
      return;
    }
    const { verdict } = await decide(question);
    const from = recorded.verdict === "deny" ? `deny ${recorded.status ?? 403}` : recorded.verdict;
    const to = verdict.kind === "error" ? "unknown" : inAWord(verdict);
    if (from === to) {
      this.#counts.same++;
      return;
    }
    this.#counts[to === "unknown" ? "unknown" : "different"]++;
    this.#note({ before: nameOf(recorded), after: nameOf(verdict.by), from, to }, recorded.decision);
  }

  #note(change: Omit<Change, "count" | "decisions">, decision: string): void {
    const key = JSON.stringify(change);
    const known = this.#changes.get(key);
    if (known === undefined && this.#changes.size >= MAX_CHANGES) return;
    const { count, decisions } = known ?? { count: 0, decisions: [] };
    const examples = decisions.length < MAX_EXAMPLES ? [...decisions, decision] : decisions;
    this.#changes.set(key, { ...change, count: count + 1, decisions: examples });
  }
}

/** What a rule appends to a header depends on what the request had, which lines do not have; no verdict does. */
function withoutAppends(snapshot: Snapshot): Snapshot {
  const policies = snapshot.policies.map((policy): Policy => ({
    ...policy,
    allows: policy.allows.map((rule) => ({ ...rule, effects: { ...rule.effects, requestAppend: [] } })),
  }));
  const of = (protocol: "http" | "tcp") =>
    buildLookup(policies.filter(({ match }) => match.protocol === protocol));
  return { ...snapshot, policies, lookup: of("http"), connections: of("tcp") };
}
