import type { Compared, PairDifference, TestDifference } from "../check/both-sides.ts";
import type { Change } from "../policy/change.ts";
import type { Diagnostic } from "../policy/diagnostic.ts";

/** What differs between the files at a commit and those on disk. */
export interface Difference {
  readonly ref: string;
  /** In hexadecimal digits. */
  readonly commit: string;
  /** Folders that are on disk and not there at the commit. */
  readonly missing: readonly string[];
  readonly before: Looked;
  readonly after: Looked;
  readonly changes: readonly Change[];
  /** Undefined where one of the two could not go live, and so decides nothing. */
  readonly decided:
    { readonly tests: Compared<TestDifference>; readonly requests: Compared<PairDifference> } | undefined;
}

/** What is found in the files of one side. */
export interface Looked {
  /** Whether they could go live. */
  readonly outcome: "good" | "broken";
  readonly diagnostics: readonly Diagnostic[];
}
