import { CREDENTIAL_POLICIES } from "./policies-credentials.ts";

const PLAIN: Readonly<Record<string, string>> = {
  "guard.yaml": `
weir: 1
policy: guard
match: everything
rules:
  - id: no-admin
    deny: size(request.path_segments) > 0 && request.path_segments[0] == "admin"
`,
  "app.yaml": `
weir: 1
policy: app
match:
  hosts: ["*.example.com"]
rules:
  - id: reads
    allow: request.method == "GET"
`,
  "console.yaml": `
weir: 1
policy: console
match:
  hosts: [admin.example.com]
default: deny
`,
  "guests.yaml": `
weir: 1
policy: guests
match:
  hosts: [guests.example.com]
rules:
  - id: no-guests
    when: request.headers["x-mode"] == "strict"
    deny: request.method == "GET"
`,
  "ages.yaml": `
weir: 1
policy: ages
match:
  hosts: [ages.example.com]
rules:
  - id: too-old
    deny: int(request.headers["x-age"]) > 99
`,
  "teams.yaml": `
weir: 1
policy: teams
match:
  hosts: [teams.test]
  when: request.headers["x-team"] != "none"
rules:
  - id: everyone
    allow: request.method == "GET"
`,
  "either.yaml": `
weir: 1
policy: either
match:
  hosts: [either.test]
rules:
  - id: grown-up
    allow: int(request.headers["x-age"]) >= 18
  - id: reads
    allow: request.method == "GET"
`,
  "flags.yaml": `
weir: 1
policy: flags
match:
  hosts: [flags.example.com]
rules:
  - id: enabled
    require: bool(string(request.headers["x-enabled"]))
`,
  "regex.yaml": `
weir: 1
policy: regex
match:
  hosts: [regex.example.com]
rules:
  - id: no-pattern
    deny: '"x-long" in request.headers && request.headers["x-long"].matches("^(a+)+$")'
`,
  "busy.yaml": `
weir: 1
policy: busy
match:
  hosts: [busy.example.com]
rules:
  - id: no-pairs
    deny: request.path_segments.exists(one, request.path_segments.exists(other, one + other == "never"))
`,
  "owned.yaml": `
weir: 1
policy: owned
match:
  hosts: [owned.test]
rules:
  - id: known
    allow: '"x-known" in request.headers'
    request:
      set:
        x-user: ann
    response:
      set:
        x-served-for: ann
        set-cookie: seen=1; Path=/
  - id: anonymous
    allow: request.method == "GET"
    request:
      remove: [x-debug]
`,
  "roles.yaml": `
weir: 1
policy: roles
match:
  hosts: [roles.example.com]
rules:
  - id: no-admins
    deny: '"x-role" in request.headers && request.headers["x-role"].split(",").exists(role, role.trim() == "admin")'
`,
  "echo.yaml": `
weir: 1
policy: echo
match:
  hosts: [echo.test]
  paths: ["/{name}", "/{name}/no"]
rules:
  - id: refused
    deny: size(request.path_segments) == 2
    message: no \${path.name}
    response:
      set:
        x-name: \${path.name}
        x-kind: refusal
  - id: named
    allow: request.method == "GET"
    request:
      set:
        x-name: \${path.name}
`,
  "words.yaml": `
weir: 1
policy: words
match:
  hosts: [words.example.com]
rules:
  - id: refused
    deny: "true"
    message: \${request.headers["x-words"]}
`,
  "login.yaml": `
weir: 1
policy: login
match:
  hosts: [login.example.com]
rules:
  - id: signed-in
    deny: '!("x-session" in request.headers)'
    redirect: https://idp.example.com/login?back=\${request.url_path}
`,
  "payments.yaml": `
weir: 1
policy: payments
match:
  hosts: [payments.test]
rules:
  - id: small
    when: request.method == "POST"
    require: request.json.amount <= 100.0
  - id: pays
    allow: request.method == "POST" || request.method == "GET"
`,
  "forms.yaml": `
weir: 1
policy: forms
match:
  hosts: [forms.test]
rules:
  - id: posts
    allow: request.method == "POST"
`,
  "asks.yaml": `
weir: 1
policy: asks
match:
  hosts: [asks.test]
  paths: ["/{kind}"]
rules:
  - id: undecided
    when: path.kind == "error"
    ask: gone
    with:
      value: \${path.kind}
  - id: refused
    when: path.kind == "deny"
    ask: gone
    onError: deny
    with:
      value: \${path.kind}
  - id: passed
    when: path.kind == "allow"
    ask: gone
    onError: allow
    with:
      value: \${path.kind}
  - id: unmarked
    deny: '"x-deny" in request.headers'
  - id: numbered
    require: '!("x-number" in request.headers) || int(request.headers["x-number"]) > 0'
  - id: reads
    allow: request.method == "GET"
`,
};

/**
 * The policies that the security cases run against, by file name. Names `{{like this}}` are filled in by the world of a test:
 * public keys and digests.
 */
export const POLICIES: Readonly<Record<string, string>> = { ...PLAIN, ...CREDENTIAL_POLICIES };

/** Policies that read what only gRPC carries: beside a listener for HTTP they are refused at load. */
export const GRPC_POLICIES: Readonly<Record<string, string>> = {
  "lines.yaml": `
weir: 1
policy: lines
match:
  hosts: [lines.example.com]
rules:
  - id: one-role
    deny: '"x-role" in request.headers_all && size(request.headers_all["x-role"]) > 1'
`,
  "workloads.yaml": `
weir: 1
policy: workloads
match:
  hosts: [workloads.test]
identities:
  workload:
    mtls: { trustDomains: [cluster.local] }
rules:
  - id: in-mesh
    require: has(auth.workload)
    status: 401
  - id: web
    allow: auth.workload.namespace == "shop" && auth.workload.service_account == "web"
`,
};

/** What the operator says: the rest of weir.yaml, below its first line. */
export const OPERATOR = `
secrets:
  pepper: { file: pepper }
outbound:
  allowPrivate: [127.0.0.1/32]
handlers:
  gone:
    adapter: list
    config:
      url: http://127.0.0.1:1/list
`;
