import { changeOf, orderChange, withOrder, type Both, type Change, type File } from "./change.ts";
import { textOf } from "./fields.ts";
import { isList, isMapping } from "./tree.ts";
import { writtenOf } from "./written.ts";

/** What differs in a file of rate limits: what holds for all of it, and its descriptors one by one, wherever in the tree they stand. */
export function changesOfDomain(name: string, files: Both): readonly Change[] {
  const [old, now] = [treeOf(files.before), treeOf(files.after)];
  const descriptors = [...new Set([...old.nodes.keys(), ...now.nodes.keys()])].flatMap((path) =>
    changeOf(
      "descriptor",
      `${name}: ${path}`,
      { before: old.nodes.get(path), after: now.nodes.get(path) },
      [],
    ),
  );
  // The first wildcard that fits is taken.
  const order = Array.from(old.wildcards).flatMap(
    ([level, before]) => orderChange(orderKey(level), before, now.wildcards.get(level) ?? []) ?? [],
  );
  const [own] = changeOf("domain", name, files, []);
  return [...withOrder(own, { of: "domain", name }, order), ...descriptors];
}

const orderKey = (level: string): string =>
  level === "" ? "order of wildcards" : `order of wildcards below ${level}`;

/** The descriptors of a file by the path that leads to them, `plan=gold, user`, in their order. */
interface Tree {
  readonly nodes: ReadonlyMap<string, File>;
  /** By the path of the level; empty: the top. */
  readonly wildcards: ReadonlyMap<string, readonly string[]>;
}

function treeOf(file: File | undefined): Tree {
  const nodes = new Map<string, File>();
  const wildcards = new Map<string, string[]>();
  const add = (plain: File["plain"], above: string): void => {
    const list = plain.get("descriptors");
    for (const one of isList(list) ? list : []) {
      const key = isMapping(one) ? textOf(one.get("key")) : undefined;
      if (!isMapping(one) || key === undefined) continue;
      const value = textOf(one.get("value")) ?? "";
      const step = value === "" ? key : `${key}=${value}`;
      const path = above === "" ? step : `${above}, ${step}`;
      if (nodes.has(path)) continue;
      if (value.includes("*")) wildcards.set(above, [...(wildcards.get(above) ?? []), step]);
      const values = Array.from(one).filter(([name]) => !["key", "value", "descriptors"].includes(name));
      nodes.set(path, { plain: one, written: writtenOf(new Map(values)) });
      add(one, path);
    }
  };
  if (file !== undefined) add(file.plain, "");
  return { nodes, wildcards };
}
