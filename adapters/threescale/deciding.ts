import type { Call, CheckAnswer, HandlerStatus } from "../../src/adapter/adapter.ts";
import type { FetchAnswer, Host } from "../../src/adapter/host.ts";
import { rememberedOptions } from "../../src/adapter/remembered-config.ts";
import type { Answered, Fetched, Remembered } from "../../src/adapter/remembered.ts";
import { readAuthorization, type Authorization } from "./authorization.ts";
import type { AskedUsage, Backend } from "./backend.ts";
import type { ThreescaleConfig } from "./config.ts";
import type { Account, Applications } from "./applications.ts";
import type { Ledger } from "./ledger.ts";
import { refuse } from "./refusal.ts";
import { propagate, type Hierarchy, type Usage } from "./usage.ts";
import { verdictOf } from "./verdict.ts";

/** What the back-end has said of a credential. */
type Known =
  | { readonly kind: "application"; readonly account: Account; readonly plan: string }
  | { readonly kind: "refused"; readonly code: string; readonly resetMs: number | undefined };

/** An application that the back-end knows. */
interface Learnt {
  readonly kind: "allowed";
  readonly value: Extract<Known, { kind: "application" }>;
}

export interface DecidingOptions {
  readonly config: ThreescaleConfig;
  readonly host: Host;
  readonly backend: Backend;
  readonly applications: Applications;
  readonly ledger: Ledger;
  /** That of the handler before, where it has the same applications of the same account. */
  readonly previous: Deciding | undefined;
}

/** So many credentials of one application may be tried in one second. */
const MAX_ASKS_OF_ONE = 5;

/** Decides by what the back-end has said before, and counts what passes. */
export class Deciding {
  readonly #options: DecidingOptions;
  readonly #known: Remembered<Known>;
  /** By service. */
  readonly #hierarchies: Map<string, Hierarchy>;

