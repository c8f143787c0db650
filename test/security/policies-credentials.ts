/** Who is asking: tokens and keys. */
export const CREDENTIAL_POLICIES: Readonly<Record<string, string>> = {
  "tokens.yaml": `
weir: 1
policy: tokens
match:
  hosts: [tokens.test]
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
        - { query: token }
      claims: { sub: string }
rules:
  - id: signed-in
    require: has(auth.user)
    status: 401
    response:
      set:
        www-authenticate: Bearer
  - id: user
    allow: has(auth.user)
    request:
      set:
        x-user: \${auth.user.sub}
`,
  "cold.yaml": `
weir: 1
policy: cold
match:
  hosts: [cold.test]
identities:
  user:
    jwt:
      issuer: https://cold.example.com
      audiences: [mesh]
      jwks: http://127.0.0.1:1/certs
rules:
  - id: user
    allow: has(auth.user)
  - id: guest
    allow: '!has(auth.user) && request.method == "GET"'
`,
  "partners.yaml": `
weir: 1
policy: partners
match:
  hosts: [partners.test]
identities:
  partner:
    apiKey: { header: x-api-key, keys: keys/partners.yaml }
rules:
  - id: known
    require: has(auth.partner)
    status: 401
  - id: partner
    allow: auth.partner.plan == "gold"
    request:
      set:
        x-partner: \${auth.partner.id}
`,
  "keys/partners.yaml": `
weir: 1
keys:
  - id: acme
    plan: gold
    digest: {{acme digest}}
  - id: old
    plan: gold
    digest: {{old digest}}
    notAfter: 2020-01-01T00:00:00Z
`,
};
