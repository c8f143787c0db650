import assert from "node:assert/strict";
import { z } from "zod";
import { ADAPTERS } from "../../adapters/index.ts";
import { defineAdapter, type CheckAnswer, type CheckInput } from "../../src/adapter/adapter.ts";
import { Attributes } from "../../src/attributes/attributes.ts";
import type { CheckFacts } from "../../src/attributes/facts.ts";
import { checkFacts } from "../../src/check/attributes.ts";
import { decide, type Decision } from "../../src/check/decide.ts";
import type { Made as MadeDecision } from "../../src/check/recent.ts";
import type { Finding, Presented } from "../../src/identity/verifier.ts";
import { compileConfiguration, type World } from "../../src/policy/compile.ts";
import { printDiagnostic } from "../../src/policy/diagnostic.ts";
import type { GivenIdentities } from "../../src/policy/evidence.ts";
import { offlineLimits } from "../../src/limits/assumed.ts";
import type { Limits } from "../../src/limits/limits.ts";
import type { Identity } from "../../src/policy/identity.ts";
import { loadFiles } from "../../src/policy/load.ts";
import type { Snapshot } from "../../src/policy/snapshot.ts";
import type { Backends } from "../../src/runtime/backends.ts";
import { failing, policy, rule, YES } from "./conditions.ts";
import {
  type Asked,
  checkRequest,
  type File,
  inShort,
  NO_BACKENDS,
  NO_LIMITS,
  textOf,
  worldOf,
} from "./fixture.ts";

/** A kind of back-end whose answers tests make up. */
const PLANS = defineAdapter({
  id: "plans",
  summary: "Says which plan a caller has",
  config: z.strictObject({}),
  inputs: {
    check: {
      method: { type: "string", presence: "optional", class: "open", meaning: "The method" },
      key: { type: "string", presence: "optional", class: "secret", meaning: "The credential" },
      count: { type: "int", presence: "optional", class: "open", meaning: "A number" },
      waits: { type: "dyn", presence: "optional", class: "open", meaning: "Anything, and lists of it" },
    },
  },
  outputs: {
    plan: { type: "string", meaning: "The plan" },
    limit: { type: "int", meaning: "How much of it" },
  },
  credentialInput: "key",
  create: () => assert.fail("a handler was made"),
});

/** weir.yaml with two handlers of that kind. */
export const HANDLERS = { handlers: { plans: { adapter: "plans" }, others: { adapter: "plans" } } };

/** An identity that a token proves, with its claims. */
export const jwt = (claims: object = { sub: "string" }, more: object = {}): object => ({
  jwt: {
    issuer: "https://idp.example.com",
    audiences: ["mesh"],
    jwks: "https://idp.example.com/certs",
    claims,
  },
  ...more,
});

/** An identity that the handler `plans` verifies. */
export const verified = (more: object = {}): object => ({
  apiKey: { header: "x-api-key", verify: "plans" },
  ...more,
});

/** What the stand-ins for back-ends say: answers by handler, findings by the identity's id. */
export interface Said {
  readonly answers?: Readonly<Record<string, CheckAnswer | Promise<CheckAnswer>>>;
  readonly findings?: Readonly<Record<string, Finding | Promise<Finding>>>;
}

/** Back-ends that say what a test wants and remember what they were asked. */
export class StubBackends implements Backends {
  /** One text a question, such as `plans method=GET`. */
  readonly asked: string[] = [];
  /** The ids of the identities that were looked for. */
  readonly looked: string[] = [];
  /** Against whom bad credentials would be held, one for each look. */
  readonly clients: string[] = [];
  readonly #said: Said;

  constructor(said: Said) {
    this.#said = said;
  }

  find({ id }: Identity, { client }: Presented): Finding | Promise<Finding> {
    this.looked.push(id);
    this.clients.push(client);
    return this.#said.findings?.[id] ?? { kind: "absent" };
  }

  ask(handler: string, input: CheckInput): CheckAnswer | Promise<CheckAnswer> {
    this.asked.push([handler, ...Array.from(input, ([name, value]) => `${name}=${String(value)}`)].join(" "));
    return this.#said.answers?.[handler] ?? { verdict: "allow" };
  }
}

export const holds = (claims: Readonly<Record<string, unknown>>): Finding => ({
  kind: "holds",
  claims: new Map(Object.entries(claims)),
});

export const allows = (outputs: Readonly<Record<string, unknown>> = {}): CheckAnswer => ({
  verdict: "allow",
  outputs: new Map(Object.entries(outputs)),
});

export const FAILS: CheckAnswer = { verdict: "error", reason: "a test says so" };

