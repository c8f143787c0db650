import type { Phase } from "../attributes/vocabulary.ts";
import type { ObjectType } from "../cel/expression.ts";
import type { WrittenHandlers } from "./compile-handlers.ts";
import type { Data, SharedPart } from "./compile-shared.ts";
import { isReserved, ROOTS } from "./declarations.ts";
import { didYouMean, problem, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import type { Identity } from "./identity.ts";
import type { PolicyFile } from "./policy-file.ts";
import type { Fields } from "./records.ts";

/** The shared files that a policy uses, in its order; one that is not there is reported. */
export function sharedBy(
  file: PolicyFile,
  document: Document,
  shared: ReadonlyMap<string, SharedPart>,
  diagnostics: Diagnostic[],
): readonly SharedPart[] {
  return file.use.flatMap((name, index) => {
    const part = shared.get(name);
    const place = document.at(["use", index]);
    if (part === undefined) {
      const hint = didYouMean(name, shared.keys());
      diagnostics.push(problem(place, "unknown-name", `there is no shared file "${name}"`, hint));
      return [];
    }
    if (file.use.indexOf(name) === index) return [part];
    diagnostics.push(problem(place, "duplicate-name", `${name} is used already`, "remove one of the two"));
    return [];
  });
}

/** The identities of a policy and of what it uses. A name that two have is reported; the policy's own is kept. */
export function identitiesOf(
  own: ReadonlyMap<string, Identity>,
  used: readonly SharedPart[],
  document: Document,
  diagnostics: Diagnostic[],
): ReadonlyMap<string, Identity> {
  const all = new Map(own);
  for (const { name: shared, identities } of used) {
    for (const [name, identity] of identities) {
      const other = all.get(name);
      if (other === undefined) all.set(name, identity);
      else {
        const message = `the identity ${name} is also declared in the shared file ${shared}`;
        const place = document.keyAt(own.has(name) ? ["identities", name] : ["use"]);
        diagnostics.push(problem(place, "duplicate-name", message, "rename one of the two"));
      }
    }
  }
  return all;
}

/** The fields of identities by name; undefined where the identity has a fault of its own, so that nobody complains again. */
export const fieldsOf = (
  written: Iterable<string>,
  identities: ReadonlyMap<string, Identity>,
): ReadonlyMap<string, Fields | undefined> =>
  new Map([
    ...Array.from(written, (name): [string, undefined] => [name, undefined]),
    ...Array.from(identities, ([name, { type }]): [string, Fields] => [name, type.fields]),
  ]);

/** The data of everything that a policy uses. */
export function dataOf(used: readonly SharedPart[], document: Document, diagnostics: Diagnostic[]): Data {
  const fields: Record<string, string> = {};
  const values = new Map<string, unknown>();
  for (const { name: shared, data } of used) {
    for (const [name, value] of data.values) {
      if (values.has(name)) {
        const message = `two of the shared files have data called ${name}; one is ${shared}`;
        diagnostics.push(
          problem(document.keyAt(["use"]), "duplicate-name", message, "rename one of the two"),
        );
      }
      values.set(name, value);
      fields[name] = data.fields[name] ?? "dyn";
    }
  }
  return { fields, values };
}

/** The names of answers, with the types that the adapters declare; undefined where the handler is not there. */
export function answersOf(
  file: PolicyFile,
  document: Document,
  handlers: WrittenHandlers,
  diagnostics: Diagnostic[],
): ReadonlyMap<string, ObjectType | undefined> {
  const answers = new Map<string, ObjectType | undefined>();
  for (const rule of file.rules) {
    if (rule.kind !== "ask" || rule.as === undefined) continue;
    const isTaken = ROOTS.has(rule.as) || file.use.includes(rule.as);
    if (!isTaken) answers.set(rule.as, isReserved(rule.as) ? undefined : handlers.get(rule.handler)?.outputs);
    if (!isTaken && !isReserved(rule.as)) continue;
    const message = `"${rule.as}" is a name that expressions have already`;
    const place = document.at(["rules", rule.index, "as"]);
    diagnostics.push(problem(place, "reserved-name", message, "choose another name"));
  }
  return answers;
}

/** The identities that handlers verify. */
export const verifiedNames = (identities: ReadonlyMap<string, Identity>): ReadonlySet<string> =>
  new Set([...identities].flatMap(([name, { proof }]) => (proof.kind === "verify" ? [name] : [])));

/** The identities that can be had in a phase: a connection has no headers. */
export const isKnownIn = ({ proof }: Identity, phase: Phase): boolean =>
  phase !== "connection" || proof.kind === "mtls";
