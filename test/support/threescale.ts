import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { proxyConfigOf, type ProxySettings } from "./threescale-config.ts";
import {
  Book,
  propagated,
  windowStart,
  type BookApplication,
  type BookLimit,
  type BookService,
  type Reported,
} from "./threescale-book.ts";
import { startListening } from "./listening.ts";

/**
 * How one of the two APIs behaves; `hang` never answers, `mute` does what it is asked and never says so, `cut` ends connections after the
 * request was taken in.
 */
export type Behaviour = "well" | "hang" | "mute" | "cut" | { readonly status: number; readonly body: string };

/** A 3scale of a test's own: back-end and system API in one server, over real HTTP. */
export interface Threescale {
  readonly url: string;
  readonly book: Book;
  /** By service. */
  readonly settings: Map<string, ProxySettings>;
  readonly token: string;
  /** What came in, by kind. */
  readonly calls: Record<"authorize" | "authrep" | "report" | "configs", number>;
  /** The number of transactions of each report that was taken. */
  readonly reports: number[];
  behaviour: { backend: Behaviour; system: Behaviour };
  stop(): Promise<void>;
  /** Listens again where it did before it was stopped, with all that it knew. */
  comeBack(): Promise<void>;
}

const MAX_PARAMETERS = 4_096;

export async function startThreescale(nowMs: () => number = Date.now): Promise<Threescale> {
  const server = createServer((request, response) => {
    void readBody(request).then((body) => answer(three, { request, response, body }));
  });
  const { port, stop, comeBack } = await startListening(server);
  const three: Threescale = {
    url: `http://127.0.0.1:${port}`,
    book: new Book(nowMs),
    settings: new Map(),
    token: "tok-5c1e7d0a",
    calls: { authorize: 0, authrep: 0, report: 0, configs: 0 },
    reports: [],
    behaviour: { backend: "well", system: "well" },
    stop,
    comeBack,
  };
  return three;
}

/** Adds a service, with its proxy configuration, that other tests' services know nothing of. */
export function addService(three: Threescale, settings: ProxySettings): BookService {
  const service: BookService = {
    id: settings.id,
    token: settings.serviceToken,
    state: "active",
    metrics: new Map(settings.metrics ?? [["hits", undefined]]),
    applications: new Map(),
  };
  three.book.services.set(settings.id, service);
  three.settings.set(settings.id, settings);
  return service;
}

export function addApplication(
  service: BookService,
  id: string,
  more: Partial<BookApplication> = {},
): BookApplication {
  const rest = { keys: [], state: "active", plan: "Basic", limits: [], referrers: [] } as const;
  const application: BookApplication = structuredClone({ id, ...rest, ...more }) as BookApplication;
  service.applications.set(id, application);
  return application;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: string;
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request as AsyncIterable<Buffer>) body += chunk.toString("latin1");
  return body;
}

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function answer(three: Threescale, { request, response, body }: Exchange): void {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://x");
  const kind = kindOf(pathname);
  // It empties answers of errors, too, codes and all.
  const isBodyWanted = !/no_body=[^0f]/.test(String(request.headers["3scale-options"]));
  const send = ({ status, headers = {}, body: text = "" }: Reply): void =>
    void response.writeHead(status, headers).end(isBodyWanted ? text : "");
  if (kind === undefined) {
    send({ status: 404 });
    return;
  }
  three.calls[kind]++;
  const behaviour = kind === "configs" ? three.behaviour.system : three.behaviour.backend;
  const reply = (): Reply => {
    if (kind === "configs") return configs(three, request, { pathname, searchParams });
    if (kind === "report") return takeReport(three, request, body);
    return authorize(three, request, { isCounting: kind === "authrep", parameters: searchParams });
  };
  if (behaviour === "hang") return;
  if (behaviour === "mute") reply();
  else if (behaviour === "cut") request.socket.destroy();
  else send(behaviour === "well" ? reply() : behaviour);
}

function kindOf(pathname: string): keyof Threescale["calls"] | undefined {
  if (pathname.startsWith("/admin/")) return "configs";
  if (pathname === "/transactions.xml") return "report";
  if (pathname === "/transactions/authorize.xml") return "authorize";
  return pathname === "/transactions/authrep.xml" ? "authrep" : undefined;
}

