/** How often something has been in the current second, and whether that is as often as it may. */
export class PerSecond {
  readonly #most: number;
  #second = 0;
  #count = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** `atMs` is any clock's milliseconds, always the same clock's. */
  isFull(atMs: number): boolean {
    const second = Math.floor(atMs / 1_000);
    if (second !== this.#second) [this.#second, this.#count] = [second, 0];
    return this.#count >= this.#most;
  }

  /** Counts one more where there is room for it, and says whether there was. */
  takes(atMs: number): boolean {
    if (this.isFull(atMs)) return false;
    this.#count++;
    return true;
  }
}
