/**
 * What the admin listener answered. `token`: it wants another one. `away`: nobody answers. `refused`: it says why.
 *
 * @typedef {{ readonly kind: "found", readonly value: unknown }
 *   | { readonly kind: "refused", readonly status: number, readonly error: string, readonly value: unknown }
 *   | { readonly kind: "token", readonly error: string }
 *   | { readonly kind: "away" }} Answer
 */

/** @typedef {{ readonly text: string, readonly type: string }} Body */

/** The browser keeps it for this tab and forgets it with the tab. */
const KEY = "weir-admin-token";

export const token = {
  /** @returns {string | null} */
  get: () => sessionStorage.getItem(KEY),
  /** @param {string} value */
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

/** Longer than any page takes. */
const PATIENCE_MS = 10_000;

/**
 * Asks for one page of JSON; with a body, by POST. Rejects only where `signal` says that nobody wants the answer any more.
 *
 * @param {string} path counted from where the page itself stands
 * @param {{ readonly signal: AbortSignal, readonly body?: Body | undefined, readonly token?: string | null }} options
 * @returns {Promise<Answer>}
 */
export async function ask(path, { signal, body, token: tried = token.get() }) {
  const headers = {
    accept: "application/json",
    ...(tried === null ? {} : { authorization: `Bearer ${tried}` }),
    ...(body === undefined ? {} : { "content-type": body.type }),
  };
  try {
    const response = await fetch(path, {
      headers,
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
      ...(body === undefined ? {} : { method: "POST", body: body.text }),
    });
    const value = /** @type {unknown} */ (await response.json().catch(() => undefined));
    if (response.ok) return { kind: "found", value };
    const error = errorIn(value) ?? `status ${response.status}`;
    return response.status === 401
      ? { kind: "token", error }
      : { kind: "refused", status: response.status, error, value };
  } catch {
    signal.throwIfAborted();
    return { kind: "away" };
  }
}

/** @param {unknown} value */
function errorIn(value) {
  const isRecord = typeof value === "object" && value !== null && "error" in value;
  return isRecord && typeof value.error === "string" ? value.error : undefined;
}
