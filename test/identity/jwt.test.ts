import assert from "node:assert/strict";
import fc from "fast-check";
import { algorithmProblem } from "../../src/identity/algorithms.ts";
import { keySource, type KeyAnswer, type KeySource } from "../../src/identity/jwks.ts";
import { jwtVerifier, type JwtConfig } from "../../src/identity/jwt.ts";
import type { Finding, Presented, Verifier } from "../../src/identity/verifier.ts";
import * as fixture from "./fixture.ts";

const { bearer, encode, ISSUER, NOW_MS, NOW_S, sign, signHmac } = fixture;

const RSA = fixture.rsaPair("rsa-1");
const EC = fixture.ecPair("ec-1");
const OTHER = fixture.rsaPair("rsa-1");
const SECRET = Buffer.alloc(32, 7);

const CONFIG: JwtConfig = {
  issuer: ISSUER,
  audiences: ["mesh", "shop"],
  algorithms: ["RS256", "ES256"],
  from: [{ header: "authorization", scheme: "Bearer" }, { cookie: "session" }, { query: "token" }],
};

const NEVER_FETCH = (): Promise<never> => Promise.reject(new Error("nothing is fetched here"));

const inline = (jwks: unknown, algorithms = CONFIG.algorithms): KeySource =>
  keySource({ kind: "keys", jwks }, algorithms, { fetch: NEVER_FETCH });

const verifierOf = (config: Partial<JwtConfig> = {}, keys = inline(fixture.jwksOf(RSA, EC))): Verifier =>
  jwtVerifier({ ...CONFIG, ...config }, { keys, flood: fixture.NO_FLOOD });

const find = async (verifier: Verifier, token: string | Presented, nowMs = NOW_MS): Promise<Finding> =>
  verifier.find(typeof token === "string" ? bearer(token) : token, nowMs);

/** Another kind of finding, or the reason of a bad one. */
const summary = (finding: Finding): string => (finding.kind === "bad" ? finding.reason : finding.kind);

const unsigned = (header: object, payload: object = {}): string =>
  `${encode(header)}.${encode({ iss: ISSUER, aud: "mesh", exp: NOW_S + 60, ...payload })}.`;

