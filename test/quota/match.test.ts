import assert from "node:assert/strict";
import fc from "fast-check";
import { ruleFor } from "../../src/quota/match.ts";
import type { AskedDescriptor } from "../../src/quota/asked.ts";
import { snapshotOf } from "./fixture.ts";

const asked = (entries: readonly string[], more: Partial<AskedDescriptor> = {}): AskedDescriptor => ({
  entries: entries.map((entry) => {
    const [key = "", value = ""] = entry.split("=");
    return { key, value };
  }),
  hits: 1,
  direction: "charge",
  ownHits: undefined,
  limit: undefined,
  ...more,
});

const BASIC = `
domain: test-domain
descriptors:
  - key: key1
    value: value1
    descriptors:
      - { key: subkey1, rate_limit: { unit: second, requests_per_unit: 5 } }
      - { key: subkey1, value: subvalue1, rate_limit: { unit: second, requests_per_unit: 10 } }
  - key: key2
    rate_limit: { unit: minute, requests_per_unit: 20 }
  - key: key2
    value: value2
    rate_limit: { unit: minute, requests_per_unit: 30 }
  - key: key2
    value: value3
  - key: key3
    rate_limit: { unit: hour, requests_per_unit: 1 }
  - key: key4
    rate_limit: { name: key4_rate_limit, unit: day, requests_per_unit: 1 }
  - key: key6
    rate_limit: { unlimited: true }
  - key: key7
    detailed_metric: true
    rate_limit: { unit: minute, requests_per_unit: 70 }
  - key: wild
    value: foo*
    rate_limit: { unit: minute, requests_per_unit: 11 }
  - key: midWild
    value: bar*b
    rate_limit: { unit: minute, requests_per_unit: 12 }
  - key: multiWild
    value: foo*bar*baz
    rate_limit: { unit: minute, requests_per_unit: 13 }
  - key: nestedWild
    value: val1
    descriptors:
      - { key: wild, value: goo*, rate_limit: { unit: minute, requests_per_unit: 14 } }
  - key: file
    value: test*
    share_threshold: true
    detailed_metric: true
    rate_limit: { unit: minute, requests_per_unit: 100 }
  - key: file
    value: test1
    rate_limit: { unit: minute, requests_per_unit: 50 }
  - key: route
    value_to_metric: true
    descriptors:
      - { key: method, rate_limit: { unit: minute, requests_per_unit: 15 } }
  - key: guarded
    when: descriptor["guarded"] == "yes" && hits < 5
    rate_limit: { unit: minute, requests_per_unit: 16 }
  - key: a
    value: b_c
    rate_limit: { unit: minute, requests_per_unit: 17 }
`;

