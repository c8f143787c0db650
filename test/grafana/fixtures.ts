import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const read = (name: string): unknown =>
  JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures", name), "utf8"));

/** The queries of Istio's own dashboards over the metrics of the mesh, with Grafana's variables. */
export const ISTIO_QUERIES = z
  .object({
    queries: z.array(
      z.object({ dashboard: z.string(), row: z.string(), panel: z.string(), expression: z.string() }),
    ),
  })
  .parse(read("istio-queries.json")).queries;

/** What Kiali asks, of one namespace. */
export const KIALI_QUERIES = z
  .object({ queries: z.array(z.object({ query: z.string(), expression: z.string() })) })
  .parse(read("kiali-queries.json")).queries;
