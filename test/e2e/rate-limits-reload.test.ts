import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client, credentials } from "@grpc/grpc-js";
import {
  RateLimitResponse,
  RateLimitResponse_Code as Code,
} from "../../src/wire/envoy/service/ratelimit/v3/rls.ts";
import { call } from "../grpc/client.ts";
import { rateLimitRequest } from "../quota/fixture.ts";
import { until } from "../support/until.ts";
import { removeFolder, serverFile, startWeir, type Weir, writeFolder } from "../support/weir.ts";

const METHOD = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

const limitsOf = (perYear: number): string => `domain: edge
descriptors:
  - { key: user, rate_limit: { unit: year, requests_per_unit: ${perYear} } }
  - { key: busy, rate_limit: { unit: year, requests_per_unit: 1000000 } }
`;

describe("files of rate limits that change while requests run", function () {
  this.timeout(30_000);
  const open = new AsyncDisposableStack();
  let weir: Weir;
  let folder: string;
  let client: Client;

  before(async () => {
    folder = open.adopt(
      await writeFolder({ "weir.yaml": serverFile(), "edge.yaml": limitsOf(10_000) }),
      removeFolder,
    );
    weir = open.adopt(await startWeir(folder), (one) => one.process.stop());
    const target =
      "unix" in weir.checks ? `unix:${weir.checks.unix}` : `${weir.checks.host}:${weir.checks.port}`;
    client = open.adopt(new Client(target, credentials.createInsecure()), (one) => one.close());
  });
  after(() => open.disposeAsync());

  async function ask(descriptor: string): Promise<RateLimitResponse> {
    const answer = await call(client, METHOD, rateLimitRequest("edge", [[descriptor]]));
    return RateLimitResponse.decode("bytes" in answer ? answer.bytes : assert.fail(JSON.stringify(answer)));
  }

  /** Whether the request passed, the limit that held, and what remains of it. */
  async function told(): Promise<readonly [passed: boolean, limit: number, remaining: number]> {
    const { overallCode, statuses } = await ask("user=alice");
    const [status] = statuses;
    return [overallCode === Code.OK, status?.currentLimit?.requestsPerUnit ?? 0, status?.limitRemaining ?? 0];
  }

  /** Asks until the new limit holds. Each answer is of the old limit or the new one, and has counted on. */
  async function changeTo(perYear: number, before: number, counted: number): Promise<number> {
    await writeFile(join(folder, "edge.yaml"), limitsOf(perYear));
    let used = counted;
    await until(
      async () => {
        const [passed, limit, remaining] = await told();
        assert.ok(limit === before || limit === perYear, String(limit));
        assert.equal(passed, used + 1 <= limit, `${used + 1} of ${limit}`);
        if (passed) used++;
        assert.equal(remaining, Math.max(0, limit - used));
        return limit === perYear;
      },
      { what: "the new limit to hold" },
    );
    return used;
  }

  it("hold from the next request on, over what is counted, and nobody is refused meanwhile", async () => {
    let isDone = false;
    let busy = 0;
    const asking = async (): Promise<void> => {
      while (!isDone) {
        assert.equal((await ask("busy=a")).overallCode, Code.OK);
        busy++;
      }
    };
    const others = Promise.all([asking(), asking(), asking()]);
    try {
      assert.deepEqual(await told(), [true, 10_000, 9_999]);
      const used = await changeTo(20_000, 10_000, 1);
      const now = await changeTo(used, 20_000, used);
      assert.deepEqual(await told(), [false, used, 0]);
      assert.ok(now >= used);
      const before = busy;
      await until(() => busy > before + 50, { what: "other requests to be answered" });
    } finally {
      isDone = true;
      await others;
    }
    const { statuses } = await ask("busy=a");
    assert.equal(statuses[0]?.limitRemaining, 1_000_000 - busy - 1);
  });
});
