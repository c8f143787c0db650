/** Pieces of PromQL. `matchers` is what stands between the braces, without those that every selector has. */

/** Selects a metric of weir's own, of the replicas that the dashboard shows. */
export const weir = (metric: string, matchers = ""): string =>
  selector(metric, 'job=~"$job"', 'instance=~"$instance"', matchers);

/** Selects a metric of the mesh, by its name without prefix: `requests_total`. Both names that it may have fit one dashboard. */
export const mesh = (metric: string, matchers = ""): string =>
  selector(`\${prefix}${metric}`, 'job=~"$job"', matchers);

/** Selects a metric of Envoy's, whose jobs have other names than weir's. */
export const envoy = (metric: string): string => selector(metric, 'job=~"$envoy"');

const selector = (metric: string, ...matchers: readonly string[]): string =>
  `${metric}{${matchers.filter((one) => one !== "").join(", ")}}`;

export const rate = (series: string): string => `rate(${series}[$__rate_interval])`;

/** What a counter grew by since the scrape interval before last: events that are too rare for a rate. */
export const grown = (series: string): string => `increase(${series}[$__rate_interval])`;

/** `labels` are parted by commas; none: all in one. */
export const sumBy = (labels: string, series: string): string =>
  labels === "" ? `sum(${series})` : `sum by (${labels}) (${series})`;

/** What a counter grows by a second, in sum. */
export const ratesBy = (labels: string, series: string): string => sumBy(labels, rate(series));

/** A quantile of a histogram, by its name without `_bucket` in `select`. */
export const quantileBy = (quantile: number, labels: string, buckets: string): string =>
  `histogram_quantile(${quantile}, ${ratesBy(labels === "" ? "le" : `le, ${labels}`, buckets)})`;

/** The mean of what a histogram observed. */
export const meanOf = (sum: string, count: string): string => `${ratesBy("", sum)} / ${ratesBy("", count)}`;

/** The part that `some` is of `all`, by labels: zero where there are none of those, nothing where there is nothing at all. */
export const shareBy = (labels: string, some: string, all: string): string =>
  `(${ratesBy(labels, some)} or 0 * ${ratesBy(labels, all)}) / ${ratesBy(labels, all)}`;

/** What is left of 1. */
export const restOf = (share: string): string => `1 - ${share}`;

/** Where no series means that nothing happened. */
export const orZero = (expression: string): string => `${expression} or vector(0)`;
