import assert from "node:assert/strict";
import { prometheus } from "../../../adapters/prometheus/adapter.ts";
import type { Handler } from "../../../src/adapter/adapter.ts";
import type { Delivery, ReportRecord } from "../../../src/adapter/report.ts";
import { parseExposition, type Series } from "../../telemetry/exposition.ts";
import { createTestHost, type TestHost } from "../host.ts";

const CALL = { deadlineAtMs: Infinity, signal: new AbortController().signal };

/** A handler with the host that it was given. */
export interface Subject {
  readonly host: TestHost;
  readonly handler: Handler;
}

export function created(config: object = {}, previous?: Subject): Subject {
  const host = previous?.host ?? createTestHost();
  return { host, handler: prometheus.create(config, host, previous?.handler) };
}

/** Counts records, which has to be done at once. */
export function reported({ handler }: Subject, ...records: readonly ReportRecord[]): Delivery {
  const delivery = handler.report?.(records, CALL);
  assert.ok(delivery !== undefined && "kind" in delivery, "it answers without a promise");
  return delivery;
}

/** The text of a page, in Prometheus' own format where nothing else is asked for. */
export async function page({ handler }: Subject, accept = ""): Promise<string> {
  const slices: Uint8Array[] = [];
  const exposition = handler.expose?.({ accept, acceptEncoding: "" });
  assert.ok(exposition !== undefined, "it has a page");
  for await (const slice of exposition.slices) slices.push(Buffer.from(slice));
  return Buffer.concat(slices).toString();
}

/** The series of a page. */
export async function scraped(subject: Subject): Promise<Series> {
  const text = await page(subject);
  return text === "" ? new Map() : parseExposition(text);
}
