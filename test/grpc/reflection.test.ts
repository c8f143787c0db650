import assert from "node:assert/strict";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { Client } from "@grpc/grpc-js";
import { asBuffer, ownServers, same } from "./client.ts";

// Field numbers of grpc/reflection/v1/reflection.proto; v1alpha has the same.
const fileByFilename = 3;
const fileContainingSymbol = 4;
const listServices = 7;
const fileDescriptorResponse = 4;
const listServicesResponse = 6;
const errorResponse = 7;

describe("grpc.reflection", () => {
  const { start, client } = ownServers();
  const services = [
    { name: "envoy.service.auth.v3.Authorization", operation: "check" as const, methods: {} },
  ];

  for (const version of ["v1", "v1alpha"]) {
    it(`${version} lists the services that are served, health among them`, async () => {
      const caller = client(await start({ services }));
      const answer = await ask(caller, version, listServices, "*");
      const listed = fields(answer, listServicesResponse).flatMap((list) => fields(list, 1));
      assert.deepEqual(
        listed.flatMap((service) => fields(service, 1)).map((name) => name.toString()),
        ["envoy.service.auth.v3.Authorization", "grpc.health.v1.Health"],
      );
    });

    it(`${version} gives the file of a symbol with all that it imports`, async () => {
      const caller = client(await start({ services }));
      const symbol = "envoy.service.auth.v3.Authorization";
      const answer = await ask(caller, version, fileContainingSymbol, symbol);
      const files = fields(answer, fileDescriptorResponse)
        .flatMap((response) => fields(response, 1))
        .map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
      assert.equal(files[0]?.name, "envoy/service/auth/v3/external_auth.proto");
      const names = new Set(files.map(({ name }) => name));
      const missing = files.flatMap(({ dependency }) => dependency).filter((name) => !names.has(name));
      assert.deepEqual(missing, []);
    });

    it(`${version} says that a file is not known`, async () => {
      const caller = client(await start({ services }));
      const answer = await ask(caller, version, fileByFilename, "none.proto");
      assert.equal(fields(answer, errorResponse).length, 1);
    });
  }
});

/** Sends one ServerReflectionRequest and returns the encoded ServerReflectionResponse. */
async function ask(caller: Client, version: string, field: number, value: string): Promise<Buffer> {
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  const stream = caller.makeBidiStreamRequest<Uint8Array, Buffer>(path, asBuffer, same);
  stream.write(
    new BinaryWriter()
      .uint32((field << 3) | 2)
      .string(value)
      .finish(),
  );
  stream.end();
  const answers: Buffer[] = [];
  for await (const answer of stream as AsyncIterable<Buffer>) answers.push(answer);
  assert.equal(answers.length, 1);
  return answers[0] ?? Buffer.alloc(0);
}

/** The values of a length-delimited field of an encoded message. */
function fields(message: Uint8Array, field: number): Buffer[] {
  const reader = new BinaryReader(message);
  const values: Buffer[] = [];
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === field) values.push(Buffer.from(reader.bytes()));
    else reader.skip(wireType);
  }
  return values;
}
