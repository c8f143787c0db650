import assert from "node:assert/strict";
import type { Measurement } from "../../src/adapter/report.ts";
import { EntryAttributes } from "../../src/attributes/entry.ts";
import { readEntries } from "../../src/report/attributes.ts";
import { Connections } from "../../src/report/connections.ts";
import { istioPreset } from "../../src/report/istio.ts";
import { READING } from "../attributes/fixture.ts";
import {
  encodeMessage,
  type structAny,
  type DescribedHttp,
  type DescribedMessage,
  type DescribedIdentifier,
} from "./encode.ts";
import { SIDECAR } from "./entries.ts";

const NOW_MS = 1_780_000_000_000;

type Made = Omit<Measurement, "added">;

/** What the preset makes of each entry, without those of which it makes nothing. */
export function measured(message: DescribedMessage, preset = istioPreset()): readonly Made[] {
  const connections = new Connections({
    ...{ most: 100, idleMs: 60_000 },
    ...{ onExpired: () => undefined, onFull: () => undefined },
  });
  const { entries, invalid } = readEntries(encodeMessage(message), undefined);
  assert.deepEqual(invalid, []);
  return entries.flatMap(
    (facts) => preset(new EntryAttributes(facts, READING), connections.count(facts, NOW_MS)) ?? [],
  );
}

export const one = (http: DescribedHttp, identifier: DescribedIdentifier | undefined = SIDECAR): Made =>
  measured({ identifier, http: [http] })[0] ?? assert.fail("nothing was made");

export const labelsOf = ({ family, labels }: Made): Readonly<Record<string, string>> =>
  Object.fromEntries(family.labels.map((name, index) => [name, labels[index] ?? ""]));

export const valuesOf = ({ family, values }: Made): Readonly<Record<string, number | undefined>> =>
  Object.fromEntries(family.metrics.map(({ name }, index) => [name, values[index]]));

/** Some of the labels of one entry. */
export function some(made: Made, ...names: readonly string[]): readonly (string | undefined)[] {
  const labels = labelsOf(made);
  return names.map((name) => labels[name]);
}

export const common = (commonProperties: NonNullable<DescribedHttp["commonProperties"]>): DescribedHttp => ({
  commonProperties,
  request: { requestMethod: 1, authority: "evil.example.com" },
  response: { responseCode: 200 },
});

export const tags = (entries: Readonly<Record<string, string>>) => new Map(Object.entries(entries));
export const states = (entries: Readonly<Record<string, ReturnType<typeof structAny>>>) =>
  new Map(Object.entries(entries));

export const GATEWAY: DescribedIdentifier | undefined = {
  logName: "edge",
  id: "router~10.0.0.3~gw-1.istio-system~istio-system.svc.cluster.local",
  metadata: { WORKLOAD_NAME: "gw", NAMESPACE: "istio-system", CLUSTER_ID: "Kubernetes" },
};
export const WAYPOINT: DescribedIdentifier | undefined = {
  ...GATEWAY,
  id: "waypoint~10.0.0.4~wp-1.shop~shop.svc.cluster.local",
};
export const CALLER: DescribedIdentifier | undefined = { ...SIDECAR, logName: "mesh-out" };
