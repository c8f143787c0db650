import type { Host } from "../../src/adapter/host.ts";
import { z } from "zod";
import type { ThreescaleConfig } from "./config.ts";
import { PROXY_CONFIG, type ProxyConfig } from "./services.ts";

/** What the system API lists on a page, at most. Source: 3scale/porta, proxy configs. */
const PER_PAGE = 500;
const MAX_PAGES = 100;
const MAX_PAGE_BYTES = 64 * 1_048_576;
const TIMEOUT_MS = 30_000;

const PAGE = z.object({ proxy_configs: z.array(PROXY_CONFIG) });

/** The newest proxy configurations of the services. Rejects with a sentence, without any secret, where one of them cannot be had. */
export async function fetchProxyConfigs(
  config: ThreescaleConfig,
  host: Host,
  signal: AbortSignal,
): Promise<readonly ProxyConfig[]> {
  const token = await host.secret(config.accessToken);
  const get = async (path: string): Promise<unknown> => {
    const answer = await host.fetch({
      url: config.system + path,
      headers: {
        accept: "application/json",
        authorization: `Basic ${Buffer.from(`:${token}`).toString("base64")}`,
      },
      maxBytes: MAX_PAGE_BYTES,
      timeoutMs: TIMEOUT_MS,
      signal,
    });
    if (answer.status !== 200)
      throw new Error(`${config.system} answers ${answer.status}${HINTS[answer.status] ?? ""}`);
    return parsed(answer.body);
  };
  // The API's own name of what its pages call staging.
  const environment = config.environment === "staging" ? "sandbox" : "production";
  return config.services === undefined
    ? listed(get, environment)
    : Promise.all(config.services.map((id) => latest(get, id, environment)));
}

type Get = (path: string) => Promise<unknown>;

const HINTS: Readonly<Record<number, string | undefined>> = {
  401: ": is the access token right?",
  403: ": may the access token read the Account Management API?",
  404: ": is the URL that of the admin portal, and was every service promoted?",
};

/** Asks page by page, until one is not full. */
async function listed(get: Get, environment: string): Promise<readonly ProxyConfig[]> {
  const found: ProxyConfig[] = [];
  for (let page = 1; page <= MAX_PAGES; page++) {
    const query = `version=latest&page=${page}&per_page=${PER_PAGE}`;
    const answer = PAGE.safeParse(await get(`/admin/api/account/proxy_configs/${environment}.json?${query}`));
    if (!answer.success)
      throw new Error("the system API answers with something else than proxy configurations");
    found.push(...answer.data.proxy_configs.map((one) => one.proxy_config));
    if (answer.data.proxy_configs.length < PER_PAGE) return found;
  }
  throw new Error(`the account has more than ${MAX_PAGES * PER_PAGE} services: name those that are wanted`);
}

async function latest(get: Get, id: string, environment: string): Promise<ProxyConfig> {
  const answer = PROXY_CONFIG.safeParse(
    await get(`/admin/api/services/${id}/proxy/configs/${environment}/latest.json`),
  );
  if (!answer.success) throw new Error(`the system API answers with something else than service ${id}`);
  return answer.data.proxy_config;
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new Error("the system API answers with something else than JSON");
  }
}
