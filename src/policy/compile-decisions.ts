import { isAbsolute, relative, resolve } from "node:path";
import type { Attributes } from "../attributes/attributes.ts";
import { durationValue } from "../cel/time.ts";
import type { Expression } from "../cel/expression.ts";
import { Evidence } from "./evidence.ts";
import { contextMaker } from "./context.ts";
import type { DecisionsFile, WrittenSelection } from "./decisions-file.ts";
import { problem, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import { NO_BINDINGS } from "./match.ts";
import type { Fields } from "./records.ts";
import type { Settings } from "./settings.ts";
import { plainScope, type SharedWorld } from "./compile-shared.ts";

/** Which decisions are written: the first whose condition holds says how many of its kind are. */
export type Selections = readonly Selection[];

export interface Selection {
  /** True and UNKNOWN select: what cannot be told is rather written than lost. */
  readonly selects: (decided: DecidedFacts, attributes: Attributes) => boolean;
  /** Whether it selects everything. */
  readonly isUnconditional: boolean;
  /** From 0 to 1. */
  readonly share: number;
}

/** What conditions read of a decision, as `decision.…`. */
export interface DecidedFacts {
  readonly verdict: string;
  readonly policy: string;
  readonly rule: string;
  readonly team: string;
  /** 0 of what was allowed or could not be decided. */
  readonly status: number;
  /** Whose fault it was that there was no value; empty where there was none. */
  readonly fault: string;
  readonly durationMs: number;
  /** `policy/rule` of what is in shadow, with what it would have said. */
  readonly shadow: ReadonlyMap<string, string>;
}

/** Their CEL types. docs/decisions.md is held to this. */
export const DECISION_FIELDS: Fields = {
  verdict: "string",
  policy: "string",
  rule: "string",
  team: "string",
  status: "int",
  fault: "string",
  duration: "duration",
  shadow: "map(string, string)",
};

interface DecisionsWorld extends Pick<SharedWorld, "environments" | "diagnostics" | "records"> {
  readonly settings: Pick<Settings, "folder" | "decisions">;
}

/** A file in the folder that weir reads would have it read everything again with every line. */
function refuseWatchedFile(
  document: Document,
  { folder, decisions }: Pick<Settings, "folder" | "decisions">,
): readonly Diagnostic[] {
  if (decisions?.to.kind !== "file") return [];
  const way = relative(resolve(folder), decisions.to.path);
  if (way.startsWith("..") || isAbsolute(way)) return [];
  const message = "this file lies in the folder of weir.yaml, which weir watches";
  const hint = "write it elsewhere, such as /var/log/weir/decisions.jsonl";
  return [problem(document.at(["decisions", "to", "file"]), "wrong-value", message, hint)];
}

/** What weir.yaml says of decisions, if it does; what is wrong with it is added to the world's diagnostics. */
export function compileDecisions(
  document: Document,
  written: DecisionsFile | undefined,
  world: DecisionsWorld,
): Selections | undefined {
  if (written === undefined) return undefined;
  world.diagnostics.push(...refuseWatchedFile(document, world.settings));
  return compileSelections(document, written.record, world);
}

function compileSelections(
  document: Document,
  written: readonly WrittenSelection[],
  world: DecisionsWorld,
): Selections {
  const type = world.records.of(DECISION_FIELDS);
  const scope = plainScope(document, world, new Map([["decision", type]]));
  const contextOf = contextMaker(VIEW);
  return written.map(({ when, share }, index): Selection => {
    const path = ["decisions", "record", index, "when"];
    const condition = when === undefined ? undefined : scope.expression(path, when, "bool")?.expression;
    return {
      share,
      isUnconditional: when === undefined,
      selects: (decided, attributes) =>
        condition === undefined ||
        isSelected(
          condition,
          contextOf(attributes, NO_BINDINGS, new Evidence(attributes)),
          type.construct(entriesOf(decided)),
        ),
    };
  });
}

function isSelected(
  condition: Expression,
  context: ReturnType<ReturnType<typeof contextMaker>>,
  decision: object,
): boolean {
  context.takeAnswer("decision", decision);
  return condition.evaluate(context) !== false;
}

const entriesOf = ({
  status,
  durationMs,
  ...texts
}: DecidedFacts): readonly (readonly [string, unknown])[] => [
  ...Object.entries(texts),
  ["status", BigInt(status)],
  ["duration", durationValue(durationMs)],
];

const VIEW = {
  ownedHeaders: new Set<string>(),
  identities: new Map(),
  lets: new Map(),
  answers: ["decision"],
  shared: new Map(),
  data: undefined,
};
