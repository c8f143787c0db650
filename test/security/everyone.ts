/** One policy that knows every kind of identity, and grants to who proves one. */
export const EVERYONE = {
  "everyone.yaml": `
weir: 1
policy: everyone
match:
  hosts: [everyone.test]
identities:
  user:
    jwt:
      issuer: https://idp.example.com
      audiences: [mesh]
      jwks:
        keys:
          - {{rsa key}}
          - {{ec key}}
      from:
        - { header: authorization, scheme: Bearer }
        - { cookie: session }
        - { query: token }
      claims: { sub: string, amr: list(string), level: int, roles: { path: realm.roles, type: list(string), else: [] } }
  verified:
    metadata: { namespace: envoy.filters.http.jwt_authn, claims: { sub: string } }
  workload:
    mtls: { trustDomains: [cluster.local] }
  partner:
    apiKey: { header: x-api-key, keys: keys/partners.yaml }
  listed:
    apiKey: { header: x-listed, verify: listed }
rules:
  - id: small
    when: '"x-json" in request.headers'
    require: request.json.amount <= 100.0
  - id: user
    allow: has(auth.user) && auth.user.sub == "ann" && !("root" in auth.user.roles)
  - id: verified
    allow: has(auth.verified) && auth.verified.sub == "ann"
  - id: workload
    allow: has(auth.workload) && auth.workload.service_account == "web"
  - id: partner
    allow: has(auth.partner) && auth.partner.plan == "gold"
  - id: listed
    allow: has(auth.listed) && auth.listed.matched
`,
  "weir.yaml": `weir: 1
secrets:
  pepper: { file: pepper }
outbound:
  allowPrivate: [127.0.0.1/32]
handlers:
  listed: { adapter: list, config: { entries: [known-to-the-list] } }
  gone: { adapter: list, config: { url: "http://127.0.0.1:1/list" } }
`,
} as const;

/** What the handler `listed` knows. */
export const LISTED_KEY = "known-to-the-list";
