import assert from "node:assert/strict";
import fc from "fast-check";
import { UNKNOWN } from "../../src/cel/expression.ts";
import { headerText, rendered } from "../../src/check/texts.ts";
import { ENDLESS, MISSING, NO, OURS, outcome, policy, rule, type Row, table, YES } from "./conditions.ts";
import type { File } from "./fixture.ts";

describe("the text of a header", () => {
  it("is any text without control characters, but for a tab", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 8 }), (text) => {
        const isPrintable = Array.from(text).every((one) => one === "\t" || (one >= " " && one !== "\u007f"));
        assert.equal(headerText(text), isPrintable ? text : UNKNOWN.request);
      }),
      { numRuns: 500 },
    );
    assert.equal(headerText("a\r\nb"), UNKNOWN.request);
    assert.equal(headerText("a\tb"), "a\tb");
  });

  it("is UNKNOWN by whose fault its value is", () => assert.equal(headerText(UNKNOWN.ours), UNKNOWN.ours));

  it("of a refusal is left out where it cannot be had", () => {
    const text = (value: string | typeof UNKNOWN.ours) => ({
      reads: [],
      isLiteral: false,
      render: () => value,
    });
    const named = [
      { name: "x-a", value: text("a") },
      { name: "x-b", value: text("b\n") },
      { name: "x-c", value: text(UNKNOWN.ours) },
    ];
    assert.deepEqual(rendered(named, {}), [["x-a", "a"]]);
  });
});

const setting = (set: object, more: object = {}): object => ({ request: { set }, ...more });

describe("a value that cannot be had", () => {
  const effect = (value: string, side: "request" | "response" = "request"): File =>
    policy("a", [rule("allow", YES, { [side]: { set: { "x-a": value } } })]);
  table([
    ["a missing value in an effect", [effect("${request.headers['x-absent']}")], "deny a/allows 400"],
    [
      "a missing value in a response header",
      [effect("a${request.headers['x-absent']}", "response")],
      "deny a/allows 400",
    ],
    ["a value of ours that failed", [effect(`\${${OURS}}`)], "error a/allows"],
    ["a value that is too dear", [effect(`\${${ENDLESS}}`)], "deny a/weir/budget 400"],
    [
      "the request's fault beats ours, whatever its place",
      [effect(`\${${OURS}}`), policy("b", [rule("allow", YES, setting({ "x-b": `\${${MISSING}}` }))])],
      "deny b/allows 400",
    ],
    [
      "a refusal beats it",
      [effect("${request.headers['x-absent']}"), policy("b", [rule("allow", NO)])],
      "deny b/default 403",
    ],
    [
      "a rule that does not grant has no effects",
      [
        policy("a", [
          { id: "one", allow: NO, ...setting({ "x-a": `\${${MISSING}}` }) },
          { id: "two", allow: YES },
        ]),
      ],
      "allow a/two",
    ],
    ...[
      [`\${${MISSING}}`, "of the request's"],
      [`\${${OURS}}`, "of ours"],
      ["a${'b\\nc'}", "that no header can carry"],
    ].flatMap(([value = "", which = ""]): Row[] => {
      const one = { id: "one", allow: YES, ...setting({ "x-a": value }) };
      const two = { id: "two", allow: YES };
      return [
        [
          `another allow grants in place of one with a value ${which}`,
          [policy("a", [one, two])],
          "allow a/two",
        ],
        [`and so it does before one with a value ${which}`, [policy("a", [two, one])], "allow a/two"],
      ];
    }),
  ]);

  const match = { paths: ["/o/{owner}"] };
  for (const [what, path] of [
    ["CR", "/o/a%0db"],
    ["LF", "/o/a%0ab"],
    ["CR and LF", "/o/a%0d%0ax-admin:%201"],
  ] as const) {
    for (const side of ["request", "response"] as const) {
      it(`${what} in a ${side} header is a fault of the request`, () => {
        const file = policy("a", [rule("allow", YES, { [side]: { set: { "x-owner": "${path.owner}" } } })], {
          match,
        });
        assert.equal(outcome([file], { path: "/o/ab" }), "allow a/allows");
        assert.equal(outcome([file], { path }), "deny a/allows 400");
      });
    }
  }

  it("NUL never reaches a header either", () => {
    const file = policy("a", [rule("allow", YES, setting({ "x-a": "${request.query_params['q'][0]}" }))]);
    assert.equal(outcome([file], { path: "/?q=a%00b" }), "deny a/allows 400");
    assert.equal(outcome([file], { path: "/?q=ab" }), "allow a/allows");
  });
});
