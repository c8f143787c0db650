import { isPeriod, type Period } from "./period.ts";
import type { Hierarchy } from "./usage.ts";
import { readXml, type Element } from "./xml.ts";

/** What a back-end says of an application that it knows. */
export interface Authorization {
  readonly plan: string;
  readonly limits: readonly LimitReport[];
  readonly hierarchy: Hierarchy;
}

/** One limit of an application, and what was used of it when the back-end answered. */
export interface LimitReport {
  readonly metric: string;
  readonly period: Period;
  /** Epoch milliseconds: where its window began; undefined of eternity. */
  readonly startMs: number | undefined;
  readonly max: number;
  readonly current: number;
}

/**
 * The plan, limits and hierarchy in the body of an answer; undefined where it is no such body. What it says about being authorized is
 * not read: the status alone decides.
 */
export function readAuthorization(body: string): Authorization | undefined {
  const root = readXml(body);
  if (root?.name !== "status") return undefined;
  const [plan, otherPlan] = root.children.filter(({ name }) => name === "plan");
  const reports = childrenOf(root, "usage_reports").map(limitOf);
  if (plan === undefined || otherPlan !== undefined || !reports.every((one) => one !== undefined))
    return undefined;
  const hierarchy = new Map<string, readonly string[]>();
  for (const { attributes } of childrenOf(root, "hierarchy")) {
    const children = (attributes.get("children") ?? "").split(/\s+/).filter((child) => child !== "");
    hierarchy.set(attributes.get("name") ?? "", children);
  }
  return { plan: plan.text, limits: reports, hierarchy };
}

const childrenOf = ({ children }: Element, name: string): readonly Element[] =>
  children.filter((one) => one.name === name).flatMap((one) => one.children);

function limitOf(report: Element): LimitReport | undefined {
  const period = report.attributes.get("period") ?? "";
  const metric = report.attributes.get("metric") ?? "";
  const text = (name: string): string => report.children.find((one) => one.name === name)?.text ?? "";
  const [max, current] = [wholeNumber(text("max_value")), wholeNumber(text("current_value"))];
  if (report.name !== "usage_report" || metric === "" || !isPeriod(period)) return undefined;
  if (max === undefined || current === undefined) return undefined;
  const startMs = period === "eternity" ? undefined : momentMs(text("period_start"));
  return period === "eternity" || startMs !== undefined
    ? { metric, period, startMs, max, current }
    : undefined;
}

const wholeNumber = (text: string): number | undefined =>
  /^\d{1,15}$/.test(text) ? Number(text) : undefined;

/** `2026-11-21 05:26:00 +0000` */
function momentMs(text: string): number | undefined {
  const [, day, time, zone] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) ([+-]\d{4})$/.exec(text) ?? [];
  if (day === undefined || time === undefined || zone === undefined) return undefined;
  const ms = Date.parse(`${day}T${time}${zone.slice(0, 3)}:${zone.slice(3)}`);
  return Number.isNaN(ms) ? undefined : ms;
}
