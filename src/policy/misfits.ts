import { VOCABULARY } from "../attributes/vocabulary.ts";
import { problem } from "./diagnostic.ts";
import { allOf, type Mentions } from "./mentions.ts";
import type { Draft, ReadPolicy } from "./compile-policy.ts";
import type { PolicyFile } from "./policy-file.ts";
import type { Rule } from "./rule.ts";
import type { Scope } from "./scope.ts";
import type { Settings } from "./settings.ts";

export interface MisfitWorld {
  readonly scope: Scope;
  /** What decides whether the policy applies. */
  readonly gateMentions: Mentions;
  /** What the answer of the default depends on. */
  readonly fallbackMentions: Mentions;
  readonly settings: Settings;
}

/** A policy whose parts are each well-formed and that still cannot be meant, or cannot be carried out here. */
export function refuseMisfits({ file, isWhole }: ReadPolicy, draft: Draft, world: MisfitWorld): void {
  if (isWhole) refuseToothless(file, world);
  refuseLateGate(draft, world);
  // What decides nothing can be chosen, and is heard of through Envoy's log alone.
  if (draft.telemetry?.isAlone === true) return;
  const rules = [...draft.refusals, ...draft.answered, ...draft.asks, ...draft.allows, ...draft.shadows];
  const all = [...rules, ...draft.quotas, ...draft.shadowQuotas].map((one) => one.mentions);
  const mentions = allOf([world.gateMentions, world.fallbackMentions, ...all]);
  if (draft.match.protocol === "tcp") refuseBeyondConnection(file, mentions, world);
  else refuseCallersChoice(file, draft, world);
  if (world.settings.listen.http !== undefined) refuseBeyondHttpMode(file, draft, mentions, world);
}

/** A policy that would allow everything, or that does nothing at all. */
function refuseToothless(file: PolicyFile, { scope }: MisfitWorld): void {
  const { document } = scope;
  if (file.default?.kind === "allow" && file.match === "everything") {
    const message = "`default: allow` with `match: everything` would allow every request";
    const hint = "match the hosts or paths that are open, or say `ungoverned: allow` in weir.yaml";
    scope.report(problem(document.at(["default"]), "grants-everything", message, hint));
  }
  const { rules, quotas, telemetry } = file;
  if (rules.length + quotas.length + telemetry.length === 0 && file.default === undefined) {
    const message = "the policy has neither rules nor quotas, telemetry nor a default, so it does nothing";
    scope.report(
      problem(
        document.keyAt(["policy"]),
        "no-rules",
        message,
        "write `rules:`, `quotas:`, `telemetry:` or `default: deny`",
      ),
    );
  }
}

/** Whether a policy applies is decided before anybody is asked. */
function refuseLateGate({ when, except, share }: Draft, { scope }: MisfitWorld): void {
  const parts = [
    [["match", "when"], when],
    [["except"], except],
    [["mode", "by"], share?.by],
  ] as const;
  for (const [path, expression] of parts) {
    const [answer] = scope.mentions(expression).answers;
    if (answer === undefined) continue;
    const message = `${answer} is a handler's answer, which is known only when it is known which policies apply`;
    const hint = "read it in a rule, not in match, except or mode";
    scope.report(problem(scope.document.at(path), "reads-answer", message, hint));
  }
}

/** A TCP connection has no request: nothing of one can be read, set or answered. */
function refuseBeyondConnection(file: PolicyFile, { attributes }: Mentions, { scope }: MisfitWorld): void {
  const { document } = scope;
  const unknown = [...attributes].find((name) => !IN_CONNECTIONS.has(name));
  if (unknown !== undefined) {
    const message = `${unknown} is read through a shared file, and a TCP connection has none`;
    scope.report(
      problem(document.keyAt(["use"]), "wrong-phase", message, "write the condition in this policy"),
    );
  }
  if (file.default?.kind === "deny" && file.default.answerName !== undefined) {
    const message = "a TCP connection has no answer: it is let through or closed";
    scope.report(problem(document.at(["default", "deny"]), "wrong-phase", message, "write `default: deny`"));
  }
  for (const rule of file.rules) {
    for (const key of httpKeysOf(rule)) {
      const message = `a TCP connection has no ${key === "request" ? "headers" : "answer"}: it is let through or closed`;
      const place = document.keyAt(["rules", rule.index, key]);
      scope.report(problem(place, "wrong-phase", message, "remove it"));
    }
  }
}

