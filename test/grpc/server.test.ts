import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import fc from "fast-check";
import type { GrpcService, UnaryHandler } from "../../src/grpc/calls.ts";
import { call, ownServers } from "./client.ts";

const path = "/weir.test.Echo/Call";
const hello = Buffer.from("hello");

function echo(handler: UnaryHandler): GrpcService[] {
  return [{ name: "weir.test.Echo", operation: "check", methods: { Call: handler } }];
}

describe("a gRPC server", () => {
  const { start, client } = ownServers();

  it("hands over the bytes of any message and sends back those of the answer", async () => {
    const caller = client(await start({ services: echo((request) => request) }));
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 1000 }), async (bytes) => {
        assert.deepEqual(await call(caller, path, bytes), { bytes: Buffer.from(bytes) });
      }),
      { numRuns: 50 },
    );
  });

  it("takes an answer that comes later, and one that is a part of a larger buffer", async () => {
    const handler: UnaryHandler = async (request) => {
      await Promise.resolve();
      return new Uint8Array(request).subarray(1, 3);
    };
    assert.deepEqual(await call(client(await start({ services: echo(handler) })), path, hello), {
      bytes: Buffer.from("el"),
    });
  });

  const failures: Record<string, UnaryHandler> = {
    throws: () => {
      throw new Error("secret");
    },
    rejects: () => Promise.reject(new Error("secret")),
  };
  for (const [manner, failing] of Object.entries(failures)) {
    it(`answers INTERNAL without a detail when a handler ${manner}, tells of it, and lives on`, async () => {
      const told: string[] = [];
      const caller = client(
        await start({
          services: echo((request, deadlineAtMs, caller) =>
            request.length === 0 ? failing(request, deadlineAtMs, caller) : request,
          ),
          onError: (error, method) => told.push(`${method}: ${String(error)}`),
        }),
      );
      const outcome = await call(caller, path, Buffer.alloc(0));
      assert.deepEqual(outcome, { code: status.INTERNAL, details: "internal error" });
      assert.deepEqual(told, ["weir.test.Echo/Call: Error: secret"]);
      assert.deepEqual(await call(caller, path, hello), { bytes: hello });
    });
  }

  it("answers RESOURCE_EXHAUSTED to a message over the bound, and lives on", async () => {
    const caller = client(await start({ services: echo((request) => request), maxMessageBytes: 100 }));
    const codes = [];
    for (const size of [100, 101, 1_000_000, 100]) {
      const outcome = await call(caller, path, Buffer.alloc(size));
      codes.push("code" in outcome ? outcome.code : "answered");
    }
    assert.deepEqual(codes, ["answered", status.RESOURCE_EXHAUSTED, status.RESOURCE_EXHAUSTED, "answered"]);
  });

  it("answers UNIMPLEMENTED for a method that no service has", async () => {
    const caller = client(await start({ services: echo((request) => request) }));
    for (const unknown of ["/weir.test.Echo/Other", "/weir.test.Other/Call", "/weir.test.Echo/constructor"]) {
      const outcome = await call(caller, unknown, hello);
      assert.ok("code" in outcome && outcome.code === status.UNIMPLEMENTED, unknown);
    }
  });

  it("passes on the caller's deadline, and infinity where there is none", async () => {
    const seen: number[] = [];
    const handler: UnaryHandler = (request, deadlineAtMs) => {
      seen.push(deadlineAtMs);
      return request;
    };
    const caller = client(await start({ services: echo(handler) }));
    const deadline = Date.now() + 60_000;
    await call(caller, path, hello, { deadline });
    await call(caller, path, hello);
    const [first, second] = seen;
    assert.ok(first !== undefined && Math.abs(first - deadline) < 5_000, `${String(first)} is not near`);
    assert.equal(second, Number.POSITIVE_INFINITY);
  });

  it("answers DEADLINE_EXCEEDED when the time is up, whatever the handler does", async () => {
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    const caller = client(await start({ services: echo(() => promise) }));
    const outcome = await call(caller, path, hello, { deadline: Date.now() + 20 });
    resolve(hello);
    assert.ok("code" in outcome && outcome.code === status.DEADLINE_EXCEEDED);
  });

  it("refuses two services that offer one method", async () => {
    const twice = [...echo((request) => request), ...echo((request) => request)];
    await assert.rejects(start({ services: twice }), /two services offer weir\.test\.Echo\/Call/);
  });
});

describe("draining a gRPC server", () => {
  const { start, client } = ownServers();

  /** A server with one call in flight, which `release` answers. */
  async function withCallInFlight() {
    const begun = Promise.withResolvers<undefined>();
    const answer = Promise.withResolvers<Uint8Array>();
    const handler: UnaryHandler = () => {
      begun.resolve(undefined);
      return answer.promise;
    };
    const server = await start({ services: echo(handler) });
    const outcome = call(client(server), path, hello);
    await begun.promise;
    return { server, outcome, release: () => answer.resolve(hello) };
  }

  it("finishes the call in flight, refuses new ones, then resolves, twice too", async () => {
    const { server, outcome, release } = await withCallInFlight();
    const drained = Promise.all([server.drain(60_000), server.drain(0)]);
    const late = await call(client(server), path, hello);
    assert.ok("code" in late && late.code === status.UNAVAILABLE);
    release();
    assert.deepEqual(await outcome, { bytes: hello });
    await drained;
    await server.drain(0);
  });

  it("cuts off the call that outlasts the grace", async () => {
    const { server, outcome, release } = await withCallInFlight();
    await server.drain(20);
    const cut = await outcome;
    release();
    assert.ok("code" in cut && [status.CANCELLED, status.UNAVAILABLE].includes(cut.code));
  });

  it("does not wait for an idle connection", async () => {
    const server = await start({ services: echo((request) => request) });
    await call(client(server), path, hello);
    await server.drain(60_000);
  });
});
