import type { FetchRequest } from "../../../src/adapter/host.ts";
import type { Fixture } from "../conformance.ts";

const SECRET = "tok-http-19";

/** A service of plans that knows who begins with `a`. */
const plans = ({ url }: FetchRequest) => {
  const isKnown = /\/plans\/a/.test(url);
  return {
    status: isKnown ? 200 : 404,
    headers: new Map([["content-type", "application/json"]]),
    body: Buffer.from(isKnown ? '{"plan": "gold", "left": 3}' : "{}"),
  };
};

const good = {
  url: "https://plans.example.com/api/",
  inputs: { user: "string" },
  path: "/plans/${input.user}",
  allow: "response.status == 200",
};

/** The http adapter for the conformance suite. */
export const HTTP: Fixture = {
  good: [
    { config: good, prepare: (host) => (host.remote = { kind: "answers", answer: plans }) },
    {
      config: {
        ...good,
        method: "POST",
        query: { of: "${input.user}" },
        headers: { "x-user": "${input.user}" },
        secretHeaders: { authorization: { env: "TOKEN" } },
        json: '{"user": input.user}',
        outputs: {
          plan: { type: "string", value: "response.body.plan" },
          left: { type: "int", value: "response.body.left" },
        },
        deny: { status: "402", message: '"No plan."' },
        misconfigured: "response.status == 401",
        freshness: "cache-control",
        retry: "safe",
      },
      prepare: (host) => {
        host.secrets.set("TOKEN", SECRET);
        host.remote = { kind: "answers", answer: plans };
      },
    },
  ],
  bad: [
    [{ ...good, url: "x" }, /write a URL such as/],
    [{ ...good, url: "https://a.example.com/?b" }, /write the URL without a query/],
    [{ url: good.url }, /write an expression of CEL/],
    [{ ...good, path: "plans" }, /write a path that begins with/],
    [{ ...good, path: "/a/../b" }, /write a path that begins with/],
    [{ ...good, path: "/a/%2E%2e" }, /write a path that begins with/],
    [{ ...good, path: "/a?b" }, /write a path that begins with/],
    [{ ...good, inputs: { user: "map" } }, /write one of string, int/],
    [{ ...good, inputs: { "us-er": "string" } }, /a name has a-z/],
    [{ ...good, method: "PUT" }, /write one of GET, POST/],
    [{ ...good, json: "{}" }, /a GET has no body/],
    [{ ...good, method: "POST", json: "{}", form: {} }, /write one of json and form/],
    [{ ...good, headers: { host: "x" } }, /this header is weir's own to write/],
    [{ ...good, headers: { a: "b" }, secretHeaders: { A: { env: "T" } } }, /secretHeaders has this header/],
    [{ ...good, secretHeaders: { a: SECRET } }, /a secret never stands in weir.yaml/],
    [{ ...good, query: { a: 5 } }, /write text, in quotes/],
    [{ ...good, outputs: { plan: "string" } }, /write a mapping with the keys type, value/],
  ],
  localFaults: [{ ...good, secretHeaders: { authorization: { env: "MISSING" } } }],
  inputs: [new Map([["user", "ann"]]), new Map([["user", "eve-0c1d"]])],
  secrets: [SECRET, "eve-0c1d"],
};
