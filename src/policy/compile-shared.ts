import type { Phase } from "../attributes/vocabulary.ts";
import type { Expression, ObjectType } from "../cel/expression.ts";
import { compileAnswer } from "./compile-effects.ts";
import { compileIdentities, type IdentityWorld } from "./compile-identities.ts";
import { compileLets } from "./compile-lets.ts";
import { sharedClass } from "./context.ts";
import { EMPTY_SHAPE, isReserved, type Environments } from "./declarations.ts";
import { problem } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import { textsOf, type Answer, type NamedText, type Text } from "./effects.ts";
import type { Identity } from "./identity.ts";
import type { Mentions } from "./mentions.ts";
import { fieldsOf, verifiedNames } from "./compile-names.ts";
import type { Fields, RecordType } from "./records.ts";
import { Scope } from "./scope.ts";
import type { SharedFile } from "./shared-file.ts";

/** One shared file, compiled. */
export interface SharedPart {
  readonly name: string;
  readonly document: Document;
  /** Whether nothing is wrong with it. */
  readonly isWhole: boolean;
  readonly identities: ReadonlyMap<string, Identity>;
  /** Those that have a fault too. */
  readonly identityNames: readonly string[];
  /** Its names by the expressions that define them. */
  readonly lets: ReadonlyMap<string, Expression>;
  /** The type of its names, whose values are made of a policy's context. */
  readonly type: SharedType;
  /** What its names depend on. */
  readonly mentions: ReadonlyMap<string, Mentions>;
  readonly answers: ReadonlyMap<string, SharedAnswer>;
  readonly data: Data;
}

export interface SharedType extends ObjectType {
  readonly constructedBy: ReturnType<typeof sharedClass>;
}

/** A shared answer with what it depends on. */
export interface SharedAnswer {
  readonly answer: Answer;
  readonly mentions: Mentions;
}

/** Values that files hold, with their types. */
export interface Data {
  readonly fields: Fields;
  readonly values: ReadonlyMap<string, unknown>;
}

export interface SharedWorld extends IdentityWorld {
  readonly environments: Environments;
}

/** One shared file; what is wrong with it is added to the diagnostics. */
export function compileShared(file: SharedFile, document: Document, world: SharedWorld): SharedPart {
  const { records, environments, diagnostics } = world;
  const before = diagnostics.length;
  if (isReserved(file.shared)) {
    const message = `"${file.shared}" is a name of the language, and expressions use the names of shared files`;
    diagnostics.push(problem(document.at(["shared"]), "reserved-name", message, "choose another name"));
  }
  const data = readData(file, document, world);
  const record = records.of(data.fields);
  const identities = compileIdentities(file.shared, file.identities, plainScope(document, world), world);
  const { scope, lets, mentions } = compileLets(file.let, {
    document,
    shape: { ...EMPTY_SHAPE, identities: typesOf(identities), data: recordOf(data, record) },
    names: {
      phase: "check",
      identities: fieldsOf(file.identities.keys(), identities),
      paths: new Map(),
      answers: new Map(),
      shared: new Map(),
      data: data.fields,
    },
    table: { shared: new Map(), verified: verifiedNames(identities) },
    environments,
    diagnostics,
  });
  const answers = Array.from(file.answers, ([name, written]): [string, SharedAnswer] => {
    const answer = compileAnswer(scope, ["answers", name], written);
    return [name, { answer: inside(answer, file.shared), mentions: scope.mentions(...textsOf(answer)) }];
  });
  return {
    name: file.shared,
    document,
    isWhole: diagnostics.slice(before).every(({ severity }) => severity !== "error"),
    identities,
    identityNames: [...file.identities.keys()],
    lets,
    type: typeOf(file.shared, lets, record.construct(data.values)),
    mentions,
    answers: new Map(answers),
    data,
  };
}

/** A scope over attributes, and over what stands under further names. */
export const plainScope = (
  document: Document,
  { environments, diagnostics }: Pick<SharedWorld, "environments" | "diagnostics">,
  answers: ReadonlyMap<string, ObjectType> = new Map(),
  phase: Phase = "check",
): Scope =>
  new Scope({
    document,
    names: {
      phase,
      identities: new Map(),
      lets: new Set(),
      unreadableLets: new Map(),
      paths: new Map(),
      answers: new Map(Array.from(answers, ([name, type]) => [name, type.fields])),
      shared: new Map(),
      data: {},
    },
    environment: environments.of({ ...EMPTY_SHAPE, phase, answers }),
    table: { lets: new Map(), shared: new Map(), answers: new Set(answers.keys()), verified: new Set() },
    diagnostics,
  });

export const typesOf = (identities: ReadonlyMap<string, Identity>): ReadonlyMap<string, ObjectType> =>
  new Map(Array.from(identities, ([name, { type }]) => [name, type]));

const recordOf = ({ values }: Data, record: RecordType): RecordType | undefined =>
  values.size === 0 ? undefined : record;

function readData(file: SharedFile, document: Document, { files }: SharedWorld): Data {
  const fields: Record<string, string> = {};
  const values = new Map<string, unknown>();
  for (const [name, path] of file.data) {
    const found = files.data(document, path);
    // What is wrong with the file has its own diagnostic; its name is then one of any type.
    fields[name] = found?.type ?? "dyn";
    values.set(name, found?.value);
  }
  return { fields, values };
}

function typeOf(name: string, lets: ReadonlyMap<string, Expression>, data: object): SharedType {
  const fields = Object.fromEntries(Array.from(lets, ([one, { type }]) => [one, type]));
  return { name: `Shared_${name}`, constructedBy: sharedClass(lets, data), fields };
}

/** The answer whose expressions are evaluated on the shared file's own names, which the context has under its name. */
function inside(answer: Answer, shared: string): Answer {
  const text = (one: Text): Text => ({
    reads: [],
    isLiteral: one.isLiteral,
    render: (context) => {
      const own: unknown = Reflect.get(context, shared);
      if (typeof own !== "object" || own === null)
        throw new Error(`the context has no shared file ${shared}`);
      return one.render(own);
    },
  });
  const texts = (named: readonly NamedText[]): readonly NamedText[] =>
    named.map(({ name, value }) => ({ name, value: text(value) }));
  return {
    status: answer.status,
    body: answer.body && text(answer.body),
    contentType: answer.contentType && text(answer.contentType),
    set: texts(answer.set),
    append: texts(answer.append),
    redirect: answer.redirect && text(answer.redirect),
    metadata: texts(answer.metadata),
  };
}
