import { createHash } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import { gunzipSync } from "node:zlib";
import { isSignedBy, signingKey, signToken, type SigningKey } from "./apigee-keys.ts";
import { windowEnd, type QuotaAsked, type QuotaAskedBy } from "./apigee-quota.ts";
import { startListening } from "./listening.ts";

/** How one of its calls behaves; `cut` ends the connection after the request was taken in. */
export type Behaviour = "well" | "hang" | "cut" | { readonly status: number; readonly body: string };

export type CallName =
  "products" | "verifyApiKey" | "quotas" | "certs" | "token" | "signedUrl" | "upload" | "google";

/** A file of analytics as it arrived. */
export interface AnalyticsFile {
  readonly name: string;
  /** The `user-agent` of who has uploaded it; empty without one. */
  readonly by: string;
  readonly records: readonly Readonly<Record<string, unknown>>[];
}

/** An Apigee of a test's own: `remote-service`, `remote-token` and the upload of analytics in one server, over real HTTP. */
export interface Apigee {
  readonly url: string;
  nowMs: () => number;
  /** Of the answer to `/products`. */
  products: readonly object[];
  /** How often that was answered with 304. */
  unchanged: number;
  /** Claims by API key, and by the client id that an access token is asked for with. */
  readonly keys: Map<string, object>;
  /** What its tokens are signed with, and what it publishes. */
  signing: SigningKey;
  published: readonly SigningKey[];
  /** The pair that callers of Edge show. */
  readonly credentials: string;
  /** The keys that callers of Apigee X sign their own tokens with. */
  provisioned: readonly SigningKey[];
  /** Use by identifier, in the window that is open now. */
  readonly counters: Map<string, number>;
  readonly quotasAsked: QuotaAskedBy[];
  readonly calls: Record<CallName, number>;
  behaviour: Partial<Record<CallName, Behaviour>>;
  /** For how long a URL to upload to is good. */
  signedForMs: number;
  /** What was uploaded, by the name of the file: one that comes again takes the place of the one before. */
  readonly files: Map<string, AnalyticsFile>;
  stop(): Promise<void>;
  /** Listens again where it did before it was stopped, with all that it knew. */
  comeBack(): Promise<void>;
}

const FAULT = { fault: { faultstring: "Invalid ApiKey", detail: { errorcode: "oauth.v2.InvalidApiKey" } } };
const TOKEN_S = 900;
const GOOGLE_TOKEN = "google-token-51f0";

export async function startApigee(nowMs: () => number = Date.now): Promise<Apigee> {
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const call = callOf(request);
      if (call !== undefined) apigee.calls[call]++;
      const behaviour = (call && apigee.behaviour[call]) ?? "well";
      if (behaviour === "hang") return;
      if (behaviour === "cut") {
        answerOf(apigee, call, { request, body });
        request.socket.destroy();
        return;
      }
      const {
        status,
        body: said,
        headers,
      } = behaviour === "well" ? answerOf(apigee, call, { request, body }) : { ...behaviour, headers: {} };
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(said);
    });
  });
  const { port, stop, comeBack } = await startListening(server);
  const signing = signingKey("1");
  const apigee: Apigee = {
    url: `http://127.0.0.1:${port}`,
    nowMs,
    products: [],
    unchanged: 0,
    keys: new Map(),
    signing,
    published: [signing],
    credentials: `Basic ${Buffer.from("k:s").toString("base64")}`,
    provisioned: [],
    counters: new Map(),
    quotasAsked: [],
    calls: {
      products: 0,
      verifyApiKey: 0,
      quotas: 0,
      certs: 0,
      token: 0,
      signedUrl: 0,
      upload: 0,
      google: 0,
    },
    behaviour: {},
    signedForMs: 600_000,
    files: new Map(),
    stop,
    comeBack,
  };
  return apigee;
}

/** Every record that has arrived. */
export const recordsOf = (apigee: Apigee): AnalyticsFile["records"] =>
  Array.from(apigee.files.values()).flatMap(({ records }) => records);

