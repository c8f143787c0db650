import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { listLimits, type ListedLimit } from "../../src/quota/limit-list.ts";
import { serve, snapshotOf } from "./fixture.ts";

const EDGE = `
domain: edge
descriptors:
  - { key: remote_address, rate_limit: { unit: minute, requests_per_unit: 2 } }
  - { key: free, rate_limit: { unlimited: true } }
  - key: plan
    value: gold
    descriptors:
      - { key: user, shadow_mode: true, rate_limit: { unit: hour, requests_per_unit: 1 } }
  - { key: path, value: /export/*, share_threshold: true, rate_limit: { name: exports, unit: day, requests_per_unit: 1 } }
  - { key: path, value: /page/*, onError: local, rate_limit: { unit: day, requests_per_unit: 9 } }
  - key: two
    limits:
      - { unit: second, requests_per_unit: 2, algorithm: bucket, burst: 4 }
      - { unit: minute, multiplier: 15, requests_per_unit: 3, algorithm: sliding }
`;
const OTHER = `
domain: other
atomic: true
descriptors:
  - { key: one, rate_limit: { unit: minute, requests_per_unit: 1 } }
  - { key: many, rate_limit: { unit: minute, requests_per_unit: 100 } }
`;

const digest = (printed: string): string => `#${hash("sha256", printed).slice(0, 12)}`;

function serving(files: readonly string[] = [EDGE, OTHER]) {
  const snapshot = snapshotOf(files);
  const server = serve(snapshot);
  const { topKeys, stores } = server;
  const world = { live: () => snapshot, topKeys, stores, nowMs: () => server.nowMs, digest };
  const list = async (domain?: string, limit = 10) =>
    (await listLimits({ domain, limit }, world)) ?? assert.fail("there is no configuration");
  /** What is listed of one descriptor, in short. */
  const keysOf = async (name: string): Promise<readonly string[]> => {
    const { limits } = await list();
    const one = limits.find((limit) => nameOf(limit) === name) ?? assert.fail(`no ${name}`);
    return one.keys.map(({ entries, hits, refusals, now }) => {
      const states =
        now.kind === "found" ? now.windows.map(({ used, limit }) => `${used}/${limit}`) : [now.kind];
      return [...entries.map(({ key, value }) => `${key}=${value}`), hits, refusals, ...states].join(" ");
    });
  };
  return { server, list, keysOf, world };
}

const nameOf = ({ descriptor, algorithm }: ListedLimit): string =>
  [...descriptor.map(({ key, value }) => (value === undefined ? key : `${key}=${value}`)), algorithm].join(
    " ",
  );

