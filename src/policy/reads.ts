import { POLICY_ROOTS, rootOf, VOCABULARY, type Phase } from "../attributes/vocabulary.ts";
import type { Parsed, Read, Step } from "../cel/expression.ts";
import type { Code } from "./codes.ts";
import { isReadable, ROOTS } from "./declarations.ts";
import { didYouMean } from "./diagnostic.ts";
import type { Fields } from "./records.ts";

/** What the names of one policy's expressions can be. */
export interface Names {
  readonly phase: Phase;
  /** The fields of each identity; undefined where it has a fault of its own. */
  readonly identities: ReadonlyMap<string, Fields | undefined>;
  readonly lets: ReadonlySet<string>;
  /** `let` names that cannot be read here: they stand further down, or have a fault of their own. */
  readonly unreadableLets: ReadonlyMap<string, "later" | "faulty">;
  /** Names that path patterns bind: by all of them, or by some, which then needs `has(path.x)`. */
  readonly paths: ReadonlyMap<string, "by-all" | "by-some">;
  /** The fields of each answer; undefined where the rule that asks has a fault of its own. */
  readonly answers: ReadonlyMap<string, Fields | undefined>;
  /** The fields of the shared files that are used; undefined where the file has a fault of its own. */
  readonly shared: ReadonlyMap<string, Fields | undefined>;
  readonly data: Fields;
}

/** A path of an expression that cannot be read. Offsets are the expression's own. */
export interface ReadProblem {
  readonly start: number;
  readonly end: number;
  readonly code: Code;
  readonly message: string;
  readonly hint: string;
}

/**
 * Every attribute path of an expression against the vocabulary, inside `has()`, macros and optional
 * selection too: the engine's own checker accepts `has(auth.usr)` and answers false for ever.
 */
export function readProblems(parsed: Parsed, names: Names): readonly ReadProblem[] {
  return parsed.reads.flatMap((read) => {
    const problem = resolve(read, names, parsed.guarded.has(read));
    return problem === undefined ? [] : [problem];
  });
}

function resolve(read: Read, names: Names, isGuarded: boolean): ReadProblem | undefined {
  const { root } = read;
  // What a fault of its own keeps from being read has been told of once.
  if (names.lets.has(root) || names.unreadableLets.get(root) === "faulty") return undefined;
  if (root === "auth") return resolveIdentity(read, names);
  if (root === "path") return resolveBinding(read, names, isGuarded);
  if (root === "data") return resolveField(read, names.data, DECLARE_DATA);
  if (names.answers.has(root)) return resolveField(read, names.answers.get(root));
  if (names.shared.has(root)) return resolveField(read, names.shared.get(root));
  if (!ROOTS.has(root)) {
    const span = { start: read.start, end: read.start + root.length };
    if (names.unreadableLets.has(root))
      return unknown(span, `${root} is defined further down`, "a `let` may use those above it");
    return unknown(
      span,
      `no attribute and no name of this policy is called ${root}`,
      didYouMean(root, [
        ...rootsOf(names.phase),
        ...names.lets,
        ...names.answers.keys(),
        ...names.shared.keys(),
      ]),
    );
  }
  return resolveAttribute(read, names.phase);
}

/** The roots that an expression of a phase can begin with. */
const rootsOf = (phase: Phase): readonly string[] => [
  ...Object.keys(POLICY_ROOTS),
  ...new Set(VOCABULARY.filter((one) => isReadable(one, phase)).map(({ name }) => rootOf(name))),
];

function resolveAttribute(read: Read, phase: Phase): ReadProblem | undefined {
  const { root, steps } = read;
  const whole = VOCABULARY.find(({ name }) => name === root);
  const step = steps[0];
  if (whole === undefined && step === undefined) return bareRoot(read, root, fieldsOf(root, phase));
  const name = whole === undefined ? `${root}.${step?.name ?? ""}` : root;
  const attribute = whole ?? VOCABULARY.find((one) => one.name === name);
  const span = whole === undefined && step !== undefined ? step : read;
  if (attribute === undefined) {
    return unknown(span, `${name} is not an attribute`, didYouMean(step?.name ?? "", fieldsOf(root, phase)));
  }
  if (attribute.insteadRead !== undefined) {
    return unknown(span, `${name} is not read in expressions`, `read ${attribute.insteadRead}`);
  }
  return attribute.phases.includes(phase) ? undefined : wrongPhase(span, name, attribute.phases, phase);
}

