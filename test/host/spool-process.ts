import { Spools } from "../../src/host/spools.ts";
import { NO_METRICS } from "./no-metrics.ts";

/**
 * A process that has a spool in the folder of its parameter, takes records, and hangs while it sends the first batch. What happens it
 * writes to standard output.
 */
const [, , folder = ""] = process.argv;
const spool = await new Spools().open(
  {
    folder,
    maxBytes: 10_000,
    segmentBytes: 30,
    sealAfterMs: 10,
    deliverTimeoutMs: 60_000,
    deliver: (batch) => {
      process.stdout.write(`sending ${batch.map(String).join(",")}\n`);
      return new Promise(() => undefined);
    },
  },
  { log: { info: () => undefined, warn: () => undefined }, metrics: NO_METRICS },
);
spool.append(Buffer.from("first"));
process.stdin.on("data", (text) => {
  spool.append(Buffer.from(String(text).trim()));
});
