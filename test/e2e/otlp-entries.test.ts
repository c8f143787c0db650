import assert from "node:assert/strict";
import { z } from "zod";
import type { EntryFacts, TimingStep } from "../../src/attributes/entry-facts.ts";
import { logger, statsFilter, type Transport } from "../../src/envoy/loggers.ts";
import type { ReportingNeeds } from "../../src/envoy/reporting.ts";
import { writeYaml } from "../../src/envoy/write.ts";
import { parse } from "yaml";
import { envoyBootstrap, type Json, typed } from "../support/bootstrap.ts";
import { createAuthority, type Credential } from "../support/certificates.ts";
import { allowed, startChecks } from "../support/checks.ts";
import { startEntries, type Received } from "../support/entries.ts";
import { type Envoy, startEnvoy } from "../support/envoy.ts";
import { callGrpc, requestHttp1 } from "../support/http.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { startUpstream } from "../support/upstream.ts";

const reader = "orders/mesh";
const NEEDS: ReportingNeeds = {
  protocols: new Set(["http", "tcp"]),
  logged: [
    { part: "requestHeader", name: "content-type", reader },
    { part: "requestHeader", name: "x-long", reader },
    { part: "responseHeader", name: "x-up", reader },
    { part: "responseTrailer", name: "grpc-status", reader },
    { part: "customTag", name: "up.cluster", reader },
    { part: "customTag", name: "connection.id", reader },
    { part: "filterState", name: "told", reader },
    { part: "filterState", name: "envoy.filters.http.grpc_stats", reader },
    { part: "metadata", name: "envoy.test", reader },
  ],
  countsMessages: true,
  unknown: [],
};

const STEPS: readonly TimingStep[] = [
  ...(["last_rx_byte", "first_upstream_tx_byte", "last_upstream_tx_byte", "first_upstream_rx_byte"] as const),
  ...(["last_upstream_rx_byte", "first_downstream_tx_byte", "last_downstream_tx_byte"] as const),
];

/** All that an entry says; what Envoy's formats round, and what they do not have, is left out. */
function saidBy(entry: EntryFacts) {
  const { request } = entry;
  const tls = entry.tls();
  return {
    kind: entry.kind,
    origin: {
      ...entry.origin,
      via: "",
      nodeMetadata: undefined,
      logName: entry.origin.logName,
      bytes: undefined,
    },
    type: entry.accessLogType,
    stream: entry.streamId,
    duration: entry.durationMs === undefined ? undefined : Math.floor(entry.durationMs),
    startedUs: Math.floor((entry.startedAtMs ?? 0) * 1_000),
    timing: STEPS.map((step) => entry.timing(step)?.toFixed(6)),
    request: request && {
      id: request.id,
      method: request.method,
      path: request.path,
      host: request.host,
      scheme: request.scheme,
      protocol: request.protocol,
      size: request.sizeBytes,
      headers: new Map([...request.headers().joined].sort()),
    },
    code: entry.responseCode,
    details: entry.responseCodeDetails,
    flags: entry.responseFlags,
    cluster: entry.upstreamCluster,
    route: entry.routeName,
    source: entry.source,
    destination: entry.destination,
    addresses: [
      ...(["downstream_remote", "downstream_direct_remote", "downstream_local"] as const),
      ...(["upstream_remote", "upstream_local"] as const),
    ].map((of) => entry.address(of)),
    serverName: entry.serverName,
    // Formats have no number of the cipher suite and no issuer of Envoy's own certificate; the stream has no DNS names.
    tls: tls && {
      ...tls,
      cipherSuite: undefined,
      local: { ...tls.local, dnsNames: [], issuer: "" },
      peer: { ...tls.peer, dnsNames: [] },
    },
    bytes: [entry.downstreamBytes, entry.upstreamBytes, entry.connectionBytes],
    responseHeaders: entry.responseHeaders(),
    trailers: entry.responseTrailers(),
    tags: entry.customTags(),
    metadata: entry.metadata(),
    state: entry.filterState(),
    decision: entry.decision(),
    more: entry.details(),
  };
}

