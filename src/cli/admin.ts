import { readFile } from "node:fs/promises";
import type { Command, Invocation } from "./command.ts";

/** The options of commands that ask a running weir. */
export const ADMIN_OPTIONS = {
  admin: { type: "string", default: "http://127.0.0.1:9193" },
  "token-file": { type: "string" },
} as const satisfies Command["options"];

/** What stands in the help of such commands. */
export const ADMIN_HELP = `  --admin URL         the admin listener; default http://127.0.0.1:9193
  --token-file FILE   the file of the admin token`;

export type AdminAnswer =
  { readonly kind: "found"; readonly value: unknown } | { readonly kind: "failed"; readonly why: string };

/** Longer than any page takes. */
const PATIENCE_MS = 10_000;

/** What is sent to the admin listener. */
export interface AdminBody {
  /** Its media type. */
  readonly type: string;
  readonly text: string | Uint8Array<ArrayBuffer>;
}

/** Asks the admin listener for one page of JSON; with a body, by POST. Never rejects. */
export async function askAdmin(
  values: Invocation["values"],
  path: string,
  body?: AdminBody,
): Promise<AdminAnswer> {
  const { admin, "token-file": tokenFile } = values;
  const base = URL.parse(String(admin));
  if (base === null) return failed(`--admin takes a URL, not ${String(admin)}`);
  const token = typeof tokenFile === "string" ? await readFile(tokenFile, "utf8").catch(() => undefined) : "";
  if (token === undefined) return failed(`cannot read ${String(tokenFile)}`);
  const headers = token === "" ? {} : { authorization: `Bearer ${token.trim()}` };
  const request =
    body === undefined
      ? { headers }
      : { headers: { ...headers, "content-type": body.type }, method: "POST", body: body.text };
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(new URL(path, base), { ...request, signal });
    const value: unknown = await response.json();
    return response.ok ? { kind: "found", value } : failed(reasonIn(value) ?? `status ${response.status}`);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return failed(
      `${base.origin} does not answer (${cause instanceof Error ? cause.message : String(cause)}); is \`listen.admin\` in weir.yaml?`,
    );
  }
}

const failed = (why: string): AdminAnswer => ({ kind: "failed", why });

function reasonIn(value: unknown): string | undefined {
  const reason: unknown =
    typeof value === "object" && value !== null && "error" in value ? value.error : undefined;
  return typeof reason === "string" ? reason : undefined;
}
