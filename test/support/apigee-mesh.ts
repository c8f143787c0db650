import { blocksOf, readPage } from "../docs/blocks.ts";
import type { Apigee } from "./apigee.ts";
import { until } from "./until.ts";
import { startWeir, type Weir } from "./weir.ts";

/** The policy that the documentation shows, as it stands there. */
export function documentedPolicy(): string {
  const found = blocksOf(readPage("docs/adapters/apigee.md")).find(({ text }) =>
    /^policy: orders$/m.test(text),
  );
  if (found === undefined) throw new Error("docs/adapters/apigee.md shows no policy");
  return found.text;
}

/** The host of the documented policy, and the API that `PRODUCT` opens. */
export const API = "orders.example.com";

/** A product that opens the whole API, and counts so many requests a day where a test says so. */
export const productOf = (name: string, quota?: number): object => ({
  name,
  environments: ["prod"],
  attributes: [{ name: "apigee-remote-service-targets", value: API }],
  apiResources: ["/orders/**"],
  ...(quota === undefined ? {} : { quota: String(quota), quotaInterval: "1", quotaTimeUnit: "day" }),
});

export const claimsOf = (application: string, ...products: readonly string[]): object => ({
  api_product_list: products,
  application_name: application,
  developer_email: "ann@example.com",
});

/** A weir.yaml with one handler, `apigee`; `more` are further lines of its config. */
export const serverFor = ({ url }: Apigee, folder: string, more = ""): string => `
weir: 1
listen:
  grpc: { address: 127.0.0.1:0 }
  admin: { address: 127.0.0.1:0 }
  metrics: { address: 127.0.0.1:0 }
checkTimeout: 2s
outbound: { allowPrivate: [127.0.0.1] }
handlers:
  apigee:
    adapter: apigee
    config:
      url: ${url}/remote-service
      organization: acme
      environment: prod
      credentials: { key: { env: APIGEE_KEY }, secret: { env: APIGEE_SECRET } }
      folder: ${folder}
      quotas: { sync: 200ms }
${more}`;

export const ANALYTICS = (apigee: Apigee, more = ""): string =>
  `      analytics: { url: ${apigee.url}, upload: 1s${more} }\n`;

export const ENVIRONMENT = { APIGEE_KEY: "k", APIGEE_SECRET: "s" };

/** Starts one and waits until it knows its products. */
export async function startReady(
  folder: string,
  open: AsyncDisposableStack,
  within: readonly string[] = [],
): Promise<Weir> {
  const weir = open.adopt(await startWeir(folder, { environment: ENVIRONMENT, within }), (one) =>
    one.process.stop(),
  );
  await until(async () => (await weir.status()).handlers.some(({ state }) => state === "ready"), {
    what: "the handler to know its products",
    timeoutMs: 15_000,
  });
  return weir;
}
