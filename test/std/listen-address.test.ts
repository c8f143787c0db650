import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatAddress, type ListenAddress } from "../../src/std/listen-address.ts";
import type { GrpcService } from "../../src/grpc/calls.ts";
import { call, ownServers } from "../grpc/client.ts";

const path = "/weir.test.Echo/Call";
const hello = Buffer.from("hello");
const services: GrpcService[] = [
  { name: "weir.test.Echo", operation: "check", methods: { Call: (request) => request } },
];

describe("listening", () => {
  const { start, client } = ownServers();
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "weir-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const socketAddress = (): ListenAddress => ({ kind: "unix", path: join(folder, "weir.sock") });

  it("writes addresses as the configuration does", () => {
    const cases: [ListenAddress, string][] = [
      [{ kind: "tcp", host: "127.0.0.1", port: 9191 }, "127.0.0.1:9191"],
      [{ kind: "tcp", host: "::1", port: 9191 }, "[::1]:9191"],
      [{ kind: "unix", path: "/run/weir.sock" }, "unix:/run/weir.sock"],
    ];
    for (const [address, text] of cases) assert.equal(formatAddress(address), text);
  });

  it("tells the real port, on an address and on a name", async () => {
    for (const host of ["127.0.0.1", "localhost"]) {
      const server = await start({ services, address: { kind: "tcp", host, port: 0 } });
      assert.ok(server.address.kind === "tcp" && server.address.port > 0);
      assert.equal(server.address.host, host);
      assert.deepEqual(await call(client(server), path, hello), { bytes: hello });
    }
  });

  it("serves on a unix socket and removes its file when drained", async () => {
    const server = await start({ services, address: socketAddress() });
    assert.deepEqual(await call(client(server), path, hello), { bytes: hello });
    assert.ok(existsSync(join(folder, "weir.sock")));
    await server.drain(0);
    assert.ok(!existsSync(join(folder, "weir.sock")));
  });

  it("takes the place of a socket file that nobody listens on", async () => {
    const ended = createServer().listen(join(folder, "ended.sock"));
    await once(ended, "listening");
    renameSync(join(folder, "ended.sock"), join(folder, "weir.sock"));
    ended.close();
    await once(ended, "close");
    assert.ok(existsSync(join(folder, "weir.sock")));

    const server = await start({ services, address: socketAddress() });
    assert.deepEqual(await call(client(server), path, hello), { bytes: hello });
  });

  it("says which address it cannot have, and why", async () => {
    const taken = await start({ services });
    await start({ services, address: socketAddress() });
    writeFileSync(join(folder, "file"), "");
    const cases: [ListenAddress, RegExp][] = [
      [taken.address, /^cannot listen on 127\.0\.0\.1:\d+: another process listens there$/],
      [socketAddress(), /^cannot listen on unix:.*weir\.sock: another process listens there$/],
      [
        { kind: "unix", path: join(folder, "file") },
        /^cannot listen on unix:.*file: the path exists and is not a socket$/,
      ],
      [
        { kind: "unix", path: join(folder, "none", "weir.sock") },
        /^cannot listen on unix:.*: permission denied, or the folder does not exist$/,
      ],
      [
        { kind: "tcp", host: "192.0.2.1", port: 0 },
        /^cannot listen on 192\.0\.2\.1:0: no interface of this machine has that address$/,
      ],
    ];
    for (const [address, message] of cases) {
      await assert.rejects(start({ services, address }), { message });
    }
    assert.deepEqual(await call(client(taken), path, hello), { bytes: hello });
  });
});
