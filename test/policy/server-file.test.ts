import assert from "node:assert/strict";
import { resolve } from "node:path";
import { settingsOf } from "../../src/policy/compile-settings.ts";
import { parseServer } from "../../src/policy/schema.ts";
import { SERVER_DEFAULTS } from "../../src/policy/server-file.ts";
import { parseCidr } from "../../src/std/ip.ts";
import { documentOf, wholeOf } from "./parsed.ts";

const read = (text: string) => wholeOf(parseServer(documentOf(text)));

describe("weir.yaml", () => {
  it("has a default for everything", () => {
    assert.deepEqual(read("weir: 1\n"), SERVER_DEFAULTS);
    assert.deepEqual(
      read("weir: 1\nlisten: {}\nsecrets: {}\nmesh: { trustDomains: [cluster.local] }\n"),
      SERVER_DEFAULTS,
    );
  });

  it("is read whole", () => {
    const text = `weir: 1
listen:
  grpc:
    address: 0.0.0.0:9191
    tls: { cert: a.pem, key: a.key, clientCa: ca.pem }
    allow: [{ san: "spiffe://cluster.local/ns/edge/*", services: [check, quota] }, { san: "*.example.com", services: [report] }]
    role: sidecar
  http: { address: "unix:/run/weir.sock", pathPrefix: /check }
  admin: { address: 0.0.0.0:9193, tls: { cert: /a.pem, key: /a.key }, token: { file: token } }
  metrics: { address: "0.0.0.0:9194", insecure: true }
mesh: { trustDomains: [prod.example.com] }
clientAddress: { from: xff, trustedProxies: [10.0.0.0/8] }
checkTimeout: 1.5s
maxInFlight: 10
ungoverned: allow
proxy: { role: { byPrincipal: { "spiffe://td/*": gateway, "spiffe://td/ns/a/sa/b": sidecar } } }
secrets: { pepper: { file: pepper }, mac: [{ env: MAC }, { file: old }] }
outbound: { allowHosts: ["*.example.com"], allowPrivate: [10.0.0.0/8], caFile: ca.pem, proxy: "http://proxy.example.com:3128" }
store: { type: redis, sentinel: { name: quotas, nodes: ["a:26379", "[2001:db8::1]:26380"], password: { file: sentinel } }, password: { env: REDIS }, username: weir, tls: { ca: ca.pem }, timeout: 20ms, prefix: shop, replicas: 3 }
handlers:
  plans: { adapter: list, config: { values: [a, 1, true], __proto__: { b: c } }, deadline: 150ms }
teams:
  orders: { folder: teams/orders/, owns: { hosts: [orders.example.com], destinations: [orders/*] }, may: { handlers: [plans] } }
`;
    const file = read(text);
    const trusted = parseCidr("10.0.0.0/8");
    assert.ok(trusted);
    assert.deepEqual(file.listen.grpc, {
      address: { kind: "tcp", host: "0.0.0.0", port: 9191 },
      tls: { cert: "a.pem", key: "a.key", clientCa: "ca.pem" },
      allow: [
        {
          san: { kind: "spiffe", reach: "below", name: "spiffe://cluster.local/ns/edge/" },
          services: new Set(["check", "quota"]),
        },
        { san: { kind: "dns", reach: "below", name: ".example.com" }, services: new Set(["report"]) },
      ],
      role: "sidecar",
    });
    assert.equal(file.listen.http?.pathPrefix, "/check");
    assert.deepEqual(file.listen.admin?.token, { file: "token" });
    assert.deepEqual(file.clientAddress, { from: "xff", trustedProxies: [trusted] });
    assert.deepEqual([file.checkTimeoutMs, file.maxInFlight, file.ungoverned], [1500, 10, "allow"]);
    assert.deepEqual(file.secrets, { pepper: { file: "pepper" }, mac: [{ env: "MAC" }, { file: "old" }] });
    assert.deepEqual(file.outbound, {
      allowHosts: [{ kind: "suffix", name: "example.com" }],
      allowPrivate: [trusted],
      caFile: "ca.pem",
      proxy: "http://proxy.example.com:3128",
    });
    assert.deepEqual(file.store, {
      type: "redis",
      at: {
        kind: "sentinel",
        name: "quotas",
        nodes: [
          { host: "a", port: 26379 },
          { host: "2001:db8::1", port: 26380 },
        ],
        username: undefined,
        password: { file: "sentinel" },
      },
      username: "weir",
      password: { env: "REDIS" },
      tls: { ca: "ca.pem", cert: undefined, key: undefined },
      timeoutMs: 20,
      prefix: "shop",
      replicas: 3,
    });
    const { config, ...plans } = file.handlers.get("plans") ?? assert.fail("no handler");
    assert.equal(JSON.stringify(config), '{"values":["a",1,true],"__proto__":{"b":"c"}}');
    assert.deepEqual(plans, {
      source: { kind: "own", name: "list" },
      configPath: ["handlers", "plans", "config"],
      deadlineMs: 150,
      queue: undefined,
    });
    assert.deepEqual(file.teams.get("orders"), {
      folder: "teams/orders",
      owns: {
        hosts: [{ kind: "exact", name: "orders.example.com" }],
        destinations: ["orders/*"],
        domains: [],
      },
      mayAsk: new Set(["plans"]),
    });
  });

  it("is at home in its folder: paths count from there", () => {
    const text = `weir: 1
listen: { grpc: { address: 127.0.0.1:1, tls: { cert: a.pem, key: /b.key } } }
secrets: { pepper: { file: secrets/pepper }, mac: { env: MAC } }
outbound: { caFile: ca.pem }
`;
    const settings = settingsOf(read(text), "etc/weir.yaml");
    assert.equal(settings.folder, "etc");
    assert.deepEqual(settings.listen.grpc.tls, {
      cert: resolve("etc/a.pem"),
      key: "/b.key",
      clientCa: undefined,
    });
    assert.deepEqual(settings.secrets, {
      pepper: { file: resolve("etc/secrets/pepper") },
      mac: [{ env: "MAC" }],
    });
    assert.equal(settings.outbound.caFile, resolve("etc/ca.pem"));
  });

  const ROLES = `weir: 1
proxy: { role: { byPrincipal: { "spiffe://td/ns/*": gateway, "spiffe://td/ns/a/*": sidecar, "spiffe://td/ns/a/sa/b": gateway } } }
`;
  const roles: readonly (readonly [
    text: string,
    principal: string | undefined,
    listener: "gateway" | undefined,
    role: string,
  ])[] = [
    ["weir: 1\n", undefined, undefined, "gateway"],
    ["weir: 1\nproxy: { role: sidecar }\n", undefined, undefined, "sidecar"],
    ["weir: 1\nproxy: { role: sidecar }\n", undefined, "gateway", "gateway"],
    [ROLES, undefined, undefined, "sidecar"],
    [ROLES, "spiffe://other/ns/x/sa/y", undefined, "sidecar"],
    [ROLES, "spiffe://td/ns/x/sa/y", undefined, "gateway"],
    [ROLES, "spiffe://td/ns/a/sa/c", undefined, "sidecar"],
    [ROLES, "spiffe://td/ns/a/sa/b", undefined, "gateway"],
  ];
  for (const [index, [text, principal, listenerRole, role]] of roles.entries()) {
    it(`tells the role of a proxy: ${index}, ${principal ?? "unnamed"} is a ${role}`, () => {
      const settings = settingsOf(read(text), undefined);
      assert.equal(settings.proxyRole({ principal, listenerRole }), role);
    });
  }
});
