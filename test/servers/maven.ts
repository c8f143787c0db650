import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Ended, runCommand } from "../support/command.ts";
import type { MavenSource } from "./list.ts";
import { digestOf, refused, type Refused, type Unpacked } from "./unpacked.ts";

/**
 * Downloads a jar with Maven, from whatever repositories the machine's own settings name, compares its digest, and leaves in `draft`
 * the jar and a program that runs it. Maven's cache stays inside `draft` too, and goes.
 */
export async function fetchJar(source: MavenSource, draft: string): Promise<Unpacked | Refused> {
  const java = await runCommand("java", ["-version"]);
  if (java.kind !== "succeeded") return refused("no java that runs: Debian has it as default-jre-headless");

  const [folder, repository] = [join(draft, "lib"), join(draft, "repository")];
  const ended = await download(source, folder, repository);
  if (ended.kind !== "succeeded") return refused(whyNoDownload(ended));
  await rm(repository, { recursive: true, force: true });

  const [jar] = (await readdir(folder)).filter((name) => name.endsWith(".jar"));
  if (jar === undefined) return refused(`Maven downloaded no jar of ${source.artifact}`);
  const sha256 = digestOf(await readFile(join(folder, jar)));
  if (sha256 !== source.digest)
    return refused(`${jar} has the digest ${sha256}, and ${source.digest} is expected`);

  const member = join("bin", source.artifact);
  await mkdir(join(draft, "bin"));
  await writeFile(join(draft, member), launcherOf(basename(jar)));
  await chmod(join(draft, member), 0o755);
  const origin = [{ package: `${source.group}:${source.artifact}`, version: source.version, sha256 }];
  return { kind: "unpacked", member, libraries: [], origin };
}

const COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy";

function download(source: MavenSource, folder: string, repository: string): Promise<Ended> {
  const { group, artifact, version, classifier } = source;
  const what = `-Dartifact=${group}:${artifact}:${version}:jar:${classifier}`;
  const where = [`-Dmaven.repo.local=${repository}`, `-DoutputDirectory=${folder}`];
  return runCommand("mvn", ["-B", "-q", "-ntp", ...where, COPY, what], { timeoutMs: 540_000 });
}

/** `JAVA_OPTS` are the parameters of java itself; what is started is java, so that signals reach it. */
const launcherOf = (jar: string): string =>
  `#!/bin/sh\nexec java $JAVA_OPTS -jar "$(dirname "$0")/../lib/${jar}" "$@"\n`;

function whyNoDownload(ended: Exclude<Ended, { kind: "succeeded" }>): string {
  if (ended.kind === "absent") return "no mvn, which would fetch it: Debian has it as maven";
  if (ended.code === "timeout") return "the Maven repository answers too slowly";
  const said = `${ended.stdout}${ended.stderr}`;
  if (/UnknownHostException|Unknown host|Connection refused|timed out|Network is unreachable/i.test(said))
    return "no network: Maven cannot reach its repository";
  const [error] = said.split("\n").filter((line) => line.includes("ERROR"));
  return `Maven failed: ${error ?? said.trim().split("\n").at(-1) ?? ""}`;
}
