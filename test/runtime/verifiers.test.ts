import assert from "node:assert/strict";
import type { Fetch } from "../../src/adapter/host.ts";
import { apiKeyDigest } from "../../src/identity/api-key.ts";
import type { Finding } from "../../src/identity/verifier.ts";
import type { Snapshot } from "../../src/policy/snapshot.ts";
import { VerifierPool, type PreparedVerifiers, type VerifierWorld } from "../../src/runtime/verifiers.ts";
import { snapshotOf } from "../check/fixture.ts";
import { bearer, ecPair, ISSUER, jwksOf, NO_FLOOD, NOW_MS, presented, sign } from "../identity/fixture.ts";

const PAIR = ecPair("one");
const PEPPER = "a pepper of thirty-two characters";
const DIGEST = apiKeyDigest(PEPPER, "secret");

const user = (audience: string, url = "https://idp.example.com/certs"): string => `
  user:
    jwt:
      issuer: ${ISSUER}
      audiences: [${audience}]
      jwks: ${url}
      algorithms: [ES256]
      claims: { sub: string }
`;

/** A snapshot of policies, each with its own identity, or with the one of a shared file. */
const jwtSnapshot = (audience: string, policies: readonly string[], url?: string): Snapshot =>
  snapshotOf(
    ...policies.map(
      (name) =>
        `policy: ${name}\nmatch: everything\nidentities:${user(audience, url)}rules:\n  - id: all\n    allow: auth.user.sub == "alice"\n`,
    ),
  );

/** Fetches that are answered with keys, or not at all. */
function fetching() {
  const asked: string[] = [];
  let isOpen = true;
  const fetch: Fetch = ({ url, signal }) => {
    asked.push(url);
    const body = Buffer.from(JSON.stringify(jwksOf(PAIR)));
    if (isOpen) return Promise.resolve({ status: 200, headers: new Map(), body });
    return new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new Error("aborted")));
    });
  };
  return { asked, fetch, shut: () => (isOpen = false) };
}

