import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonLine, LINE_NAMES } from "../../src/adapter/json-line.ts";
import type { FieldValue } from "../../src/adapter/report.ts";
import { fieldRecord } from "../adapters/records.ts";

describe("a record as a line of JSON", () => {
  const whole = 16_384;
  const parsed = (text: string): unknown => JSON.parse(text);

  it("has when, how grave and of which rule, the preset's fields, what the rule adds, the trace; in this order", () => {
    const record = fieldRecord(
      { method: "GET", status: 503, flags: ["UH", "URX"], bytes: { sent: 7, received: 0 } },
      {
        severity: "error",
        added: new Map<string, FieldValue>([
          ["team", "payments"],
          ["share", 0.25],
        ]),
        trace: { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" },
      },
    );
    assert.deepEqual(jsonLine(record, whole), {
      text:
        '{"time":"2023-11-14T22:13:20.000Z","observed_time":"2023-11-14T22:13:21.250Z","severity":"error",' +
        '"rule":"orders/slow","method":"GET","status":503,"flags":["UH","URX"],"bytes":{"sent":7,"received":0},' +
        '"team":"payments","share":0.25,' +
        '"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7"}',
      cut: 0,
    });
  });

  it("has a name once, with what the rule says", () => {
    const { text } = jsonLine(
      fieldRecord({ path: "/a", status: 200 }, { added: new Map([["path", "/b"]]) }),
      whole,
    );
    assert.match(text, /"path":"\/b","status":200}$/);
  });

  it("has the time at which the entry came in, where the proxy's is none", () => {
    for (const timeMs of [undefined, Number.NaN, 1e300, -1e300]) {
      const line = parsed(jsonLine(fieldRecord({}, { timeMs }), whole).text);
      assert.equal((line as { time: unknown }).time, "2023-11-14T22:13:21.250Z");
    }
  });

  it("escapes what ends lines or commands terminals", () => {
    const text = 'a\nb\r\u0000\u0085\u2028\u2029\u001b[2J\u009b\ud800"\\';
    const line = jsonLine(fieldRecord({ text, "na\nme": 1 }), whole).text;
    assert.match(line, /^[ -~]+$/);
    assert.deepEqual((parsed(line) as { text: unknown }).text, text);
  });

  it("shortens texts of a line that would be too long, and keeps the other fields", () => {
    const line = jsonLine(
      fieldRecord({ path: "x".repeat(50_000), list: Array(5_000).fill("y"), status: 200 }),
      1_024,
    );
    const { path, list, status, cut } = parsed(line.text) as Record<string, unknown>;
    assert.match(String(path), /^x{20,60}…$/);
    assert.deepEqual([list, status, cut, line.cut], [undefined, 200, 2, 2]);
  });

  it("is one line of JSON within its bound, whatever the values are", () => {
    const value = fc.letrec<{ value: FieldValue }>((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        fc.string({ unit: "binary", maxLength: 3_000 }),
        fc.string({ unit: "grapheme" }),
        fc.double(),
        fc.constantFrom(null, true, false),
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(fc.string(), tie("value"), { maxKeys: 4 }),
      ),
    })).value;
    const fields = fc.dictionary(fc.string({ unit: "binary", maxLength: 200 }), value, {
      maxKeys: 30,
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(fields, fc.integer({ min: 512, max: 4_096 }), (values, maxBytes) => {
        const { text, cut } = jsonLine(fieldRecord(values), maxBytes);
        assert.ok(Buffer.byteLength(text) <= maxBytes, `${Buffer.byteLength(text)} bytes`);
        assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
        const line = parsed(text) as Record<string, unknown>;
        assert.equal(
          Object.hasOwn(line, "cut") && !Object.hasOwn(values, "cut"),
          cut > 0 && !Object.hasOwn(values, "cut"),
        );
      }),
    );
  });

  it("names all that a line has of itself", () => {
    const record = fieldRecord(
      {},
      { trace: { traceId: "a", spanId: "b" }, added: new Map([["x", "y".repeat(9_000)]]) },
    );
    const names = Object.keys(parsed(jsonLine(record, 1_024).text) as object).filter((name) => name !== "x");
    assert.deepEqual(names.sort(), [...LINE_NAMES].sort());
  });
});
