import type { Attributes } from "../attributes/attributes.ts";
import { Unknown } from "../cel/expression.ts";
import type { AllowRule, HeaderEffect, Policy } from "../policy/snapshot.ts";
import type { Fault } from "../std/fault.ts";
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
  const rendered = grants.map((grant) => renderEffects(grant, faults));
  const requestSet = rendered.flatMap((effects) => effects.requestSet).filter(hasValue);
  const removed = new Set(rendered.flatMap((effects) => effects.requestRemove));
  for (const { policy } of enforced) for (const name of policy.ownedHeaders) removed.add(name);
  for (const name of respelt(removed, attributes)) removed.add(name);
  for (const [name] of requestSet) removed.delete(name);
  const allowed: Allowed = {
    kind: "allow",
    by: grants[0].by,
    grants: grants.map(({ by }) => by),
    requestSet,
    requestRemove: [...removed],
    responseSet: rendered.flatMap((effects) => effects.responseSet).filter(hasValue),
  };
  return faults.verdict() ?? allowed;
}

/** The request's headers that CGI, WSGI and their like cannot tell from one of the names (RFC 3875 section 4.1.18). */
function respelt(names: ReadonlySet<string>, { request }: Attributes): readonly string[] {
  if (names.size === 0) return [];
  const plain = new Set(Array.from(names, withHyphens));
  const found: string[] = [];
  for (const name of request.headers.keys()) if (plain.has(withHyphens(name))) found.push(name);
  return found;
}

const withHyphens = (name: string): string => (name.includes("_") ? name.replaceAll("_", "-") : name);

/** What an empty header becomes depends on Envoy's version and `keep_empty_value`; a removed one is gone on all of them. */
const hasValue = ([, value]: HeaderValue): boolean => value !== "";

type Rendered = Pick<Allowed, "requestSet" | "requestRemove" | "responseSet">;

const NO_EFFECTS: Rendered = { requestSet: [], requestRemove: [], responseSet: [] };

function renderEffects({ rule, context, by }: Grant, faults: Faults): Rendered {
  if (rule === undefined) return NO_EFFECTS;
  const render = ({ name, value }: HeaderEffect): readonly HeaderValue[] => {
    const text = headerText(value.render(context));
    if (!(text instanceof Unknown)) return [[name, text]];
    faults.note(text.fault satisfies Fault, by);
    return [];
  };
  return {
    requestSet: rule.effects.requestSet.flatMap(render),
    requestRemove: rule.effects.requestRemove,
    responseSet: rule.effects.responseSet.flatMap(render),
  };
}
