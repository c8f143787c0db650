import { STATUS_CODES } from "node:http";
import type { CheckAnswer } from "../adapter/adapter.ts";
import type { ClaimOutcome } from "../limits/limits.ts";
import type { Answer } from "../policy/effects.ts";
import type { Quota } from "../policy/quota.ts";
import type { AskRule, Policy, RefusalRule } from "../policy/snapshot.ts";
import type { Fault } from "../std/fault.ts";
import { quotaHeaders, retryAfterSeconds } from "./quota-headers.ts";
import { headerText, rendered } from "./texts.ts";
import type { Decider, Denied, HeaderValue } from "./verdict.ts";

/** Refusals of weir's own, that no policy can change: id to status and what the caller reads. */
const OWN = {
  "weir/bad-host": [400, "the Host header is empty, repeated or ill-formed"],
  "weir/ambiguous-path": [400, "the path can be read in more than one way"],
  "weir/bad-request": [400, "the request could not be read"],
  "weir/too-large": [413, "the request is too large to be checked"],
  "weir/caller-not-allowed": [403, "this proxy may not ask here"],
  "weir/ungoverned": [403, undefined],
  "weir/team-not-loaded": [503, "the policies of what was asked for are not loaded"],
  "weir/overload": [503, "too busy to decide; try again"],
  "weir/audit": [503, "what was decided could not be written; try again"],
  "weir/not-ready": [503, "not ready to decide; try again"],
  "weir/internal": [500, undefined],
} as const satisfies Record<string, readonly [status: number, text: string | undefined]>;

export type OwnRefusal = keyof typeof OWN;

/** Each of them with its status, for what tells of all. */
export const OWN_REFUSALS: readonly (readonly [id: string, status: number])[] = Object.entries(OWN).map(
  ([id, [status]]) => [id, status],
);

/** A refusal of weir's own. */
export function ownDenial(id: OwnRefusal): Denied {
  const [status, text] = OWN[id];
  return denied({ policy: "", rule: id }, status, text);
}

/** A policy none of whose allows holds. */
export const defaultDenial = (policy: Policy, context: object): Denied =>
  answered({ policy: policy.id, rule: "default" }, policy.fallbackAnswer, context);

/** A value that the request should have had, and had not or not well formed. */
export function faultDenial(fault: Exclude<Fault, "ours">, by: Decider): Denied {
  switch (fault) {
    case "request":
      return { ...denied(by, 400, "a value that the policy reads is missing or malformed"), fault };
    case "raw-headers":
      return { ...denied(by, 403), fault };
    case "budget": {
      const budget = { policy: by.policy, rule: "weir/budget" };
      return { ...denied(budget, 400, "the request is too large to be checked"), fault };
    }
  }
}

/** What a credential was found to be that is presented and does not hold: status and what the caller reads. */
const CREDENTIALS = {
  bad: [401, undefined],
  ambiguous: [400, "a credential is presented more than once"],
  unavailable: [503, "the credential cannot be verified now; try again"],
  flooded: [429, "too many bad credentials; try again later"],
} as const satisfies Record<string, readonly [status: number, text: string | undefined]>;

/** The refusal of an identity, which is a rule of its own. */
export function identityDenial(policy: Policy, name: string, kind: keyof typeof CREDENTIALS): Denied {
  const [status, text] = CREDENTIALS[kind];
  return denied({ policy: policy.id, rule: `identity/${name}` }, status, text);
}

/** A deny that is true or a require that is false, with the answer that the rule gives. */
export const ruleDenial = (policy: Policy, rule: RefusalRule, context: object): Denied =>
  answered({ policy: policy.id, rule: rule.id }, rule.answer, context);

type Refusing = Extract<CheckAnswer, { verdict: "deny" }>;

/** A handler's refusal. The rule's own words and headers stand above the handler's. */
export function askDenial(
  policy: Policy,
  rule: AskRule,
  { status, message, body, headers = NO_HEADERS }: Refusing,
  context: object,
): Denied {
  const by = { policy: policy.id, rule: rule.id };
  const { answer } = rule;
  // A redirect has a status of its own: with that of a refusal nobody would follow it.
  const own = answer.redirect === undefined ? (answer.status ?? refusing(status)) : answer.status;
  const ruled = answered(by, { ...answer, status: own }, context);
  const names = new Set(ruled.headers.map(([name]) => name));
  const others = Array.from(headers).filter(([name]) => !names.has(name));
  const found = others.length === 0 ? ruled : { ...ruled, headers: [...ruled.headers, ...others] };
  if (answer.body !== undefined) return found;
  if (body !== undefined) return { ...found, body: body.text, contentType: body.contentType };
  return message === undefined ? found : { ...found, body: `${message}\n` };
}

const NO_HEADERS: ReadonlyMap<string, string> = new Map();

/** An exhausted quota: the caller is told when to come again. */
export function quotaDenial(outcome: ClaimOutcome): Denied {
  const { quota } = outcome.claim;
  const wait = retryAfterSeconds(outcome);
  const headers: readonly HeaderValue[] = [
    ...(wait === undefined ? [] : [["retry-after", String(wait)] as const]),
    ...quotaHeaders([outcome]),
  ];
  return { ...denied({ policy: quota.policy, rule: quota.id }, 429), headers, quota };
}

/** A quota with `onError: deny` that cannot be asked. */
export const storeDenial = (quota: Quota): Denied => ({
  ...denied({ policy: quota.policy, rule: quota.id }, 503, "what counts this cannot be asked now; try again"),
  quota,
});

/** `onError: deny`. The rule's own words speak of a refusal, and nobody has refused. */
export const unansweredDenial = (policy: Policy, rule: AskRule): Denied =>
  denied({ policy: policy.id, rule: rule.id }, 503, "what decides this cannot be asked now; try again");

/** A handler can refuse with a status that refuses, and with no other. */
const refusing = (status: number | undefined): number | undefined =>
  status !== undefined && Number.isInteger(status) && status >= 400 && status <= 599 ? status : undefined;

/** The refusal stands whether or not its words can be had. */
function answered(by: Decider, answer: Answer, context: object): Denied {
  const location = answer.redirect === undefined ? undefined : headerText(answer.redirect.render(context));
  const isRedirect = typeof location === "string" && location !== "";
  // Without its address a redirect is a plain refusal: a status of 300 would send the caller nowhere.
  const status = isRedirect ? (answer.status ?? 302) : (atLeast400(answer.status) ?? 403);
  const plain = denied(by, status);
  const body = answer.body?.render(context);
  const contentType = headerText(answer.contentType?.render(context) ?? plain.contentType);
  return {
    ...plain,
    body: typeof body === "string" ? body : plain.body,
    contentType: typeof contentType === "string" ? contentType : plain.contentType,
    headers: [
      ...(isRedirect ? [["location", location] as const] : []),
      ...rendered(answer.set, context),
      ...rendered(answer.append, context),
    ],
    metadata: rendered(answer.metadata, context),
  };
}

const atLeast400 = (status: number | undefined): number | undefined =>
  status !== undefined && status >= 400 ? status : undefined;

const NONE: readonly HeaderValue[] = [];

function denied(by: Decider, status: number, text: string = STATUS_CODES[status] ?? "Denied"): Denied {
  return {
    kind: "deny",
    by,
    status,
    body: `${text}\n`,
    contentType: "text/plain; charset=utf-8",
    headers: NONE,
    metadata: NONE,
  };
}
