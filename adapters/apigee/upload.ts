import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Call } from "../../src/adapter/adapter.ts";
import type { FetchAnswer, Host } from "../../src/adapter/host.ts";
import { uuidOf } from "./analytics-record.ts";
import type { Analytics, ApigeeConfig } from "./config.ts";
import { GoogleAuthorization } from "./google.ts";
import { messageOf, readJson, type RemoteService } from "./service.ts";

export type Uploaded =
  | { readonly kind: "uploaded" }
  | { readonly kind: "retry"; readonly reason: string }
  /** It will never be taken. */
  | { readonly kind: "refused"; readonly reason: string };

const MAX_ANSWER_BYTES = 65_536;
const compress = promisify(gzip);

interface UploaderOptions {
  readonly config: ApigeeConfig;
  readonly host: Host;
  readonly service: RemoteService;
}

/** Uploads files of analytics to where the API says. Source: apigee-remote-service-golib, saas_uploader.go. */
export class Uploader {
  readonly #analytics: Analytics;
  readonly #options: UploaderOptions;
  readonly #google: GoogleAuthorization | undefined;

  constructor(analytics: Analytics, options: UploaderOptions) {
    this.#analytics = analytics;
    this.#options = options;
    const { serviceAccount } = analytics;
    this.#google = serviceAccount && new GoogleAuthorization(serviceAccount, options.host);
  }

  /** Rejects with a sentence where the service account's key cannot be read. */
  async start(): Promise<void> {
    await this.#google?.start();
  }

  /**
   * Uploads records of one environment as one file. Its name follows from what is in it, so that what is uploaded again stands in the
   * place of what has arrived. Never rejects.
   */
  async upload(environment: string, records: readonly Buffer[], call: Call): Promise<Uploaded> {
    try {
      const lines = Buffer.concat(records.flatMap((record) => [record, NEWLINE]));
      const signed = await this.#signedUrl(environment, { lines, startMs: startOf(records[0]) }, call);
      if (typeof signed !== "string") return signed;
      const answer = await this.#options.host.fetch({
        url: signed,
        method: "PUT",
        headers: this.#google === undefined ? EDGE_HEADERS : {},
        body: await compress(lines),
        ...this.#bounds(call),
      });
      return outcomeOf(answer);
    } catch (error) {
      return { kind: "retry", reason: messageOf(error) };
    }
  }

  async #signedUrl(environment: string, file: File, call: Call): Promise<string | Uploaded> {
    const authorization = await (this.#google?.header(call) ?? this.#options.service.authorization());
    const answer = await this.#options.host.fetch({
      url: this.#google === undefined ? this.#edgeUrl(environment, file) : this.#googleUrl(environment, file),
      headers: { authorization, accept: "application/json" },
      ...this.#bounds(call),
    });
    if (answer.status !== 200) {
      if (answer.status === 401) this.#google?.renew();
      return { kind: "retry", reason: `no URL to upload to: the API answers ${answer.status}` };
    }
    const said = readJson(answer.body);
    const url = typeof said === "object" && said !== null && "url" in said ? said.url : undefined;
    return typeof url === "string"
      ? url
      : { kind: "retry", reason: "no URL to upload to: the API answers without one" };
  }

  #googleUrl(environment: string, { lines, startMs }: File): string {
    const { organization } = this.#options.config;
    const name = `${Math.floor(startMs / 1_000)}.api.${organization}.${environment}.${uuidOf(lines)}.gz`;
    const query = new URLSearchParams({ repo: "edge", dataset: "api", relative_file_path: name });
    const place = `organizations/${organization}/environments/${encodeURIComponent(environment)}`;
    return `${this.#analytics.url}/v1/${place}/datalocation?${query.toString()}`;
  }

  #edgeUrl(environment: string, { lines, startMs }: File): string {
    const { organization } = this.#options.config;
    const [date = "", time = ""] = new Date(startMs).toISOString().split("T");
    const folder = `date=${date}/time=${time.slice(0, 5).replace(":", "-")}-00`;
    const query = new URLSearchParams({
      tenant: `${organization}~${environment}`,
      relative_file_path: `${folder}/${Math.floor(startMs / 1_000)}-${uuidOf(lines)}.gz`,
      file_content_type: "application/x-gzip",
      encrypt: "true",
    });
    const place = `organization/${organization}/environment/${encodeURIComponent(environment)}`;
    return `${this.#analytics.url}/analytics/${place}?${query.toString()}`;
  }

  #bounds({ signal, deadlineAtMs }: Call): { maxBytes: number; timeoutMs: number; signal: AbortSignal } {
    const timeoutMs = Math.max(1, deadlineAtMs - this.#options.host.nowMs());
    return { maxBytes: MAX_ANSWER_BYTES, timeoutMs, signal };
  }
}

interface File {
  readonly lines: Buffer;
  /** Epoch milliseconds of the first record. */
  readonly startMs: number;
}

const NEWLINE = Buffer.from("\n");
const EDGE_HEADERS = { "content-type": "application/x-gzip", "x-amz-server-side-encryption": "AES256" };

function startOf(record: Buffer | undefined): number {
  const read = record && readJson(record);
  const start = typeof read === "object" && read !== null && "client_received_start_timestamp" in read;
  return start && typeof read.client_received_start_timestamp === "number"
    ? read.client_received_start_timestamp
    : 0;
}

/** A URL that has expired is answered 400 or 403: the next one is new. */
function outcomeOf({ status }: FetchAnswer): Uploaded {
  if (status >= 200 && status < 300) return { kind: "uploaded" };
  const reason = `the upload is answered ${status}`;
  return status === 413 ? { kind: "refused", reason } : { kind: "retry", reason };
}
