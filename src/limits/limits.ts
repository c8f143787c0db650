import { randomBytes } from "node:crypto";
import type { Signer } from "../host/signer.ts";
import type { Quota } from "../policy/quota.ts";
import { readingsOf, type Reading } from "../store/algorithms.ts";
import type { Charge, Counter, Hold, Taken } from "../store/counter.ts";
import type { MemoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";
import type { Claim } from "./claim.ts";
import { Denials } from "./denials.ts";
import { localPart } from "./local-part.ts";
import { reservationToken } from "./reservation.ts";

/** What becomes of the claims of one request. */
export interface Takes {
  /** `failed`: the store could not be asked, and a quota says that then nothing passes. */
  readonly verdict: "fits" | "exceeds" | "failed";
  /** One a claim; where it was remembered that some are exhausted, of those alone. */
  readonly outcomes: readonly ClaimOutcome[];
}

export interface ClaimOutcome {
  readonly claim: Claim;
  /** `passed`: the store could not be asked, and the quota says that it does not matter. */
  readonly result: "fits" | "exceeds" | "passed" | "failed";
  /** Who decided: the store of all replicas, this process while that was away, or its memory of what the store has just refused. */
  readonly by: "store" | "local" | "remembered";
  /** One a window; none where nobody knows. */
  readonly readings: readonly Reading[];
  /** What was reserved until it is known what it comes to. */
  readonly reserved: Reserved | undefined;
}

export interface Reserved {
  readonly hold: Hold;
  readonly startsAt: readonly number[];
}

/** Whom quotas ask. There is a promise only where somebody is waited for; none is ever rejected. */
export interface Limits {
  /** Charges what is granted: all of it or nothing. Counters of refused requests are looked at. */
  take(claims: readonly Claim[], deadlineAtMs: number): Takes | Promise<Takes>;
  /** Charges whether or not it fits, in nobody's way. */
  count(claims: readonly Claim[]): void;
  /** What settles a reservation later, for whoever has it; undefined where there is no key to sign it with. */
  token(claim: Claim, reserved: Reserved): string | undefined;
}

/** Where counters are kept: those of quotas, and of rate limits. */
export interface CounterStores {
  readonly store: () => Store;
  /** Counters of this process, for as long as the store is away. */
  readonly local: MemoryStore;
  /** How many processes share a limit then. */
  readonly replicas: () => number;
}

export interface StoreLimitsOptions extends CounterStores {
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  /** Signs what settles reservations. */
  readonly signer: Signer;
  readonly observe: {
    /**
     * What became of a claim. `warned` comes beside `fits`; `counted`: it was charged after a refusal. `charged`: the hits that
     * this has charged, which are none where another quota refused.
     */
    readonly onTake: (
      claim: Claim,
      result: ClaimOutcome["result"] | "warned" | "counted",
      by: ClaimOutcome["by"],
      charged: number,
    ) => void;
    /** What was to be counted or given back was not. */
    readonly onLost: (what: "count" | "refund") => void;
  };
}

/** How long it may take to give back, or to count what was refused. */
const BACKGROUND_MS = 1_000;
/** Counts and refunds that wait at a time. */
const MAX_BACKGROUND = 1_000;

/** Limits over a store. What stands in one take there is decided as a whole; otherwise what was charged is given back. */
export class StoreLimits implements Limits {
  readonly #options: StoreLimitsOptions;
  #background = 0;
  readonly #denials = new Denials();

  constructor(options: StoreLimitsOptions) {
    this.#options = options;
  }

  take(claims: readonly Claim[], deadlineAtMs: number): Takes | Promise<Takes> {
    const store = this.#options.store();
    const denied = this.#denials.find(claims, this.#options.nowMs());
    if (denied.length > 0) return this.#told({ verdict: "exceeds", outcomes: denied });
    const groups = Map.groupBy(claims.map(chargedClaim), ({ claim }) => store.groupOf(claim.counter.tag));
    const parts = Array.from(groups.values(), (charged) => {
      const charges = charged.map(({ charge }) => charge);
      return { charged, store, taken: store.take({ mode: "all", charges }, deadlineAtMs) };
    });
    const known = parts.flatMap(({ taken, ...part }) =>
      taken instanceof Promise ? [] : [{ ...part, taken }],
    );
    if (known.length === parts.length) return this.#concluded(claims, known);
    const waiting = parts.map(async ({ taken, ...part }) => ({ ...part, taken: await taken }));
    return Promise.all(waiting).then((all) => this.#learnt(this.#concluded(claims, all)));
  }

  count(claims: readonly Claim[]): void {
    const store = this.#options.store();
    const groups = Map.groupBy(claims, ({ counter }) => store.groupOf(counter.tag));
    for (const group of groups.values()) {
      const charges = group.map(({ counter, hits }): Charge => ({ kind: "count", counter, hits }));
      this.#inBackground("count", async () => {
        const taken = await store.take({ mode: "each", charges }, this.#options.nowMs() + BACKGROUND_MS);
        if (taken.kind === "failed") return false;
        for (const claim of group) this.#options.observe.onTake(claim, "counted", "store", claim.hits);
        return true;
      });
    }
  }

  /** Asks the store again of a counter that it has called exhausted: somebody has reset it. */
  askAgain({ key }: Pick<Counter, "key">): void {
    this.#denials.forget(key);
  }

  token(claim: Claim, reserved: Reserved): string | undefined {
    return reservationToken(claim, reserved, this.#options.signer);
  }

  #concluded(claims: readonly Claim[], parts: readonly Part[]): Takes {
    const bundles = parts.flatMap((part) => this.#bundlesOf(part));
    const outcomes = new Map(
      bundles.flatMap((one) => one.outcomes.map((outcome) => [outcome.claim, outcome])),
    );
    const all = claims.flatMap((claim) => outcomes.get(claim) ?? []);
    const verdict = verdictOf(all);
    if (verdict !== "fits") for (const bundle of bundles) this.#giveBackAll(bundle);
    return this.#told({ verdict, outcomes: all });
  }

  /** Where takes are decided apart, what is counted may be given back the next moment. */
  #learnt(takes: Takes): Takes {
    const { store, nowMs } = this.#options;
    if (takes.verdict === "exceeds" && store().division === "whole")
      for (const outcome of takes.outcomes) this.#denials.note(outcome, nowMs());
    return takes;
  }

  #told(takes: Takes): Takes {
    const { verdict, outcomes: all } = takes;
    for (const { claim, result, by, readings } of all) {
      const { onTake } = this.#options.observe;
      const isCharged = verdict === "fits" && result === "fits" && claim.quota.count !== "denied";
      onTake(claim, result, by, isCharged ? claim.hits : 0);
      if (verdict === "fits" && isNearLimit(claim.quota, readings)) onTake(claim, "warned", by, 0);
    }
    return takes;
  }

  /** What one take of the store came to; where it failed, what each quota says of that. */
  #bundlesOf({ charged, taken, store }: Part): readonly Bundle[] {
    if (taken.kind === "counted") return [bundleOf(charged, taken, { by: "store", store })];
    const local = charged.filter(({ claim }) => claim.quota.onError === "local");
    const others = charged
      .filter(({ claim }) => claim.quota.onError !== "local")
      .map(({ claim }) => failedOutcome(claim, claim.quota.onError === "allow" ? "passed" : "failed"));
    return [
      ...(local.length === 0 ? [] : [this.#takeLocally(local)]),
      { outcomes: others, charged: undefined },
    ];
  }

  #takeLocally(charged: readonly Charged[]): Bundle {
    const { local: store } = this.#options;
    const shared = charged.map((one) => ({
      ...one,
      charge: { ...one.charge, counter: localPart(one.charge.counter, this.#options.replicas()) },
    }));
    const taken = store.take({ mode: "all", charges: shared.map(({ charge }) => charge) });
    if (taken.kind === "counted") return bundleOf(shared, taken, { by: "local", store });
    return { outcomes: charged.map(({ claim }) => failedOutcome(claim, "failed")), charged: undefined };
  }

  /** Of takes that were decided apart, those that fitted were charged although another did not. */
  #giveBackAll({ outcomes, charged }: Bundle): void {
    if (charged !== undefined) for (const outcome of outcomes) this.#giveBack(outcome, charged);
  }

  #giveBack({ claim: { counter, quota, hits }, reserved }: ClaimOutcome, of: Store): void {
    if (quota.count === "denied") return;
    this.#inBackground("refund", async () => {
      const untilMs = this.#options.nowMs() + BACKGROUND_MS;
      if (reserved !== undefined) {
        const { hold, startsAt } = reserved;
        const settled = await of.settle({ counter, hold, reserved: hits, startsAt, hits: 0 }, untilMs);
        return settled.kind !== "failed";
      }
      const taken = await of.take({ mode: "each", charges: [{ kind: "refund", counter, hits }] }, untilMs);
      return taken.kind === "counted";
    });
  }

  #inBackground(what: "count" | "refund", task: () => Promise<boolean>): void {
    const { onLost } = this.#options.observe;
    if (this.#background >= MAX_BACKGROUND) {
      onLost(what);
      return;
    }
    this.#background++;
    task()
      .then((isDone) => {
        if (!isDone) onLost(what);
      })
      .catch(() => onLost(what))
      .finally(() => this.#background--);
  }
}

