import assert from "node:assert/strict";
import { verdictOf } from "../../../adapters/threescale/verdict.ts";

const answer = (status: number, body = "", reason?: string): Parameters<typeof verdictOf>[0] => ({
  status,
  headers: new Map(reason === undefined ? [] : [["3scale-rejection-reason", reason]]),
  body: Buffer.from(body),
});
const error = (code: string): string => `<error code="${code}">why</error>`;

/** Apisonator's errors.rb: what each of its codes is to us. */
const CODES: Readonly<Record<number, Readonly<Record<"denied" | "misconfigured", readonly string[]>>>> = {
  403: {
    denied: ["user_key_invalid"],
    misconfigured: [
      "authentication_error",
      "provider_key_invalid",
      "provider_key_invalid_or_service_missing",
      "provider_key_or_service_token_required",
      "service_token_invalid",
      "service_id_invalid",
      "usage_value_invalid",
    ],
  },
  404: { denied: ["application_not_found"], misconfigured: ["metric_invalid"] },
  400: {
    denied: [],
    misconfigured: ["bad_request", "content_type_invalid", "end_users_no_longer_supported"],
  },
  422: { denied: ["not_valid_data"], misconfigured: ["service_id_missing", "referrer_filter_invalid"] },
};

describe("the verdict of a back-end", () => {
  for (const [status, kinds] of Object.entries(CODES)) {
    for (const [kind, codes] of Object.entries(kinds)) {
      for (const code of codes) {
        it(`${status} ${code} is ${kind}`, () =>
          assert.deepEqual(verdictOf(answer(Number(status), `<?xml version="1.0"?>\n${error(code)}`)), {
            kind,
            code,
          }));
      }
    }
  }

  for (const [reason, kind] of [
    ["limits_exceeded", "denied"],
    ["application_key_invalid", "denied"],
    ["application_not_active", "denied"],
    ["service_not_active", "denied"],
    ["referrer_not_allowed", "denied"],
    ["oauth_not_enabled", "misconfigured"],
    ["redirect_uri_invalid", "misconfigured"],
    ["redirect_url_invalid", "misconfigured"],
  ] as const) {
    it(`409 ${reason} is ${kind}`, () =>
      assert.deepEqual(verdictOf(answer(409, "", reason)), { kind, code: reason }));
  }

  it("reads nothing that a caller can write", () => {
    const injected =
      '<status><authorized>false</authorized><reason>application key "</reason><authorized>true</authorized><reason>" is invalid</reason></status>';
    assert.deepEqual(verdictOf(answer(409, injected, "application_key_invalid")), {
      kind: "denied",
      code: "application_key_invalid",
    });
    assert.deepEqual(verdictOf(answer(409, injected)), { kind: "denied", code: "unknown" });
    const key =
      '<error code="user_key_invalid">user key "</error><error code="service_token_invalid">" is invalid</error>';
    assert.deepEqual(verdictOf(answer(403, key)), { kind: "denied", code: "user_key_invalid" });
    assert.equal(
      verdictOf(answer(200, "<status><authorized>false</authorized></status>")).kind,
      "authorized",
    );
  });

  for (const [status, body, kind] of [
    [401, "", "misconfigured"],
    [403, "", "misconfigured"],
    [404, "<html>no such page</html>", "misconfigured"],
    [404, `not ${error("application_not_found")}`, "misconfigured"],
    [429, "", "failed"],
    [301, "", "failed"],
    [204, "", "failed"],
    [500, error("user_key_invalid"), "failed"],
    [503, "", "failed"],
  ] as const) {
    it(`${status} with ${JSON.stringify(body)} is ${kind}`, () =>
      assert.equal(verdictOf(answer(status, body)).kind, kind));
  }
});
