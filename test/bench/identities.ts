import { assumedLimits } from "../../src/limits/assumed.ts";
import { generateKeyPairSync, randomUUID, type KeyObject } from "node:crypto";
import { parseArgs } from "node:util";
import { SignJWT } from "jose";
import { ADAPTERS } from "../../adapters/index.ts";
import { checkService, type CheckService } from "../../src/check/service.ts";
import { apiKeyDigest, newApiKey } from "../../src/identity/api-key.ts";
import { floodGuards } from "../../src/identity/flood.ts";
import { compileConfiguration } from "../../src/policy/compile.ts";
import { loadFiles } from "../../src/policy/load.ts";
import { Live } from "../../src/runtime/live.ts";
import { VerifierPool } from "../../src/runtime/verifiers.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { CheckRequest, CheckResponse } from "../../src/wire/envoy/service/auth/v3/external_auth.ts";
import { provenance, table, writeSection } from "./report.ts";
import { checkRequest } from "./request.ts";

/**
 * What proving who asks adds to a check, bytes to bytes in one process: credentials that are remembered, and those that are
 * seen for the first time.
 */
const PEPPER = "a pepper that stands for nothing but this measurement";
const BATCHES = 15;
const CHECKS_A_BATCH = 400;
const REMEMBERED_TOKENS = 10_000;

interface Row {
  readonly name: string;
  readonly host: string;
  /** The header of one request; a new one each time where it is to be seen for the first time. */
  readonly credential: () => Promise<readonly [name: string, value: string] | undefined>;
}

interface Key {
  readonly algorithm: "ES256" | "RS256";
  readonly privateKey: KeyObject;
  readonly jwk: Readonly<Record<string, unknown>>;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });
  const keys = [keyOf("ES256"), keyOf("RS256")] as const;
  const apiKey = newApiKey();
  const service = serviceOf(keys, apiKey);
  const measured: { readonly name: string; readonly us: number }[] = [];
  for (const row of rowsOf(keys, apiKey))
    measured.push({ name: row.name, us: await microseconds(service, row) });
  const plain = measured[0]?.us ?? NaN;
  const rows = measured.map(({ name, us }) => [name, us.toFixed(1), (us / plain).toFixed(2)] as const);
  // A server of its own, so that all of them are new to it.
  const memory = await memoryOf(serviceOf(keys, apiKey), keys[0]);
  const text = `${provenance("npm run bench:identities -- --write")} The median of ${BATCHES} batches of ${CHECKS_A_BATCH} checks.

${table(["one check of three rules", "µs", "of none"], rows)}

${REMEMBERED_TOKENS.toLocaleString("en")} remembered tokens of five claims take ${memory.toFixed(1)} MiB.`;
  console.log(text);
  if (values.write) await writeSection("identities", text);
}

function keyOf(algorithm: Key["algorithm"]): Key {
  const { privateKey, publicKey } =
    algorithm === "ES256"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : generateKeyPairSync("rsa", { modulusLength: 2_048 });
  return {
    algorithm,
    privateKey,
    jwk: { ...publicKey.export({ format: "jwk" }), kid: algorithm, alg: algorithm },
  };
}

const issuerOf = ({ algorithm }: Key): string => `https://${algorithm.toLowerCase()}.example.com`;

/** One policy for each way to prove who asks, all of three rules. */
function serviceOf(keys: readonly Key[], apiKey: string): CheckService {
  const rules = (proof: string, who: string) => `rules:
  - id: known
    require: ${proof}
    status: 401
  - id: method
    require: request.method in ["GET", "HEAD"]
  - id: reads
    allow: request.path_segments[0] == "orders" && ${who}
`;
  const policy = (name: string, identities: string, body: string): string =>
    `weir: 1\npolicy: ${name}\nmatch:\n  hosts: [${name}.example.com]\n${identities}${body}`;
  const jwt = (key: Key): string => `identities:
  user:
    jwt:
      issuer: ${issuerOf(key)}
      audiences: [mesh]
      jwks: { file: ${key.algorithm}.json }
      claims: { sub: string, team: string, roles: list(string) }
`;
  const texts = new Map([
    ["weir.yaml", "weir: 1\nsecrets:\n  pepper: { env: PEPPER }\n"],
    ["none.yaml", policy("none", "", rules("true == true", 'source.namespace == "shop"'))],
    [
      "mtls.yaml",
      policy(
        "mtls",
        "identities:\n  caller: { mtls: { trustDomains: [cluster.local] } }\n",
        rules("has(auth.caller)", 'auth.caller.namespace == "shop"'),
      ),
    ],
    [
      "keys.yaml",
      policy(
        "keys",
        "identities:\n  partner: { apiKey: { header: x-api-key, keys: ring.yaml } }\n",
        rules("has(auth.partner)", 'auth.partner.plan == "gold"'),
      ),
    ],
    ...keys.map((key): [string, string] => {
      const name = key.algorithm.toLowerCase();
      return [`${name}.yaml`, policy(name, jwt(key), rules("has(auth.user)", 'auth.user.team == "a"'))];
    }),
    [
      "ring.yaml",
      `weir: 1\nkeys:\n  - id: acme\n    plan: gold\n    digest: ${apiKeyDigest(PEPPER, apiKey)}\n`,
    ],
  ]);
  const files = Array.from(texts, ([path, text]) => ({ path, text }));
  const named = keys.map(({ algorithm, jwk }) => ({
    path: `${algorithm}.json`,
    text: JSON.stringify({ keys: [jwk] }),
  }));
  const world = { adapters: ADAPTERS, nowMs: Date.now(), stance: "enforce" } as const;
  const { snapshot, diagnostics } = compileConfiguration(loadFiles(files, named), "bench", world);
  if (snapshot === undefined) throw new Error(JSON.stringify(diagnostics, undefined, 2));
  const pool = new VerifierPool({
    fetch: () => Promise.reject(new Error("nothing is fetched here")),
    flood: floodGuards(),
    pepper: () => PEPPER,
  });
  const live = new Live(
    { snapshot, handlers: new Map(), ...pool.prepare(snapshot.identities) },
    () => undefined,
  );
  return checkService({
    live: () => live,
    limits: assumedLimits(() => undefined),
    metrics: createMetrics(),
    log: createLog("silent"),
    nowMs: () => performance.timeOrigin + performance.now(),
    later: () => true,
  });
}

