/**
 * Generates src/wire from protos/: TypeScript codecs (ts-proto) and the descriptor set that gRPC reflection serves.
 *
 *   node scripts/generate.ts            writes src/wire
 *   node scripts/generate.ts --check    writes nothing; exits 1 when src/wire is stale
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  FileDescriptorSetSchema,
  type DescriptorProto,
  type FileDescriptorSet,
} from "@bufbuild/protobuf/wkt";

const root = dirname(import.meta.dirname);
const protosFolder = join(root, "protos");
const wireFolder = join(root, "src/wire");
const bufProgram = join(root, "node_modules/@bufbuild/buf/bin/buf");
const tsProtoPlugin = join(root, "node_modules/ts-proto/protoc-gen-ts_proto");

const tsProtoOptions = [
  "annotateFilesWithVersion=false",
  "enumsAsLiterals=true",
  "env=node",
  "exportCommonSymbols=false",
  "forceLong=bigint",
  "importSuffix=.ts",
  "outputJsonMethods=false",
  "outputServices=none",
  "unrecognizedEnum=false",
  "useDate=false",
  "useExactTypes=false",
  "useMapType=true",
];

/** Path below src/wire -> content. */
type Files = ReadonlyMap<string, Buffer>;

const fresh = await generate();
const committed = await readFiles(wireFolder);
const stale = differences(fresh, committed);
if (!process.argv.includes("--check")) {
  await replaceFiles(wireFolder, fresh);
  console.log(`src/wire: ${String(fresh.size)} files, ${String(stale.length)} changed`);
} else if (stale.length > 0) {
  console.error(`src/wire is stale (${stale.join(", ")}): run \`npm run generate\` and commit the result`);
  process.exitCode = 1;
}

async function generate(): Promise<Files> {
  const folder = await mkdtemp(join(tmpdir(), "weir-wire-"));
  try {
    const image = join(folder, "image.binpb");
    const output = join(folder, "wire");
    await mkdir(output);
    const descriptors = join(output, "descriptors.binpb");
    await buf("build", protosFolder, "--as-file-descriptor-set", "--exclude-source-info", "-o", descriptors);
    await buf("build", protosFolder, "-o", image);
    await writeFile(image, withPlainStructs(await readFile(image)));
    const plugin = { local: [process.execPath, tsProtoPlugin], out: output, opt: tsProtoOptions };
    const recipe = JSON.stringify({ version: "v2", plugins: [plugin] });
    await buf("generate", image, "--include-imports", "--template", recipe);
    return await readFiles(output);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function buf(...args: readonly string[]): Promise<void> {
  await promisify(execFile)(process.execPath, [bufProgram, ...args], { cwd: root });
}

/**
 * ts-proto turns `google.protobuf.Struct`, which it knows by that name, into a plain object, where a key named
 * `__proto__` is lost or worse. Under another package name it is generated as what it is: a message with a Map. The
 * name of a type is not on the wire.
 */
function withPlainStructs(image: Uint8Array): Uint8Array {
  const files = fromBinary(FileDescriptorSetSchema, image);
  const rename = (typeName: string) =>
    typeName.replace(/^\.google\.protobuf\.(?=(Struct|Value|ListValue|NullValue)(\.|$))/, ".weir.structure.");
  for (const file of files.file.filter(({ name }) => name.startsWith("google/protobuf/"))) {
    if (file.name.endsWith("/struct.proto")) file.package = "weir.structure";
    delete file.sourceCodeInfo; // Their long comments explain JSON forms that we do not have.
  }
  for (const field of allMessages(files).flatMap((message) => message.field)) {
    field.typeName = rename(field.typeName);
  }
  return toBinary(FileDescriptorSetSchema, files);
}

function allMessages(files: FileDescriptorSet): DescriptorProto[] {
  const withNested = (message: DescriptorProto): DescriptorProto[] => [
    message,
    ...message.nestedType.flatMap(withNested),
  ];
  return files.file.flatMap((file) => file.messageType.flatMap(withNested));
}

async function readFiles(folder: string): Promise<Files> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(
    paths.sort().map(async (path) => [relative(folder, path), await readFile(path)] as const),
  );
  return new Map(contents);
}

async function replaceFiles(folder: string, files: Files): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  for (const [path, content] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

function differences(left: Files, right: Files): string[] {
  const paths = new Set([...left.keys(), ...right.keys()]);
  return [...paths]
    .filter((path) => left.get(path)?.equals(right.get(path) ?? Buffer.alloc(0)) !== true)
    .sort();
}
