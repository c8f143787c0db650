import assert from "node:assert/strict";
import { Records } from "../../src/check/records.ts";
import { shadowOutcomes } from "../../src/check/shadow.ts";
import { Lines } from "../../src/host/lines.ts";
import { NO, policy, rule, YES } from "./conditions.ts";
import { type Asked, type File } from "./fixture.ts";
import { madeOn, type Circumstances, holds, HANDLERS, jwt, snapshotWith } from "./stubs.ts";

type Line = Readonly<Record<string, unknown>>;

/** Decides about requests, hands the decisions on, and gives the lines that were written. */
async function written(
  files: readonly File[],
  requests: readonly Asked[],
  {
    decisions = {},
    unread = false,
    ...circumstances
  }: Circumstances & { readonly decisions?: object; readonly unread?: boolean } = {},
): Promise<readonly Line[]> {
  const found: Line[] = [];
  const lines = new Lines({
    target: {
      append(bytes) {
        found.push(
          ...bytes
            .toString()
            .trimEnd()
            .split("\n")
            .map((line) => JSON.parse(line) as Line),
        );
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    },
    maxBytes: 1_000_000,
    onLine: () => undefined,
    onError: (error) => assert.fail(String(error)),
  });
  const snapshot = snapshotWith([{ ...HANDLERS, decisions: { to: "stdout", ...decisions } }, ...files]);
  const records = new Records({
    lines: () => lines,
    digest: (printed) => `#${printed.length}`,
    live: () => snapshot,
  });
  for (const [index, request] of requests.entries()) {
    const made = await madeOn(snapshot, request, {
      circumstances,
      decisionId: `d_${ID}${index}`,
      durationMs: 0.12345,
      ...(unread ? { question: undefined } : {}),
    });
    if (records.mayWant(made)) records.add(made, await shadowOutcomes(made.decision, made.question));
  }
  await lines.close(10_000);
  return found;
}

/** Its first characters are 0, so that every sample above nothing has it. */
const ID = "aaaaaaaaaaaaaaa";

const GET: Asked = {
  path: "/orders/1?token=hush",
  headers: { authorization: "Bearer hush", "x-team": "red" },
};
const PUT: Asked = { ...GET, method: "PUT" };
const READS = policy("a", [rule("allow", 'request.method == "GET"')]);

describe("the record of a decision", () => {
  it("says who decided and what was asked, and nothing secret", async () => {
    assert.deepEqual(await written([READS], [PUT]), [
      {
        kind: "decision",
        time: "1970-01-01T00:00:00.000Z",
        decision: `d_${ID}0`,
        revision: "test",
        verdict: "deny",
        status: 403,
        policy: "a",
        rule: "default",
        durationMs: 0.123,
        request: { method: "PUT", host: "a.example.com", path: "/orders/1" },
      },
    ]);
  });

  it("has the request headers that weir.yaml names, but for credentials", async () => {
    const identified = policy("a", [rule("allow", "!has(auth.partner)")], {
      identities: { partner: { apiKey: { header: "x-key", verify: "plans" } } },
    });
    const request = { headers: { ...GET.headers, "x-key": "hush" } };
    const [line] = await written([identified], [request], { decisions: { headers: ["x-team", "X-Key"] } });
    assert.deepEqual(line?.["request"], {
      ...{ method: "GET", host: "a.example.com", path: "/" },
      headers: { "x-team": "red" },
    });
    assert.doesNotMatch(JSON.stringify(line), /hush/);
  });

  for (const [personal, sub, client] of [
    ["digest", "#7", "#8"],
    ["plain", "alice", "10.0.0.9"],
  ] as const) {
    it(`has the identities that hold and the client, personal: ${personal}`, async () => {
      const signed = policy("a", [rule("allow", "has(auth.user) && has(auth.peer)")], {
        identities: {
          user: jwt({ sub: "string", team: "string" }),
          peer: { mtls: { trustDomains: ["cluster.local"] } },
        },
      });
      const peer = "spiffe://cluster.local/ns/shop/sa/web";
      const [line] = await written([signed], [{ ...GET, source: peer, address: "10.0.0.9" }], {
        findings: { "a/user": holds({ sub: "alice", hidden: "x" }) },
        decisions: { personal },
      });
      assert.deepEqual(line?.["identities"], {
        user: { sub },
        peer: { id: peer, trust_domain: "cluster.local", namespace: "shop", service_account: "web" },
      });
      assert.deepEqual(line["request"], {
        ...{ method: "GET", host: "a.example.com", path: "/orders/1" },
        ...{ source: { spiffe: peer }, client },
      });
      assert.equal(line["verdict"], "allow");
    });
  }

  it("has all that granted, shadow verdicts, and whose fault it was", async () => {
    const shadowed = policy("b", [rule("allow", YES), rule("deny", YES, { mode: "shadow" })]);
    const [granted] = await written([READS, shadowed], [GET]);
    assert.deepEqual(granted?.["grants"], ["a/allows", "b/allows"]);
    assert.deepEqual(granted["shadow"], [{ policy: "b", rule: "denys", verdict: "deny" }]);
    const faulty = policy("c", [rule("deny", 'request.headers["x-absent"] == "1"'), rule("allow", YES)]);
    const [refused] = await written([faulty], [GET]);
    assert.deepEqual([refused?.["status"], refused?.["fault"]], [400, "request"]);
  });

  it("of a connection has no request of HTTP", async () => {
    const tcp = policy("t", [rule("allow", "has(source.ip)")], {
      match: { protocol: "tcp", destinations: ["shop/db"] },
    });
    const destination = "spiffe://cluster.local/ns/shop/sa/db";
    const [line] = await written([tcp], [{ kind: "connection", destination }]);
    assert.deepEqual(line?.["request"], {
      protocol: "tcp",
      destination: { spiffe: destination },
      client: "#8",
    });
  });

  it("cuts what a caller may have made long", async () => {
    const [line] = await written(
      [READS],
      [{ path: `/${"x".repeat(10_000)}`, headers: { "x-team": "y".repeat(10_000) } }],
      {
        decisions: { headers: ["x-team"] },
      },
    );
    assert.ok(JSON.stringify(line).length < 1_000);
  });
});

describe("what is recorded", () => {
  const verdicts = async (
    record: readonly object[],
    files: readonly File[] = [READS],
  ): Promise<readonly unknown[]> =>
    (await written(files, [GET, PUT], { decisions: { record } })).map(({ verdict }) => verdict);

  for (const [what, record, expected] of [
    ["is everything where nothing is selected", undefined, ["allow", "deny"]],
    ["is what the first condition holds of", [{ when: 'decision.verdict == "deny"' }], ["deny"]],
    ["is nothing that no condition holds of", [{ when: "decision.status == 500" }], []],
    [
      "is rather too much where a condition has no value",
      [{ when: 'request.headers["x-absent"] == "1"' }],
      ["allow", "deny"],
    ],
    ["is a share", [{ sample: "0%" }], []],
    [
      "is a share of what the first that fits says",
      [{ when: 'request.method == "PUT"' }, { sample: "0%" }],
      ["deny"],
    ],
    [
      "is chosen by who decided",
      [{ when: 'decision.policy == "a" && decision.rule == "allows"' }],
      ["allow"],
    ],
    ["is chosen by how long it took", [{ when: 'decision.duration > duration("1ms")' }], []],
    ["is chosen by shadow verdicts", [{ when: '"a/allows" in decision.shadow' }], []],
  ] as const) {
    it(what, async () => {
      const found = await written([READS], [GET, PUT], { decisions: record === undefined ? {} : { record } });
      assert.deepEqual(
        found.map(({ verdict }) => verdict),
        expected,
      );
    });
  }

  it("obeys the same words where nothing could be made of the request", async () => {
    const sizes = async (record: readonly object[]): Promise<number> =>
      (await written([READS], [PUT], { decisions: { record }, unread: true })).length;
    assert.deepEqual(
      [
        await sizes([{ sample: "0%" }]),
        await sizes([{ sample: "100%" }]),
        await sizes([{ when: 'decision.verdict == "deny"' }]),
        await sizes([{ when: 'decision.verdict == "allow"' }]),
        await sizes([{ when: 'request.method == "PUT"' }]),
      ],
      [0, 1, 1, 0, 1],
    );
  });

  it("is all that a policy with `audit: required` has a part in", async () => {
    const audited = policy("b", [rule("deny", NO)], { audit: "required" });
    assert.deepEqual(await verdicts([{ sample: "0%" }], [READS]), []);
    // What is allowed was written before; `add` has nothing more to say of it.
    assert.deepEqual(await verdicts([{ sample: "0%" }], [READS, audited]), ["deny"]);
    const shadowed = policy("b", [rule("deny", YES, { mode: "shadow" })], { audit: "required" });
    const lines = await written([READS, shadowed], [GET], { decisions: { record: [{ sample: "0%" }] } });
    assert.deepEqual(
      lines.map(({ kind, shadow }) => [kind, shadow]),
      [["shadow", [{ policy: "b", rule: "denys", verdict: "deny" }]]],
    );
  });
});

describe("`audit: required`", () => {
  it("waits until a line is written, and says so where it is not", async () => {
    const snapshot = snapshotWith([{ ...HANDLERS, decisions: { to: "stdout" } }, READS]);
    const made = await madeOn(snapshot, GET);
    for (const [append, expected] of [
      [() => Promise.resolve(), true],
      [() => Promise.reject(new Error("disk full")), false],
    ] as const) {
      const target = { append, close: () => Promise.resolve() };
      const lines = new Lines({
        target,
        maxBytes: 10_000,
        onLine: () => undefined,
        onError: () => undefined,
      });
      const records = new Records({ lines: () => lines, digest: String, live: () => undefined });
      assert.equal(await records.require(made), expected);
    }
    assert.equal(
      await new Records({ lines: () => undefined, digest: String, live: () => undefined }).require(made),
      false,
    );
  });
});
