import { z } from "zod";
import { bytes, durationMs, integer, mapping, maxLine, personal } from "../../src/adapter/config.ts";
import type { RotatedFile } from "../../src/adapter/host.ts";

export interface FileConfig {
  readonly file: RotatedFile;
  readonly personal: "digest" | "plain";
  /** In bytes. */
  readonly maxLine: number;
}

const HOUR_MS = 3_600_000;
const YEAR_MS = 366 * 24 * HOUR_MS;
const MEBIBYTE = 1_048_576;

export const CONFIG: z.ZodType<FileConfig> = mapping({
  file: z.string({ error: "write the path of a file" }).regex(/^[^\0]*[^\0/]$/, {
    error: "write the path of a file",
  }),
  rotateAt: bytes(MEBIBYTE, 1_048_576 * MEBIBYTE).default(64 * MEBIBYTE),
  rotateEvery: durationMs(60_000, YEAR_MS).optional(),
  keep: integer(1, 1_000).default(5),
  keepFor: durationMs(HOUR_MS, 10 * YEAR_MS).optional(),
  personal: personal(),
  maxLine: maxLine(),
}).transform((written, context): FileConfig => {
  const { rotateEvery, keepFor, personal: persons, maxLine: longest } = written;
  if (keepFor !== undefined && rotateEvery === undefined) {
    const message = "keepFor goes with rotateEvery: what is never put aside is never removed";
    context.addIssue({ code: "custom", message, path: ["keepFor"] });
  }
  return {
    file: {
      path: written.file,
      maxBytes: written.rotateAt,
      keep: written.keep,
      ...(rotateEvery === undefined ? {} : { maxAgeMs: rotateEvery }),
      ...(keepFor === undefined ? {} : { keepMs: keepFor }),
    },
    personal: persons,
    maxLine: longest,
  };
});
