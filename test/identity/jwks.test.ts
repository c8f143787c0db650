import assert from "node:assert/strict";
import type { Fetch } from "../../src/adapter/host.ts";
import { jwksProblem, keySource, type KeysFrom, type KeySource } from "../../src/identity/jwks.ts";
import { readKeySet } from "../../src/identity/key-set.ts";
import { jwtVerifier } from "../../src/identity/jwt.ts";
import type { Finding, Verifier } from "../../src/identity/verifier.ts";
import * as fixture from "./fixture.ts";

const { bearer, httpFetch, ISSUER, jwkOf, jwksOf, NOW_MS, sign } = fixture;
const ALGORITHMS = ["RS256", "ES256"];
const [OLD, NEW, THIRD] = [fixture.ecPair("old"), fixture.ecPair("new"), fixture.ecPair("third")];

/** A verifier over fetched keys, a clock that the test moves, and how often was fetched. */
interface Setup {
  readonly verifier: Verifier;
  readonly keys: KeySource;
  readonly fetched: () => number;
  readonly pass: (ms: number) => void;
}

type Terms = Omit<Extract<KeysFrom, { kind: "url" }>, "kind" | "url">;

describe("keys by URL", () => {
  let server: fixture.KeyServer;
  let published: unknown;
  const opened: Verifier[] = [];

  beforeEach(async () => {
    published = jwksOf(OLD);
    server = await fixture.keyServer(() => published);
  });
  afterEach(async () => {
    for (const verifier of opened.splice(0)) verifier.close();
    await server.close();
  });

  function setup(terms: Terms = {}, fetch: Fetch = httpFetch): Setup {
    let atMs = 0;
    let fetched = 0;
    const counting: Fetch = (request) => {
      fetched++;
      return fetch(request);
    };
    const world = { fetch: counting, elapsedMs: () => atMs, random: () => 1 };
    const keys = keySource({ kind: "url", url: server.url, ...terms }, ALGORITHMS, world);
    const verifier = jwtVerifier(
      {
        issuer: ISSUER,
        audiences: ["mesh"],
        algorithms: ALGORITHMS,
        from: [{ header: "authorization", scheme: "Bearer" }],
      },
      { keys, flood: fixture.NO_FLOOD },
    );
    opened.push(verifier);
    return { verifier, keys, fetched: () => fetched, pass: (ms) => (atMs += ms) };
  }

  const kindOf = async ({ verifier }: Setup, token: string): Promise<Finding["kind"]> =>
    (await verifier.find(bearer(token), NOW_MS)).kind;

  it("waits for the first reading, which is one for all who wait", async () => {
    const own = setup();
    own.verifier.start();
    own.verifier.start();
    assert.equal(own.verifier.status().state, "starting");
    const kinds = await Promise.all(["a", "b", "c"].map((sub) => kindOf(own, sign(OLD, { sub }))));
    assert.deepEqual(kinds, ["holds", "holds", "holds"]);
    assert.equal(own.fetched(), 1);
    assert.deepEqual(own.verifier.status(), {
      state: "ready",
      detail: `1 key of ${server.url.replace("?secret=1", "")}, read 0 s ago`,
    });
  });

  it("reads again for an unknown key id, and forgets what a withdrawn key proved", async () => {
    const own = setup();
    const [before, after] = [sign(OLD), sign(NEW)];
    assert.equal(await kindOf(own, before), "holds");
    published = jwksOf(OLD, NEW);
    own.pass(10_000);
    assert.equal(await kindOf(own, after), "holds");
    assert.equal(own.fetched(), 2);
    // Still there: remembered, and at hand.
    assert.ok(!(own.verifier.find(bearer(before), NOW_MS) instanceof Promise));
    published = jwksOf(NEW, THIRD);
    own.pass(10_000);
    assert.equal(await kindOf(own, sign(THIRD)), "holds");
    assert.ok(!(own.verifier.find(bearer(after), NOW_MS) instanceof Promise));
    assert.equal(await kindOf(own, before), "bad");
    assert.equal(own.fetched(), 3);
  });

  it("forgets a withdrawn key whose id another key took over", async () => {
    const own = setup();
    const token = sign(OLD);
    assert.equal(await kindOf(own, token), "holds");
    published = { keys: [{ ...jwkOf(NEW), kid: "old" }, jwkOf(THIRD)] };
    own.pass(10_000);
    assert.equal(await kindOf(own, sign(THIRD)), "holds");
    assert.equal(await kindOf(own, token), "bad");
  });

  it("rotates in mid-load without a wrong answer", async () => {
    const own = setup({ cooldownMs: 0 });
    const tokens = (pair: fixture.Pair): string[] =>
      Array.from({ length: 50 }, (_, at) => sign(pair, { sub: String(at) }));
    const ask = async (asked: readonly string[]): Promise<Set<string>> =>
      new Set(await Promise.all(asked.map((token) => kindOf(own, token))));
    const [old, fresh] = [tokens(OLD), tokens(NEW)];
    assert.deepEqual(await ask(old), new Set(["holds"]));
    const running = ask(old);
    published = jwksOf(OLD, NEW);
    assert.deepEqual(await ask([...fresh, ...old]), new Set(["holds"]));
    assert.deepEqual(await running, new Set(["holds"]));
  });

  it("asks the issuer once a cooldown, however many unknown key ids come", async () => {
    const own = setup();
    assert.equal(await kindOf(own, sign(OLD)), "holds");
    for (let round = 0; round < 3; round++) {
      own.pass(10_000);
      const flood = Array.from({ length: 200 }, (_, at) => sign(OLD, {}, { kid: `${round}-${at}` }));
      const kinds = new Set(await Promise.all(flood.map((token) => kindOf(own, token))));
      assert.deepEqual(kinds, new Set(["bad"]));
      for (const token of flood) assert.equal(await kindOf(own, token), "bad");
      assert.equal(own.fetched(), 2 + round);
    }
    assert.equal(server.asked(), 4);
  });

  it("answers unavailable while keys were never read, only to who presents a token of this issuer", async () => {
    const own = setup();
    server.answer = (send) => send(503, "later");
    own.verifier.start();
    assert.equal(await kindOf(own, sign(OLD)), "unavailable");
    assert.equal(await kindOf(own, sign(OLD)), "unavailable");
    assert.equal(await kindOf(own, sign(OLD, { iss: "https://other.example.com" })), "absent");
    assert.equal(own.verifier.find(fixture.presented({}), NOW_MS) instanceof Promise, false);
    assert.equal(own.fetched(), 1);
    assert.equal(own.verifier.status().state, "failing");
    assert.match(
      own.verifier.status().detail,
      /^no keys of http:\/\/127\.0\.0\.1:\d+\/certs: it answered 503$/,
    );
    server.answer = (send) => send(200, JSON.stringify(published));
    own.pass(10_000);
    assert.equal(await kindOf(own, sign(OLD)), "holds");
  });

  it("uses the last good keys for a bounded time when the issuer is gone", async () => {
    const own = setup({ maxStaleMs: 60_000 });
    const token = sign(OLD);
    assert.equal(await kindOf(own, token), "holds");
    await server.close();
    own.pass(50_000);
    assert.equal(await kindOf(own, sign(NEW)), "bad");
    assert.equal(own.verifier.status().state, "stale");
    assert.match(
      own.verifier.status().detail,
      /^1 key of .*read 50 s ago; since then: it could not be reached/,
    );
    assert.equal(await kindOf(own, token), "holds");
    own.pass(10_001);
    assert.equal(await kindOf(own, token), "unavailable");
    assert.equal(await kindOf(own, sign(OLD, { sub: "bob" })), "unavailable");
    assert.equal(own.verifier.status().state, "failing");
    assert.match(own.verifier.status().detail, /read 60 s ago, which is too old$/);
  });

  const wrong: readonly (readonly [what: string, status: number, body: string, reason: RegExp])[] = [
    ["an error", 500, "{}", /it answered 500/],
    ["a redirect", 302, "", /it answered 302/],
    ["no JSON", 200, "<html>", /it is not a JWKS: it has no list `keys`/],
    ["JSON of another form", 200, '{"keys":{}}', /no list `keys`/],
    ["no keys", 200, '{"keys":[]}', /none of its 0 keys is of use for RS256, ES256/],
    [
      "nonsense for keys",
      200,
      '{"keys":[null,1,"x",[],{"kty":"RSA"},{"kty":"EC","crv":"P-256","x":"!"}]}',
      /none of its 6 keys/,
    ],
    [
      "too many keys",
      200,
      JSON.stringify({ keys: Array.from({ length: 1_001 }, () => ({ kty: "EC" })) }),
      /more than 1000 keys/,
    ],
    ["too much", 200, JSON.stringify({ keys: [], pad: "x".repeat(1_048_576) }), /larger than 1048576 bytes/],
  ];
  for (const [what, status, body, reason] of wrong) {
    it(`keeps the last good keys when it is sent ${what}`, async () => {
      const own = setup();
      assert.equal(await kindOf(own, sign(OLD)), "holds");
      server.answer = (send) => send(status, body);
      own.pass(10_000);
      assert.equal(await kindOf(own, sign(NEW)), "bad");
      assert.equal(own.verifier.status().state, "stale");
      assert.match(own.verifier.status().detail, reason);
      assert.equal(await kindOf(own, sign(OLD, { sub: "bob" })), "holds");
    });
  }

  it("gives up a slow answer when its time is up, and answers meanwhile from what it has", async () => {
    const short: Fetch = (request) => httpFetch({ ...request, timeoutMs: 50 });
    const own = setup({}, short);
    assert.equal(await kindOf(own, sign(OLD)), "holds");
    server.answer = () => undefined;
    own.pass(10_000);
    const waiting = kindOf(own, sign(NEW));
    assert.equal(await kindOf(own, sign(OLD, { sub: "bob" })), "holds");
    assert.equal(await waiting, "bad");
  });

  it("ends what is under way when it is closed, and fetches no more", async () => {
    server.answer = () => undefined;
    const own = setup();
    own.verifier.start();
    const waiting = kindOf(own, sign(OLD));
    own.verifier.close();
    own.verifier.close();
    assert.equal(await waiting, "unavailable");
    own.pass(60_000);
    assert.equal(await kindOf(own, sign(OLD)), "unavailable");
    assert.equal(own.fetched(), 1);
  });

  it("does not hold the process up, and reads again by itself", async () => {
    const own = setup({ refreshMs: 20 });
    own.verifier.start();
    assert.equal(await kindOf(own, sign(OLD)), "holds");
    published = jwksOf(NEW);
    while (own.fetched() < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(await kindOf(own, sign(NEW)), "holds");
    assert.equal(own.verifier.status().state, "ready");
  });

  it("survives a fetch that throws", async () => {
    const own = setup({}, () => {
      throw new Error("refused address");
    });
    assert.equal(await kindOf(own, sign(OLD)), "unavailable");
    assert.match(own.verifier.status().detail, /refused address$/);
  });
});

describe("key sets", () => {
  const of = (jwk: object, source: "url" | "keys" = "url", algorithms = ALGORITHMS): boolean =>
    typeof readKeySet({ keys: [jwk] }, { algorithms, source }) !== "string";
  const rsa = jwkOf(fixture.rsaPair("a"));
  const secret = (bytes: number): object => ({ kty: "oct", k: Buffer.alloc(bytes, 1).toString("base64url") });

  const keys: readonly (readonly [what: string, isOfUse: boolean, expected: boolean])[] = [
    ["an RSA key", of(rsa), true],
    ["one without use and alg", of({ ...rsa, use: undefined, alg: undefined }), true],
    ["one for encryption", of({ ...rsa, use: "enc" }), false],
    ["one for signing only", of({ ...rsa, key_ops: ["sign"] }), false],
    ["one for verifying", of({ ...rsa, key_ops: ["verify"] }), true],
    ["one of another algorithm", of({ ...rsa, alg: "RS512" }), false],
    ["one with a number for id", of({ ...rsa, kid: 1 }), false],
    ["a private one", of(fixture.rsaPair("p").privateKey.export({ format: "jwk" })), false],
    ["a short one", of(jwkOf(fixture.rsaPair("s", 1024))), false],
    ["an EC key of another curve", of({ ...jwkOf(OLD), crv: "P-384" }), false],
    ["a shared secret from a URL", of(secret(32), "url", ["HS256"]), false],
    ["a shared secret of the file", of(secret(32), "keys", ["HS256"]), true],
    ["a short shared secret", of(secret(31), "keys", ["HS256"]), false],
    ["a shared secret where public keys are wanted", of(secret(32), "keys"), false],
  ];
  for (const [what, isOfUse, expected] of keys) {
    it(`${expected ? "takes" : "passes over"} ${what}`, () => assert.equal(isOfUse, expected));
  }

  it("does not guess between two keys", () => {
    const set = readKeySet(
      { keys: [jwkOf(OLD), { ...jwkOf(NEW), kid: "old" }] },
      { algorithms: ALGORITHMS, source: "url" },
    );
    assert.ok(typeof set !== "string");
    assert.equal(set.find({ algorithm: "ES256", keyId: "old" }), undefined);
    assert.equal(set.find({ algorithm: "ES256", keyId: undefined }), undefined);
    const twice = readKeySet({ keys: [jwkOf(OLD), jwkOf(OLD)] }, { algorithms: ALGORITHMS, source: "url" });
    assert.ok(typeof twice !== "string");
    assert.ok(twice.find({ algorithm: "ES256", keyId: "old" }));
  });

  it("says what is wrong with keys of the configuration, and answers unavailable with them", async () => {
    assert.equal(jwksProblem(jwksOf(OLD), ALGORITHMS), undefined);
    assert.match(jwksProblem({ keys: [] }, ALGORITHMS) ?? "", /none of its 0 keys/);
    const world = { fetch: () => Promise.reject(new Error("none")) };
    const source = keySource({ kind: "keys", jwks: 7 }, ALGORITHMS, world);
    assert.equal((await source.find({ algorithm: "ES256", keyId: undefined })).kind, "unavailable");
    assert.equal(source.status().state, "failing");
  });
});
