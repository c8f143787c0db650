import assert from "node:assert/strict";
import { open as openFile, readFile, rm, writeFile } from "node:fs/promises";
import { constants } from "node:fs";
import { join } from "node:path";
import { requests, startReporting, type Balance, type Reporting } from "../support/reporting.ts";
import { runCommand } from "../support/command.ts";
import { onSmallDisk } from "../support/small-disk.ts";
import { until } from "../support/until.ts";
import { removeFolder, writeFolder } from "../support/weir.ts";

const TELEMETRY = "  - id: lines\n    to: lines\n    preset: access-log\n";
/** Small, so that it overflows soon. */
const CAPACITY = 200;
const EACH = 50;

const handlerOf = (file: string): string =>
  `  lines: { adapter: file, deadline: 500ms, queue: { capacity: ${CAPACITY}, batch: 20, wait: 50ms }, config: { file: "${file}" } }\n`;

const idsIn = (text: string): readonly string[] =>
  text.split("\n").flatMap((line) => {
    // Where the disk was full in the middle of a line, the line ends there.
    if (!line.endsWith("}")) return [];
    return [(JSON.parse(line) as { readonly stream_id: string }).stream_id];
  });

describe("a file of access logs that takes no more", () => {
  let open: AsyncDisposableStack;
  let folder: string;
  let reporting: Reporting;
  let sent: number;

  beforeEach(async () => {
    open = new AsyncDisposableStack();
    folder = open.adopt(await writeFolder({}), removeFolder);
    sent = 0;
  });
  afterEach(() => open.disposeAsync());

  async function send(stream: ReturnType<Reporting["stream"]>): Promise<void> {
    await stream.send(requests(EACH, sent));
    sent += EACH;
  }

  async function lines(): Promise<Balance & { readonly state: string }> {
    const [found] = (await reporting.account()).handlers;
    assert.ok(found?.imbalance === 0, "nothing is lost unseen");
    return found;
  }

  /** Sends until the queue is full, and something was dropped for that; nothing else may be lost. */
  async function overflow(stream: ReturnType<Reporting["stream"]>): Promise<void> {
    for (let batch = 0; batch < (3 * CAPACITY) / EACH; batch++) await send(stream);
    await until(async () => ((await lines()).dropped["queue_full"] ?? 0) > 0, { what: "records to be shed" });
    assert.equal((await lines()).queued, CAPACITY);
    assert.ok(stream.isOpen(), "no stream is held up");
  }

  /** All is told: what is not in the file was counted as dropped, and the file has nothing else. */
  async function whole(text: () => Promise<string>): Promise<void> {
    const { handlers } = await reporting.settled(sent, 40_000);
    const { delivered = 0, dropped = {} } = handlers[0] ?? {};
    assert.deepEqual(Object.keys(dropped), ["queue_full"]);
    assert.equal(delivered + (dropped["queue_full"] ?? 0), sent);
    const ids = new Set(idsIn(await text()));
    assert.equal(ids.size, delivered);
  }

  it("counts what it sheds while the disk is full, and goes on by itself when there is room", async function () {
    this.timeout(90_000);
    const file = join(folder, "access.jsonl");
    reporting = await startReporting(
      { handlers: handlerOf(file), telemetry: TELEMETRY, serve: { within: onSmallDisk(folder) } },
      open,
    );
    const seen = join(`/proc/${reporting.weir.process.pid}/root`, folder);
    const stream = reporting.stream();
    await send(stream);
    await until(async () => (await lines()).delivered === sent, { what: "the disk to take lines" });
    await assert.rejects(writeFile(join(seen, "others"), Buffer.alloc(2 ** 20)), { code: "ENOSPC" });

    await overflow(stream);
    assert.equal((await lines()).state, "failing");

    await rm(join(seen, "others"));
    await until(async () => (await lines()).queued === 0, {
      what: "the queue to be written",
      timeoutMs: 40_000,
    });
    await send(stream);
    await whole(() => readFile(join(seen, "access.jsonl"), "utf8"));
    assert.equal((await lines()).state, "ready");
  });

  it("writes nothing twice where it is slow, and counts what it sheds", async function () {
    this.timeout(90_000);
    const pipe = join(folder, "access.fifo");
    assert.equal((await runCommand("mkfifo", [pipe], { timeoutMs: 5_000 })).kind, "succeeded");
    // Who opens it for both waits for nobody.
    const reader = await openFile(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    open.defer(() => reader.close());
    reporting = await startReporting({ handlers: handlerOf(pipe), telemetry: TELEMETRY }, open);
    const stream = reporting.stream();
    await overflow(stream);

    const parts: Buffer[] = [];
    const state = { isDone: false };
    const reading = (async () => {
      const part = Buffer.alloc(65_536);
      await until(
        async () => {
          const { bytesRead } = await reader.read(part).catch(() => ({ bytesRead: 0 }));
          parts.push(Buffer.from(part.subarray(0, bytesRead)));
          return state.isDone && bytesRead === 0;
        },
        { what: "all lines to be read", timeoutMs: 60_000 },
      );
    })();
    await until(async () => (await lines()).queued === 0, {
      what: "the queue to be written",
      timeoutMs: 40_000,
    });
    await send(stream);
    await whole(async () => {
      state.isDone = true;
      await reading;
      const text = Buffer.concat(parts).toString();
      assert.equal(new Set(idsIn(text)).size, idsIn(text).length, "each line once");
      return text;
    });
  });
});
