import assert from "node:assert/strict";
import { UNKNOWN } from "../../src/cel/expression.ts";
import { problemsOf, valueOf } from "./fixture.ts";

/** CEL's core as far as weir promises it. `error` stands for no value, `invalid` for a mistake at load. */
const TABLE: readonly [source: string, outcome: unknown][] = [
  // The four outcomes of && and ||, in both orders.
  ...(["true", "false", "1/0 == 1"] as const).flatMap((left) =>
    (["true", "false", "1/0 == 1"] as const).flatMap((right): [string, unknown][] => {
      const sides = [left, right];
      const and = sides.includes("false") ? false : sides.includes("1/0 == 1") ? "error" : true;
      const or = sides.includes("true") ? true : sides.includes("1/0 == 1") ? "error" : false;
      return [
        [`${left} && ${right}`, and],
        [`${left} || ${right}`, or],
      ];
    }),
  ),
  ["!true", false],
  ["true ? 1 : 1/0", 1n],
  ["false ? 1/0 : 2", 2n],
  ["1/0 == 1 ? 1 : 2", "error"],
  ["[true, false].exists(x, x) && ![true, false].all(x, x)", true],
  ["[1, 2, 1].exists_one(x, x == 2) && ![1, 2, 1].exists_one(x, x == 1)", true],
  ["[1, 0].exists(x, 1 / x == 1)", true],
  ["[0, 1].exists(x, 1 / x == 1)", true],
  ["[0, 2].exists(x, 1 / x == 1)", "error"],
  ["[0, 2].all(x, 1 / x == 1)", false],
  ["[0, 1].all(x, 1 / x == 1)", "error"],
  ["[0, 1].exists_one(x, 1 / x == 1)", "error"],
  ["[].all(x, false) && ![].exists(x, true)", true],
  ["{'a': 1, 'b': 2}.all(k, k in ['a', 'b'])", true],
  // Numbers.
  ["1 + 2 * 3 - 4 / 2 % 3", 5n],
  ["-7 / 2 == -3 && -7 % 2 == -1", true],
  ["9223372036854775807 + 1", "error"],
  ["-9223372036854775808 - 1", "error"],
  ["9223372036854775807 * 2", "error"],
  ["0u - 1u", "error"],
  ["1.0 / 0.0 > 1e308", true],
  ["0.1 + 0.2", 0.30000000000000004],
  ["0xFF == 255 && 0xFFu == 255u", true],
  ["1 < 1.5 && 2u > 1 && 1.5 > 1u", true],
  ["dyn(1) == dyn(1.0) && dyn(1u) == dyn(1) && dyn(1u) == dyn(1.0)", true],
  ["dyn(1) == dyn('1')", false],
  ["dyn(9007199254740993) == dyn(9007199254740992.0)", false],
  ["0.0/0.0 == 0.0/0.0", false],
  ["0.0/0.0 < 1.0 || 0.0/0.0 >= 1.0 || 1 < 0.0/0.0", false],
  ["9223372036854775807 < 9223372036854775808.0", false],
  ["dyn(1) < 'a'", "error"],
  ["false < true && !(true < false) && true >= true", true],
  ["1 == '1'", "invalid"],
  ["1 + 1.0", "invalid"],
  ["1 + 1u", "invalid"],
  // Text and bytes.
  ["'a' + \"b\" + '''c''' + r'\\d'", "abc\\d"],
  ["'\\u00e4\\x41\\101\\n' == 'äAA\\n'", true],
  ["'a' < 'b' && 'B' < 'a' && '' < 'a'", true],
  ["b'ab' + b'c' == b'abc' && b'\\xff' != b'\\xfe'", true],
  ["b'ä' == b'\\xc3\\xa4' && b'\\xe4ä' == b'\\xe4\\303\\244' && b'😀' == bytes('😀')", true],
  ["b'a' < b'b' && b'ab' > b'a' && b'\\xff' >= b'\\xff' && b'' <= b'' && !(b'b' < b'a')", true],
  ["'\\uffff' < '😀' && '😀' > '\\uffff' && !('😀' < '😀') && '😀' <= '😀' && 'a' < 'a😀'", true],
  // Lists and maps.
  ["[1, 2] + [3] == [1, 2, 3] && [1] != [1, 1] && [[1]] == [[1]]", true],
  ["1 in [1, 2] && !(3 in [1, 2]) && 'a' in {'a': 1} && !('b' in {'a': 1})", true],
  ["dyn(1.0) in [1, 2] && dyn(1.0) in {1: 'a'} && dyn(1u) in {1: 'a'}", true],
  ["{1: 'a'}[1] == 'a' && {true: 'b'}[true] == 'b' && {'k': {'l': 1}}.k.l == 1", true],
  ["{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", true],
  ["{'a': null}.a == null && 'a' in {'a': null} && has({'a': null}.a)", true],
  ["{'a': 1}['b']", "error"],
  ["{'a': 1, 'a': 1}", "error"],
  ["[1][1]", "error"],
  ["[1][-1]", "error"],
  ["[1, 'a'] == [1, 'a'] && 'a' in [1, 'a'] && {1: 'a', 'b': 2}['b'] == 2", true],
  ["{1u: 'a', 2: 'b'} == {1: 'a', 2u: 'b'} && {1u: 'a'}[1] == 'a' && {1u: 'a'}.all(k, k == 1u)", true],
  ["{1: 'a', 1u: 'b'}", "error"],
  ["{1u: 'a', 1: 'b'}", "error"],
  ["{1u: 'a'}[2]", "error"],
  ["['a', 'b'][dyn(1.0)] == 'b' && ['a', 'b'][dyn(1u)] == 'b'", true],
  ["['a'][dyn(0.5)]", "error"],
  ["optional.none().value().x == 1", "error"],
  ["cel.bind(x, [], x.size() == 0 && !x[?0].hasValue() && !optional.none().?y.z.hasValue())", true],
  ["[].all(x, x > 0) && !{}.exists(k, k.l == 1) && !has({}.?a.b)", true],
  ["size([1, 2]) + size({'a': 1}) + size('abc') + size(b'ab')", 8n],
  ["[1, 2, 3].filter(x, x > 1).map(x, x * x) == [4, 9]", true],
  ["[3, 2].map(x, x > 2, [x]) == [[3]]", true],
  ["[[1, 2], [3]].map(x, x.map(y, y + size(x))) == [[3, 4], [4]]", true],
  // Names.
  ["[1].all(n, n == 1) && n == 7", true],
  ["[1].exists(x, [2].exists(x, x == 2) && x == 1)", true],
  ["cel.bind(x, 2, cel.bind(y, x + 1, x * y))", 6n],
  ["cel.bind(x, 1 / 0, true)", "error"],
  ["[1, 2].map(x, cel.bind(y, x * 2, y + 1)) == [3, 5]", true],
  // Types.
  [
    "type(1) == int && type('a') == string && type([1]) == list && type(null) == type(null) && type(type(1)) == type",
    true,
  ],
  [
    "type(dyn(1.0)) == double && type(b'') == bytes && type({}) == map && type(1u) == uint && type(true) == bool",
    true,
  ],
  [
    "timestamp(0) == timestamp('1970-01-01T00:00:00Z') && type(timestamp(0)) == google.protobuf.Timestamp",
    true,
  ],
  // Mistakes.
  ["1 ? 2 : 3", "invalid"],
  ["true ? 1 : 'a'", "invalid"],
  ["true && 1", "invalid"],
  ["'a'.b", "invalid"],
  ["1.exists(x, true)", "invalid"],
  ["nothing", "invalid"],
  ["nothing(1)", "invalid"],
  ["math.nothing == 1 || optional.nothing == 1", "invalid"],
  ["cel.nothing == 1", "invalid"],
  ["a ~== 1", "invalid"],
  ["[1].all(x.y, true)", "invalid"],
  ["1 == 1 == 1", "invalid"],
  ["// a comment alone", "invalid"],
];

describe("CEL", () => {
  for (const [source, outcome] of TABLE) {
    it(`${source} is ${String(outcome)}`, () => {
      if (outcome === "invalid") assert.notEqual(problemsOf(source).length, 0);
      else assert.deepEqual(valueOf(source), outcome === "error" ? UNKNOWN.request : outcome);
    });
  }
});
