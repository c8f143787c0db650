import assert from "node:assert/strict";
import { join } from "node:path";
import { type Files, GIT_ENVIRONMENT, type Repository } from "../support/repository.ts";
import { ORDERS, run as runWeir, TESTS, type Ran } from "./fixture.ts";

/** Runs `weir validate` with these arguments, where git is. */
export const validate = (args: readonly string[], environment = GIT_ENVIRONMENT): Promise<Ran> =>
  runWeir(["validate", ...args], AbortSignal.abort(), environment);

export const EXPECT = `${TESTS}  - { as: web, request: read, allow: reads }
  - { as: nobody, request: read, deny: signed-in, status: 401 }
`;

/** A policy with its tests. */
export const FILES: Files = { "policies/orders.yaml": ORDERS, "policies/tests.yaml": EXPECT };

/** The files with texts replaced in the policy. */
export const ordersWith = (...replaced: readonly (readonly [old: string, now: string])[]): Files => ({
  ...FILES,
  "policies/orders.yaml": replaced.reduce((text, [old, now]) => {
    assert.ok(text.includes(old), old);
    return text.replace(old, now);
  }, ORDERS),
});

/** The files with a name that nothing has. */
export const BROKEN = ordersWith(["has(auth.workload)", "has(auth.worklod)"]);

/** What is printed for these files on disk against `main`, with the folder's path and the commit's name in words. */
export async function printedFor(
  repository: Repository,
  files: Files,
  ...args: readonly string[]
): Promise<Ran> {
  await repository.write(files);
  const folder = join(repository.folder, "policies");
  const ran = await validate(["--diff", "main", ...args, folder]);
  const commit = await repository.git("rev-parse", "main");
  const plain = (text: string): string =>
    text
      .replaceAll(folder, "policies")
      .replaceAll(commit, "COMMIT")
      .replaceAll(commit.slice(0, 12), "COMMIT");
  return { ...ran, printed: plain(ran.printed), complained: plain(ran.complained) };
}
