import type { Attributes } from "../attributes/attributes.ts";
import { Unknown } from "../cel/expression.ts";
import type { AllowRule, HeaderEffect, Policy } from "../policy/snapshot.ts";
import { headerText } from "./denial.ts";
import { Faults } from "./faults.ts";
import type { Allowed, Decider, HeaderValue, Verdict } from "./verdict.ts";

/** The reason why a request passes: an allow rule that holds, a `default: allow`, or `ungoverned: allow`. */
export interface Grant {
  readonly by: Decider;
  readonly rule: AllowRule | undefined;
  readonly context: object;
}

/**
 * The only place that says yes, and only to grants. A request header that an enforced rule of any of the
 * policies sets is either set here or removed: the client's own copy never passes, nor one that is spelt
 * with `_` for `-`, which many servers take for the same. A value that cannot be had is a fault like any
 * other, and then nothing passes.
 */
export function allow(
  grants: readonly [Grant, ...Grant[]],
  enforced: readonly { readonly policy: Policy }[],
  attributes: Attributes,
): Verdict {
  const faults = new Faults();
  const requestSet: HeaderValue[] = [];
  const responseSet: HeaderValue[] = [];
  const removed = new Set<string>();
  for (const grant of grants) {
    if (grant.rule === undefined) continue;
    const { effects } = grant.rule;
    render(effects.requestSet, grant, faults, requestSet);
    render(effects.responseSet, grant, faults, responseSet);
    for (const name of effects.requestRemove) removed.add(name);
  }
  for (const { policy } of enforced) for (const name of policy.ownedHeaders) removed.add(name);
  if (removed.size > 0) addRespelt(removed, attributes);
  for (const [name] of requestSet) removed.delete(name);
  const by = grants.map((grant) => grant.by);
  const allowed: Allowed = {
    kind: "allow",
    by: grants[0].by,
    grants: by,
    requestSet,
    requestRemove: [...removed],
    responseSet,
  };
  return faults.verdict() ?? allowed;
}

/**
 * Renders headers into `rendered`. What an empty one becomes depends on Envoy's version and
 * `keep_empty_value`, so it is left out: a request header is then removed, on all of them.
 */
function render(
  effects: readonly HeaderEffect[],
  { context, by }: Grant,
  faults: Faults,
  rendered: HeaderValue[],
): void {
  for (const { name, value } of effects) {
    const text = headerText(value.render(context));
    if (text instanceof Unknown) faults.note(text.fault, by);
    else if (text !== "") rendered.push([name, text]);
  }
}

/**
 * The request's headers that CGI, WSGI and their like cannot tell from one of the names
 * (RFC 3875 section 4.1.18). Few have a `_`, and without one on either side there is nothing to mistake.
 */
function addRespelt(names: Set<string>, { request }: Attributes): void {
  const own = [...names];
  const isPlain = !own.some((name) => name.includes("_"));
  let hyphened: ReadonlySet<string> | undefined;
  for (const name of request.headers.keys()) {
    if (isPlain && !name.includes("_")) continue;
    hyphened ??= new Set(own.map(withHyphens));
    if (hyphened.has(withHyphens(name))) names.add(name);
  }
}

const withHyphens = (name: string): string => name.replaceAll("_", "-");
