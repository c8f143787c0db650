import type { z } from "zod";
import { inOrder, problem, type Diagnostic } from "./diagnostic.ts";
import { createDocument, type Document } from "./document.ts";
import { DOMAIN_FILE, type DomainFile } from "./domain-file.ts";
import { pathOf, toDiagnostics, type Issue } from "./issues.ts";
import { OVERRIDES_FILE, type OverridesFile } from "./overrides-file.ts";
import { POLICY_FILE, type PolicyFile } from "./policy-file.ts";
import { SERVER_FILE, type ServerFile } from "./server-file.ts";
import { SHARED_FILE, type SharedFile } from "./shared-file.ts";
import type { Path } from "./source.ts";
import { TESTS_FILE, type TestsFile } from "./tests-file.ts";
import { BROKEN, isList, isMapping, type Plain } from "./tree.ts";
import { readYaml } from "./yaml.ts";

/** What a file says, as far as it can be read, and everything that is wrong with its form. */
export interface Parsed<T> {
  /**
   * Undefined when nothing can be made of the file. Where only rules, expectations or unknown keys are at fault, it is the file
   * without those, so that the expressions of the rest are checked in the same run.
   */
  readonly value: T | undefined;
  /** Whether `value` is all of the file. What is missing must not be complained of when it is not. */
  readonly isWhole: boolean;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads a policy file. Never throws. */
export const parsePolicy = (document: Document): Parsed<PolicyFile> => parseWith(document, POLICY_FILE);

/** Reads weir.yaml, with the defaults filled in. Never throws. */
export const parseServer = (document: Document): Parsed<ServerFile> => parseWith(document, SERVER_FILE);

/** Reads a file of tests. Never throws. */
export const parseTests = (document: Document): Parsed<TestsFile> => parseWith(document, TESTS_FILE);

/** Reads a shared file. Never throws. */
export const parseShared = (document: Document): Parsed<SharedFile> => parseWith(document, SHARED_FILE);

/** Reads a file of overrides. Never throws. */
export const parseOverrides = (document: Document): Parsed<OverridesFile> =>
  parseWith(document, OVERRIDES_FILE);

/** Reads a file of rate limits. Never throws. */
export const parseDomain = (document: Document): Parsed<DomainFile> => parseWith(document, DOMAIN_FILE);

/**
 * Reads what somebody describes outside of any file, in YAML or JSON, or says what is wrong with it. `example` is told to who sends nothing.
 * Never throws.
 */
export function readDescribed<T>(
  { path, content }: { readonly path: string; readonly content: string | Uint8Array },
  schema: z.ZodType<T>,
  example: string,
): T | readonly Diagnostic[] {
  const { source, root, diagnostics } = readYaml(path, content);
  if (diagnostics.length > 0) return diagnostics;
  if (root === undefined) {
    const place = source.place({ start: 0, end: 1 });
    return [problem(place, "missing-key", "there is nothing in it", `such as ${example}`)];
  }
  const { value, isWhole, diagnostics: found } = parseWith(createDocument(source, "tests", root), schema);
  return value !== undefined && isWhole ? value : found;
}

/** How often a file is read again without what was at fault: some faults show only when others are gone. */
const MAX_READINGS = 4;

/** Reads a document by a schema of this folder. Never throws. */
export function parseWith<T>(document: Document, schema: z.ZodType<T>): Parsed<T> {
  const issues: Issue[] = [];
  let plain: Plain | undefined = document.plain;
  for (let reading = 0; plain !== undefined && reading < MAX_READINGS; reading++) {
    const result: z.ZodSafeParseResult<T> = schema.safeParse(plain);
    if (result.success) {
      const diagnostics = inOrder(toDiagnostics(document, issues));
      return { value: result.data, isWhole: !hasBroken(plain) && issues.length === 0, diagnostics };
    }
    issues.push(...result.error.issues);
    plain = withoutFaults(plain, result.error.issues);
  }
  return { value: undefined, isWhole: false, diagnostics: inOrder(toDiagnostics(document, issues)) };
}

function hasBroken(plain: Plain): boolean {
  if (isMapping(plain)) return plain.values().some(hasBroken);
  return isList(plain) ? plain.some(hasBroken) : plain === BROKEN;
}

/** The lists whose items stand alone, so that the others are read where one is at fault. */
const HAS_HOLES: ReadonlySet<unknown> = new Set(["rules", "quotas", "telemetry", "expect", "overrides"]);

/** The file without unknown keys and such items; undefined when other parts are at fault, on which the rest may rely. */
function withoutFaults(plain: Plain, issues: readonly Issue[]): Plain | undefined {
  let rest = plain;
  for (const issue of issues) {
    const path = pathOf(issue);
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) rest = replace(rest, [...path, key], undefined);
      continue;
    }
    if (!HAS_HOLES.has(path[0]) || path.length < 2 || mayDefineNames(plain, path)) return undefined;
    rest = replace(rest, path.slice(0, 2), BROKEN);
  }
  return rest;
}

/** Whether other rules may use the name of the one at fault: an answer's. */
function mayDefineNames(plain: Plain, [key, index]: Path): boolean {
  if (key !== "rules") return false;
  const rules = isMapping(plain) ? plain.get(key) : undefined;
  const rule = isList(rules) && typeof index === "number" ? rules[index] : undefined;
  return isMapping(rule) && rule.has("as");
}

/** A copy in which the value at `path` is another, or, where that is undefined, is gone. */
function replace(plain: Plain, path: Path, by: Plain | undefined): Plain {
  const [step, ...further] = path;
  const deeper = (inner: Plain | undefined): Plain | undefined =>
    inner === undefined || further.length === 0 ? by : replace(inner, further, by);
  if (isMapping(plain) && typeof step === "string") {
    const entries = [...plain].flatMap(([key, value]): [string, Plain][] => {
      const kept = key === step ? deeper(value) : value;
      return kept === undefined ? [] : [[key, kept]];
    });
    return new Map(entries);
  }
  if (isList(plain)) return plain.map((item, index) => (index === step ? (deeper(item) ?? BROKEN) : item));
  return plain;
}
