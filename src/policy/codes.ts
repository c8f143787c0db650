/**
 * Every code that a diagnostic may carry, with what it means and what to do.
 * docs/diagnostics.md is generated from this table.
 */
export const CODES = {
  // Files
  "unreadable-file": "A folder or file could not be read. Check that it exists and may be read by weir.",
  "too-large": "A file is larger than weir reads. Split it.",
  "too-deep": "Mappings and lists nest deeper than weir reads. Write the file flatter.",
  "yaml-syntax": "The file is not YAML. The caret stands where the parser gave up.",
  "yaml-swallowed-cel":
    "YAML took part of an expression for something of its own (a tag, an anchor, an alias, a comment, a list). Quote the expression or write it after `|`.",
  "yaml-not-plain":
    "Tags, anchors, aliases, merge keys and several documents in one file are not part of the format. Write the value out.",
  "data-syntax":
    "A file that is named under `data:` is not what the ending of its name says: JSON, CSV, or text in UTF-8.",
  "null-value": "A key has no value. Write one, or remove the key.",
  "duplicate-key": "A key stands twice in one mapping. Keep one.",
  "not-weir": "The file does not begin with `weir: 1`, so weir does not know what it is.",
  "unknown-kind":
    "The file names none of the kinds of file that weir knows (`policy:`, `tests:`, …), or several.",
  "unknown-key": "A key that the format does not have; often a misspelling.",
  "missing-key": "A key that must be there is not.",
  "wrong-type": "A value is of another type than the key takes.",
  "wrong-value": "A value is outside what the key takes.",
  // Names
  "duplicate-name": "Two things of one kind have the same name. Rename one.",
  "reserved-name": "A name that weir keeps for itself.",
  "unknown-name": "A name that nothing defines.",
  // Expressions
  "cel-syntax": "The text is not a CEL expression.",
  "cel-type": "The expression's parts do not fit together, or it does not yield what the key takes.",
  "cel-limit": "The expression is longer, deeper or more nested than weir evaluates.",
  "regex-not-constant": "A regular expression must be a constant, so that it is compiled once, at load.",
  "bad-regex": "The text is not a regular expression of RE2.",
  "unknown-attribute": "No attribute has this name.",
  "wrong-phase": "The attribute exists, but not when this expression is evaluated.",
  // Policies
  "never-matches": "The parts of a match exclude one another, so the policy would never apply.",
  "bad-pattern": "A host, path, method, destination or gRPC pattern is not of the form that weir compares.",
  "grants-everything": "`default: allow` with `match: everything` would allow every request.",
  "no-rules": "A policy without rules, quotas or telemetry does nothing.",
  "bad-header": "Not the name of a header that may be set, or a value that no header can carry.",
  "header-conflict":
    "Two policies that can match one request, or an ask and another rule of one policy, set the same header, query parameter or field of metadata.",
  "one-of": "Exactly one of several keys must be there.",
  "insecure-listener":
    "A listener that other machines can reach needs mTLS, a unix socket, or the words `insecure: true`.",
  "secret-in-plain-text":
    "A secret stands in a file of the configuration. Keep it in a file of its own or in an environment variable, and name that.",
  "reads-answer":
    "What a handler answers is known only after it was asked: not in the questions to others, and not where it is decided whether a policy applies.",
  "secret-value":
    "A secret attribute is compared, or given to an input that takes secrets; it never goes where it may be written down.",
  "not-carried":
    "A telemetry rule reads something of the check that the check's answer does not carry to the entry: a whole identity, or a value that does not travel.",
  "adapter-contract":
    "A file or package that weir.yaml names as an adapter cannot be imported, or what it exports is none.",
  "handler-config": "The configuration of a handler is not what its adapter takes.",
  "host-is-callers-choice":
    "To a sidecar a caller can send any host and path, so these alone must not choose a policy. Add `destinations`.",
  "not-in-http-mode":
    "The policy needs what Envoy's HTTP service does not carry. Ask over gRPC, or turn the HTTP listener off.",
  "not-owned": "A team's file decides about, asks, uses or names more than weir.yaml gives the team.",
  // Warnings
  "unguarded-lookup":
    "A look-up of a key that may be missing makes the rule refuse with 400 when it is. Guard it as shown.",
  "joined-header":
    "A header that may come several times is joined with commas, so `==` can be evaded. Use request.headers_all.",
  "constant-rule": "A rule whose condition is a constant decides the same for every request.",
  "unused-identity": "An identity that no rule reads proves nothing.",
  "unreached-rule":
    "A rule behind one that always decides, or a question that nobody needs, is never looked at.",
  "counted-twice":
    "Two telemetry rules send the same preset of one entry to the same handler. Send it once, or let their conditions exclude one another.",
  "shadow-past-date": "A rule is in shadow, or enforced for a share, longer than its `until` says.",
  "override-ended": "An override whose time is over does nothing any more.",
  // Tests
  "unknown-policy": "A test names a policy that is not in the folder.",
  "unknown-rule": "A test names a rule that its policy does not have.",
} as const satisfies Record<string, string>;

export type Code = keyof typeof CODES;
