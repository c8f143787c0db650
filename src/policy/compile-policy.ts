import type { Expression, ObjectType } from "../cel/expression.ts";
import { assemble, enforcedOf } from "./assemble.ts";
import { compileIdentities } from "./compile-identities.ts";
import { compileLets } from "./compile-lets.ts";
import { compileQuota, type CompiledQuota, type QuotaWorld } from "./compile-quotas.ts";
import { boundNames, compileMatch } from "./compile-match.ts";
import { compileShare, lintUntil } from "./compile-modes.ts";
import { compilePolicyTelemetry } from "./compile-telemetry.ts";
import {
  answersOf,
  dataOf,
  fieldsOf,
  identitiesOf,
  isKnownIn,
  sharedBy,
  verifiedNames,
} from "./compile-names.ts";
import { compileRule, condition, sharedAnswer, type CompiledRule } from "./compile-rules.ts";
import {
  plainScope,
  typesOf,
  type SharedAnswer,
  type SharedPart,
  type SharedWorld,
} from "./compile-shared.ts";
import { contextMaker } from "./context.ts";
import type { Shape } from "./declarations.ts";
import { problem, warning } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import { PLAIN_ANSWER, type Effects } from "./effects.ts";
import type { Identity } from "./identity.ts";
import { lintPolicy } from "./lints-of-policy.ts";
import type { Match } from "./match.ts";
import { allOf, mentionsOf, NO_MENTIONS, type Mentions } from "./mentions.ts";
import { hasSidecars, refuseMisfits } from "./misfits.ts";
import type { Owners } from "./ownership.ts";
import type { PolicyFile } from "./policy-file.ts";
import type { Scope } from "./scope.ts";
import type { Settings } from "./settings.ts";
import type { ActiveOverride, Policy } from "./snapshot.ts";

/** A policy before it has its place among the others. */
export type Draft = Omit<Policy, "order">;

/** A policy file, as far as it could be read. */
export interface ReadPolicy {
  readonly file: PolicyFile;
  readonly document: Document;
  readonly isWhole: boolean;
}

/** A policy file and what it comes to. */
export interface CompiledPolicy extends ReadPolicy {
  readonly draft: Draft;
  /** Its own identities and those of the shared files that it uses. */
  readonly identities: ReadonlyMap<string, Identity>;
}

/** What policies are compiled with. */
export interface PolicyWorld extends SharedWorld {
  readonly settings: Settings;
  readonly shared: ReadonlyMap<string, SharedPart>;
  /** By policy, by rule. */
  readonly overrides: ReadonlyMap<string, ReadonlyMap<string, ActiveOverride>>;
  readonly nowMs: number;
  readonly owners: Owners;
  /** Whether weir.yaml says where decisions are written. */
  readonly hasDecisions: boolean;
  /** Whether it has a key that signs what weir tells itself. */
  readonly hasMac: boolean;
}

const NO_OVERRIDES: ReadonlyMap<string, ActiveOverride> = new Map();

/**
 * One policy file as the check path uses it. What is wrong is added to `diagnostics`; the policy is then
 * not to be used.
 */
