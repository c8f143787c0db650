import type { ReportRecord } from "./report-record.ts";
import { addUsage } from "./usage.ts";

/** A record as the spool holds it, and what it says. */
export interface Waiting {
  readonly bytes: Buffer;
  readonly record: ReportRecord;
}

/** Usage of one application in one minute, with all records that it is made of: of one, where that tells a status. */
export interface Transaction {
  readonly records: readonly Waiting[];
  readonly usage: ReadonlyMap<string, number>;
}

/** What one request brings: of one service. */
export interface Post {
  readonly service: string;
  readonly transactions: readonly Transaction[];
}

/** Rack takes 4,096 parameters of a form, and answers 400 or 500 to more. */
const MAX_PARAMETERS = 4_000;
const MAX_TRANSACTIONS = 1_000;
/** Of a credential and a time, or of what the service proves itself with. */
const PARAMETERS_ASIDE = 2;

/**
 * The back-end takes what is no older than a day and no further ahead than an hour; a whole batch is lost by one that is. Sources:
 * Apisonator, transaction.rb.
 */
const MAX_AGE_MS = 24 * 3_600_000 - 10 * 60_000;

export const isTooOld = ({ minuteMs }: ReportRecord, nowMs: number): boolean => nowMs - minuteMs > MAX_AGE_MS;

/**
 * Divides records into requests that the back-end can take; usage of one application and minute is added up, and stays in one of them. What
 * tells a status stays as it is: the back-end counts one for each transaction, whatever its usage. Source: Apisonator, stats/aggregators/response_code.rb.
 */
export function postsOf(waiting: readonly Waiting[]): readonly Post[] {
  const byService = new Map<string, Map<string, Sum>>();
  for (const [index, one] of waiting.entries()) {
    const { service, by, value, minuteMs, usage, code } = one.record;
    const sums = byService.get(service) ?? new Map<string, Sum>();
    byService.set(service, sums);
    const key = `${code === undefined ? "" : index} ${minuteMs} ${by} ${value}`;
    const sum = sums.get(key) ?? { records: [], usage: new Map<string, number>() };
    sums.set(key, sum);
    sum.records.push(one);
    addUsage(sum.usage, usage);
  }
  return Array.from(byService).flatMap(([service, sums]) =>
    chunksOf([...sums.values()]).map((transactions) => ({ service, transactions })),
  );
}

interface Sum {
  readonly records: Waiting[];
  readonly usage: Map<string, number>;
}

function chunksOf(transactions: readonly Transaction[]): readonly (readonly Transaction[])[] {
  const chunks: Transaction[][] = [];
  let [present, parameters]: [Transaction[], number] = [[], Number.POSITIVE_INFINITY];
  for (const one of transactions) {
    const ofCode = one.records[0]?.record.code === undefined ? 0 : 1;
    const more = PARAMETERS_ASIDE + ofCode + one.usage.size;
    if (parameters + more > MAX_PARAMETERS || present.length >= MAX_TRANSACTIONS) {
      [present, parameters] = [[], PARAMETERS_ASIDE];
      chunks.push(present);
    }
    present.push(one);
    parameters += more;
  }
  return chunks;
}

/** The parameters of transactions. What claims to be of the future, by a clock that was set back since, is of now. */
export const parametersOf = (
  transactions: readonly Transaction[],
  nowMs: number,
): readonly (readonly [name: string, value: string])[] =>
  transactions.flatMap(({ records: [first], usage }, index) => {
    if (first === undefined) return [];
    const { by, value, minuteMs, code } = first.record;
    const seconds = Math.floor(Math.min(minuteMs, nowMs) / 1_000);
    return [
      [`transactions[${index}][${by}]`, value],
      [`transactions[${index}][timestamp]`, String(seconds)],
      ...(code === undefined ? [] : [[`transactions[${index}][log][code]`, code] as const]),
      ...Array.from(
        usage,
        ([metric, amount]) => [`transactions[${index}][usage][${metric}]`, String(amount)] as const,
      ),
    ];
  });
