import assert from "node:assert/strict";
import { startExtAuthz } from "../../src/http/ext-authz.ts";
import type { HttpListener } from "../../src/http/listener.ts";
import { CheckRequest, CheckResponse } from "../../src/wire/envoy/service/auth/v3/external_auth.ts";
import { requestHttp1, type Answer, type Outgoing } from "../support/http.ts";
import { sendRaw } from "../support/raw.ts";
import type { SentRequest, Way } from "./corpus.ts";
import type { Served } from "./service.ts";

/** An answer in one form, whichever way it came. */
export interface Told {
  readonly verdict: "allow" | "deny" | "error" | "unread";
  /** `policy/rule`; empty where it was not read. */
  readonly by: string;
  readonly status: number;
  /** What is set, in the order of names: of a grant, on request and response; of a denial, on its answer. */
  readonly set: readonly string[];
  /** Names, in order. */
  readonly removed: readonly string[];
  readonly body: string;
}

/** Of a body that is cut, so much arrives. */
const CUT_AT = 1_000;

/** Asks in one of the ways. */
export type Ask = (request: SentRequest) => Promise<Told>;

export const ANY_PROXY = { principal: undefined, listenerRole: undefined };

/** Over gRPC, as the bytes that Envoy would send. */
export const askOverGrpc =
  ({ service }: Served, way: Exclude<Way, "http">): Ask =>
  async (request) =>
    toldOf(CheckResponse.decode(await service.check(encodedCheck(request, way), Infinity, ANY_PROXY)));

/** The CheckRequest of a request. */
export function encodedCheck(request: SentRequest, way: Exclude<Way, "http">): Buffer {
  const { method = "GET", host, path, headers = [], body, cut, principal = "" } = request;
  const sent: readonly (readonly [string, string])[] =
    body === undefined ? [] : [["x-envoy-auth-partial-body", cut === true ? "true" : "false"]];
  const pseudo = [
    [":authority", host],
    [":method", method],
    [":path", path],
    [":scheme", "http"],
  ] as const;
  const lines = [...pseudo, ...headers, ...sent].map(([name, value]) => [name.toLowerCase(), value] as const);
  const carried =
    way === "lines"
      ? {
          headerMap: {
            headers: lines.map(([key, value]) => ({ key, value: "", rawValue: Buffer.from(value) })),
          },
        }
      : { headers: joined(lines) };
  const rawBody = Buffer.from(cut === true ? (body ?? "").slice(0, CUT_AT) : (body ?? ""));
  const message = CheckRequest.fromPartial({
    attributes: {
      source: { address: { socketAddress: { address: "192.0.2.1", portValue: 40_000 } }, principal },
      request: { http: { method, host, path, ...carried, rawBody, size: BigInt(rawBody.length) } },
    },
  });
  return Buffer.from(CheckRequest.encode(message).finish());
}

