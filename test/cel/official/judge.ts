import { createEngine } from "../../../src/cel/environment.ts";
import { officialSuite, type Case } from "./cases.ts";
import { reasonsOf, type Reason } from "./reasons.ts";
import { run, type Outcome } from "./run.ts";

/** A case with what became of it and, where it did not pass, the reasons that are given for that. */
export interface Judged extends Case {
  readonly path: string;
  readonly outcome: Outcome;
  readonly reasons: readonly Reason[];
}

/** Every case that uses no protobuf message, judged, and the number of all cases. */
export function judgeAll(): { judged: readonly Judged[]; total: number } {
  const engine = createEngine();
  const { cases, total } = officialSuite();
  const judged = cases.map((one): Judged => {
    const path = `${one.file}/${one.section}/${one.name}`;
    const outcome = run(engine, one);
    return { ...one, path, outcome, reasons: outcome.kind === "passed" ? [] : reasonsOf(path) };
  });
  return { judged, total };
}
