import assert from "node:assert/strict";
import { UNKNOWN, Unknown } from "../../src/cel/expression.ts";
import { FUNCTIONS, overloads } from "../../src/cel/functions.ts";
import { percentOf } from "../../src/cel/percent.ts";
import { parsed, problemsOf, valueOf } from "./fixture.ts";

/** Expressions that hold. */
const TRUE: Readonly<Record<string, readonly string[]>> = {
  text: [
    "'häße😀'.size() == 5 && size('') == 0",
    "'abc'.charAt(1) == 'b' && 'abc'.charAt(3) == '' && 'a😀b'.charAt(1) == '😀' && 'a😀b'.charAt(2) == 'b'",
    "'hello mellow'.indexOf('ello') == 1 && 'hello mellow'.indexOf('ello', 2) == 7 && 'x'.indexOf('y') == -1",
    "'😀ab'.indexOf('b') == 2 && '😀ab😀'.lastIndexOf('😀') == 3 && ''.indexOf('') == 0",
    "'hello mellow'.lastIndexOf('ello') == 7 && 'hello mellow'.lastIndexOf('ello', 6) == 1",
    "'tacocat'.substring(4) == 'cat' && 'tacocat'.substring(0, 4) == 'taco' && '😀b😀'.substring(1, 2) == 'b'",
    "'hello hello'.replace('he', 'we') == 'wello wello' && 'hello hello'.replace('he', 'we', 1) == 'wello hello'",
    "'hello'.replace('l', '', 0) == 'hello' && 'ab'.replace('', '-') == '-a-b-' && 'aaa'.replace('a', 'b', -1) == 'bbb'",
    "'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'a,b'.split(',', 0) == []",
    "'a😀'.split('') == ['a', '😀'] && ''.split(',') == [''] && 'a,b'.split(',', 9) == ['a', 'b']",
    "['a', 'b'].join() == 'ab' && ['a', 'b'].join('-') == 'a-b' && request.list.join('|') == 'a|b|c'",
    "'TacoCÄt'.lowerAscii() == 'tacocÄt' && 'tacoCüt'.upperAscii() == 'TACOCüT'",
    "'  x\\t'.trim() == 'x' && 'a😀b'.reverse() == 'b😀a'",
    "strings.quote('a\"b\\n') == '\"a\\\\\"b\\\\n\"'",
    "'abc'.contains('bc') && !'abc'.contains('cb') && 'abc'.startsWith('ab') && 'abc'.endsWith('c')",
    "'%s-%s'.format(['a', 'b']) == 'a-b' && '%d%%'.format([5]) == '5%' && '%.2f'.format([1.005e2]) == '100.50'",
    "'%x %X %o %b'.format([255, 255, 8, 5]) == 'ff FF 10 101' && '%e'.format([1234.5]) == '1.234500e+03'",
    "'\\u0085\\u00a0x\\u2003'.trim() == 'x' && '\\ufeffx'.trim() == '\\ufeffx' && '  '.trim() == '' && ''.trim() == ''",
    "'%.0f %.0f %.1f %.2e'.format([2.5, 3.5, -0.25, 1.125]) == '2 4 -0.2 1.12e+00' && '%.1f'.format([1e21]) == '1000000000000000000000.0'",
    "string(-0.0) == '-0' && '%.1f %.0e %s'.format([-0.0, -0.0, -0.0]) == '-0.0 -0e+00 -0' && '%.2f'.format([-0.001]) == '-0.00'",
    "'%s %d %f'.format([1.0 / 0.0, -1.0 / 0.0, 0.0 / 0.0]) == 'Infinity -Infinity NaN' && '%s %s'.format([type(1), type(null)]) == 'int null_type'",
    "'%s'.format([[1, 2]]) == '[1, 2]' && '%s'.format([{'b': 1, 'a': 2}]) == '{a: 2, b: 1}' && '%s'.format([null]) == 'null'",
  ],
  patterns: [
    "'abc'.match('a*c') && 'ac'.match('a*c') && !'acb'.match('a*c') && 'abc'.match('*') && ''.match('*')",
    "'abc'.match('abc') && !'abc'.match('ab') && !'abc'.match('') && ''.match('') && !'abc'.match('a?c') && 'a?c'.match('a?c')",
    "!'ab'.match('ab*b') && 'abb'.match('ab*b') && 'a.b.c'.match('a.*.c') && !'a.c'.match('a.*.c') && 'xaybz'.match('*a*b*')",
    "'abab'.match('*ab') && 'aab'.match('a*ab') && !'ab'.match('a*ab') && 'a*b'.match('a*b') && 'a/b'.match(request.list[0] + '*')",
  ],
  addresses: [
    "ip('::ffff:10.0.0.1') == ip('10.0.0.1') && ip('::1') != ip('::2') && string(ip('2001:DB8::0')) == '2001:db8::'",
    "ip('10.1.1.1').inCidr('10.0.0.0/8') && !ip('11.1.1.1').inCidr('10.0.0.0/8') && !ip('10.0.0.1').inCidr('::/0')",
    "ip('10.1.1.1').inCidr(['192.168.0.0/16', '10.0.0.0/8']) && !ip('10.1.1.1').inCidr([])",
    "ip('10.1.1.1') in [ip('10.1.1.1')] && isIp('::1') && !isIp('localhost') && !isIp('1.2.3.4:80')",
    "type(ip('::1')) == type(ip('1.2.3.4')) && dyn(ip('::1')) == dyn(ip('::1'))",
  ],
  numbers: [
    "math.greatest(1, 3, 2) == 3 && math.least(1.5, 0.5) == 0.5 && math.greatest([1, 5, 2]) == 5 && math.least(2u, 1u) == 1u",
    "math.abs(-3) == 3 && math.abs(-3.5) == 3.5 && math.sign(-2) == -1 && math.sign(0.0) == 0.0",
    "math.ceil(1.2) == 2.0 && math.floor(-1.2) == -2.0 && math.trunc(-1.7) == -1.0 && math.sqrt(9.0) == 3.0",
    "math.round(2.5) == 3.0 && math.round(-2.5) == -3.0 && math.round(2.4) == 2.0",
    "math.isNaN(0.0 / 0.0) && math.isInf(1.0 / 0.0) && math.isFinite(1.0) && !math.isFinite(1.0 / 0.0)",
    "math.bitAnd(6, 3) == 2 && math.bitOr(6, 3) == 7 && math.bitXor(6, 3) == 5 && math.bitNot(1) == -2",
    "math.bitShiftLeft(1, 4) == 16 && math.bitShiftRight(-1, 63) == 1 && math.bitShiftLeft(1, 64) == 0",
    "int('12') == 12 && int('-12') == -12 && int(2.9) == 2 && int(-2.9) == -2 && int(3u) == 3 && int(timestamp(5)) == 5",
    "uint('12') == 12u && uint(3) == 3u && double('1.5e3') == 1500.0 && double(2) == 2.0 && double('-Inf') < 0.0",
    "string(1) == '1' && string(1u) == '1' && string(1.5) == '1.5' && string(true) == 'true' && string(b'h\\xc3\\xa4') == 'hä'",
    "bool('true') && !bool('false')",
    "math.greatest(1, 2.5, 2u) == 2.5 && math.least(3u, 2, 2.5) == 2 && math.greatest([1, 2u]) == 2u && math.greatest(1, 2, 3, 4, 5, 6, 7, 8) == 8",
    "math.abs(3u) == 3u && math.sign(3u) == 1u && math.sign(0u) == 0u && math.bitAnd(6u, 3u) == 2u && math.bitOr(6u, 3u) == 7u",
    "math.bitXor(6u, 3u) == 5u && math.bitNot(0u) == 18446744073709551615u && math.bitShiftLeft(1u, 63) == 9223372036854775808u",
    "math.bitShiftRight(18446744073709551615u, 63) == 1u && math.bitShiftLeft(3u, 63) == 9223372036854775808u && math.bitShiftLeft(1u, 64) == 0u",
  ],
  times: [
    "timestamp('2026-01-01T00:00:00Z') < timestamp('2026-01-01T00:00:00.001Z')",
    "timestamp('2026-01-01T01:00:00+01:00') == timestamp('2026-01-01T00:00:00Z') && timestamp(0) == timestamp('1970-01-01T00:00:00Z')",
    "string(timestamp('2026-01-01T00:00:00Z')) == '2026-01-01T00:00:00Z' && string(request.time) == '2026-07-01T12:00:00.250Z'",
    "request.time.getFullYear() == 2026 && request.time.getMonth() == 6 && request.time.getDate() == 1 && request.time.getDayOfMonth() == 0",
    "request.time.getDayOfWeek() == 3 && request.time.getDayOfYear() == 181 && request.time.getHours() == 12",
    "request.time.getMinutes() == 0 && request.time.getSeconds() == 0 && request.time.getMilliseconds() == 250",
    "request.time.getHours('Europe/Berlin') == 14 && request.time.getHours('+05:30') == 17 && request.time.getMinutes('+05:30') == 30",
    "request.time.getHours('-02:00') == 10 && request.time.getDate('Pacific/Kiritimati') == 2 && request.time.getDayOfWeek('UTC') == 3",
    "timestamp('2026-03-29T01:30:00Z').getHours('Europe/Berlin') == 3 && timestamp('2026-03-29T00:30:00Z').getHours('Europe/Berlin') == 1",
    "duration('1h30m') == duration('90m') && duration('-1.5s') == duration('0s') - duration('1.5s') && duration('1s') > duration('999ms')",
    "duration('1s') + duration('-1.5s') == duration('-0.5s') && string(duration('1h0.5s')) == '3600.5s' && string(duration('-0.5s')) == '-0.5s'",
    "request.time - duration('250ms') == timestamp('2026-07-01T12:00:00Z') && request.time - request.time == duration('0s')",
    "timestamp('2026-01-02T00:00:00Z') - timestamp('2026-01-01T00:00:00Z') == duration('24h') && request.time + duration('1h') > request.time",
    "timestamp('0001-02-01T00:00:00Z').getDayOfYear() == 31 && timestamp('0099-12-31T23:30:00Z').getFullYear('+00:30') == 100",
    "timestamp('0001-03-01T12:00:00Z').getFullYear('Europe/Berlin') == 1 && timestamp('0001-03-01T12:00:00Z').getDayOfYear('Europe/Berlin') == 59",
    "duration('3h').getMinutes() == 180 && duration('90m').getHours() == 1 && duration('1.5s').getSeconds() == 1 && duration('1.5s').getMilliseconds() == 500",
  ],
  nanoseconds: [
    "string(timestamp('2026-01-01T00:00:00.123456789Z')) == '2026-01-01T00:00:00.123456789Z'",
    "string(timestamp('1969-12-31T23:59:59.000001+00:00')) == '1969-12-31T23:59:59.000001Z' && string(timestamp('0001-01-01T00:00:00.5Z')) == '0001-01-01T00:00:00.500Z'",
    "timestamp('2026-01-01T00:00:00.000000001Z') > timestamp('2026-01-01T00:00:00Z') && timestamp('2026-01-01T00:00:00.000000001Z') != timestamp('2026-01-01T00:00:00Z')",
    "timestamp('2026-01-01T00:00:00Z') + duration('1ns') - duration('1ns') == timestamp('2026-01-01T00:00:00Z')",
    "timestamp('2026-01-01T00:00:00.000000003Z') - timestamp('2026-01-01T00:00:00Z') == duration('3ns') && duration('1ns') + timestamp(0) > timestamp(0)",
    "timestamp('2026-01-01T00:00:00.999999999Z').getMilliseconds() == 999 && int(timestamp('1969-12-31T23:59:59.999999999Z')) == -1",
    "type(timestamp('2026-01-01T00:00:00.000000001Z')) == google.protobuf.Timestamp && timestamp('2026-01-01T00:00:00.000000001Z') in [timestamp('2026-01-01T00:00:00.000000001Z')]",
  ],
  loops: [
    "request.list.all(i, v, i < 3 && v != '') && !request.list.all(i, v, i < 2) && [0].all(i, v, i == v) && [].all(i, v, false)",
    "request.headers.exists(k, v, k == 'x' && v == 'y') && !{}.exists(k, v, true) && [1, 0].exists(i, v, 1 / v == 1)",
    "[0, 1].exists(i, v, 1 / v == 1) && ![2, 0].all(i, v, 1 / v == 1) && any.exists(k, v, v == 't')",
    "request.list.existsOne(i, v, v == 'b') && ![1, 1].existsOne(i, v, v == 1) && request.list.exists_one(i, v, i == 2)",
    "request.list.transformList(i, v, v + string(i)) == ['a0', 'b1', 'c2'] && request.list.transformList(i, v, i > 0, v) == ['b', 'c']",
    "{'a': 1, 'b': 2}.transformMap(k, v, v * 2) == {'a': 2, 'b': 4} && {'a': 1, 'b': 2}.transformMap(k, v, v > 1, k) == {'b': 'b'}",
    "['a', 'b'].transformMap(i, v, v) == {0: 'a', 1: 'b'} && {1u: 'a'}.transformMap(k, v, k) == {1u: 1u}",
    "['a', 'b'].transformMapEntry(i, v, {v: i}) == {'a': 0, 'b': 1} && {'a': 'x'}.transformMapEntry(k, v, v != k, {v: k}) == {'x': 'a'}",
    "[1, 2].all(n, v, [n].all(i, w, w == n && v == n + 1)) && n == 7 && [1].map(x, [2].transformList(i, v, v + x)) == [[3]]",
  ],
  encodings: [
    "base64.encode(b'hi') == 'aGk=' && base64.decode('aGk=') == b'hi' && base64.decode('aGk') == b'hi' && base64.decode('') == b''",
    "b'{\"a\": {\"constructor\": [1, null]}}'.json().a['constructor'][0] == 1.0 && !('toString' in b'{}'.json())",
    "b'ab'.hex() == '6162' && b'ab'.size() == 2 && size(bytes('ä')) == 2",
  ],
  optionals: [
    "optional.of(1).hasValue() && !optional.none().hasValue() && optional.of(1).value() == 1",
    "optional.none().orValue(2) == 2 && optional.of(1).or(optional.of(2)).value() == 1 && optional.none().or(optional.of(2)).value() == 2",
    "!optional.ofNonZeroValue('').hasValue() && !optional.ofNonZeroValue(0).hasValue() && optional.ofNonZeroValue('a').hasValue()",
    "!optional.ofNonZeroValue([]).hasValue() && !optional.ofNonZeroValue(0u).hasValue() && optional.ofNonZeroValue({'a': 1}).hasValue()",
    "{'a': {'b': 1}}.?a.?b.orValue(0) == 1 && {'a': 1}.?z.orValue(0) == 0 && [1][?0].orValue(0) == 1 && [1][?1].orValue(0) == 0",
    "optional.of(1) == optional.of(1) && optional.of(1) != optional.of(2)",
    "optional.of(2).optMap(x, x * n).value() == 14 && !optional.none().optMap(x, x * 2).hasValue() && optional.of(1).optMap(n, n).value() == 1",
    "{'a': {'b': 1}}.?a.optFlatMap(x, x.?b).value() == 1 && !{'a': {'b': 1}}.?a.optFlatMap(x, x.?c).hasValue()",
    "auth.?user.optMap(u, u.sub).orValue('none') == 'alice' && auth.?partner.optMap(u, u.sub).orValue('none') == 'none'",
  ],
};