function joined(lines: readonly (readonly [string, string])[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of lines) {
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return headers;
}

type Lines = readonly { readonly header?: { readonly key: string; readonly value: string } | undefined }[];
const written = (lines: Lines): string[] =>
  lines.map(({ header }) => `${header?.key ?? ""}: ${header?.value ?? ""}`);

function toldOf({ status, okResponse, deniedResponse, errorResponse, dynamicMetadata }: CheckResponse): Told {
  const fields = dynamicMetadata?.fields.get("weir")?.structValue?.fields;
  const field = (name: string): string => fields?.get(name)?.stringValue ?? assert.fail(`no ${name} is told`);
  const answers = [okResponse, deniedResponse, errorResponse].filter((one) => one !== undefined);
  assert.equal(answers.length, 1, "one answer, never none: that allows");
  assert.equal(status?.code === 0, okResponse !== undefined, "the code says the same");
  const by = nameOf({ policy: field("policy"), rule: field("rule") });
  const told = okResponse ? granted(okResponse) : refused(deniedResponse ?? errorResponse);
  const verdict = okResponse ? "allow" : deniedResponse ? "deny" : "error";
  assert.equal(field("verdict"), verdict);
  return { verdict, by, ...told };
}

const granted = ({
  headers,
  responseHeadersToAdd,
  headersToRemove,
}: NonNullable<CheckResponse["okResponse"]>) => ({
  status: 200,
  set: [...written(headers), ...written(responseHeadersToAdd)].filter(isTold).sort(),
  removed: [...headersToRemove].sort(),
  body: "",
});

const refused = (found: CheckResponse["deniedResponse"]) => ({
  status: found?.status?.code ?? 0,
  set: written(found?.headers ?? [])
    .filter(isTold)
    .sort(),
  removed: [],
  body: found?.body ?? "",
});

const nameOf = ({ policy, rule }: { readonly policy: string; readonly rule: string }): string =>
  policy === "" ? rule : `${policy}/${rule}`;

/** The id of a decision is another one every time, and frames are Node's. */
const isTold = (line: string): boolean =>
  !/^(?:x-weir-decision|x-weir-status|date|connection|keep-alive|content-length|transfer-encoding|x-envoy-auth-headers-to-remove):/.test(
    line,
  );

/** A listener for Envoy's HTTP service in front of the same check path. */
export const listenForHttp = ({ service }: Served): Promise<HttpListener> =>
  startExtAuthz({
    address: { kind: "tcp", host: "127.0.0.1", port: 0 },
    pathPrefix: "/check",
    check: {
      decide: (facts) => service.answer(() => facts, Infinity),
      refuse: ({ status }) => service.refuse(status === 413 ? "weir/too-large" : "weir/bad-request"),
    },
    onError: (error) => assert.fail(String(error)),
    graceMs: 1_000,
  });

/** Over HTTP, as Envoy 1.40 asks: lines joined, and a body only where there is one, marked. */
export const askOverHttp =
  (served: Served, listener: HttpListener): Ask =>
  async (request) => {
    const port = listener.address.kind === "tcp" ? listener.address.port : assert.fail("no port");
    const { method = "GET", host, path } = request;
    // Node's client writes methods in upper case.
    if (method !== method.toUpperCase()) {
      const head = `${method} /check${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;
      return { ...UNREAD, status: (await sendRaw(port, head)) ?? 0 };
    }
    return toldByHttp(await requestHttp1({ port }, questionOf(request)), served);
  };

function questionOf({ method = "GET", host, path, headers = [], body = "", cut }: SentRequest): Outgoing {
  const marked = body === "" ? [] : [["x-envoy-auth-partial-body", cut === true ? "true" : "false"] as const];
  const lines = [...headers, ...marked].map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    ...{ method, authority: host, path: `/check${path}`, headers: [...joined(lines)] },
    body: cut === true ? body.slice(0, CUT_AT) : body,
  };
}

function toldByHttp({ status, headers, body }: Answer, served: Served): Told {
  const one = (name: string): string | undefined => headers.find(([key]) => key === name)?.[1];
  if (one("x-weir-decision") === undefined) return { ...UNREAD, status };
  const lines = headers.map(([name, value]) => `${name}: ${Buffer.from(value, "latin1").toString()}`);
  return {
    verdict: verdictOf(status),
    by: nameOf(served.last()?.verdict.by ?? assert.fail("nothing was decided")),
    status: Number(one("x-weir-status") ?? status),
    set: lines.filter(isTold).sort(),
    removed: one("x-envoy-auth-headers-to-remove")?.split(",").sort() ?? [],
    body: body.toString(),
  };
}

const UNREAD: Told = { verdict: "unread", by: "", status: 0, set: [], removed: [], body: "" };

/** What Envoy makes of a status. */
const verdictOf = (status: number): Told["verdict"] =>
  status === 200 ? "allow" : status >= 500 ? "error" : "deny";
