import fc from "fast-check";

/** The types that generated expressions have, as declarations write them. */
export type Type = keyof typeof VARIABLES;

/** The variables of a generated expression: one name of each type, beside those that loops bind. */
export const VARIABLES = {
  int: "i",
  uint: "u",
  double: "d",
  string: "s",
  bool: "t",
  bytes: "b",
  "list(int)": "numbers",
  "list(string)": "words",
  "map(string, int)": "counts",
  timestamp: "at",
  duration: "took",
} as const;

/** A name that a loop binds, and its type. */
type Bound = Readonly<Partial<Record<Type, string>>>;

/** Expressions of any type, each well typed and nested so many operations deep at most. */
export function expressions(depth: number): fc.Arbitrary<string> {
  const generator = new Generator();
  const types = Object.keys(VARIABLES) as Type[];
  return fc.oneof(...types.map((type) => generator.of(type, depth, {})));
}

/** The texts that stand in one, with more than one blank between them. */
const several = (texts: string): readonly string[] => texts.trim().split(/\s{2,}/);

/**
 * In `<int>` stands an expression of that type, in `[x:int => bool]` the body of a loop, of type bool, that binds
 * `x` to an int. Left out is what the other engine is known to have wrong (see the test).
 */
const TEMPLATES: Readonly<Record<Type, readonly string[]>> = {
  int: several(`
    (<int> + <int>)   (<int> - <int>)   (<int> * <int>)   (<int> / <int>)   (<int> % <int>)   -(<int>)
    (<bool> ? <int> : <int>)   int(<uint>)   int(<double>)   int(string(<int>))   int(<timestamp>)
    size(<string>)   <bytes>.size()   size(<list(int)>)   <list(string)>.size()   <map(string, int)>.size()
    <list(int)>[<int>]   <map(string, int)>[<string>]   <string>.indexOf(<string>)
    <string>.indexOf(<string>, <int>)   <string>.lastIndexOf(<string>)   <timestamp>.getFullYear()
    <timestamp>.getMonth()   <timestamp>.getDate()   <timestamp>.getDayOfYear()   <timestamp>.getDayOfWeek()
    <timestamp>.getHours('Europe/Berlin')   <timestamp>.getMinutes('-03:30')   <duration>.getHours()
    <duration>.getMinutes()   <duration>.getSeconds()   <duration>.getMilliseconds()
  `),
  uint: several(`
    (<uint> + <uint>)   (<uint> - <uint>)   (<uint> * <uint>)   (<uint> / <uint>)   (<uint> % <uint>)
    (<bool> ? <uint> : <uint>)   uint(<int>)   uint(<double>)   uint(string(<uint>))
  `),
  double: several(`
    (<double> + <double>)   (<double> - <double>)   (<double> * <double>)   (<double> / <double>)   -(<double>)
    (<bool> ? <double> : <double>)   double(<int>)   double(<uint>)
  `),
  string: several(`
    (<string> + <string>)   (<bool> ? <string> : <string>)   string(<int>)   string(<uint>)   string(<bool>)
    string(<bytes>)   string(<timestamp>)   <list(string)>[<int>]   <string>.lowerAscii()
    <string>.upperAscii()   <string>.trim()   <string>.charAt(<int>)   <string>.substring(<int>)
    <string>.substring(<int>, <int>)   strings.quote(<string>)
    '%s %d %s'.format([<string>, <int>, <list(int)>])   '%x %X %o %b'.format([<string>, <bytes>, <uint>, <int>])
    '%.1f %s'.format([double(size(<string>)) / -4.0, <map(string, int)>])
    '%s %s'.format([<bool>, <timestamp>])   <string>.replace('a', <string>)   <list(string)>.join(<string>)
  `),
  bool: several(`
    (<bool> && <bool>)   (<bool> || <bool>)   !(<bool>)   (<bool> ? <bool> : <bool>)   (<int> == <int>)
    (<uint> != <uint>)   (<double> == <double>)   (<string> == <string>)   (<bytes> == <bytes>)
    (<list(int)> == <list(int)>)   (<map(string, int)> == <map(string, int)>)   (<timestamp> == <timestamp>)
    (<duration> != <duration>)   (dyn(<int>) == dyn(<uint>))   (dyn(<double>) == dyn(<int>))
    (dyn(<string>) == dyn(<int>))   ([dyn(<int>), <string>] == [<uint>, dyn(<string>)])   (<int> < <int>)
    (<int> <= <double>)   (<uint> > <int>)   (<double> >= <uint>)   (<string> < <string>)   (<bytes> <= <bytes>)
    (<timestamp> < <timestamp>)   (<duration> >= <duration>)   (<bool> < <bool>)   (<int> in <list(int)>)
    (<string> in <map(string, int)>)   (<string> in <list(string)>)   <list(int)>.all(x, [x:int => bool])
    <list(int)>.exists(x, [x:int => bool])   <list(int)>.exists_one(x, [x:int => bool])
    <map(string, int)>.exists(k, [k:string => bool])   <list(string)>.all(w, [w:string => bool])   has(counts.a)
    has(<map(string, int)>.b)   bool(string(<bool>))   (<list(int)> in [<list(int)>, <list(int)>])
    ([<list(int)>] == [[<int>]])   ({'a': <list(int)>} == {'a': [<int>]})
    (<int> in [<int>, dyn(<uint>), dyn(<double>)])   <string>.startsWith(<string>)   <string>.endsWith(<string>)
    <string>.contains(<string>)   <string>.matches('^[a-z]+$')   (type(<int>) == type(<double>))
    (type(dyn(<bool>)) == bool)
  `),
  bytes: several(`
    (<bytes> + <bytes>)   bytes(<string>)   (<bool> ? <bytes> : <bytes>)
  `),
  "list(int)": several(`
    [<int>, <int>]   (<list(int)> + <list(int)>)   (<bool> ? <list(int)> : <list(int)>)
    <list(int)>.filter(x, [x:int => bool])   <list(int)>.map(x, [x:int => int])
    <list(int)>.map(x, [x:int => bool], x)   <list(string)>.map(w, w.size())
  `),
  "list(string)": several(`
    [<string>, <string>]   (<list(string)> + <list(string)>)   <string>.split(<string>)
    <list(string)>.filter(w, [w:string => bool])   <map(string, int)>.map(k, [k:string => string])
  `),
  "map(string, int)": several(`
    {'a': <int>, 'b': <int>}   {<string>: <int>}   (<bool> ? <map(string, int)> : counts)
  `),
  timestamp: several(`
    (<timestamp> + <duration>)   (<timestamp> - <duration>)   (<duration> + <timestamp>)
    timestamp(string(<timestamp>))
  `),
  duration: several(`
    (<duration> + <duration>)   (<duration> - <duration>)   (<timestamp> - <timestamp>)
  `),
};

