import { ensure, type Found, type Missing } from "../servers/ensure.ts";
import type { ServerName } from "../servers/list.ts";

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
  if (answer.kind === "found") return answer;
  const sentence = `${name} is missing: ${answer.reason}`;
  if (process.env["CI"] === "true") throw new Error(sentence);
  console.log(`    skipped, ${sentence}`);
  return context.skip();
}
