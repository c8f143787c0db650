import { createHash } from "node:crypto";

/** The machine that is asked for a program; `folder` is where fetched ones are kept. */
export interface Machine {
  /** `process.platform` and `process.arch`, joined by a hyphen. */
  platform: string;
  folder: string;
}

/** What was unpacked into a folder: the program's path in it, its libraries' folders, and where it came from. */
export interface Unpacked {
  kind: "unpacked";
  member: string;
  libraries: readonly string[];
  origin: readonly { package: string; version: string; sha256: string }[];
}

/** Nothing could be unpacked; `reason` is half a sentence that says why. */
export interface Refused {
  kind: "refused";
  reason: string;
}

export function refused(reason: string): Refused {
  return { kind: "refused", reason };
}

/** SHA-256 in hexadecimal. */
export function digestOf(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
