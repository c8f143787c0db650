import type { FieldRecord } from "../../src/adapter/report.ts";
import type { Usage } from "./usage.ts";

/** What a telemetry rule tells of one request that is to be counted. */
export interface LoggedUsage {
  readonly service: string;
  readonly appId: string;
  readonly usage: Usage;
  /** The status of the answer, for 3scale's statistics; undefined where the rule tells none, or there was none. */
  readonly code: string | undefined;
}

/** The names in the `with` of such a rule; all of them are outputs of the check. */
export const LOGGED_FIELDS = ["service", "app_id", "usage"] as const;

/** Reads what the check has answered back out of an entry; undefined where that is not whole. */
export function readLogged({ added }: FieldRecord): LoggedUsage | undefined {
  const [service, appId, written] = LOGGED_FIELDS.map((name) => added.get(name));
  if (typeof service !== "string" || typeof appId !== "string" || typeof written !== "string")
    return undefined;
  const usage = new Map<string, number>();
  for (const part of written.split(" ")) {
    const [, metric = "", amount = ""] = /^([^\s=]{1,200})=(\d{1,10})$/.exec(part) ?? [];
    if (metric === "" || usage.has(metric) || usage.size >= MAX_METRICS) return undefined;
    usage.set(metric, Number(amount));
  }
  const code = added.get("code");
  const status = typeof code === "number" ? String(code) : code;
  if (service === "" || appId === "") return undefined;
  return { service, appId, usage, code: isCounted(status) ? status : undefined };
}

/** 3scale has statistics of these groups alone, and some of it fails at others. Source: Apisonator, stats/codes_commons.rb. */
const isCounted = (status: unknown): status is string =>
  typeof status === "string" && /^[245]\d\d$/.test(status);

const MAX_METRICS = 50;
