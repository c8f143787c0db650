import { detached } from "../std/remember.ts";

/** As many are remembered; with more, all are forgotten and it starts anew. */
const MOST = 20_000;

/** What has been made of parts that begin with the same ones. */
class Branch {
  labels: readonly string[] | undefined;
  /** The part that leads here. */
  readonly #part: string;
  readonly #byPart = new Map<string, Branch>();
  /** What came last mostly comes again, and to compare two texts is quicker than to look one up. */
  #last: Branch | undefined;

  constructor(part: string) {
    this.#part = part;
  }

  next(part: string): Branch | undefined {
    if (this.#last === undefined || this.#last.#part !== part) this.#last = this.#byPart.get(part);
    return this.#last;
  }

  add(part: string): Branch {
    const made = new Branch(detached(part));
    this.#byPart.set(made.#part, made);
    return made;
  }
}

/**
 * Label sets by what they are made of, so that they are made once, and equal ones are one array: who keeps them finds them by identity.
 * Parts are looked up one after the other, since to join them into one text takes longer, and no two lists of parts may be one text.
 */
export class LabelSets {
  #root = new Branch("");
  #size = 0;
  readonly #byValues = new Map<string, readonly string[]>();

  /** Lists of parts are equally long. `make` is pure: the same parts yield the same labels. */
  of(parts: readonly string[], make: () => readonly string[]): readonly string[] {
    let branch: Branch | undefined = this.#root;
    for (let index = 0; index < parts.length && branch !== undefined; index++) {
      branch = branch.next(parts[index] ?? "");
    }
    return branch?.labels ?? this.#remember(parts, make());
  }

  #remember(parts: readonly string[], made: readonly string[]): readonly string[] {
    if (++this.#size > MOST) {
      this.#root = new Branch("");
      this.#byValues.clear();
      this.#size = 1;
    }
    let branch = this.#root;
    for (const part of parts) branch = branch.next(part) ?? branch.add(part);
    const values = JSON.stringify(made);
    branch.labels = this.#byValues.get(values) ?? made;
    this.#byValues.set(values, branch.labels);
    return branch.labels;
  }
}
