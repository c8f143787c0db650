import assert from "node:assert/strict";
import { readStruct } from "../../src/std/struct.ts";
import { WireReader } from "../../src/std/wire-reader.ts";
import { Struct } from "../../src/wire/google/protobuf/struct.ts";
import { serve, SHOP, snapshotOf } from "./fixture.ts";

describe("what an answer tells besides", () => {
  const withKeys = (keys: string) => serve(snapshotOf([`${SHOP}${keys}\n`]));
  const headersOf = async (keys: string, ...entries: readonly string[]) => {
    const { message } = await withKeys(keys).ask(
      "shop",
      entries.map((entry) => [entry]),
    );
    return message?.responseHeadersToAdd.map(({ key, value }) => `${key}: ${value}`);
  };

  it("is no header where none is written", async () => {
    assert.deepEqual(await headersOf("", "m20=a"), []);
  });

  it("is a header a number", async () => {
    assert.deepEqual(await headersOf("headers: draft-06", "m20=a", "none=x"), [
      "RateLimit-Limit: 0",
      "RateLimit-Remaining: 0",
      "RateLimit-Reset: 50",
    ]);
    assert.deepEqual(
      await headersOf("headers: { limit: a-l, remaining: a-m, reset: a-s }", "m20=a", "h10=a"),
      ["a-l: 10", "a-m: 9", "a-s: 3590"],
    );
    assert.deepEqual(await headersOf("headers: draft-06", "free=a"), []);
  });

  it("is a list of policies and limits", async () => {
    assert.deepEqual(await headersOf("headers: draft-11", "m20=a", "named=a"), [
      'ratelimit-policy: "m20";q=20;w=60, "basic";q=1;w=60',
      'ratelimit: "m20";r=19;t=50, "basic";r=0;t=50',
    ]);
  });

  it("is metadata, where it is asked for", async () => {
    const server = withKeys("dynamicMetadata: true");
    await server.ask("shop", [["q1=a"]]);
    const { message } = await server.ask("shop", [["q1=a"], { entries: ["q2=a"], hits: 1 }], 2);
    assert.deepEqual(plain(message?.dynamicMetadata), {
      domain: "shop",
      descriptors: [{ entries: ["q1=a"] }, { entries: ["q2=a"], hitsAddend: 1 }],
      hitsAddend: 2,
      quotaModeEnabled: true,
      quotaModeViolations: [0],
    });
  });

  it("has the metadata of the limits that passed, the first of each name", async () => {
    const server = serve(
      snapshotOf([
        `domain: d
dynamicMetadata: true
descriptors:
  - { key: a, metadata: { plan: gold, deep: { x: [1, true] } }, rate_limit: { unit: day, requests_per_unit: 1 } }
  - { key: b, metadata: { plan: free, more: yes }, rate_limit: { unit: day, requests_per_unit: 1 } }
  - { key: c, metadata: { refused: 1 }, rate_limit: { unit: day, requests_per_unit: 0 } }`,
      ]),
    );
    const { message } = await server.ask("d", [["a=1"], ["b=1"], ["c=1"]]);
    assert.deepEqual((plain(message?.dynamicMetadata) as Record<string, unknown>)["metadata"], {
      plan: "gold",
      deep: { x: [1, true] },
      more: true,
    });
  });

  it("are metrics whose descriptors are bounded", async () => {
    const server = serve(
      snapshotOf([
        "domain: d\ndescriptors: [{ key: k, detailed_metric: true, rate_limit: { unit: day, requests_per_unit: 9 } }]",
      ]),
    );
    for (let asked = 0; asked < 1_100; asked++) await server.ask("d", [[`k=${asked}`]]);
    const { text } = await server.metrics.render();
    assert.equal(text.match(/^weir_rate_limit_hits_total\{/gm)?.length, 1_001);
    assert.match(text, /descriptor="other",result="within"\} 100/);
  });
});

/** What stands in a Struct. */
function plain(struct: Parameters<typeof Struct.encode>[0] | undefined): unknown {
  const reader = new WireReader(Buffer.from(Struct.encode(struct ?? { fields: new Map() }).finish()));
  return objectOf(readStruct(reader, reader.whole));
}

/** Maps as objects. */
function objectOf(value: unknown): unknown {
  if (value instanceof Map)
    return Object.fromEntries(Array.from(value, ([key, one]) => [key, objectOf(one)]));
  return Array.isArray(value) ? value.map(objectOf) : value;
}
