import type { CheckAnswer } from "../adapter/adapter.ts";
import { Attributes } from "../attributes/attributes.ts";
import { withoutClient } from "../identity/presented.ts";
import type { Finding, Presented, Verifier } from "../identity/verifier.ts";
import { offlineLimits } from "../limits/assumed.ts";
import type { Limits } from "../limits/limits.ts";
import type { PlainValue } from "../policy/fields-of-collections.ts";
import type { Identity } from "../policy/identity.ts";
import { typedValue } from "../policy/identity-values.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import type { StubAnswer } from "../policy/stubs-file.ts";
import type { DescribedRequest, Principal } from "../policy/tests-file.ts";
import type { Backends } from "../runtime/backends.ts";
import { checkFacts, encodeCheckRequest } from "./attributes.ts";
import type { Question } from "./question.ts";

/** A request that somebody describes, with who asks and what handlers answer. */
export interface Described {
  readonly snapshot: Snapshot;
  readonly principal: Principal;
  readonly request: DescribedRequest;
  readonly nowMs: number;
  /** What is counted; absent: nothing was before. */
  readonly limits?: Limits;
  /** How long keys are waited for; absent: as long as it takes. */
  readonly patienceMs?: number;
  /** Verifies raw credentials with the keys of the configuration; offline, keys behind a URL are never fetched. */
  readonly verifiers: ReadonlyMap<Identity, Verifier>;
  /** What a handler answers; undefined where nothing says it. */
  readonly stubOf: (handler: string) => StubAnswer | undefined;
  /** Why a handler has no answer. */
  readonly unsaid: (handler: string) => string;
}

/**
 * The described request as Envoy would ask: encoded, and decoded again by the server's own code. Identities that are given
 * replace what it would prove, and what is said of handlers replaces their answers.
 */
export function describedQuestion(described: Described): Question {
  const { snapshot, principal, request, nowMs, patienceMs = Infinity } = described;
  const spiffe = principal.kind === "credentials" ? (principal.spiffe ?? "") : "";
  const facts = checkFacts(encodeCheckRequest(withCredentials(request, principal), spiffe, nowMs));
  return {
    snapshot,
    attributes: new Attributes(facts, snapshot.settings),
    backends: new StubbedBackends(described),
    limits: described.limits ?? offlineLimits(nowMs),
    nowMs,
    askUntilMs: nowMs + patienceMs,
    given: principal.kind === "identities" ? principal.identities : undefined,
  };
}

const withCredentials = (request: DescribedRequest, principal: Principal): DescribedRequest =>
  principal.kind === "identities"
    ? request
    : { ...request, headers: new Map([...request.headers, ...principal.headers]) };

/** Handlers that answer what is said that they do. */
class StubbedBackends implements Backends {
  readonly #described: Described;

  constructor(described: Described) {
    this.#described = described;
  }

  /** What is bad in a description would slow the client whom it names. */
  find(identity: Identity, presented: Presented, nowMs: number): Finding | Promise<Finding> {
    const verifier = this.#described.verifiers.get(identity);
    if (verifier === undefined) return { kind: "unavailable", reason: "nothing verifies it in a test" };
    return verifier.find(withoutClient(presented), nowMs);
  }

  ask(handler: string): CheckAnswer {
    const answer = this.#described.stubOf(handler);
    switch (answer?.kind) {
      case undefined:
        return { verdict: "error", reason: this.#described.unsaid(handler) };
      case "timeout":
        return { verdict: "error", reason: "the time was up" };
      case "deny": {
        const { status, message } = answer;
        return {
          verdict: "deny",
          ...(status === undefined ? {} : { status }),
          ...(message === undefined ? {} : { message }),
        };
      }
      case "allow":
        return { verdict: "allow", outputs: this.#outputs(handler, answer.outputs) };
    }
  }

  /** Of the types that the adapter declares. */
  #outputs(handler: string, written: ReadonlyMap<string, PlainValue>): ReadonlyMap<string, unknown> {
    const type = this.#described.snapshot.handlers.get(handler)?.outputs;
    const values = Array.from(
      written,
      ([name, value]) => [name, typedValue(type?.fields[name], value)] as const,
    );
    return new Map(values.filter(([, value]) => value !== undefined));
  }
}
