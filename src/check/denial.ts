import { STATUS_CODES } from "node:http";
import { Unknown, UNKNOWN } from "../cel/expression.ts";
import type { HeaderEffect, Policy, RefusalRule } from "../policy/snapshot.ts";
import type { Fault } from "../std/fault.ts";
import type { Decider, Denied, HeaderValue } from "./verdict.ts";

/** Refusals of weir's own, that no policy can change: id to status and what the caller reads. */
const OWN = {
  "weir/bad-host": [400, "the Host header is empty, repeated or ill-formed"],
  "weir/ambiguous-path": [400, "the path can be read in more than one way"],
  "weir/bad-request": [400, "the request could not be read"],
  "weir/ungoverned": [403, undefined],
  "weir/overload": [503, "too busy to decide; try again"],
  "weir/not-ready": [503, "not ready to decide; try again"],
  "weir/internal": [500, undefined],
} as const satisfies Record<string, readonly [status: number, text: string | undefined]>;

export type OwnRefusal = keyof typeof OWN;

/** A refusal of weir's own. */
export function ownDenial(id: OwnRefusal): Denied {
  const [status, text] = OWN[id];
  return denied({ policy: "", rule: id }, status, text);
}

/** A policy none of whose allows holds. */
export const defaultDenial = (policy: Policy): Denied => denied({ policy: policy.id, rule: "default" }, 403);

/** A value that the request should have had, and had not or not well formed. */
export function faultDenial(fault: Exclude<Fault, "ours">, by: Decider): Denied {
  switch (fault) {
    case "request":
      return denied(by, 400, "a value that the policy reads is missing or malformed");
    case "raw-headers":
      return denied(by, 403);
    case "budget":
      return denied(
        { policy: by.policy, rule: "weir/budget" },
        400,
        "the request is too large to be checked",
      );
  }
}

/** A deny that is true or a require that is false, with the answer that the rule gives. */
export function ruleDenial(policy: Policy, rule: RefusalRule, context: object): Denied {
  const { answer } = rule;
  const plain = denied({ policy: policy.id, rule: rule.id }, answer.status ?? 403);
  // The refusal stands whether or not its words can be had.
  const body = answer.body?.render(context);
  const contentType = headerText(answer.contentType?.render(context) ?? plain.contentType);
  return {
    ...plain,
    body: typeof body === "string" ? body : plain.body,
    contentType: typeof contentType === "string" ? contentType : plain.contentType,
    headers: answer.headers.flatMap((header) => renderHeader(header, context)),
  };
}

// RFC 9110 section 5.5 allows a tab and no other control character.
const UNPRINTABLE = /[\u0000-\u0008\u000a-\u001f\u007f]/;

function renderHeader({ name, value }: HeaderEffect, context: object): readonly HeaderValue[] {
  const text = headerText(value.render(context));
  return text instanceof Unknown ? [] : [[name, text]];
}

/** A header's value, or UNKNOWN for one that no header can carry: CR, LF, NUL and their like never reach one. */
export function headerText(value: string | Unknown): string | Unknown {
  if (value instanceof Unknown) return value;
  return UNPRINTABLE.test(value) ? UNKNOWN.request : value;
}

function denied(by: Decider, status: number, text = STATUS_CODES[status] ?? "Denied"): Denied {
  return {
    kind: "deny",
    by,
    status,
    body: `${text}\n`,
    contentType: "text/plain; charset=utf-8",
    headers: [],
  };
}
