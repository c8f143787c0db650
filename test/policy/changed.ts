import assert from "node:assert/strict";
import { changesOf, type State } from "../../src/policy/changes.ts";
import { loadFiles } from "../../src/policy/load.ts";

/** Files by path; those that begin with `weir: 1` or `domain:` are configuration, the others are named by them. */
export type Files = Readonly<Record<string, string>>;

export function stateOf(files: Files, handlerFiles: State["handlerFiles"] = new Map()): State {
  const sources = Object.entries(files).map(([path, text]) => ({ path, text }));
  const isOurs = ({ text }: { readonly text: string }): boolean => /^(?:weir: 1$|domain:)/m.test(text);
  const loaded = loadFiles(
    sources.filter(isOurs),
    sources.filter((one) => !isOurs(one)),
  );
  return { loaded, handlerFiles };
}

/** Changes as lines: what, then `-` and `+` with what was and is. */
export function linesOf(before: State, after: State): readonly string[] {
  return changesOf(before, after).flatMap(({ kind, of, name, fields, usedBy }) => [
    `${kind} ${of} ${name}${usedBy.length === 0 ? "" : ` (${usedBy.join(", ")})`}`,
    ...fields.flatMap(({ key, before: old, after: now }) => [
      ...(old === undefined ? [] : [`- ${key}: ${old}`]),
      ...(now === undefined ? [] : [`+ ${key}: ${now}`]),
    ]),
  ]);
}

/** A text with parts of it replaced, each of which must be there. */
export const replaced = (text: string, pairs: readonly (readonly [old: string, now: string])[]): string =>
  pairs.reduce((found, [old, now]) => {
    assert.ok(found.includes(old), old);
    return found.replace(old, now);
  }, text);
