import type { ParseArgsConfig } from "node:util";
import type { Log } from "../telemetry/log.ts";

/** Where a command writes. */
export interface Output {
  /** What the command was asked for, to standard output. */
  readonly print: (text: string) => void;
  /** What went wrong, to standard error. */
  readonly complain: (text: string) => void;
}

export interface Invocation {
  readonly positionals: readonly string[];
  /** As `options` of the command declares them. */
  readonly values: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;
  readonly output: Output;
  /** The environment's variables, for secrets that weir.yaml says are there. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborts when the process is told to end. */
  readonly signal: AbortSignal;
  /** Calls back when the process is told to read its configuration again (SIGHUP). */
  readonly onHangup: (callback: () => void) => void;
  /** Opens the log of a process that serves; absent: on standard error. */
  readonly openLog?: () => Log;
}

/** 0: done. 1: what was looked at is wrong. 2: the command was called wrongly. */
export type ExitCode = 0 | 1 | 2;

/** One command of `weir`. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The whole help, below the summary. */
  readonly help: string;
  readonly options: NonNullable<ParseArgsConfig["options"]>;
  run(invocation: Invocation): Promise<ExitCode>;
}

/** The folder that commands read when none is named. */
export const DEFAULT_FOLDERS: readonly string[] = ["policies/"];

export const foldersOf = (positionals: readonly string[]): readonly string[] =>
  positionals.length === 0 ? DEFAULT_FOLDERS : positionals;
