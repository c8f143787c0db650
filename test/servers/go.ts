import { chmod, mkdir, readFile, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Ended, runCommand } from "../support/command.ts";
import type { GoSource } from "./list.ts";
import { digestOf, refused, type Refused, type Unpacked } from "./unpacked.ts";

/** Builds a program with Go, which checks the digests of its modules, and leaves it alone in `draft`. */
export async function installGoProgram(source: GoSource, draft: string): Promise<Unpacked | Refused> {
  const { package: path, version } = source;
  const built = join(draft, "built");
  const ended = await runCommand("go", ["install", "-p", "2", `${path}@${version}`], {
    environment: { GOBIN: built, GOFLAGS: "-mod=mod" },
    folder: draft,
    timeoutMs: 540_000,
  });
  if (ended.kind !== "succeeded") return refused(whyNotBuilt(ended));
  const member = join("bin", basename(path));
  await mkdir(join(draft, "bin"));
  await rename(join(built, basename(path)), join(draft, member));
  await chmod(join(draft, member), 0o755);
  await rm(built, { recursive: true });
  const sha256 = digestOf(await readFile(join(draft, member)));
  return { kind: "unpacked", member, libraries: [], origin: [{ package: path, version, sha256 }] };
}

function whyNotBuilt(ended: Exclude<Ended, { kind: "succeeded" }>): string {
  if (ended.kind === "absent") return "no go, which would build it";
  if (ended.code === "timeout") return "go builds it too slowly";
  if (/no such host|dial tcp|i\/o timeout/.test(ended.stderr))
    return "no network: go cannot reach the modules";
  return `go failed: ${ended.stderr.trim().split("\n").at(-1) ?? ""}`;
}
