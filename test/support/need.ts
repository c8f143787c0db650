import { ensure, type Found, type Missing } from "../servers/ensure.ts";
import { downloadGoModule } from "../servers/go.ts";
import { modules, type ModuleName, type ServerName } from "../servers/list.ts";

// A machine without network would otherwise wait for the same failed download in every suite.
const answers = new Map<ServerName, Promise<Found | Missing>>();

/**
 * The server a suite needs, for its `before`:
 *
 *     before(async function () {
 *       envoy = await need(this, "envoy");
 *     });
 *
 * Where it cannot be had, the suite is skipped with a printed line that says why; with CI=true that is a failure.
 * A test file that imports this one is left out of the unit tests.
 */
export async function need(context: Mocha.Context, name: ServerName): Promise<Found> {
  context.timeout(600_000);
  const asked = answers.get(name) ?? ensure(name);
  answers.set(name, asked);
  const answer = await asked;
  return answer.kind === "found" ? answer : missing(context, name, answer.reason);
}

/** The folder of what a suite reads in a Go module, for its `before`; where it cannot be had, as with `need`. */
export async function needModule(context: Mocha.Context, name: ModuleName): Promise<string> {
  context.timeout(600_000);
  const answer = await downloadGoModule(modules[name]);
  return answer.kind === "found" ? answer.folder : missing(context, name, answer.reason);
}

function missing(context: Mocha.Context, name: string, reason: string): never {
  const sentence = `${name} is missing: ${reason}`;
  if (process.env["CI"] === "true") throw new Error(sentence);
  console.log(`    skipped, ${sentence}`);
  return context.skip();
}
