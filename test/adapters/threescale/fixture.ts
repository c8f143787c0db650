import type { FetchAnswer, FetchRequest } from "../../../src/adapter/host.ts";
import type { FieldRecord } from "../../../src/adapter/report.ts";
import { proxyConfigOf } from "../../support/threescale-config.ts";
import type { Fixture } from "../conformance.ts";
import type { TestHost } from "../host.ts";

const ACCESS_TOKEN = "tok-4f19c2aa";
const SERVICE_TOKEN = "svc-b7710c3d";
const GOOD_KEY = "key-good-66d1";
const BAD_KEY = "key-bad-0c5e";
const SYSTEM = "https://acme-admin.example.com";
const BACKEND = "https://su1.example.com";

const good = { system: SYSTEM, accessToken: { env: "THREESCALE_TOKEN" }, folder: "state" };
const PROXY_CONFIG = proxyConfigOf({ id: "7", backendVersion: "2", serviceToken: SERVICE_TOKEN }, BACKEND);

function answer({ url }: FetchRequest): Partial<FetchAnswer> {
  const body = (text: string): Buffer => Buffer.from(text);
  if (url.startsWith(SYSTEM)) {
    const isList = url.includes("/account/");
    return {
      body: body(
        JSON.stringify(
          isList ? { proxy_configs: [{ proxy_config: PROXY_CONFIG }] } : { proxy_config: PROXY_CONFIG },
        ),
      ),
    };
  }
  if (url.endsWith("/transactions.xml")) return { status: 202 };
  if (!url.includes(BAD_KEY))
    return { body: body("<status><authorized>true</authorized><plan>Basic</plan></status>") };
  const text = `<status><reason>application key "${BAD_KEY}" is invalid</reason></status>`;
  return {
    status: 409,
    headers: new Map([["3scale-rejection-reason", "application_key_invalid"]]),
    body: body(text),
  };
}

const prepare = (host: TestHost): void => {
  host.secrets.set("THREESCALE_TOKEN", ACCESS_TOKEN);
  const kept = { system: SYSTEM, environment: "production", configs: [PROXY_CONFIG] };
  host.files.set("state/services.json", Buffer.from(JSON.stringify(kept)));
  host.remote = { kind: "answers", answer };
};

const asked = (key: string): ReadonlyMap<string, unknown> =>
  new Map([
    ["app_id", "a1"],
    ["app_key", key],
    ["method", "GET"],
    ["path", "/orders"],
  ]);

const logged: FieldRecord = {
  kind: "fields",
  rule: "orders/used",
  observedAtMs: 1_700_000_000_000,
  timeMs: undefined,
  severity: "info",
  fields: new Map(),
  trace: undefined,
  added: new Map([
    ["service", "7"],
    ["app_id", "a1"],
    ["usage", "hits=1"],
  ]),
};

/** The threescale adapter for the conformance suite. */
export const THREESCALE: Fixture = {
  good: [
    good,
    { ...good, services: [7], mode: "exact" },
    { ...good, countFrom: "log", onFailure: "open", usage: "flat" },
  ].map((config) => ({ config, prepare })),
  bad: [
    [{}, /write a URL such as/],
    [{ ...good, accessToken: ACCESS_TOKEN }, /a secret never stands in weir.yaml/],
    [{ ...good, folder: undefined }, /write the path of a folder of this handler's own/],
    [{ ...good, folder: "" }, /write the path of a folder of this handler's own/],
    [{ ...good, environment: "sandbox" }, /one of production, staging/],
    [{ ...good, services: [] }, /leave it out for all services/],
    [{ ...good, services: ["../7"] }, /write ids of services/],
    [{ ...good, services: [1.5] }, /write ids of services/],
    [{ ...good, refresh: "10ms" }, /a duration from 1000 ms/],
    [{ ...good, backend: "backend:3000" }, /write a URL such as/],
    [{ ...good, mode: "fast" }, /one of batched, exact/],
    [{ ...good, mode: "exact", countFrom: "log" }, /in mode exact the back-end counts each check/],
    [{ ...good, mode: "exact", onFailure: "open" }, /in mode exact nothing is remembered/],
    [{ ...good, mode: "exact", usage: "flat" }, /in mode exact weir knows nothing of what stands above/],
    [{ ...good, cache: { allowed: "1h", maxAge: "1m" } }, /maxAge is the end of every answer/],
    [{ ...good, cache: { allowed: "10" } }, /a duration with its unit/],
    [{ ...good, cache: { entries: 1 } }, /a whole number from 100/],
    [{ ...good, cache: { keys: 5 } }, /keys: there is no such key; the keys are allowed/],
    [{ ...good, onFailure: "allow" }, /one of closed, resilient, open/],
    [{ ...good, asksPerSecond: 0 }, /a whole number from 1/],
    [{ ...good, timeout: "2h" }, /a duration from 10 ms/],
    [{ ...good, reports: { flush: 10 } }, /a duration with its unit/],
    [{ ...good, reports: { maxBytes: "1" } }, /a number of bytes from/],
    [{ ...good, countFrom: "both" }, /one of check, log/],
    [{ ...good, usage: "deep" }, /one of nested, flat/],
    [{ ...good, colour: "red" }, /colour: there is no such key; the keys are system/],
  ],
  localFaults: [
    { ...good, folder: "missing" },
    { ...good, accessToken: { env: "NOT_SET" } },
  ],
  inputs: [asked(GOOD_KEY), asked(BAD_KEY)],
  records: [logged],
  secrets: [ACCESS_TOKEN, SERVICE_TOKEN, GOOD_KEY, BAD_KEY],
};
