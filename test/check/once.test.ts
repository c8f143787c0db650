import assert from "node:assert/strict";
import type { CheckInput } from "../../src/adapter/adapter.ts";
import { Attributes } from "../../src/attributes/attributes.ts";
import type { ProxyFacts } from "../../src/attributes/facts.ts";
import { checkFacts } from "../../src/check/attributes.ts";
import { decide } from "../../src/check/decide.ts";
import { ONCE_HEADER } from "../../src/policy/once-header.ts";
import { signer, type Signer } from "../../src/host/signer.ts";
import { offlineLimits } from "../../src/limits/assumed.ts";
import { policy } from "./conditions.ts";
import { type Asked, checkRequest, inShort } from "./fixture.ts";
import { allows, HANDLERS, snapshotWith } from "./stubs.ts";

const NOW_MS = 1_767_225_610_000;
const KEY = "a key of a test, of thirty-two bytes or more";

const SERVER = {
  ...HANDLERS,
  secrets: { mac: { env: "MAC" } },
  proxy: {
    role: { byPrincipal: { "spiffe://cluster.local/ns/edge/sa/gateway": "gateway" } },
  },
};
const ONCE = { once: "request" };
const SHOP = policy(
  "shop",
  [
    { id: "plan", ask: "plans", ...ONCE },
    { id: "all", allow: "true" },
  ],
  {
    match: { destinations: ["shop/web"] },
    quotas: [
      {
        id: "once",
        key: ["request.method"],
        windows: [{ limit: "2", per: "1m" }],
        algorithm: "fixed",
        ...ONCE,
      },
      { id: "each", windows: [{ limit: "100", per: "1m" }], algorithm: "fixed" },
    ],
  },
);
const SNAPSHOT = snapshotWith([SERVER, SHOP]);

const GATEWAY = { principal: "spiffe://cluster.local/ns/edge/sa/gateway", listenerRole: undefined } as const;
const SIDECAR = { principal: "spiffe://cluster.local/ns/shop/sa/web", listenerRole: undefined } as const;

const REQUEST = {
  path: "/things?x=1",
  destination: "spiffe://cluster.local/ns/shop/sa/web",
  headers: { "x-request-id": "11111111-2222-3333-4444-555555555555" },
} as const;

/** Hops that ask about requests, with counters of their own. */
class Mesh {
  nowMs = NOW_MS;
  snapshot = SNAPSHOT;
  signer: Signer | undefined = signer(() => [KEY]);
  readonly limits = offlineLimits(NOW_MS);
  /** Whether each ask was to be charged. */
  readonly charges: string[] = [];

  async ask(proxy: ProxyFacts, asked: Asked = REQUEST) {
    const facts = checkFacts(checkRequest(asked), proxy);
    const decision = await decide({
      snapshot: this.snapshot,
      attributes: new Attributes(facts, this.snapshot.settings),
      backends: {
        find: () => assert.fail("a verifier was asked"),
        ask: (_handler: string, _input: CheckInput, _deadlineAtMs: number, charge = "now") => {
          this.charges.push(charge);
          return allows();
        },
      },
      limits: this.limits,
      signer: this.signer,
      nowMs: this.nowMs,
      askUntilMs: Infinity,
    });
    const { verdict, takes } = decision;
    const set = verdict.kind === "allow" ? new Map(verdict.requestSet) : new Map<string, string>();
    return {
      line: inShort(verdict),
      charged: takes?.outcomes.map(({ claim }) => claim.quota.id) ?? [],
      header: set.get(ONCE_HEADER),
      isRemoved: verdict.kind === "allow" && verdict.requestRemove.includes(ONCE_HEADER),
    };
  }
}

/** The request as the next hop has it. */
const withHeader = (header: string | undefined, more: Asked = {}): Asked => ({
  ...REQUEST,
  ...more,
  headers: {
    ...REQUEST.headers,
    ...more.headers,
    ...(header === undefined ? {} : { [ONCE_HEADER]: header }),
  },
});

