import assert from "node:assert/strict";
import { Unknown, type Trace } from "../../src/cel/expression.ts";
import { compiled, context } from "./fixture.ts";

/** One line a part, indented below what it is part of. */
function printed({ source, state, value, parts }: Trace, depth = 0): readonly string[] {
  const shown = state === "unreached" ? "-" : value instanceof Unknown ? `? ${value.fault}` : String(value);
  return [`${"  ".repeat(depth)}${source}: ${shown}`, ...parts.flatMap((part) => printed(part, depth + 1))];
}

const TABLE: readonly (readonly [source: string, lines: readonly string[]])[] = [
  ["request.method", ["request.method: GET"]],
  [
    'request.method == "PUT" && n > 3 && early',
    [
      'request.method == "PUT" && n > 3 && early: false',
      '  request.method == "PUT": false',
      "    request.method: GET",
      "  n > 3: -",
      "  early: -",
    ],
  ],
  [
    '(n > 9 || has(request.absent)) || request.headers["x"] == "y" || n == 1',
    [
      '(n > 9 || has(request.absent)) || request.headers["x"] == "y" || n == 1: true',
      "  n > 9: false",
      "    n: 7",
      "  has(request.absent): false",
      '  request.headers["x"] == "y": true',
      '    request.headers["x"]: y',
      "  n == 1: -",
    ],
  ],
  [
    'n > 3 ? request.absent == "a" : request.path == "b"',
    [
      'n > 3 ? request.absent == "a" : request.path == "b": ? request',
      "  n > 3: true",
      "    n: 7",
      '  request.absent == "a": ? request',
      "    request.absent: ? request",
      '  request.path == "b": -',
    ],
  ],
  [
    '!(request.method in ["GET", "HEAD"])',
    [
      '!(request.method in ["GET", "HEAD"]): false',
      '  request.method in ["GET", "HEAD"]: true',
      "    request.method: GET",
    ],
  ],
  [
    'request.list.exists(one, one == "b")',
    ['request.list.exists(one, one == "b"): true', "  request.list: a,b,c"],
  ],
  [
    'cel.bind(m, request.method, m == "GET" && m != request.path)',
    ['cel.bind(m, request.method, m == "GET" && m != request.path): true', "  request.method: GET"],
  ],
  [
    "request.headers[request.list[0]] == request.list[n - 6]",
    [
      "request.headers[request.list[0]] == request.list[n - 6]: ? request",
      "  request.headers[request.list[0]]: ? request",
      "    request.headers: [object Map]",
      "    request.list[0]: a",
      "  request.list[n - 6]: b",
      "    request.list: a,b,c",
      "    n - 6: 1",
      "      n: 7",
    ],
  ],
  [
    "math.greatest(n, size(request.list)) == 7",
    [
      "math.greatest(n, size(request.list)) == 7: true",
      "  math.greatest(n, size(request.list)): 7",
      "    n: 7",
      "    size(request.list): 3",
      "      request.list: a,b,c",
    ],
  ],
  [
    "request.ours == request.raw",
    ["request.ours == request.raw: ? ours", "  request.ours: ? ours", "  request.raw: ? raw-headers"],
  ],
];

describe("a trace", () => {
  for (const [source, lines] of TABLE) {
    it(`tells what the parts come to of ${source}`, () => {
      assert.deepEqual(printed(compiled(source).trace({ ...context, early: true })), lines);
    });
  }

  it("has the value that the expression has", () => {
    for (const [source] of TABLE) {
      const expression = compiled(source);
      assert.deepEqual(expression.trace(context).value, expression.evaluate(context));
    }
  });

  it("says what each part reads", () => {
    const { parts } = compiled('request.method == "GET" && auth.user.sub == "a"').trace(context);
    assert.deepEqual(
      parts.map(({ reads }) =>
        reads.map(({ root, steps }) => [root, ...steps.map(({ name }) => name)].join(".")),
      ),
      [["request.method"], ["auth.user.sub"]],
    );
  });
});
