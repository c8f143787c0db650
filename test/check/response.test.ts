import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeResponse } from "../../src/check/response.ts";
import type { Denied, Verdict } from "../../src/check/verdict.ts";
import { CheckResponse } from "../../src/wire/envoy/service/auth/v3/external_auth.ts";

const by = { policy: "a", rule: "one" };
const decisionId = "d_abc";

const decoded = (verdict: Verdict, dialect: "http" | "grpc" = "http"): CheckResponse =>
  CheckResponse.decode(encodeResponse(verdict, { decisionId, dialect }));

const refusal = (more: Partial<Denied> = {}): Denied => ({
  ...{ kind: "deny", by, status: 403, body: "No.\n", contentType: "text/plain", headers: [], metadata: [] },
  ...more,
});

type Options = readonly { header?: { key: string; value: string } | undefined }[];
const pairs = (options: Options): [key: string, value: string][] =>
  options.map(({ header }) => [header?.key ?? "", header?.value ?? ""]);

describe("an answer to Envoy", () => {
  const allowed: Verdict = {
    ...{ kind: "allow", by, grants: [by] },
    requestSet: [["x-user", "alice"]],
    requestRemove: ["x-debug"],
    responseSet: [
      ["x-seen", "1"],
      ["set-cookie", "a=b"],
    ],
    responseAppend: [["vary", "cookie"]],
    querySet: [["v", "2"]],
    queryRemove: ["debug"],
    metadata: [["team", "red"]],
  };

  it("that allows says what to change", () => {
    const { status, okResponse, deniedResponse, errorResponse } = decoded(allowed);
    assert.equal(status?.code, 0);
    assert.deepEqual([deniedResponse, errorResponse], [undefined, undefined]);
    assert.ok(okResponse);
    assert.deepEqual(pairs(okResponse.headers), [["x-user", "alice"]]);
    assert.deepEqual(okResponse.headersToRemove, ["x-debug"]);
    assert.deepEqual(pairs(okResponse.responseHeadersToAdd), [
      ["x-seen", "1"],
      ["set-cookie", "a=b"],
      ["vary", "cookie"],
    ]);
    assert.deepEqual(okResponse.queryParametersToSet, [{ key: "v", value: "2" }]);
    assert.deepEqual(okResponse.queryParametersToRemove, ["debug"]);
  });

  it("that allows escapes parameters of the query, which Envoy writes into the path as they are", () => {
    const querySet = [["a b", "1&admin=1#\u00e9\ud800"]] as const;
    const { okResponse } = decoded({ ...allowed, querySet });
    const value = "1%26admin%3D1%23%C3%A9%EF%BF%BD";
    assert.deepEqual(okResponse?.queryParametersToSet, [{ key: "a%20b", value }]);
  });

  it("that allows replaces headers, and adds cookies to those of the upstream", () => {
    const { okResponse } = decoded(allowed);
    assert.deepEqual(
      okResponse?.headers.map(({ append }) => append),
      [false],
    );
    assert.deepEqual(
      okResponse.responseHeadersToAdd.map(({ append }) => append),
      [false, true, true],
    );
  });

  it("says in its metadata what was decided, beside what policies add", () => {
    for (const verdict of [allowed, refusal({ metadata: [["team", "red"]] })]) {
      const fields = decoded(verdict).dynamicMetadata?.fields;
      assert.deepEqual([...(fields?.keys() ?? [])].sort(), ["team", "weir"]);
      assert.equal(fields?.get("team")?.stringValue, "red");
      assert.equal(fields.get("weir")?.structValue?.fields.get("verdict")?.stringValue, verdict.kind);
    }
  });

  it("that refuses says so with status, headers and body", () => {
    const { status, okResponse, deniedResponse, errorResponse } = decoded(
      refusal({ status: 401, headers: [["www-authenticate", "Bearer"]] }),
    );
    assert.equal(status?.code, 7);
    assert.deepEqual([okResponse, errorResponse], [undefined, undefined]);
    assert.equal(deniedResponse?.status?.code, 401);
    assert.equal(deniedResponse.body, "No.\n");
    assert.deepEqual(pairs(deniedResponse.headers), [
      ["content-type", "text/plain"],
      ["x-weir-decision", decisionId],
      ["www-authenticate", "Bearer"],
    ]);
    assert.ok(deniedResponse.headers.every(({ append }) => append === false));
  });

  it("that could not be decided is an error, for the filter's failure mode", () => {
    const { status, okResponse, deniedResponse, errorResponse } = decoded({ kind: "error", by });
    assert.equal(status?.code, 14);
    assert.deepEqual([okResponse, deniedResponse], [undefined, undefined]);
    assert.equal(errorResponse?.status?.code, 503);
    assert.deepEqual(pairs(errorResponse.headers), [["x-weir-decision", decisionId]]);
  });

  for (const [status, code] of [
    [400, 3],
    [401, 16],
    [403, 7],
    [302, 16],
    [307, 16],
    [404, 5],
    [429, 8],
    [500, 13],
    [503, 14],
    [418, 2],
  ] as const) {
    it(`that refuses a gRPC call with ${status} has the gRPC status ${code}`, () => {
      const { deniedResponse } = decoded(refusal({ status, body: "50% – no.\nMore\n" }), "grpc");
      const headers: Record<string, string> = Object.fromEntries(pairs(deniedResponse?.headers ?? []));
      assert.equal(headers["grpc-status"], String(code));
      assert.equal(headers["grpc-message"], "50%25 %E2%80%93 no.%0AMore");
      assert.equal(headers["x-weir-decision"], decisionId);
      assert.equal(headers["content-type"], undefined);
    });
  }

  const text = fc.string({ unit: "binary", maxLength: 10 });
  const headers = fc.array(fc.tuple(text, text), { maxLength: 3 });
  const decider = fc.record({ policy: text, rule: text });
  const verdict: fc.Arbitrary<Verdict> = fc.oneof(
    fc.record({
      kind: fc.constant("allow" as const),
      by: decider,
      grants: fc.constant([]),
      requestSet: headers,
      requestRemove: fc.array(text, { maxLength: 3 }),
      responseSet: headers,
      responseAppend: headers,
      querySet: headers,
      queryRemove: fc.array(text, { maxLength: 3 }),
      metadata: headers,
    }),
    fc.record({
      kind: fc.constant("deny" as const),
      by: decider,
      status: fc.integer({ min: 400, max: 599 }),
      body: text,
      contentType: text,
      headers,
      metadata: headers,
    }),
    fc.record({ kind: fc.constant("error" as const), by: decider }),
  );

  it("is never empty, and allows only what was allowed", () => {
    fc.assert(
      fc.property(verdict, fc.constantFrom("http" as const, "grpc" as const), (one, dialect) => {
        const bytes = encodeResponse(one, { decisionId, dialect });
        assert.ok(bytes.length > 0);
        const { status, okResponse, deniedResponse, errorResponse, dynamicMetadata } =
          CheckResponse.decode(bytes);
        // Envoy allows when the code is 0, and an absent status has the code 0.
        assert.ok(status);
        assert.equal(status.code === 0, one.kind === "allow");
        assert.equal(okResponse !== undefined, one.kind === "allow");
        assert.equal(deniedResponse !== undefined, one.kind === "deny");
        assert.equal(errorResponse !== undefined, one.kind === "error");
        const fields = dynamicMetadata?.fields.get("weir")?.structValue?.fields;
        assert.equal(fields?.get("decision")?.stringValue, decisionId);
        assert.equal(fields.get("verdict")?.stringValue, one.kind);
        assert.equal(fields.get("policy")?.stringValue, one.by.policy.toWellFormed());
        assert.equal(fields.get("rule")?.stringValue, one.by.rule.toWellFormed());
        const message = deniedResponse?.headers.find(({ header }) => header?.key === "grpc-message");
        if (dialect === "grpc" && one.kind === "deny")
          assert.match(message?.header?.value ?? "", /^[\x20-\x7e]*$/);
      }),
    );
  });
});
