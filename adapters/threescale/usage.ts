/** How much a request uses of which metrics. */
export type Usage = ReadonlyMap<string, number>;

/** The children of metrics; methods are children of `hits`. */
export type Hierarchy = ReadonlyMap<string, readonly string[]>;

/** The usage with that of every metric added to all above it, once a path. What names itself among those above it, is not followed. */
export function propagate(usage: Usage, hierarchy: Hierarchy): Usage {
  if (hierarchy.size === 0) return usage;
  const whole = new Map(usage);
  for (const [metric, amount] of usage) {
    for (const above of ancestorsOf(metric, hierarchy)) whole.set(above, (whole.get(above) ?? 0) + amount);
  }
  return whole;
}

function ancestorsOf(metric: string, hierarchy: Hierarchy): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (child: string): void => {
    for (const [parent, children] of hierarchy) {
      if (parent === metric || found.has(parent) || !children.includes(child)) continue;
      found.add(parent);
      visit(parent);
    }
  };
  visit(metric);
  return found;
}

/** Adds one usage to another. */
export function addUsage(to: Map<string, number>, usage: Usage): void {
  for (const [metric, amount] of usage) to.set(metric, (to.get(metric) ?? 0) + amount);
}
