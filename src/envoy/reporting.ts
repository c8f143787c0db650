import type { Preset } from "../adapter/report.ts";
import { CONTEXT_HEADERS } from "../adapter/trace-context.ts";
import type { Read } from "../cel/expression.ts";
import type { Protocol } from "./needs.ts";

/** What of an entry Envoy logs only where its logger is told to, by name. */
export type LoggedPart =
  "requestHeader" | "responseHeader" | "responseTrailer" | "customTag" | "filterState" | "metadata";

/** One thing that a logger has to be told, and what reads it. */
export interface Logged {
  readonly part: LoggedPart;
  readonly name: string;
  /** `policy/rule`, or `policy/rule (preset istio)`. */
  readonly reader: string;
}

/** What telemetry rules need of Envoy's loggers. */
export interface ReportingNeeds {
  /** What kinds of entries rules want. */
  readonly protocols: ReadonlySet<Protocol>;
  /** One for each part and name, in the order in which they are printed. */
  readonly logged: readonly Logged[];
  /** Whether gRPC messages are counted, for which a filter has to leave their number. */
  readonly countsMessages: boolean;
  /** Rules that read headers, tags, … by names that are not constant, so that nobody knows what to send. */
  readonly unknown: readonly string[];
}

/** What of a compiled policy concerns its telemetry. */
export interface Reporting {
  readonly draft: {
    readonly match: { readonly protocol: Protocol };
    readonly telemetry?: PolicyTelemetry | undefined;
  };
}

interface PolicyTelemetry {
  /** A policy without a part in checks; one with `match: everything` is of connections, too. */
  readonly isAlone: boolean;
  readonly isEverything: boolean;
  readonly when: ReadsSomething | "unknowable" | undefined;
  readonly except: ReadsSomething | "unknowable" | undefined;
  /** Of the policy's own, and of shared files as `platform.preflight`. */
  readonly lets: ReadonlyMap<string, ReadsSomething>;
  readonly rules: readonly {
    /** `policy/id`. */
    readonly name: string;
    readonly preset: Preset | undefined;
    readonly when: ReadsSomething | undefined;
    readonly fields: readonly { readonly value: ReadsSomething }[];
  }[];
}

interface ReadsSomething {
  readonly reads: readonly Read[];
}

/** Whether a policy decides about requests, beside what it reports of them. */
export const takesPartInChecks = ({ draft: { telemetry } }: Reporting): boolean =>
  telemetry?.isAlone !== true;

/** Formats of Envoy's for what presets look for among custom tags, and for what attributes are made of. */
export const TAG_FORMATS: Readonly<Record<string, string>> = {
  "dst.svc": "%CLUSTER_METADATA(istio:services)%",
  "dst.wl": "%UPSTREAM_METADATA(istio:workload)%",
  "up.san": "%UPSTREAM_PEER_URI_SAN%",
  "up.lsan": "%UPSTREAM_LOCAL_URI_SAN%",
  "up.cluster": "%UPSTREAM_CLUSTER_RAW%",
  "connection.id": "%CONNECTION_ID%",
  "upstream.tls_version": "%UPSTREAM_TLS_VERSION%",
};

const ISTIO: Readonly<Partial<Record<LoggedPart, readonly string[]>>> = {
  requestHeader: ["content-type"],
  responseHeader: ["grpc-status"],
  responseTrailer: ["grpc-status", "grpc-message"],
  filterState: [
    ...["downstream_peer", "upstream_peer", "envoy.filters.http.grpc_stats"],
    ...["io.istio.peer_principal", "io.istio.local_principal"],
  ],
  customTag: ["dst.svc", "dst.wl", "up.san", "up.lsan", "up.cluster"],
};

const GRPC: Readonly<Partial<Record<LoggedPart, readonly string[]>>> = {
  requestHeader: ["content-type"],
  responseHeader: ["grpc-status"],
  responseTrailer: ["grpc-status", "grpc-message"],
};

/** Under every preset and none: the trace of a request is part of every record. */
const ALWAYS: Readonly<Partial<Record<LoggedPart, readonly string[]>>> = { requestHeader: CONTEXT_HEADERS };

const BY_PRESET: Readonly<Record<Preset, Readonly<Partial<Record<LoggedPart, readonly string[]>>>>> = {
  istio: ISTIO,
  "access-log": { ...GRPC, customTag: ["up.cluster"] },
  trace: {
    ...GRPC,
    filterState: ["downstream_peer", "upstream_peer"],
    customTag: ["dst.svc", "dst.wl", "up.cluster"],
  },
};

/** What telemetry rules need; undefined where there are none. */
export function reportingNeeds(policies: readonly Reporting[]): ReportingNeeds | undefined {
  const reporting = policies.flatMap(({ draft: { match, telemetry } }) =>
    telemetry === undefined ? [] : [{ protocol: match.protocol, telemetry }],
  );
  if (reporting.length === 0) return undefined;
  const readers = reporting.flatMap(({ telemetry }) => readersOf(telemetry));
  const found = new Map<string, Logged>();
  for (const logged of readers.flatMap(loggedBy)) {
    const key = `${logged.part} ${logged.name}`;
    if (!found.has(key)) found.set(key, logged);
  }
  return {
    protocols: new Set(reporting.flatMap(protocolsOf)),
    logged: [...found.values()],
    countsMessages: readers.some(({ preset }) => preset === "istio"),
    unknown: readers.filter(({ reads }) => reads.map(loggedOf).includes("unknown")).map(({ name }) => name),
  };
}

