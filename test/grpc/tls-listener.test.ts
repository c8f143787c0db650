import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { status } from "@grpc/grpc-js";
import type { GrpcServer } from "../../src/grpc/server.ts";
import { parseCallerPattern } from "../../src/policy/caller-pattern.ts";
import { openTls, type ListenerTls, type Renewal } from "../../src/std/tls-files.ts";
import { createAuthority, type Authority, type Credential, type Names } from "../support/certificates.ts";
import { callGrpc } from "../support/http.ts";
import { ownServers } from "./client.ts";

const path = "/weir.test.Echo/Call";

describe("a gRPC server with TLS", function () {
  this.timeout(20_000);
  const { start } = ownServers();
  let folder: string;
  let authority: Authority;
  let other: Authority;
  let server: Credential;
  const opened: ListenerTls[] = [];
  before(async () => {
    [authority, other] = await Promise.all([createAuthority(), createAuthority("other")]);
    server = await authority.issue({ dns: ["weir"] });
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "weir-tls-"));
    await write(server, authority.ca);
  });
  afterEach(async () => {
    for (const tls of opened.splice(0)) tls.close();
    await rm(folder, { recursive: true });
  });

  const at = (name: string): string => join(folder, name);
  const write = ({ certificate, key }: Credential, ca: string): Promise<unknown> =>
    Promise.all([writeFile(at("cert"), certificate), writeFile(at("key"), key), writeFile(at("ca"), ca)]);

  async function listen(patterns?: readonly string[]) {
    const renewals: Renewal[] = [];
    const principals: (string | undefined)[] = [];
    const paths = { cert: at("cert"), key: at("key"), clientCa: at("ca") };
    const tls = await openTls({ paths, onRenewal: (one) => renewals.push(one), everyMs: 60_000 });
    opened.push(tls);
    const allow = patterns?.map((text) => {
      const san = parseCallerPattern(text);
      assert.ok(san, text);
      return { san, services: new Set(["check"] as const) };
    });
    const refused: unknown[] = [];
    const running = await start({
      tls,
      rules: { allow, role: "sidecar" },
      onRefused: (caller) => refused.push(caller.principal),
      services: [
        {
          name: "weir.test.Echo",
          operation: "check",
          methods: {
            Call: (request, _deadlineAtMs, caller) => {
              assert.equal(caller.listenerRole, "sidecar");
              principals.push(caller.principal);
              return request;
            },
          },
        },
      ],
    });
    return { running, tls, renewals, principals, refused };
  }

  async function ask(
    running: GrpcServer,
    credential: Credential,
    ca = authority.ca,
  ): Promise<number | undefined> {
    const port = running.address.kind === "tcp" ? running.address.port : assert.fail("no port");
    const { grpcStatus } = await callGrpc(
      { port, tls: { ca, ...credential } },
      { path, message: Buffer.from("a") },
    );
    return grpcStatus;
  }

  /** Whether a connection comes to a server that speaks HTTP/2; it speaks first. */
  function reaches(
    running: GrpcServer,
    credential: Partial<Credential>,
    ca = authority.ca,
  ): Promise<boolean> {
    const port = running.address.kind === "tcp" ? running.address.port : assert.fail("no port");
    const { certificate: cert, key } = credential;
    return new Promise((resolve) => {
      const options = { port, ca, ALPNProtocols: ["h2"], checkServerIdentity: () => undefined };
      const socket = connect({ ...options, ...(cert === undefined ? {} : { cert, key }) });
      const finish = (found: boolean) => () => {
        socket.destroy();
        resolve(found);
      };
      socket.on("data", finish(true)).on("error", finish(false)).on("close", finish(false));
    });
  }

  const edge = "spiffe://cluster.local/ns/edge/sa/envoy";
  const callers: readonly (readonly [Names, principal: string | undefined])[] = [
    [{ uris: [edge] }, edge],
    [{ uris: [edge], dns: ["envoy.example.com"] }, edge],
    [{ uris: [edge, "spiffe://cluster.local/ns/a/sa/b"] }, undefined],
    [{ uris: ["https://cluster.local/ns/a"] }, undefined],
    [{ dns: ["envoy.example.com"] }, undefined],
    [{}, undefined],
  ];
  for (const [names, principal] of callers) {
    it(`takes ${JSON.stringify(names)} for ${principal ?? "no one"}`, async () => {
      const { running, principals } = await listen();
      assert.equal(await ask(running, await authority.issue(names)), 0);
      assert.deepEqual(principals, [principal]);
    });
  }

  it("refuses callers of another authority, and those without a certificate", async () => {
    const { running, principals } = await listen();
    assert.equal(await reaches(running, await authority.issue({})), true);
    assert.equal(await reaches(running, await other.issue({ uris: [edge] })), false);
    assert.equal(await reaches(running, {}), false);
    assert.deepEqual(principals, []);
  });

  const lists: readonly (readonly [pattern: string, Names, isAllowed: boolean])[] = [
    [edge, { uris: [edge] }, true],
    ["spiffe://cluster.local/ns/edge/*", { uris: [edge] }, true],
    ["spiffe://cluster.local/ns/edg/*", { uris: [edge] }, false],
    ["spiffe://cluster.local/ns/edge/*", { uris: [edge, edge] }, false],
    ["spiffe://cluster.local/ns/edge/*", { dns: ["spiffe.example.com"] }, false],
    ["*.example.com", { dns: ["envoy.example.com"] }, true],
    ["*.example.com", { dns: ["example.com"] }, false],
    ["*.example.com", { uris: [edge] }, false],
    ["envoy.example.com", { dns: ["ENVOY.example.com"] }, true],
  ];
  for (const [pattern, names, isAllowed] of lists) {
    it(`${isAllowed ? "allows" : "refuses"} ${JSON.stringify(names)} by ${pattern}`, async () => {
      const { running, principals, refused } = await listen([pattern]);
      assert.equal(
        await ask(running, await authority.issue(names)),
        isAllowed ? 0 : status.PERMISSION_DENIED,
      );
      assert.deepEqual([principals.length, refused.length], isAllowed ? [1, 0] : [0, 1]);
    });
  }

  it("takes up new files under way, keeps the old ones when the new are no good, and says so once", async () => {
    const { running, tls, renewals } = await listen();
    const client = await authority.issue({ uris: [edge] });
    const next = await other.issue({ dns: ["weir"] });
    await writeFile(at("cert"), next.certificate);
    await tls.renew();
    await tls.renew();
    assert.deepEqual(
      renewals.map(({ kind }) => kind),
      ["kept"],
    );
    assert.equal(await ask(running, client), 0);
    await writeFile(at("key"), next.key);
    await tls.renew();
    await tls.renew();
    assert.deepEqual(
      renewals.map(({ kind }) => kind),
      ["kept", "renewed"],
    );
    assert.equal(await reaches(running, client), false);
    assert.equal(await ask(running, client, other.ca), 0);
    await rm(at("ca"));
    await tls.renew();
    assert.equal(await ask(running, client, other.ca), 0);
    await writeFile(at("ca"), other.ca);
    await tls.renew();
    assert.equal(await reaches(running, client, other.ca), false);
    assert.equal(await ask(running, await other.issue({ uris: [edge] }), other.ca), 0);
  });
});
