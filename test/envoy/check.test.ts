import assert from "node:assert/strict";
import { checkEnvoy } from "../../src/envoy/check.ts";
import { readConfig } from "../../src/envoy/config-node.ts";
import { FINDINGS, type Finding } from "../../src/envoy/findings.ts";
import { POLICY, TCP, GOOD, option, type Row } from "./envoys.ts";
import { ROWS_OF_FILTERS } from "./rows-of-filters.ts";
import { needsFor, policyOf } from "./fixture.ts";
import { ROWS_OF_LIMITS } from "./rows-of-limits.ts";
import { ROWS_OF_LOGS } from "./rows-of-logs.ts";
import { ROWS_AROUND } from "./rows-around.ts";

const rows = [...ROWS_OF_FILTERS, ...ROWS_AROUND, ...ROWS_OF_LIMITS, ...ROWS_OF_LOGS];

describe("weir envoy --check", () => {
  const findingsIn = ({ config, policy = POLICY, server, files: more }: Row): readonly Finding[] => {
    const root = readConfig("envoy.yaml", config);
    assert.ok(!("reason" in root));
    const files = {
      ...more,
      "orders.yaml": policy,
      ...(server === undefined ? {} : { "weir.yaml": server }),
    };
    return checkEnvoy(root, needsFor(files));
  };

  for (const row of rows) {
    it(`says where ${row.what}: ${row.codes.join(", ") || "nothing"}`, () => {
      assert.deepEqual(
        findingsIn(row)
          .map(({ code }) => code)
          .sort(),
        row.codes,
      );
    });
  }

  it("shows every finding that it can make, but for those of reading and of writing", () => {
    const shown = new Set(rows.flatMap(({ codes }) => codes));
    const missing = Object.keys(FINDINGS).filter((code) => !(shown as ReadonlySet<string>).has(code));
    assert.deepEqual(missing, ["cannot-be-sent"]);
  });

  it("names the place, the rule that would not hold, and what to write", () => {
    const [found] = findingsIn({
      what: "",
      config: option("encode_raw_headers: false"),
      codes: [],
      policy: policyOf('"a" in request.headers_all'),
    });
    assert.ok(found);
    assert.deepEqual([found.file, found.line, found.column], ["envoy.yaml", 26, 23]);
    assert.equal(
      found.message,
      "encode_raw_headers is not set, and orders/asked reads request.headers_all (orders.yaml:6:9)",
    );
    assert.equal(found.hint, "encode_raw_headers: true");
  });

  it("reads what a filter of TCP says", () => {
    const config = `filter_chains:
  - filters:
      - name: check
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.ext_authz.v3.ExtAuthz
          transport_api_version: V3
          grpc_service: { envoy_grpc: { cluster_name: weir }, timeout: 0.25s }
`;
    const codes = findingsIn({ what: "", config, codes: [], policy: TCP }).map(({ code }) => code);
    assert.deepEqual(codes, ["tls-session-not-sent"]);
    const open = config.replace("transport_api", "failure_mode_allow: true\n          transport_api");
    const more = findingsIn({ what: "", config: open, codes: [], policy: TCP }).map(({ code }) => code);
    assert.deepEqual(more, ["tls-session-not-sent", "fails-open"]);
  });

  it("follows anchors, and dynamic routes of a dump", () => {
    const dump = {
      configs: [
        { "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump", bootstrap: {} },
        {
          "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump",
          dynamic_route_configs: [
            {
              route_config: {
                "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
                name: "web",
                virtual_hosts: [{ routes: [{ typed_per_filter_config: { check: { disabled: true } } }] }],
              },
            },
          ],
        },
        {
          "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
          listener: {
            "@type":
              "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            normalize_path: true,
            merge_slashes: true,
            rds: { route_config_name: "web" },
            http_filters: [
              {
                name: "check",
                typed_config: {
                  "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
                  transport_api_version: "V3",
                  grpc_service: { timeout: "0.250s" },
                  status_on_error: { code: "ServiceUnavailable" },
                },
              },
            ],
          },
        },
      ],
    };
    const codes = findingsIn({ what: "", config: JSON.stringify(dump), codes: [] }).map(({ code }) => code);
    assert.deepEqual(codes, ["check-disabled"]);
    const anchored = GOOD.replace(
      "timeout: 0.25s",
      "timeout: &soon 0.1s\n                      stat_prefix: *soon",
    );
    assert.deepEqual(
      findingsIn({ what: "", config: anchored, codes: [] }).map(({ code }) => code),
      ["timeout-too-short"],
    );
  });

  for (const [what, text, reason] of [
    ["what is no YAML", "a: [", /./],
    ["a list", "- a\n", /no mapping/],
    ["nothing", "", /no mapping/],
  ] as const) {
    it(`refuses ${what}`, () => {
      const read = readConfig("envoy.yaml", text);
      assert.ok("reason" in read);
      assert.match(read.reason, reason);
    });
  }
});