  constructor(options: DecidingOptions) {
    this.#options = options;
    const { config, host, previous } = options;
    this.#hierarchies = previous === undefined ? new Map<string, Hierarchy>() : previous.#hierarchies;
    // Back-ends and what weir proves itself to them with are part of the keys.
    this.#known = host.remember<Known>(
      { ...rememberedOptions(config), maxAsksPerPartPerSecond: MAX_ASKS_OF_ONE },
      previous && previous.#known,
    );
  }

  check(question: AskedUsage, call: Call): CheckAnswer | Promise<CheckAnswer> {
    const answered = this.#ask(question, call);
    return answered instanceof Promise
      ? answered.then((one) => this.#conclude(question, one))
      : this.#conclude(question, answered);
  }

  /** The account of an application that is named by others than itself, such as access logs; undefined where there is none. */
  async accountOf(question: AskedUsage, call: Call): Promise<Account | "unknown" | "failed"> {
    const answered = await this.#ask(question, call);
    if (answered.kind === "allowed" && answered.value.kind === "application") return answered.value.account;
    if (answered.kind !== "denied" || answered.value.kind !== "refused") return "failed";
    const isThere = !NO_APPLICATION.has(answered.value.code);
    return isThere
      ? this.#options.applications.accountOf(question.service.id, question.credential)
      : "unknown";
  }

  status(): HandlerStatus {
    return this.#known.status();
  }

  close(): Promise<void> {
    return this.#known.close();
  }

  #ask(question: AskedUsage, call: Call): Answered<Known> | Promise<Answered<Known>> {
    const { service, credential, usage, referrer } = question;
    const { backend } = service;
    // Everything that the answer depends on; where there is a key and where there is none must not be one.
    const key = [
      ...[service.id, backend.url, backend.token.value, credential.name, credential.value],
      ...(credential.secret === undefined ? ["without"] : ["with", credential.secret]),
      ...(referrer === undefined ? ["from nowhere"] : ["from", referrer]),
      ...[...usage.keys()].sort(),
    ];
    const part = credential.name === "app_id" ? `${service.id} ${credential.value}` : undefined;
    return this.#known.ask(key, (asked) => this.#fetch(question, asked), call, part);
  }

  async #fetch(question: AskedUsage, call: Call): Promise<Fetched<Known>> {
    const { backend } = this.#options;
    let answer: FetchAnswer;
    try {
      answer = await backend.ask("authorize", question, call);
    } catch (error) {
      return {
        kind: "failed",
        reason: error instanceof Error ? error.message : String(error),
        retry: "safe",
      };
    }
    const verdict = verdictOf(answer);
    switch (verdict.kind) {
      case "authorized":
        return this.#learn(question, answer) ?? UNREADABLE;
      case "denied":
        return this.#refused(question, answer, verdict.code);
      case "misconfigured":
        return { kind: "misconfigured", reason: `3scale says ${verdict.code}` };
      case "failed":
        return verdict;
    }
  }

  /** Undefined where the body says nothing of an application. */
  #learn(question: AskedUsage, { body }: FetchAnswer): Learnt | undefined {
    const { host, applications } = this.#options;
    const { service, credential, usage } = question;
    const said = readAuthorization(body.toString("utf8"));
    if (said === undefined) return undefined;
    const account = applications.accountOf(service.id, credential);
    this.#note(service.id, said);
    const hierarchy = this.#hierarchyOf(service.id);
    // Asked without usage, it tells all limits that there are.
    const asked = usage.size === 0 ? undefined : new Set(propagate(usage, hierarchy).keys());
    account.application.learn(said.limits, asked, { hierarchy, nowMs: host.nowMs() });
    return { kind: "allowed", value: { kind: "application", account, plan: said.plan } };
  }

  /** Limits that are used up now are not, when their window ends: then the application is as good as before. */
  #refused(question: AskedUsage, answer: FetchAnswer, code: string): Fetched<Known> {
    const { host, applications } = this.#options;
    const { service, credential, usage } = question;
    if (NO_APPLICATION.has(code)) applications.forget(service.id, credential);
    if (code !== "limits_exceeded") {
      return { kind: "denied", value: { kind: "refused", code, resetMs: undefined } };
    }
    const learnt = this.#learn(question, answer);
    if (learnt !== undefined) {
      const whole = propagate(usage, this.#hierarchyOf(service.id));
      const { application } = learnt.value.account;
      if (usage.size === 0 || application.standing(whole, host.nowMs()).kind === "exceeded") return learnt;
    }
    const seconds = Number(answer.headers.get("3scale-limit-reset") ?? "-1");
    const resetMs = seconds >= 0 ? seconds * 1_000 : undefined;
    const value: Known = { kind: "refused", code, resetMs };
    return resetMs === undefined ? { kind: "denied", value } : { kind: "denied", value, maxAgeMs: resetMs };
  }

  #hierarchyOf(service: string): Hierarchy {
    return this.#hierarchies.get(service) ?? NO_HIERARCHY;
  }

  /** Each answer tells of some metrics; together they tell of all that are limited. */
  #note(service: string, { hierarchy }: Authorization): void {
    if (hierarchy.size > 0) {
      this.#hierarchies.set(service, new Map([...this.#hierarchyOf(service), ...hierarchy]));
    }
  }

  #conclude({ service, credential, usage }: AskedUsage, answered: Answered<Known>): CheckAnswer {
    switch (answered.kind) {
      case "failed":
      case "misconfigured":
        return { verdict: "error", reason: answered.reason };
      case "guarded":
        return { verdict: "deny", status: 429, message: "too many unknown credentials; try again later" };
      case "open":
        return { verdict: "allow", outputs: new Map([["service", service.id]]) };
      case "allowed":
      case "denied":
    }
    const { value } = answered;
    if (value.kind === "refused") {
      return value.code === "limits_exceeded"
        ? refuse(service, "limits", value.resetMs)
        : refuse(service, "failed");
    }
    const { config, host } = this.#options;
    const { application } = value.account;
    const nowMs = host.nowMs();
    const whole = propagate(usage, this.#hierarchyOf(service.id));
    const standing = application.standing(whole, nowMs);
    if (standing.kind === "exceeded") {
      if (standing.why === "disabled") return refuse(service, "failed");
      return refuse(service, "limits", standing.resetAtMs && standing.resetAtMs - nowMs);
    }
    if (usage.size > 0) {
      application.take(whole, nowMs);
      if (config.countFrom === "check") this.count(value.account, usage);
    }
    return allow({
      service: service.id,
      credential,
      usage,
      plan: value.plan,
      remaining: application.remaining(nowMs),
    });
  }

  /** Counts usage that is to be reported, with the status that the request was answered with, where it is known. */
  count(account: Account, usage: Usage, code?: string): void {
    this.#options.ledger.count(account, usage, code);
  }
}

const NO_HIERARCHY: Hierarchy = new Map();

const UNREADABLE = {
  kind: "failed",
  reason: "3scale answers 200 with something else than an authorization",
} as const;

/** What says that there is no application of this name, and not that it may not. */
const NO_APPLICATION: ReadonlySet<string> = new Set([
  "application_not_found",
  "user_key_invalid",
  "not_valid_data",
]);

export interface Allowed {
  readonly service: string;
  readonly credential: AskedUsage["credential"];
  readonly usage: Usage;
  readonly plan: string;
  readonly remaining: ReadonlyMap<string, number>;
}

/** The answer for what passes. The key of an application is no output: it is a secret. */
export function allow({ service, credential, usage, plan, remaining }: Allowed): CheckAnswer {
  const outputs = new Map<string, unknown>([
    ["service", service],
    ["plan", plan],
    ["remaining", new Map(Array.from(remaining, ([metric, left]) => [metric, BigInt(left)]))],
    ["usage", Array.from(usage, ([metric, amount]) => `${metric}=${amount}`).join(" ")],
  ]);
  if (credential.name === "app_id") outputs.set("app_id", credential.value);
  return { verdict: "allow", outputs };
}