/** The snapshot of weir.yaml with handlers, unless a file is one itself, and of the files; none may have an error. */
export function snapshotWith(files: readonly File[], world: Partial<World> = {}): Snapshot {
  const isServer = (file: File): boolean =>
    typeof file !== "string" && !["policy", "shared", "overrides"].some((key) => key in file);
  const all = files.some(isServer) ? files : [...files, HANDLERS];
  const texts = all.map((file, index) => ({ path: `${index}.yaml`, text: textOf(file) }));
  const adapters = [...ADAPTERS, PLANS];
  const { snapshot, diagnostics } = compileConfiguration(
    loadFiles(texts),
    "test",
    worldOf({ adapters, ...world }),
  );
  return snapshot ?? assert.fail(diagnostics.map(printDiagnostic).join("\n"));
}

/** What a decision is made with, beside the request. */
export interface Circumstances extends Said {
  readonly world?: Partial<World>;
  readonly given?: GivenIdentities;
  readonly metadata?: CheckFacts["metadata"];
  readonly nowMs?: number;
  readonly askUntilMs?: number;
  readonly limits?: Limits;
}

/** One decision, with who was asked for it. */
export interface Made {
  readonly decision: Decision;
  readonly backends: StubBackends;
  /** The verdict in one line. */
  readonly line: string;
}

/** Decides about a request, and says at once where nobody is waited for. */
export function deciding(
  snapshot: Snapshot,
  request: Asked,
  circumstances: Circumstances = {},
): { readonly backends: StubBackends; readonly decision: Decision | Promise<Decision> } {
  const backends = new StubBackends(circumstances);
  const { given, metadata, nowMs = 1_000, askUntilMs = Infinity } = circumstances;
  const limits = circumstances.limits ?? offlineLimits(nowMs);
  const facts = checkFacts(checkRequest(request));
  const attributes = new Attributes(
    metadata === undefined ? facts : withMetadata(facts, metadata),
    snapshot.settings,
  );
  return { backends, decision: decide({ snapshot, attributes, backends, limits, nowMs, askUntilMs, given }) };
}

const withMetadata = (facts: CheckFacts, metadata: CheckFacts["metadata"]): CheckFacts => ({
  request: facts.request,
  source: facts.source,
  destination: facts.destination,
  serverName: facts.serverName,
  proxy: facts.proxy,
  contextExtensions: () => facts.contextExtensions(),
  metadata,
});

/** The same from files, to its end. */
export async function made(
  files: readonly File[],
  request: Asked = {},
  circumstances: Circumstances = {},
): Promise<Made> {
  const { backends, decision } = deciding(snapshotWith(files, circumstances.world), request, circumstances);
  const known = await decision;
  return { backends, decision: known, line: inShort(known.verdict) };
}

/** A decision as it is handed on when its answer is sent. Its first id is in every sample. */
export async function madeOn(
  snapshot: Snapshot,
  request: Asked = {},
  { circumstances, ...more }: Partial<MadeDecision> & { readonly circumstances?: Circumstances } = {},
): Promise<MadeDecision> {
  const decision = await deciding(snapshot, request, circumstances).decision;
  const attributes = new Attributes(checkFacts(checkRequest(request)), snapshot.settings);
  const question = {
    snapshot,
    attributes,
    backends: NO_BACKENDS,
    limits: NO_LIMITS,
    nowMs: 1_000,
    askUntilMs: Infinity,
  };
  return { decisionId: "d_aaaaaaaaaaaaaaaa", atMs: 0, durationMs: 1, decision, question, ...more };
}

/** One test a row: a sentence, files, the circumstances, what is decided, and who was asked for it. */
export type AskedRow = readonly [
  sentence: string,
  files: readonly File[],
  circumstances: Circumstances & { readonly request?: Asked },
  outcome: string,
  asked: readonly string[],
];

export function askedTable(rows: readonly AskedRow[]): void {
  for (const [sentence, files, circumstances, outcome, asked] of rows) {
    it(`${sentence}: ${outcome}`, async () => {
      const { line, backends } = await made(files, circumstances.request, {
        metadata: failing,
        ...circumstances,
      });
      assert.equal(line, outcome);
      assert.deepEqual(backends.asked, asked);
    });
  }
}

export const ask = (more: object = {}): object => ({ id: "plan", ask: "plans", as: "plan", ...more });

/** A policy that asks, and grants where that is no obstacle. */
export const asking = (more: object = {}): File => policy("a", [ask(more), rule("allow", YES)]);

export const GOLD = allows({ plan: "gold", limit: 5n });
