import { createRegistry, fromJson } from "@bufbuild/protobuf";
import { DurationSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { SimpleTestSchema, type SimpleTest } from "@bufbuild/cel-spec/cel/expr/conformance/test/simple_pb.js";
import { tests } from "@bufbuild/cel-spec/testdata/conformance.js";
import type { SerializedIncrementalTest } from "@bufbuild/cel-spec/testdata/tests.js";

/** One case of CEL's conformance suite, the files of tests/simple/testdata in github.com/google/cel-spec. */
export interface Case {
  readonly file: string;
  readonly section: string;
  readonly name: string;
  readonly test: SimpleTest;
}

/** The cases that use no protobuf message, and how many there are with those that do. */
export interface Suite {
  readonly cases: readonly Case[];
  readonly total: number;
}

/** Values of the two messages that are types of CEL itself. */
const registry = createRegistry(TimestampSchema, DurationSchema);

export function officialSuite(): Suite {
  const all = (tests.suites ?? []).flatMap((file) =>
    (file.suites ?? []).flatMap((section) =>
      (section.tests ?? []).map(({ original }) => ({ file: file.name, section: section.name, original })),
    ),
  );
  const cases = all
    .filter(({ original }) => !usesMessage(original))
    .map(({ file, section, original }) => {
      const test = fromJson(SimpleTestSchema, original, { registry });
      return { file, section, name: test.name, test };
    });
  return { cases, total: all.length };
}

/**
 * A case uses a protobuf message when its expression, container, declarations, bindings or result name one
 * beside Timestamp and Duration: those of the suite, their enums, Any, Struct, Value or a wrapper.
 */
function usesMessage(original: SerializedIncrementalTest["original"]): boolean {
  return MESSAGE.test(JSON.stringify(original));
}

const MESSAGE =
  /cel\.expr\.conformance|TestAllTypes|google\.protobuf(?!\.(?:Timestamp|Duration)\b)|"wrapper"/;
