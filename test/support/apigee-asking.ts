import { Client, credentials } from "@grpc/grpc-js";
import { call } from "../grpc/client.ts";
import { encodeMessage, struct, time, type DescribedHttp } from "../report/encode.ts";
import { CheckRequest, CheckResponse } from "../../src/wire/envoy/service/auth/v3/external_auth.ts";
import { RequestMethod } from "../../src/wire/envoy/config/core/v3/base.ts";
import { openLogs, type LogStream } from "./log-stream.ts";

/** A request as a check and as an entry of the access log tell of it. */
export interface ApigeeRequest {
  readonly method?: "GET" | "POST" | "DELETE";
  readonly path: string;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly host?: string;
  /** When it began, epoch milliseconds; absent: now. */
  readonly atMs?: number;
  /** Claims that Envoy's JWT filter has verified. */
  readonly claims?: Readonly<Record<string, string | readonly string[]>>;
  readonly extensions?: Readonly<Record<string, string>>;
}

/** What a server answers, as far as Envoy hands it on. */
export interface ApigeeAnswer {
  /** Of gRPC. */
  readonly code: number;
  /** What Envoy answers, or 200 where the request passes. */
  readonly status: number;
  /** Those of Apigee's that the workload sees, without empty ones, which Envoy leaves out. */
  readonly headers: Readonly<Record<string, string>>;
  /** Apigee's fields of the dynamic metadata, without empty ones. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A server for checks and access logs. */
export interface Asking {
  ask(request: ApigeeRequest): Promise<ApigeeAnswer>;
  /** Asks, and tells of the request what Envoy would: with the metadata of the answer. */
  askAndTell(request: ApigeeRequest): Promise<ApigeeAnswer>;
}

const HOST = "orders.example.com";
const EXT_AUTHZ = "envoy.filters.http.ext_authz";

export function askServer(port: number, open: AsyncDisposableStack): Asking {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
  open.defer(() => client.close());
  let logs: LogStream | undefined;
  const check = async (request: ApigeeRequest): Promise<CheckResponse> => {
    const outcome = await call(client, "/envoy.service.auth.v3.Authorization/Check", encodeCheck(request));
    if ("code" in outcome) throw new Error(`${outcome.code}: ${outcome.details}`);
    return CheckResponse.decode(outcome.bytes);
  };
  return {
    ask: async (request) => answerOf(await check(request)),
    askAndTell: async (request) => {
      const response = await check(request);
      const answer = answerOf(response);
      logs ??= openLogs(port, open);
      await logs.send(
        encodeMessage({ identifier: { logName: "requests" }, http: [entryOf(request, response)] }),
      );
      return answer;
    },
  };
}

function encodeCheck(request: ApigeeRequest): Buffer {
  const { method = "GET", path, headers = {}, host = HOST, claims, extensions = {} } = request;
  const all = { ":authority": host, ":method": method, ":path": path, ...headers };
  const jwt = claims && struct({ apigee: new Map(Object.entries(claims)) });
  const message = CheckRequest.fromPartial({
    attributes: {
      source: { address: { socketAddress: { address: "10.0.0.1" } } },
      request: {
        time: time(request.atMs ?? Date.now()),
        http: { method, host, path, headers: new Map(Object.entries(all)), size: -1n },
      },
      contextExtensions: new Map(Object.entries(extensions)),
      ...(jwt && { metadataContext: { filterMetadata: new Map([["envoy.filters.http.jwt_authn", jwt]]) } }),
    },
  });
  return Buffer.from(CheckRequest.encode(message).finish());
}

function answerOf({
  status,
  okResponse,
  deniedResponse,
  errorResponse,
  dynamicMetadata,
}: CheckResponse): ApigeeAnswer {
  const code = status?.code ?? 0;
  const headers = (code === 0 ? (okResponse?.headers ?? []) : []).flatMap(({ header }): [string, string][] =>
    header === undefined ? [] : [[header.key, header.value]],
  );
  const fields = [...(dynamicMetadata?.fields ?? [])].map(
    ([name, value]) => [name, value.stringValue ?? ""] as const,
  );
  return {
    code,
    // Envoy answers 403 where a refusal names no other.
    status: code === 0 ? 200 : ((deniedResponse ?? errorResponse)?.status?.code ?? 403),
    headers: ofApigee(headers),
    metadata: ofApigee(fields),
  };
}

const ofApigee = (pairs: readonly (readonly [string, string])[]): Readonly<Record<string, string>> =>
  Object.fromEntries(pairs.filter(([name, value]) => name.startsWith("x-apigee-") && value !== "").sort());

/** A request that took 12.6 ms; one that was refused never reached a target. */
function entryOf(
  { method = "GET", path, host = HOST, headers = {}, atMs = Date.now() }: ApigeeRequest,
  response: CheckResponse,
): DescribedHttp {
  const { status, code } = answerOf(response);
  const { dynamicMetadata } = response;
  const target = {
    timeToFirstUpstreamTxByte: time(0.4),
    timeToLastUpstreamTxByte: time(0.7),
    timeToFirstUpstreamRxByte: time(7.1),
    timeToLastUpstreamRxByte: time(7.6),
  };
  return {
    commonProperties: {
      startTime: time(atMs + 0.6),
      timeToLastRxByte: time(0.5),
      ...(code === 0 ? target : {}),
      timeToFirstDownstreamTxByte: time(7.5),
      timeToLastDownstreamTxByte: time(12.6),
      duration: time(12.6),
      streamId: crypto.randomUUID(),
      metadata: {
        filterMetadata: new Map(dynamicMetadata === undefined ? [] : [[EXT_AUTHZ, dynamicMetadata]]),
      },
    },
    request: {
      requestMethod: RequestMethod[method],
      scheme: "http",
      authority: host,
      path,
      userAgent: headers["user-agent"] ?? "",
      forwardedFor: headers["x-forwarded-for"] ?? "",
      requestHeaders: new Map(),
    },
    response: { responseCode: status },
  };
}
