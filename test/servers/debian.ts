import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Ended, runCommand } from "../support/command.ts";
import type { DebianSource } from "./list.ts";
import { digestOf, type Machine, refused, type Refused, type Unpacked } from "./unpacked.ts";

/** Downloads Debian packages with apt, which checks their signatures, and unpacks them into `draft`. */
export async function fetchDebianPackages(
  source: DebianSource,
  { platform, folder }: Machine,
  draft: string,
): Promise<Unpacked | Refused> {
  if (!platform.startsWith("linux-"))
    return refused(`Debian packages do not run on the platform ${platform}`);

  const downloads = join(draft, "downloads");
  await mkdir(downloads);
  const ended = await download(source.packages, downloads, join(folder, "apt"));
  if (ended.kind === "absent") return refused("no apt-get, which would fetch it");
  if (ended.kind === "failed") return refused(whyNoDownload(ended));

  const origin = [];
  for (const name of (await readdir(downloads)).sort()) {
    const path = join(downloads, name);
    const [unpacked, field] = [
      await runCommand("dpkg-deb", ["--extract", path, draft]),
      await runCommand("dpkg-deb", ["--showformat", "${Package} ${Version}", "--show", path]),
    ];
    if (unpacked.kind !== "succeeded" || field.kind !== "succeeded") {
      return refused(`${name} cannot be unpacked`);
    }
    const [packageName = name, version = ""] = field.stdout.trim().split(" ");
    origin.push({ package: packageName, version, sha256: digestOf(await readFile(path)) });
  }
  await rm(downloads, { recursive: true });
  return { kind: "unpacked", member: source.member, libraries: await libraryFolders(draft), origin };
}

/**
 * First with the machine's own package lists. Where those are missing, or name a version that the mirror has replaced,
 * once more with fresh lists of our own, so that the machine's stay as they are.
 */
async function download(packages: readonly string[], folder: string, apt: string): Promise<Ended> {
  const first = await runCommand("apt-get", [...quiet, "download", ...packages], { folder });
  if (first.kind !== "failed") return first;

  const own = ["-o", `Dir::State::lists=${join(apt, "lists")}`, "-o", "APT::Update::Error-Mode=any"];
  await mkdir(join(apt, "lists/partial"), { recursive: true });
  const updated = await runCommand("apt-get", [...quiet, ...own, "-qq", "update"], { timeoutMs: 120_000 });
  if (updated.kind !== "succeeded") return updated;
  return runCommand("apt-get", [...quiet, ...own, "download", ...packages], { folder, timeoutMs: 240_000 });
}

/** apt keeps no cache files, and as root downloads as root: its own user may not write into a checkout. */
const quiet = [
  ...["-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="],
  ...["-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20"],
];

function whyNoDownload(ended: Extract<Ended, { kind: "failed" }>): string {
  if (ended.code === "timeout") return "the Debian mirror answers too slowly";
  if (
    /Could not resolve|Temporary failure|Unable to connect|Could not connect|Cannot initiate/.test(
      ended.stderr,
    )
  ) {
    return "no network: apt cannot reach its mirror";
  }
  const [error] = ended.stderr.split("\n").filter((line) => line.startsWith("E:"));
  return `apt failed: ${error ?? ended.stderr.trim()}`;
}

/** Where Debian keeps shared libraries: one folder for the machine's architecture, under /usr/lib and, once, /lib. */
async function libraryFolders(draft: string): Promise<string[]> {
  const folders = [];
  for (const parent of ["usr/lib", "lib"]) {
    const names = await readdir(join(draft, parent)).catch(() => []);
    folders.push(...names.filter((name) => name.includes("-linux-")).map((name) => join(parent, name)));
  }
  return folders;
}
