import type { Expected, SecurityCase } from "./corpus.ts";

/** What a request may present; each run signs and digests it anew. */
export const CREDENTIAL_NAMES = [
  ...["ann's token", "bob's token", "token without a signature", "token signed with the public key"],
  ...["token of an unknown key", "token with crit", "token for others", "token of another issuer"],
  ...[
    "token without exp",
    "token that has expired",
    "token that brings its key",
    "token that names keys elsewhere",
  ],
  ...["token of the cold issuer", "key of acme", "key that is unknown", "key that has expired"],
] as const;

export type CredentialName = (typeof CREDENTIAL_NAMES)[number];

const bearer = (name: CredentialName): readonly [string, string] => ["authorization", `Bearer {{${name}}}`];
const key = (name: CredentialName): readonly [string, string] => ["x-api-key", `{{${name}}}`];
const deny = (by: string, status: number) => ({ verdict: "deny", by, status }) as const;
const BAD = deny("tokens/identity/user", 401);
const ANN: Expected = { verdict: "allow", by: "tokens/user", effects: { set: { "x-user": "ann" } } };
const NOBODY: Expected = {
  ...deny("tokens/signed-in", 401),
  headers: { "www-authenticate": "Bearer" },
};

const token = (
  [id, what, source]: readonly [id: string, what: string, source: string],
  headers: readonly (readonly [string, string])[],
  expected: Expected,
): SecurityCase => ({ id, what, source, request: { host: "tokens.test", path: "/", headers }, expected });

const TOKENS: readonly SecurityCase[] = [
  token(["31a", "a good token", "the other cases, without the trick"], [bearer("ann's token")], ANN),
  token(["31b", "alg none", "RFC 8725 section 2.1"], [bearer("token without a signature")], BAD),
  token(
    ["31c", "HS256, signed with the public RSA key", "RFC 8725 section 2.1; CVE-2015-9235"],
    [bearer("token signed with the public key")],
    BAD,
  ),
  token(["31d", "an unknown key id", "RFC 8725"], [bearer("token of an unknown key")], BAD),
  token(["31e", "a crit header", "RFC 7515 section 4.1.11"], [bearer("token with crit")], BAD),
  token(
    ["31f", "a token that brings its own key", "CVE-2018-0114"],
    [bearer("token that brings its key")],
    BAD,
  ),
  token(
    ["32a", "another audience", "Authorino checks neither aud nor iss (jwt.go)"],
    [bearer("token for others")],
    BAD,
  ),
  token(
    ["32b", "another issuer: nobody's token here", "Authorino checks neither aud nor iss (jwt.go)"],
    [bearer("token of another issuer")],
    NOBODY,
  ),
  token(["32c", "no exp", "RFC 8725 section 3.8"], [bearer("token without exp")], BAD),
  token(["32d", "expired", "RFC 7519 section 4.1.4"], [bearer("token that has expired")], BAD),
  token(["32e", "nothing presented", "the other cases, without the trick"], [], NOBODY),
  {
    ...token(
      ["33a", "two Authorization headers", "RFC 6750 section 2"],
      [bearer("ann's token"), bearer("bob's token")],
      deny("tokens/identity/user", 400),
    ),
    only: "HTTP/1.1",
  },
  token(
    ["33b", "two tokens in one Authorization header", "RFC 6750 section 2"],
    [["authorization", "Bearer {{ann's token}}, Bearer {{bob's token}}"]],
    deny("tokens/identity/user", 400),
  ),
  {
    id: "33c",
    what: "a token in the header and another in the query: the first place counts",
    source: "RFC 6750 section 2",
    request: { host: "tokens.test", path: "/?token={{bob's token}}", headers: [bearer("ann's token")] },
    expected: ANN,
  },
  {
    id: "33d",
    what: "two tokens in the query",
    source: "RFC 6750 section 2",
    request: { host: "tokens.test", path: "/?token={{ann's token}}&token={{bob's token}}" },
    expected: deny("tokens/identity/user", 400),
  },
  token(
    [
      "35a",
      "a token that says where its keys are: nobody asks there",
      "Authorino ad3d292; GHSA-rggm-jjmc-3394",
    ],
    [bearer("token that names keys elsewhere")],
    BAD,
  ),
  {
    id: "34a",
    what: "keys that were never fetched refuse who presents a token for them",
    source: "OPA's JWKS issues",
    request: { host: "cold.test", path: "/", headers: [bearer("token of the cold issuer")] },
    expected: deny("cold/identity/user", 503),
  },
  {
    id: "34b",
    what: "… and nobody else",
    source: "OPA's JWKS issues",
    request: { host: "cold.test", path: "/" },
    expected: { verdict: "allow", by: "cold/guest" },
  },
];

