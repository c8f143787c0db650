import { z } from "zod";

/** What of a line of decisions says enough to decide again. */
export type RecordedDecision = z.output<typeof RECORDED>;

const TEXT = z.string().optional();
const PEER = z.object({ spiffe: z.string() }).optional();

const RECORDED = z.object({
  kind: z.literal("decision"),
  time: z.iso.datetime(),
  decision: z.string(),
  verdict: z.enum(["allow", "deny", "error"]),
  status: z.number().optional(),
  policy: z.string(),
  rule: z.string(),
  identities: z.record(z.string(), z.record(z.string(), z.unknown()).nullable()).optional(),
  request: z
    .object({
      protocol: z.literal("tcp").optional(),
      ...{ method: TEXT, scheme: TEXT, host: TEXT, path: TEXT, route: TEXT, sni: TEXT, client: TEXT },
      ...{ source: PEER, destination: PEER },
      headers: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
});

/** The decision in one line of records; undefined where the line is of something else, or none. */
export function readRecorded(line: string): RecordedDecision | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return RECORDED.safeParse(value).data;
}