const LITERALS: Readonly<Record<Type, readonly string[]>> = {
  int: ["0", "1", "2", "3", "-1", "10", "0x1f", "9223372036854775807", "-9223372036854775808"],
  uint: ["0u", "1u", "2u", "10u", "18446744073709551615u"],
  double: ["0.0", "1.0", "-1.5", "2.5e3", "1e-7", "9007199254740993.0", "9223372036854775808.0"],
  string: ["''", "'a'", "'b'", "'ab'", "'a,b'", "'Ä'", "'\\uffff'", "' x '", 'r"\\d"', "'aba'"],
  bool: ["true", "false"],
  bytes: ["b''", "b'a'", "b'\\xff'", "b'Ä'", "b'ab'"],
  "list(int)": ["[]", "[1]", "[0, 1, 2]", "[3, 1, 3]"],
  "list(string)": ["[]", "['a']", "['a', 'b', 'ab']"],
  "map(string, int)": ["{}", "{'a': 1}", "{'a': 1, 'b': 0}"],
  timestamp: [
    "timestamp('1970-01-01T00:00:00Z')",
    "timestamp('2026-03-29T01:30:00.25Z')",
    "timestamp('2024-02-29T23:59:59.123456789+05:30')",
    "timestamp('0400-01-01T00:00:00Z')",
    "timestamp('9999-12-31T23:59:59Z')",
  ],
  duration: [
    "duration('0s')",
    "duration('1h30m')",
    "duration('-1.5s')",
    "duration('1500us')",
    "duration('25h0.25s')",
  ],
};

class Generator {
  readonly #made = new Map<string, fc.Arbitrary<string>>();

  /** Expressions of a type; those that are alike are one arbitrary, so that the tree of them stays small. */
  of(type: Type, depth: number, bound: Bound): fc.Arbitrary<string> {
    const key = JSON.stringify([type, depth, bound]);
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const made = this.#make(type, depth, bound);
    this.#made.set(key, made);
    return made;
  }

  #make(type: Type, depth: number, bound: Bound): fc.Arbitrary<string> {
    const own = bound[type];
    const leaves = fc.constantFrom(
      ...LITERALS[type],
      VARIABLES[type],
      VARIABLES[type],
      ...(own === undefined ? [] : [own, own]),
    );
    if (depth === 0) return leaves;
    const operations = TEMPLATES[type].map((template) => this.#fill(template, depth - 1, bound));
    return fc.oneof({ weight: 1, arbitrary: leaves }, { weight: 3, arbitrary: fc.oneof(...operations) });
  }

  /** Fills the holes of a template with expressions. */
  #fill(template: string, depth: number, bound: Bound): fc.Arbitrary<string> {
    const texts = template.replaceAll(HOLE, "\0").split("\0");
    const holes = Array.from(template.matchAll(HOLE), ([, type, name, nameType, result]) => {
      if (type !== undefined) return this.of(type as Type, depth, bound);
      // Loops stand at most two deep in one another.
      const inLoop = Object.keys(bound).length > 0;
      return this.of(result as Type, inLoop ? 0 : depth, { ...bound, [nameType as Type]: name });
    });
    return fc.tuple(...holes).map((parts) => interleave(texts, parts));
  }
}

/** `<int>` or `[x:int => bool]`. */
const HOLE = /<((?:\w|[(), ])+)>|\[(\w):(\w+) => (\w+)\]/g;

function interleave(texts: readonly string[], parts: readonly string[]): string {
  return texts.map((text, index) => text + (parts[index] ?? "")).join("");
}
