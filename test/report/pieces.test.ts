import assert from "node:assert/strict";
import fc from "fast-check";
import { readEntries } from "../../src/report/attributes.ts";
import { countEntries, identifierOf, pieces } from "../../src/report/pieces.ts";
import { encodeMessage, type DescribedHttp } from "./encode.ts";
import { inboundRequest, SIDECAR } from "./entries.ts";

const IDENTIFIER = { ...SIDECAR };

const requests = (count: number): readonly DescribedHttp[] =>
  Array.from({ length: count }, (_, index) => inboundRequest(index));

/** What is read of messages that follow one another on a stream. */
function readAll(messages: Iterable<Buffer>) {
  let origin: ReturnType<typeof readEntries>["origin"];
  const ids: string[] = [];
  const nodes = new Set<string>();
  const invalid: string[] = [];
  for (const message of messages) {
    const read = readEntries(message, origin);
    origin = read.origin;
    ids.push(...read.entries.map(({ streamId }) => streamId));
    for (const { origin: from } of read.entries) nodes.add(from.nodeId);
    invalid.push(...read.invalid);
  }
  return { ids, nodes: [...nodes], invalid };
}

describe("a message in pieces", () => {
  it("says the same as the whole, with the identifier first", () => {
    const message = encodeMessage({ identifier: IDENTIFIER, http: requests(200) });
    const cut = [...pieces(message)];
    assert.ok(cut.length > 5, `${cut.length} pieces`);
    assert.ok(cut.every(({ length }) => length < 40_000));
    const found = readAll(cut);
    assert.deepEqual(found, readAll([message]));
    assert.deepEqual([found.ids.length, found.nodes.length, found.invalid], [200, 1, []]);
  });

  it("leaves a small message as it is, and what cannot be read", () => {
    const small = encodeMessage({ http: requests(2) });
    assert.deepEqual([...pieces(small)], [small]);
    const cut = encodeMessage({ http: requests(100) }).subarray(0, 100_000);
    assert.deepEqual([...pieces(cut)], [cut]);
    assert.deepEqual([...pieces(Buffer.alloc(0))], [Buffer.alloc(0)]);
  });

  it("counts a message without entries once, however large its identifier", () => {
    const identifier = { ...IDENTIFIER, metadata: { LARGE: "x".repeat(50_000) } };
    const message = encodeMessage({ identifier, http: [] });
    assert.deepEqual(readAll(pieces(message)), { ids: [], nodes: [], invalid: ["empty_message"] });
    assert.deepEqual(readAll(pieces(encodeMessage({ identifier }))).invalid, ["empty_message"]);
  });

  it("counts entries without reading them, and finds the identifier", () => {
    const message = encodeMessage({ identifier: IDENTIFIER, http: requests(37) });
    assert.equal(countEntries(message), 37);
    assert.equal(countEntries(encodeMessage({})), 1);
    const identifier = identifierOf(message) ?? assert.fail("no identifier");
    assert.deepEqual(readEntries(identifier, undefined).origin, readEntries(message, undefined).origin);
    assert.equal(identifierOf(encodeMessage({ http: requests(1) })), undefined);
  });

  it("takes any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 33_000, maxLength: 40_000 }), (bytes) => {
        const message = Buffer.from(bytes);
        assert.ok([...pieces(message)].length >= 1);
        assert.ok(countEntries(message) >= 1);
        identifierOf(message);
      }),
      { numRuns: 50 },
    );
  });
});
