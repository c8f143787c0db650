/** Where the files say that their schema is, from the folder of weir.yaml. Names with a dot are no configuration. */
export const SCHEMA_COPY = ".weir/schema.json";

/** What editors read at the top of a file. */
const schemaLine = (path: string): string => `# yaml-language-server: $schema=${path}\n`;

/** The files that `weir init` writes beside the schema, by path below the folder. */
export const FIRST_FILES: Readonly<Record<string, string>> = {
  "weir.yaml": `${schemaLine(SCHEMA_COPY)}\
# What the operator decides. Every key: docs/server.md
weir: 1
listen:
  grpc: { address: 127.0.0.1:9191 } # Envoy asks here
  admin: { address: 127.0.0.1:9193 } # \`weir why\`, \`weir tail\`, /status
  metrics: { address: 127.0.0.1:9194 } # /metrics, /healthz, /readyz
# What no policy can grant is refused.
ungoverned: deny
`,
  "hello.yaml": `${schemaLine(SCHEMA_COPY)}\
# A policy: which requests it is about, and what it says to them. Every key: docs/policy-language.md
weir: 1
policy: hello
match:
  hosts: [hello.example.com]
  # Whole segments: {name} is any one, which expressions read as path.name. /hello/** would be all below /hello.
  paths: ["/hello/{name}"]
rules:
  # A require refuses where its expression is false, a deny where it is true, whatever other rules say.
  - id: reads-only
    require: request.method == "GET"
    status: 405
    message: This is for reading only.
  # An allow grants where it is true. Write an expression in quotes, or below \`|\`, when it begins with a mark or has a # in it.
  - id: greeting
    allow: path.name != "nobody"
    request:
      # Set by weir on the way to the service; a caller's own x-name never gets there.
      set:
        x-name: \${path.name}
# What no rule allows is refused; so it is without this line.
default: deny
`,
  "tests/hello.yaml": `${schemaLine(`../${SCHEMA_COPY}`)}\
# What the policy must say, through the code that answers Envoy: \`weir test\`.
weir: 1
tests: hello
# Who asks. This policy looks at nobody's identity.
principals:
  anybody: {}
requests:
  greet: { host: hello.example.com, path: /hello/ann }
  write: { host: hello.example.com, path: /hello/ann, method: POST }
  nobody: { host: hello.example.com, path: /hello/nobody }
  elsewhere: { host: hello.example.com, path: /other }
# Each names the rule that decides.
expect:
  - { as: anybody, request: greet, allow: greeting, sets: { x-name: ann } }
  - { as: anybody, request: write, deny: reads-only, status: 405 }
  - { as: anybody, request: nobody, deny: default, status: 403 }
  - { as: anybody, request: elsewhere, deny: weir/ungoverned, status: 403 }
`,
};
