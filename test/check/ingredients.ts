import fc from "fast-check";
import { jwt, verified } from "./stubs.ts";
import { policy } from "./conditions.ts";
import type { File } from "./fixture.ts";

/** Conditions on all that a request holds; each is UNKNOWN for some requests. */
const ON_REQUESTS = [
  'request.method == "GET"',
  'request.method == "PUT"',
  'request.headers["x-a"] == "1"',
  '!("x-a" in request.headers)',
  '"1" in request.headers_all["x-a"]',
  'request.path_segments[1] == "a"',
  'request.url_path.startsWith("/a")',
  'request.query_params["q"][0] == "1"',
  'request.json.name == "alice"',
  "size(request.json.list) > 0",
  "size(request.body) < 5",
  "request.size < 5",
  'request.useragent.matches("^[a-z]+$")',
  "int(request.headers['x-a']) > 0",
  "request.time > timestamp(0)",
  'client.ip == ip("10.0.0.1")',
  'source.namespace == "shop"',
  'connection.peer_certificate != ""',
  'connection.requested_server_name == "a"',
  'metadata["a"].b == "c"',
  'context_extensions["a"] == "b"',
  "request.path_segments.all(one, request.path_segments.exists(other, one == other))",
];

const ON_WHO_ASKS = [
  "has(auth.user)",
  'auth.user.sub == "alice"',
  '"admin" in auth.user.roles',
  "has(auth.partner)",
  'auth.partner.plan == "gold"',
  'has(auth.workload) && auth.workload.namespace == "shop"',
  "known",
];

const ON_ANSWERS = ['plan.plan == "gold"', "plan.limit > 1", "has(plan.plan)"];

const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined, freq: 3 });

const PASSES = 'request.host != "b.example.com"';
const local = fc.oneof(
  fc.constantFrom(PASSES, PASSES, `!(${PASSES})`),
  fc.constantFrom(...ON_REQUESTS, ...ON_WHO_ASKS),
);
const any = fc.oneof(
  { weight: 4, arbitrary: local },
  { weight: 1, arbitrary: fc.constantFrom(...ON_ANSWERS) },
);

const share = fc.constantFrom("request.path", 'request.headers["x-a"]', "auth.user.sub").map((by) => ({
  enforce: "50%",
  by,
}));

const value = fc.constantFrom(
  "1",
  "${request.path}",
  '${request.headers["x-a"]}',
  "${plan.plan}",
  "${auth.user.sub}",
);

const ruleOf = fc.record(
  {
    kind: fc.constantFrom("deny", "require", "allow", "allow", "allow"),
    condition: any,
    when: local,
    mode: fc.oneof(share, fc.constantFrom("shadow", "enforce")),
    text: value,
  },
  { requiredKeys: ["kind", "condition"] },
);

const askOf = fc.record(
  {
    handler: fc.constantFrom("plans", "others"),
    when: fc.constantFrom(...ON_REQUESTS, "has(auth.user)"),
    onError: fc.constantFrom("error", "deny", "allow"),
    input: fc.constantFrom("1", "${request.path}", '${request.headers["x-a"]}'),
  },
  { requiredKeys: ["handler"] },
);

/** One random policy, before it has its name. */
export const policyParts = fc.record(
  {
    rules: fc.array(ruleOf, { minLength: 1, maxLength: 4 }),
    ask: askOf,
    when: maybe(local.filter((one) => !one.includes("partner"))),
    except: maybe(local.filter((one) => !one.includes("partner"))),
    default: fc.constantFrom("allow", "deny"),
    mode: share,
    invalid: fc.constantFrom("refuse", "ignore"),
  },
  { requiredKeys: ["rules", "ask"] },
);

export type PolicyParts = typeof policyParts extends fc.Arbitrary<infer T> ? T : never;

/** The rules, with ids and headers that stay theirs wherever they stand; the ask, whose answer they read, is one. */
export function rulesOf({ rules, ask }: PolicyParts, headers: string): readonly object[] {
  const { handler, when, onError, input } = ask;
  const asking = {
    id: "ask",
    ask: handler,
    as: "plan",
    when,
    onError,
    with: input && { method: "m", key: input },
  };
  const others = rules.map(({ kind, condition, when: only, mode, text }, index) => ({
    id: `r${index}`,
    [kind]: condition,
    when: only,
    mode,
    ...(text === undefined
      ? {}
      : kind === "allow"
        ? { request: { set: { [`x-${headers}`]: text } } }
        : { message: text }),
  }));
  return [asking, ...others].map(defined);
}

/** The policy of parts, with its rules in whatever order. */
export const policyOf = (name: string, parts: PolicyParts, rules: readonly object[]): File =>
  policy(name, rules, {
    match: defined({ methods: ["GET", "PUT"], when: parts.when }),
    ...defined({ except: parts.except, default: parts.default, mode: parts.mode }),
    identities: {
      user: jwt(
        { sub: "string", roles: { path: "roles", type: "list(string)", else: [] } },
        defined({ invalid: parts.invalid }),
      ),
      partner: verified(defined({ invalid: parts.invalid })),
      workload: { mtls: { trustDomains: ["cluster.local"] } },
    },
    let: { known: "has(auth.user) || has(auth.workload)" },
  });

const defined = (from: object): object =>
  Object.fromEntries(Object.entries(from).filter(([, one]) => one !== undefined));