const partner = (
  [id, what]: readonly [id: string, what: string],
  headers: readonly (readonly [string, string])[],
  expected: Expected,
): SecurityCase => ({
  ...{ id, what, source: "the table of answers" },
  request: { host: "partners.test", path: "/", headers },
  expected,
});

const KEYS: readonly SecurityCase[] = [
  partner(["a13", "a known API key"], [key("key of acme")], {
    ...{ verdict: "allow", by: "partners/partner", effects: { set: { "x-partner": "acme" } } },
  }),
  partner(
    ["a14", "an unknown API key"],
    [key("key that is unknown")],
    deny("partners/identity/partner", 401),
  ),
  partner(
    ["a15", "an expired API key"],
    [key("key that has expired")],
    deny("partners/identity/partner", 401),
  ),
  partner(["a16", "no API key"], [], deny("partners/known", 401)),
  partner(
    ["a17", "two API keys, one of them good"],
    [key("key of acme"), key("key that is unknown")],
    deny("partners/identity/partner", 400),
  ),
];

const NO_PEER = "it carries no certificate";
const NO_NAME =
  "no certificate authority of ours would say so: see test/e2e/identity.test.ts for those that can be made";
const stranger = deny("workloads/in-mesh", 401);

const WORKLOADS: readonly SecurityCase[] = [
  ...(
    [
      [
        "37a",
        "a trust domain that only begins like ours",
        "spiffe://cluster.local.evil.example/ns/shop/sa/web",
      ],
      ["37b", "a trust domain in upper case", "spiffe://CLUSTER.local/ns/shop/sa/web"],
      ["37c", "a path with a dot segment", "spiffe://cluster.local/ns/x/../shop/sa/web"],
      ["37d", "an escape in the path", "spiffe://cluster.local/ns/shop/sa/%77eb"],
      ["37e", "two names in one", "spiffe://cluster.local/ns/shop/sa/web,spiffe://evil.example/x"],
    ] as const
  ).map(([id, what, principal]): SecurityCase => ({
    id,
    what: `${what}: ${principal}`,
    source: "SPIFFE-ID sections 2.1 and 2.2; X509-SVID section 2",
    request: { host: "workloads.test", path: "/", principal },
    expected: stranger,
    policy: "over gRPC alone",
    notThroughEnvoy: NO_NAME,
  })),
  {
    id: "37f",
    what: "our workload",
    source: "the other cases, without the trick",
    request: { host: "workloads.test", path: "/", principal: "spiffe://cluster.local/ns/shop/sa/web" },
    expected: { verdict: "allow", by: "workloads/web" },
    unlike: { http: { because: NO_PEER, expected: stranger } },
    policy: "over gRPC alone",
    notThroughEnvoy: "test/e2e/identity.test.ts has the certificates",
  },
  {
    id: "28a",
    what: "x-forwarded-client-cert of a client that has no certificate",
    source: "forward_client_cert_details; Authorino's XFCC option",
    request: {
      ...{ host: "workloads.test", path: "/" },
      headers: [["x-forwarded-client-cert", "By=spiffe://x/y;URI=spiffe://cluster.local/ns/shop/sa/web"]],
    },
    expected: stranger,
    policy: "over gRPC alone",
  },
];

export const CREDENTIALS: readonly SecurityCase[] = [...TOKENS, ...KEYS, ...WORKLOADS];
