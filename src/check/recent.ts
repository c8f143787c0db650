import { explain, type ExplainedPolicy } from "./explain.ts";
import type { Decision } from "./decide.ts";
import type { Question } from "./question.ts";

/** A decision that was made, with what it was about. */
export interface Made {
  readonly decisionId: string;
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly durationMs: number;
  readonly decision: Decision;
  /** Undefined where nothing could be made of the request. */
  readonly question: Question | undefined;
}

/** What is kept of a refusal or a fault. Nothing in it is secret, and what is of persons stands as a digest. */
export interface RecentDecision {
  readonly decision: string;
  readonly time: string;
  readonly revision: string | undefined;
  readonly verdict: "allow" | "deny" | "error";
  readonly status: number | undefined;
  readonly policy: string;
  readonly rule: string;
  readonly durationMs: number;
  readonly request: { readonly method: string; readonly host: string; readonly path: string } | undefined;
  /** The policies that applied; undefined where too many decisions came at a time to explain them all. */
  readonly policies: readonly ExplainedPolicy[] | undefined;
}

/** Which of them are wanted. */
export interface Wanted {
  readonly policy?: string | undefined;
  readonly rule?: string | undefined;
  readonly verdict?: string | undefined;
  /** Epoch milliseconds: later ones only. */
  readonly sinceMs?: number | undefined;
  readonly limit: number;
}

interface Kept {
  readonly atMs: number;
  readonly policy: string;
  readonly rule: string;
  readonly verdict: string;
  /** JSON: apart from the message that it is of, and as large as it says. */
  readonly text: Buffer;
}

export interface RecentLimits {
  readonly maxBytes: number;
  /** An explanation takes about a millisecond of the loop that answers Envoy. */
  readonly maxExplainedPerSecond: number;
}

/** The last refusals and faults: the oldest go when there are more than the bounds allow. */
export class RecentDecisions {
  readonly #limits: RecentLimits;
  readonly #kept = new Map<string, Kept>();
  readonly #digest: (printed: string) => string;
  #bytes = 0;
  #second = 0;
  #explained = 0;

  /** `digest` stands for values of persons. */
  constructor(limits: RecentLimits, digest: (printed: string) => string) {
    this.#limits = limits;
    this.#digest = digest;
  }

  /** How much is kept, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  add(made: Made): void {
    const { verdict } = made.decision;
    const { policy, rule } = verdict.by;
    const text = Buffer.from(JSON.stringify(this.#described(made)));
    this.#kept.set(made.decisionId, { atMs: made.atMs, policy, rule, verdict: verdict.kind, text });
    this.#bytes += text.length + OVERHEAD_BYTES;
    for (const [id, { text: oldest }] of this.#kept) {
      if (this.#bytes <= this.#limits.maxBytes) return;
      this.#kept.delete(id);
      this.#bytes -= oldest.length + OVERHEAD_BYTES;
    }
  }

  find(decisionId: string): RecentDecision | undefined {
    const kept = this.#kept.get(decisionId);
    return kept && read(kept);
  }

  /** The newest first, without their explanations. */
  list({ policy, rule, verdict, sinceMs = -Infinity, limit }: Wanted): readonly RecentDecision[] {
    const isWanted = (one: Kept): boolean =>
      one.atMs > sinceMs &&
      (policy === undefined || one.policy === policy) &&
      (rule === undefined || one.rule === rule) &&
      (verdict === undefined || one.verdict === verdict);
    const found: RecentDecision[] = [];
    for (const kept of [...this.#kept.values()].reverse()) {
      if (found.length >= limit) break;
      if (isWanted(kept)) found.push({ ...read(kept), policies: undefined });
    }
    return found;
  }

  #described({ decisionId, atMs, durationMs, decision, question }: Made): RecentDecision {
    const { verdict } = decision;
    return {
      decision: decisionId,
      time: new Date(atMs).toISOString(),
      revision: question?.snapshot.revision,
      verdict: verdict.kind,
      status: verdict.kind === "deny" ? verdict.status : undefined,
      policy: verdict.by.policy,
      rule: verdict.by.rule,
      durationMs: Math.round(durationMs * 1_000) / 1_000,
      request: question && requestOf(question),
      policies: question && this.#explain(question, decision, atMs),
    };
  }

  #explain(question: Question, decision: Decision, atMs: number): readonly ExplainedPolicy[] | undefined {
    const second = Math.floor(atMs / 1_000);
    if (second !== this.#second) [this.#second, this.#explained] = [second, 0];
    if (this.#explained >= this.#limits.maxExplainedPerSecond) return undefined;
    this.#explained++;
    return explain({ question, decision, personal: this.#digest, only: "applying" });
  }
}

/** What a map's entry takes beside the text, about. */
const OVERHEAD_BYTES = 200;

const read = ({ text }: Kept): RecentDecision => JSON.parse(text.toString()) as RecentDecision;

const MAX_PATH_LENGTH = 256;

function requestOf({ attributes }: Question): RecentDecision["request"] {
  if (attributes.kind !== "http") return undefined;
  const { method, host = "", url_path: path = "" } = attributes.request;
  return { method: method.slice(0, 32), host, path: path.slice(0, MAX_PATH_LENGTH) };
}
