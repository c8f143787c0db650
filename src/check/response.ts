import { encodeParameter } from "../attributes/path.ts";
import { bytesOf, messageField, numberField, textField } from "../std/wire-writer.ts";
import { structMessage } from "../std/struct.ts";
import type { Carried } from "./carried.ts";
import type { Allowed, Denied, HeaderValue, Verdict } from "./verdict.ts";

/** What the answer carries beside the verdict. */
export interface Envelope {
  /** Joins the answer, the access log and our own records: `d_…`. */
  readonly decisionId: string;
  /** A refused gRPC call is told so in gRPC's own words, so that its client does not retry. */
  readonly dialect: "http" | "grpc";
  /** What the access-log entry of the request will need; undefined: nothing. */
  readonly carried?: Carried | undefined;
}

/**
 * A verdict as a CheckResponse (envoy.service.auth.v3; field numbers of external_auth.proto). Every answer
 * says decision, policy and rule in the field `weir` of its dynamic metadata, which Envoy logs on allow and
 * denial alike. An empty CheckResponse would allow; this never makes one.
 */
export function encodeResponse(verdict: Verdict, envelope: Envelope): Buffer {
  return bytesOf(outcome(verdict, envelope) + messageField(DYNAMIC_METADATA, metadata(verdict, envelope)));
}

// CheckResponse.
const STATUS = 1;
const DENIED_RESPONSE = 2;
const OK_RESPONSE = 3;
const DYNAMIC_METADATA = 4;
const ERROR_RESPONSE = 5;

function outcome(verdict: Verdict, envelope: Envelope): string {
  switch (verdict.kind) {
    case "allow":
      return STATUS_OK + messageField(OK_RESPONSE, allowed(verdict));
    case "deny":
      return STATUS_DENIED + messageField(DENIED_RESPONSE, denied(verdict, envelope));
    case "error":
      return STATUS_FAILED + messageField(ERROR_RESPONSE, failed(envelope));
  }
}

// google.rpc.Status: code 1, a google.rpc.Code. Envoy only asks whether it is 0.
const STATUS_OK = messageField(STATUS, "");
const STATUS_DENIED = messageField(STATUS, numberField(1, 7));
const STATUS_FAILED = messageField(STATUS, numberField(1, 14));

/**
 * OkHttpResponse: headers 2, headers_to_remove 5, response_headers_to_add 6, query_parameters_to_set 7,
 * query_parameters_to_remove 8.
 */
function allowed(verdict: Allowed): string {
  const { requestSet, requestRemove, responseSet, responseAppend, querySet, queryRemove } = verdict;
  let message = "";
  for (const [name, value] of requestSet) message += messageField(2, header(name, value, REPLACE));
  for (const name of requestRemove) message += textField(5, name);
  // A cookie joins those of the upstream, which would be lost otherwise (measured on Envoy 1.40).
  for (const [name, value] of responseSet) {
    message += messageField(6, header(name, value, name === "set-cookie" ? APPEND : REPLACE));
  }
  for (const [name, value] of responseAppend) message += messageField(6, header(name, value, APPEND));
  for (const [name, value] of querySet) message += messageField(7, parameter(name, value));
  for (const name of queryRemove) message += textField(8, name);
  return message;
}

/** QueryParameter: key 1, value 2. Envoy writes both into the path as they are, so they are escaped here. */
const parameter = (name: string, value: string): string =>
  textField(1, encodeParameter(name)) + textField(2, encodeParameter(value));

/** HeaderValueOption: header 1 (HeaderValue: key 1, value 2), append 2. */
const header = (name: string, value: string, append: string): string =>
  messageField(1, textField(1, name) + textField(2, value)) + append;

// A google.protobuf.BoolValue that is there. `append: false` is the one form that every Envoy reads as "replace".
const REPLACE = messageField(2, "");
const APPEND = messageField(2, numberField(1, 1));

/** DeniedHttpResponse: status 1 (HttpStatus: code 1), headers 2, body 3. */
const refused = (status: number, headers: readonly HeaderValue[], body: string): string =>
  messageField(1, numberField(1, status)) +
  headers.map(([name, value]) => messageField(2, header(name, value, REPLACE))).join("") +
  textField(3, body);

function denied({ status, body, contentType, headers }: Denied, { decisionId, dialect }: Envelope): string {
  const decision: HeaderValue = ["x-weir-decision", decisionId];
  if (dialect === "http") return refused(status, [["content-type", contentType], decision, ...headers], body);
  const message = body.trimEnd();
  const escaped = encodeURIComponent(message.toWellFormed()).replaceAll("%20", " ");
  const trailers: readonly HeaderValue[] = [
    ["grpc-status", String(grpcStatus(status))],
    ["grpc-message", escaped],
  ];
  return refused(status, [...trailers, decision, ...headers], message);
}

/** Obeys the filter's failure mode; an Envoy that does not know `error_response` reads a plain denial. */
const failed = ({ decisionId }: Envelope): string => refused(503, [["x-weir-decision", decisionId]], "");

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
    // A call cannot be sent elsewhere: whoever redirects asks for a sign-in.
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      return 16;
    case 500:
      return 13;
    case 503:
      return 14;
    default:
      return 2;
  }
}

/** The dynamic metadata of an answer alone, which Envoy keeps for the access log, as a google.protobuf.Struct. */
export const encodeMetadata = (verdict: Verdict, envelope: Envelope): Buffer =>
  bytesOf(metadata(verdict, envelope));

/** A google.protobuf.Struct with the field `weir`, and what the policies add. */
function metadata(verdict: Verdict, envelope: Envelope): string {
  let fields = weirField(verdict, envelope);
  if (verdict.kind === "error") return fields;
  for (const [name, value] of verdict.metadata) fields += structEntry(name, textField(3, value));
  return fields;
}

const weirField = (verdict: Verdict, { decisionId, carried }: Envelope): string =>
  structEntry(
    "weir",
    messageField(
      5,
      structEntry("decision", textField(3, decisionId)) +
        structEntry("verdict", textField(3, verdict.kind)) +
        structEntry("policy", textField(3, verdict.by.policy)) +
        structEntry("rule", textField(3, verdict.by.rule)) +
        settleEntry(verdict) +
        (carried === undefined ? "" : carriedEntries(carried)),
    ),
  );

/** The names of policies, apart by spaces; what telemetry reads of the check, by policy; whether some of it had no room. */
const carriedEntries = ({ policies, values, isCut }: Carried): string =>
  (policies === undefined ? "" : structEntry("policies", textField(3, policies.join(" ")))) +
  (values.size === 0 ? "" : structMessage(new Map([["carried", values]]))) +
  (isCut ? CUT : "");

/** The tokens of reservations, apart by spaces. */
const settleEntry = (verdict: Verdict): string =>
  verdict.kind !== "allow" || verdict.settle === undefined || verdict.settle.length === 0
    ? ""
    : structEntry("settle", textField(3, verdict.settle.join(" ")));

/** Value: bool_value 4. */
const CUT = structMessage(new Map([["cut", true]]));

/** Struct: fields 1, a map of key 1 and value 2 (Value: string_value 3, struct_value 5). */
const structEntry = (key: string, value: string): string =>
  messageField(1, textField(1, key) + messageField(2, value));