describe("the rule for a descriptor", () => {
  const domain = snapshotOf([BASIC]).domains.get("test-domain");
  assert.ok(domain);

  const cases: readonly (readonly [entries: readonly string[], limit: number | undefined, metric: string])[] =
    [
      [["key1=something"], undefined, ""],
      [["key1=value1"], undefined, ""],
      [["key2=value2", "subkey=subvalue"], undefined, ""],
      [["key5=value5", "subkey5=subvalue"], undefined, ""],
      [["key2=value3"], undefined, ""],
      [["key1=value1", "subkey1=something"], 5, "key1_value1.subkey1"],
      [["key1=value1", "subkey1=subvalue1"], 10, "key1_value1.subkey1_subvalue1"],
      [["key2=something"], 20, "key2"],
      [["key2="], 20, "key2"],
      [["key2=value2"], 30, "key2_value2"],
      [["key3=foo"], 1, "key3"],
      [["key4=foo"], 1, "key4"],
      [["key6=foo"], Infinity, "key6"],
      [["key7=unspecified_value"], 70, "key7_unspecified_value"],
      [["wild=foo1"], 11, "wild_foo*"],
      [["wild=foo2"], 11, "wild_foo*"],
      [["wild=bar"], undefined, ""],
      [["noWild=foo1"], undefined, ""],
      [["midWild=bar123b"], 12, "midWild_bar*b"],
      [["midWild=bara"], undefined, ""],
      [["multiWild=foobarbaz"], 13, "multiWild_foo*bar*baz"],
      [["nestedWild=val1", "wild=goo2"], 14, "nestedWild_val1.wild_goo*"],
      [["file=test1"], 50, "file_test1"],
      [["file=test9"], 100, "file_test*"],
      [["route=/a", "method=GET"], 15, "route_/a.method"],
      [["guarded=yes"], 16, "guarded"],
      [["guarded=no"], undefined, ""],
      [["a=b_c"], 17, "a_b_c"],
      [["a_b=c"], undefined, ""],
    ];
  for (const [entries, limit, metric] of cases) {
    it(`[${entries.join(", ")}]: ${limit ?? "none"}`, () => {
      const found = ruleFor(domain, asked(entries));
      const [first] = found?.rule.limits ?? [];
      assert.equal(found && (first?.requestsPerUnit ?? Infinity), limit);
      assert.equal(found?.metric ?? "", metric);
    });
  }

  it("counts by value, and together what share_threshold joins", () => {
    assert.deepEqual(ruleFor(domain, asked(["wild=foo1"]))?.parts, ["wild", "foo1"]);
    assert.deepEqual(ruleFor(domain, asked(["file=test9"]))?.parts, ["file", "test*"]);
    assert.deepEqual(ruleFor(domain, asked(["file=test1"]))?.parts, ["file", "test1"]);
  });

  it("is the one that a request brings along, whatever the tree says", () => {
    const limit = { requestsPerUnit: 10, unit: "day", multiplier: 1 } as const;
    const found = ruleFor(domain, asked(["key6=x"], { limit }));
    assert.equal(found?.rule.limits[0]?.lengthMs, 86_400_000);
    assert.equal(found.metric, "override");
  });

  it("holds where its condition has no value", () => {
    const [unsure] = snapshotOf([
      `domain: d\ndescriptors: [{ key: k, when: 'descriptor["x"] == "1"', rate_limit: { unit: day, requests_per_unit: 1 } }]`,
    ]).domains.values();
    assert.ok(unsure);
    assert.ok(ruleFor(unsure, asked(["k=v"])));
  });

  it("is found as by a naive walk", () => {
    interface Node {
      key: string;
      value?: string;
      rate_limit?: { unit: string; requests_per_unit: number };
      descriptors?: readonly Node[];
    }
    const levelOf = (below: fc.Arbitrary<readonly Node[]>): fc.Arbitrary<readonly Node[]> =>
      fc.uniqueArray(
        fc.record(
          {
            key: fc.constantFrom("a", "b"),
            value: fc.constantFrom("x", "xy", "x*", "*y", "*"),
            rate_limit: fc.record({ unit: fc.constant("day"), requests_per_unit: fc.nat(1_000_000) }),
            descriptors: below,
          },
          { requiredKeys: ["key"] },
        ),
        { maxLength: 6, selector: ({ key, value }) => `${key} ${value ?? ""}` },
      );
    const tree = levelOf(levelOf(levelOf(fc.constant([]))));
    const walk = (nodes: readonly Node[], entries: readonly string[]): number | undefined => {
      const [entry = "", ...rest] = entries;
      const [key, value = ""] = entry.split("=");
      const same = nodes.filter((node) => node.key === key);
      const fits = (pattern = "-"): boolean => new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(value);
      const node =
        same.find((one) => one.value === value) ??
        same.find((one) => one.value?.includes("*") === true && fits(one.value)) ??
        same.find((one) => one.value === undefined);
      if (rest.length === 0) return node?.rate_limit?.requests_per_unit;
      return node && walk(node.descriptors ?? [], rest);
    };
    const entries = fc.array(fc.constantFrom("a=x", "a=xy", "a=y", "b=x", "b=", "b=xyy"), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(tree, fc.array(entries, { maxLength: 10 }), (descriptors, requests) => {
        const [made] = snapshotOf([JSON.stringify({ domain: "d", descriptors })]).domains.values();
        assert.ok(made);
        for (const one of requests)
          assert.equal(ruleFor(made, asked(one))?.rule.limits[0]?.requestsPerUnit, walk(descriptors, one));
      }),
      { numRuns: 200 },
    );
  });
});