const PHASE_NAMES: Readonly<Record<Phase, string>> = {
  check: "a check",
  connection: "the check of a TCP connection",
  quota: "a rate-limit request",
  log: "an access-log entry",
};

const wrongPhase = (
  span: Step | Read,
  name: string,
  phases: readonly Phase[],
  phase: Phase,
): ReadProblem => ({
  start: span.start,
  end: span.end,
  code: "wrong-phase",
  message: `${name} is known in ${phases.map((one) => PHASE_NAMES[one]).join(" and ")}, not in ${PHASE_NAMES[phase]}`,
  hint:
    phases.includes("log") && !phases.includes("check")
      ? "a rule decides before there is a response; docs/attributes.md says what each phase knows"
      : "docs/attributes.md says what each phase knows",
});

const fieldsOf = (root: string, phase: Phase): readonly string[] =>
  VOCABULARY.filter((one) => rootOf(one.name) === root && one.name !== root && isReadable(one, phase)).map(
    ({ name }) => name.slice(root.length + 1),
  );

function resolveIdentity({ steps, ...read }: Read, { identities, phase }: Names): ReadProblem | undefined {
  const [identity, field] = steps;
  if (identity === undefined) return bareRoot(read, "auth", [...identities.keys()]);
  const fields = identities.get(identity.name);
  if (fields === undefined) {
    if (identities.has(identity.name)) return undefined;
    const hint =
      identities.size === 0
        ? `declare it: identities: { ${identity.name}: { mtls: { trustDomains: [cluster.local] } } }`
        : didYouMean(identity.name, identities.keys());
    const message =
      phase === "connection"
        ? `this policy has no mtls identity "${identity.name}", and a TCP connection proves no other kind`
        : `this policy has no identity "${identity.name}"`;
    return unknown(identity, message, hint);
  }
  if (field === undefined || Object.hasOwn(fields, field.name)) return undefined;
  const message = `auth.${identity.name} has no field ${field.name}`;
  const hint = didYouMean(field.name, Object.keys(fields));
  const isToken = Object.hasOwn(fields, "raw");
  return unknown(
    field,
    message,
    isToken ? `${hint}${hint.endsWith("?") ? " Or" : "; or"} declare it under claims` : hint,
  );
}

const DECLARE_DATA = "declare it in a shared file, data: { name: file.yaml }, and use the file";

/** A field of an answer, a shared file or data. Without `fields` what is wrong has been told of. */
function resolveField(
  { root, steps: [step], ...read }: Read,
  fields: Fields | undefined,
  whereNone?: string,
): ReadProblem | undefined {
  if (fields === undefined) return undefined;
  const known = Object.keys(fields);
  if (step === undefined) return bareRoot(read, root, known);
  if (Object.hasOwn(fields, step.name)) return undefined;
  const hint = known.length === 0 && whereNone !== undefined ? whereNone : didYouMean(step.name, known);
  return unknown(step, `${root} has no ${step.name}`, hint);
}

function resolveBinding(read: Read, { paths }: Names, isGuarded: boolean): ReadProblem | undefined {
  const step = read.steps[0];
  if (step === undefined) return bareRoot(read, "path", [...paths.keys()]);
  switch (paths.get(step.name)) {
    case "by-all":
      return undefined;
    case "by-some":
      if (isGuarded || read.how !== "value") return undefined;
      return unknown(
        step,
        `not every path pattern binds {${step.name}}`,
        `guard it: has(path.${step.name}) && …`,
      );
    case undefined:
      return unknown(
        step,
        `no path pattern binds {${step.name}}`,
        paths.size === 0 ? `bind it: paths: ["/…/{${step.name}}"]` : didYouMean(step.name, paths.keys()),
      );
  }
}

const bareRoot = (span: Pick<Read, "start" | "end">, root: string, fields: readonly string[]): ReadProblem =>
  unknown(
    span,
    `${root} is not a value by itself`,
    fields.length === 0
      ? "this policy has nothing in it"
      : `read one of its fields: ${fields.map((field) => `${root}.${field}`).join(", ")}`,
  );

const unknown = (
  { start, end }: Pick<Read, "start" | "end">,
  message: string,
  hint: string,
): ReadProblem => ({
  start,
  end,
  code: "unknown-attribute",
  message,
  hint,
});
