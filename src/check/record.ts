import type { Attributes } from "../attributes/attributes.ts";
import { Unknown } from "../cel/expression.ts";
import { printScalar } from "../cel/format.ts";
import type { DecidedFacts } from "../policy/compile-decisions.ts";
import type { DecisionsFile } from "../policy/decisions-file.ts";
import { isOpenProof } from "../policy/disclosure.ts";
import type { Identity } from "../policy/identity.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { nameOf } from "./expectation.ts";
import type { Made } from "./recent.ts";
import type { ShadowOutcome } from "./shadow.ts";

/** One decision as it is written: one line of JSON. docs/decisions.md says what each field is for. */
export interface DecisionRecord {
  readonly kind: "decision";
  readonly time: string;
  readonly decision: string;
  /** Undefined where nothing could be made of the request. */
  readonly revision: string | undefined;
  readonly verdict: "allow" | "deny" | "error";
  readonly status: number | undefined;
  readonly policy: string;
  readonly rule: string;
  readonly team: string | undefined;
  /** `policy/rule` of what has granted, where more than one has. */
  readonly grants: readonly string[] | undefined;
  readonly fault: string | undefined;
  readonly durationMs: number;
  readonly shadow: readonly ShadowOutcome[] | undefined;
  /** Those that policies read, by name, with the fields that they declare; null where one does not hold. */
  readonly identities: Readonly<Record<string, RecordedIdentity>> | undefined;
  /** In the words of tests, as far as it may be written. */
  readonly request: RecordedRequest | undefined;
}

export type RecordedIdentity = Readonly<Record<string, unknown>> | null;

export interface RecordedRequest {
  readonly protocol: "tcp" | undefined;
  readonly method: string | undefined;
  readonly scheme: string | undefined;
  readonly host: string | undefined;
  /** Without its query, in its normal form where it has one. */
  readonly path: string | undefined;
  /** Those that weir.yaml names. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly route: string | undefined;
  readonly sni: string | undefined;
  readonly source: { readonly spiffe: string } | undefined;
  readonly destination: { readonly spiffe: string } | undefined;
  /** `client.ip`, or its digest. */
  readonly client: string | undefined;
}

/** How values of persons are written, and which headers are. */
export interface Recording extends Pick<DecisionsFile, "personal" | "headers"> {
  readonly digest: (printed: string) => string;
}

/** The shadow verdicts of a decision that was written before they were known. */
export interface ShadowRecord extends Pick<DecisionRecord, "time" | "decision" | "revision"> {
  readonly kind: "shadow";
  readonly shadow: readonly ShadowOutcome[];
}

/** What is written of a decision. Nothing in it is secret. */
export function recordOf(made: Made, shadow: readonly ShadowOutcome[], recording: Recording): DecisionRecord {
  const { decisionId, atMs, durationMs, decision, question } = made;
  const { verdict } = decision;
  return {
    kind: "decision",
    time: new Date(atMs).toISOString(),
    decision: decisionId,
    revision: question?.snapshot.revision,
    verdict: verdict.kind,
    status: verdict.kind === "deny" ? verdict.status : undefined,
    policy: verdict.by.policy,
    rule: verdict.by.rule,
    team: teamOf(made),
    grants: verdict.kind === "allow" && verdict.grants.length > 1 ? verdict.grants.map(nameOf) : undefined,
    fault: faultOf(made),
    durationMs: Math.round(durationMs * 1_000) / 1_000,
    shadow: shadow.length === 0 ? undefined : shadow,
    identities: identitiesOf(made, recording),
    request: question && requestOf(question.attributes, question.snapshot, recording),
  };
}

export const shadowRecordOf = (
  { decisionId, atMs, question }: Made,
  shadow: readonly ShadowOutcome[],
): ShadowRecord => ({
  kind: "shadow",
  time: new Date(atMs).toISOString(),
  decision: decisionId,
  revision: question?.snapshot.revision,
  shadow,
});

/** What conditions of weir.yaml read of a decision. */
export function factsOf(made: Made, shadow: readonly ShadowOutcome[]): DecidedFacts {
  const { verdict } = made.decision;
  return {
    verdict: verdict.kind,
    policy: verdict.by.policy,
    rule: verdict.by.rule,
    team: teamOf(made) ?? "",
    status: verdict.kind === "deny" ? verdict.status : 0,
    fault: faultOf(made) ?? "",
    durationMs: made.durationMs,
    shadow: new Map(shadow.map((one) => [nameOf(one), one.verdict])),
  };
}

