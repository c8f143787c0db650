import type { SecurityCase, SentRequest } from "./corpus.ts";
import { allow, app, deny, get } from "./corpus-words.ts";

const RULES: readonly SecurityCase[] = [
  {
    id: "13a",
    what: "the `when` of a deny cannot be evaluated: the rule counts",
    source: "authorino#505",
    request: get("guests.example.com", "/"),
    expected: deny("guests/no-guests"),
  },
  {
    id: "13b",
    what: "the `when` of a whole policy cannot be evaluated: the policy applies",
    source: "authorino#505",
    request: get("teams.test", "/"),
    expected: deny("teams/match", 400),
  },
  {
    id: "14a",
    what: "a deny that fails",
    source: "Cerbos before strictEvaluation (#3312); agentgateway",
    request: get("ages.example.com", "/", [["x-age", "old"]]),
    expected: deny("ages/too-old", 400),
  },
  {
    id: "30a",
    what: "a deny that reads a header which is not there",
    source: "CEL: no such key; Istio's rules on missing attributes",
    request: get("ages.example.com", "/"),
    expected: deny("ages/too-old", 400),
  },
  {
    id: "14b",
    what: "the same deny with a value that passes it",
    source: "the other cases, without the trick",
    request: get("ages.example.com", "/", [["x-age", "42"]]),
    expected: allow("app/reads"),
  },
  {
    id: "15a",
    what: "a condition that is no truth value at run time",
    source: "OpenBot#26",
    request: get("flags.example.com", "/", [["x-enabled", "1.5"]]),
    expected: deny("flags/enabled", 400),
  },
  {
    id: "16a",
    what: "an allow that fails beside one that holds",
    source: "CEL's ||; ValidatingAdmissionPolicy's matchConditions",
    request: get("either.test", "/", [["x-age", "old"]]),
    expected: allow("either/reads"),
  },
  {
    id: "16b",
    what: "only an allow that fails",
    source: "CEL's ||; ValidatingAdmissionPolicy's matchConditions",
    request: { method: "PUT", host: "either.test", path: "/", headers: [["x-age", "old"]] },
    expected: deny("either/grown-up", 400),
  },
  {
    id: "30b",
    what: "an allow that reads a header which is not there",
    source: "CEL: no such key; Istio's rules on missing attributes",
    request: { method: "PUT", host: "either.test", path: "/" },
    expected: deny("either/grown-up", 400),
  },
  {
    id: "21a",
    what: "a regular expression that backtracks: ^(a+)+$ on 10,000 letters",
    source: "JavaScript's RegExp; cel-spec demands RE2",
    request: get("regex.example.com", "/", [["x-long", `${"a".repeat(10_000)}!`]]),
    expected: allow("app/reads"),
  },
  {
    id: "a1",
    what: "an expression that uses up its budget: all pairs of 400 segments",
    source: "Kubernetes' CEL cost limits",
    request: get("busy.example.com", "/s".repeat(400)),
    expected: deny("busy/weir/budget", 400),
  },
  {
    id: "18b",
    what: "a check before there is a configuration",
    source: "opa#4338, opa#6713",
    request: { ...app("/public"), moment: "before the configuration" },
    expected: deny("weir/not-ready", 503),
    notThroughEnvoy: "weir listens when it has a configuration",
  },
  {
    id: "19a",
    what: "a check whose time is over",
    source: "Authorino's fail-open on a context's end (d51a469)",
    request: { ...app("/public"), moment: "too late" },
    expected: deny("weir/overload", 503),
    notThroughEnvoy: "a client cannot choose when it is asked",
  },
];

const post = (host: string, more: Partial<SentRequest>): SentRequest => ({
  ...{ method: "POST", host, path: "/", headers: [["content-type", "application/json"]] },
  ...more,
});

const BODIES: readonly SecurityCase[] = [
  {
    id: "40a",
    what: "a POST of JSON without content",
    source: "Fastify's FST_ERR_CTP_EMPTY_JSON_BODY",
    request: post("forms.test", { body: "" }),
    expected: allow("forms/posts"),
  },
  {
    id: "a2",
    what: "a body within the rule",
    source: "the other cases, without the trick",
    request: post("payments.test", { body: '{"amount": 99}' }),
    expected: allow("payments/pays"),
  },
  {
    id: "a3",
    what: "a body beyond the rule",
    source: "the other cases, without the trick",
    request: post("payments.test", { body: '{"amount": 101}' }),
    expected: deny("payments/small"),
  },
  {
    id: "a4",
    what: "a body of which only the beginning came, which reads well by itself",
    source: "allow_partial_message of Envoy",
    request: post("payments.test", { body: `{"amount": 9}${" ".repeat(2_000)}`, cut: true }),
    expected: deny("payments/small", 400),
  },
  {
    id: "a5",
    what: "a name twice in one object",
    source: "RFC 8259 section 4; CVE-2017-12635 (CouchDB)",
    request: post("payments.test", { body: '{"amount": 1, "amount": 999}' }),
    expected: deny("payments/small", 400),
  },
  {
    id: "a6",
    what: "a body that is no JSON",
    source: "the table of answers",
    request: post("payments.test", { body: "{amount: 1}" }),
    expected: deny("payments/small", 400),
  },
];

const BACKENDS: readonly SecurityCase[] = [
  {
    id: "a7",
    what: "a back-end of weir's failed, the request itself is good: Envoy's failure mode decides",
    source: "the table of answers",
    request: get("asks.test", "/error"),
    expected: { verdict: "error", by: "asks/undecided" },
  },
  {
    id: "a8",
    what: "the same where the rule says onError: deny",
    source: "the table of answers",
    request: get("asks.test", "/deny"),
    expected: deny("asks/refused", 503),
  },
  {
    id: "a9",
    what: "the same where the rule says onError: allow",
    source: "the table of answers",
    request: get("asks.test", "/allow"),
    expected: allow("asks/reads"),
  },
  {
    id: "a10",
    what: "no refusal becomes an error: a deny beside a back-end that failed",
    source: "CVE-2024-23324",
    request: get("asks.test", "/error", [["x-deny", "1"]]),
    expected: deny("asks/unmarked"),
  },
  {
    id: "a11",
    what: "no refusal becomes an error: a malformed value beside a back-end that failed",
    source: "CVE-2024-23324",
    request: get("asks.test", "/error", [["x-number", "many"]]),
    expected: deny("asks/numbered", 400),
  },
  {
    id: "a12",
    what: "no refusal becomes an error: nothing would have granted",
    source: "CVE-2024-23324",
    request: { method: "PUT", host: "asks.test", path: "/error" },
    expected: deny("asks/default"),
  },
];

export const RULE_CASES: readonly SecurityCase[] = [...RULES, ...BODIES, ...BACKENDS];