describe("what is charged once a request", () => {
  it("is charged by the gateway, and not again by the sidecar behind it, which strips the header", async () => {
    const mesh = new Mesh();
    const first = await mesh.ask(GATEWAY);
    assert.deepEqual(
      [first.line, first.charged, first.isRemoved],
      ["allow shop/all", ["once", "each"], false],
    );
    assert.match(first.header ?? "", /^\d{13}(\.[A-Za-z0-9_-]{43}){2}$/);
    const second = await mesh.ask(SIDECAR, withHeader(first.header));
    assert.deepEqual([second.line, second.charged], ["allow shop/all", ["each"]]);
    assert.deepEqual([second.header, second.isRemoved], [undefined, true]);
    assert.deepEqual(mesh.charges, ["now", "before"]);
  });

  it("lets the last one of a limit through both hops, and the next through none", async () => {
    const mesh = new Mesh();
    for (let times = 0; times < 2; times++) {
      const { header } = await mesh.ask(GATEWAY);
      assert.equal((await mesh.ask(SIDECAR, withHeader(header))).line, "allow shop/all");
    }
    assert.equal((await mesh.ask(GATEWAY)).line, "deny shop/once 429");
  });

  it("says nothing but what was charged: the sidecar asks and decides for itself", async () => {
    const mesh = new Mesh();
    const { header } = await mesh.ask(GATEWAY);
    mesh.snapshot = snapshotWith([
      SERVER,
      policy("shop", [{ id: "none", deny: "true" }], {
        match: { destinations: ["shop/web"] },
        quotas: [{ id: "once", windows: [{ limit: "2", per: "1m" }], ...ONCE }],
      }),
    ]);
    assert.equal((await mesh.ask(SIDECAR, withHeader(header))).line, "deny shop/none 403");
  });

  const elsewhere: readonly (readonly [what: string, more: Asked])[] = [
    ["another request id", { headers: { "x-request-id": "another" } }],
    ["another method, and another key of the quota", { method: "POST" }],
    ["another host", { host: "b.example.com" }],
    ["another path", { path: "/things?x=2" }],
  ];
  for (const [what, more] of elsewhere) {
    it(`is charged again for ${what}`, async () => {
      const mesh = new Mesh();
      const { header } = await mesh.ask(GATEWAY);
      const { charged, isRemoved } = await mesh.ask(SIDECAR, withHeader(header, more));
      assert.deepEqual([charged, isRemoved, mesh.charges], [["once", "each"], true, ["now", "now"]]);
    });
  }

  it("is charged again where the header is forged, cut, doubled, or of another key", async () => {
    const mesh = new Mesh();
    const { header = "" } = await mesh.ask(GATEWAY);
    const [until = "", first = ""] = header.split(".");
    const later = String(Number(until) + 1);
    const forged = [
      "1",
      "allow",
      `${until}.${"A".repeat(43)}`,
      `${later}.${first}`,
      `${header},${header}`,
      header.slice(0, -1),
      `${until}${".".repeat(3)}${first}`,
      [until, ...Array<string>(17).fill(first)].join("."),
    ];
    for (const one of forged) {
      const { charged } = await new Mesh().ask(SIDECAR, withHeader(one));
      assert.deepEqual(charged, ["once", "each"], one);
    }
    const other = new Mesh();
    other.signer = signer(() => ["another key of a test, also long enough"]);
    assert.deepEqual((await other.ask(SIDECAR, withHeader(header))).charged, ["once", "each"]);
    other.signer = signer(() => ["another key of a test, also long enough", KEY]);
    assert.deepEqual(
      (await other.ask(SIDECAR, withHeader(header))).charged,
      ["each"],
      "while keys are changed",
    );
  });

  it("is charged again after ten seconds", async () => {
    const mesh = new Mesh();
    const { header } = await mesh.ask(GATEWAY);
    mesh.nowMs += 9_999;
    assert.deepEqual((await mesh.ask(SIDECAR, withHeader(header))).charged, ["each"]);
    mesh.nowMs += 1;
    assert.deepEqual((await mesh.ask(SIDECAR, withHeader(header))).charged, ["once", "each"]);
  });

  it("is believed by no gateway, and by nobody who has not proved a name", async () => {
    const { header = "" } = await new Mesh().ask(GATEWAY);
    const gateway = await new Mesh().ask(GATEWAY, withHeader(header));
    assert.deepEqual(gateway.charged, ["once", "each"]);
    assert.ok(gateway.header !== undefined);
    for (const proxy of [
      { principal: undefined, listenerRole: undefined },
      { principal: undefined, listenerRole: "sidecar" },
    ] as const) {
      const nobody = await new Mesh().ask(proxy, withHeader(header));
      assert.deepEqual(
        [nobody.charged, nobody.header, nobody.isRemoved],
        [["once", "each"], undefined, true],
      );
    }
  });

  it("is charged by each hop, and nothing is told, without a key or a request id", async () => {
    const mesh = new Mesh();
    const withoutId = await mesh.ask(GATEWAY, { ...REQUEST, headers: { [ONCE_HEADER]: "x" } });
    assert.deepEqual([withoutId.header, withoutId.isRemoved], [undefined, true]);
    mesh.signer = undefined;
    const withoutKey = await mesh.ask(GATEWAY, withHeader("x"));
    assert.deepEqual([withoutKey.header, withoutKey.isRemoved], [undefined, true]);
  });

  it("costs the others nothing: without it the header is not looked at", async () => {
    const mesh = new Mesh();
    mesh.snapshot = snapshotWith([
      SERVER,
      policy("shop", [{ id: "all", allow: "true" }], { match: { destinations: ["shop/web"] } }),
    ]);
    const { isRemoved, header } = await mesh.ask(GATEWAY);
    assert.deepEqual([isRemoved, header], [false, undefined]);
  });
});
