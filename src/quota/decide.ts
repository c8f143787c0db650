import { domainTag } from "../limits/keys.ts";
import type { CounterStores } from "../limits/limits.ts";
import { localPart } from "../limits/local-part.ts";
import type { Domain } from "../policy/domain.ts";
import type { Charge, Taken } from "../store/counter.ts";
import { NO_LIMIT, UNLIMITED, type Answer, type Status } from "./answer.ts";
import type { Asked, AskedDescriptor } from "./asked.ts";
import { chargesFor, type LimitCharge } from "./charges.ts";
import { headersOf } from "./headers.ts";
import { ruleFor, type Applied } from "./match.ts";
import { metadataOf } from "./metadata.ts";
import { statusOf, type Carried } from "./standing.ts";

/** What a request comes to. */
export type Decision =
  | { readonly kind: "answered"; readonly answer: Answer; readonly descriptors: readonly Decided[] }
  /** The store has failed, and nothing says what then. */
  | { readonly kind: "failed"; readonly reason: "timeout" | "away" };

/** One descriptor with what became of it. */
export interface Decided {
  readonly asked: AskedDescriptor;
  readonly applied: Applied | undefined;
  readonly status: Status;
  /** What became of each counter of it, in the order of the rule's groups; none where nobody was asked. */
  readonly carried: readonly Carried[];
}

/** The stance of the snapshot and by when the store has to answer; epoch milliseconds. */
export interface Terms {
  readonly stance: "enforce" | "observe";
  readonly deadlineAtMs: number;
}

/** Charges what a request asks, in one call of the store, and says how its limits stand. Nobody is waited for but the store. */
export function decide(
  domain: Domain,
  asked: Asked,
  stores: CounterStores,
  terms: Terms,
): Decision | Promise<Decision> {
  const planned = plan(domain, asked);
  const charges = chargesOf(planned);
  if (charges.length === 0) return conclude({ domain, asked, terms }, planned.map(decidedWithout));
  const taken = stores.store().take({ mode: domain.charges, charges }, terms.deadlineAtMs);
  const go = (one: Taken): Decision =>
    one.kind === "counted"
      ? conclude({ domain, asked, terms }, counted(planned, one))
      : withoutStore({ domain, asked, terms }, planned, stores, one.reason);
  return taken instanceof Promise ? taken.then(go) : go(taken);
}

/** One descriptor with what it is to be charged; nothing where no limit holds. */
interface Planned {
  readonly asked: AskedDescriptor;
  readonly applied: Applied | undefined;
  readonly charges: readonly LimitCharge[];
}

function plan(domain: Domain, { descriptors }: Asked): readonly Planned[] {
  const tag = domainTag(domain.name);
  return withoutReplaced(
    descriptors.map((asked) => {
      const applied = ruleFor(domain, asked);
      if (applied === undefined) return { asked, applied, charges: NONE };
      return { asked, applied, charges: chargesFor(domain, tag, applied, asked) };
    }),
  );
}

const NONE: readonly never[] = [];

function withoutReplaced(planned: readonly Planned[]): readonly Planned[] {
  const replaced = new Set<string>();
  for (const { applied } of planned) for (const name of applied?.rule.replaces ?? NONE) replaced.add(name);
  if (replaced.size === 0) return planned;
  return planned.map((one) => {
    const { limits = NONE, names } = one.applied?.rule ?? {};
    const isVoid = limits.length > 0 && names?.isDisjointFrom(replaced) === false;
    return isVoid ? { asked: one.asked, applied: undefined, charges: NONE } : one;
  });
}

/** Of all descriptors in their order. A loop: lists of lists cost more than what is in them. */
function chargesOf(planned: readonly Planned[]): readonly Charge[] {
  const charges: Charge[] = [];
  for (const one of planned) for (const { charge } of one.charges) charges.push(charge);
  return charges;
}

