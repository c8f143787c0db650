import { readFile } from "node:fs/promises";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { ReflectionService } from "@grpc/reflection";
import type { Server } from "@grpc/grpc-js";

/**
 * Serves grpc.reflection v1 and v1alpha: lists the given services and answers for every file that protos/ declares or
 * imports, from the descriptor set that is generated beside the codecs.
 */
export async function registerReflection(server: Server, services: readonly string[]): Promise<void> {
  const descriptors = await readFile(new URL("../wire/descriptors.binpb", import.meta.url));
  const files = {
    format: "Protocol Buffer 3 DescriptorProto" as const,
    type: {},
    fileDescriptorProtos: splitFiles(descriptors),
  };
  new ReflectionService({ files }, { services: [...services] }).addToServer(server);
}

/** The encoded FileDescriptorProtos of an encoded FileDescriptorSet, whose only field is `repeated file = 1`. */
function splitFiles(descriptors: Uint8Array): Buffer[] {
  const reader = new BinaryReader(descriptors);
  const files: Buffer[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) files.push(Buffer.from(reader.bytes()));
    else reader.skip(wireType);
  }
  return files;
}
