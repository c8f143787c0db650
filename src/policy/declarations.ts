import { Connection } from "../attributes/connection.ts";
import { Decision, Log } from "../attributes/entry.ts";
import { EntryConnection, Upstream, Xds } from "../attributes/entry-connection.ts";
import { EntryRequest, Response } from "../attributes/entry-request.ts";
import { Client, Destination, Source, Workload } from "../attributes/peer.ts";
import { Proxy } from "../attributes/proxy.ts";
import { Request } from "../attributes/request.ts";
import { POLICY_ROOTS, rootOf, VOCABULARY, type Attribute, type Phase } from "../attributes/vocabulary.ts";
import type { Declarations, Engine, Environment, ObjectType, TypeName } from "../cel/expression.ts";
import { Auth, CarriedIdentities } from "./evidence.ts";
import type { Fields, RecordType } from "./records.ts";

type Classes = Readonly<Record<string, ObjectType["constructedBy"]>>;

/** The classes whose values stand for the roots of the vocabulary. */
const CLASSES: Classes = {
  request: Request,
  source: Source,
  destination: Destination,
  client: Client,
  connection: Connection,
  proxy: Proxy,
};

/** The same in phase `log`: expressions tell types by class, so a subclass is declared as itself. */
const LOG_CLASSES: Classes = {
  ...CLASSES,
  request: EntryRequest,
  connection: EntryConnection,
  response: Response,
  upstream: Upstream,
  xds: Xds,
  decision: Decision,
  log: Log,
};

/** Fields of an identity that a certificate proves. */
export const WORKLOAD_FIELDS: Fields = {
  id: "string",
  trust_domain: "string",
  namespace: "string",
  service_account: "string",
};

/** The type of an identity that a certificate proves. */
export const WORKLOAD: ObjectType = { name: "Workload", constructedBy: Workload, fields: WORKLOAD_FIELDS };

/** What distinguishes the environment of one policy from that of another. */
export interface Shape {
  readonly phase: Phase;
  /** The type of each identity. */
  readonly identities: ReadonlyMap<string, ObjectType>;
  /** The `let` names defined so far, with their types. */
  readonly lets: ReadonlyMap<string, TypeName>;
  /** The types of answers. */
  readonly answers: ReadonlyMap<string, ObjectType>;
  /** The types of shared files' names. */
  readonly shared: ReadonlyMap<string, ObjectType>;
  readonly data: RecordType | undefined;
}

/** What a file sees that has nothing of its own. */
export const EMPTY_SHAPE: Shape = {
  phase: "check",
  identities: new Map(),
  lets: new Map(),
  answers: new Map(),
  shared: new Map(),
  data: undefined,
};

/** Environments by shape: policies of equal shape share one, since each costs tens of kilobytes. */
export class Environments {
  readonly #engine: Engine;
  readonly #byShape = new Map<string, Environment>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  of(shape: Shape): Environment {
    const key = keyOf(shape);
    const known = this.#byShape.get(key);
    if (known !== undefined) return known;
    const made = this.#engine.environment(declare(shape));
    this.#byShape.set(key, made);
    return made;
  }
}

const keyOf = ({ phase, identities, lets, answers, shared, data }: Shape): string =>
  JSON.stringify([phase, namesOf(identities), [...lets], namesOf(answers), namesOf(shared), data?.name]);

const namesOf = (types: ReadonlyMap<string, ObjectType>): readonly string[][] =>
  Array.from(types, ([name, type]) => [name, type.name]).sort(([left = ""], [right = ""]) =>
    left < right ? -1 : 1,
  );

/** Whether an attribute can be read in a phase. */
export const isReadable = (attribute: Attribute, phase: Phase): boolean =>
  attribute.phases.includes(phase) && attribute.insteadRead === undefined;

function declare({ phase, identities, lets, answers, shared, data }: Shape): Declarations {
  const readable = VOCABULARY.filter((attribute) => isReadable(attribute, phase));
  const auth: ObjectType = {
    name: "Auth",
    constructedBy: phase === "log" ? CarriedIdentities : Auth,
    fields: typeNames(identities),
  };
  const variables: Record<string, TypeName> = {
    auth: auth.name,
    path: "map(string, string)",
    ...typeNames(answers),
    ...typeNames(shared),
    ...Object.fromEntries(lets),
  };
  const types: ObjectType[] = [auth, ...identities.values(), ...answers.values(), ...shared.values()];
  if (data !== undefined) {
    types.push(data);
    variables["data"] = data.name;
  }
  for (const { name, type } of readable) if (!name.includes(".")) variables[name] = type;
  for (const [root, constructedBy] of Object.entries(phase === "log" ? LOG_CLASSES : CLASSES)) {
    const fields = readable.filter(({ name }) => name.startsWith(`${root}.`));
    if (fields.length === 0) continue;
    const name = root.charAt(0).toUpperCase() + root.slice(1);
    variables[root] = name;
    types.push({
      name,
      constructedBy,
      fields: Object.fromEntries(fields.map((field) => [field.name.slice(root.length + 1), field.type])),
    });
  }
  return { types: [...new Map(types.map((type) => [type.name, type])).values()], variables };
}

const typeNames = (types: ReadonlyMap<string, ObjectType>): Record<string, TypeName> =>
  Object.fromEntries(Array.from(types, ([name, type]) => [name, type.name]));

/** The names that an expression may begin with, beside its policy's own. */
export const ROOTS: ReadonlySet<string> = new Set([
  ...VOCABULARY.map(({ name }) => rootOf(name)),
  ...Object.keys(POLICY_ROOTS),
]);

/** CEL's own words and namespaces, which no name of a file may hide, and what every value of JavaScript has. */
const RESERVED: ReadonlySet<string> = new Set(
  (
    "as base64 bool break bytes cel const constructor continue double dyn else false for function google if import in " +
    "int ip let list loop map math namespace null null_type optional package prototype return string strings true type " +
    "uint var void while"
  ).split(" "),
);

/** Whether a name that expressions use is the language's already. */
export const isReserved = (name: string): boolean => ROOTS.has(name) || RESERVED.has(name);
