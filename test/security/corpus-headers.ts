import type { SecurityCase } from "./corpus.ts";
import { allow, deny, get } from "./corpus-words.ts";

const LINES = "its header lines may have been joined";
/** What headers bring in, and what answers carry out. */
export const HEADER_CASES: readonly SecurityCase[] = [
  ...(
    [
      ["23a", "a header that a policy owns", "x-user", ["x-user", "x-debug"]],
      ["23b", "the same with _ for -", "x_user", ["x-user", "x-debug", "x_user"]],
    ] as const
  ).map(([id, what, name, remove]): SecurityCase => ({
    id,
    what: `an anonymous client sends ${what}`,
    source: "envoy#10351; CGI's names of headers",
    request: get("owned.test", "/", [[name, "root"]]),
    expected: { verdict: "allow", by: "owned/anonymous", effects: { remove } },
  })),
  {
    id: "23c",
    what: "a known client sends a header that a policy owns; cookies join those of the upstream",
    source: "envoy#10351, envoy#10396 (case 48)",
    request: get("owned.test", "/", [
      ["x-known", "1"],
      ["x-user", "root"],
    ]),
    expected: {
      verdict: "allow",
      by: "owned/known",
      effects: {
        set: { "x-user": "ann" },
        response: { "x-served-for": "ann", "set-cookie": "seen=1; Path=/" },
      },
    },
  },
  ...(
    [
      ["24a", "first", ["admin", "user"]],
      ["24b", "last", ["user", "admin"]],
      ["24c", "between", ["user", "admin", "guest"]],
    ] as const
  ).map(([id, where, roles]): SecurityCase => ({
    id,
    what: `a header comes several times, the bad value ${where}`,
    source: "CVE-2026-26308, CVE-2021-32777, CVE-2020-25017",
    request: get(
      "roles.example.com",
      "/",
      roles.map((role) => ["x-role", role] as const),
    ),
    expected: deny("roles/no-admins"),
  })),
  {
    id: "24d",
    what: "a header comes twice where one line is allowed",
    source: "CVE-2026-26308",
    request: get("lines.example.com", "/", [
      ["x-role", "user"],
      ["x-role", "admin"],
    ]),
    expected: deny("lines/one-role"),
    policy: "over gRPC alone",
  },
  {
    id: "24e",
    what: "a header comes once where one line is allowed",
    source: "CVE-2026-26308",
    request: get("lines.example.com", "/", [["x-role", "user,admin"]]),
    expected: allow("app/reads"),
    unlike: {
      joined: { because: LINES, expected: deny("lines/one-role") },
      http: { because: LINES, expected: deny("lines/one-role") },
    },
    policy: "over gRPC alone",
  },
  {
    id: "27a",
    what: "a line break from the path would reach a request header",
    source: "CVE-2023-27493",
    request: get("echo.test", "/ann%0D%0Ax-role:%20admin"),
    expected: deny("echo/named", 400),
  },
  {
    id: "27b",
    what: "a line break from the path would reach a header of a denial",
    source: "CVE-2023-27493, CVE-2024-45808",
    request: get("echo.test", "/ann%0D%0Aset-cookie:%20a=1/no"),
    expected: {
      ...{ verdict: "deny", by: "echo/refused", status: 403, body: "no ann\r\nset-cookie: a=1" },
      headers: { "x-kind": "refusal" },
    },
  },
  {
    id: "27c",
    what: "the same without a line break",
    source: "the other cases, without the trick",
    request: get("echo.test", "/ann/no"),
    expected: {
      ...{ verdict: "deny", by: "echo/refused", status: 403, body: "no ann" },
      headers: { "x-kind": "refusal", "x-name": "ann" },
    },
  },
  {
    id: "46a",
    what: "a message that cannot be had: the plain words of the status",
    source: "ValidatingAdmissionPolicy's messageExpression",
    request: get("words.example.com", "/"),
    expected: { verdict: "deny", by: "words/refused", status: 403, body: "Forbidden\n" },
  },
  {
    id: "48a",
    what: "a redirect keeps its address",
    source: "envoy#43475: lost by Envoy 1.37.0",
    request: get("login.example.com", "/account"),
    expected: {
      ...{ verdict: "deny", by: "login/signed-in", status: 302 },
      headers: { location: "https://idp.example.com/login?back=/account" },
    },
  },
];
