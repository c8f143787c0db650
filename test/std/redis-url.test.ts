import assert from "node:assert/strict";
import { parseRedisUrl } from "../../src/std/redis-url.ts";

describe("the URL of a Redis", () => {
  const plain = {
    host: "redis",
    port: 6379,
    isTls: false,
    username: undefined,
    password: undefined,
    database: 0,
  };
  for (const [text, read] of [
    ["redis://redis", plain],
    ["redis://redis:7000/3", { ...plain, port: 7000, database: 3 }],
    ["rediss://redis", { ...plain, isTls: true }],
    ["redis://weir:a%40b@redis", { ...plain, username: "weir", password: "a@b" }],
    ["redis://:secret@redis", { ...plain, password: "secret" }],
    ["redis://[2001:db8::1]:7000", { ...plain, host: "2001:db8::1", port: 7000 }],
  ] as const) {
    it(`is read: ${text}`, () => assert.deepEqual(parseRedisUrl(text), read));
  }

  for (const text of [
    "",
    "redis",
    "http://redis",
    "redis://",
    "redis://redis/x",
    "redis://redis?a=b",
    "redis://a%ZZ@redis",
  ]) {
    it(`is none: ${text}`, () => assert.equal(parseRedisUrl(text), undefined));
  }
});
