/** Whether a value is a promise of some kind: adapters may be anybody's, with promises of their own. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