/** Expressions whose value cannot be had. */
const FAULTS: readonly string[] = [
  ...[
    "int('')",
    "int(' 1')",
    "int('0x10')",
    "int('0b1')",
    "int('1.0')",
    "int('9223372036854775808')",
    "int(1e19)",
    "int(-9223372036854775808.0)",
    "int(0.0/0.0)",
  ],
  ...[
    "uint('-1')",
    "uint(-1)",
    "uint(-1.0)",
    "uint(-0.5)",
    "uint(18446744073709551616.0)",
    "double('')",
    "double('0x10')",
    "double('1_0')",
    "bool('yes')",
  ],
  ...[
    "string(b'\\xff')",
    "'abc'.charAt(4)",
    "'abc'.charAt(-1)",
    "'abc'.substring(2, 1)",
    "'abc'.substring(4)",
  ],
  ...[
    "'abc'.indexOf('a', 4)",
    "'😀'.substring(2)",
    "'%d'.format(['a'])",
    "'%s'.format([])",
    "'%s'.format(['a', 'b'])",
    "'%'.format([])",
  ],
  ...["ip(request.path)", "ip('10.0.0.1').inCidr(request.path)", "math.greatest([1][?9].orValue(1), 1) / 0"],
  ...[
    "math.abs(-9223372036854775808)",
    "-(-9223372036854775808)",
    "(-9223372036854775808) / -1",
    "math.bitShiftLeft(1, -1)",
  ],
  ...[
    "timestamp('2026-01-01')",
    "timestamp('2026-02-30T00:00:00Z')",
    "timestamp('2026-01-01T24:00:00Z')",
    "timestamp('2026-01-01T00:00:00.1234567890Z')",
    "timestamp('9999-12-31T23:59:59.999999999Z') + duration('1ns')",
    "timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z')",
    "timestamp('January 1, 2026 00:00')",
    "timestamp(request.big)",
    "timestamp(253402300800)",
  ],
  ...[
    "duration('1')",
    "duration('9223372037s')",
    "duration('9223372036s') + duration('1s')",
    "duration('')",
    "duration('1x')",
    "duration(request.big)",
    "request.time.getHours('Nowhere/Land')",
  ],
  ...[
    "base64.decode('a')",
    "base64.decode('a?==')",
    "base64.decode('aG=')",
    "b'[1]'.json()",
    "b'{'.json()",
    "optional.none().value()",
    "any.optMap(x, x)",
    "optional.of(1).optFlatMap(x, any.one)",
    "optional.of(0).optMap(x, 1 / x)",
    "[1, 0].all(i, v, 1 / v == 1)",
    "[1, 0].existsOne(i, v, 1 / v == 1)",
    "[1, 0].transformList(i, v, 1 / v)",
    "any.all(k, v, any.one)",
    "any.text.all(k, v, true)",
    "any.transformList(k, v, any.one, v)",
    "['a', 'a'].transformMapEntry(i, v, {v: i})",
    "[1].transformMapEntry(i, v, any.one)",
    "math.greatest(any.filter(x, false))",
    "math.greatest(any.text, 1)",
    "math.least([any.text])",
  ],
];

