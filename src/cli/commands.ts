import { parseArgs } from "node:util";
import { didYouMean } from "../policy/diagnostic.ts";
import { adapters } from "./adapters.ts";
import type { Command, ExitCode, Invocation } from "./command.ts";
import { envoy } from "./envoy.ts";
import { evaluate } from "./eval.ts";
import { explain } from "./explain.ts";
import { init } from "./init.ts";
import { keys } from "./keys.ts";
import { serve } from "./serve.ts";
import { test } from "./test.ts";
import { quotas } from "./quotas.ts";
import { replay } from "./replay.ts";
import { tail } from "./tail.ts";
import { validate } from "./validate.ts";
import { why } from "./why.ts";

/** Every command, in the order that the help lists them. */
export const COMMANDS: readonly Command[] = [
  serve,
  init,
  validate,
  test,
  explain,
  evaluate,
  why,
  tail,
  quotas,
  replay,
  envoy,
  keys,
  adapters,
];

/** Runs the command that the arguments name. */
export async function runCommand(
  [name, ...rest]: readonly string[],
  world: Omit<Invocation, "positionals" | "values">,
): Promise<ExitCode> {
  const { print, complain } = world.output;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    const command = COMMANDS.find((one) => one.name === rest[0]);
    print(command === undefined ? overview() : helpOf(command));
    return 0;
  }
  const command = COMMANDS.find((one) => one.name === name);
  if (command === undefined) {
    const known = COMMANDS.map((one) => one.name);
    complain(`weir has no command "${name}": ${didYouMean(name, known)}\n`);
    return 2;
  }
  const parsed = parse(command, rest);
  if (typeof parsed === "string") {
    complain(`weir ${name}: ${parsed}\nSee: weir help ${name}\n`);
    return 2;
  }
  if (parsed.values["help"] === true) {
    print(helpOf(command));
    return 0;
  }
  return command.run({ ...parsed, ...world });
}

function parse(
  command: Command,
  args: readonly string[],
): Pick<Invocation, "positionals" | "values"> | string {
  try {
    const options = { ...command.options, help: { type: "boolean", short: "h" } } as const;
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const helpOf = (command: Command): string => `weir ${command.name}: ${command.summary}\n\n${command.help}\n`;

const overview = (): string =>
  [
    "weir answers a mesh of Envoys: checks decided by policy files written in CEL.",
    "",
    ...COMMANDS.map((command) => `  weir ${command.name.padEnd(10)}${command.summary}`),
    "",
    "  weir help <command>  says more about one of them.",
    "",
  ].join("\n");
