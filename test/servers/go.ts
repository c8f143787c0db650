import { chmod, mkdir, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { z } from "zod";
import { type Ended, runCommand } from "../support/command.ts";
import type { GoModule, GoSource } from "./list.ts";
import { digestOf, refused, type Refused, type Unpacked } from "./unpacked.ts";

/** Builds a program with Go, which checks the digests of its modules, and leaves it alone in `draft`. */
export async function installGoProgram(source: GoSource, draft: string): Promise<Unpacked | Refused> {
  const { package: path, version } = source;
  const name = basename(path.replace(/\/v\d+$/, ""));
  const built = join(draft, "built");
  const refusal = await (source.versions === "recorded"
    ? buildModule(source, join(built, name))
    : install(source, { draft, built }));
  if (refusal !== undefined) return refusal;
  const member = join("bin", name);
  await mkdir(join(draft, "bin"));
  await rename(join(built, name), join(draft, member));
  await chmod(join(draft, member), 0o755);
  await rm(built, { recursive: true });
  const sha256 = digestOf(await readFile(join(draft, member)));
  return { kind: "unpacked", member, libraries: [], origin: [{ package: path, version, sha256 }] };
}

async function install(
  { package: path, version }: GoSource,
  { draft, built }: { readonly draft: string; readonly built: string },
): Promise<Refused | undefined> {
  const ended = await runCommand("go", ["install", "-p", "2", `${path}@${version}`], {
    environment: { GOBIN: built, GOFLAGS: "-mod=mod" },
    folder: draft,
    timeoutMs: 540_000,
  });
  return ended.kind === "succeeded" ? undefined : refused(whyNotBuilt(ended));
}

/** In the module's own folder, which stays as it is. */
async function buildModule(
  { package: module, version }: GoSource,
  program: string,
): Promise<Refused | undefined> {
  const downloaded = await downloadGoModule({ module, version });
  if (downloaded.kind === "refused") return downloaded;
  const ended = await runCommand("go", ["build", "-p", "2", "-buildvcs=false", "-o", program, "."], {
    environment: { GOFLAGS: "-mod=readonly" },
    folder: downloaded.folder,
    timeoutMs: 540_000,
  });
  return ended.kind === "succeeded" ? undefined : refused(whyNotBuilt(ended));
}

/** Fetches a module, which Go checks against its checksum database, and says which folder has it. */
export async function downloadGoModule({
  module,
  version,
}: GoModule): Promise<{ readonly kind: "found"; readonly folder: string } | Refused> {
  const ended = await runCommand("go", ["mod", "download", "-json", `${module}@${version}`], {
    environment: { GOFLAGS: "-mod=mod" },
    folder: tmpdir(),
    timeoutMs: 540_000,
  });
  if (ended.kind !== "succeeded") return refused(whyNotBuilt(ended));
  return { kind: "found", folder: z.object({ Dir: z.string() }).parse(JSON.parse(ended.stdout)).Dir };
}

function whyNotBuilt(ended: Exclude<Ended, { kind: "succeeded" }>): string {
  if (ended.kind === "absent") return "there is no go";
  if (ended.code === "timeout") return "go is too slow";
  if (/no such host|dial tcp|i\/o timeout/.test(ended.stderr))
    return "no network: go cannot reach the modules";
  return `go failed: ${ended.stderr.trim().split("\n").at(-1) ?? ""}`;
}
