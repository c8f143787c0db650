import { z } from "zod";
import type { HandlerStatus } from "../../src/adapter/adapter.ts";
import type { Host } from "../../src/adapter/host.ts";
import type { Refreshed } from "../../src/adapter/refreshed.ts";
import type { ThreescaleConfig } from "./config.ts";
import { PROXY_CONFIG, serviceOf, type ProxyConfig, type Service } from "./services.ts";
import { fetchProxyConfigs } from "./system.ts";

const MAX_FILE_BYTES = 512 * 1_048_576;
/** How soon a refresh that failed is tried again, doubling. */
const RETRY_MS = 5_000;

const KEPT = z.object({
  system: z.string(),
  environment: z.string(),
  configs: z.array(PROXY_CONFIG.shape.proxy_config),
});

/** The services that are known, as the system API last described them; kept in a file, so that a start needs no system API. */
export class Catalogue {
  readonly #config: ThreescaleConfig;
  readonly #host: Host;
  readonly #refreshed: Refreshed;
  #services: ReadonlyMap<string, Service> = new Map();
  #byHost: ReadonlyMap<string, Service> = new Map();
  /** As they came, by service: what is unreadable later is used as it was. */
  #good: ReadonlyMap<string, ProxyConfig> = new Map();
  #confirmedAtMs: number | undefined;
  #faults: readonly string[] = [];

  constructor(config: ThreescaleConfig, host: Host, previous?: Catalogue) {
    this.#config = config;
    this.#host = host;
    const load = (signal: AbortSignal): Promise<void> => this.#load(signal);
    const { refreshMs } = config;
    this.#refreshed = host.refresh({
      what: "services of 3scale",
      everyMs: refreshMs,
      retryMs: RETRY_MS,
      load,
    });
    if (previous === undefined || !isSameSource(previous.#config, config)) return;
    this.#confirmedAtMs = previous.#confirmedAtMs;
    this.#use([...previous.#good.values()]);
  }

  /** One by its id or name; undefined where there is none. */
  named(name: string): Service | undefined {
    return this.#services.get(name);
  }

  /** The one of a host. */
  ofHost(host: string): Service | undefined {
    return this.#byHost.get(host.toLowerCase());
  }

  /** The one that there is, where there is one only. */
  only(): Service | undefined {
    const [first, ...others] = new Set(this.#services.values());
    return others.length === 0 ? first : undefined;
  }

  /** Why there are no services yet; undefined once there are. */
  get missing(): string | undefined {
    if (this.#services.size > 0 || this.#confirmedAtMs !== undefined) return undefined;
    return `the services were never loaded${this.#because()}`;
  }

  /** Takes what is kept on disk and begins to refresh it. */
  async start(): Promise<void> {
    if (this.#confirmedAtMs === undefined) await this.#recall();
    // The system API may be away.
    this.#refreshed.start();
  }

  status(): HandlerStatus {
    const { missing } = this;
    if (missing !== undefined)
      return { state: this.#refreshed.failure === undefined ? "starting" : "failing", detail: missing };
    const since =
      this.#confirmedAtMs === undefined ? "kept from before" : new Date(this.#confirmedAtMs).toISOString();
    const faults =
      this.#faults.length === 0 ? "" : `, ${this.#faults.length} with faults: ${this.#faults[0] ?? ""}`;
    const state = this.#refreshed.failure === undefined && this.#faults.length === 0 ? "ready" : "stale";
    return { state, detail: `${this.#good.size} services, current at ${since}${faults}${this.#because()}` };
  }

  close(): Promise<void> {
    return this.#refreshed.close();
  }

  #because(): string {
    const { failure } = this.#refreshed;
    return failure === undefined ? "" : `: ${failure}`;
  }

  async #load(signal: AbortSignal): Promise<void> {
    const configs = await fetchProxyConfigs(this.#config, this.#host, signal);
    const before = this.#good;
    this.#use(configs);
    this.#confirmedAtMs = this.#host.nowMs();
    if (isSame(before, this.#good)) return;
    this.#host.log.info({ services: this.#good.size }, "services of 3scale loaded");
    await this.#keep();
  }

  /** A service that cannot be read stays as it was; one that is not named any more goes. */
  #use(configs: readonly ProxyConfig[]): void {
    const { backend } = this.#config;
    const [services, byHost, good] = [
      new Map<string, Service>(),
      new Map<string, Service>(),
      new Map<string, ProxyConfig>(),
    ];
    const faults: string[] = [];
    for (const config of configs) {
      const id = idOf(config);
      try {
        const service = this.#sameVersion(id, config) ?? serviceOf(config, backend);
        good.set(id, config);
        add(service, services, byHost);
        for (const pattern of service.rules.unusable)
          faults.push(
            `service ${id}: the pattern ${pattern} is no regular expression of RE2 and never matches`,
          );
      } catch (error) {
        faults.push(`service ${id}: ${error instanceof Error ? error.message : String(error)}`);
        const [kept, service] = [this.#good.get(id), this.#services.get(id)];
        if (kept === undefined || service === undefined) continue;
        good.set(id, kept);
        add(service, services, byHost);
      }
    }
    for (const reason of faults) {
      if (!this.#faults.includes(reason)) this.#host.log.warn({ reason }, "a service of 3scale is at fault");
    }
    [this.#services, this.#byHost, this.#good, this.#faults] = [services, byHost, good, faults];
  }

  /** What need not be compiled again. */
  #sameVersion(id: string, config: ProxyConfig): Service | undefined {
    const known = this.#good.get(id);
    return known !== undefined && JSON.stringify(known) === JSON.stringify(config)
      ? this.#services.get(id)
      : undefined;
  }

  get #file(): string {
    return `${this.#config.folder}/services.json`;
  }

  async #recall(): Promise<void> {
    const { system, environment, services } = this.#config;
    try {
      const content = await this.#host.readFile(this.#file, MAX_FILE_BYTES);
      const kept = KEPT.parse(JSON.parse(content.toString("utf8")));
      if (kept.system !== system || kept.environment !== environment) return;
      this.#use(kept.configs.filter((one) => services?.includes(idOf(one)) ?? true));
    } catch {
      // At the first start there is none, and one that cannot be read is written anew.
    }
  }

  async #keep(): Promise<void> {
    const { system, environment } = this.#config;
    const content = JSON.stringify({ system, environment, configs: [...this.#good.values()] });
    try {
      await this.#host.writeFile(this.#file, content);
    } catch (error) {
      this.#host.log.warn(
        { reason: String(error) },
        "services of 3scale could not be kept for the next start",
      );
    }
  }
}

/** Of two services with one host, the first has it. */
function add(service: Service, services: Map<string, Service>, byHost: Map<string, Service>): void {
  services.set(service.id, service);
  if (!services.has(service.name)) services.set(service.name, service);
  for (const host of service.hosts) if (!byHost.has(host)) byHost.set(host, service);
}

const idOf = ({ content }: ProxyConfig): string => {
  const { success, data } = z.object({ id: z.union([z.string(), z.number()]) }).safeParse(content);
  return success ? String(data.id) : "without an id";
};

const isSame = (left: ReadonlyMap<string, ProxyConfig>, right: ReadonlyMap<string, ProxyConfig>): boolean =>
  JSON.stringify([...left]) === JSON.stringify([...right]);

const isSameSource = (left: ThreescaleConfig, right: ThreescaleConfig): boolean =>
  left.system === right.system &&
  left.environment === right.environment &&
  left.backend === right.backend &&
  JSON.stringify(left.services) === JSON.stringify(right.services);
