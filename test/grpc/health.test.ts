import assert from "node:assert/strict";
import { status, type Client } from "@grpc/grpc-js";
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../src/wire/grpc/health/v1/health.ts";
import { asBuffer, call, ownServers, same } from "./client.ts";

const services = [{ name: "weir.test.Echo", operation: "check" as const, methods: {} }];
const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = ServingStatus;

describe("grpc.health.v1", () => {
  const { start, client } = ownServers();

  async function check(caller: Client, service: string): Promise<string> {
    const request = HealthCheckRequest.encode({ service }).finish();
    const outcome = await call(caller, "/grpc.health.v1.Health/Check", request);
    if ("code" in outcome) return status[outcome.code];
    return HealthCheckResponse.decode(outcome.bytes).status === SERVING ? "SERVING" : "NOT_SERVING";
  }

  /** The statuses that a watch is told, in order, until the stream ends; leaving it cancels the call. */
  async function* watch(caller: Client, service: string): AsyncGenerator<number, undefined> {
    const request = HealthCheckRequest.encode({ service }).finish();
    const stream = caller.makeServerStreamRequest("/grpc.health.v1.Health/Watch", asBuffer, same, request);
    try {
      for await (const bytes of stream as AsyncIterable<Buffer>)
        yield HealthCheckResponse.decode(bytes).status;
    } finally {
      stream.cancel();
    }
  }

  it("checks the server and each of its services, and knows no other", async () => {
    const server = await start({ services });
    const caller = client(server);
    const seen: Record<string, string[]> = {};
    for (const serving of ["at first", "serving", "not-serving"] as const) {
      if (serving !== "at first") server.setServing(serving);
      seen[serving] = [];
      for (const service of ["", "weir.test.Echo", "weir.test.Other"]) {
        seen[serving].push(await check(caller, service));
      }
    }
    assert.deepEqual(seen, {
      "at first": ["NOT_SERVING", "NOT_SERVING", "NOT_FOUND"],
      serving: ["SERVING", "SERVING", "NOT_FOUND"],
      "not-serving": ["NOT_SERVING", "NOT_SERVING", "NOT_FOUND"],
    });
  });

  it("tells watchers of each change once, and of the end", async () => {
    const server = await start({ services });
    const watched = watch(client(server), "weir.test.Echo");
    assert.deepEqual(await watched.next(), { value: NOT_SERVING, done: false });
    server.setServing("serving");
    server.setServing("serving");
    assert.deepEqual(await watched.next(), { value: SERVING, done: false });
    server.setServing("not-serving");
    assert.deepEqual(await watched.next(), { value: NOT_SERVING, done: false });
    server.setServing("serving");
    assert.deepEqual(await watched.next(), { value: SERVING, done: false });
    const drained = server.drain(60_000);
    server.setServing("serving");
    assert.deepEqual(await watched.next(), { value: NOT_SERVING, done: false });
    assert.deepEqual(await watched.next(), { value: undefined, done: true });
    await drained;
  });

  it("tells who watches an unknown service that it is unknown, once, and keeps the stream", async () => {
    const server = await start({ services });
    const watched = watch(client(server), "weir.test.Other");
    assert.deepEqual(await watched.next(), { value: SERVICE_UNKNOWN, done: false });
    server.setServing("serving");
    await server.drain(60_000);
    assert.deepEqual(await watched.next(), { value: undefined, done: true });
  });

  it("refuses one watcher more than a thousand, until one leaves", async () => {
    const caller = client(await start({ services }));
    const watches = Array.from({ length: 1000 }, () => watch(caller, ""));
    const first = await Promise.all(watches.map((watched) => watched.next()));
    assert.ok(first.every(({ value }) => value === NOT_SERVING));
    await assert.rejects(watch(caller, "").next(), { code: status.RESOURCE_EXHAUSTED });

    await watches[0]?.return(undefined);
    let refused = true;
    while (refused) {
      refused = await watch(caller, "")
        .next()
        .then(
          () => false,
          () => true,
        );
    }
  });
});
