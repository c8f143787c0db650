import assert from "node:assert/strict";
import { open, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { frame } from "../../src/host/spool-frames.ts";
import type { SpoolDelivery } from "../../src/adapter/spool.ts";
import type { OpenFile } from "../../src/host/spool-folder.ts";
import { until } from "../support/until.ts";
import { inAWhile, Spooling } from "./spooling.ts";

describe("records that wait on disk", () => {
  let spooling: Spooling;
  beforeEach(async () => (spooling = await Spooling.create()));
  afterEach(() => spooling.clear());

  const delivered = (count: number): Promise<unknown> =>
    until(() => spooling.count("delivered") >= count, { what: `${count} records that are delivered` });

  it("are delivered in their order, once, and leave nothing", async () => {
    const spool = await spooling.open();
    const texts = Array.from({ length: 50 }, (_, index) => `record ${index}`);
    for (const text of texts) assert.ok(spool.append(Buffer.from(text)));
    assert.ok((spooling.gauges.get("spool_records")?.() ?? 0) > 0);
    await delivered(50);
    assert.ok(spool.append(Buffer.from("the last\nwith two lines")));
    await spool.close(inAWhile());
    assert.deepEqual(spooling.delivered, [...texts, "the last\nwith two lines"]);
    assert.deepEqual(await spooling.files(), []);
    assert.equal(spooling.gauges.get("spool_bytes")?.(), 0);
    assert.equal(spooling.gauges.get("spool_oldest_age_seconds")?.(), 0);
    assert.ok(!spool.append(Buffer.from("after the end")));
    assert.deepEqual(Object.fromEntries(spooling.counted), { taken: 51, delivered: 51, closed: 1 });
  });

  it("are not taken beyond the bound, and taken again when there is room", async () => {
    spooling.answers = [{ kind: "retry", reason: "away" }, { kind: "delivered" }];
    const spool = await spooling.open({ maxBytes: 200 });
    const taken = Array.from({ length: 20 }, () => spool.append(Buffer.alloc(12)));
    assert.equal(taken.filter(Boolean).length, 10);
    assert.equal(spooling.count("full"), 10);
    assert.ok(!spool.append(Buffer.alloc(1_000)), "longer than a batch");
    assert.equal(spooling.count("too_large"), 1);
    await delivered(10);
    assert.ok(spool.append(Buffer.alloc(12)));
  });

  it("make room for newer ones where the oldest are to be dropped, but for those that are under way", async () => {
    const sent: number[] = [];
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<SpoolDelivery>();
    const spool = await spooling.open({
      maxBytes: 400,
      whenFull: "drop oldest",
      deliver: (batch) => {
        sent.push(...batch.map(Number));
        return arrived;
      },
    });
    for (let index = 0; index < 12; index++) {
      assert.ok(spool.append(Buffer.from(String(index).padStart(67, "0"))));
      // Files are numbered from 1 on, and each has one record.
      const name = new RegExp(`^0*${index + 1}-.*[.](batch|sending)$`);
      await until(async () => (await readdir(spooling.folder)).some((one) => name.test(one)), {
        what: `batch ${index}`,
      });
    }
    arrive({ kind: "delivered" });
    await spool.close(inAWhile());
    assert.deepEqual(sent, [0, 8, 9, 10, 11]);
    assert.deepEqual([spooling.count("dropped"), spooling.count("full")], [7, 0]);
    assert.deepEqual(await spooling.files(), []);
  });

  it("are sent again where they have certainly not arrived, before those that came later", async () => {
    spooling.answers = [{ kind: "retry", reason: "503", afterMs: 1 }, { kind: "delivered" }];
    const spool = await spooling.open();
    spool.append(Buffer.from("first"));
    await until(() => spooling.batches.length === 1, { what: "a batch" });
    spool.append(Buffer.from("second"));
    await delivered(2);
    assert.deepEqual(spooling.batches, [["first"], ["first"], ["second"]]);
    assert.match(
      spooling.log.lines.join("\n"),
      /cannot be delivered; they wait on disk.*503[^]*delivered again/,
    );
  });

  it("are never sent again where they may have arrived", async () => {
    spooling.answers = [
      { kind: "unknown", reason: "the connection was reset" },
      new Error("thrown"),
      { kind: "perhaps" } as never,
      { kind: "refused", dropped: 7, reason: "more than there are" },
      "hangs",
      { kind: "delivered" },
    ];
    const spool = await spooling.open({ deliverTimeoutMs: 30 });
    for (let batch = 0; batch < 6; batch++) {
      spool.append(Buffer.from(`${batch}`));
      await until(() => spooling.batches.length === batch + 1, { what: "its delivery" });
    }
    await delivered(1);
    await spool.close(inAWhile());
    assert.deepEqual(spooling.delivered, ["0", "1", "2", "3", "4", "5"]);
    assert.equal(spooling.count("unknown"), 5);
    assert.deepEqual(
      await spooling.files(),
      Array.from({ length: 5 }, () => "unknown"),
    );
    assert.match(spooling.log.lines.join("\n"), /may or may not have arrived.*the connection was reset/);
    // Nor after a restart.
    const next = await spooling.open();
    await next.close(inAWhile());
    assert.equal(spooling.batches.length, 6);
  });

  it("may come to different things, one by one", async () => {
    const texts = ["arrived", "again", "perhaps", "refused"];
    spooling.answers = [
      {
        kind: "partly",
        retry: [Buffer.from("again")],
        unknown: [Buffer.from("perhaps")],
        dropped: 1,
        reason: "one of each",
      },
      { kind: "delivered" },
    ];
    const spool = await spooling.open();
    for (const text of texts) spool.append(Buffer.from(text));
    await delivered(2);
    assert.deepEqual(spooling.batches, [texts, ["again"]]);
    assert.deepEqual(Object.fromEntries(spooling.counted), {
      taken: 4,
      delivered: 2,
      unknown: 1,
      refused: 1,
    });
    await spool.close(inAWhile());
    assert.deepEqual(await spooling.files(), ["unknown"]);
  });

  it("stay on disk when there is no time, and are delivered once by the next process", async () => {
    spooling.answers = [{ kind: "retry", reason: "away" }];
    const spool = await spooling.open();
    for (let index = 0; index < 30; index++) spool.append(Buffer.from(`record ${index}`));
    await spool.close(Date.now() + 50);
    spooling.answers = [{ kind: "delivered" }];
    const tried = spooling.batches.length;
    const next = await spooling.open();
    await delivered(30);
    await next.close(inAWhile());
    assert.deepEqual(
      spooling.batches.slice(tried).flat(),
      Array.from({ length: 30 }, (_, index) => `record ${index}`),
    );
  });

  it("are unknown where the time is up while they are sent", async () => {
    spooling.answers = ["hangs"];
    const spool = await spooling.open();
    spool.append(Buffer.from("sent"));
    await until(() => spooling.batches.length === 1, { what: "a batch" });
    await spool.close(Date.now() + 50);
    assert.deepEqual(await spooling.files(), ["unknown"]);
  });

  it("are read up to where a file is whole", async () => {
    const whole = Buffer.concat(["a", "b"].flatMap((text) => frame(Buffer.from(text))));
    const torn = Buffer.concat(frame(Buffer.from("torn"))).subarray(0, -1);
    const [header] = frame(Buffer.from("other"));
    const damaged = Buffer.concat([header, Buffer.from("damag")]);
    const file = (name: string, content: Buffer): Promise<void> =>
      writeFile(join(spooling.folder, name), content);
    await file("000000000001-5-0.open", Buffer.concat([whole, torn]));
    await file("000000000002-5-0.open", torn);
    await file("000000000003-5-3.batch", Buffer.concat([whole, damaged]));
    await file("000000000004-5-1.draft", whole);
    await file("notes.txt", whole);
    const spool = await spooling.open();
    await delivered(4);
    spool.append(Buffer.from("c"));
    await spool.close(inAWhile());
    assert.deepEqual(spooling.batches, [["a", "b"], ["a", "b"], ["c"]]);
    assert.equal(spooling.count("torn"), 3);
    assert.deepEqual(await readdir(spooling.folder), ["notes.txt"]);
  });

  it("are put aside a hundred batches at most", async () => {
    for (let index = 100; index < 250; index++) {
      await writeFile(join(spooling.folder, `000000000${index}-5-2.sending`), "");
    }
    const spool = await spooling.open();
    assert.equal(spooling.count("unknown"), 300);
    assert.equal((await readdir(spooling.folder)).filter((name) => name.endsWith(".unknown")).length, 100);
    await spool.close(inAWhile());
    assert.equal(spooling.batches.length, 0);
  });

  it("are no longer taken while the disk is full, and all that were taken arrive once", async () => {
    let isFull = false;
    const openFile: OpenFile = async (path, flags) => {
      const handle = await open(path, flags);
      const write = handle.write.bind(handle) as (...given: unknown[]) => Promise<{ bytesWritten: number }>;
      // A disk that becomes full takes a part of what is written.
      const some = async (content: Buffer, from: number, length: number, at: number) => {
        if (!isFull) return write(content, from, length, at);
        await write(content, from, Math.min(length, 3), at);
        throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
      };
      return Object.assign(handle, { write: some });
    };
    const spool = await spooling.open({}, spooling.spools(openFile));
    spool.append(Buffer.from("before"));
    await delivered(1);
    isFull = true;
    let taken = 1;
    await until(
      () => {
        if (spool.append(Buffer.from(`during ${taken}`))) taken++;
        return spooling.count("full") > 0;
      },
      { what: "a record that is not taken" },
    );
    assert.match(spooling.log.lines.join("\n"), /cannot be written to disk.*ENOSPC/);
    isFull = false;
    await until(
      () => {
        const isTaken = spool.append(Buffer.from("after"));
        if (isTaken) taken++;
        return isTaken;
      },
      { what: "a record that is taken" },
    );
    await spool.close(inAWhile());
    assert.equal(spooling.count("delivered"), taken);
    assert.deepEqual(spooling.delivered, [
      "before",
      ...Array.from({ length: taken - 2 }, (_, index) => `during ${index + 1}`),
      "after",
    ]);
  });

  it("have the newest of two handlers of a process, and are drained by the last that closes", async () => {
    const spools = spooling.spools();
    const before = await spooling.open({}, spools);
    const newest: string[] = [];
    const after = await spooling.open(
      {
        deliver: (batch) => {
          newest.push(...batch.map(String));
          return Promise.resolve({ kind: "delivered" });
        },
      },
      spools,
    );
    before.append(Buffer.from("by the first"));
    await delivered(1);
    await before.close(inAWhile());
    assert.ok(!before.append(Buffer.from("too late")));
    after.append(Buffer.from("by the second"));
    const closed = after.close(inAWhile());
    const third = await spooling.open({}, spools);
    await closed;
    assert.deepEqual(newest, ["by the first", "by the second"]);
    third.append(Buffer.from("by the third"));
    await third.close(inAWhile());
    assert.deepEqual(spooling.delivered, ["by the third"]);
  });

  it("need a folder that can be used", async () => {
    await writeFile(join(spooling.folder, "file"), "");
    await assert.rejects(spooling.open({ folder: join(spooling.folder, "file/below") }), /cannot be used/);
    const long = join(spooling.folder, "a".repeat(100));
    await assert.rejects(spooling.open({ folder: long }), /too long a path/);
    // A failed attempt takes nothing.
    await assert.doesNotReject(spooling.open());
  });
});
