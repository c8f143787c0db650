import assert from "node:assert/strict";
import { tick } from "../host.ts";
import { fieldRecord } from "../records.ts";
import { measured, SMALL } from "./families.ts";
import { created, page, reported, scraped } from "./scraping.ts";

const visits = (a: string): string => `weir_mesh_visits_total{a="${a}"}`;
const visit = (a: string, over: Parameters<typeof measured>[0] = {}): ReturnType<typeof measured> =>
  measured({ labels: [a, ""], values: [1, undefined], ...over });

describe("the prometheus adapter", () => {
  it("says how full it is, and which label is to blame when it is full", async () => {
    const subject = created({ maxSeries: 2 });
    await subject.handler.start();
    assert.deepEqual(subject.handler.status(), { state: "ready", detail: "0 of 2 label sets" });
    reported(subject, visit("1"), visit("2"), visit("3"), visit("4"), visit("4"));
    assert.deepEqual(subject.handler.status(), {
      state: "stale",
      detail:
        "2 of 2 label sets: new ones are counted together as __overflow__; most values has a of small (3)",
    });
    assert.deepEqual(Object.fromEntries(await scraped(subject)), {
      [visits("1")]: 1,
      [visits("2")]: 1,
      'weir_mesh_visits_total{a="__overflow__",b="__overflow__"}': 3,
    });
    const { counted, gauges, lines } = subject.host;
    assert.equal(counted.get("overflow_total small a"), 3);
    assert.deepEqual([gauges.get("series")?.(), gauges.get("series_limit")?.()], [2, 2]);
    assert.equal(gauges.get("scrape_bytes")?.(), (await page(subject)).length);
    assert.ok((counted.get("scrape_seconds_total") ?? 0) > 0);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /no more series.*"family":"small","label":"a","values":3,"maxSeries":2/);
    reported(subject, visit("5"));
    subject.host.advance(60_000);
    assert.equal(lines.length, 1, "not more than one a minute");
    reported(subject, visit("6"));
    assert.equal(lines.length, 2);
    await subject.handler.close();
  });

  it("forgets a label set with all its metrics when it is idle, and begins it anew with what comes then", async () => {
    const subject = created({ expireAfter: "10m" });
    await subject.handler.start();
    reported(subject, measured({ labels: ["a", ""], values: [5, 1] }), visit("b"));
    subject.host.advance(400_000);
    reported(subject, visit("b"));
    subject.host.advance(200_000);
    await tick(subject.host);
    assert.deepEqual([...(await scraped(subject)).keys()], [visits("b")]);
    assert.equal(subject.host.counted.get("expired_total"), 1);
    reported(subject, visit("a"));
    assert.deepEqual(Object.fromEntries(await scraped(subject)), { [visits("b")]: 2, [visits("a")]: 1 });
    await subject.handler.close();
    assert.equal(subject.host.repeated.size, 0);
  });

  it("looks for what is idle often enough for its time", async () => {
    for (const [expireAfter, call] of [
      ["1m", "repeat 6000"],
      ["1h", "repeat 30000"],
    ] as const) {
      const { handler, host } = created({ expireAfter });
      await handler.start();
      await handler.start();
      assert.deepEqual(host.calls, [call]);
      await handler.close();
    }
  });

  const counter = (over: object = {}): object => ({ kind: "counter", help: "X.", labels: ["team"], ...over });
  const one = (metric: string): ReturnType<typeof fieldRecord> =>
    fieldRecord({}, { added: new Map([["metric", metric]]) });

  it("keeps all that a reload leaves as it is", async () => {
    const before = created({ metrics: { kept: counter(), changed: counter(), gone: counter() } });
    reported(before, visit("a"), one("kept"), one("changed"), one("gone"));
    const after = created(
      {
        metrics: {
          kept: counter({ help: "Other words." }),
          changed: counter({ labels: ["plan"] }),
          more: counter(),
        },
        maxSeries: 7,
        expireAfter: "2h",
        exemplars: false,
      },
      before,
    );
    // What comes until the swap goes to the one before, and is lost to nobody.
    reported(before, visit("a"), one("kept"), visit("new", { family: { ...SMALL, id: "new" } }));
    assert.equal((await scraped(before)).get("gone_total"), 1);
    reported(after, one("kept"), one("changed"), one("more"));
    await before.handler.close();
    assert.deepEqual(Object.fromEntries(await scraped(after)), {
      [visits("a")]: 2,
      [visits("new")]: 1,
      kept_total: 3,
      changed_total: 1,
      more_total: 1,
    });
    assert.match(await page(after), /# HELP kept_total Other words\.\n/);
  });

  it("leaves the one before as it is when the one after was refused", async () => {
    const before = created({ metrics: { kept: counter(), gone: counter() } });
    reported(before, visit("a"), one("kept"), one("gone"));
    const refused = created({ labels: ["team"], metrics: {} }, before);
    await refused.handler.start();
    await refused.handler.close();
    reported(before, visit("a"), one("kept"), one("gone"));
    assert.deepEqual(Object.fromEntries(await scraped(before)), {
      [visits("a")]: 2,
      kept_total: 2,
      gone_total: 2,
    });
  });

  it("tells presets' metrics apart by the labels that rules add", async () => {
    const subject = created({ labels: ["team", "plan"] });
    const labels = ["a", ""];
    for (const added of [{}, { team: "x" }, { team: "y", plan: "gold" }, { team: "x" }]) {
      reported(subject, measured({ labels, values: [1, undefined], added }));
    }
    assert.deepEqual(Object.fromEntries(await scraped(subject)), {
      'weir_mesh_visits_total{a="a"}': 1,
      'weir_mesh_visits_total{a="a",team="x"}': 2,
      'weir_mesh_visits_total{a="a",team="y",plan="gold"}': 1,
    });
  });

  it("never has a label twice, whatever a family calls its own", async () => {
    const subject = created({ labels: ["b", "team"] });
    reported(subject, measured({ labels: ["1", "2"], values: [1, undefined], added: { b: "3", team: "x" } }));
    assert.deepEqual([...(await scraped(subject)).keys()], ['weir_mesh_visits_total{a="1",b="2",team="x"}']);
  });
});
