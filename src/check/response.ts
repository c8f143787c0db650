import type { HeaderValueOption } from "../wire/envoy/config/core/v3/base.ts";
import { CheckResponse, type DeniedHttpResponse } from "../wire/envoy/service/auth/v3/external_auth.ts";
import type { HttpStatus } from "../wire/envoy/type/v3/http_status.ts";
import type { Struct, Value } from "../wire/google/protobuf/struct.ts";
import type { Allowed, Denied, Failed, HeaderValue, Verdict } from "./verdict.ts";

/** What the answer carries beside the verdict. */
export interface Envelope {
  /** Joins the answer, the access log and our own records: `d_…`. */
  readonly decisionId: string;
  /** A refused gRPC call is told so in gRPC's own words, so that its client does not retry. */
  readonly dialect: "http" | "grpc";
}

/**
 * A verdict as a CheckResponse (envoy.service.auth.v3). Every answer says decision, policy and rule in the
 * field `weir` of its dynamic metadata, which Envoy logs on allow and denial alike.
 * An empty CheckResponse would allow; this never makes one.
 */
export function encodeResponse(verdict: Verdict, envelope: Envelope): Uint8Array {
  return CheckResponse.encode({
    ...outcome(verdict, envelope),
    dynamicMetadata: metadata(verdict, envelope),
  }).finish();
}

type Outcome = Omit<CheckResponse, "dynamicMetadata">;

function outcome(verdict: Verdict, envelope: Envelope): Outcome {
  switch (verdict.kind) {
    case "allow":
      return allowed(verdict);
    case "deny":
      return { status: refusedStatus(PERMISSION_DENIED), deniedResponse: denied(verdict, envelope) };
    case "error":
      return { status: refusedStatus(UNAVAILABLE), errorResponse: failed(verdict, envelope) };
  }
}

// google.rpc.Code; Envoy only asks whether it is 0.
const OK = { code: 0, message: "", details: [] };
const PERMISSION_DENIED = 7;
const UNAVAILABLE = 14;
const refusedStatus = (code: number) => ({ code, message: "", details: [] });

function allowed(verdict: Allowed): Outcome {
  return {
    status: OK,
    okResponse: {
      headers: verdict.requestSet.map(overwrite),
      headersToRemove: [...verdict.requestRemove],
      responseHeadersToAdd: verdict.responseSet.map(onResponse),
      queryParametersToSet: [],
      queryParametersToRemove: [],
      dynamicMetadata: undefined,
    },
  };
}

/** `append: false` is the one form that every version of Envoy reads as "replace". */
const overwrite = ([key, value]: HeaderValue): HeaderValueOption => ({
  header: { key, value, rawValue: NO_BYTES },
  append: false,
  appendAction: 0,
  keepEmptyValue: false,
});

/** A cookie joins those of the upstream, which `append: false` would lose (measured on Envoy 1.40). */
const onResponse = (header: HeaderValue): HeaderValueOption => ({
  ...overwrite(header),
  append: header[0] === "set-cookie",
});

const NO_BYTES = Buffer.alloc(0);

function denied(verdict: Denied, { decisionId, dialect }: Envelope): DeniedHttpResponse {
  const headers: HeaderValue[] = [
    ["content-type", verdict.contentType],
    ["x-weir-decision", decisionId],
    ...verdict.headers,
  ];
  if (dialect === "http")
    return { status: httpStatus(verdict.status), headers: headers.map(overwrite), body: verdict.body };
  const message = verdict.body.trimEnd();
  headers[0] = ["grpc-status", String(grpcStatus(verdict.status))];
  headers.push(["grpc-message", encodeURIComponent(message.toWellFormed()).replaceAll("%20", " ")]);
  return { status: httpStatus(verdict.status), headers: headers.map(overwrite), body: message };
}

/** The enum is open, as proto3's are: Envoy answers with the number it gets. */
const httpStatus = (code: number): HttpStatus => ({ code: code as HttpStatus["code"] });

/** Codes that gRPC clients do not take for a passing fault, except where it is one. */
function grpcStatus(httpStatus: number): number {
  switch (httpStatus) {
    case 400:
      return 3;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 5;
    case 429:
      return 8;
    case 500:
      return 13;
    case 503:
      return 14;
    default:
      return 2;
  }
}

/** Obeys the filter's failure mode; an Envoy that does not know `error_response` reads a plain denial. */
const failed = (_verdict: Failed, { decisionId }: Envelope): DeniedHttpResponse => ({
  status: httpStatus(503),
  headers: [overwrite(["x-weir-decision", decisionId])],
  body: "",
});

function metadata({ by, kind }: Verdict, { decisionId }: Envelope): Struct {
  const fields = new Map<string, Value>([
    ["decision", { stringValue: decisionId }],
    ["verdict", { stringValue: kind }],
    ["policy", { stringValue: by.policy }],
    ["rule", { stringValue: by.rule }],
  ]);
  return { fields: new Map([["weir", { structValue: { fields } }]]) };
}
