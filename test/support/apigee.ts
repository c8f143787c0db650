import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { gunzipSync } from "node:zlib";
import { signingKey, signToken, type SigningKey } from "./apigee-keys.ts";

/** How one of its calls behaves; `cut` ends the connection after the request was taken in. */
export type Behaviour = "well" | "hang" | "cut" | { readonly status: number; readonly body: string };

export type CallName = "products" | "verifyApiKey" | "quotas" | "certs" | "signedUrl" | "upload";

/** An Apigee of a test's own: `remote-service`, `remote-token` and the upload of analytics in one server, over real HTTP. */
export interface Apigee {
  readonly url: string;
  nowMs: () => number;
  /** Of the answer to `/products`. */
  products: readonly object[];
  /** Claims by API key. */
  readonly keys: Map<string, object>;
  /** What its tokens are signed with, and what it publishes. */
  signing: SigningKey;
  published: readonly SigningKey[];
  /** The pair that callers show. */
  readonly credentials: string;
  /** Use by identifier. */
  readonly counters: Map<string, number>;
  readonly calls: Record<CallName, number>;
  readonly behaviour: Partial<Record<CallName, Behaviour>>;
  /** What was uploaded, by the name of the file. */
  readonly files: Map<string, readonly Readonly<Record<string, unknown>>[]>;
  stop(): Promise<void>;
}

const FAULT = { fault: { faultstring: "Invalid ApiKey", detail: { errorcode: "oauth.v2.InvalidApiKey" } } };
const TOKEN_S = 900;

export async function startApigee(nowMs: () => number): Promise<Apigee> {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const call = callOf(request);
      if (call !== undefined) apigee.calls[call]++;
      const behaviour = (call && apigee.behaviour[call]) ?? "well";
      if (behaviour === "hang") return;
      if (behaviour === "cut") {
        if (call !== undefined) answerOf(apigee, call, { request, body });
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
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const signing = signingKey("1");
  const apigee: Apigee = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    nowMs,
    products: [],
    keys: new Map(),
    signing,
    published: [signing],
    credentials: `Basic ${Buffer.from("k:s").toString("base64")}`,
    counters: new Map(),
    calls: { products: 0, verifyApiKey: 0, quotas: 0, certs: 0, signedUrl: 0, upload: 0 },
    behaviour: {},
    files: new Map(),
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return apigee;
}

function callOf({ url = "", method }: IncomingMessage): CallName | undefined {
  if (method === "PUT") return "upload";
  if (url.startsWith("/analytics/")) return "signedUrl";
  const name = url.replace(/^\/remote-(?:service|token)\//, "");
  return (["products", "verifyApiKey", "quotas", "certs"] as const).find((one) => one === name);
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
  const { headers, url = "" } = request;
  const isOpen = call === "certs" || call === "upload";
  if (!isOpen && headers.authorization !== apigee.credentials)
    return json({ fault: { faultstring: "who?" } }, 401);
  switch (call) {
    case undefined:
      return json({}, 404);
    case "products": {
      const etag = `"${JSON.stringify(apigee.products).length}"`;
      if (headers["if-none-match"] === etag) return { status: 304, body: "", headers: {} };
      return json({ apiProduct: apigee.products }, 200, { etag });
    }
    case "certs":
      return json({ keys: apigee.published.map(({ jwk }) => jwk) });
    case "verifyApiKey":
      return verified(apigee, JSON.parse(body.toString()) as { apiKey: string });
    case "quotas":
      return counted(apigee, JSON.parse(body.toString()) as QuotaAsked);
    case "signedUrl": {
      const name = new URL(url, apigee.url).searchParams.get("relative_file_path") ?? "";
      return json({ url: `${apigee.url}/upload/${name}?signature=1` });
    }
    case "upload": {
      const lines = gunzipSync(body).toString().trimEnd().split("\n");
      const name = url.replace(/^\/upload\//, "").replace(/\?.*$/, "");
      apigee.files.set(
        name,
        lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>),
      );
      return json({});
    }
  }
}

function verified(apigee: Apigee, { apiKey }: { readonly apiKey: string }): Said {
  const claims = apigee.keys.get(apiKey);
  if (claims === undefined) return json(FAULT, 401);
  const exp = Math.floor(apigee.nowMs() / 1_000) + TOKEN_S;
  return json({ token: signToken(apigee.signing, { client_id: apiKey, exp, ...claims }) });
}

interface QuotaAsked {
  readonly identifier: string;
  readonly weight: number;
  readonly allow: number;
}

function counted(apigee: Apigee, { identifier, weight, allow }: QuotaAsked): Said {
  const total = (apigee.counters.get(identifier) ?? 0) + weight;
  apigee.counters.set(identifier, total);
  const nowMs = apigee.nowMs();
  const expiryTime = (Math.floor(nowMs / 60_000) + 1) * 60_000;
  const used = Math.min(total, allow);
  return json({ allowed: allow, used, exceeded: total - used, expiryTime, timestamp: nowMs });
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
