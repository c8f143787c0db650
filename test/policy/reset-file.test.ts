import assert from "node:assert/strict";
import { readReset } from "../../src/policy/reset-file.ts";

const read = (text: string) => readReset("the reset", Buffer.from(text));

describe("what says which counter is to be forgotten", () => {
  const good: readonly (readonly [text: string, asked: object])[] = [
    ['{"id": "c_0123"}', { kind: "id", id: "c_0123" }],
    [
      '{"policy": "shop", "quota": "per-client", "key": ["192.0.2.1", ""]}',
      { kind: "key", policy: "shop", quota: "per-client", key: ["192.0.2.1", ""] },
    ],
    [
      "policy: shop\nquota: all\nkey: [7, true]\n",
      { kind: "key", policy: "shop", quota: "all", key: ["7", "true"] },
    ],
    [
      '{"domain": "edge", "entries": [{"key": "path", "value": "/a"}, {"key": "generic"}]}',
      {
        kind: "entries",
        domain: "edge",
        entries: [
          { key: "path", value: "/a" },
          { key: "generic", value: "" },
        ],
      },
    ],
    ['{"policy": "shop", "quota": "all"}', { kind: "key", policy: "shop", quota: "all", key: [] }],
  ];
  for (const [text, asked] of good) it(`is ${text.trim()}`, () => assert.deepEqual(read(text), asked));

  const bad: readonly (readonly [text: string, why: RegExp])[] = [
    ["", /there is nothing in it/],
    ["{}", /one of id, policy, domain is missing/],
    ['{"policy": "shop"}', /quota is missing/],
    ['{"id": "c_1", "policy": "shop", "quota": "all"}', /id and policy stand together/],
    ['{"id": "c_1", "key": ["x"]}', /id and key stand together/],
    ['{"domain": "edge"}', /entries is missing/],
    [
      '{"domain": "edge", "quota": "all", "entries": [{"key": "x"}]}',
      /domain and quota stand together.*with domain go entries/,
    ],
    ['{"policy": "shop", "quota": "all", "entries": [{"key": "x"}]}', /policy and entries stand together/],
    ['{"domain": "edge", "entries": [{"value": "x"}]}', /key/],
    ['{"polcy": "shop"}', /did you mean \\"policy\\"/],
    ['{"policy": "shop", "quota": "all", "key": "x"}', /a list of the values of the quota's key/],
    ['{"policy": "shop", "quota": "all", "key": [{}]}', /text/],
    ['["shop"]', /a mapping/],
    ["{", /yaml-syntax|expected|flow/i],
  ];
  for (const [text, why] of bad) {
    it(`is not ${text}`, () => {
      const findings = read(text);
      assert.ok(Array.isArray(findings) && findings.length > 0);
      assert.match(JSON.stringify(findings), why);
    });
  }
});
