import type { Expression } from "../cel/expression.ts";
import type { LimitHeaders, OnError } from "./domain-file.ts";
import type { Unit } from "./domain-file-limit.ts";
import type { PlainValue } from "./fields-of-collections.ts";

/** One compiled file of rate limits. */
export interface Domain {
  readonly name: string;
  readonly top: Level;
  /** `all`: where one descriptor of a request is over its limit, none is charged. */
  readonly charges: "each" | "all";
  /** What becomes of limits that requests bring along. */
  readonly onError: OnError | undefined;
  /** Undefined: callers are not told of limits. */
  readonly headers: LimitHeaders | undefined;
  readonly dynamicMetadata: "sent" | "none";
}

/** Descriptors that stand side by side. */
export interface Level {
  /** By key, then by value. */
  readonly byValue: ReadonlyMap<string, ReadonlyMap<string, DescriptorNode>>;
  /** In the order of the file. */
  readonly wildcards: readonly Wildcard[];
  /** Those for any value. */
  readonly byKey: ReadonlyMap<string, DescriptorNode>;
}

export interface Wildcard {
  readonly node: DescriptorNode;
  readonly matches: (key: string, value: string) => boolean;
}

export interface DescriptorNode {
  readonly key: string;
  /** As the file writes it; undefined: any. */
  readonly value: string | undefined;
  /** Undefined: no limit, so whatever ends here passes. */
  readonly rule: LimitRule | undefined;
  readonly below: Level;
  /** Whether all values that a wildcard matches are counted as one. */
  readonly counted: "by-value" | "together";
  /** What metrics name: what the file writes, or the value that was asked about. */
  readonly metric: "as-written" | "as-asked";
  /** What metrics call it as it is written. */
  readonly name: string;
}

/** What holds for the descriptors that end at a node. */
export interface LimitRule {
  /** Empty: `unlimited`. */
  readonly limits: readonly Limit[];
  /** Names of the limits that it makes void. */
  readonly replaces: ReadonlySet<string>;
  /** The names under which others replace it. */
  readonly names: ReadonlySet<string>;
  /** `shadow` refuses nobody; `quota` only where all limits in that mode are exceeded. */
  readonly standing: "enforce" | "shadow" | "quota";
  /** The same limits by how they count: each group is one counter. */
  readonly groups: readonly LimitGroup[];
  /** Whether metrics name all values that were asked about. */
  readonly metric: "as-written" | "detailed";
  readonly metadata: ReadonlyMap<string, PlainValue>;
  readonly when: Expression | undefined;
  /** Undefined: Envoy's failure mode decides. */
  readonly onError: OnError | undefined;
}

export interface Limit {
  /** Empty: it has none. */
  readonly name: string;
  readonly requestsPerUnit: number;
  readonly unit: Unit;
  readonly multiplier: number;
  readonly algorithm: "fixed" | "sliding" | "bucket";
  readonly lengthMs: number;
  /** Of `bucket`. */
  readonly burst: number;
}

/** Limits of one algorithm, and the windows of their counters, in the same order. */
export interface LimitGroup extends Pick<Limit, "algorithm"> {
  readonly limits: readonly Limit[];
  /** Milliseconds. */
  readonly lengths: readonly number[];
  readonly windows: readonly { readonly limit: number; readonly length: number; readonly burst: number }[];
}

export const groupsOf = (limits: readonly Limit[]): readonly LimitGroup[] =>
  Array.from(
    Map.groupBy(limits, ({ algorithm }) => algorithm),
    ([algorithm, group]) => ({
      algorithm,
      limits: group,
      lengths: group.map(({ lengthMs }) => lengthMs),
      windows: group.map(({ requestsPerUnit: limit, lengthMs: length, burst }) => ({ limit, length, burst })),
    }),
  );

/** What metrics call an entry of a descriptor. */
export const entryName = (key: string, value: string): string => (value === "" ? key : `${key}_${value}`);
