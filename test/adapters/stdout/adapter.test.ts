import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../../..");

/** What a process of its own writes. */
const PROGRAM = `
  import { stdout } from "${root}/adapters/stdout/adapter.ts";
  import { createHost } from "${root}/src/host/host.ts";
  import { createTestHost } from "${root}/test/adapters/host.ts";
  import { fieldRecord } from "${root}/test/adapters/records.ts";
  const handler = stdout.create({}, createHost(createTestHost()));
  await handler.start();
  const call = { deadlineAtMs: Number.MAX_SAFE_INTEGER, signal: new AbortController().signal };
  const records = Array.from({ length: 3000 }, (_, index) => fieldRecord({ index, text: "a\\nb" }));
  const delivery = await handler.report(records, call);
  await handler.close();
  process.stderr.write(delivery.kind);
`;

describe("the stdout adapter in a process of its own", () => {
  it("writes a line for each record, in their order", async () => {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--eval", PROGRAM],
      { maxBuffer: 16 * 1_048_576 },
    );
    const lines = stdout.split("\n").slice(0, -1);
    const found = lines.map((line) => (JSON.parse(line) as { index: unknown }).index);
    assert.deepEqual([found, stderr], [Array.from({ length: 3_000 }, (_, index) => index), "delivered"]);
  });
});
