// Prints, for every message, enum and service that a descriptor set declares, what the original declares: one
// tab-separated line a field, enum value or method. The originals are those of the Go modules in go.mod.
//
//	go run . ../../src/wire/descriptors.binpb > ../../test/fixtures/wire/envoy-fields.tsv
package main

import (
	"fmt"
	"log"
	"os"
	"slices"

	_ "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	_ "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	_ "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: envoy-fields <descriptor set>")
	}
	names, err := declaredNames(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("# message\tfield\tnumber\ttype\tlabel\toneof")
	for _, name := range names {
		original, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
		if err != nil {
			log.Fatalf("%s has no original: %v", name, err)
		}
		for _, line := range describe(original) {
			fmt.Println(line)
		}
	}
}

// declaredNames lists what the descriptor set in the file declares, nested types included, sorted.
func declaredNames(path string) ([]protoreflect.FullName, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(content, &set); err != nil {
		return nil, err
	}
	var names []protoreflect.FullName
	for _, file := range set.File {
		scope := protoreflect.FullName(file.GetPackage())
		for _, service := range file.Service {
			names = append(names, scope.Append(protoreflect.Name(service.GetName())))
		}
		names = append(names, typeNames(scope, file.MessageType, file.EnumType)...)
	}
	slices.Sort(names)
	return names, nil
}

func typeNames(
	scope protoreflect.FullName,
	messages []*descriptorpb.DescriptorProto,
	enums []*descriptorpb.EnumDescriptorProto,
) []protoreflect.FullName {
	var names []protoreflect.FullName
	for _, enum := range enums {
		names = append(names, scope.Append(protoreflect.Name(enum.GetName())))
	}
	for _, message := range messages {
		name := scope.Append(protoreflect.Name(message.GetName()))
		names = append(names, name)
		names = append(names, typeNames(name, message.NestedType, message.EnumType)...)
	}
	return names
}

func describe(descriptor protoreflect.Descriptor) []string {
	switch descriptor := descriptor.(type) {
	case protoreflect.MessageDescriptor:
		return describeMessage(descriptor)
	case protoreflect.EnumDescriptor:
		return describeEnum(descriptor)
	case protoreflect.ServiceDescriptor:
		return describeService(descriptor)
	default:
		log.Fatalf("%s is neither message nor enum nor service", descriptor.FullName())
		return nil
	}
}

func describeMessage(message protoreflect.MessageDescriptor) []string {
	var lines []string
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		lines = append(lines, line(message, field, field.Number(), fieldType(field), fieldLabel(field), fieldOneof(field)))
	}
	return lines
}

func describeEnum(enum protoreflect.EnumDescriptor) []string {
	var lines []string
	for i := range enum.Values().Len() {
		value := enum.Values().Get(i)
		lines = append(lines, line(enum, value, value.Number(), "value", "-", "-"))
	}
	return lines
}

func describeService(service protoreflect.ServiceDescriptor) []string {
	var lines []string
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		types := fmt.Sprintf("%s->%s", method.Input().FullName(), method.Output().FullName())
		lines = append(lines, line(service, method, protoreflect.FieldNumber(0), types, streaming(method), "-"))
	}
	return lines
}

func line[Number ~int32](parent, child protoreflect.Descriptor, number Number, kind, label, oneof string) string {
	return fmt.Sprintf("%s\t%s\t%d\t%s\t%s\t%s", parent.FullName(), child.Name(), number, kind, label, oneof)
}

// fieldType is the full name of a message or enum, and the word in a .proto file for anything else.
func fieldType(field protoreflect.FieldDescriptor) string {
	switch {
	case field.Message() != nil:
		return string(field.Message().FullName())
	case field.Enum() != nil:
		return string(field.Enum().FullName())
	default:
		return field.Kind().String()
	}
}

// fieldLabel is "singular", "optional" (with the keyword, so an absent scalar differs from zero) or "repeated".
func fieldLabel(field protoreflect.FieldDescriptor) string {
	switch {
	case field.Cardinality() == protoreflect.Repeated:
		return "repeated"
	case field.HasOptionalKeyword():
		return "optional"
	default:
		return "singular"
	}
}

func fieldOneof(field protoreflect.FieldDescriptor) string {
	oneof := field.ContainingOneof()
	if oneof == nil || oneof.IsSynthetic() {
		return "-"
	}
	return string(oneof.Name())
}

func streaming(method protoreflect.MethodDescriptor) string {
	switch {
	case method.IsStreamingClient() && method.IsStreamingServer():
		return "bidi-stream"
	case method.IsStreamingClient():
		return "client-stream"
	case method.IsStreamingServer():
		return "server-stream"
	default:
		return "unary"
	}
}