describe("functions", () => {
  for (const [kind, sources] of Object.entries(TRUE)) {
    for (const source of sources) it(`of ${kind}: ${source}`, () => assert.equal(valueOf(source), true));
  }

  for (const source of FAULTS) {
    it(`have no value for ${source}`, () => assert.equal(valueOf(source), UNKNOWN.request));
  }

  it("know every zone only as long as it is among the newest", () => {
    for (const zone of Intl.supportedValuesOf("timeZone").slice(0, 80)) {
      assert.ok(!(valueOf(`request.time.getHours('${zone}')`) instanceof Unknown), zone);
    }
  });

  it("give the same percentage for the same key and salt, for good", () => {
    const pinned: readonly [key: string, salt: string, percent: number][] = [
      ["a", "b", 57],
      ["alice", "orders/mfa", 45],
      ["", "", 59],
      ["ä😀", "x", 44],
    ];
    for (const [key, salt, percent] of pinned) {
      assert.equal(percentOf(key, salt), percent);
      assert.equal(valueOf(`percent('${key}', '${salt}')`), BigInt(percent));
    }
    assert.notDeepEqual(
      Array.from({ length: 50 }, (_, index) => percentOf(`a${index}`, "b")),
      Array.from({ length: 50 }, (_, index) => percentOf(`${index}`, "ba")),
    );
  });

  it("spread percentages evenly", () => {
    const counts = new Array<number>(100).fill(0);
    for (let index = 0; index < 20_000; index++) {
      const percent = percentOf(`user-${index}`, "salt");
      counts[percent] = (counts[percent] ?? 0) + 1;
    }
    assert.ok(Math.min(...counts) > 130 && Math.max(...counts) < 270);
  });

  it("have a meaning each, and a signature as documents write it", () => {
    assert.ok(FUNCTIONS.length > 100);
    for (const { signature, meaning } of FUNCTIONS) {
      assert.match(signature, /^[\w.(), ]+\): [\w(), ]+$/);
      assert.match(meaning, /\.$/);
    }
    assert.equal(new Set(FUNCTIONS.map((one) => one.signature)).size, FUNCTIONS.length);
  });

  it("are never awaited", () => {
    for (const { call } of overloads()) assert.notEqual(call?.constructor.name, "AsyncFunction");
  });

  it("of the engine keep their names in messages", () => {
    assert.deepEqual(
      problemsOf("int([1])").map((problem) => problem.message),
      ["no function int(list(int))"],
    );
    assert.equal(parsed("int('1')").source, "int('1')");
  });
});
