import type { Fixture } from "../conformance.ts";
import { exchangeOf } from "./exchange.ts";

const SECRET = "tok-9d41aa";
const PERSON = "eve-0c1d";
const URL = "https://zipkin.example.com/api/v2/spans";

/** The zipkin adapter for the conformance suite. */
export const ZIPKIN: Fixture = {
  good: [
    { url: `${URL}?key=${SECRET}` },
    { url: URL, mode: "child", sample: "50%", personal: "plain", maxBatchBytes: "64KiB" },
    { url: URL, mode: "correlate" },
    { url: URL, headers: { Authorization: { env: "ZIPKIN_TOKEN" } } },
  ].map((config) => ({
    config,
    prepare: (host) => {
      host.secrets.set("ZIPKIN_TOKEN", SECRET);
      host.remote = { kind: "answers", answer: () => ({ status: 202 }) };
    },
  })),
  bad: [
    [{}, /write a URL such as/],
    [{ url: "zipkin:9411" }, /write a URL such as/],
    [{ url: "http://zipkin:9411" }, /write the whole URL, such as .*\/api\/v2\/spans/],
    [{ url: `https://user:${SECRET}@x/api/v2/spans` }, /may not hold a user or a password/],
    [{ url: URL, mode: "share" }, /one of auto, join, child, correlate/],
    [{ url: URL, sample: 0.1 }, /a percentage, such as/],
    [{ url: URL, sample: "101%" }, /a percentage, such as/],
    [{ url: URL, headers: ["authorization"] }, /a mapping of header names/],
    [{ url: URL, headers: { authorization: SECRET } }, /a secret never stands in weir.yaml/],
    [{ url: URL, headers: { "a b": { env: "A" } } }, /no name of a header/],
    [{ url: URL, headers: { "Content-Type": { env: "A" } } }, /weir's own to write/],
    [{ url: URL, headers: { "x-a": { env: "A" }, "X-A": { env: "B" } } }, /there twice/],
    [
      {
        url: URL,
        headers: Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`x-${at}`, { env: "A" }])),
      },
      /at most 16 headers/,
    ],
    [{ url: URL, personal: true }, /one of digest, plain/],
    [{ url: URL, maxBatchBytes: 1 }, /a number of bytes from 1024/],
    [{ url: URL, colour: "red" }, /colour: there is no such key; the keys are url/],
  ],
  localFaults: [{ url: URL, headers: { authorization: { file: "missing.txt" } } }],
  inputs: [],
  records: [exchangeOf({ added: new Map([["user", PERSON]]) }), exchangeOf({ id: "another" })],
  secrets: [SECRET, PERSON],
};
