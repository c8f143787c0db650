import type { Fixture } from "../conformance.ts";
import { fieldRecord } from "../records.ts";
import { exchangeOf } from "../zipkin/exchange.ts";
import { measured } from "./measured.ts";

const SECRET = "tok-81d2aa";

/** The otlp adapter for the conformance suite. */
export const OTLP: Fixture = {
  good: [
    {
      config: {
        url: `http://collector.example.com:4318/?key=${SECRET}`,
        headers: { authorization: { env: "TOKEN" } },
      },
      prepare: (host) => {
        host.secrets.set("TOKEN", SECRET);
        host.remote = { kind: "answers", answer: () => ({ status: 200 }) };
      },
    },
    {
      config: {
        url: "http://collector.example.com",
        logs: "https://logs.example.com/otlp/v1/logs",
        resource: { "service.name": "mesh" },
        names: "istio",
      },
      prepare: (host) => (host.remote = { kind: "answers", answer: () => ({ status: 200 }) }),
    },
  ],
  bad: [
    [{}, /write url, such as http:\/\/collector/],
    [{ url: "collector:4318" }, /write a URL such as/],
    [{ url: "http://c:4318/v1/logs" }, /url is what comes before \/v1/],
    [{ url: `http://user:${SECRET}@c/` }, /may not hold a user or a password/],
    [{ url: "http://c:4318", headers: { authorization: SECRET } }, /a secret never stands in weir\.yaml/],
    [{ url: "http://c:4318", headers: { "content-type": { env: "A" } } }, /weir's own to write/],
    [{ url: "http://c:4318", resource: { a: 5 } }, /write a text/],
    [{ url: "http://c:4318", names: "both" }, /one of istio, weir/],
    [{ url: "http://c:4318", sample: 2 }, /write a percentage/],
    [{ url: "http://c:4318", personal: "no" }, /one of digest, plain/],
    [{ url: "http://c:4318", colour: "red" }, /colour: there is no such key; the keys are url/],
  ],
  localFaults: [{ url: "http://c:4318", headers: { authorization: { env: "NOT_THERE" } } }],
  inputs: [],
  records: [
    fieldRecord({ user: "eve-0c1d" }),
    fieldRecord({}, { added: new Map([["a", "b"]]) }),
    exchangeOf(),
    measured("200", 1, 5),
  ],
  secrets: [SECRET, "eve-0c1d"],
};