function configs(
  three: Threescale,
  request: IncomingMessage,
  { pathname, searchParams }: { readonly pathname: string; readonly searchParams: URLSearchParams },
): Reply {
  const json = (status: number, body: unknown): Reply => ({
    status,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const expected = `Basic ${Buffer.from(`:${three.token}`).toString("base64")}`;
  if (request.headers.authorization !== expected) return json(403, { error: "Access denied" });
  const configOf = (one: ProxySettings): unknown => proxyConfigOf(one, three.url);
  const [, id] = /^\/admin\/api\/services\/(\w+)\/proxy\/configs\/\w+\/latest\.json$/.exec(pathname) ?? [];
  if (id !== undefined) {
    const one = three.settings.get(id);
    return one === undefined ? json(404, { error: "Not found" }) : json(200, { proxy_config: configOf(one) });
  }
  if (!/^\/admin\/api\/account\/proxy_configs\/(production|sandbox)\.json$/.test(pathname))
    return json(404, { error: "Not found" });
  const size = Math.min(500, Number(searchParams.get("per_page") ?? 500));
  const from = (Number(searchParams.get("page") ?? 1) - 1) * size;
  const page = [...three.settings.values()].slice(from, from + size);
  return json(200, { proxy_configs: page.map((one) => ({ proxy_config: configOf(one) })) });
}

const error = (status: number, code: string, text = "no"): Reply => ({
  status,
  body: `<?xml version="1.0" encoding="UTF-8"?>\n<error code="${code}">${text}</error>`,
});

function takeReport(three: Threescale, request: IncomingMessage, body: string): Reply {
  if (body.split("&").length > MAX_PARAMETERS) return error(400, "bad_request");
  if (request.headers["content-type"] !== "application/x-www-form-urlencoded")
    return error(400, "content_type_invalid");
  const parameters = new URLSearchParams(body);
  const service = serviceOf(three, parameters);
  if (service === undefined) return error(403, "service_token_invalid");
  const batch = new Map<string, Transaction>();
  for (const [name, value] of parameters) {
    const [, index, key, metric] = /^transactions\[(\w+)\]\[(\w+)\](?:\[(.+)\])?$/.exec(name) ?? [];
    if (index === undefined || key === undefined) continue;
    const one = batch.get(index) ?? {
      by: "",
      value: "",
      timestamp: undefined,
      code: undefined,
      usage: new Map<string, string>(),
    };
    batch.set(index, one);
    if (key === "usage" && metric !== undefined) one.usage.set(metric, value);
    else if (key === "log") one.code = value;
    else if (key === "timestamp") one.timestamp = value;
    else [one.by, one.value] = [key, value];
  }
  if (batch.size === 0) return error(400, "transactions_is_blank");
  three.reports.push(batch.size);
  // A worker does it later; whatever it finds wrong, nobody is told.
  const reported: readonly Reported[] = [...batch.values()];
  setImmediate(() => three.book.apply(service, reported));
  return { status: 202 };
}

interface Transaction {
  by: string;
  value: string;
  timestamp: string | undefined;
  code: string | undefined;
  readonly usage: Map<string, string>;
}

function serviceOf(three: Threescale, parameters: URLSearchParams): BookService | undefined {
  const service = three.book.services.get(parameters.get("service_id") ?? "");
  return service?.token === parameters.get("service_token") ? service : undefined;
}

interface Asked {
  readonly isCounting: boolean;
  readonly parameters: URLSearchParams;
}

function authorize(three: Threescale, request: IncomingMessage, { isCounting, parameters }: Asked): Reply {
  const { book } = three;
  const service = serviceOf(three, parameters);
  if (service === undefined) return error(403, "service_token_invalid", "service token is invalid");
  const application = applicationOf(book, service, parameters);
  if (!("limits" in application)) return application;
  const usage = usageOf(service, parameters);
  if (!(usage instanceof Map)) return usage;
  const isFlat = /flat_usage=1/.test(String(request.headers["3scale-options"]));
  const whole = isFlat ? usage : propagated(service, usage);
  const refusal = refusalOf(service, application, parameters);
  const affected = application.limits.filter(({ metric }) => usage.size === 0 || whole.has(metric));
  const exceeded = affected.find(
    (limit) => book.used(service, application.id, limit) + (whole.get(limit.metric) ?? 0) > limit.max,
  );
  const reason = refusal ?? (exceeded && { code: "limits_exceeded", text: "usage limits are exceeded" });
  if (reason === undefined && isCounting) book.count(service, application.id, usage);
  const headers = {
    "content-type": "application/vnd.3scale-v2.0+xml",
    ...(reason === undefined ? {} : { "3scale-rejection-reason": reason.code }),
    ...(exceeded === undefined || refusal !== undefined ? {} : limitHeaders(exceeded)),
  };
  const body = statusOf(book, { service, application, affected, reason: reason?.text });
  return { status: reason === undefined ? 200 : 409, headers, body };
}

const limitHeaders = ({ max, period }: BookLimit): Readonly<Record<string, string>> => ({
  "3scale-limit-max-value": String(max),
  "3scale-limit-reset": period === "eternity" ? "-1" : "7",
});

function applicationOf(
  book: Book,
  service: BookService,
  parameters: URLSearchParams,
): BookApplication | Reply {
  const [userKey, id] = [parameters.get("user_key"), parameters.get("app_id")];
  if (userKey !== null && id !== null) return error(403, "authentication_error");
  const application = book.applicationOf(service, userKey ?? id ?? "");
  if (application !== undefined) return application;
  return userKey === null
    ? error(404, "application_not_found", `application with id="${id ?? ""}" was not found`)
    : error(403, "user_key_invalid", `user key "${userKey}" is invalid`);
}

function usageOf(service: BookService, parameters: URLSearchParams): Map<string, number> | Reply {
  const usage = new Map<string, number>();
  for (const [name, value] of parameters) {
    const metric = /^usage\[(.+)\]$/.exec(name)?.[1];
    if (metric === undefined) continue;
    if (!service.metrics.has(metric)) return error(404, "metric_invalid");
    if (!/^\d+$/.test(value)) return error(403, "usage_value_invalid");
    usage.set(metric, Number(value));
  }
  return usage;
}

/** The reason has in it what was sent, as it was sent. */
function refusalOf(
  service: BookService,
  { keys, state, referrers }: BookApplication,
  parameters: URLSearchParams,
): { readonly code: string; readonly text: string } | undefined {
  const [key, referrer] = [parameters.get("app_key"), parameters.get("referrer") ?? ""];
  if (keys.length > 0 && !keys.includes(key ?? ""))
    return { code: "application_key_invalid", text: `application key "${key ?? ""}" is invalid` };
  const isFrom = (filter: string): boolean =>
    referrer === "*" || new RegExp(`^${RegExp.escape(filter).replaceAll("\\*", ".*")}$`).test(referrer);
  if (referrers.length > 0 && !referrers.some(isFrom))
    return { code: "referrer_not_allowed", text: `referrer "${referrer}" is not allowed` };
  if (state !== "active") return { code: "application_not_active", text: "application is not active" };
  return service.state === "active"
    ? undefined
    : { code: "service_not_active", text: "service is not active" };
}

interface Shown {
  readonly service: BookService;
  readonly application: BookApplication;
  readonly affected: readonly BookLimit[];
  readonly reason: string | undefined;
}

function statusOf(book: Book, { service, application, affected, reason }: Shown): string {
  const reports = affected.map((limit) => {
    const start = windowStart(limit.period, book.nowMs());
    const window =
      start === "" ? "" : `<period_start>${start}</period_start><period_end>${start}</period_end>`;
    const used = book.used(service, application.id, limit);
    return `<usage_report metric="${limit.metric}" period="${limit.period}">${window}<max_value>${limit.max}</max_value><current_value>${used}</current_value></usage_report>`;
  });
  const hierarchy = affected.map(({ metric }) => {
    const children = [...service.metrics].filter(([, parent]) => parent === metric).map(([name]) => name);
    return `<metric name="${metric}" children="${children.join(" ")}"/>`;
  });
  const why = reason === undefined ? "" : `<reason>${reason}</reason>`;
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<status><authorized>${reason === undefined}</authorized>${why}<plan>${application.plan}</plan>` +
    `<usage_reports>${reports.join("")}</usage_reports><hierarchy>${hierarchy.join("")}</hierarchy></status>`
  );
}
