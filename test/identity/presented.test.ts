import assert from "node:assert/strict";
import fc from "fast-check";
import { findCredentials, MAX_CREDENTIAL_LENGTH } from "../../src/identity/presented.ts";
import type { CredentialPlace, Presented } from "../../src/identity/verifier.ts";
import { presented } from "./fixture.ts";

const BEARER: CredentialPlace = { header: "authorization", scheme: "Bearer" };
const KEY: CredentialPlace = { header: "x-api-key" };
const COOKIE: CredentialPlace = { cookie: "session" };
const QUERY: CredentialPlace = { query: "token" };

/** What is expected: the credentials, or the kind of refusal. */
type Expected = readonly string[] | "ambiguous" | "bad";

function check(presentedValue: Presented, places: readonly CredentialPlace[], expected: Expected): void {
  const found = findCredentials(presentedValue, places);
  assert.deepEqual(found.kind === "found" ? found.credentials : found.kind, expected);
}

/** As Envoy sends it without raw headers: joined already. */
const joined = (values: Presented): Presented => ({ ...values, headersAll: undefined });

describe("presented credentials", () => {
  const authorization: readonly (readonly [value: string, expected: Expected])[] = [
    ["Bearer x", ["x"]],
    ["bearer x", ["x"]],
    ["BEARER   x", ["x"]],
    ["  Bearer x  ", ["x"]],
    ["Bearer", []],
    ["Bearer ", []],
    ["", []],
    ["Bearerx", []],
    ["Bearer\tx", []],
    ["x", []],
    ["Basic eDp5", []],
    ['Digest a="b", c="d"', []],
    ['Digest a="b,c", c=d,, e="f\\"g"', []],
    ['Digest a="b, Bearer x"', []],
    ['Digest a="b, Bearer x', "ambiguous"],
    ['Digest a="b\\", Bearer x', "ambiguous"],
    ['Digest a="b", Bearer x', "ambiguous"],
    ['Digest a="b", Bearer =x', "ambiguous"],
    ["Basic eDp5, Bearer x", "ambiguous"],
    ["Bearer x, Basic eDp5", "ambiguous"],
    ["Bearer a, Bearer b", "ambiguous"],
    ["Bearer a, Bearer a", "ambiguous"],
    ["Bearer a,b", "ambiguous"],
    ["Bearer a,", "ambiguous"],
    [", Bearer a", "ambiguous"],
    ["Bearer a, b=c", "ambiguous"],
    ["Bearer a b", ["a b"]],
    [`Bearer ${"x".repeat(MAX_CREDENTIAL_LENGTH)}`, ["x".repeat(MAX_CREDENTIAL_LENGTH)]],
    [`Bearer ${"x".repeat(MAX_CREDENTIAL_LENGTH + 1)}`, "bad"],
  ];
  for (const [value, expected] of authorization) {
    it(`reads an Authorization of ${JSON.stringify(value.slice(0, 40))}, header map and header list alike`, () => {
      check(presented({ authorization: value }), [BEARER], expected);
      check(joined(presented({ authorization: value })), [BEARER], expected);
    });
  }

  it("takes two lines for two values, whatever stands in them", () => {
    for (const lines of [
      ["Bearer a", "Bearer a"],
      ["Bearer a", ""],
      ["", "Bearer a"],
      ["Basic x", "Digest y=z"],
    ]) {
      check(presented({ authorization: lines }), [BEARER], "ambiguous");
    }
    check(presented({ "x-api-key": ["a", "a"] }), [KEY], "ambiguous");
    check(joined(presented({ "x-api-key": ["a", "b"] })), [KEY], "ambiguous");
  });

  it("takes the whole value of a header without a scheme", () => {
    check(presented({ "x-api-key": " abc " }), [KEY], ["abc"]);
    check(presented({ "x-api-key": "" }), [KEY], []);
    check(presented({}), [KEY], []);
  });

  const cookies: readonly (readonly [lines: string | readonly string[], expected: Expected])[] = [
    ["session=x", ["x"]],
    ["a=1; session=x; b=2", ["x"]],
    ["a=1;session = x ;b=2", ["x"]],
    ['session="x"', ["x"]],
    ['session=""', []],
    ["session=", []],
    ["session", []],
    ["Session=x", []],
    ["xsession=x", []],
    ["session=a=b==", ["a=b=="]],
    ["session=x; session=x", "ambiguous"],
    ["session=x; session=", "ambiguous"],
    ["session=x,session=y", "ambiguous"],
    ["a=1,session=y", "ambiguous"],
    ["session=a,b", "ambiguous"],
    ["a=1,2; session=x", ["x"]],
    [["a=1", "session=x"], ["x"]],
    [["session=x", "session=y"], "ambiguous"],
    ["__proto__=1; constructor=2; session=x", ["x"]],
  ];
  for (const [lines, expected] of cookies) {
    it(`reads a cookie in ${JSON.stringify(lines)}`, () => {
      check(presented({ cookie: lines }), [COOKIE], expected);
    });
  }

  it("finds one hidden in joined Cookie lines ambiguous, not absent", () => {
    check(joined(presented({ cookie: ["a=1", "session=x"] })), [COOKIE], "ambiguous");
  });

  it("reads query parameters, twice the same as ambiguous", () => {
    check(presented({}, { token: ["x"] }), [QUERY], ["x"]);
    check(presented({}, { token: [""] }), [QUERY], []);
    check(presented({}, { token: ["x", "x"] }), [QUERY], "ambiguous");
    check({ ...presented({}), query: undefined }, [QUERY], []);
  });

  it("keeps the order of the places", () => {
    const all = presented({ authorization: "Bearer b", cookie: "session=c" }, { token: ["q"] });
    check(all, [BEARER, COOKIE, QUERY], ["b", "c", "q"]);
    check(all, [QUERY, COOKIE, BEARER], ["q", "c", "b"]);
    check(presented({ cookie: "session=c" }), [BEARER, COOKIE, QUERY], ["c"]);
  });

  it("never throws, never quotes a credential, and finds nothing that was not sent", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom(...Array.from('Bearer sion=,;" \\\t')) }),
    );
    fc.assert(
      fc.property(text, text, fc.array(text), (value, cookie, query) => {
        const values = presented({ authorization: value, cookie, "x-api-key": value }, { token: query });
        for (const one of [values, joined(values)]) {
          const found = findCredentials(one, [BEARER, COOKIE, QUERY, KEY]);
          if (found.kind !== "found")
            assert.match(found.reason, /(header|cookie|query parameter) [a-z-]+( is|$)/);
          else
            for (const credential of found.credentials) {
              assert.ok([value, cookie, ...query].some((sent) => sent.includes(credential)));
            }
        }
      }),
      { numRuns: 500 },
    );
  });
});
