import { problem, type Diagnostic } from "../policy/diagnostic.ts";
import { dividingOf, ONE_PART, PLATFORM, type Division } from "../policy/parts.ts";
import { finishInTurns } from "../std/steps.ts";
import type { Choice, Good, Trial } from "./choose.ts";
import { dividing, type Reading, type Versions } from "./reading.ts";

/** How the newest files are divided, and what they are by part. */
export type Divided = Pick<Choice<Trial>, "division" | "divide">;

/**
 * As the newest weir.yaml has it. Where that cannot be read, or is gone while there are teams, the files are divided as
 * they were, and the platform has the fault. A file in the folder of a team is no weir.yaml, whatever it says.
 */
export function divideNewest(reading: Reading, live: Good | undefined, sliceMs: number): Divided {
  const ownedByTeam = (file: string): boolean =>
    live !== undefined && live.division.partOf(file) !== PLATFORM;
  const found = dividingOf(reading.loaded.documents, (file) => !ownedByTeam(file));
  const isGone = found.kind === "one-part" && live !== undefined && live.division.parts.length > 1;
  const divide = async (division: Division): Promise<Versions> => {
    const versions = await finishInTurns(dividing(reading, division, live?.versions ?? new Map()), sliceMs);
    return isGone ? withFault(versions, goneFrom(live.division)) : versions;
  };
  if (found.kind !== "unreadable" && !isGone) return { division: found.division, divide };
  return { division: live?.division ?? ONE_PART, divide };
}

/** A team must not become the platform because a mount went wrong. */
function goneFrom({ file = "weir.yaml" }: Division): Diagnostic {
  const place = { file, line: 1, column: 1, length: 1, source: "" };
  const message = "weir.yaml is gone, or cannot be read, which says what belongs to which team";
  return problem(place, "unreadable-file", message, "put it back; without teams, write one that names none");
}

function withFault(versions: Versions, fault: Diagnostic): Versions {
  const platform = versions.get(PLATFORM);
  if (platform === undefined) return versions;
  const loaded = { ...platform.loaded, diagnostics: [...platform.loaded.diagnostics, fault] };
  return new Map(versions).set(PLATFORM, { ...platform, loaded });
}
