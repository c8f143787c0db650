import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { Application } from "./application.ts";
import type { Credential } from "./backend.ts";

/** An application as reports name it. */
export interface Account {
  /** The id of its service. */
  readonly service: string;
  readonly credential: ApplicationName;
  readonly application: Application;
}

/** What names an application; a user key is a secret besides. */
export type ApplicationName = Pick<Credential, "name" | "value">;

const MAX_GONE = 10_000;

/** The applications that the back-end knows. A handler hands them on to the one after it: for a while both count. */
export class Applications {
  /** Tells what this process has counted from what another has left on disk. */
  readonly run = randomUUID();
  readonly #maxEntries: number;
  readonly #secret = randomBytes(32);
  /** In the order of use: those go first that were not asked for longest. */
  readonly #known = new Map<string, Application>();
  readonly #gone = new Set<string>();

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  /** The account of an application that the back-end has just said it knows. */
  accountOf(service: string, { name, value }: ApplicationName): Account {
    const key = this.#keyOf(service, { name, value });
    const application = this.#known.get(key) ?? new Application();
    this.#known.delete(key);
    this.#known.set(key, application);
    this.#gone.delete(key);
    const [oldest] = this.#known.keys();
    if (this.#known.size > this.#maxEntries && oldest !== undefined) this.#known.delete(oldest);
    return { service, credential: { name, value }, application };
  }

  find(service: string, name: ApplicationName): Application | undefined {
    return this.#known.get(this.#keyOf(service, name));
  }

  /** The back-end has said that there is no such application: a report of it would take others with it. */
  forget(service: string, name: ApplicationName): void {
    const key = this.#keyOf(service, name);
    if (!this.#known.delete(key)) return;
    this.#gone.add(key);
    const [oldest] = this.#gone;
    if (this.#gone.size > MAX_GONE && oldest !== undefined) this.#gone.delete(oldest);
  }

  isGone(service: string, name: ApplicationName): boolean {
    return this.#gone.size > 0 && this.#gone.has(this.#keyOf(service, name));
  }

  #keyOf(service: string, { name, value }: ApplicationName): string {
    return createHmac("sha256", this.#secret).update(`${service}\0${name}\0${value}`).digest("base64");
  }
}
