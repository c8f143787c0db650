import type { ElsewhereCase, LoadCase } from "./corpus.ts";

const policy = (rules: string, match = "match:\n  hosts: [a.example.com]"): string =>
  `weir: 1\npolicy: broken\n${match}\n${rules}\n`;
const rule = (words: string): string => policy(`rules:\n  - id: broken\n    ${words}`);
const jwt = (words: string): string =>
  policy(`identities:
  user:
    jwt:
      issuer: https://idp.example.com
      audiences: [mesh]
      ${words}
rules:
  - id: user
    allow: has(auth.user)`);

/** Files that never go live: what cannot be meant is said at once, and the last good configuration stays. */
export const LOAD_CASES: readonly LoadCase[] = [
  {
    ...{ id: "15b", what: "a condition that is a text", source: "OpenBot#26, #28" },
    ...{ file: rule('allow: request.headers["x-ok"]'), code: "cel-type" },
  },
  {
    ...{ id: "15c", what: "a condition whose type is known at run time only", source: "OpenBot#26, #28" },
    ...{ file: rule("require: request.json.ok"), code: "cel-type" },
  },
  {
    ...{ id: "17a", what: "a misspelt key", source: "Istio: unsupported keys are silently ignored" },
    ...{ file: rule('deny: request.method == "PUT"\n    wehn: request.path == "/"'), code: "unknown-key" },
  },
  {
    ...{ id: "17b", what: "a misspelt attribute", source: "Kyverno drops policies that do not compile" },
    ...{ file: rule('deny: request.pth == "/admin"'), code: "unknown-attribute" },
  },
  {
    ...{
      id: "17c",
      what: "a misspelt attribute inside has(), which would be false for ever",
      source: "CEL's checker",
    },
    ...{ file: rule("deny: has(auth.usr)"), code: "unknown-attribute" },
  },
  {
    ...{
      id: "17d",
      what: "an unknown thing to do to a header",
      source: "Istio: unsupported keys are silently ignored",
    },
    ...{
      file: rule('allow: request.method == "GET"\n    request:\n      replace: { x-a: b }'),
      code: "unknown-key",
    },
  },
  {
    ...{
      id: "17e",
      what: "an attribute that is not known yet when the rule is evaluated",
      source: "Mixer's manifest",
    },
    ...{ file: rule("deny: response.code == 200"), code: "wrong-phase" },
  },
  {
    ...{
      id: "17f",
      what: "an expression that YAML reads as a tag, and so without its negation",
      source: "YAML 1.2",
    },
    ...{ file: rule("allow: !writes"), code: "yaml-swallowed-cel" },
  },
  {
    ...{
      id: "18c",
      what: "a policy that would allow every request",
      source: "kyverno-envoy-plugin's default",
    },
    ...{ file: policy("default: allow", "match: everything"), code: "grants-everything" },
  },
  {
    ...{ id: "21b", what: "a regular expression that the request chooses", source: "cel-spec" },
    ...{ file: rule('deny: request.path.matches(request.headers["x-pattern"])'), code: "regex-not-constant" },
  },
  {
    ...{ id: "27d", what: "a line break in a header's value", source: "CVE-2023-27493" },
    ...{
      file: rule('allow: request.method == "GET"\n    request:\n      set: { x-a: "b\\r\\nc: d" }'),
      code: "bad-header",
    },
  },
  {
    ...{
      id: "31g",
      what: "the algorithm none in a list of those that are allowed",
      source: "RFC 8725 section 3.1",
    },
    ...{ file: jwt("jwks: https://idp.example.com/certs\n      algorithms: [none]"), code: "wrong-value" },
  },
  {
    ...{ id: "31h", what: "HMAC beside public keys", source: "RFC 8725 section 2.1" },
    ...{
      file: jwt("jwks: https://idp.example.com/certs\n      algorithms: [RS256, HS256]"),
      code: "wrong-value",
    },
  },
  {
    ...{ id: "35b", what: "keys that are fetched without TLS", source: "RFC 8725 section 3.10" },
    ...{ file: jwt("jwks: http://idp.example.com/certs"), code: "wrong-value" },
  },
];

