import assert from "node:assert/strict";
import { CATALOGUE } from "../../src/telemetry/catalogue.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { parseExposition } from "./exposition.ts";

const shape = {
  revision: "abc",
  loadedAtMs: 1_500,
  enforcedPolicies: 3,
  shadowPolicies: 1,
  parts: new Map(),
  overrides: [],
};

describe("weir's own metrics", () => {
  it("are all in the catalogue, and all of the catalogue is there", async () => {
    const metrics = createMetrics();
    metrics.countCheck("a", "one", "allow");
    metrics.countShadow("a", "one", "deny");
    metrics.countInternalError("Check");
    metrics.countReload("live", shape);
    const { text, contentType } = await metrics.render();
    assert.match(contentType, /^text\/plain; version=0\.0\.4/);
    const names = new Set(Array.from(text.matchAll(/^# TYPE (weir_\S+)/gm), ([, name]) => name));
    assert.deepEqual(
      [...names].sort(),
      Object.values(CATALOGUE)
        .map(({ name }) => name)
        .sort(),
    );
    parseExposition(text);
  });

  it("are named and described as Prometheus asks", () => {
    for (const { name, kind, meaning } of Object.values(CATALOGUE)) {
      assert.match(name, /^weir_[a-z_]+$/);
      assert.equal(name.endsWith("_total"), kind === "counter", name);
      assert.match(meaning, /\.$/);
    }
  });

  it("keep series apart, whatever is in the names", async () => {
    const metrics = createMetrics();
    metrics.countCheck("a", "b/c", "deny");
    metrics.countCheck("", "a/b/c", "deny");
    metrics.countCheck("a", "b/c", "deny");
    metrics.countCheck('q"\\\n', "x", "deny");
    const series = parseExposition((await metrics.render()).text);
    assert.equal(series.get('weir_checks_total{policy="a",rule="b/c",verdict="deny"}'), 2);
    assert.equal(series.get('weir_checks_total{policy="",rule="a/b/c",verdict="deny"}'), 1);
    assert.equal(series.get('weir_checks_total{policy="q\\"\\\\\\n",rule="x",verdict="deny"}'), 1);
  });

  it("tell of overrides, and when they end", async () => {
    const metrics = createMetrics();
    const override = { policy: "orders", rule: "owner", mode: "shadow", untilMs: 7_200_500 };
    const read = async () => parseExposition((await metrics.render()).text);
    metrics.countReload("live", { ...shape, overrides: [override] });
    const series = await read();
    const of = 'policy="orders",rule="owner"';
    assert.equal(series.get(`weir_config_override_active{${of},mode="shadow"}`), 1);
    assert.equal(series.get(`weir_config_override_ends_timestamp_seconds{${of}}`), 7_200.5);
    metrics.countReload("live", shape);
    assert.equal((await read()).has(`weir_config_override_ends_timestamp_seconds{${of}}`), false);
  });

  it("tell of reloads, and of the configuration that is live", async () => {
    const metrics = createMetrics();
    const read = async () => parseExposition((await metrics.render()).text);
    const successful = "weir_config_last_reload_successful";
    metrics.countReload("live", shape);
    assert.equal((await read()).get(successful), 1);
    assert.equal((await read()).get("weir_config_last_reload_success_timestamp_seconds"), 1.5);
    metrics.countReload("refused", undefined);
    metrics.countReload("unchanged", undefined);
    const kept = await read();
    assert.equal(kept.get(successful), 0);
    assert.equal(kept.get('weir_config_info{revision="abc"}'), 1);
    metrics.countReload("live", { ...shape, revision: "def" });
    const next = await read();
    assert.deepEqual(
      [next.get('weir_config_info{revision="abc"}'), next.get('weir_config_info{revision="def"}')],
      [undefined, 1],
    );
    assert.equal(next.get('weir_config_policies{mode="enforce"}'), 3);
    assert.equal(next.get('weir_config_reloads_total{result="live"}'), 2);
  });

  it("share nothing with those of another weir in the process", async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.countCheck("a", "one", "allow");
    assert.equal(
      parseExposition((await other.render()).text).get(
        'weir_checks_total{policy="a",rule="one",verdict="allow"}',
      ),
      undefined,
    );
  });
});