describe("the list of rate limits", () => {
  it("has each as its file says it, also where nothing was counted", async () => {
    const { limits, unlisted } = await serving().list();
    assert.deepEqual(limits.map((one) => `${one.domain}: ${nameOf(one)} ${one.standing}`).sort(), [
      "edge: path=/export/* fixed enforce",
      "edge: path=/page/* fixed enforce",
      "edge: plan=gold user fixed shadow",
      "edge: remote_address fixed enforce",
      "edge: two bucket enforce",
      "edge: two sliding enforce",
      "other: many fixed enforce",
      "other: one fixed enforce",
    ]);
    assert.equal(unlisted, 0);
    assert.deepEqual(
      limits.find((one) => nameOf(one) === "two sliding"),
      {
        ...{ domain: "edge", descriptor: [{ key: "two", value: undefined }], algorithm: "sliding" },
        ...{ standing: "enforce", onError: undefined },
        windows: [{ name: "", limit: 3, per: "15 minutes" }],
        keys: [],
      },
    );
  });

  it("has the busiest keys of each, with what the store says of them now", async () => {
    const { server, keysOf } = serving();
    for (let times = 0; times < 3; times++) await server.ask("edge", [["remote_address=192.0.2.1"]]);
    await server.ask("edge", [["remote_address=192.0.2.2"], ["two=x"]]);
    assert.deepEqual(await keysOf("remote_address fixed"), [
      `remote_address=${digest('"192.0.2.1"')} 2 1 3/2`,
      `remote_address=${digest('"192.0.2.2"')} 1 0 1/2`,
    ]);
    assert.deepEqual(await keysOf("two bucket"), [`two=${digest('"x"')} 1 0 1/2`]);
    assert.deepEqual(await keysOf("two sliding"), [`two=${digest('"x"')} 1 0 1/3`]);
  });

  it("shows values that the file writes, and of all others a digest", async () => {
    const { server, keysOf, list } = serving();
    await server.ask("edge", [["plan=gold", "user=alice"], ["path=/export/alice"], ["path=/page/alice"]]);
    assert.deepEqual(await keysOf("plan=gold user fixed"), [`plan=gold user=${digest('"alice"')} 1 0 1/1`]);
    assert.deepEqual(await keysOf("path=/export/* fixed"), ["path=/export/* 1 0 1/1"]);
    assert.deepEqual(await keysOf("path=/page/* fixed"), [`path=${digest('"/page/alice"')} 1 0 1/9`]);
    assert.doesNotMatch(JSON.stringify(await list()), /alice/);
  });

  it("counts nobody who only looks, gives back, or brings a limit along", async () => {
    const { server, list } = serving();
    await server.ask("edge", [
      { entries: ["remote_address=a"], hits: 0 },
      { entries: ["remote_address=a"], hits: 1, refund: true },
      { entries: ["remote_address=a"], limit: { requestsPerUnit: 5, unit: 2 } },
      ["free=a"],
    ]);
    assert.deepEqual(
      (await list()).limits.flatMap(({ keys }) => keys),
      [],
    );
  });

  it("says of an atomic domain that nothing was charged where one limit refused", async () => {
    const { server, keysOf } = serving();
    for (let times = 0; times < 3; times++) await server.ask("other", [["one=x"], ["many=x"]]);
    assert.deepEqual(await keysOf("one fixed"), [`one=${digest('"x"')} 1 2 1/1`]);
    assert.deepEqual(await keysOf("many fixed"), [`many=${digest('"x"')} 1 0 1/100`]);
  });

  it("says where the store is away, and what this process counts alone", async () => {
    const { server, keysOf } = serving();
    server.failing = { kind: "failed", reason: "away" };
    await server.ask("edge", [["path=/page/a"]]);
    await server.ask("edge", [["remote_address=a"]]);
    assert.deepEqual(await keysOf("path=/page/* fixed"), [`path=${digest('"/page/a"')} 1 0 1/9`]);
    assert.deepEqual(await keysOf("remote_address fixed"), []);
  });

  it("is chosen by domain and how many keys", async () => {
    const { server, list } = serving();
    for (const key of ["a", "b", "c"]) await server.ask("other", [[`many=${key}`]]);
    const { limits } = await list("other", 2);
    assert.deepEqual(limits.map((one) => [nameOf(one), one.keys.length]).sort(), [
      ["many fixed", 2],
      ["one fixed", 0],
    ]);
    assert.deepEqual((await list("nobody")).limits, []);
  });

  it("is bounded: those of which something is known stand in it", async () => {
    const many = Array.from(
      { length: 600 },
      (_, index) => `  - { key: k${index}, rate_limit: { unit: minute, requests_per_unit: 1 } }`,
    );
    const { server, list } = serving([`domain: big\ndescriptors:\n${many.join("\n")}\n`]);
    await server.ask("big", [["k599=x"]]);
    const { limits, unlisted } = await list();
    assert.deepEqual([limits.length, unlisted, limits[0]?.descriptor[0]?.key], [500, 100, "k599"]);
  });

  it("is none where there is no configuration", async () => {
    const { world } = serving();
    assert.equal(
      await listLimits({ domain: undefined, limit: 1 }, { ...world, live: () => undefined }),
      undefined,
    );
  });
});
