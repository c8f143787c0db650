import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  ecPair,
  ISSUER,
  jwksOf,
  keyServer,
  type KeyServer,
  type Pair,
  rsaPair,
  sign,
} from "../identity/fixture.ts";
import { requestHttp1, valuesOf } from "../support/http.ts";
import { type Load, startLoad } from "../support/load.ts";
import { ask, type Mesh, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { serverFile } from "../support/weir.ts";

/** Each issuer has a host of its own, whose policy is called as the issuer. */
const ISSUERS = ["live", "late", "slow"] as const;
type Issuer = (typeof ISSUERS)[number];

const issuerOf = (name: Issuer): string => `${ISSUER}/${name}`;

const policy = (name: Issuer, jwks: string): string => `
weir: 1
policy: ${name}
match:
  hosts: [${name}.example.com]
identities:
  user:
    jwt:
      issuer: ${issuerOf(name)}
      audiences: [mesh]
      jwks: ${jwks}
      refresh: 1s
      claims: { sub: string }
rules:
  - id: signed-in
    require: has(auth.user)
    status: 401
  - id: user
    allow: has(auth.user)
    request:
      set:
        x-user: \${auth.user.sub}
`;

const open_ = `
weir: 1
policy: open
match:
  hosts: [open.example.com]
default: allow
`;

const old = rsaPair("old");
const fresh = ecPair("fresh");
const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;
/** No two are alike, so each is verified. */
const token = (issuer: Issuer, pair: Pair): string =>
  sign(pair, { iss: issuerOf(issuer), exp: inSeconds(600), jti: randomUUID() });
const bearer = (issuer: Issuer, pair: Pair) => ({
  authority: `${issuer}.example.com`,
  headers: [["authorization", `Bearer ${token(issuer, pair)}`]] as const,
});

describe("the keys of an issuer", () => {
  const open = new AsyncDisposableStack();
  const servers = new Map<Issuer, KeyServer>();
  let published: readonly Pair[] = [old];
  let mesh: Mesh;

  before(async function () {
    const program = await need(this, "envoy");
    const files: Record<string, string> = {
      "weir.yaml": serverFile(
        undefined,
        "  admin: { address: 127.0.0.1:0 }\noutbound: { allowPrivate: [127.0.0.1] }\n",
      ),
      "open.yaml": open_,
    };
    for (const name of ISSUERS) {
      const server = open.adopt(await keyServer(() => jwksOf(...published)), (started) => started.close());
      servers.set(name, server);
      files[`${name}.yaml`] = policy(name, server.url);
    }
    serverOf("late").answer = (send) => send(500, "not yet");
    // Who asks it is never answered.
    serverOf("slow").answer = () => undefined;
    mesh = await startMesh({ program, files }, open);
    await stateIs("live", "ready");
  });
  after(() => open.disposeAsync());

  const serverOf = (name: Issuer): KeyServer => servers.get(name) ?? assert.fail(name);
  const stateIs = (name: Issuer, state: string): Promise<unknown> =>
    until(
      async () =>
        (await mesh.weir.status()).identities.some(
          (one) => one.identity === `${name}/user` && one.state === state,
        ),
      { what: `the keys of ${name} to be ${state}` },
    );
  /** What is published now was read by weir: of two readings, the second began after it. */
  const whenRead = async (): Promise<void> => {
    const before = serverOf("live").asked();
    await until(() => serverOf("live").asked() >= before + 2, { what: "weir to read the keys" });
    await stateIs("live", "ready");
  };
  const answerTo = async (issuer: Issuer, pair: Pair): Promise<string> => {
    const { answer, by } = await ask(mesh, requestHttp1, bearer(issuer, pair));
    return `${answer.status} ${by}`;
  };

  describe("that rotate in the middle of load", () => {
    let load: Load;
    let signers: readonly Pair[] = [old];

    before(() => {
      let turn = 0;
      const next = (): string => token("live", signers[turn++ % signers.length] ?? old);
      load = startLoad({
        port: mesh.envoy.port("web"),
        headers: () => ({ host: "live.example.com", authorization: `Bearer ${next()}` }),
        judge: ({ status, body }) =>
          status === 200 && body.includes('"x-user":"alice"') ? undefined : `${status} ${body}`,
      });
    });
    after(() => load.stop());

    const goesOn = async (): Promise<void> => {
      const { answered } = load;
      await until(() => load.answered >= answered + 20, { what: "twenty more requests" });
      assert.deepEqual(load.wrong, []);
    };

    it("refuse nobody while the new key is published, used beside the old one, and the old one goes", async function () {
      this.timeout(20_000);
      await goesOn();
      published = [old, fresh];
      await whenRead();
      signers = [old, fresh];
      await goesOn();
      signers = [fresh];
      await goesOn();
      published = [fresh];
      await whenRead();
      await goesOn();
      assert.equal(await answerTo("live", old), "401 live/identity/user");
      assert.equal(await answerTo("live", fresh), "200 live/user");
    });

    it("refuse a token that was remembered when its key is gone", async function () {
      this.timeout(20_000);
      signers = [fresh];
      published = [old, fresh];
      await whenRead();
      const remembered = bearer("live", old);
      for (let time = 0; time < 2; time++)
        assert.equal((await ask(mesh, requestHttp1, remembered)).answer.status, 200);
      published = [fresh];
      await whenRead();
      assert.equal((await ask(mesh, requestHttp1, remembered)).by, "live/identity/user");
      assert.deepEqual(load.wrong, []);
    });
  });

  describe("that were read once", () => {
    for (const { what, answer } of [
      { what: "the issuer fails", answer: (send) => send(503, "away") },
      { what: "the issuer sends no key at all", answer: (send) => send(200, '{"keys":[]}') },
    ] as const satisfies readonly { what: string; answer: KeyServer["answer"] }[]) {
      it(`stay the last good ones while ${what}`, async () => {
        const server = serverOf("live");
        const { answer: usual } = server;
        published = [fresh];
        server.answer = answer;
        await stateIs("live", "stale");
        assert.equal(await answerTo("live", fresh), "200 live/user");
        assert.equal(await answerTo("live", old), "401 live/identity/user");
        server.answer = usual;
        await stateIs("live", "ready");
      });
    }
  });

  describe("that were not there at the start", () => {
    for (const issuer of ["late", "slow"] as const) {
      it(`that were never read refuse only who presents a token for them: ${issuer}`, async () => {
        const beganAtMs = performance.now();
        const { answer, by, received } = await ask(mesh, requestHttp1, bearer(issuer, fresh));
        // Far below the three seconds that a reading may take.
        assert.ok(performance.now() - beganAtMs < 2000);
        assert.deepEqual([answer.status, by, received], [503, `${issuer}/identity/user`, undefined]);
        assert.deepEqual(valuesOf(answer.headers, "x-weir-decision").length, 1);
        const { by: without } = await ask(mesh, requestHttp1, { authority: `${issuer}.example.com` });
        assert.equal(without, `${issuer}/signed-in`);
        const foreign = { ...bearer("live", fresh), authority: `${issuer}.example.com` };
        assert.equal((await ask(mesh, requestHttp1, foreign)).by, `${issuer}/signed-in`);
        assert.equal((await ask(mesh, requestHttp1, { authority: "open.example.com" })).answer.status, 200);
        assert.equal(await answerTo("live", fresh), "200 live/user");
      });
    }

    it("that come late are used as soon as they are there", async () => {
      const late = serverOf("late");
      late.answer = (send) => send(200, JSON.stringify(jwksOf(...published)));
      await stateIs("late", "ready");
      assert.equal(await answerTo("late", fresh), "200 late/user");
    });
  });
});
