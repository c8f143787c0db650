import { LabelValues, UNKNOWN } from "./label-values.ts";

/** The row of a label set that was forgotten. */
export const GONE = -1;

/** One label set of a table, while it is kept. */
export interface LabelSet {
  /** Where its numbers are, or GONE. */
  row: number;
  /** `overflow`: it stands for all that had no place of their own. */
  readonly means: "itself" | "overflow";
}

const FIRST_ROWS = 64;
const NO_ROW = -1;

/** Label sets by their values: a hash table over the numbers of the values, so that no two sets are ever one. */
export class LabelSets {
  readonly names: readonly string[];
  readonly #columns: readonly LabelValues[];
  /** What stands before a value on a page: `name="`. */
  readonly #openings: readonly Uint8Array[];
  readonly #sets: (LabelSet | undefined)[] = [];
  readonly #free: number[] = [];
  /** Chains of rows by hash: the first row of each, then from row to row. */
  #heads = new Int32Array(FIRST_ROWS).fill(NO_ROW);
  #next = new Int32Array(FIRST_ROWS);
  #hashes = new Int32Array(FIRST_ROWS);
  /** The values' numbers, a row after the other. */
  #numbers: Int32Array;
  /** Of the set that is looked for. */
  readonly #wanted: Int32Array;
  /** Nobody can choose values whose hashes meet. */
  readonly #seed = Math.trunc(Math.random() * 2 ** 31);
  #size = 0;
  #overflows = 0;

  /** Values longer than `mostLength` characters are cut. */
  constructor(names: readonly string[], mostLength: number) {
    this.names = names;
    this.#columns = names.map(() => new LabelValues(mostLength));
    this.#openings = names.map((name) => Buffer.from(`${name}="`));
    this.#numbers = new Int32Array(FIRST_ROWS * names.length);
    this.#wanted = new Int32Array(names.length);
  }

  /** How many there are that stand for themselves. */
  get size(): number {
    return this.#size - this.#overflows;
  }

  get overflows(): number {
    return this.#overflows;
  }

  /** How many rows were ever in use at once. */
  get rows(): number {
    return this.#sets.length;
  }

  /** The rows that are in use. */
  liveRows(): Int32Array {
    const rows = new Int32Array(this.#size);
    let at = 0;
    for (let row = 0; row < this.#sets.length; row++) if (this.#sets[row] !== undefined) rows[at++] = row;
    return rows;
  }

  at(row: number): LabelSet | undefined {
    return this.#sets[row];
  }

  /** The set of these values, in the order of the names. */
  find(values: readonly string[]): LabelSet | undefined {
    for (let index = 0; index < this.#columns.length; index++) {
      const number = this.#columns[index]?.find(values[index] ?? "") ?? UNKNOWN;
      if (number === UNKNOWN) return undefined;
      this.#wanted[index] = number;
    }
    const hash = this.#hash();
    for (let row = this.#heads[hash & (this.#heads.length - 1)] ?? NO_ROW; row !== NO_ROW;) {
      if (this.#hashes[row] === hash && this.#isWanted(row)) return this.#sets[row];
      row = this.#next[row] ?? NO_ROW;
    }
    return undefined;
  }

  /** Adds a set that `find` does not find. */
  add(values: readonly string[], means: LabelSet["means"]): LabelSet {
    const row = this.#free.pop() ?? this.#sets.length;
    if (row === this.#hashes.length) this.#grow();
    const from = row * this.#columns.length;
    for (const [index, column] of this.#columns.entries()) {
      const number = column.use(values[index] ?? "");
      this.#wanted[index] = this.#numbers[from + index] = number;
    }
    this.#hashes[row] = this.#hash();
    this.#chain(row);
    const set: LabelSet = { row, means };
    this.#sets[row] = set;
    this.#size++;
    if (means === "overflow") this.#overflows++;
    return set;
  }

  /** Forgets a set; its row may become another's. */
  remove(set: LabelSet): void {
    const { row } = set;
    const bucket = (this.#hashes[row] ?? 0) & (this.#heads.length - 1);
    const following = this.#next[row] ?? NO_ROW;
    let before = this.#heads[bucket] ?? NO_ROW;
    if (before === row) this.#heads[bucket] = following;
    else {
      while (this.#next[before] !== row) before = this.#next[before] ?? NO_ROW;
      this.#next[before] = following;
    }
    for (const [index, column] of this.#columns.entries()) column.release(this.#number(row, index));
    this.#sets[row] = undefined;
    this.#free.push(row);
    this.#size--;
    if (set.means === "overflow") this.#overflows--;
    set.row = GONE;
  }

  /** Whether a set has these values for the last of its labels. */
  endsWith({ row }: LabelSet, values: readonly string[]): boolean {
    if (values.length === 0) return true;
    const from = this.#columns.length - values.length;
    return values.every((value, index) => {
      const column = this.#columns[from + index];
      return column?.value(this.#number(row, from + index)) === value;
    });
  }

  /** The label with most values, of those that have more than one. */
  widest(): { readonly label: string; readonly values: number } {
    let found = { label: "", values: 1 };
    for (const [index, { size }] of this.#columns.entries()) {
      if (size > found.values) found = { label: this.names[index] ?? "", values: size };
    }
    return found;
  }

  /** How many bytes `write` writes at most. */
  textLength(row: number): number {
    let length = 0;
    for (let index = 0; index < this.#columns.length; index++) {
      const value = this.#columns[index]?.text(this.#number(row, index)) ?? "";
      length += value.length + (this.#openings[index]?.length ?? 0) + 2;
    }
    return length;
  }

  /** Writes `a="1",b="2"` without what is empty; the answer is where it ends. There has to be room for `textLength`. */
  write(row: number, page: Buffer, at: number): number {
    let end = at;
    for (let index = 0; index < this.#columns.length; index++) {
      const value = this.#columns[index]?.text(this.#number(row, index)) ?? "";
      const opening = this.#openings[index];
      if (value === "" || opening === undefined) continue;
      if (end > at) page[end++] = COMMA;
      page.set(opening, end);
      end += opening.length;
      end += page.write(value, end, "latin1");
      page[end++] = QUOTE;
    }
    return end;
  }

  #number(row: number, index: number): number {
    return this.#numbers[row * this.#columns.length + index] ?? UNKNOWN;
  }

  #isWanted(row: number): boolean {
    const from = row * this.#wanted.length;
    for (let index = 0; index < this.#wanted.length; index++) {
      if (this.#numbers[from + index] !== this.#wanted[index]) return false;
    }
    return true;
  }

  #hash(): number {
    let hash = this.#seed;
    for (let index = 0; index < this.#wanted.length; index++) {
      hash = Math.imul(hash ^ (this.#wanted[index] ?? 0), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash;
  }

  #chain(row: number): void {
    const bucket = (this.#hashes[row] ?? 0) & (this.#heads.length - 1);
    this.#next[row] = this.#heads[bucket] ?? NO_ROW;
    this.#heads[bucket] = row;
  }

  #grow(): void {
    const rows = this.#hashes.length * 2;
    this.#hashes = enlarged(this.#hashes, rows);
    this.#next = new Int32Array(rows);
    this.#numbers = enlarged(this.#numbers, rows * this.#columns.length);
    this.#heads = new Int32Array(rows).fill(NO_ROW);
    for (let row = 0; row < this.#sets.length; row++) if (this.#sets[row] !== undefined) this.#chain(row);
  }
}

const QUOTE = 0x22;
const COMMA = 0x2c;

function enlarged(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(array);
  return larger;
}
