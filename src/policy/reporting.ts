import { buildLookup, type Indexed, type Lookup } from "./lookup.ts";
import type { PolicyTelemetry } from "./telemetry.ts";

/** A policy with telemetry rules. */
export interface ReportingPolicy extends Indexed {
  readonly id: string;
  readonly telemetry: PolicyTelemetry;
}

/** The telemetry of one configuration, found by what an entry says. */
export interface Reporting {
  /** The policies that want every entry, whoever asked about its request. */
  readonly everywhere: readonly ReportingPolicy[];
  /** The policies that have a part in checks, by name: the answer to the check names those that matched. */
  readonly byName: ReadonlyMap<string, ReportingPolicy>;
  /** The policies of telemetry alone, but for those of `everywhere`. */
  readonly alone: ReportLookup;
  /** All but those of `everywhere`, for entries of which no check tells. */
  readonly others: ReportLookup;
}

/** Policies by what an entry is of; undefined: there are none. */
export interface ReportLookup {
  readonly http: Lookup<ReportingPolicy> | undefined;
  readonly tcp: Lookup<ReportingPolicy> | undefined;
}

/** Whether a policy has telemetry. */
const isReporting = <P extends { readonly telemetry: PolicyTelemetry | undefined }>(
  policy: P,
): policy is P & { readonly telemetry: PolicyTelemetry } => policy.telemetry !== undefined;

/** The telemetry of policies, which come in order. */
export function reportingOf(
  policies: readonly (Indexed & { readonly id: string; readonly telemetry: PolicyTelemetry | undefined })[],
): Reporting {
  const reporting = policies.filter(isReporting);
  const isEverywhere = ({ telemetry }: ReportingPolicy): boolean =>
    telemetry.isAlone && telemetry.isEverything && telemetry.except === undefined;
  const others = reporting.filter((policy) => !isEverywhere(policy));
  return {
    everywhere: reporting.filter(isEverywhere),
    byName: new Map(
      reporting.filter(({ telemetry }) => !telemetry.isAlone).map((policy) => [policy.id, policy]),
    ),
    alone: lookupOf(others.filter(({ telemetry }) => telemetry.isAlone)),
    others: lookupOf(others),
  };
}

/** `everything` is every request in a check, and in telemetry alone every connection, too. */
function lookupOf(policies: readonly ReportingPolicy[]): ReportLookup {
  const http = policies.filter(({ match }) => match.protocol === "http");
  const tcp = policies.filter(
    ({ match, telemetry }) => match.protocol === "tcp" || (telemetry.isAlone && telemetry.isEverything),
  );
  const built = (found: typeof http) => (found.length === 0 ? undefined : buildLookup(found));
  return { http: built(http), tcp: built(tcp) };
}
