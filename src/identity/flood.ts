import { hash, randomBytes } from "node:crypto";
import { RateLimiterMemory } from "rate-limiter-flexible";
import { Ip } from "../std/ip.ts";

/** Slows clients that present bad credentials, as one identity sees it. */
export interface FloodGuard {
  /** Whether this client presented too many bad ones lately. Without a promise. */
  isSlowed(client: string): boolean;
  /** Counts a bad one that cost work. */
  noteBad(client: string): void;
}

export interface FloodOptions {
  /** Bad credentials a client and minute; the next ones wait until the minute is over. Default 100. */
  readonly badPerMinute?: number;
  /** Each bad credential, by identity. */
  readonly onBad?: (identity: string) => void;
  /** Each credential that was not looked at, by identity. */
  readonly onSlowed?: (identity: string) => void;
}

const DEFAULT_BAD_PER_MINUTE = 100;
const WINDOW_S = 60;
/** Clients share this many counters, so that many addresses cannot make them grow. */
const BUCKETS = 16_384;

/**
 * Makes a guard for each identity by name; all count the same clients. A client is an IPv4 address or an IPv6 /64, hashed
 * with a secret of this process, so that nobody can choose whom to share a counter with. One that is not known (empty) is
 * never slowed: it would stand for everyone.
 *
 * The library counts, but answers with promises. What a check needs to know without one, until when a counter is
 * exhausted, is noted in a table when the library says so.
 */
export function floodGuards(options: FloodOptions = {}): (identity: string) => FloodGuard {
  const limiter = new RateLimiterMemory({
    points: options.badPerMinute ?? DEFAULT_BAD_PER_MINUTE,
    duration: WINDOW_S,
  });
  const slowedUntilMs = new Float64Array(BUCKETS);
  const seed = randomBytes(16).toString("hex");
  const count = async (bucket: number): Promise<void> => {
    const { remainingPoints, msBeforeNext } = await limiter.penalty(bucket);
    if (remainingPoints <= 0) slowedUntilMs[bucket] = performance.now() + msBeforeNext;
  };
  return (identity) => ({
    isSlowed: (client) => {
      if (client === "") return false;
      const isSlowed = (slowedUntilMs[bucketOf(seed, client)] ?? 0) > performance.now();
      if (isSlowed) options.onSlowed?.(identity);
      return isSlowed;
    },
    noteBad: (client) => {
      options.onBad?.(identity);
      // Memory does not fail, and nothing waits for the count.
      if (client !== "") void count(bucketOf(seed, client));
    },
  });
}

const bucketOf = (seed: string, client: string): number =>
  hash("sha256", `${seed}${networkOf(client)}`, "buffer").readUInt16BE() % BUCKETS;

/** One who has an IPv6 address usually has its whole /64 (RFC 6177). */
function networkOf(client: string): string {
  const ip = Ip.parse(client);
  if (ip === undefined || ip.isIPv4) return ip?.toString() ?? client;
  const [first, second] = ip.words;
  return `${first}:${second}`;
}