/** What takes more than one request to show. */
export const ELSEWHERE: readonly ElsewhereCase[] = [
  {
    ...{ id: "6b", what: "a raw NUL in a header, which Envoy refuses", source: "CVE-2019-9900" },
    tests: ["test/e2e/security.test.ts"],
  },
  {
    ...{ id: "17g", what: "the last good configuration stays", source: "Istio; Kyverno" },
    tests: ["test/e2e/reload.test.ts", "test/runtime/runtime.test.ts"],
  },
  {
    ...{ id: "19b", what: "the deadline passes in the middle of a decision", source: "Authorino d51a469" },
    tests: ["test/check/service.test.ts"],
  },
  {
    ...{
      id: "34c",
      what: "keys that cannot be had later; floods of unknown key ids",
      source: "OPA's JWKS issues",
    },
    tests: ["test/identity/jwks.test.ts"],
  },
  {
    ...{ id: "34d", what: "10,000 bad tokens: nothing is left behind, good ones pass", source: "OWASP" },
    tests: ["test/security/flood.test.ts"],
  },
  {
    ...{
      id: "35c",
      what: "private addresses are refused, whatever names lead to them",
      source: "GHSA-rggm-jjmc-3394",
    },
    tests: ["test/host/address-guard.test.ts"],
  },
  {
    ...{ id: "37g", what: "a certificate with two URIs is no identity", source: "X509-SVID section 2" },
    tests: ["test/attributes/certificate.test.ts"],
  },
  {
    ...{
      id: "49a",
      what: "a message of more than 4 MiB is refused",
      source: "opa-envoy's grpc-max-recv-msg-size",
    },
    tests: ["test/check/service.test.ts", "test/http/ext-authz.test.ts"],
  },
  {
    ...{ id: "50a", what: "every answer says decision, policy and rule", source: "opa#3151" },
    tests: ["test/security/corpus.test.ts", "test/e2e/denial.test.ts"],
  },
  {
    ...{ id: "a18", what: "an exception of weir's own refuses with 500", source: "the table of answers" },
    tests: ["test/check/service.test.ts"],
  },
  {
    ...{ id: "a19", what: "a team whose policies were never good", source: "the table of answers" },
    tests: ["test/check/unreadable.test.ts", "test/runtime/teams.test.ts"],
  },
  {
    ...{
      id: "a20",
      what: "whatever is presented: no crash, no error that a caller chose",
      source: "CVE-2024-23324",
    },
    tests: ["test/security/fuzz.test.ts", "test/security/files.test.ts"],
  },
  {
    ...{ id: "42", what: "a remembered verdict for another request", source: "heimdall#3450" },
    ...{ tests: [], later: "no verdict is remembered in this version" },
  },
  {
    ...{ id: "44", what: "the sink of the decision log is down", source: "opa#8123" },
    tests: ["test/e2e/decisions.test.ts", "test/check/service.test.ts"],
  },
  {
    ...{ id: "45", what: "paths and hosts as labels of metrics", source: "Kyverno's metrics" },
    ...{ tests: [], later: "the metrics of this version have labels of the configuration alone" },
  },
  {
    ...{ id: "47", what: "the store of quotas is down", source: "Envoy's failure_mode_deny" },
    ...{ tests: [], later: "there are no quotas in this version" },
  },
];

/** The numbered cases that a safe server has to meet. */
export const ACCEPTANCE = [
  ...[
    2, 3, 4, 6, 7, 9, 10, 12, 13, 14, 15, 16, 17, 18, 19, 21, 23, 24, 27, 28, 30, 31, 32, 33, 34, 35, 37, 40,
  ],
  ...[42, 44, 45, 46, 47, 48, 49, 50],
] as const;
