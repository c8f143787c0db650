import { SignJWT } from "jose";
import { z } from "zod";
import type { Call } from "../../src/adapter/adapter.ts";
import type { Host, SecretSource } from "../../src/adapter/host.ts";
import { rsaKey } from "./credentials.ts";
import { readJson } from "./service.ts";

const KEY_FILE = z.object({
  client_email: z.string(),
  private_key: z.string(),
  private_key_id: z.string().optional(),
  token_uri: z.string().default("https://oauth2.googleapis.com/token"),
});

const ANSWER = z.object({ access_token: z.string(), expires_in: z.number().default(0) });

const SCOPE = "https://www.googleapis.com/auth/cloud-platform";
const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const LIFE_S = 3_600;
/** So long before its end a token is no longer used. */
const EARLY_MS = 5 * 60_000;

/** Access tokens of a Google service account. Source: Google Identity, "Using OAuth 2.0 for server to server applications"; RFC 7523. */
export class GoogleAuthorization {
  readonly #source: SecretSource;
  readonly #host: Host;
  #token: { readonly value: string; readonly endsAtMs: number } | undefined;

  constructor(source: SecretSource, host: Host) {
    this.#source = source;
    this.#host = host;
  }

  /** Rejects with a sentence where the key file cannot be read. */
  async start(): Promise<void> {
    await this.#keyFile();
  }

  renew(): void {
    this.#token = undefined;
  }

  async header(call: Call): Promise<string> {
    const nowMs = this.#host.nowMs();
    const leftMs = (this.#token?.endsAtMs ?? 0) - nowMs;
    // A clock that was set back leaves more than a token ever has.
    if (this.#token === undefined || leftMs <= EARLY_MS || leftMs > LIFE_S * 1_000)
      this.#token = await this.#fetch(call);
    return `Bearer ${this.#token.value}`;
  }

  async #fetch({ signal, deadlineAtMs }: Call): Promise<{ value: string; endsAtMs: number }> {
    const { client_email, private_key, private_key_id, token_uri } = await this.#keyFile();
    const nowMs = this.#host.nowMs();
    const issued = Math.floor(nowMs / 1_000);
    const assertion = await new SignJWT({ scope: SCOPE })
      .setProtectedHeader({ alg: "RS256", ...(private_key_id === undefined ? {} : { kid: private_key_id }) })
      .setIssuer(client_email)
      .setAudience(token_uri)
      .setIssuedAt(issued)
      .setExpirationTime(issued + LIFE_S)
      .sign(await rsaKey(private_key));
    const answer = await this.#host.fetch({
      url: token_uri,
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ grant_type: GRANT, assertion }).toString(),
      maxBytes: 65_536,
      timeoutMs: Math.max(1, deadlineAtMs - nowMs),
      signal,
    });
    const read = ANSWER.safeParse(readJson(answer.body));
    if (answer.status !== 200 || !read.success)
      throw new Error(`no access token for analytics: Google answers ${answer.status}`);
    return { value: read.data.access_token, endsAtMs: nowMs + read.data.expires_in * 1_000 };
  }

  async #keyFile(): Promise<z.infer<typeof KEY_FILE>> {
    const read = KEY_FILE.safeParse(readJson(Buffer.from(await this.#host.secret(this.#source))));
    if (!read.success)
      throw new Error("serviceAccount is no key file of a Google service account, which is JSON");
    return read.data;
  }
}
