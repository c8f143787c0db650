import assert from "node:assert/strict";
import { type Outgoing, requestHttp1 } from "../support/http.ts";
import { ask, type Mesh, requestGrpc, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";

const files = {
  "orders.yaml": `
weir: 1
policy: orders
match:
  paths: ["/orders/{owner}", "/shop.Orders/{owner}"]
rules:
  - id: no-writes
    deny: request.method == "PUT"
  - id: strict
    deny: '"x-old" in request.headers'
    mode: shadow
  - id: renamed
    require: request.headers["x-new"] == "1"
    mode: shadow
  - id: read
    allow: path.owner != "nobody"
    request:
      set:
        x-enforced: "yes"
`,
  "next.yaml": `
weir: 1
policy: next
mode: shadow
match:
  paths: ["/orders/{owner}"]
rules:
  - id: no-bob
    deny: path.owner == "bob"
    response:
      set:
        x-shadow: "yes"
  - id: ann
    allow: path.owner == "ann"
    request:
      set:
        x-enforced: shadow
        x-shadow: "yes"
`,
};

interface Row {
  sends: string;
  request: Outgoing;
  times: number;
  passes: boolean;
  /** `policy rule verdict` */
  decided: string;
  shadows: readonly string[];
}

const strict = "orders strict deny";
const renamed = "orders renamed unknown";
const rows: readonly Row[] = [
  {
    sends: "what all allow",
    request: { path: "/orders/ann", headers: [["x-new", "1"]] },
    times: 3,
    passes: true,
    decided: "orders read allow",
    shadows: ["next ann allow"],
  },
  {
    sends: "what a rule in shadow would refuse",
    request: { path: "/orders/ann", headers: [["x-old", "1"]] },
    times: 2,
    passes: true,
    decided: "orders read allow",
    shadows: [strict, renamed, "next ann allow"],
  },
  {
    sends: "what a rule in shadow requires otherwise",
    request: { path: "/orders/ann", headers: [["x-new", "2"]] },
    times: 1,
    passes: true,
    decided: "orders read allow",
    shadows: ["orders renamed deny", "next ann allow"],
  },
  {
    sends: "what a policy in shadow would refuse",
    request: { path: "/orders/bob", headers: [["x-new", "1"]] },
    times: 2,
    passes: true,
    decided: "orders read allow",
    shadows: ["next no-bob deny"],
  },
  {
    sends: "what a policy in shadow would not grant",
    request: { path: "/orders/cid", headers: [["x-new", "1"]] },
    times: 1,
    passes: true,
    decided: "orders read allow",
    shadows: ["next default deny"],
  },
  {
    sends: "what a rule denies",
    request: { path: "/orders/ann", method: "PUT", headers: [["x-new", "1"]] },
    times: 4,
    passes: false,
    decided: "orders no-writes deny",
    shadows: ["next ann allow"],
  },
  {
    sends: "what no rule allows",
    request: { path: "/orders/nobody", headers: [["x-new", "1"]] },
    times: 1,
    passes: false,
    decided: "orders default deny",
    shadows: ["next default deny"],
  },
  {
    sends: "what no policy matches",
    request: { path: "/" },
    times: 2,
    passes: false,
    decided: " weir/ungoverned deny",
    shadows: [],
  },
  {
    sends: "what cannot be read",
    request: { path: "/orders//ann" },
    times: 1,
    passes: false,
    decided: " weir/ambiguous-path deny",
    shadows: [],
  },
];

type Samples = ReadonlyMap<string, number>;

const total = (samples: Samples, metric: string): number =>
  samples
    .entries()
    .filter(([name]) => name.startsWith(`${metric}{`))
    .reduce((sum, [, value]) => sum + value, 0);

/** What a metric with the labels policy, rule and verdict has counted between two readings, by these. */
function counted(metric: string, before: Samples, after: Samples): Readonly<Record<string, number>> {
  const labels = /^\w+\{policy="(.*)",rule="(.*)",verdict="(.*)"\}$/;
  const grown = [...after].flatMap(([name, value]): [string, number][] => {
    const difference = value - (before.get(name) ?? 0);
    if (!name.startsWith(`${metric}{`) || difference === 0) return [];
    const [, policy, rule, verdict] = labels.exec(name) ?? [];
    return [[`${String(policy)} ${String(rule)} ${String(verdict)}`, difference]];
  });
  return Object.fromEntries(grown);
}

describe("what weir counts", () => {
  const open = new AsyncDisposableStack();
  let mesh: Mesh;

  before(async function () {
    mesh = await startMesh({ program: await need(this, "envoy"), files }, open);
  });
  after(() => open.disposeAsync());

  for (const { sends, request, times, passes, decided, shadows } of rows) {
    it(`counts ${sends}, and enforces nothing that is in shadow`, async () => {
      const before = await mesh.weir.metrics();
      for (let time = 0; time < times; time++) {
        const { received, answer, logged } = await ask(mesh, requestHttp1, request);
        assert.equal(received?.headers["x-enforced"], passes ? "yes" : undefined);
        assert.equal(received?.headers["x-shadow"], undefined);
        assert.ok(!answer.headers.some(([name]) => name === "x-shadow"));
        assert.equal(`${logged.policy} ${logged.rule} ${logged.verdict}`, decided);
      }
      const expected = Object.fromEntries(shadows.map((shadow) => [shadow, times]));
      const name = "weir_shadow_decisions_total";
      // Evaluated after the answer, so they may come later.
      const after = await until(
        async () => {
          const now = await mesh.weir.metrics();
          return total(now, name) - total(before, name) >= shadows.length * times && now;
        },
        { what: "the shadow decisions to be counted" },
      );
      assert.deepEqual(counted("weir_checks_total", before, after), { [decided]: times });
      assert.deepEqual(counted(name, before, after), expected);
    });
  }

  it("counts gRPC calls like other requests, and times every check", async () => {
    const before = await mesh.weir.metrics();
    await ask(mesh, requestGrpc, { path: "/shop.Orders/List" });
    await ask(mesh, requestGrpc, { path: "/shop.Orders/nobody" });
    const after = await mesh.weir.metrics();
    const expected = { "orders read allow": 1, "orders default deny": 1 };
    assert.deepEqual(counted("weir_checks_total", before, after), expected);
    const all = total(after, "weir_checks_total");
    assert.equal(after.get("weir_check_duration_seconds_count"), all);
    assert.equal(all, rows.reduce((sum, { times }) => sum + times, 0) + 2);
  });

  it("tells what is live", async () => {
    const samples = await mesh.weir.metrics();
    assert.equal(samples.get('weir_config_policies{mode="enforce"}'), 1);
    assert.equal(samples.get('weir_config_policies{mode="shadow"}'), 1);
    assert.equal(samples.get("weir_config_last_reload_successful"), 1);
    const [live, ...others] = [...samples].filter(([name]) => name.startsWith("weir_config_info{"));
    const [line] = mesh.weir.log();
    assert.deepEqual([live, others], [[`weir_config_info{revision="${String(line?.["revision"])}"}`, 1], []]);
  });
});
