import {
  defineAdapter,
  type Call,
  type CheckAnswer,
  type CheckInput,
  type Handler,
  type HandlerStatus,
} from "../../src/adapter/adapter.ts";
import type { Host } from "../../src/adapter/host.ts";
import { openInput, secretInput } from "../../src/adapter/optional-input.ts";
import type { Delivery, ReportRecord } from "../../src/adapter/report.ts";
import { Applications, type Account } from "./applications.ts";
import { Backend } from "./backend.ts";
import { Catalogue } from "./catalogue.ts";
import { CONFIG, type ThreescaleConfig } from "./config.ts";
import { Deciding } from "./deciding.ts";
import { checkExactly } from "./exact.ts";
import { Ledger } from "./ledger.ts";
import { LOGGED_FIELDS, readLogged } from "./logged-usage.ts";
import { readQuestion } from "./question.ts";
import type { Service } from "./services.ts";
import type { Usage } from "./usage.ts";

/** Asks 3scale whether an application may call, once for many requests, and reports what it uses in batches. */
export const threescale = defineAdapter<ThreescaleConfig>({
  id: "threescale",
  summary: "Asks 3scale whether an application may call, remembers the answer, and reports usage in batches",
  config: CONFIG,
  inputs: {
    check: {
      service: openInput(
        "The service, by id or name; missing: the one that `host` or the configuration leaves",
      ),
      host: openInput("The request's host, by which the service is found"),
      method: openInput("The request's method, for mapping rules"),
      path: secretInput("The request's path with its query, for mapping rules; missing: nothing is counted"),
      form: secretInput("The body of a form, whose parameters stand above those of the query"),
      usage: openInput("What is used of which metrics, instead of mapping rules", "map(string, int)"),
      credential: secretInput("The user key, application id or client id, whichever the service goes by"),
      user_key: secretInput("The user key"),
      app_id: secretInput("The application's id, or that of an OpenID Connect client"),
      app_key: secretInput("The application's key"),
      headers: secretInput(
        "The request's headers: credentials are taken from where the service has them, if none is given",
        "map(string, string)",
      ),
      referrer: secretInput("Whence the caller comes, for applications that filter by it: a host, or a URL"),
    },
    report: {
      presets: [],
      plain: "taken",
      complaint: (config, { fields }) => complaint(config, [...fields.keys()]),
    },
  },
  outputs: {
    service: { type: "string", meaning: "The id of the service" },
    app_id: { type: "string", meaning: "The application's id; missing where it goes by a user key" },
    plan: { type: "string", meaning: "The application's plan; missing where it could not be asked" },
    remaining: { type: "map(string, int)", meaning: "What is left of limited metrics, after this request" },
    usage: {
      type: "string",
      meaning: "What the request uses, such as `hits=1 search=1`; for counting from logs",
    },
  },
  credentialInput: "credential",
  breaker: "own",
  create: (config, host, previous) => new ThreescaleHandler(config, host, previous),
});

class ThreescaleHandler implements Handler {
  readonly #config: ThreescaleConfig;
  readonly #host: Host;
  readonly #catalogue: Catalogue;
  readonly #applications: Applications;
  readonly #backend: Backend;
  readonly #ledger: Ledger;
  readonly #deciding: Deciding;
  readonly breaker: "own" | "lent";
  #isClosed = false;

  constructor(config: ThreescaleConfig, host: Host, previous: Handler | undefined) {
    this.#config = config;
    this.#host = host;
    this.breaker = config.mode === "exact" ? "lent" : "own";
    const before = previous instanceof ThreescaleHandler ? previous : undefined;
    this.#catalogue = new Catalogue(config, host, before && before.#catalogue);
    const ofFolder = before !== undefined && before.#config.folder === config.folder ? before : undefined;
    const applications =
      ofFolder === undefined ? new Applications(config.cache.entries) : ofFolder.#applications;
    const isSameAccount = ofFolder !== undefined && ofFolder.#config.system === config.system;
    const deciding = isSameAccount ? ofFolder.#deciding : undefined;
    const backend = new Backend({ host, timeoutMs: config.timeout });
    const serviceOf = (id: string): Service | undefined => this.#catalogue.named(id);
    const ledger = new Ledger({ config, host, backend, applications, serviceOf });
    this.#applications = applications;
    this.#backend = backend;
    this.#ledger = ledger;
    this.#deciding = new Deciding({ config, host, backend, applications, ledger, previous: deciding });
  }

