import { createHmac, createSign, generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer, request, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Fetch, FetchAnswer } from "../../src/adapter/host.ts";
import type { FloodGuard } from "../../src/identity/flood.ts";
import type { Presented } from "../../src/identity/verifier.ts";

export const ISSUER = "https://idp.example.com";
/** 2026-01-01T00:00:00Z */
export const NOW_MS = 1_767_225_600_000;
export const NOW_S = NOW_MS / 1000;

export interface Pair {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export const rsaPair = (kid: string, modulusLength = 2048): Pair => ({
  kid,
  alg: "RS256",
  ...generateKeyPairSync("rsa", { modulusLength }),
});

export const ecPair = (kid: string): Pair => ({
  kid,
  alg: "ES256",
  ...generateKeyPairSync("ec", { namedCurve: "P-256" }),
});

/** The public half, as a JWKS lists it. */
export const jwkOf = ({ kid, alg, publicKey }: Pair): Record<string, unknown> => ({
  ...publicKey.export({ format: "jwk" }),
  kid,
  alg,
  use: "sig",
});

export const jwksOf = (...pairs: readonly Pair[]): { keys: Record<string, unknown>[] } => ({
  keys: pairs.map(jwkOf),
});

export const encode = (value: unknown): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** A token signed by a key, of any header and payload: texts are taken as they are. */
export function sign(pair: Pair, payload: unknown = {}, header: object = {}): string {
  const claims =
    typeof payload === "string"
      ? payload
      : { iss: ISSUER, aud: "mesh", sub: "alice", exp: NOW_S + 600, ...(payload as object) };
  const input = `${encode({ alg: pair.alg, kid: pair.kid, ...header })}.${encode(claims)}`;
  return `${input}.${signatureOf(pair, input)}`;
}

export function signatureOf({ privateKey, alg }: Pair, input: string): string {
  const key = alg === "ES256" ? { key: privateKey, dsaEncoding: "ieee-p1363" as const } : privateKey;
  return createSign("sha256").update(input).sign(key, "base64url");
}

/** A token that is signed with a shared secret. */
export function signHmac(secret: string | Buffer, header: object, payload: object = {}): string {
  const claims = { iss: ISSUER, aud: "mesh", sub: "alice", exp: NOW_S + 600, ...payload };
  const input = `${encode({ alg: "HS256", ...header })}.${encode(claims)}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}

export const bearer = (token: string, client = "192.0.2.1"): Presented => ({
  headers: new Map([["authorization", `Bearer ${token}`]]),
  headersAll: undefined,
  query: new Map(),
  client,
});

/** What a request presents: headers by name, one text or several lines. */
export function presented(
  lines: Readonly<Record<string, string | readonly string[]>>,
  query: Readonly<Record<string, readonly string[]>> = {},
): Presented {
  const all = Object.entries(lines).map(([name, value]) => [name, [value].flat()] as const);
  return {
    headers: new Map(all.map(([name, values]) => [name, values.join(",")])),
    headersAll: new Map(all),
    query: new Map(Object.entries(query)),
    client: "192.0.2.1",
  };
}

export const NO_FLOOD: FloodGuard = { isSlowed: () => false, noteBad: () => undefined };

/** A server of keys on loopback, whose answer a test chooses. */
export interface KeyServer {
  readonly url: string;
  readonly asked: () => number;
  answer: (send: (status: number, body: string) => void) => void;
  close(): Promise<void>;
}

export async function keyServer(body: () => unknown): Promise<KeyServer> {
  let asked = 0;
  const own: KeyServer = {
    url: "",
    asked: () => asked,
    answer: (send) => send(200, JSON.stringify(body())),
    close: () => closed(server),
  };
  const server = createServer((_request, response) => {
    asked++;
    own.answer((status, text) => response.writeHead(status).end(text));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(own, { url: `http://127.0.0.1:${port}/certs?secret=1` });
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** A plain client within the bounds of a fetch. */
export const httpFetch: Fetch = ({ url, headers, maxBytes, timeoutMs, signal }) =>
  new Promise((resolve, reject) => {
    const bounds = [AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])];
    const asking = request(url, { headers: { ...headers }, signal: AbortSignal.any(bounds), agent: false });
    asking.on("error", () => reject(new Error("it could not be reached in time")));
    asking.on("response", (response) => void collect(response, maxBytes).then(resolve, reject));
    asking.end();
  });

async function collect(response: IncomingMessage, maxBytes: number): Promise<FetchAnswer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > maxBytes) throw new Error(`its answer is larger than ${maxBytes} bytes`);
    parts.push(part);
  }
  return { status: response.statusCode ?? 0, headers: new Map(), body: Buffer.concat(parts) };
}
