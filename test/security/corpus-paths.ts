import type { SecurityCase } from "./corpus.ts";
import { allow, app, deny, get } from "./corpus-words.ts";

const ambiguous = deny("weir/ambiguous-path", 400);
const badHost = deny("weir/bad-host", 400);

const notHttp = (because: string): NonNullable<SecurityCase["unlike"]> => ({
  http: { because, expected: { verdict: "unread", status: 400 } },
});

const PATHS: readonly SecurityCase[] = [
  ...(
    [
      ["2a", "an encoded slash", "/admin%2Fpeople", "CVE-2021-29492, CVE-2021-31920"],
      ["2b", "an encoded slash in lower case", "/admin%2fpeople", "CVE-2026-42272 (heimdall)"],
      ["2c", "an encoded slash that hides a segment", "/public%2F..%2Fadmin", "CVE-2021-29492"],
      ["2d", "an empty segment in front", "//admin", "CVE-2021-29492, envoy#6435"],
      ["3a", "a dot segment", "/public/../admin", "CVE-2019-9901, envoy#6435"],
      ["3b", "an encoded dot segment", "/public/%2e%2e/admin", "CVE-2026-42274 (heimdall)"],
      ["3c", "a half encoded dot segment", "/public/.%2E/admin", "CVE-2026-42274 (heimdall)"],
      ["3d", "a single dot", "/public/./x", "CVE-2019-9901"],
      ["3e", "a dot segment with parameters", "/public/..;x=1/admin", "Tomcat's path parameters"],
      ["4a", "backslashes", "/public\\..\\admin", "CVE-2021-29492"],
      ["4b", "an encoded backslash", "/public%5C..%5Cadmin", "CVE-2021-29492, Istio's normalization page"],
      ["6a", "an encoded NUL", "/admin%00", "CVE-2019-9900, Istio's normalization page"],
      ["9a", "a bad escape", "/%zz", "Authorino's unchecked url.Parse"],
      ["9b", "half an escape", "/a%2", "Authorino's unchecked url.Parse"],
      ["9c", "an escape that is not UTF-8", "/%ff", "RFC 3629: overlong forms of a slash"],
    ] as const
  ).map(([id, what, path, source]) => ({
    id,
    what: `${what}: ${path}`,
    source,
    request: app(path),
    expected: ambiguous,
  })),
  {
    id: "7a",
    what: "a fragment: /admin#x",
    source: "CVE-2021-32779, CVE-2021-39156",
    request: app("/admin#x"),
    expected: ambiguous,
  },
  {
    id: "7b",
    what: "an encoded number sign is part of a name, not a fragment: /admin%23x",
    source: "CVE-2021-32779",
    request: app("/admin%23x"),
    expected: allow("app/reads"),
  },
  {
    id: "2e",
    what: "an encoded letter is the letter: /%61dmin",
    source: "CVE-2021-29492",
    request: app("/%61dmin"),
    expected: deny("guard/no-admin"),
  },
  {
    id: "2f",
    what: "what is guarded, written plainly: /admin/people?x=1",
    source: "the other cases, without the trick",
    request: app("/admin/people?x=1"),
    expected: deny("guard/no-admin"),
  },
  {
    id: "2g",
    what: "what is not guarded: /public/people",
    source: "the other cases, without the trick",
    request: app("/public/people"),
    expected: allow("app/reads"),
  },
];

const HOSTS: readonly SecurityCase[] = [
  ...(
    [
      ["10a", "upper case", "ADMIN.example.com"],
      ["10b", "a port", "admin.example.com:443"],
      ["10c", "a trailing dot", "admin.example.com."],
      ["10d", "all of them", "Admin.Example.COM.:8443"],
    ] as const
  ).map(([id, what, host]) => ({
    id,
    what: `a host policy meets ${what}: ${host}`,
    source: "CVE-2021-39155",
    request: get(host, "/"),
    expected: deny("console/default"),
  })),
  {
    id: "10e",
    what: "two hosts in one value",
    source: "RFC 9112 section 3.2",
    request: get("app.example.com,admin.example.com", "/"),
    expected: badHost,
  },
  {
    id: "10f",
    what: "a user in the host",
    source: "CVE-2021-39155",
    request: get("app.example.com@admin.example.com", "/"),
    expected: badHost,
    only: "HTTP/1.1",
  },
  {
    id: "18a",
    what: "no policy matches",
    source: "kyverno-envoy-plugin's empty answer; opa#2242",
    request: get("nobody.test", "/"),
    expected: deny("weir/ungoverned"),
  },
];

const METHODS: readonly SecurityCase[] = [
  ...(["get", "GeT"] as const).map((method, index): SecurityCase => ({
    id: `12${"ab"[index] ?? ""}`,
    what: `the method ${method} is not GET`,
    source: "RFC 9110 section 9.1; Istio's normalization page",
    request: { method, host: "app.example.com", path: "/" },
    expected: deny("app/default"),
    unlike: notHttp("no parser of HTTP/1.1 takes it for a method"),
    only: "HTTP/2",
  })),
  {
    id: "12c",
    what: "a method that no rule names",
    source: "RFC 9110 section 9.1",
    request: { method: "PURGE", host: "app.example.com", path: "/" },
    expected: deny("app/default"),
  },
];

export const PATH_CASES: readonly SecurityCase[] = [...PATHS, ...HOSTS, ...METHODS];
