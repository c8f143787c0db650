import { z } from "zod";
import { parseMomentMs } from "../std/moment.ts";
import {
  delegate,
  either,
  expected,
  field,
  misplaced,
  name,
  refuse,
  text,
  textOf,
  VARIABLE_FORM,
  word,
} from "./fields.ts";
import { entries, list, mapping } from "./fields-of-collections.ts";
import { SCALAR, told } from "./forms.ts";
import { isList, isMapping, Literal, type Plain } from "./tree.ts";
import { celValueOf, type CelValue } from "./value.ts";

/** The types that a claim may be declared with. */
export const CLAIM_TYPES = [
  ...(["string", "int", "double", "bool", "timestamp"] as const),
  ...(["list(string)", "list(int)", "map(string, dyn)", "dyn"] as const),
] as const;

export type ClaimType = (typeof CLAIM_TYPES)[number];

/** One declared claim: where it stands in the verified facts, its type, and what holds where it is missing. */
export interface WrittenClaim {
  /** Keys from the outside in: `realm_access.roles` is two. */
  readonly path: readonly string[];
  readonly type: ClaimType;
  /** A value of `type`; undefined where the claim is simply absent then. */
  readonly else: CelValue | undefined;
}

/** By the name that expressions use: `auth.<identity>.<name>`. */
export type WrittenClaims = ReadonlyMap<string, WrittenClaim>;

const CLAIM_NAME = {
  ...VARIABLE_FORM,
  reserved: (name: string) =>
    name === "raw" ? "`raw` is the name of what is not declared: auth.user.raw[…]" : undefined,
};

const TYPE = word(CLAIM_TYPES);

const PATH_FORM = "keys with dots between them, such as realm_access.roles, or a list of keys";

const DOTTED = field<readonly string[]>({ type: "string", description: PATH_FORM }, (value) => {
  const steps = textOf(value)?.split(".") ?? [];
  return steps.length > 0 && steps.length <= 16 && steps.every((step) => step !== "")
    ? { value: steps }
    : expected(PATH_FORM, "text");
});

const KEYS = list(text("a key"), "keys", 16);

/** `a.b.c`, or a list of keys for those that have dots in them. */
export const KEY_PATH = either([DOTTED, KEYS], (value, context): readonly string[] =>
  isList(value) ? delegate(context, KEYS, value) : delegate(context, DOTTED, value),
);

/** Any value, looked at when the type is known. */
const ANY = told(
  { type: [...SCALAR, "array", "object"] },
  z.unknown().transform((value) => value),
);

const LONG = mapping({ path: KEY_PATH.optional(), type: TYPE, else: ANY.optional() });

interface Unnamed {
  readonly path: readonly string[] | undefined;
  readonly type: ClaimType;
  readonly else: CelValue | undefined;
}

const CLAIM = either([TYPE, LONG], (value, context): Unnamed => {
  if (!isMapping(value)) return { path: undefined, type: delegate(context, TYPE, value), else: undefined };
  const { path, type, else: otherwise } = delegate(context, LONG, value);
  if (otherwise === undefined) return { path, type, else: undefined };
  const fitted = fit(type, otherwise);
  if (fitted !== undefined) return { path, type, else: fitted };
  const message = `this is no ${type}, which the claim is declared as`;
  refuse(context, { kind: "refused", code: "wrong-type", message, at: "value" }, ["else"]);
  return z.NEVER;
});

/** The claims of an identity. */
export const CLAIMS = entries(CLAIM, name(CLAIM_NAME, "key")).transform((claims, context): WrittenClaims => {
  const written = new Map<string, WrittenClaim>();
  for (const [id, claim] of claims) {
    const path = claim.path ?? [id];
    written.set(id, { path, type: claim.type, else: claim.else });
    if (path.length === 1 && path[0] === "scope" && claim.type !== "list(string)") {
      const message = "scope is always a list: the words of the token's text";
      refuse(context, misplaced("wrong-value", message, "declare it as list(string)"), [id]);
    }
  }
  return written;
});

/** The value as one of the type; undefined when it is none. */
const fit = (type: ClaimType, value: unknown): CelValue | undefined =>
  isPlain(value) ? FITS[type](value) : undefined;

/** Reads one value of a file; undefined when it is none of the type. */
type Fit = (plain: Plain) => CelValue | undefined;

const FITS: Readonly<Record<ClaimType, Fit>> = {
  dyn: celValueOf,
  string: textOf,
  int: (plain) => only("bigint", celValueOf(plain)),
  double(plain) {
    const value = celValueOf(plain);
    return typeof value === "bigint" ? Number(value) : only("number", value);
  },
  bool: (plain) => only("boolean", celValueOf(plain)),
  timestamp: (plain) => (typeof plain === "string" ? momentOf(plain) : undefined),
  "list(string)": (plain) => allOf(plain, "string"),
  "list(int)": (plain) => allOf(plain, "int"),
  "map(string, dyn)": (plain) => (isMapping(plain) ? celValueOf(plain) : undefined),
};

const only = (type: "bigint" | "number" | "boolean", value: CelValue | undefined): CelValue | undefined =>
  typeof value === type ? value : undefined;

const isPlain = (value: unknown): value is Plain =>
  typeof value === "string" || value instanceof Literal || isList(value) || isMapping(value);

function allOf(plain: Plain, type: ClaimType): CelValue | undefined {
  if (!isList(plain)) return undefined;
  const values = plain.map((item) => fit(type, item));
  return values.every((value) => value !== undefined) ? values : undefined;
}

function momentOf(text: string): Date | undefined {
  const ms = parseMomentMs(text);
  return ms === undefined ? undefined : new Date(ms);
}
