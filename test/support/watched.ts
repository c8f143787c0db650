import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Found } from "../servers/ensure.ts";
import { createAuthority } from "./certificates.ts";
import { requestHttp1 } from "./http.ts";
import { startRedis, type RunningRedis } from "./redis.ts";
import { startShop, type Shop } from "./shop.ts";
import { removeFolder, serverFile, startWeir, type Weir, writeFolder } from "./weir.ts";

/** A mesh in which everything happens that dashboards and alerts can tell of. */
export interface Watched {
  readonly shop: Shop;
  readonly redis: RunningRedis;
  /** A weir of its own, with TLS and counters in memory, whose teams and certificates can be spoilt. */
  readonly other: OtherWeir;
}

export interface OtherWeir {
  readonly weir: Weir;
  /** Asks it over HTTP, as a proxy that may and as one that may not; nothing that it decides can be written down. */
  ask(): Promise<void>;
  /** Renews one certificate, and makes what comes next of another, and of the platform's files, no good. */
  spoil(): Promise<void>;
}

const fixtures = join(import.meta.dirname, "../fixtures");

export async function startWatched(
  programs: Readonly<Record<"envoy" | "redis", Found>>,
  open: AsyncDisposableStack,
): Promise<Watched> {
  const redis = open.adopt(await startRedis(programs.redis), (started) => started.stop());
  const folder = open.adopt(await writeFolder({}), removeFolder);
  // Ends so soon that it has to be told of.
  const until = new Date(Date.now() + 1_800_000).toISOString();
  const shop = await startShop(
    {
      envoy: programs.envoy,
      files: await filesOf("watched", { DECISIONS: join(folder, "decisions.jsonl"), UNTIL: until }),
      serve: {
        environment: {
          REDIS_URL: `redis://${redis.address.host}:${redis.address.port}`,
          WEIR_MAC: "a secret of at least thirty-two characters",
        },
        parameters: ["--candidate", join(fixtures, "watched-candidate")],
      },
      rateLimits: {
        domain: "shop",
        limits: [{ actions: [{ request_headers: { header_name: "x-user", descriptor_key: "user" } }] }],
      },
    },
    open,
  );
  return { shop, redis, other: await startOther(open) };
}

/** The files of a folder, with words in them replaced. */
async function filesOf(
  name: string,
  words: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  const paths = (await readdir(join(fixtures, name), { recursive: true })).filter((path) =>
    path.endsWith(".yaml"),
  );
  const texts = await Promise.all(paths.map((path) => readFile(join(fixtures, name, path), "utf8")));
  const replaced = (text: string): string =>
    Object.entries(words).reduce((whole, [word, by]) => whole.replace(word, by), text);
  return Object.fromEntries(paths.map((path, index) => [path, replaced(texts[index] ?? "")]));
}

const OTHER = `  http:
    address: 127.0.0.1:0
    tls: { cert: http.pem, key: http.key, clientCa: ca.pem }
    allow:
      - { san: "spiffe://cluster.local/ns/edge/*", services: [check] }
  admin:
    address: 127.0.0.1:0
    tls: { cert: admin.pem, key: admin.key, clientCa: ca.pem }
decisions:
  to: { file: /dev/full }
teams:
  search:
    folder: teams/search
    owns: { hosts: [search.example.com] }
`;

const ALL = `weir: 1
policy: all
match:
  hosts: [shop.example.com]
rules:
  - id: anyone
    allow: "true"
`;

async function startOther(open: AsyncDisposableStack): Promise<OtherWeir> {
  const authority = await createAuthority();
  const issue = (workload: string) =>
    authority.issue({ uris: [`spiffe://cluster.local/ns/${workload}`], ips: ["127.0.0.1"] });
  const [first, second] = [await issue("edge/sa/gateway"), await issue("shop/sa/orders")];
  const folder = open.adopt(
    await writeFolder({
      "weir.yaml": serverFile(undefined, OTHER),
      "all.yaml": ALL,
      // More than the team owns.
      "teams/search/search.yaml": ALL.replace("policy: all", "policy: search"),
      "ca.pem": authority.ca,
      ...{ "http.pem": first.certificate, "http.key": first.key },
      ...{ "admin.pem": first.certificate, "admin.key": first.key },
    }),
    removeFolder,
  );
  const weir = open.adopt(await startWeir(folder), (started) => started.process.stop());
  return {
    weir,
    async ask() {
      for (const { certificate, key } of [first, second]) {
        const tls = { ca: authority.ca, certificate, key };
        await requestHttp1({ port: weir.httpPort ?? 0, tls }, { authority: "shop.example.com" });
      }
    },
    async spoil() {
      const write = (path: string, text: string) => writeFile(join(folder, path), text);
      await write("http.key", second.key);
      await write("http.pem", second.certificate);
      await write("admin.pem", "no certificate");
      await write("all.yaml", ALL.replace("allow", "alow"));
    },
  };
}