/** What the store decided together, and what came of it. */
interface Part {
  readonly charged: readonly Charged[];
  readonly taken: Taken;
  readonly store: Store;
}

/** Claims that were decided together. */
interface Bundle {
  readonly outcomes: readonly ClaimOutcome[];
  /** Where all of them were charged; undefined: nothing was. */
  readonly charged: Store | undefined;
}

interface Charged {
  readonly claim: Claim;
  readonly charge: Charge;
}

/** A quota of refused requests refuses where it is exhausted, and is charged after the verdict. */
function chargedClaim(claim: Claim): Charged {
  const { quota, counter, hits } = claim;
  if (quota.count === "denied") return { claim, charge: { kind: "look", counter, hits: Math.max(1, hits) } };
  return { claim, charge: { kind: "take", counter, hits, hold: holdOf(quota) } };
}

function holdOf({ cost }: Quota): Hold | undefined {
  if (cost.kind !== "late") return undefined;
  return { id: randomBytes(9).toString("base64url"), withinMs: cost.withinMs, ifLost: cost.ifLost };
}

function bundleOf(
  charged: readonly Charged[],
  { counts, nowMs, verdict }: Extract<Taken, { kind: "counted" }>,
  { by, store }: Pick<ClaimOutcome, "by"> & { readonly store: Store },
): Bundle {
  const outcomes = charged.map(({ claim, charge }, index): ClaimOutcome => {
    const { fits = false, states = [] } = counts[index] ?? {};
    const hold = charge.kind === "take" ? charge.hold : undefined;
    return {
      claim,
      result: fits ? "fits" : "exceeds",
      by,
      readings: readingsOf(charge.counter, { states, nowMs }, charge.hits),
      reserved: hold && { hold, startsAt: states.map(([at]) => at) },
    };
  });
  return { outcomes, charged: verdict === "fits" ? store : undefined };
}

const failedOutcome = (claim: Claim, result: "passed" | "failed"): ClaimOutcome => ({
  claim,
  result,
  by: "local",
  readings: [],
  reserved: undefined,
});

function verdictOf(outcomes: readonly ClaimOutcome[]): Takes["verdict"] {
  if (outcomes.some(({ result }) => result === "exceeds")) return "exceeds";
  return outcomes.some(({ result }) => result === "failed") ? "failed" : "fits";
}

const isNearLimit = ({ warnAt }: Quota, readings: readonly Reading[]): boolean =>
  warnAt !== undefined && readings.some(({ used, limit }) => used >= limit * warnAt);
