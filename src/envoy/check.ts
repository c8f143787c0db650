import { inOrder } from "../policy/diagnostic.ts";
import { checkCluster } from "./check-cluster.ts";
import { checkFilterOptions } from "./check-filter.ts";
import { checkAround } from "./check-around.ts";
import { checkLimits } from "./check-limits.ts";
import { checkLogs } from "./check-logs.ts";
import type { ConfigNode } from "./config-node.ts";
import { DUMP_HINT, finding, type Finding } from "./findings.ts";
import type { Needs } from "./needs.ts";
import { isCheck, partsIn, type EnvoyParts, type FilterPart } from "./parts.ts";

/** What is risky in an Envoy's configuration, or keeps policies from working, by its places. */
export function checkEnvoy(root: ConfigNode, needs: Needs): readonly Finding[] {
  const parts = partsIn(root);
  return inOrder([
    ...checkCoverage(root, parts, needs),
    ...checkEach(parts, needs),
    ...checkLimits(root, parts, needs),
    ...checkLogs(root, parts, needs),
  ]);
}

/** Whether weir is asked at all, for each protocol that policies speak of. */
function checkCoverage(root: ConfigNode, parts: EnvoyParts, { protocols }: Needs): readonly Finding[] {
  const found: Finding[] = [];
  const asking = parts.managers.filter(({ filters }) => filters.some(isCheck));
  const hint = "weir envoy --for envoy prints the filter";
  if (parts.managers.length === 0 && parts.tcpChecks.length === 0) {
    const message = "there is no HTTP connection manager and no network filter that asks in this file";
    return [
      finding("unreadable-config", root.place, message, "name a bootstrap, or what /config_dump answers"),
    ];
  }
  const fetched = parts.managers.flatMap(({ filters }) => filters).find(isFetched);
  if (protocols.has("http") && asking.length === 0 && fetched !== undefined) {
    const message = `${fetched.name} comes from elsewhere (ECDS), so whether it asks weir is not known`;
    found.push(finding("comes-from-elsewhere", fetched.node.place, message, DUMP_HINT));
  } else if (protocols.has("http") && asking.length === 0)
    found.push(finding("no-check", root.place, "no HTTP filter asks weir, so nothing is refused", hint));
  if (protocols.has("tcp") && parts.tcpChecks.length === 0)
    found.push(
      finding(
        "no-check",
        root.place,
        "no network filter asks weir, and policies match TCP connections",
        hint,
      ),
    );
  if (asking.length > 0) {
    for (const { node, filters } of parts.managers) {
      if (filters.some(isCheck)) continue;
      const message = "what comes in here is not checked, while other listeners are";
      found.push(
        finding("listener-unchecked", node.place, message, "add the filter, or see that it is meant"),
      );
    }
  }
  return found;
}

const isFetched = ({ node }: FilterPart): boolean => node.get("config_discovery") !== undefined;

function checkEach({ managers, tcpChecks, clusters }: EnvoyParts, needs: Needs): readonly Finding[] {
  const configs = managers.flatMap(({ filters }) =>
    filters.filter(isCheck).flatMap(({ config }) => config ?? []),
  );
  return [
    ...managers.flatMap((manager) => checkAround(manager, needs)),
    ...configs.flatMap((config) => checkFilterOptions(config, needs, "http")),
    ...tcpChecks.flatMap((config) => checkFilterOptions(config, needs, "tcp")),
    ...[...configs, ...tcpChecks].flatMap((config) => checkCluster(config, clusters, needs)),
  ];
}