  async start(): Promise<void> {
    if (this.#isClosed) return;
    await this.#host.secret(this.#config.accessToken);
    await this.#catalogue.start();
    if (this.#config.mode !== "batched") return;
    // What waits on disk is reported at once, which needs the services that were kept.
    try {
      await this.#ledger.start();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  check(input: CheckInput, call: Call): CheckAnswer | Promise<CheckAnswer> {
    const read = readQuestion(input, this.#catalogue);
    if (read.kind === "answer") return read.answer;
    // What an earlier hop was charged for needs to be asked about, but neither fits into limits nor is counted again.
    const question = call.charge === "before" ? { ...read.question, usage: NO_USAGE } : read.question;
    return this.#config.mode === "exact"
      ? checkExactly(question, this.#backend, call)
      : this.#deciding.check(question, call);
  }

  /** Counts the requests of entries, of applications that the back-end knows: all that are good, or, to be tried again, none. */
  async report(batch: readonly ReportRecord[], call: Call): Promise<Delivery> {
    if (this.#config.countFrom === "check") return { kind: "delivered" };
    const found = await Promise.all(batch.map((record) => this.#charge(record, call)));
    if (found.includes("failed"))
      return { kind: "retry", reason: "3scale could not be asked about an application" };
    let dropped = 0;
    for (const charge of found) {
      if (typeof charge === "string") dropped++;
      else this.#deciding.count(charge.account, charge.usage, charge.code);
    }
    if (dropped === 0) return { kind: "delivered" };
    const reason = found.includes("unknown")
      ? "3scale knows no such application"
      : "an entry needs service, app_id and usage, as the check has answered them";
    return { kind: "refused", dropped, reason };
  }

  async #charge(record: ReportRecord, call: Call): Promise<Charge | "unknown" | "incomplete" | "failed"> {
    const logged = record.kind === "fields" ? readLogged(record) : undefined;
    if (logged === undefined) return "incomplete";
    const { missing } = this.#catalogue;
    const service = this.#catalogue.named(logged.service);
    if (service === undefined) return missing === undefined ? "incomplete" : "failed";
    const credential = { name: "app_id", value: logged.appId, secret: undefined } as const;
    const { usage, code } = logged;
    const question = { service, credential, usage, referrer: undefined };
    const account = await this.#deciding.accountOf(question, call);
    return typeof account === "string" ? account : { account, usage, code };
  }

  status(): HandlerStatus {
    const services = this.#catalogue.status();
    if (services.state === "starting" || services.state === "failing") return services;
    const answers = this.#deciding.status();
    if (answers.state !== "ready") return answers;
    const { failure } = this.#ledger;
    if (failure !== undefined) return { state: "stale", detail: `reports wait on disk: ${failure}` };
    return { state: services.state, detail: `${services.detail}; ${answers.detail}` };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    // Reports need the services, so that these go last.
    await Promise.all([this.#deciding.close(), this.#ledger.close()]);
    await this.#catalogue.close();
  }
}

const NO_USAGE: Usage = new Map();

interface Charge {
  readonly account: Account;
  readonly usage: Usage;
  readonly code: string | undefined;
}

/** Why what a telemetry rule sends would count nothing, or everything twice. */
function complaint(config: unknown, fields: readonly string[]): string | undefined {
  const { success, data } = CONFIG.safeParse(config);
  if (!success) return undefined;
  if (data.countFrom === "check") {
    return "usage is counted when requests are checked, and would be counted twice: write `countFrom: log`, or remove this rule";
  }
  const missing = LOGGED_FIELDS.find((name) => !fields.includes(name));
  return missing && `what is counted needs ${missing}: add it to \`with\`, as the check has answered it`;
}
