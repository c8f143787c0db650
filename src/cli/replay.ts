import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { Replay, type Change, type Replayed } from "../check/replay.ts";
import { printErrors } from "../policy/diagnostic.ts";
import { readConfiguration } from "../server.ts";
import { counted } from "../std/counted.ts";
import { foldersOf, type Command } from "./command.ts";
import { FORMAT_OPTION, isFormat, noFormat, printJson } from "./format.ts";

/** `weir replay`: what recorded decisions would come to by other files. */
export const replay: Command = {
  name: "replay",
  summary: "decides recorded decisions again by other files",
  help: `  weir replay RECORDS [folder…]                default folder: policies/

Reads the lines of decisions that a weir has written (weir.yaml's \`decisions\`; - reads
standard input), decides each again by the files of the folders, and says which would come
out otherwise. Nothing is asked and nothing is fetched. A decision that depends on what its
line does not have (headers that are not recorded, values of persons as digests, answers of
handlers, bodies, queries) is counted as unknown, never guessed. Exit code 1 when the
configuration would not go live, or nothing in RECORDS is a decision.

  --format json       the same as JSON`,
  options: FORMAT_OPTION,
  async run({ positionals: [records, ...named], values, output }) {
    const { format } = values;
    if (records === undefined) {
      output.complain("weir replay: which records? A file of lines, or -\nSee: weir help replay\n");
      return 2;
    }
    if (!isFormat(format)) {
      output.complain(noFormat("replay", format));
      return 2;
    }
    const { snapshot, diagnostics } = await readConfiguration(foldersOf(named));
    if (snapshot === undefined) {
      output.complain(`${printErrors(diagnostics)}nothing was replayed\n`);
      return 1;
    }
    const replaying = new Replay(snapshot);
    const failure = await readLines(records, (line) => replaying.line(line));
    if (failure !== undefined) {
      output.complain(`weir replay: cannot read ${records}: ${failure}\n`);
      return 2;
    }
    const { result } = replaying;
    if (result.same + result.different + result.unknown + result.skipped === 0) {
      output.complain(
        `weir replay: nothing in ${records} is a decision (${counted(result.others, "other line")})\n`,
      );
      return 1;
    }
    output.print(format === "json" ? printJson(result) : printReplayed(result));
    return 0;
  },
};

/** Why the lines could not be read; undefined where they were. */
async function readLines(path: string, each: (line: string) => Promise<void>): Promise<string | undefined> {
  const input = path === "-" ? process.stdin : createReadStream(path);
  try {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) await each(line);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function printReplayed({ same, different, unknown, skipped, others, changes }: Replayed): string {
  const sums = [
    `${counted(same + different + unknown, "decision")} replayed: ${same} the same, ${different} different, ${unknown} unknown`,
    ...(skipped > 0 ? [`${skipped} skipped: weir refused them itself, or had nothing to decide by`] : []),
    ...(others > 0 ? [`${counted(others, "line")} of other kinds`] : []),
  ];
  return `${sums.join("\n")}\n${changes.map(printChange).join("")}`;
}

const printChange = ({ before, after, from, to, count, decisions }: Change): string =>
  `\n${count} × ${from} by ${before}  ->  ${to} by ${after}\n    ${decisions.join(" ")}\n`;