describe("verifiers", () => {
  let pools: VerifierPool[] = [];
  afterEach(() => {
    for (const pool of pools) pool.close();
    pools = [];
  });

  const open = (world: Partial<VerifierWorld> = {}): VerifierPool => {
    const pool = new VerifierPool({
      fetch: () => Promise.reject(new Error("nothing is fetched")),
      flood: () => NO_FLOOD,
      pepper: () => PEPPER,
      ...world,
    });
    pools.push(pool);
    return pool;
  };
  const only = ({ verifiers }: PreparedVerifiers) =>
    [...verifiers.values()][0] ?? assert.fail("there is none");
  const kindOf = async (found: Finding | Promise<Finding>): Promise<string> => (await found).kind;

  it("of a JWT survive a reload with their keys and the tokens that they have verified", async () => {
    const { asked, fetch, shut } = fetching();
    const pool = open({ fetch });
    const first = pool.prepare(jwtSnapshot("mesh", ["a"]).identities);
    assert.deepEqual(pool.use(first), []);
    const token = bearer(sign(PAIR));
    assert.equal(await kindOf(only(first).find(token, NOW_MS)), "holds");
    shut();
    const second = pool.prepare(jwtSnapshot("mesh", ["a", "b"]).identities);
    assert.deepEqual(pool.use(second), []);
    assert.deepEqual(new Set(second.verifiers.values()), new Set([only(first)]), "one for the same proof");
    const again = only(second).find(token, NOW_MS);
    assert.ok(!(again instanceof Promise), "nobody is waited for");
    assert.equal(again.kind, "holds");
    assert.equal(asked.length, 1);
  });

  it("fetch nothing before their configuration is live", () => {
    const { asked, fetch } = fetching();
    const pool = open({ fetch });
    const prepared = pool.prepare(jwtSnapshot("mesh", ["a"]).identities);
    assert.equal(asked.length, 0);
    pool.use(prepared);
    assert.equal(asked.length, 1);
  });

  it("that are not used any more are handed back, still good, and closed by whoever lets the last request end", async () => {
    const { asked, fetch, shut } = fetching();
    const pool = open({ fetch });
    const first = pool.prepare(jwtSnapshot("mesh", ["a"]).identities);
    pool.use(first);
    const known = bearer(sign(PAIR));
    assert.equal(await kindOf(only(first).find(known, NOW_MS)), "holds");
    const second = pool.prepare(jwtSnapshot("other", ["a"]).identities);
    const unused = pool.use(second);
    assert.deepEqual(unused, [only(first)]);
    assert.notEqual(only(second), only(first));
    assert.equal(await kindOf(only(first).find(bearer(sign(PAIR, { sub: "bob" })), NOW_MS)), "holds");
    assert.equal(await kindOf(only(second).find(known, NOW_MS)), "bad", "the audience is another now");
    shut();
    for (const one of unused) one.close();
    const count = asked.length;
    const unknown = bearer(sign(ecPair("two")));
    assert.equal(await kindOf(only(first).find(unknown, NOW_MS)), "bad");
    assert.equal(asked.length, count, "a closed one asks nobody");
  });

  it("of a configuration that is refused change nothing for those that are live", () => {
    const { fetch } = fetching();
    const pool = open({ fetch });
    const first = pool.prepare(jwtSnapshot("mesh", ["a"]).identities);
    pool.use(first);
    pool.prepare(jwtSnapshot("other", ["a"]).identities);
    assert.deepEqual(pool.use(pool.prepare(jwtSnapshot("mesh", ["a"]).identities)), []);
  });

  it("of the same keys but another issuer, audience, place or URL are others", () => {
    const { fetch } = fetching();
    const pool = open({ fetch });
    const snapshots = [
      jwtSnapshot("mesh", ["a"]),
      jwtSnapshot("other", ["a"]),
      jwtSnapshot("mesh", ["a"], "https://idp.example.com/other"),
    ];
    const made = snapshots.map(({ identities }) => only(pool.prepare(identities)));
    assert.equal(new Set(made).size, snapshots.length);
  });

  it("of API keys have the keys of their configuration and the pepper of the moment", () => {
    let pepper: string | undefined = PEPPER;
    const pool = open({ pepper: () => pepper });
    const identity = (digest: string): Snapshot["identities"] => [
      {
        name: "partner",
        id: "a/partner",
        invalid: "refuse",
        proof: {
          kind: "apiKey",
          place: { header: "x-api-key" },
          keys: new Map([[digest, { id: "acme", plan: undefined, notAfterMs: undefined }]]),
        },
        type: { name: "Record", constructedBy: Map, fields: {}, construct: () => new Map() },
        valueOf: () => new Map(),
        described: () => new Map(),
      },
    ];
    const asked = presented({ "x-api-key": "secret" });
    const find = (prepared: PreparedVerifiers): string => {
      const found = only(prepared).find(asked, NOW_MS);
      return found instanceof Promise ? assert.fail("somebody was waited for") : found.kind;
    };
    const first = pool.prepare(identity(DIGEST));
    pool.use(first);
    assert.equal(find(first), "holds");
    pepper = undefined;
    assert.equal(find(first), "unavailable");
    pepper = `${PEPPER}, rotated`;
    assert.equal(find(first), "bad");
    const rotated = pool.prepare(identity(apiKeyDigest(pepper, "secret")));
    pool.use(rotated);
    assert.equal(find(rotated), "holds");
  });

  it("are none for what Envoy has proved, or a handler proves", () => {
    const pool = open();
    const { identities } = snapshotOf(
      "policy: a\nmatch: everything\nidentities:\n  peer: { mtls: { trustDomains: [cluster.local] } }\nrules:\n  - id: all\n    allow: has(auth.peer)\n",
    );
    assert.equal(identities.length, 1);
    assert.equal(pool.prepare(identities).verifiers.size, 0);
  });
});
