import { detached } from "../std/remember.ts";

/** As many are remembered; with more, all are forgotten and it starts anew. */
const MOST = 20_000;

/** What has been made of parts that begin with the same ones. */
interface Branch {
  next: Map<string, Branch> | undefined;
  labels: readonly string[] | undefined;
}

/**
 * Label sets by what they are made of, so that they are made once, and equal ones are one array: who keeps them finds them by identity.
 * Parts are looked up one after the other, since to join them into one text takes longer, and no two lists of parts may be one text.
 */
export class LabelSets {
  #root: Branch = { next: undefined, labels: undefined };
  #size = 0;
  readonly #byValues = new Map<string, readonly string[]>();

  /** Lists of parts are equally long. `make` is pure: the same parts yield the same labels. */
  of(parts: readonly string[], make: () => readonly string[]): readonly string[] {
    let branch: Branch | undefined = this.#root;
    for (let index = 0; index < parts.length && branch !== undefined; index++) {
      branch = branch.next?.get(parts[index] ?? "");
    }
    return branch?.labels ?? this.#remember(parts, make());
  }

  #remember(parts: readonly string[], made: readonly string[]): readonly string[] {
    if (++this.#size > MOST) {
      this.#root = { next: undefined, labels: undefined };
      this.#byValues.clear();
      this.#size = 1;
    }
    let branch = this.#root;
    for (const part of parts) branch = branchOf(branch, part);
    const values = JSON.stringify(made);
    branch.labels = this.#byValues.get(values) ?? made;
    this.#byValues.set(values, branch.labels);
    return branch.labels;
  }
}

function branchOf(branch: Branch, part: string): Branch {
  branch.next ??= new Map();
  const known = branch.next.get(part);
  if (known !== undefined) return known;
  const made: Branch = { next: undefined, labels: undefined };
  branch.next.set(detached(part), made);
  return made;
}
