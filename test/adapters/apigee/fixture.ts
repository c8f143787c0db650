import type { FetchAnswer, FetchRequest } from "../../../src/adapter/host.ts";
import { signingKey, signToken } from "../../support/apigee-keys.ts";
import type { Fixture } from "../conformance.ts";
import type { TestHost } from "../host.ts";
import { fieldRecord } from "../records.ts";

const GOOD_KEY = "key-good-77a1";
const BAD_KEY = "key-bad-19fc";
const SECRET = "sec-5d20e1";
const URL_BASE = "https://runtime.example.com/remote-service";
const SIGNED_URL = "https://storage.example.com/file?signature=sig-90ab";

const KEY = signingKey("1");
/** What the keys of an account look like on disk. */
const ACCOUNT = JSON.stringify({
  client_email: "weir@example.com",
  private_key: KEY.pem,
  token_uri: "https://oauth2.example.com/token",
});

export const GOOD = {
  url: URL_BASE,
  organization: "acme",
  environment: "test",
  credentials: { privateKey: { file: "key.pem" }, keyId: "1" },
  folder: "state",
  analytics: { url: "https://apigee.example.com", serviceAccount: { file: "account.json" } },
};
const basic = { key: { env: "APIGEE_KEY" }, secret: { env: "APIGEE_SECRET" } };

const LIST = {
  apiProduct: [
    {
      name: "p",
      environments: ["test"],
      attributes: [{ name: "apigee-remote-service-targets", value: "orders" }],
      apiResources: ["/"],
      quota: "5",
      quotaInterval: "1",
      quotaTimeUnit: "hour",
    },
  ],
};

const CLAIMS = { api_product_list: ["p"], client_id: GOOD_KEY, application_name: "app", exp: 4_000_000_000 };
const FAULT = { fault: { faultstring: "Invalid ApiKey", detail: { errorcode: "oauth.v2.InvalidApiKey" } } };

function answer({ url, body, method }: FetchRequest): Partial<FetchAnswer> {
  const json = (value: object, status = 200): Partial<FetchAnswer> => ({
    status,
    body: Buffer.from(JSON.stringify(value)),
  });
  if (method === "PUT") return {};
  if (url.endsWith("/certs")) return json({ keys: [KEY.jwk] });
  if (url.endsWith("/products")) return json(LIST);
  if (url.endsWith("/quotas"))
    return json({ allowed: 5, used: 0, exceeded: 0, expiryTime: 4e12, timestamp: 1 });
  if (url.endsWith("/token")) return json({ access_token: "google-token-8c1d", expires_in: 3_600 });
  if (url.includes("/datalocation") || url.includes("/analytics/")) return json({ url: SIGNED_URL });
  return String(body).includes(GOOD_KEY) ? json({ token: signToken(KEY, CLAIMS) }) : json(FAULT, 401);
}

const prepare = (host: TestHost): void => {
  host.secrets.set("key.pem", KEY.pem);
  host.secrets.set("account.json", ACCOUNT);
  host.secrets.set("APIGEE_KEY", "k");
  host.secrets.set("APIGEE_SECRET", SECRET);
  host.files.set(
    "state/products.json",
    Buffer.from(JSON.stringify({ url: URL_BASE, organization: "acme", list: LIST })),
  );
  host.remote = { kind: "answers", answer };
};

const asked = (key: string): ReadonlyMap<string, unknown> =>
  new Map([...Object.entries({ key, api: "orders", method: "GET", path: "/orders?x=1" })]);

const entry = (fields: object = {}): ReturnType<typeof fieldRecord> =>
  fieldRecord(
    { access_log_type: "DownstreamEnd", method: "GET", path: "/orders", response_code: 200, ...fields },
    {
      added: new Map([
        ["analytics", JSON.stringify({ apiproxy: "orders", environment: "test", client_id: GOOD_KEY })],
      ]),
    },
  );

/** The apigee adapter for the conformance suite. */
export const APIGEE: Fixture = {
  good: [
    GOOD,
    { ...GOOD, credentials: basic, analytics: { url: "https://edge.example.com" }, onFailure: "resilient" },
  ].map((config) => ({ config, prepare })),
  bad: [
    [{}, /write a URL such as/],
    [{ ...GOOD, url: "runtime" }, /write a URL such as/],
    [{ ...GOOD, certs: "certs" }, /write a URL such as/],
    [{ ...GOOD, organization: "a/b" }, /write a name of letters/],
    [{ ...GOOD, environment: "" }, /write a name of letters, digits, dots, dashes and underscores, or "\*"/],
    [{ ...GOOD, credentials: { privateKey: SECRET, keyId: "1" } }, /a secret never stands in weir.yaml/],
    [{ ...GOOD, credentials: {} }, /either privateKey and keyId, or key and secret/],
    [
      { ...GOOD, credentials: { ...GOOD.credentials, ...basic } },
      /either privateKey and keyId, or key and secret/,
    ],
    [{ ...GOOD, folder: "" }, /write the path of a folder of this handler's own/],
    [{ ...GOOD, refresh: "10ms" }, /a duration from 1000 ms/],
    [{ ...GOOD, cache: { allowed: "1h", maxAge: "1m" } }, /maxAge is the end of every answer/],
    [{ ...GOOD, cache: { keys: 5 } }, /keys: there is no such key; the keys are allowed/],
    [{ ...GOOD, onFailure: "open" }, /one of closed, resilient/],
    [{ ...GOOD, asksPerSecond: 0 }, /a whole number from 1/],
    [{ ...GOOD, quotas: { sync: "1h" } }, /a duration from 100 ms/],
    [{ ...GOOD, analytics: {} }, /write a URL such as/],
    [{ ...GOOD, analytics: { ...GOOD.analytics, maxBytes: "1" } }, /a number of bytes from/],
    [{ ...GOOD, personal: "all" }, /one of digest, plain/],
    [{ ...GOOD, colour: "red" }, /colour: there is no such key; the keys are url/],
  ],
  localFaults: [
    { ...GOOD, folder: "missing" },
    { ...GOOD, credentials: { privateKey: { file: "not-there.pem" }, keyId: "1" } },
  ],
  inputs: [asked(GOOD_KEY), asked(BAD_KEY), asked("")],
  records: [entry(), entry({ response_code: 403 })],
  secrets: [GOOD_KEY, BAD_KEY, SECRET, "sig-90ab", "google-token-8c1d", "PRIVATE KEY"],
};