export function compilePolicy(read: ReadPolicy, world: PolicyWorld): CompiledPolicy {
  const { file, document } = read;
  const match = compileMatch(file.match, plainScope(document, world));
  const { scope, shape, view, identities } = compileNames(read, match, world);
  const { used } = view;
  const { table } = scope;
  const overrides = world.overrides.get(file.policy) ?? NO_OVERRIDES;
  const ruleWorld = { policy: file.policy, scope, used, handlers: world.handlers, overrides };
  const rules = file.rules.flatMap((written): CompiledRule[] => {
    if (!overrides.has(written.id)) lintUntil(scope, ["rules", written.index], written.mode, world.nowMs);
    const rule = compileRule(written, ruleWorld);
    return rule === undefined ? [] : [rule];
  });
  const quotas = compileQuotas(file, overrides, { ...world, policy: file.policy, scope, overrides });
  const telemetry = compilePolicyTelemetry(file, {
    ...world,
    check: { scope, shape, ...view },
    match,
    identities,
  });
  lintUntil(scope, [], file.mode, world.nowMs);
  const { mode, share } = compileShare(scope, [], file.mode, { salt: file.policy });
  const gate = gateOf(file, scope);
  const policy = assemble(file, { rules, quotas }, identities);
  const ownedHeaders = ownedBy([...policy.allows, ...policy.asks].map(({ effects }) => effects));
  const gateMentions = scope.mentions(gate.when, gate.except, share?.by);
  const fallback = fallbackAnswerOf(file, scope, used);
  const enforced = [gateMentions, fallback.mentions, ...enforcedOf(policy).map(({ mentions }) => mentions)];
  const draft: Draft = {
    ...policy,
    ...gate,
    id: file.policy,
    team: world.owners(document.file),
    audit: file.audit,
    mode,
    share,
    match,
    gate: gateMentions.identities.size === 0 ? "open" : "after-identities",
    identities: identitiesIn(enforced, identities),
    shadowIdentities: identitiesIn(
      [...policy.shadows, ...policy.shadowQuotas].map(({ mentions }) => mentions),
      identities,
    ),
    fallbackAnswer: fallback.answer,
    mentions: allOf([gateMentions, fallback.mentions]),
    ownedHeaders: mode === "enforce" ? ownedHeaders : new Set(),
    context: contextMaker({ ...view, identities, ownedHeaders }),
    telemetry,
    mentionsOf: (reads) => mentionsOf(reads, table),
    expression: scope.compiler,
  };
  const misfits = { scope, gateMentions, fallbackMentions: fallback.mentions, settings: world.settings };
  refuseMisfits(read, draft, misfits);
  refuseUntold(file, scope, world);
  if (file.audit === "required" && !world.hasDecisions) refuseUnwritten(scope);
  // A rule that could not be compiled may be the one that reads an identity.
  const compiled = rules.length + quotas.length + (telemetry?.rules.length ?? 0);
  const isWhole = read.isWhole && compiled === countOf(file);
  lintPolicy({ ...read, isWhole }, draft, scope, identities);
  return { ...read, draft, identities };
}

/** What is evaluated of a match. */
const gateOf = ({ match, except }: PolicyFile, scope: Scope): Pick<Draft, "when" | "except"> => ({
  when: match === "everything" ? undefined : condition(scope, ["match", "when"], match.when),
  except: condition(scope, ["except"], except),
});

const countOf = ({ rules, quotas, telemetry }: PolicyFile): number =>
  rules.length + quotas.length + telemetry.length;

function refuseUnwritten(scope: Scope): void {
  const message = "weir.yaml has no `decisions`: nothing that this requires could be written";
  const hint = "say there where they go: decisions: { to: stdout }";
  scope.report(problem(scope.document.at(["audit"]), "missing-key", message, hint));
}

interface Named {
  readonly scope: Scope;
  readonly shape: Shape;
  readonly identities: ReadonlyMap<string, Identity>;
  readonly view: {
    readonly lets: ReadonlyMap<string, Expression>;
    readonly answers: readonly string[];
    readonly shared: ReadonlyMap<string, SharedPart["type"]>;
    readonly data: object | undefined;
    readonly used: readonly SharedPart[];
  };
}

