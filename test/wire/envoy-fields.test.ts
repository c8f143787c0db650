import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fromBinary } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorSetSchema,
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type MethodDescriptorProto,
  type ServiceDescriptorProto,
} from "@bufbuild/protobuf/wkt";

/** One field, enum value or method, written as a line of envoy-fields.tsv. */
interface Declaration {
  readonly type: string;
  readonly key: string;
  readonly line: string;
}

const repository = new URL("../../", import.meta.url);

describe("our subset of Envoy's messages", () => {
  const originals = readOriginals();
  const declarations = readDeclarations();

  it("has all the messages that the three paths read and write", () => {
    const declared = new Set(declarations.map(({ key }) => key));
    const needed = [
      "envoy.service.auth.v3.CheckResponse.error_response",
      "envoy.service.ratelimit.v3.RateLimitService.ShouldRateLimit",
      "envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.hits_addend",
      "envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.is_negative_hits",
      "envoy.service.accesslog.v3.AccessLogService.StreamAccessLogs",
      "envoy.data.accesslog.v3.AccessLogCommon.access_log_type",
      "opentelemetry.proto.collector.logs.v1.LogsService.Export",
      "grpc.health.v1.Health.Watch",
    ];
    assert.deepEqual(
      needed.filter((key) => !declared.has(key)),
      [],
    );
  });

  it("has every access-log field of the original", () => {
    const declared = new Set(declarations.map(({ key }) => key));
    const logged = [...originals.keys()].filter((key) => key.startsWith("envoy.data.accesslog.v3."));
    assert.ok(logged.length > 100);
    assert.deepEqual(
      logged.filter((key) => !declared.has(key)),
      [],
    );
  });

  for (const [type, members] of Map.groupBy(declarations, (declared) => declared.type)) {
    it(`agrees with the original of ${type}`, () => {
      assert.deepEqual(
        members.map(({ line }) => line),
        members.map(({ key }) => originals.get(key) ?? `${key}: not in the original`),
      );
    });
  }
});

function readOriginals(): Map<string, string> {
  const text = readFileSync(new URL("test/fixtures/wire/envoy-fields.tsv", repository), "utf8");
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.split("\t").slice(0, 2).join("."), line]));
}

function readDeclarations(): Declaration[] {
  const content = readFileSync(new URL("src/wire/descriptors.binpb", repository));
  return fromBinary(FileDescriptorSetSchema, content).file.flatMap((file) => [
    ...file.service.flatMap((service) => serviceMethods(`${file.package}.${service.name}`, service)),
    ...file.enumType.flatMap((type) => enumValues(`${file.package}.${type.name}`, type)),
    ...file.messageType.flatMap((type) => messageFields(`${file.package}.${type.name}`, type)),
  ]);
}

function messageFields(name: string, type: DescriptorProto): Declaration[] {
  return [
    ...type.field.map((field) =>
      declaration(name, field, [fieldType(field), fieldLabel(field), fieldOneof(type, field)]),
    ),
    ...type.enumType.flatMap((nested) => enumValues(`${name}.${nested.name}`, nested)),
    ...type.nestedType.flatMap((nested) => messageFields(`${name}.${nested.name}`, nested)),
  ];
}

function enumValues(name: string, type: EnumDescriptorProto): Declaration[] {
  return type.value.map((value) => declaration(name, value, ["value", "-", "-"]));
}

function serviceMethods(name: string, service: ServiceDescriptorProto): Declaration[] {
  return service.method.map((method) => {
    const types = `${method.inputType.slice(1)}->${method.outputType.slice(1)}`;
    return declaration(name, { name: method.name, number: 0 }, [types, streaming(method), "-"]);
  });
}

function declaration(
  type: string,
  child: { readonly name: string; readonly number: number },
  rest: readonly string[],
): Declaration {
  return {
    type,
    key: `${type}.${child.name}`,
    line: [type, child.name, String(child.number), ...rest].join("\t"),
  };
}

function fieldType(field: FieldDescriptorProto): string {
  if (field.typeName !== "") return field.typeName.slice(1);
  return FieldDescriptorProto_Type[field.type].toLowerCase();
}

function fieldLabel(field: FieldDescriptorProto): string {
  if (field.label === FieldDescriptorProto_Label.REPEATED) return "repeated";
  return field.proto3Optional ? "optional" : "singular";
}

function fieldOneof(type: DescriptorProto, field: FieldDescriptorProto): string {
  const isMember = Object.hasOwn(field, "oneofIndex") && !field.proto3Optional;
  return isMember ? (type.oneofDecl[field.oneofIndex]?.name ?? "?") : "-";
}

function streaming(method: MethodDescriptorProto): string {
  if (method.clientStreaming) return method.serverStreaming ? "bidi-stream" : "client-stream";
  return method.serverStreaming ? "server-stream" : "unary";
}
