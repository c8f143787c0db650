import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";

/** Where a client connects to; `tls` in PEM makes it TLS perhaps with a client certificate, and with a name for SNI. */
export interface Target {
  host?: string;
  port: number;
  /** The address that it connects from, of `requestHttp1` alone. Envoy takes all of 127.0.0.0/8 but 127.0.0.1 as it is. */
  from?: string;
  tls?: { ca: string; certificate?: string; key?: string; serverName?: string };
}

/** A request as it goes on the wire: the path is sent as written, and each header is a line of its own, in order. */
export interface Outgoing {
  method?: string;
  path?: string;
  /** The Host header, or `:authority`. */
  authority?: string;
  headers?: readonly (readonly [name: string, value: string])[];
  body?: string | Buffer;
}

/** What came back. `headers` and `trailers` are lines, names in lower case, pseudo headers left out. */
export interface Answer {
  status: number;
  headers: readonly (readonly [name: string, value: string])[];
  trailers: readonly (readonly [name: string, value: string])[];
  body: Buffer;
}

/** The values of a header or trailer, one an occurrence. */
export function valuesOf(lines: Answer["headers"], name: string): string[] {
  return lines.filter(([key]) => key === name).map(([, value]) => value);
}

const timeoutMs = 5000;

/** One request over HTTP/1.1 on a connection of its own. */
export async function requestHttp1(target: Target, outgoing: Outgoing): Promise<Answer> {
  const { method = "GET", path = "/", authority = "example.com", headers = [], body } = outgoing;
  const length: (readonly [string, string])[] =
    body === undefined ? [] : [["content-length", String(Buffer.byteLength(body))]];
  const lines = [["host", authority] as const, ...length, ...headers];
  const request = (target.tls === undefined ? http : https).request({
    ...connectOptions(target),
    ...(target.from === undefined ? {} : { localAddress: target.from }),
    method,
    path,
    agent: false,
    timeout: timeoutMs,
    // A flat list is sent as it is, repeated names included.
    headers: lines.flat(),
  });
  request.on("timeout", () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    request.on("response", resolve).on("error", reject).end(body);
  });
  const content = await collect(response);
  return {
    status: response.statusCode ?? 0,
    headers: pairs(response.rawHeaders),
    trailers: pairs(response.rawTrailers),
    body: content,
  };
}

/** One request over HTTP/2 on a connection of its own; without TLS by prior knowledge. */
export async function requestHttp2(target: Target, outgoing: Outgoing): Promise<Answer> {
  const { method = "GET", path = "/", authority = "example.com", headers = [], body } = outgoing;
  const { host, port, ...tls } = connectOptions(target);
  const scheme = target.tls === undefined ? "http" : "https";
  const session = http2.connect(`${scheme}://${host}:${port}`, tls);
  const failed = new Promise<never>((_resolve, reject) => session.once("error", reject));
  try {
    const pseudo = { ":method": method, ":path": path, ":authority": authority, ":scheme": scheme };
    const stream = session.request({ ...pseudo, ...grouped(headers) }, { endStream: body === undefined });
    return await Promise.race([readStream(stream, body), failed]);
  } finally {
    session.destroy();
  }
}

/** What a unary gRPC call came to. `message` is absent when the status came without one. */
export interface CallAnswer extends Answer {
  grpcStatus: number | undefined;
  grpcMessage: string | undefined;
  message: Buffer | undefined;
}

/** One unary gRPC call with an encoded message, over HTTP/2. */
export async function callGrpc(
  target: Target,
  outgoing: Outgoing & { message: Buffer },
): Promise<CallAnswer> {
  const answer = await requestHttp2(target, {
    ...outgoing,
    method: "POST",
    headers: [["content-type", "application/grpc"], ["te", "trailers"], ...(outgoing.headers ?? [])],
    body: framed(outgoing.message),
  });
  // A refusal without a body carries its status in the headers.
  const lines = [...answer.headers, ...answer.trailers];
  const [status] = valuesOf(lines, "grpc-status");
  const [message] = valuesOf(lines, "grpc-message");
  return {
    ...answer,
    grpcStatus: status === undefined ? undefined : Number(status),
    grpcMessage: message === undefined ? undefined : decodeURIComponent(message),
    message: answer.body.length < 5 ? undefined : answer.body.subarray(5),
  };
}

/** gRPC's frame: one byte for compression (none), four for the length, then the message. */
function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

async function readStream(
  stream: http2.ClientHttp2Stream,
  body: string | Buffer | undefined,
): Promise<Answer> {
  stream.setTimeout(timeoutMs, () => stream.destroy(new Error(`no answer within ${timeoutMs} ms`)));
  const trailers: (readonly [string, string])[] = [];
  stream.on("trailers", (_fields, _flags, raw: string[]) => trailers.push(...pairs(raw)));
  const responded = once(stream, "response") as Promise<[http2.IncomingHttpHeaders, number, string[]]>;
  if (body !== undefined) stream.end(body);
  const [fields, , raw] = await responded;
  const content = await collect(stream);
  const headers = pairs(raw).filter(([name]) => !name.startsWith(":"));
  return { status: Number(fields[":status"]), headers, trailers, body: content };
}

function connectOptions({ host = "127.0.0.1", port, tls }: Target) {
  if (tls === undefined) return { host, port };
  // The certificates are made for workloads, not for host names.
  const checkServerIdentity = (): undefined => undefined;
  const serverName = tls.serverName === undefined ? {} : { servername: tls.serverName };
  return { host, port, ca: tls.ca, cert: tls.certificate, key: tls.key, checkServerIdentity, ...serverName };
}

function grouped(headers: readonly (readonly [string, string])[]): Record<string, string[]> {
  const groups: Record<string, string[]> = {};
  for (const [name, value] of headers) (groups[name] ??= []).push(value);
  return groups;
}

function pairs(raw: readonly string[]): (readonly [string, string])[] {
  return raw.flatMap((name, index) =>
    index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1] ?? ""] as const] : [],
  );
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}