/** What the expressions of a policy can name: its own, and what the shared files that it uses have. */
function compileNames({ file, document }: ReadPolicy, match: Match, world: PolicyWorld): Named {
  const { environments, records, handlers, diagnostics } = world;
  const phase = match.protocol === "tcp" ? "connection" : "check";
  const used = sharedBy(file, document, world.shared, diagnostics);
  const own = compileIdentities(file.policy, file.identities, plainScope(document, world), world);
  const all = identitiesOf(own, used, document, diagnostics);
  const identities = new Map([...all].filter(([, identity]) => isKnownIn(identity, phase)));
  const declared = [...file.identities.keys(), ...used.flatMap(({ identityNames }) => identityNames)];
  const writtenIdentities = declared.filter((name) => !all.has(name));
  const data = dataOf(used, document, diagnostics);
  const record = data.values.size === 0 ? undefined : records.of(data.fields);
  const answers = answersOf(file, document, handlers, diagnostics);
  const known = [...answers].filter((entry): entry is [string, ObjectType] => entry[1] !== undefined);
  const sharedTypes = new Map(used.map(({ name, type }) => [name, type]));
  const shape: Shape = {
    phase,
    identities: typesOf(identities),
    lets: new Map(),
    answers: new Map(known),
    shared: sharedTypes,
    data: record,
  };
  const { scope, lets } = compileLets(file.let, {
    document,
    shape,
    names: {
      phase,
      identities: fieldsOf(writtenIdentities, identities),
      paths: boundNames(match.paths),
      answers: new Map(Array.from(answers, ([name, type]) => [name, type?.fields])),
      shared: new Map(used.map(({ name, type, isWhole }) => [name, isWhole ? type.fields : undefined])),
      data: data.fields,
    },
    table: {
      shared: new Map(used.map(({ name, mentions }) => [name, mentions])),
      verified: verifiedNames(identities),
    },
    environments,
    diagnostics,
  });
  const view = {
    lets,
    answers: [...answers.keys()],
    shared: sharedTypes,
    data: record?.construct(data.values),
    used,
  };
  return { scope, shape, identities, view };
}

const compileQuotas = (
  { quotas }: PolicyFile,
  overrides: ReadonlyMap<string, ActiveOverride>,
  world: QuotaWorld & Pick<PolicyWorld, "nowMs">,
): readonly CompiledQuota[] =>
  quotas.flatMap((written): readonly CompiledQuota[] => {
    if (!overrides.has(written.id))
      lintUntil(world.scope, ["quotas", written.index], written.mode, world.nowMs);
    const quota = compileQuota(written, world);
    return quota === undefined ? [] : [quota];
  });

/** Those of the identities that expressions read, and that are found out before anything is asked. */
function identitiesIn(
  mentions: readonly Mentions[],
  identities: ReadonlyMap<string, Identity>,
): ReadonlyMap<string, Identity> {
  const { identities: read } = allOf(mentions);
  return new Map([...identities].filter(([name, { proof }]) => read.has(name) && proof.kind !== "verify"));
}

const ownedBy = (effects: readonly Effects[]): ReadonlySet<string> =>
  new Set(effects.flatMap(({ requestSet }) => requestSet.map(({ name }) => name)));

function fallbackAnswerOf(file: PolicyFile, scope: Scope, used: readonly SharedPart[]): SharedAnswer {
  const named = file.default?.kind === "deny" ? file.default.answerName : undefined;
  const found = named === undefined ? undefined : sharedAnswer(scope, ["default", "deny"], named, used);
  return found ?? { answer: PLAIN_ANSWER, mentions: NO_MENTIONS };
}

/** What is charged once is told by one hop to the next: weir must be able to sign it, and to know who asks. */
function refuseUntold(
  { rules, quotas }: PolicyFile,
  scope: Scope,
  { hasMac, settings }: Pick<PolicyWorld, "hasMac" | "settings">,
): void {
  const places = [
    ...rules.flatMap((one) => (one.kind === "ask" && one.once !== undefined ? [["rules", one.index]] : [])),
    ...quotas.flatMap((one) => (one.once === undefined ? [] : [["quotas", one.index]])),
  ].map((path) => scope.document.keyAt([...path, "once"]));
  const { grpc } = settings.listen;
  const areNamed = !hasSidecars(settings) || grpc.tls?.clientCa !== undefined;
  for (const place of places) {
    if (!hasMac) {
      const message = "what is charged once is told from hop to hop, and weir.yaml has no key that signs it";
      scope.report(problem(place, "missing-key", message, "add to weir.yaml: secrets: { mac: { file: … } }"));
    } else if (!areNamed) {
      const message = "a sidecar that does not prove its name is charged again, and here none does";
      const hint = "add to listen.grpc of weir.yaml: tls: { cert: …, key: …, clientCa: … }";
      scope.report(warning(place, "missing-key", message, hint));
    }
  }
}
