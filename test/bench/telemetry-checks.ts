import { runEntriesLoad, type EntriesLoad } from "./entries-load.ts";
import { medianTurn, turnText, withWeir, type Turn } from "./probed.ts";
import { median, table } from "./report.ts";
import { CHECK_PATH, checkRequest, MEASURED_HOST } from "./request.ts";
import { runVariedLoad, type VariedSeen } from "./varied-load.ts";

const CHECKED = `weir: 1
policy: shop
match: { hosts: [${MEASURED_HOST}] }
rules:
  - id: web-reads
    allow: request.method == "GET" && source.namespace == "shop"
`;

/** Far fewer than fill a core, so that what they wait for is the entries. */
const IN_FLIGHT = { connections: 2, streams: 2 };
const CHECKS = 4_000;
/** How the answer that lets a request pass begins. */
const ALLOWED = "0a00";
const PLACE = "00000000";

const FLOODS = [
  { name: "no entries", perSecond: 0, entries: 0 },
  { name: "20,000 entries/s", perSecond: 20_000, entries: 200_000 },
  { name: "50,000 entries/s", perSecond: 50_000, entries: 500_000 },
];

interface Measured extends VariedSeen {
  readonly longestTurn: Turn;
}

/** How long checks take while access logs arrive, each row in a process of its own. */
export async function checksBeside(
  files: Readonly<Record<string, string>>,
  { rounds, ...load }: Omit<EntriesLoad, "address" | "entries"> & { readonly rounds: number },
): Promise<string> {
  const rows: string[][] = [];
  for (const { name, ...flood } of FLOODS) {
    const all: Measured[] = [];
    for (let round = 0; round < rounds; round++) all.push(await measure(files, { ...load, ...flood }));
    const of = (pick: (one: Measured) => number): string => median(all.map(pick)).toFixed(1);
    rows.push([
      name,
      of(({ p50Ms }) => p50Ms),
      of(({ p99Ms }) => p99Ms),
      turnText(medianTurn(all.map(({ longestTurn }) => longestTurn))),
    ]);
  }
  return table(["checks, meanwhile", "p50 ms", "p99 ms", "longest turn ms (CPU)"], rows);
}

function measure(
  files: Readonly<Record<string, string>>,
  flood: Omit<EntriesLoad, "address">,
): Promise<Measured> {
  return withWeir({ ...files, "shop.yaml": CHECKED }, async (weir) => {
    const { address } = weir;
    const ask = (): Promise<VariedSeen> =>
      runVariedLoad(
        {
          ...{ ...IN_FLIGHT, address, path: CHECK_PATH, requests: CHECKS, values: 10_000, seed: 1 },
          message: checkRequest({ method: "GET", path: `/orders/${PLACE}/items` }).toString("base64"),
          place: PLACE,
        },
        ALLOWED,
      );
    await ask();
    let isFlooding = flood.entries > 0;
    const flooded = isFlooding
      ? runEntriesLoad({ ...flood, address }).finally(() => (isFlooding = false))
      : undefined;
    await weir.longestTurn();
    const seen = await ask();
    const longestTurn = await weir.longestTurn();
    if (flood.entries > 0 && !isFlooding) throw new Error("the entries ended before the checks");
    await flooded;
    return { ...seen, longestTurn };
  });
}
