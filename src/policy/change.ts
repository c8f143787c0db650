import { isMapping, Literal, type Plain } from "./tree.ts";
import { fieldChanges, type FieldChange, type Written } from "./written.ts";

/** One thing of the files that is other than it was, and that can change a verdict. */
export interface Change {
  /** `to-shadow` and `to-enforcement`: it was, or is, evaluated and not enforced; other fields may have changed with it. */
  readonly kind: "added" | "removed" | "changed" | "to-shadow" | "to-enforcement";
  readonly of: "policy" | "rule" | "quota" | "shared" | "server" | "override" | "domain" | "descriptor";
  /** `orders`, `orders/owner`, `orders/per-user`, `platform`, `weir.yaml`, `edge`, `edge: plan=gold, user`. */
  readonly name: string;
  readonly fields: readonly FieldChange[];
  /** The policies that use it, on either side; of a shared file only. */
  readonly usedBy: readonly string[];
}

/** A file, or a part of one, on both sides; undefined where there is none. */
export interface Both {
  readonly before: File | undefined;
  readonly after: File | undefined;
}

export interface File {
  readonly plain: ReadonlyMap<string, Plain>;
  /** Its values, with what the files hold that it names; without the parts that are looked at one by one. */
  readonly written: Written;
}

/** What became of one thing: one change, or none. */
export function changeOf(
  of: Change["of"],
  name: string,
  { before, after }: Both,
  usedBy: readonly string[],
): readonly Change[] {
  const fields = fieldChanges(before?.written ?? new Map(), after?.written ?? new Map());
  if (before === undefined || after === undefined)
    return [{ kind: before === undefined ? "added" : "removed", of, name, fields, usedBy }];
  const shift = shiftOf(before.plain, after.plain);
  return fields.length === 0 ? [] : [{ kind: shift ?? "changed", of, name, fields, usedBy }];
}

/** Whether a mode moves something out of, or into, what is enforced. */
function shiftOf(before: File["plain"], after: File["plain"]): "to-shadow" | "to-enforcement" | undefined {
  if (isShadow(before) === isShadow(after)) return undefined;
  return isShadow(after) ? "to-shadow" : "to-enforcement";
}

/** Rules and policies say `mode`, descriptors `shadow_mode`. */
function isShadow(plain: File["plain"]): boolean {
  const [mode, flag] = [plain.get("mode"), plain.get("shadow_mode")];
  if (flag instanceof Literal && flag.value === true) return true;
  if (!isMapping(mode)) return mode === "shadow";
  const share = mode.get("enforce");
  return (share instanceof Literal ? share.text : share) === "0%";
}

/** Whether what both sides have stands in another order; told under `key`. */
export function orderChange(
  key: string,
  before: readonly string[],
  after: readonly string[],
): FieldChange | undefined {
  const old = before.filter((id) => after.includes(id));
  const now = after.filter((id) => before.includes(id));
  const isSame = old.every((id, index) => id === now[index]);
  return isSame ? undefined : { key, before: old.join(", "), after: now.join(", ") };
}

/** The change of one thing with changes of order added to it: one of its own where nothing else of it has changed. */
export function withOrder(
  change: Change | undefined,
  { of, name }: Pick<Change, "of" | "name">,
  order: readonly FieldChange[],
): readonly Change[] {
  if (order.length === 0) return change === undefined ? [] : [change];
  const known: Change = change ?? { kind: "changed", of, name, fields: [], usedBy: [] };
  return [{ ...known, fields: [...known.fields, ...order] }];
}