describe("one entry by Envoy's own stream and as a record of OpenTelemetry", () => {
  const open = new AsyncDisposableStack();
  const received: Received = { als: [], otlp: [], invalid: [] };
  let envoy: Envoy;
  let ca: string;
  let client: Credential;

  before(async function () {
    const program = await need(this, "envoy");
    const authority = await createAuthority();
    ca = authority.ca;
    client = await authority.issue({ uris: ["spiffe://cluster.local/ns/shop/sa/web"], dns: ["web.shop"] });
    const own = await authority.issue({ uris: ["spiffe://cluster.local/ns/orders/sa/orders"] });
    const upstream = open.adopt(await startUpstream(), (started) => started.stop());
    const entries = await startEntries(received, open);
    const checks = await startChecks({ answer: allowed, asked: [] }, open);
    const { host, port } = upstream;
    const config = bootstrapShape.parse(
      envoyBootstrap({
        listeners: [
          { name: "http", check: "asked", tls: { ...own, clientCa: ca } },
          { name: "tcp", check: "skipped", speaks: "tcp" },
        ],
        extAuthz: { server: { host, port: checks } },
        upstream: { host, port },
        grpcUpstream: { host, port: upstream.http2Port },
        filtersBefore: FILTERS,
      }),
    );
    const [http, tcp] = config.static_resources.listeners.map(({ filter_chains: [chain] }) =>
      chain?.filters.at(-1),
    );
    Object.assign(http?.typed_config ?? assert.fail(), { access_log: loggers("http") });
    Object.assign(tcp?.typed_config ?? assert.fail(), { access_log: loggers("tcp") });
    config.static_resources.clusters.push(clusterTo(entries));
    Object.assign(config, { node: { id: "sidecar~10.0.0.1", cluster: "orders" } });
    envoy = open.adopt(await startEnvoy({ program, config }), (started) => started.stop());
  });
  beforeEach(() => {
    received.als.length = 0;
    received.otlp.length = 0;
  });
  after(() => open.disposeAsync());

  const web = () => ({
    port: envoy.port("http"),
    tls: { ca, ...client, serverName: "orders.example.com" },
  });

  async function both(): Promise<readonly [EntryFacts, EntryFacts]> {
    const found = await until(() => received.als.length * received.otlp.length > 0, {
      timeoutMs: 10_000,
      what: "the entry to come by both ways",
    }).then(() => [received.als[0], received.otlp[0]]);
    assert.deepEqual(received.invalid, []);
    return [found[0] ?? assert.fail(), found[1] ?? assert.fail()];
  }

  it("says the same of a request", async () => {
    await requestHttp1(web(), {
      method: "POST",
      path: "/orders/7?token=x",
      headers: [
        ["host", "orders.example.com"],
        ["content-type", "application/json"],
        ["x-long", "a, \u00e9"],
        ["x-wants-up", "yes"],
        ["user-agent", "test/1"],
        ["referer", "https://a.example/"],
      ],
      body: "12345",
    });
    const [als, otlp] = await both();
    assert.equal(als.kind, "http");
    assert.deepEqual(saidBy(otlp), saidBy(als));
  });

  it("says the same of a method for which the stream has no number, and names it", async () => {
    await requestHttp1(web(), {
      method: "PURGE",
      path: "/",
    });
    const [als, otlp] = await both();
    const { request: byStream, ...rest } = saidBy(als);
    const { request: byRecord, ...same } = saidBy(otlp);
    assert.deepEqual(same, rest);
    assert.deepEqual([byStream?.method, byRecord?.method], ["", "PURGE"]);
  });

  it("says the same of a gRPC call, with the number of its messages", async () => {
    await callGrpc(web(), { path: "/shop.Orders/Get", message: Buffer.from([8, 1]) });
    const [als, otlp] = await both();
    assert.deepEqual(saidBy(otlp), saidBy(als));
    const stats = otlp.filterState().get("envoy.filters.http.grpc_stats");
    assert.deepEqual(
      stats,
      new Map([
        ["request_message_count", 1n],
        ["response_message_count", 1n],
      ]),
    );
  });

  it("says the same of a connection", async () => {
    await requestHttp1(
      { port: envoy.port("tcp") },
      {
        method: "GET",
        path: "/",
        headers: [
          ["host", "a"],
          ["connection", "close"],
        ],
      },
    );
    const [als, otlp] = await both();
    assert.equal(als.kind, "tcp");
    assert.deepEqual(saidBy(otlp), saidBy(als));
  });
});

/** Metadata and filter state that Envoy itself leaves, of several types. */
const FILTERS = [
  {
    name: "state",
    typed_config: typed("envoy.extensions.filters.http.set_filter_state.v3.Config", {
      on_request_headers: [
        {
          object_key: "told",
          factory_key: "envoy.string",
          format_string: { text_format_source: { inline_string: "%REQ(:METHOD)%" } },
        },
      ],
    }),
  },
  {
    name: "metadata",
    typed_config: typed("envoy.extensions.filters.http.set_metadata.v3.Config", {
      metadata: [{ metadata_namespace: "envoy.test", value: { a: 1.5, b: ["x", true], "c d": { e: "é" } } }],
    }),
  },
  parsed(statsFilter(NEEDS) ?? {}) as { name: string; typed_config: Json },
];

const filters = z.array(z.looseObject({ typed_config: z.record(z.string(), z.unknown()) }));
const bootstrapShape = z.looseObject({
  static_resources: z.object({
    listeners: z.array(z.looseObject({ filter_chains: z.array(z.looseObject({ filters })) })),
    clusters: z.array(z.record(z.string(), z.unknown())),
  }),
});

/** What is printed, as Envoy reads it. */
function parsed(content: Parameters<typeof writeYaml>[0][number]["content"]): unknown {
  return parse(writeYaml([{ about: [], content }]));
}

const loggers = (protocol: "http" | "tcp"): unknown[] =>
  (["als", "otlp"] satisfies Transport[]).map((transport) =>
    parsed({
      ...logger({ needs: NEEDS, protocol, transport, cluster: "weir", direction: "in" }),
    }),
  );

const clusterTo = (port: number) => ({
  name: "weir",
  type: "STATIC",
  load_assignment: {
    cluster_name: "weir",
    endpoints: [
      {
        lb_endpoints: [
          { endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } },
        ],
      },
    ],
  },
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      { explicit_http_config: { http2_protocol_options: {} } },
    ),
  },
});
