import assert from "node:assert/strict";
import { threescale } from "../../../adapters/threescale/adapter.ts";
import type { Call, CheckAnswer, Handler } from "../../../src/adapter/adapter.ts";
import type { SpoolDelivery } from "../../../src/adapter/spool.ts";
import { createOutbound } from "../../../src/host/fetch.ts";
import { startThreescale, type Threescale } from "../../support/threescale.ts";
import { until } from "../../support/until.ts";
import { createTestHost, tick, type TestHost } from "../host.ts";

/** A handler with a clock that is set, before a 3scale that is asked over real HTTP. */
export interface Running {
  readonly three: Threescale;
  readonly host: TestHost;
  readonly handler: Handler;
  check(input: Readonly<Record<string, unknown>>, charge?: Call["charge"]): Promise<CheckAnswer>;
  /** The answer in one line: `allow`, `403 Authentication failed`, `error: …`. */
  asked(input: Readonly<Record<string, unknown>>, charge?: Call["charge"]): Promise<string>;
  /** Brings what was counted to the back-end. */
  report(): Promise<SpoolDelivery>;
  /** The answer, in one line, of a handler that is made after this one under another configuration. */
  askedNext(more: object, input: Readonly<Record<string, unknown>>): Promise<string>;
  /** Reads the services anew. */
  refresh(): Promise<void>;
}

/** `set` tells the 3scale what there is before the handler starts. */
export async function startRunning(
  open: AsyncDisposableStack,
  set: (three: Threescale) => void,
  config: object = {},
): Promise<Running> {
  const test = createTestHost();
  const three = open.adopt(await startThreescale(test.nowMs), (one) => one.stop());
  set(three);
  const outbound = open.adopt(
    createOutbound({ settings: { allowPrivate: ["127.0.0.0/8"] }, log: test.log }),
    (one) => one.close(),
  );
  const host: TestHost = Object.assign(test, { fetch: outbound.fetch });
  host.secrets.set("TOKEN", three.token);
  const written = { system: three.url, accessToken: { env: "TOKEN" }, folder: "state", ...config };
  const handler = open.adopt(threescale.create(written, host), (one) => one.close());
  await handler.start();
  await until(() => handler.status().state !== "starting", { what: "the services" });
  const ask = async (
    one: Handler,
    input: Readonly<Record<string, unknown>>,
    charge: Call["charge"] = "now",
  ): Promise<CheckAnswer> => {
    const call = { deadlineAtMs: host.nowMs() + 1_000, signal: AbortSignal.timeout(1_000), charge };
    const answer = await one.check?.(new Map(Object.entries(input)), call);
    return answer ?? assert.fail("it can be asked");
  };
  const check: Running["check"] = (input, charge) => ask(handler, input, charge);
  return {
    three,
    host,
    handler,
    check,
    asked: async (input, charge) => inShort(await check(input, charge)),
    report: async () => {
      await tick(host);
      const deliver = host.spooled.get("state/reports") ?? assert.fail("there is no spool");
      const delivery = await deliver({
        deadlineAtMs: host.nowMs() + 5_000,
        signal: AbortSignal.timeout(5_000),
      });
      // The workers' turn.
      await new Promise((resolve) => setImmediate(resolve));
      return delivery;
    },
    askedNext: async (more, input) => {
      const next = open.adopt(threescale.create({ ...written, ...more }, host, handler), (one) =>
        one.close(),
      );
      await next.start();
      return inShort(await ask(next, input));
    },
    refresh: async () => {
      host.advance(10 * 60_000);
      await tick(host);
    },
  };
}

function inShort(answer: CheckAnswer): string {
  switch (answer.verdict) {
    case "allow":
      return "allow";
    case "deny": {
      const retry = answer.headers?.get("retry-after");
      const said = answer.body?.text ?? answer.message ?? "";
      return `${answer.status ?? 403} ${said}${retry === undefined ? "" : ` (again in ${retry})`}`;
    }
    case "error":
      return `error: ${answer.reason}`;
  }
}