/** The keys of a rule that speak of a request or of an answer to it. */
function httpKeysOf(rule: Rule): readonly string[] {
  const isFilled = (...maps: readonly { readonly size: number }[]): boolean =>
    maps.some(({ size }) => size > 0);
  const keys: string[] = [];
  if (rule.kind === "allow" || rule.kind === "ask") {
    const { set, append, querySet, remove, queryRemove } = rule.request;
    if (isFilled(set, append, querySet) || remove.length + queryRemove.length > 0) keys.push("request");
  }
  if (rule.kind === "allow")
    return isFilled(rule.responseSet, rule.responseAppend) ? [...keys, "response"] : keys;
  const { status, denial, redirect, responseSet, responseAppend } = rule.answer;
  if (isFilled(responseSet, responseAppend)) keys.push("response");
  if (status !== undefined) keys.push("status");
  if (denial !== undefined) keys.push(denial.key);
  if (redirect !== undefined) keys.push("redirect");
  if (rule.answerName !== undefined) keys.push("answer");
  return keys;
}

const IN_CONNECTIONS: ReadonlySet<string> = new Set(
  VOCABULARY.filter(({ phases }) => phases.includes("connection")).map(({ name }) => name),
);

/** What a caller can choose at will must not choose the policy: to a sidecar any Host can be sent. */
function refuseCallersChoice({ match }: PolicyFile, draft: Draft, { scope, settings }: MisfitWorld): void {
  if (match === "everything" || draft.match.destinations !== undefined || !hasSidecars(settings)) return;
  const chosenBy = (["hosts", "paths", "grpc"] as const).find((key) => match[key] !== undefined);
  if (chosenBy === undefined || scope.mentions(draft.when).attributes.has("proxy.role")) return;
  const message = `a caller can send any ${chosenBy === "hosts" ? "Host" : "path"} to a sidecar, and so choose this policy or avoid it`;
  const hint = "add destinations: [namespace/service-account], which the mesh proves";
  scope.report(problem(scope.document.keyAt(["match", chosenBy]), "host-is-callers-choice", message, hint));
}

/** Whether some Envoy that asks is, or may be, a sidecar. */
export const hasSidecars = ({ proxy, listen }: Settings): boolean =>
  [listen.grpc, listen.http].some(
    (listener) =>
      listener !== undefined &&
      (listener.role ?? (proxy.kind === "byPrincipal" ? "sidecar" : proxy.role)) === "sidecar",
  );

/** Envoy's HTTP service carries the request alone; a policy that needs more would decide without it. */
function refuseBeyondHttpMode(
  { match }: PolicyFile,
  draft: Draft,
  { attributes }: Mentions,
  { scope, settings }: MisfitWorld,
): void {
  const { document } = scope;
  const hint = "ask over gRPC, or take `http` out of weir.yaml's listeners";
  const refuse = (what: string, place = document.keyAt(["policy"])): void =>
    scope.report(
      problem(place, "not-in-http-mode", `${what}, which Envoy's HTTP service does not carry`, hint),
    );
  const keys =
    match === "everything" ? [] : (["destinations", "routes"] as const).filter((key) => match[key]);
  for (const key of keys) refuse(`the policy matches ${key}`, document.keyAt(["match", key]));
  if (draft.match.protocol === "tcp") return;
  const peer = settings.clientAddress.from === "peer" ? ["client.ip"] : [];
  const missing = [...NOT_IN_HTTP_MODE, ...peer].filter((name) => attributes.has(name));
  if (missing.length > 0) refuse(`the policy reads ${missing.join(", ")}`);
  for (const identity of [...draft.identities.values(), ...draft.shadowIdentities.values()]) {
    const { kind } = identity.proof;
    if (kind === "mtls" || kind === "metadata") refuse(`the identity ${identity.id} is proved by ${kind}`);
  }
  const late = draft.quotas.find(({ cost }) => cost.kind === "late");
  if (late !== undefined)
    refuse(`the quota ${late.id} has a late cost, and tells in metadata what settles it`);
  for (const [what, texts] of lostInHttpMode(draft)) if (texts.length > 0) refuse(`the policy ${what}`);
}

/** What an answer over HTTP has no place for. */
function lostInHttpMode(draft: Draft): readonly (readonly [what: string, texts: readonly unknown[]])[] {
  const { allows, asks, answered, refusals, fallbackAnswer } = draft;
  const effects = [...allows, ...asks].map((rule) => rule.effects);
  const answers = [...refusals, ...answered].map(({ answer }) => answer);
  return [
    ["changes the query", effects.flatMap(({ querySet, queryRemove }) => [...querySet, ...queryRemove])],
    ["appends to response headers", effects.flatMap(({ responseAppend }) => responseAppend)],
    ["sets metadata", [...effects, ...answers, fallbackAnswer].flatMap(({ metadata }) => metadata)],
  ];
}

/** Attributes that stand in a gRPC check and in no request of Envoy's HTTP service. */
const NOT_IN_HTTP_MODE: readonly string[] = VOCABULARY.map(({ name }) => name).filter(
  (name) =>
    /^(source|destination|connection)\./.test(name) ||
    [
      "context_extensions",
      "metadata",
      "request.scheme",
      "request.protocol",
      "request.id",
      "request.size",
      "request.time",
      "request.headers_all",
    ].includes(name),
);
