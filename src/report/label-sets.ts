/** As many are remembered; with more, all are forgotten and it starts anew. */
const MOST = 20_000;

/**
 * Label sets by what they are made of, so that they are made once, and equal ones are one array: who keeps them finds them by identity.
 */
export class LabelSets {
  readonly #byParts = new Map<string, readonly string[]>();
  readonly #byValues = new Map<string, readonly string[]>();

  /** `make` is pure: the same parts yield the same labels. */
  of(parts: readonly string[], make: () => readonly string[]): readonly string[] {
    const key = keyOf(parts);
    return this.#byParts.get(key) ?? this.#remember(key, make());
  }

  #remember(key: string, made: readonly string[]): readonly string[] {
    if (this.#byParts.size >= MOST) {
      this.#byParts.clear();
      this.#byValues.clear();
    }
    const valuesKey = keyOf(made);
    const labels = this.#byValues.get(valuesKey) ?? made;
    this.#byValues.set(valuesKey, labels);
    this.#byParts.set(key, labels);
    return labels;
  }
}

/** The lengths stand in front, so that no text can be taken for two. */
export function keyOf(parts: readonly string[]): string {
  let lengths = "";
  let texts = "";
  for (const part of parts) {
    lengths += `${part.length},`;
    texts += part;
  }
  return lengths + texts;
}