function callOf({ url = "", method }: IncomingMessage): CallName | undefined {
  if (method === "PUT") return "upload";
  if (url.startsWith("/analytics/") || url.includes("/datalocation?")) return "signedUrl";
  if (url === "/google/token") return "google";
  const name = url.replace(/^\/remote-(?:service|token)\//, "");
  return (["products", "verifyApiKey", "quotas", "certs", "token"] as const).find((one) => one === name);
}

interface Asked {
  readonly request: IncomingMessage;
  readonly body: Buffer;
}

interface Said {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

const json = (value: unknown, status = 200, headers = {}): Said => ({
  status,
  body: JSON.stringify(value),
  headers,
});

function answerOf(apigee: Apigee, call: CallName | undefined, { request, body }: Asked): Said {
  const { headers } = request;
  if (call === undefined) return json({}, 404);
  const isKnown = OPEN.has(call) || isCaller(apigee, call, headers.authorization);
  if (!isKnown) return json({ fault: { faultstring: "who?" } }, 401);
  switch (call) {
    case "products":
      return productsOf(apigee, headers["if-none-match"]);
    case "certs":
      return json({ keys: apigee.published.map(({ jwk }) => jwk) });
    case "token":
      return accessToken(apigee, JSON.parse(body.toString()) as { client_id: string });
    case "google":
      return json({ access_token: GOOGLE_TOKEN, expires_in: 3_600 });
    case "verifyApiKey":
      return verified(apigee, JSON.parse(body.toString()) as { apiKey: string });
    case "quotas":
      return counted(apigee, { ...(JSON.parse(body.toString()) as QuotaAsked), by: agentOf(request) });
    case "signedUrl":
      return signedUrl(apigee, request);
    case "upload":
      return uploaded(apigee, { request, body });
  }
}

const OPEN: ReadonlySet<CallName> = new Set(["certs", "token", "google", "upload"]);

/** Whether it is the pair of Edge, a token that a provisioned key has signed, or Google's own. */
function isCaller(apigee: Apigee, call: CallName, authorization = ""): boolean {
  if (authorization === apigee.credentials) return true;
  const token = authorization.replace(/^Bearer /, "");
  if (call === "signedUrl") return token === GOOGLE_TOKEN;
  return apigee.provisioned.some((key) => isSignedBy(key, token, apigee.nowMs()));
}

function productsOf(apigee: Apigee, known: string | undefined): Said {
  const body = JSON.stringify({ apiProduct: apigee.products });
  const etag = `"${createHash("sha512").update(body).digest("hex")}"`;
  if (known !== etag) return { status: 200, body, headers: { etag, "cache-control": "no-store" } };
  apigee.unchanged++;
  return { status: 304, body: "", headers: { etag } };
}

function accessToken(apigee: Apigee, { client_id }: { readonly client_id: string }): Said {
  const claims = apigee.keys.get(client_id);
  if (claims === undefined) return json({ error: "invalid_request" }, 400);
  const access_token = tokenOf(apigee, { client_id, access_token: `at-${client_id}`, ...claims });
  return json({ access_token, token_type: "Bearer", expires_in: TOKEN_S });
}

function verified(apigee: Apigee, { apiKey }: { readonly apiKey: string }): Said {
  const claims = apigee.keys.get(apiKey);
  if (claims === undefined) return json(FAULT, 401);
  return json({ token: tokenOf(apigee, { client_id: apiKey, ...claims }) });
}

function tokenOf(apigee: Apigee, claims: object): string {
  const iat = Math.floor(apigee.nowMs() / 1_000);
  return signToken(apigee.signing, {
    ...{ aud: "remote-service-client", iat, nbf: iat, exp: iat + TOKEN_S },
    ...claims,
  });
}

function counted(apigee: Apigee, asked: QuotaAskedBy): Said {
  const { identifier, weight, allow } = asked;
  const nowMs = apigee.nowMs();
  apigee.quotasAsked.push(asked);
  const expiryTime = windowEnd(asked, nowMs);
  const isOver = (WINDOWS.get(apigee)?.get(identifier) ?? expiryTime) < expiryTime;
  const total = (isOver ? 0 : (apigee.counters.get(identifier) ?? 0)) + weight;
  apigee.counters.set(identifier, total);
  WINDOWS.set(apigee, (WINDOWS.get(apigee) ?? new Map<string, number>()).set(identifier, expiryTime));
  const used = Math.min(total, allow);
  return json({ allowed: allow, used, exceeded: total - used, expiryTime, timestamp: nowMs });
}

/** When the window of a counter ends, in epoch milliseconds. */
const WINDOWS = new WeakMap<Apigee, Map<string, number>>();

const agentOf = ({ headers }: IncomingMessage): string => headers["user-agent"] ?? "";

function signedUrl(apigee: Apigee, { url = "" }: IncomingMessage): Said {
  const name = new URL(url, apigee.url).searchParams.get("relative_file_path") ?? "";
  return json({ url: `${apigee.url}/upload/${name}?until=${apigee.nowMs() + apigee.signedForMs}` });
}

function uploaded(apigee: Apigee, { request, body }: Asked): Said {
  const { pathname, searchParams } = new URL(request.url ?? "", apigee.url);
  // What a store says of a URL that is too old.
  if (Number(searchParams.get("until")) < apigee.nowMs()) return json({ error: "Request has expired" }, 403);
  const lines = gunzipSync(body).toString().trimEnd().split("\n");
  const name = pathname.replace(/^\/upload\//, "");
  const records = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  apigee.files.set(name, { name, by: agentOf(request), records });
  return json({});
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
