import type { Adapter, Input } from "../adapter/adapter.ts";
import { configSchema, type ConfigSchema } from "../adapter/config-schema.ts";
import type { ForeignAdapter } from "../policy/foreign.ts";
import { isAdapterPath } from "../policy/references.ts";
import { readAdapters } from "../server.ts";
import { foldersOf, type Command } from "./command.ts";
import { FORMAT_OPTION, isFormat, noFormat, printJson } from "./format.ts";

/** `weir adapters`: the kinds of back-end that there are, weir's own and those that weir.yaml names. */
export const adapters: Command = {
  name: "adapters",
  summary: "lists the adapters that there are, with what they take and answer",
  help: `  weir adapters [folder…] [--format json]         default: policies/

Prints every kind of back-end that a handler of weir.yaml may be: those that weir brings along,
and the files and packages that weir.yaml in the folders names. Each with what it is asked with,
what it answers, which telemetry it takes, and the keys of its \`config\`; as JSON with the whole
JSON Schema of that. Where \`config\` may name more of what a handler is asked with and answers,
it says so. Exit code 1 when a file or package is no adapter.`,
  options: FORMAT_OPTION,
  async run({ positionals, values, output }) {
    const { format } = values;
    if (!isFormat(format)) {
      output.complain(noFormat("adapters", format));
      return 2;
    }
    const { own, foreign } = await readAdapters(foldersOf(positionals));
    const named = Array.from(foreign, ([name, one]) => describedForeign(name, one));
    const listed = [
      ...own.map((adapter) => described(adapter, { kind: "built in" })),
      ...named.flatMap((one) => one.adapter ?? []),
    ];
    const refused = named.flatMap((one) => one.refused ?? []);
    if (format === "json") output.print(printJson({ adapters: listed, refused }));
    else {
      output.print(listed.map(printAdapter).join("\n"));
      for (const { name, reasons } of refused)
        output.complain(`\n${name} is no adapter:\n${reasons.map((reason) => `  ${reason}\n`).join("")}`);
    }
    return refused.length === 0 ? 0 : 1;
  },
};

/** Where an adapter comes from. */
type Source = { readonly kind: "built in" } | { readonly kind: "file" | "package"; readonly name: string };

/** One adapter, as it is printed for machines. */
interface Described extends Pick<Adapter, "id" | "summary" | "inputs" | "outputs" | "credentialInput"> {
  readonly source: Source;
  /** There where inputs and outputs are those that all its handlers have, to which the configuration of each may add. */
  readonly more?: "by config";
  /** Its JSON Schema; undefined where it cannot be told. */
  readonly config: ConfigSchema | undefined;
}

interface Refused {
  readonly name: string;
  readonly reasons: readonly string[];
}

function described(adapter: Adapter, source: Source): Described {
  const { id, summary, inputs, outputs, credentialInput } = adapter;
  return {
    ...{ id, source, summary, inputs, outputs, config: configSchema(adapter) },
    ...(adapter.declare === undefined ? {} : { more: "by config" }),
    ...(credentialInput === undefined ? {} : { credentialInput }),
  };
}

function describedForeign(
  name: string,
  found: ForeignAdapter,
): { readonly adapter?: Described; readonly refused?: Refused } {
  if (found.kind === "refused") return { refused: { name, reasons: found.reasons } };
  const kind = isAdapterPath(name) ? "file" : "package";
  return { adapter: described(found.adapter, { kind, name }) };
}

function printAdapter(described: Described): string {
  const { id, source, summary, inputs, outputs, credentialInput, config } = described;
  const from = source.kind === "built in" ? source.kind : `${source.kind} ${source.name}`;
  const { check, report } = inputs;
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ["asked with", Object.entries(check ?? {}).map(printInput)],
    ["answers", Object.entries(outputs).map(([name, { type, meaning }]) => `${name}: ${type}  ${meaning}`)],
    [
      "more",
      described.more === undefined ? [] : ["config may name more that a handler is asked with or answers"],
    ],
    ["verify", credentialInput === undefined ? [] : [`the credential is ${credentialInput}`]],
    ["telemetry", report === undefined ? [] : [telemetryOf(report)]],
    ["config", config === undefined ? ["its schema cannot be read"] : keysOf(config)],
  ];
  const lines = rows.flatMap(([what, all]) =>
    all.map((line, index) => `  ${(index === 0 ? what : "").padEnd(12)}${line}\n`),
  );
  return `${id}  (${from})  ${summary}\n${lines.join("")}`;
}

const printInput = ([name, { type, presence, class: sort, meaning }]: readonly [string, Input]): string =>
  `${name}: ${type}${presence === "optional" ? ", optional" : ""}${sort === "secret" ? ", may be secret" : ""}  ${meaning}`;

const telemetryOf = ({ presets, plain }: NonNullable<Adapter["inputs"]["report"]>): string =>
  [...presets, ...(plain === "taken" ? ["with alone"] : [])].join(", ");

/** The keys of a configuration, each with its type as far as it is known. */
function keysOf(schema: ConfigSchema): readonly string[] {
  const properties = mappingOf(schema["properties"]);
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const keys = Object.entries(properties).map(([name, one]) => {
    return `${name}: ${sortOf(mappingOf(one))}${required.includes(name) ? "" : ", optional"}`;
  });
  return keys.length === 0 ? ["no keys"] : keys;
}

function sortOf({ type, enum: words, anyOf }: ConfigSchema): string {
  if (Array.isArray(words)) return words.join(" | ");
  if (Array.isArray(anyOf)) return anyOf.map((one) => sortOf(mappingOf(one))).join(" | ");
  if (Array.isArray(type)) return type.join(" | ");
  return typeof type === "string" ? type : "anything";
}

const mappingOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
