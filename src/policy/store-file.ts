import { z } from "zod";
import type { SecretSource } from "../adapter/host.ts";
import { parseRedisUrl } from "../std/redis-url.ts";
import {
  delegate,
  durationMs,
  either,
  expected,
  field,
  integer,
  misplaced,
  oneOf,
  parsedText,
  refuse,
  text,
  textOf,
  word,
  type Read,
} from "./fields.ts";
import { list, mapping } from "./fields-of-collections.ts";
import { exactlyOne, told, type JsonSchema } from "./forms.ts";
import { IN_PLAIN_TEXT, secret } from "./secret-field.ts";
import { isMapping } from "./tree.ts";

/** Where counters are kept. */
export type StoreFile = MemoryStoreFile | RedisStoreFile;

export interface MemoryStoreFile {
  readonly type: "memory";
  /** Counters at most. */
  readonly maxCounters: number;
}

export interface RedisStoreFile {
  readonly type: "redis";
  readonly at: RedisPlace;
  /** Undefined: as a URL says, or nobody's in particular. */
  readonly username: string | undefined;
  readonly password: SecretSource | undefined;
  /** Undefined: plain text, or as a URL says. */
  readonly tls: RedisTls | undefined;
  /** For an answer. */
  readonly timeoutMs: number;
  /** What the names of all keys begin with. */
  readonly prefix: string;
  /** How many weirs share a limit while the store is away. */
  readonly replicas: number;
}