describe("tokens", () => {
  const good = sign(RSA);
  const [head = "", body = "", signature = ""] = good.split(".");
  const pem = RSA.publicKey.export({ type: "spki", format: "pem" });

  const attacks: readonly (readonly [what: string, token: string, expected: string | RegExp])[] = [
    ["a good one of RSA", good, "holds"],
    ["a good one of EC", sign(EC), "holds"],
    ["one for several audiences", sign(RSA, { aud: ["other", "shop"] }), "holds"],
    ["one without a key id, where one key fits", sign(RSA, {}, { kid: undefined }), "holds"],
    ["no algorithm", unsigned({ alg: "none" }), "the token's algorithm is not allowed"],
    ["no algorithm, in another case", unsigned({ alg: "nOnE" }), "the token's algorithm is not allowed"],
    ["no algorithm, with a signature", `${encode({ alg: "none" })}.${body}.${signature}`, /algorithm/],
    ["the public key as a shared secret", signHmac(pem, { kid: RSA.kid }), /algorithm is not allowed/],
    [
      "a public JWK as a shared secret",
      signHmac(JSON.stringify(fixture.jwkOf(RSA)), { kid: RSA.kid }),
      /algorithm/,
    ],
    ["an algorithm that is no text", sign(RSA, {}, { alg: ["RS256"] }), /algorithm is not allowed/],
    ["an algorithm that is not listed", sign(RSA, {}, { alg: "RS512" }), /algorithm is not allowed/],
    ["the algorithm of another key", sign(RSA, {}, { alg: "ES256" }), /not one of the issuer's/],
    ["an unknown key id", sign(RSA, {}, { kid: "rsa-2" }), /not one of the issuer's/],
    ["a path as key id", sign(RSA, {}, { kid: "../../dev/null" }), /not one of the issuer's/],
    ["SQL as key id", sign(RSA, {}, { kid: "x' UNION SELECT 'key" }), /not one of the issuer's/],
    ["__proto__ as key id", sign(RSA, {}, { kid: "__proto__" }), /not one of the issuer's/],
    ["a list as key id", sign(RSA, {}, { kid: ["rsa-1"] }), /key id is not a text/],
    ["another key of that id", sign(OTHER), "the token's signature is wrong"],
    [
      "a key that it brings",
      sign(OTHER, {}, { jwk: fixture.jwkOf(OTHER) }),
      "the token's signature is wrong",
    ],
    ["a URL of keys that it brings", sign(OTHER, {}, { jku: "http://127.0.0.1:1/" }), /signature is wrong/],
    [
      "a certificate that it brings",
      sign(OTHER, {}, { x5u: "http://127.0.0.1:1/", x5c: ["x"] }),
      /signature is wrong/,
    ],
    ["a critical extension", sign(RSA, {}, { crit: ["exp"], exp: 1 }), /demands extensions/],
    [
      "a critical extension that libraries know",
      sign(RSA, {}, { crit: ["b64"], b64: true }),
      /demands extensions/,
    ],
    ["an empty list of extensions", sign(RSA, {}, { crit: [] }), /demands extensions/],
    ["another audience", sign(RSA, { aud: "bank" }), "the token is for another audience"],
    ["no audience", sign(RSA, { aud: undefined }), "the token is for another audience"],
    [
      "an audience that is an object",
      sign(RSA, { aud: { mesh: true } }),
      "the token is for another audience",
    ],
    ["another issuer", sign(RSA, { iss: "https://evil.example.com" }), "absent"],
    ["our issuer with a slash", sign(RSA, { iss: `${ISSUER}/` }), "absent"],
    ["no issuer", sign(RSA, { iss: undefined }), "absent"],
    ["a list of issuers", sign(RSA, { iss: [ISSUER] }), "absent"],
    ["no end", sign(RSA, { exp: undefined }), "the token has no exp"],
    ["an end in words", sign(RSA, { exp: String(NOW_S + 60) }), "the token's exp is not a time"],
    [
      "an end at infinity",
      sign(RSA, `{"iss":"${ISSUER}","aud":"mesh","exp":1e999}`),
      "the token's exp is not a time",
    ],
    ["a huge end", sign(RSA, { exp: 1e18 }), "the token's exp is not a time"],
    ["an end before time began", sign(RSA, { exp: -1 }), "the token's exp is not a time"],
    ["an end that is past", sign(RSA, { exp: NOW_S - 6 }), "the token has expired"],
    ["an end that is just past", sign(RSA, { exp: NOW_S - 4 }), "holds"],
    ["a beginning that is to come", sign(RSA, { nbf: NOW_S + 6 }), "the token is not good yet"],
    ["a beginning that is near", sign(RSA, { nbf: NOW_S + 4 }), "holds"],
    ["an issue that is to come", sign(RSA, { iat: NOW_S + 60 }), "the token is not good yet"],
    ["a beginning in words", sign(RSA, { nbf: "soon" }), "the token's nbf is not a time"],
    ["an issue that is null", sign(RSA, { iat: null }), "the token's iat is not a time"],
    [
      "a token within a token",
      `${head}.${body}.${signature}.${body}.${signature}`,
      "the token cannot be read",
    ],
    ["a sixth part", `${good}.x.y.z`, "absent"],
    ["no signature", `${head}.${body}.`, "the token's signature is wrong"],
    ["a cut signature", good.slice(0, -40), /signature/],
    ["nothing after the payload", `${head}.${body}`, "the token cannot be read"],
    ["a cut payload", `${head}.${body.slice(0, 30)}`, "absent"],
    ["a header that is no JSON", `${encode("{")}.${body}.${signature}`, "the token cannot be read"],
    ["a payload that is a list", sign(RSA, "[1]"), "absent"],
    ["a payload that is a text", sign(RSA, '"x"'), "absent"],
    ["a payload that is null", sign(RSA, "null"), "absent"],
    ["an opaque token", "2YotnFZFEjr1zCsicMWpAA", "absent"],
    ["dots", "..", "absent"],
  ];
  for (const [what, token, expected] of attacks) {
    it(`finds ${typeof expected === "string" ? expected : "bad"}: ${what}`, async () => {
      const found = summary(await find(verifierOf(), token));
      if (typeof expected === "string") assert.equal(found, expected);
      else assert.match(found, expected);
    });
  }

  it("refuses bytes that are not UTF-8, signed or not", async () => {
    const bytes = Buffer.concat([
      Buffer.from(`{"iss":"${ISSUER}","aud":"mesh","exp":${NOW_S + 60},"sub":"`),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}'),
    ]);
    const input = `${head}.${bytes.toString("base64url")}`;
    const found = await find(verifierOf(), `${input}.${fixture.signatureOf(RSA, input)}`);
    assert.equal(summary(found), "the token could not be verified");
  });

  it("refuses deep claims", async () => {
    const deep = `{"iss":"${ISSUER}","aud":"mesh","exp":${NOW_S + 60},"a":${"[".repeat(99)}${"]".repeat(99)}}`;
    assert.equal(summary(await find(verifierOf(), sign(RSA, deep))), "the token's claims nest too deeply");
  });

  it("gives claims as Maps all the way down", async () => {
    const text = `{"iss":"${ISSUER}","aud":"mesh","exp":${NOW_S + 60},"__proto__":{"admin":true},"constructor":1,"a":[{"b":null}],"sub":"x","sub":"y"}`;
    const found = await find(verifierOf(), sign(RSA, text));
    assert.deepEqual(found, {
      kind: "holds",
      claims: new Map<string, unknown>([
        ["iss", ISSUER],
        ["aud", "mesh"],
        ["exp", NOW_S + 60],
        ["__proto__", new Map([["admin", true]])],
        ["constructor", 1],
        ["a", [new Map([["b", null]])]],
        ["sub", "y"],
      ]),
    });
  });

  it("answers absent and remembered ones without a promise", async () => {
    const verifier = verifierOf();
    assert.deepEqual(verifier.find(fixture.presented({}), NOW_MS), { kind: "absent" });
    const first = verifier.find(bearer(good), NOW_MS);
    assert.ok(first instanceof Promise);
    const held = await first;
    assert.equal(verifier.find(bearer(good), NOW_MS), held);
  });

  it("takes the first token that is of its issuer, in the order of the places", async () => {
    const foreign = sign(RSA, { iss: "https://other.example.com" });
    const both = fixture.presented({ authorization: `Bearer ${foreign}`, cookie: `session=${good}` });
    assert.equal((await find(verifierOf(), both)).kind, "holds");
    const worse = fixture.presented({ authorization: `Bearer ${sign(OTHER)}`, cookie: `session=${good}` });
    assert.equal((await find(verifierOf(), worse)).kind, "bad");
    const query = fixture.presented({}, { token: [good] });
    assert.equal((await find(verifierOf(), query)).kind, "holds");
    const two = fixture.presented({ authorization: ["Bearer a", "Bearer b"] });
    assert.equal((await find(verifierOf(), two)).kind, "ambiguous");
  });

  it("compares times with the present clock, for remembered ones too", async () => {
    const verifier = verifierOf();
    const token = sign(RSA, { exp: NOW_S + 600, iat: NOW_S });
    const steps: readonly (readonly [atS: number, expected: string])[] = [
      [0, "holds"],
      [604, "holds"],
      [605, "the token has expired"],
      [86_400, "the token has expired"],
      [0, "holds"],
      [-5, "holds"],
      [-6, "the token is not good yet"],
      [-86_400, "the token is not good yet"],
      [1, "holds"],
    ];
    for (const [atS, expected] of steps) {
      const found = verifier.find(bearer(token), NOW_MS + atS * 1000);
      assert.ok(atS === 0 || !(found instanceof Promise));
      assert.equal(summary(await found), expected, `at ${atS} s`);
    }
  });

  it("remembers no more than it may, and verifies the others again", async () => {
    const verifier = verifierOf({ remembered: 2 });
    const tokens = ["a", "b", "c"].map((sub) => sign(EC, { sub }));
    for (const token of tokens) assert.equal((await find(verifier, token)).kind, "holds");
    const isRemembered = (token = ""): boolean => !(verifier.find(bearer(token), NOW_MS) instanceof Promise);
    assert.deepEqual(
      [isRemembered(tokens[1]), isRemembered(tokens[2]), isRemembered(tokens[0])],
      [true, true, false],
    );
  });

  it("verifies once for all who present a token meanwhile", async () => {
    const keys = inline(fixture.jwksOf(RSA));
    let asked = 0;
    const counting = {
      ...keys,
      find: (wanted: Parameters<KeySource["find"]>[0]) => (asked++, keys.find(wanted)),
    };
    const verifier = verifierOf({}, counting);
    const found = await Promise.all(Array.from({ length: 50 }, () => find(verifier, good)));
    assert.ok(found.every(({ kind }) => kind === "holds"));
    assert.equal(asked, 1);
  });

  it("verifies so many at one time and no more, however long the keys take", async () => {
    const keys = Promise.withResolvers<KeyAnswer>();
    const verifier = verifierOf({}, { ...inline(fixture.jwksOf(RSA)), find: () => keys.promise });
    const token = (index: number): string => `${encode({ alg: "RS256" })}.${encode(claims(index))}.`;
    const claims = (index: number) => ({ iss: ISSUER, exp: NOW_S + 60, sub: String(index) });
    const waiting = Array.from({ length: 10_000 }, (_, index) => find(verifier, token(index)));
    assert.equal(summary(await find(verifier, token(10_000))), "unavailable");
    const shared = find(verifier, token(0));
    keys.resolve({ kind: "unknown" });
    const unknown = "the token's key is not one of the issuer's";
    assert.deepEqual(new Set((await Promise.all([...waiting, shared])).map(summary)), new Set([unknown]));
    assert.equal(summary(await find(verifier, token(10_000))), unknown);
  });

  it("takes shared secrets from inline keys", async () => {
    const keys = inline({ keys: [{ kty: "oct", k: SECRET.toString("base64url") }] }, ["HS256"]);
    const verifier = verifierOf({ algorithms: ["HS256"] }, keys);
    assert.equal((await find(verifier, signHmac(SECRET, {}))).kind, "holds");
    assert.equal((await find(verifier, signHmac(Buffer.alloc(32, 8), {}))).kind, "bad");
  });

  it("never holds a mutated token, and never throws", async () => {
    const verifier = verifierOf();
    const token = sign(EC);
    const character = fc.constantFrom(...Array.from("ABCDEFGHwxyz0189-_.=+/ \u00e9"));
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), character, fc.nat(2), async (at, by, cut) => {
        const mutated = token.slice(0, at) + by + token.slice(at + cut);
        // Blanks around it are the header's.
        if (mutated.trim() === token) return;
        const found = await find(verifier, mutated);
        assert.notEqual(found.kind, "holds", mutated);
      }),
      { numRuns: 400 },
    );
    for (const last of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
      const mutated = good.slice(0, -1) + last;
      assert.equal((await find(verifier, mutated)).kind, mutated === good ? "holds" : "bad");
    }
  });

  it("never holds what nobody signed, and never throws or quotes it", async () => {
    const verifier = verifierOf();
    const part = fc.oneof(fc.string(), fc.json().map(encode), fc.base64String());
    const claims = fc.dictionary(fc.constantFrom("iss", "aud", "exp", "nbf", "sub"), fc.anything());
    const payload = claims.map((some) =>
      encode(JSON.stringify({ iss: ISSUER, exp: NOW_S + 9, ...some }, plain)),
    );
    const token = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(part).map((parts) => parts.join(".")),
      fc.tuple(part, payload, part).map((parts) => parts.join(".")),
    );
    await fc.assert(
      fc.asyncProperty(token, async (text) => {
        const found = await find(verifier, text);
        assert.notEqual(found.kind, "holds");
        if ("reason" in found && text.length > 12) assert.ok(!found.reason.includes(text));
      }),
      { numRuns: 1_000 },
    );
  });
});

const plain = (_name: string, value: unknown): unknown =>
  typeof value === "bigint" ? value.toString() : value;

describe("algorithmProblem", () => {
  const lists: readonly (readonly [
    algorithms: readonly string[],
    keys: "url" | "keys",
    problem: RegExp | undefined,
  ])[] = [
    [["RS256", "ES256"], "url", undefined],
    [["RS256", "PS512", "EdDSA"], "keys", undefined],
    [["HS256", "HS512"], "keys", undefined],
    [["HS256"], "url", /must not come from a URL/],
    [["HS256", "RS256"], "keys", /HS256 takes a shared secret and the others public keys/],
    [["none"], "keys", /"none" accepts tokens that nobody signed/],
    [["RS256", "None"], "keys", /"None" is not a signature algorithm; known: RS256/],
    [[], "url", /at least one/],
  ];
  for (const [algorithms, keys, problem] of lists) {
    it(`${problem === undefined ? "accepts" : "refuses"} [${algorithms.join(", ")}] from ${keys}`, () => {
      const found = algorithmProblem(algorithms, keys);
      if (problem === undefined) assert.equal(found, undefined);
      else assert.match(found ?? "", problem);
    });
  }
});
