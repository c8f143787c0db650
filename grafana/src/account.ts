/**
 * What a handler cannot account for: everything that became of entries, less what was received and could be read. Zero, but for a
 * handler that began later than its process; then it does not change.
 *
 * `select` turns the name of a metric into a selector of it.
 */
export function unaccounted(select: (metric: string) => string): string {
  const queued = `sum by (job, instance, handler) (${select("weir_report_queued_records")})`;
  const received = `sum by (job, instance) (${select("weir_report_received_total")})`;
  const ofHandler = (metric: string): string =>
    `(sum by (job, instance, handler) (${select(metric)}) or 0 * ${queued})`;
  const invalid = `(sum by (job, instance) (${select("weir_report_invalid_total")}) or 0 * ${received})`;
  const becameOf = [
    ofHandler("weir_report_entries_unwanted_total"),
    ofHandler("weir_report_records_total"),
    queued,
  ].join(" + ");
  return `${becameOf} - ${ofHandler("weir_report_additional_records_total")} - on (job, instance) group_left () (${received} - ${invalid})`;
}