function rowsOf([es, rs]: readonly [Key, Key], apiKey: string): readonly Row[] {
  const remembered = (key: Key): Row["credential"] => {
    const once = token(key);
    return async () => ["authorization", `Bearer ${await once}`];
  };
  const fresh =
    (key: Key): Row["credential"] =>
    async () => ["authorization", `Bearer ${await token(key)}`];
  return [
    { name: "no identity", host: "none", credential: () => Promise.resolve(undefined) },
    { name: "SPIFFE id of the certificate", host: "mtls", credential: () => Promise.resolve(undefined) },
    { name: "API key", host: "keys", credential: () => Promise.resolve(["x-api-key", apiKey] as const) },
    { name: "JWT, remembered", host: "es256", credential: remembered(es) },
    { name: "JWT, seen for the first time, ES256", host: "es256", credential: fresh(es) },
    { name: "JWT, seen for the first time, RS256", host: "rs256", credential: fresh(rs) },
  ];
}

const token = (key: Key): Promise<string> =>
  new SignJWT({ team: "a", roles: ["reader", "writer"], jti: randomUUID() })
    .setProtectedHeader({ alg: key.algorithm, kid: key.algorithm })
    .setIssuer(issuerOf(key))
    .setSubject("alice")
    .setAudience("mesh")
    .setExpirationTime("1h")
    .sign(key.privateKey);

/** The measured request with its host and credential. */
function requestOf(host: string, credential: readonly [string, string] | undefined): Buffer {
  const message = CheckRequest.decode(checkRequest());
  const http = message.attributes?.request?.http;
  if (http === undefined) throw new Error("the measured request is one of HTTP");
  http.host = `${host}.example.com`;
  if (credential !== undefined) http.headers.set(credential[0], credential[1]);
  return Buffer.from(CheckRequest.encode(message).finish());
}

const ANY_PROXY = { principal: undefined, listenerRole: undefined };

async function microseconds(service: CheckService, { host, credential }: Row): Promise<number> {
  const batches: number[] = [];
  // The first batch warms up.
  for (let batch = 0; batch <= BATCHES; batch++) {
    const requests: Buffer[] = [];
    for (let one = 0; one < CHECKS_A_BATCH; one++) requests.push(requestOf(host, await credential()));
    const startMs = performance.now();
    let last: Uint8Array = new Uint8Array();
    for (const request of requests) {
      const answer = service.check(request, Number.POSITIVE_INFINITY, ANY_PROXY);
      last = answer instanceof Promise ? await answer : answer;
    }
    batches.push(((performance.now() - startMs) * 1_000) / CHECKS_A_BATCH);
    if (CheckResponse.decode(last).okResponse === undefined) throw new Error(`${host} was not allowed`);
  }
  return batches.slice(1).sort((left, right) => left - right)[BATCHES >> 1] ?? NaN;
}

/** What remembering tokens takes of the heap, in MiB. */
async function memoryOf(service: CheckService, key: Key): Promise<number> {
  if (globalThis.gc === undefined) throw new Error("run with --expose-gc");
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  for (let one = 0; one < REMEMBERED_TOKENS; one++) {
    const request = requestOf("es256", ["authorization", `Bearer ${await token(key)}`]);
    await service.check(request, Number.POSITIVE_INFINITY, ANY_PROXY);
  }
  globalThis.gc();
  return Math.max(0, process.memoryUsage().heapUsed - before) / 1_048_576;
}

await main();
