import type { Expected, SentRequest } from "./corpus.ts";

/** A GET. */
export const get = (host: string, path: string, headers: SentRequest["headers"] = []): SentRequest => ({
  host,
  path,
  headers,
});

/** A GET of what a policy for everybody lets through, where nothing else says no. */
export const app = (path: string): SentRequest => get("app.example.com", path);

export const deny = (by: string, status = 403) => ({ verdict: "deny", by, status }) as const;
export const allow = (by: string): Expected => ({ verdict: "allow", by });