const decidedWithout = ({ asked, applied }: Planned): Decided => ({
  asked,
  applied,
  status: applied === undefined ? NO_LIMIT : UNLIMITED,
  carried: NONE,
});

type Counted = Extract<Taken, { readonly kind: "counted" }>;

function counted(planned: readonly Planned[], { counts, nowMs }: Counted): readonly Decided[] {
  let at = 0;
  return planned.map((one) => {
    if (one.charges.length === 0) return decidedWithout(one);
    const carried: Carried[] = [];
    for (const { charge, limits } of one.charges) {
      const count = counts[at++];
      if (count !== undefined) carried.push({ charge, limits, count, nowMs });
    }
    return { asked: one.asked, applied: one.applied, status: statusOf(carried), carried };
  });
}

interface Request {
  readonly domain: Domain;
  readonly asked: Asked;
  readonly terms: Terms;
}

/** What limits say for the case that the store has failed. A definite refusal holds, whatever is not known of others. */
function withoutStore(
  request: Request,
  planned: readonly Planned[],
  { local: standIn, replicas }: CounterStores,
  reason: Extract<Taken, { readonly kind: "failed" }>["reason"],
): Decision {
  const { domain, terms } = request;
  const isUnknown = ({ charges, applied }: Planned): boolean =>
    charges.length > 0 && applied?.rule.onError === undefined && applied?.rule.standing !== "shadow";
  const isLocal = ({ applied }: Planned): boolean => applied?.rule.onError === "local";
  const local = planned.filter(isLocal).map((one) => ({
    ...one,
    charges: one.charges.map(({ charge, limits }) => ({
      charge: { ...charge, counter: localPart(charge.counter, replicas()) },
      limits,
    })),
  }));
  const taken = standIn.take({ mode: domain.charges, charges: chargesOf(local) });
  const known = taken.kind === "counted" ? counted(local, taken) : local.map(decidedWithout);
  const byAsked = new Map(known.map((one) => [one.asked, one]));
  const decided = planned.map((one) => byAsked.get(one.asked) ?? failedOver(one));
  const decision = conclude(request, decided);
  const isRefused = decision.kind === "answered" && decision.answer.code === "over-limit";
  if (isRefused || terms.stance === "observe" || !planned.some(isUnknown)) return decision;
  return { kind: "failed", reason: reason === "timeout" ? "timeout" : "away" };
}

function failedOver({ asked, applied, charges }: Planned): Decided {
  if (charges.length === 0) return decidedWithout({ asked, applied, charges });
  const [limit] = applied?.rule.limits ?? [];
  const isDenied = applied?.rule.onError === "deny";
  const status: Status = isDenied
    ? { code: "over-limit", limit, remaining: 0, resetSeconds: undefined }
    : NO_LIMIT;
  return { asked, applied, status, carried: NONE };
}

/** The statuses as they are told, and what they come to. */
function conclude({ domain, asked, terms }: Request, decided: readonly Decided[]): Decision {
  const isOver = ({ status }: Decided): boolean => status.code === "over-limit";
  const inQuota = decided.filter(
    ({ applied }) => applied?.rule.standing === "quota" && applied.rule.limits.length > 0,
  );
  const isQuotaSpent = inQuota.length > 0 && inQuota.every(isOver);
  const told = decided.map((one): Decided => {
    const standing = one.applied?.rule.standing ?? "enforce";
    const isLenient = standing === "shadow" || (standing === "quota" && !isQuotaSpent);
    return isLenient && isOver(one) ? { ...one, status: { ...one.status, code: "ok" } } : one;
  });
  const code = told.some(isOver) && terms.stance === "enforce" ? "over-limit" : "ok";
  const answer: Answer = {
    code,
    statuses: told.map(({ status }) => status),
    headers: headersOf(domain, told),
    metadata: domain.dynamicMetadata === "sent" ? metadataOf(asked, decided) : undefined,
  };
  return { kind: "answered", answer, descriptors: decided };
}
