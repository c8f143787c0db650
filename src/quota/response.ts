import type { Limit } from "../policy/domain.ts";
import type { Unit } from "../policy/domain-file-limit.ts";
import { structMessage } from "../std/struct.ts";
import { bytesOf, messageField, numberField, textField } from "../std/wire-writer.ts";
import type { Answer, Code, Status } from "./answer.ts";

/**
 * An answer as a RateLimitResponse (envoy.service.ratelimit.v3; field numbers of rls.proto): overall_code 1, statuses 2,
 * response_headers_to_add 3, dynamic_metadata 6. The overall code is never UNKNOWN, which Envoy takes for OK.
 */
export function encodeResponse({ code, statuses, headers, metadata }: Answer): Buffer {
  let message = numberField(1, CODES[code]);
  for (const one of statuses) message += messageField(2, statusMessage(one));
  for (const [name, value] of headers) message += messageField(3, textField(1, name) + textField(2, value));
  if (metadata !== undefined) message += messageField(6, structMessage(metadata));
  return bytesOf(message);
}

const CODES: Readonly<Record<Code, number>> = { ok: 1, "over-limit": 2 };

/** DescriptorStatus: code 1, current_limit 2, limit_remaining 3, duration_until_reset 4 (Duration: seconds 1). */
function statusMessage({ code, limit, remaining, resetSeconds }: Status): string {
  let message = numberField(1, CODES[code]);
  if (limit !== undefined) message += messageField(2, limitMessage(limit));
  if (remaining > 0) message += numberField(3, remaining);
  if (resetSeconds !== undefined)
    message += messageField(4, resetSeconds > 0 ? numberField(1, resetSeconds) : "");
  return message;
}

/** RateLimit: requests_per_unit 1, unit 2, name 3, unit_multiplier 4 (UInt32Value: value 1). */
function limitMessage({ requestsPerUnit, unit, name, multiplier }: Limit): string {
  let message = requestsPerUnit > 0 ? numberField(1, requestsPerUnit) : "";
  message += numberField(2, UNITS[unit]);
  if (name !== "") message += textField(3, name);
  if (multiplier > 1) message += messageField(4, numberField(1, multiplier));
  return message;
}

const UNITS: Readonly<Record<Unit, number>> = {
  second: 1,
  minute: 2,
  hour: 3,
  day: 4,
  month: 5,
  year: 6,
  week: 7,
};
