import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A fresh folder for each test, removed after it. */
export function ownFolder(): { readonly path: string } {
  const folder = { path: "" };
  beforeEach(async () => {
    folder.path = await mkdtemp(join(tmpdir(), "weir-"));
  });
  afterEach(() => rm(folder.path, { recursive: true, force: true }));
  return folder;
}

/** A policy file that is good, told apart by its name. */
export const policyText = (name: string): string =>
  `weir: 1\npolicy: ${name}\nmatch: everything\nrules:\n  - id: one\n    allow: request.method == "GET"\n`;
