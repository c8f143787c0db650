import { runCommand } from "./cli/commands.ts";

/** Picks the command; the only file that may end the process. */
const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // A second signal ends at once: whoever sends it no longer wants to wait.
  process.on(signal, () => (ending.signal.aborted ? process.exit(1) : ending.abort()));
}

const code = await runCommand(process.argv.slice(2), {
  output: {
    print: (text) => void process.stdout.write(text),
    complain: (text) => void process.stderr.write(text),
  },
  environment: process.env,
  signal: ending.signal,
  onHangup: (callback) => void process.on("SIGHUP", callback),
});
process.exit(code);
