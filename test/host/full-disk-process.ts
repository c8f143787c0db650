import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Spool, SpoolDelivery } from "../../src/adapter/spool.ts";
import { Spools } from "../../src/host/spools.ts";
import { until } from "../support/until.ts";

/**
 * A process that fills a small disk, which its second parameter names, with a spool. The first says what it does then. What it found out it
 * writes to standard output, as JSON.
 */
const [, , part = "", disk = ""] = process.argv;
const BALLAST = join(disk, "ballast");
const RECORD_BYTES = 1_000;

const counted: Record<string, number> = {};
const logged: string[] = [];
const log = (fields: Readonly<Record<string, unknown>>, message: string): void =>
  void logged.push(`${message} ${JSON.stringify(fields)}`);
const accepted: number[] = [];
const arrived: number[] = [];
const perhaps: number[] = [];
/** The first batch is under way until the gate opens. */
const gate = Promise.withResolvers<SpoolDelivery>();
let deliver: (batch: readonly Buffer[]) => SpoolDelivery | Promise<SpoolDelivery> = () => gate.promise;

const open = (): Promise<Spool> =>
  new Spools().open(
    {
      folder: join(disk, "spool"),
      maxBytes: 64 * 1_048_576,
      segmentBytes: 32 * 1_024,
      sealAfterMs: 20,
      deliverTimeoutMs: 60_000,
      deliver: async (batch) => deliver(batch),
    },
    {
      log: { info: log, warn: log },
      metrics: {
        counter:
          () =>
          (by, result = "") =>
            void (counted[result] = (counted[result] ?? 0) + by),
        gauge: () => undefined,
      },
    },
  );

const numberOf = (record: Buffer): number => Number(record.toString("latin1", 0, 10));
let next = 0;
function append(spool: Spool): boolean {
  const record = Buffer.alloc(RECORD_BYTES, "x");
  record.write(String(next).padStart(10, "0"));
  const isTaken = spool.append(record);
  if (isTaken) accepted.push(next++);
  return isTaken;
}

/** Appends until the disk takes no more, and for a while after that. */
async function fill(spool: Spool): Promise<void> {
  const before = counted["full"] ?? 0;
  await until(
    () => {
      for (let one = 0; one < 5; one++) append(spool);
      return (counted["full"] ?? 0) >= before + 100;
    },
    { what: "a full disk", timeoutMs: 20_000 },
  );
}

const accept = (spool: Spool): Promise<unknown> =>
  until(() => append(spool), { what: "a record that is taken", timeoutMs: 10_000 });

const again = new Set<number>();

/** Of a batch, what has arrived, what has not and what perhaps has. */
function mixed(batch: readonly Buffer[]): SpoolDelivery {
  const [retry, unknown]: [Buffer[], Buffer[]] = [[], []];
  for (const record of batch) {
    const number = numberOf(record);
    if (number % 3 === 1 && !again.has(number)) {
      again.add(number);
      retry.push(record);
    } else if (number % 7 === 0) unknown.push(record);
    else arrived.push(number);
  }
  perhaps.push(...unknown.map(numberOf));
  return { kind: "partly", retry, unknown, dropped: 0, reason: "some of each", afterMs: 1 };
}

const all = (batch: readonly Buffer[]): SpoolDelivery => {
  arrived.push(...batch.map(numberOf));
  return { kind: "delivered" };
};

async function live(): Promise<void> {
  await writeFile(BALLAST, Buffer.alloc(300 * 1_024));
  const spool = await open();
  await fill(spool);
  await rm(BALLAST);
  await accept(spool);
  const recovered = accepted.length;
  await fill(spool);
  // The disk stays full of other things while what is on it is delivered, piece by piece.
  await writeFile(BALLAST, Buffer.alloc(1_048_576)).catch(() => undefined);
  deliver = mixed;
  gate.resolve({ kind: "retry", reason: "away" });
  await until(() => perhaps.length >= 10, { what: "some to arrive", timeoutMs: 20_000 });
  deliver = all;
  await accept(spool);
  await spool.close(Date.now() + 10_000);
  print({ recovered });
}

async function die(): Promise<void> {
  const spool = await open();
  await fill(spool);
  print();
  process.stdout.write("", () => process.kill(process.pid, "SIGKILL"));
}

/** After another has died: the disk is still as full as it left it. */
async function outlive(): Promise<void> {
  deliver = all;
  const spool = await open();
  await spool.close(Date.now() + 10_000);
  print();
}

const print = (more: object = {}): void =>
  void process.stdout.write(`${JSON.stringify({ counted, accepted, arrived, perhaps, logged, ...more })}\n`);

const PARTS = new Map([
  ["live", live],
  ["die", die],
  ["outlive", outlive],
]);
await PARTS.get(part)?.();
