import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { HttpListener } from "../../src/http/listener.ts";
import { compileConfiguration } from "../../src/policy/compile.ts";
import { loadFiles } from "../../src/policy/load.ts";
import { CASES, type Expected, type SecurityCase, type Way } from "./corpus.ts";
import { ACCEPTANCE, ELSEWHERE, LOAD_CASES } from "./corpus-loads.ts";
import { serveSecurity, type Served } from "./service.ts";
import { askOverGrpc, askOverHttp, listenForHttp, type Ask, type Told } from "./ways.ts";
import { newWorld } from "./world.ts";

describe("the security cases", () => {
  const world = newWorld();
  let served: Served;
  let listener: HttpListener;
  before(async () => {
    served = await serveSecurity(world);
    listener = await listenForHttp(served);
  });
  after(async () => {
    await listener.close();
    await served.close();
  });

  const ways: Readonly<Record<Way, () => Ask>> = {
    lines: () => askOverGrpc(served, "lines"),
    joined: () => askOverGrpc(served, "joined"),
    http: () => askOverHttp(served, listener),
  };
  const ask = async (way: Way, { request }: SecurityCase): Promise<Told> => {
    served.moment = request.moment ?? "usual";
    return ways[way]()(world.present(request));
  };

  for (const one of CASES) {
    it(`${one.id}: ${one.what}`, async () => {
      const told = new Map<Way, Told>();
      for (const way of ["lines", "joined", "http"] as const) {
        const found = await ask(way, one);
        told.set(way, found);
        assertMet(one.unlike?.[way]?.expected ?? one.expected, found, way);
      }
      for (const way of ["joined", "http"] as const) {
        if (one.unlike?.[way] !== undefined) continue;
        assert.deepEqual(told.get(way), told.get("lines"), `${way} as line by line`);
      }
      assert.deepEqual(served.logged, [], "nothing is an exception of weir's own");
    });
  }

  it("ask nobody whom a token names", () => {
    assert.deepEqual(
      new Set(served.fetched),
      new Set(["http://127.0.0.1:1/certs", "http://127.0.0.1:1/list"]),
    );
  });
});

describe("the table of security cases", () => {
  const all = [...CASES, ...LOAD_CASES, ...ELSEWHERE];

  it("has ids of its own", () => {
    const ids = all.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
  });

  it("has every case that a safe server has to meet", () => {
    const numbers = new Set(all.map(({ id }) => Number.parseInt(id, 10)));
    assert.deepEqual(
      ACCEPTANCE.filter((number) => !numbers.has(number)),
      [],
    );
  });

  it("names tests that are there", () => {
    const named = ELSEWHERE.flatMap(({ tests }) => tests);
    const root = join(import.meta.dirname, "../..");
    assert.deepEqual(
      named.filter((path) => !existsSync(join(root, path))),
      [],
    );
    for (const { id, tests, later } of ELSEWHERE) assert.equal(tests.length === 0, later !== undefined, id);
  });

  for (const { id, what, file, code } of LOAD_CASES) {
    it(`${id}: refuses at load ${what}`, () => {
      const loaded = loadFiles([{ path: "broken.yaml", text: file }]);
      const { snapshot, diagnostics } = compileConfiguration(loaded, "test", {
        ...{ adapters: [], nowMs: Date.now(), stance: "enforce" },
      });
      assert.equal(snapshot, undefined);
      const errors = diagnostics.filter(({ severity }) => severity === "error");
      assert.deepEqual([...new Set(errors.map((one) => one.code))], [code]);
    });
  }
});

function assertMet(expected: Expected, told: Told, way: Way): void {
  const found = `${way}: ${JSON.stringify(told)}`;
  assert.equal(told.verdict, expected.verdict, found);
  if (expected.verdict === "unread") {
    assert.equal(told.status, expected.status, found);
    return;
  }
  assert.equal(told.by, expected.by, found);
  switch (expected.verdict) {
    case "allow": {
      const { set = {}, remove = [], response = {} } = expected.effects ?? {};
      assert.deepEqual(told.set, linesOf({ ...set, ...response }), found);
      assert.deepEqual(told.removed, [...remove].sort(), found);
      return;
    }
    case "deny": {
      assert.equal(told.status, expected.status, found);
      if (expected.body !== undefined) assert.equal(told.body, expected.body, found);
      const type = { "content-type": "text/plain; charset=utf-8" };
      assert.deepEqual(told.set, linesOf({ ...type, ...expected.headers }), found);
      return;
    }
    case "error":
      assert.equal(told.status, 503, found);
  }
}

const linesOf = (headers: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}`)
    .sort();