function loggedBy({ name: rule, preset, reads }: Reader): readonly Logged[] {
  const under = preset === undefined ? {} : BY_PRESET[preset];
  const byPreset = `${rule} (preset ${preset ?? "none"})`;
  return [
    ...PARTS.flatMap((part) => (ALWAYS[part] ?? []).map((name) => ({ part, name, reader: rule }))),
    ...PARTS.flatMap((part) => (under[part] ?? []).map((name) => ({ part, name, reader: byPreset }))),
    ...reads.flatMap((read) => {
      const logged = loggedOf(read);
      return logged === "unknown" ? [] : logged.map((one) => ({ ...one, reader: rule }));
    }),
  ];
}

const PARTS: readonly LoggedPart[] = [
  ...([
    "requestHeader",
    "responseHeader",
    "responseTrailer",
    "customTag",
    "filterState",
    "metadata",
  ] as const),
];

function protocolsOf({
  protocol,
  telemetry: { isAlone, isEverything },
}: {
  readonly protocol: Protocol;
  readonly telemetry: PolicyTelemetry;
}): readonly Protocol[] {
  return isAlone && isEverything ? ["http", "tcp"] : [protocol];
}

interface Reader {
  readonly name: string;
  readonly preset: Preset | undefined;
  readonly reads: readonly Read[];
}

function readersOf({ rules, when, except, lets }: PolicyTelemetry): readonly Reader[] {
  const gate = [when, except].flatMap((one) => (one === undefined || one === "unknowable" ? [] : one.reads));
  return rules.map(({ name, preset, when: condition, fields }) => ({
    name,
    preset,
    reads: throughNames(
      [...gate, ...(condition?.reads ?? []), ...fields.flatMap(({ value }) => value.reads)],
      {
        lets,
        file: undefined,
        seen: new Set(),
      },
    ),
  }));
}

interface Named {
  readonly lets: PolicyTelemetry["lets"];
  /** The shared file whose own names stand alone; undefined: the policy's do. */
  readonly file: string | undefined;
  readonly seen: Set<string>;
}

/** Reads, and in place of names what those read. */
function throughNames(reads: readonly Read[], { lets, file, seen }: Named): readonly Read[] {
  return reads.flatMap((read) => {
    const own = file === undefined ? read.root : `${file}.${read.root}`;
    const shared = `${read.root}.${read.steps[0]?.name ?? ""}`;
    const name = lets.has(own) ? own : shared;
    const expression = lets.get(name);
    if (expression === undefined) return [read];
    if (seen.has(name)) return [];
    seen.add(name);
    return throughNames(expression.reads, { lets, file: name === own ? file : read.root, seen });
  });
}

/** Headers that every entry has, in fields of its own. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  ...[":method", ":scheme", ":authority", ":path"],
  ...["user-agent", "referer", "x-forwarded-for", "x-request-id", "x-envoy-original-path"],
]);

const MAPS: Readonly<Record<string, LoggedPart>> = {
  "request.headers": "requestHeader",
  "response.headers": "responseHeader",
  "response.trailers": "responseTrailer",
  custom_tags: "customTag",
  filter_state: "filterState",
  metadata: "metadata",
};

/** What an attribute has to be told for beside its own name. */
const MADE_OF: Readonly<Record<string, readonly Pick<Logged, "part" | "name">[]>> = {
  "response.grpc_status": [
    { part: "requestHeader", name: "content-type" },
    { part: "responseHeader", name: "grpc-status" },
    { part: "responseTrailer", name: "grpc-status" },
  ],
  "connection.id": [{ part: "customTag", name: "connection.id" }],
  "upstream.tls_version": [{ part: "customTag", name: "upstream.tls_version" }],
};

/** What one read needs; `unknown` where it is of a name that only the request knows. */
function loggedOf({ root, steps, how }: Read): readonly Pick<Logged, "part" | "name">[] | "unknown" {
  const names = steps.map(({ name }) => name);
  const attribute = Object.hasOwn(MAPS, root) ? root : `${root}.${names[0] ?? ""}`;
  const part = MAPS[attribute];
  if (part === undefined) return MADE_OF[attribute] ?? [];
  const name = attribute === root ? names[0] : names[1];
  // `"x" in response.headers` is reported without the name; what it guards has it.
  if (name === undefined) return how === "value" ? "unknown" : [];
  const isHeader = part !== "customTag" && part !== "filterState" && part !== "metadata";
  const spelled = isHeader ? name.toLowerCase() : name;
  return part === "requestHeader" && OWN_HEADERS.has(spelled) ? [] : [{ part, name: spelled }];
}

/** The names of one part. */
export const loggedNames = ({ logged }: ReportingNeeds, part: LoggedPart): readonly string[] =>
  logged.filter((one) => one.part === part).map(({ name }) => name);
