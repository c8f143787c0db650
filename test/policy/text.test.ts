import assert from "node:assert/strict";
import fc from "fast-check";
import { splitText, type TextPart } from "../../src/policy/text.ts";

const text = (value: string): TextPart => ({ kind: "text", value });
const cel = (source: string, start: number): TextPart => ({ kind: "cel", source, start });

describe("a text with expressions", () => {
  const cases: readonly (readonly [string, readonly TextPart[]])[] = [
    ["", []],
    ["prod", [text("prod")]],
    ["${a}", [cel("a", 2)]],
    ["x-${a.b}-${c}", [text("x-"), cel("a.b", 4), text("-"), cel("c", 11)]],
    ["${a}${b}", [cel("a", 2), cel("b", 6)]],
    ["${ {'k': 1}['k'] }", [cel(" {'k': 1}['k'] ", 2)]],
    ["${'}'}", [cel("'}'", 2)]],
    ['${"\\"}"}', [cel('"\\"}"', 2)]],
    ["${r'\\'}x", [cel("r'\\'", 2), text("x")]],
    ["${br'\\'}x", [cel("br'\\'", 2), text("x")]],
    ["${'''it's }'''}", [cel("'''it's }'''", 2)]],
    ["${a // }\n}", [cel("a // }\n", 2)]],
    ["${bar'}'}", [cel("bar'}'", 2)]],
    // What is no literal is for CEL to complain of, at its place.
    ["${'}", [cel("'", 2)]],
    ["$${a}", [text("${a}")]],
    ["$$$${a}", [text("$$${a}")]],
    ["$5 and $", [text("$5 and $")]],
    ["{a} }", [text("{a} }")]],
    ["$", [text("$")]],
  ];
  for (const [source, parts] of cases) {
    it(`${JSON.stringify(source)} has ${parts.length} parts`, () =>
      assert.deepEqual(splitText(source), parts));
  }

  const faults: readonly (readonly [string, number, number])[] = [
    ["a ${b", 2, 4],
    ["${", 0, 2],
    ["${{}", 0, 2],
    ["a ${ } b", 2, 6],
    ["${}", 0, 3],
  ];
  for (const [source, start, end] of faults) {
    it(`${JSON.stringify(source)} is refused at ${start}`, () => {
      const problem = splitText(source);
      assert.ok("message" in problem);
      assert.deepEqual([problem.start, problem.end], [start, end]);
    });
  }

  it("gives every expression's place, and loses nothing", () => {
    const piece = fc.oneof(
      fc.constantFrom("${a}", "${'}'}", "${{}}", "$", "{", "}", "'", "é", "𝒳", "\n"),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const source = pieces.join("");
        const parts = splitText(source);
        if ("message" in parts) return source.includes("${");
        for (const part of parts) {
          if (part.kind === "cel") assert.ok(source.startsWith(`\${${part.source}}`, part.start - 2));
        }
        const written = parts.map((part) =>
          part.kind === "text" ? part.value.replaceAll("${", () => "$${") : `\${${part.source}}`,
        );
        return written.join("") === source;
      }),
    );
  });
});
