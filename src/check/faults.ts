import type { Fault } from "../std/fault.ts";
import { faultDenial } from "./denial.ts";
import type { Decider, Verdict } from "./verdict.ts";

/** The faults met while deciding one check: a fault of the request beats one of ours, the first of a kind answers. */
export class Faults {
  #ofRequest: Verdict | undefined;
  #ofOurs: Verdict | undefined;

  note(fault: Fault, by: Decider): void {
    if (fault === "ours") this.#ofOurs ??= { kind: "error", by };
    else this.#ofRequest ??= faultDenial(fault, by);
  }

  /** What to answer when nothing refuses definitely; undefined when there was no fault. */
  verdict(): Verdict | undefined {
    return this.#ofRequest ?? this.#ofOurs;
  }
}
