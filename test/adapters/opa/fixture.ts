import type { FetchRequest } from "../../../src/adapter/host.ts";
import type { Fixture } from "../conformance.ts";

const SECRET = "tok-opa-71";

/** An agent whose policy lets people in whose user begins with `a`. */
const decide = ({ body = "" }: FetchRequest): { readonly body: Buffer } => {
  const { input } = JSON.parse(String(body)) as { input: { user: string } };
  const result = { allow: input.user.startsWith("a"), plan: "gold", left: 5, status: 402, message: "No." };
  return { body: Buffer.from(JSON.stringify({ result, decision_id: "d-1" })) };
};

const good = { url: "https://opa.example.com", path: "mesh/orders" };

/** The opa adapter for the conformance suite. */
export const OPA: Fixture = {
  good: [
    { config: good, prepare: (host) => (host.remote = { kind: "answers", answer: decide }) },
    {
      config: {
        ...good,
        token: { env: "TOKEN" },
        outputs: { plan: "string", left: "int" },
        cache: { allowed: "10s", denied: "0s", maxAge: "1h", entries: 10, stale: "1s", asksPerSecond: 5 },
        onFailure: "resilient",
        timeout: "1s",
        undefined: "deny",
        verdict: "allow",
        maxBytes: "4KiB",
      },
      prepare: (host) => {
        host.secrets.set("TOKEN", SECRET);
        host.remote = { kind: "answers", answer: decide };
      },
    },
  ],
  bad: [
    [{ path: "a" }, /write a URL such as/],
    [{ ...good, url: "https://opa.example.com?pretty" }, /write the URL without a query/],
    [{ url: good.url }, /write the path of a rule/],
    [{ ...good, path: "a/../b" }, /write the path of a rule/],
    [{ ...good, path: "/a" }, /write the path of a rule/],
    [{ ...good, token: SECRET }, /a secret never stands in weir.yaml/],
    [{ ...good, verdict: 5 }, /write the name of a field/],
    [{ ...good, undefined: "allow" }, /write one of error, deny/],
    [{ ...good, outputs: { plan: "text" } }, /write a type/],
    [{ ...good, outputs: { "a-b": "string" } }, /a name has a-z/],
    [{ ...good, outputs: { result: "string" } }, /result is an output of every handler/],
    [{ ...good, outputs: [] }, /write a mapping of names of outputs/],
    [{ ...good, cache: { allowed: "1h" } }, /nothing is used for longer than maxAge/],
    [{ ...good, cache: { entries: 0 } }, /write a whole number from 1/],
    [{ ...good, onFailure: "maybe" }, /write one of closed, resilient, open/],
    [{ ...good, timeout: 5 }, /write a duration with its unit/],
  ],
  localFaults: [{ ...good, token: { env: "MISSING" } }],
  inputs: [new Map([["input", '{"user":"ann"}']]), new Map([["input", '{"user":"eve-0c1d"}']])],
  secrets: [SECRET, "eve-0c1d"],
};
