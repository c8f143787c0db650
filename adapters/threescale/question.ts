import type { CheckAnswer, CheckInput } from "../../src/adapter/adapter.ts";
import type { AskedUsage, Credential } from "./backend.ts";
import type { Catalogue } from "./catalogue.ts";
import { presentedIn, type Presented } from "./presented.ts";
import { refuse } from "./refusal.ts";
import { readForm, readRequestUri, type RequestUri } from "./request-uri.ts";
import type { Service } from "./services.ts";
import type { Usage } from "./usage.ts";

export type Read =
  | { readonly kind: "question"; readonly question: AskedUsage }
  | { readonly kind: "answer"; readonly answer: CheckAnswer };

/** What a check asks about, or its answer where the back-end has nothing to say. */
export function readQuestion(input: CheckInput, catalogue: Catalogue): Read {
  const service = serviceOf(input, catalogue);
  if ("verdict" in service) return answered(service);
  const credential = credentialOf(input, service);
  if ("verdict" in credential) return answered(credential);
  const usage = usageOf(input, service);
  if ("verdict" in usage) return answered(usage);
  return { kind: "question", question: { service, credential, usage, referrer: referrerOf(input) } };
}

const answered = (answer: CheckAnswer): Read => ({ kind: "answer", answer });

const text = (input: CheckInput, name: string): string => {
  const value = input.get(name);
  return typeof value === "string" ? value : "";
};

function serviceOf(input: CheckInput, catalogue: Catalogue): Service | CheckAnswer {
  const { missing } = catalogue;
  if (missing !== undefined) return { verdict: "error", reason: missing };
  const [name, host] = [text(input, "service"), text(input, "host")];
  if (name !== "")
    return catalogue.named(name) ?? { verdict: "error", reason: "3scale knows no such service" };
  if (host === "") {
    return (
      catalogue.only() ?? { verdict: "error", reason: "there are several services: give `service` or `host`" }
    );
  }
  return (
    catalogue.ofHost(host) ?? { verdict: "deny", status: 404, message: "there is no service at this host" }
  );
}

/** What no credential of 3scale's can be is refused without asking. */
const CREDENTIAL = /^[\x21-\x7e](?:[\x20-\x7e]{0,510}[\x21-\x7e])?$/;

function credentialOf(input: CheckInput, service: Service): Credential | CheckAnswer {
  const own = service.pattern === "user-key" ? "user_key" : "app_id";
  const { value, secret } = presentedOf(input, service, own);
  if (value === "") return refuse(service, "missing");
  if (!CREDENTIAL.test(value) || (secret !== "" && !CREDENTIAL.test(secret)))
    return refuse(service, "failed");
  return { name: own, value, secret: secret === "" ? undefined : secret };
}

/** What a rule gives, be it empty, stands for itself; else it is looked for where the service has it. */
function presentedOf(input: CheckInput, service: Service, own: "user_key" | "app_id"): Presented {
  const headers = input.get("headers");
  const isGiven = ["user_key", "app_id", "app_key", "credential"].some((name) => input.has(name));
  if (headers instanceof Map && !isGiven) {
    return presentedIn(service, { headers, path: text(input, "path"), form: text(input, "form") });
  }
  const value = text(input, own) || text(input, "credential");
  return { value, secret: service.pattern === "user-key" ? "" : text(input, "app_key") };
}

/**
 * What filters of applications are compared with: of a URL, the host. `*` would pass all of them, and is nobody's host. Source: Apisonator,
 * validators/referrer.rb.
 */
function referrerOf(input: CheckInput): string | undefined {
  const given = text(input, "referrer").slice(0, MAX_REFERRER_LENGTH);
  const url = /^https?:/i.test(given) ? URL.parse(given) : null;
  const referrer = url === null ? given : url.hostname;
  return referrer === "" || referrer === "*" ? undefined : referrer;
}

const MAX_REFERRER_LENGTH = 2_048;

const NONE: Usage = new Map();

/** Without a path and without usage, only who asks is checked, and nothing is counted. */
function usageOf(input: CheckInput, service: Service): Usage | CheckAnswer {
  const given = input.get("usage");
  if (given instanceof Map) return givenUsage(given);
  const path = text(input, "path");
  if (path === "") return NONE;
  const uri = readRequestUri(path);
  if (uri === undefined) return { verdict: "deny", status: 400, message: "the path cannot be read" };
  const usage = service.rules.usageOf(text(input, "method"), withForm(uri, text(input, "form")));
  if (usage === undefined) return { verdict: "deny", status: 414 };
  return usage.size === 0 ? refuse(service, "no-match") : usage;
}

/** Parameters of a form stand above those of the query. */
const withForm = (uri: RequestUri, form: string): RequestUri =>
  form === "" ? uri : { ...uri, query: new Map([...uri.query, ...readForm(form)]) };

const MAX_METRICS = 50;
const MAX_AMOUNT = 1_000_000_000n;

/** What uses nothing is not counted. It may depend on the request, so that a bad one is the request's fault. */
function givenUsage(given: ReadonlyMap<unknown, unknown>): Usage | CheckAnswer {
  const usage = new Map<string, number>();
  for (const [metric, amount] of given) {
    const isGood =
      typeof metric === "string" && typeof amount === "bigint" && amount >= 0n && amount <= MAX_AMOUNT;
    if (!isGood || usage.size >= MAX_METRICS)
      return { verdict: "deny", status: 400, message: "the usage is out of bounds" };
    if (amount > 0n) usage.set(metric, Number(amount));
  }
  return usage;
}
