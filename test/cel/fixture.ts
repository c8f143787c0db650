import assert from "node:assert/strict";
import { createEngine } from "../../src/cel/environment.ts";
import type { Environment, Expression, Parsed, Problem, TypeName } from "../../src/cel/expression.ts";
import { ValueFault } from "../../src/std/fault.ts";

/** A message with getters, as attributes are. */
export class Request {
  readonly method = "GET";
  readonly path = "/orders/alice";
  readonly headers = new Map([
    ["x", "y"],
    ["constructor", "own"],
    ["__proto__", "own too"],
  ]);
  readonly list = ["a", "b", "c"];
  readonly many = Array.from({ length: 1000 }, (_, index) => `n${index}`);
  readonly big = "a".repeat(60_000);
  readonly time = new Date("2026-07-01T12:00:00.250Z");
  get absent(): string | undefined {
    return undefined;
  }
  get raw(): string {
    throw new ValueFault("raw-headers");
  }
  get ours(): string {
    throw new ValueFault("ours");
  }
  get broken(): string {
    throw new RangeError("a bug");
  }
  get worse(): string {
    // What is thrown need not be an error: `true` must not become the value of an operand.
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the case under test
    throw true;
  }
}

export class Identities extends Map<string, unknown> {
  override get(name: string): unknown {
    if (name === "down") throw new ValueFault("ours");
    return super.get(name);
  }
}

export class User {
  readonly sub = "alice";
  readonly amr = ["pwd"];
}

const environment = createEngine().environment({
  types: [
    {
      name: "Request",
      constructedBy: Request,
      fields: {
        method: "string",
        path: "string",
        headers: "map(string, string)",
        list: "list(string)",
        many: "list(string)",
        big: "string",
        time: "timestamp",
        absent: "string",
        raw: "string",
        ours: "string",
        broken: "string",
        worse: "string",
      },
    },
    {
      name: "Identities",
      constructedBy: Identities,
      fields: { user: "User", partner: "User", down: "User" },
    },
    { name: "User", constructedBy: User, fields: { sub: "string", amr: "list(string)" } },
  ],
  variables: { request: "Request", auth: "Identities", client: "ip", any: "dyn", n: "int", early: "bool" },
});

export const context = {
  request: new Request(),
  auth: new Identities([["user", new User()]]),
  any: new Map<string, unknown>([
    ["one", 1n],
    ["text", "t"],
  ]),
  n: 7n,
};

/** Parses, or fails the test. */
export function parsed(source: string, inside: Environment = environment): Parsed {
  const result = inside.parse(source);
  if ("source" in result) return result;
  return assert.fail(`${source}: ${JSON.stringify(result)}`);
}

/** Compiles, or fails the test. */
export function compiled(source: string, expected: TypeName = "any", inside = environment): Expression {
  const result = inside.compile(parsed(source, inside), expected);
  if ("source" in result) return result;
  return assert.fail(`${source}: ${JSON.stringify(result)}`);
}

/** What is wrong with an expression, empty where nothing is. */
export function problemsOf(source: string, expected: TypeName = "any"): readonly Problem[] {
  const draft = environment.parse(source);
  if (!("source" in draft)) return draft;
  const result = environment.compile(draft, expected);
  return "source" in result ? [] : result;
}

export const valueOf = (source: string, values: object = context): unknown =>
  compiled(source).evaluate(values);