function faultOf({ decision: { verdict } }: Made): string | undefined {
  if (verdict.kind === "error") return "ours";
  return verdict.kind === "deny" ? verdict.fault : undefined;
}

const teamOf = ({ decision: { verdict, governing } }: Made): string | undefined =>
  governing.find(({ policy }) => policy.id === verdict.by.policy)?.policy.team;

const MAX_TEXT_LENGTH = 256;
const MAX_ITEMS = 20;

const cut = (text: string): string =>
  text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text;

/** Two that bear one name, of different shared files, are told apart by where they are declared. */
function identitiesOf({ decision }: Made, recording: Recording): DecisionRecord["identities"] {
  const { authentication, governing } = decision;
  if (authentication === undefined) return undefined;
  const found = new Map<string, RecordedIdentity>();
  const seen = new Set<Identity>();
  for (const identity of governing.flatMap(({ policy }) => [...policy.identities.values()])) {
    if (seen.has(identity)) continue;
    seen.add(identity);
    const value = authentication.evidence.valueOf(identity);
    if (value instanceof Unknown) continue;
    const name = found.has(identity.name) ? identity.id : identity.name;
    found.set(name, value === undefined ? null : fieldsOf(identity, value, recording));
  }
  return found.size === 0 ? undefined : Object.fromEntries(found);
}

/** The claims that nobody declares are left out. */
function fieldsOf(
  identity: Identity,
  value: object,
  recording: Recording,
): Readonly<Record<string, unknown>> {
  const isOpen = isOpenProof(identity) || recording.personal === "plain";
  const fields = Object.keys(identity.type.fields).filter((name) => name !== "raw");
  return Object.fromEntries(
    fields.flatMap((name): [string, unknown][] => {
      const found: unknown = value instanceof Map ? value.get(name) : Reflect.get(value, name);
      if (found === undefined) return [];
      const plain = plainOf(found);
      return [[name, isOpen ? plain : recording.digest(JSON.stringify(plain))]];
    }),
  );
}

/** A value of CEL as JSON. */
function plainOf(value: unknown): unknown {
  if (typeof value === "boolean" || typeof value === "number") return value;
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map(plainOf);
  if (value instanceof Map) {
    const entries = [...value].slice(0, MAX_ITEMS);
    return Object.fromEntries(entries.map(([key, one]) => [cut(String(key)), plainOf(one)]));
  }
  return cut(printScalar(value) ?? "");
}

function requestOf(attributes: Attributes, snapshot: Snapshot, recording: Recording): RecordedRequest {
  const { source, destination, connection, client } = attributes;
  const address = client.ip?.toString();
  const spiffeOf = (principal: string | undefined) =>
    principal === undefined ? undefined : { spiffe: principal };
  const common = {
    sni: connection.requested_server_name,
    source: spiffeOf(source.principal),
    destination: spiffeOf(destination.principal),
    client: address === undefined || recording.personal === "plain" ? address : recording.digest(address),
  };
  if (attributes.kind === "connection") return { ...NO_HTTP, ...common, protocol: "tcp" };
  const { request, context_extensions: extensions } = attributes;
  return {
    ...common,
    protocol: undefined,
    method: request.method.slice(0, 32),
    scheme: request.scheme,
    host: request.host === undefined ? undefined : cut(request.host),
    path: cut(request.url_path ?? withoutQuery(request.path)),
    headers: headersOf(attributes, snapshot, recording),
    route: extensions.get("weir.route"),
  };
}

const NO_HTTP = {
  method: undefined,
  scheme: undefined,
  host: undefined,
  path: undefined,
  headers: undefined,
  route: undefined,
};

const withoutQuery = (path: string): string => path.split("?", 1)[0] ?? "";

function headersOf(
  { request }: Attributes,
  { credentialHeaders }: Snapshot,
  { headers }: Recording,
): RecordedRequest["headers"] {
  const found = headers.flatMap((name): [string, string][] => {
    const value = credentialHeaders.has(name) ? undefined : request.headers.get(name);
    return value === undefined ? [] : [[name, cut(value)]];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}