/** Where Redis is. */
export type RedisPlace =
  /** One, by its URL: as it stands in the file, or where it is to be had. */
  | { readonly kind: "url"; readonly url: string | SecretSource }
  /** The master that Sentinels name. */
  | {
      readonly kind: "sentinel";
      readonly name: string;
      readonly nodes: readonly RedisAddress[];
      readonly username: string | undefined;
      readonly password: SecretSource | undefined;
    }
  /** A Cluster, by some of its nodes. */
  | { readonly kind: "cluster"; readonly nodes: readonly RedisAddress[] };

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** Paths of PEM files. */
export interface RedisTls {
  /** Authorities that may have signed the certificate of Redis; undefined: the usual ones. */
  readonly ca: string | undefined;
  /** What weir shows; both or none. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

const MAX_COUNTERS = 100_000;
const TIMEOUT_MS = 15;

export const STORE_DEFAULTS: StoreFile = { type: "memory", maxCounters: MAX_COUNTERS };

const URL_FORM = "the URL of a Redis, such as redis://redis:6379 or rediss://redis:6379/1";

const plainUrl = () =>
  field({ type: "string", description: URL_FORM }, (value): Read<string> => {
    const found = textOf(value);
    const url = parseRedisUrl(found ?? "");
    if (found === undefined || url === undefined) return expected(URL_FORM, "text");
    return url.password === undefined ? { value: found } : { reason: IN_PLAIN_TEXT };
  });

const PLAIN_URL = plainUrl();
const SECRET_URL = secret();

const URL_FIELD = either([PLAIN_URL, SECRET_URL], (value, context): string | SecretSource =>
  isMapping(value) ? delegate(context, SECRET_URL, value) : delegate(context, PLAIN_URL, value),
);

const NODE_FORM = "host:port, such as redis-0:6379 or [2001:db8::1]:6379";

const NODES = list(parsedText(NODE_FORM, parseNode), "addresses of nodes", 100);

const TLS = mapping({
  ca: text("the path of a file").optional(),
  cert: text("the path of a file").optional(),
  key: text("the path of a file").optional(),
}).transform(({ ca, cert, key }, context): RedisTls => {
  if ((cert === undefined) !== (key === undefined)) {
    const [is, lacks] = cert === undefined ? (["key", "cert"] as const) : (["cert", "key"] as const);
    refuse(context, misplaced("missing-key", `${is} stands without ${lacks}`, `add \`${lacks}\``), [is]);
  }
  return { ca, cert, key };
});

const PREFIX_FORM = "1 to 32 letters, digits, `.`, `_`, `-` and `/`";

const REDIS = {
  url: URL_FIELD.optional(),
  sentinel: mapping({
    name: text("the name of a master"),
    nodes: NODES,
    username: text().optional(),
    password: secret().optional(),
  }).optional(),
  cluster: mapping({ nodes: NODES }).optional(),
  username: text().optional(),
  password: secret().optional(),
  tls: TLS.optional(),
  timeout: durationMs(1, 1_000, "from 1ms to 1s").optional(),
  // Braces would choose the slot of a Cluster.
  prefix: parsedText(PREFIX_FORM, (found) => (/^[\w./-]{1,32}$/.test(found) ? found : undefined)).optional(),
  replicas: integer(1, 10_000).optional(),
};

const WRITTEN = mapping({
  type: word(["memory", "redis"]),
  maxCounters: integer(1_000, 10_000_000).optional(),
  ...REDIS,
});

const without = (keys: readonly string[]): JsonSchema => ({
  not: { anyOf: keys.map((key) => ({ required: [key] })) },
});

/** What editors are told of keys that stand together. */
const TOGETHER: JsonSchema = {
  oneOf: [
    { properties: { type: { const: "memory" } }, ...without(Object.keys(REDIS)) },
    {
      properties: { type: { const: "redis" } },
      allOf: [
        exactlyOne(["url", "sentinel", "cluster"]),
        without(["maxCounters"]),
        { not: { required: ["url", "tls"], properties: { url: { type: "string", pattern: "^redis:" } } } },
      ],
    },
  ],
};

/** `store` of weir.yaml. */
export const STORE = told(TOGETHER, WRITTEN).transform(
  ({ type, maxCounters, ...redis }, context): StoreFile => {
    const wrong = type === "memory" ? keysOf(redis) : maxCounters === undefined ? [] : ["maxCounters"];
    for (const key of wrong) {
      const other = type === "memory" ? "redis" : "memory";
      const message = `${key} is of \`type: ${other}\`, and this store is \`type: ${type}\``;
      refuse(context, misplaced("unknown-key", message, `remove it, or write \`type: ${other}\``), [key]);
    }
    if (type === "memory") return { type, maxCounters: maxCounters ?? MAX_COUNTERS };
    const { username, password, tls, timeout, prefix, replicas } = redis;
    return {
      type,
      at: placeOf(redis, context),
      username,
      password,
      tls,
      timeoutMs: timeout ?? TIMEOUT_MS,
      prefix: prefix ?? "weir",
      replicas: replicas ?? 1,
    };
  },
);

type Redis = { readonly [K in keyof typeof REDIS]?: z.output<(typeof REDIS)[K]> };

const keysOf = (found: Redis): readonly string[] =>
  Object.entries(found)
    .filter(([, value]) => value !== undefined)
    .map(([key]) => key);

function placeOf(found: Redis, context: z.RefinementCtx): RedisPlace {
  oneOf(context, found, ["url", "sentinel", "cluster"]);
  const { url, sentinel, cluster, tls } = found;
  if (typeof url === "string" && tls !== undefined && parseRedisUrl(url)?.isTls === false) {
    const hint = "write rediss:// in `url`, or remove `tls`";
    refuse(context, misplaced("wrong-value", "redis:// is plain text, and `tls` stands beside it", hint), [
      "tls",
    ]);
  }
  if (sentinel !== undefined) {
    const { name, nodes, username, password } = sentinel;
    return { kind: "sentinel", name, nodes, username, password };
  }
  if (cluster !== undefined) return { kind: "cluster", nodes: cluster.nodes };
  return url === undefined ? z.NEVER : { kind: "url", url };
}

function parseNode(text: string): RedisAddress | undefined {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  const host = found?.[1] ?? found?.[2];
  const port = Number(found?.[3]);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}
