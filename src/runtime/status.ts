import { printDiagnostic, type Diagnostic } from "../policy/diagnostic.ts";
import { PLATFORM } from "../policy/parts.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import type { Store, StoreStatus } from "../store/store.ts";
import type { ReportAccount } from "../telemetry/report-account.ts";
import { accountOf, type Account } from "./account.ts";
import type { Held } from "./choose.ts";
import type { LoadResult, Runtime } from "./runtime.ts";

/** What /status shows. It holds names and reasons, no secrets and no requests. */
export interface Status {
  readonly configuration: {
    readonly revision: string | undefined;
    readonly observes: boolean;
    readonly policies: readonly { readonly policy: string; readonly mode: string }[];
    readonly overrides: readonly object[];
    /** The last attempt to load: `live`, `unchanged`, `refused`, and why. */
    readonly lastLoad: {
      readonly at: string;
      readonly result: string;
      readonly diagnostics: readonly string[];
    };
  };
  /** The platform's own part and each team's: whether its newest files are live. */
  readonly parts: readonly {
    readonly part: string;
    readonly state: "current" | "held" | "never loaded";
    readonly diagnostics: readonly string[];
  }[];
  readonly handlers: readonly { readonly handler: string; readonly state: string; readonly detail: string }[];
  readonly identities: readonly {
    readonly identity: string;
    readonly state: string;
    readonly detail: string;
  }[];
  /** What became of access-log entries. */
  readonly reports: Account;
  /** Where counters are kept, and why it is away where it is. */
  readonly store: StoreStatus;
}

/** The last attempt to load, with its time in epoch milliseconds. */
export interface LastLoad {
  readonly result: LoadResult;
  readonly atMs: number;
}

export function statusOf(
  runtime: Pick<Runtime, "live" | "held">,
  { store, report }: { readonly store: Pick<Store, "status">; readonly report: ReportAccount },
  last: LastLoad | undefined,
): Status {
  const { live, held } = runtime;
  return {
    configuration: { ...configurationOf(live?.snapshot), lastLoad: lastLoadOf(last) },
    parts: partsOf([...(live?.snapshot.settings.teams.keys() ?? [])], held),
    handlers: Array.from(live?.handlers ?? [], ([handler, { handler: running }]) => ({
      handler,
      ...running.status(),
    })),
    identities: Array.from(live?.verifiers ?? [], ([{ id }, verifier]) => ({
      identity: id,
      ...verifier.status(),
    })),
    reports: accountOf(report, live?.handlers ?? new Map()),
    store: store.status(),
  };
}

function configurationOf(snapshot: Snapshot | undefined): Omit<Status["configuration"], "lastLoad"> {
  if (snapshot === undefined) return { revision: undefined, observes: false, policies: [], overrides: [] };
  const { revision, stance, policies, overrides } = snapshot;
  return {
    revision,
    observes: stance === "observe",
    policies: policies.map(({ id, mode }) => ({ policy: id, mode })),
    overrides: overrides.map(({ untilMs, ...override }) => ({
      ...override,
      until: new Date(untilMs).toISOString(),
    })),
  };
}

function lastLoadOf(last: LastLoad | undefined): Status["configuration"]["lastLoad"] {
  if (last === undefined) return { at: "never", result: "none", diagnostics: [] };
  const { result, atMs } = last;
  const diagnostics = result.kind === "unchanged" ? [] : printed(result.diagnostics);
  return { at: new Date(atMs).toISOString(), result: result.kind, diagnostics };
}

const partsOf = (teams: readonly string[], held: readonly Held[]): Status["parts"] =>
  [PLATFORM, ...teams].map((part) => {
    const one = held.find((other) => other.part === part);
    const name = part === PLATFORM ? "platform" : `team ${part}`;
    if (one === undefined) return { part: name, state: "current", diagnostics: [] };
    const state = one.live === "nothing" ? "never loaded" : "held";
    return { part: name, state, diagnostics: printed(one.diagnostics) };
  });

const printed = (diagnostics: readonly Diagnostic[]): readonly string[] => diagnostics.map(printDiagnostic);
