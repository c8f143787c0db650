import assert from "node:assert/strict";
import fc from "fast-check";
import { isInShare, placesOf, type Joining, type Place, type Places } from "../../src/adapter/span-places.ts";
import type { Exchange } from "../../src/adapter/report.ts";
import type { ContextIds } from "../../src/adapter/trace-context.ts";
import { exchangeOf } from "../adapters/zipkin/exchange.ts";

const TRACE = "463ac35c9f6413ad48485a3953bb6124";
const SPAN = "a2fb4a1d1a96d312";
const PARENT = "0020000000000001";
const HEX = /^[0-9a-f]+$/;

const IDS: Readonly<Record<string, ContextIds | undefined>> = {
  b3: { form: "b3", traceId: TRACE, spanId: SPAN, parentId: PARENT },
  "b3 root": { form: "b3", traceId: TRACE, spanId: SPAN, parentId: undefined },
  w3c: { form: "w3c", traceId: TRACE, spanId: SPAN, parentId: undefined },
  none: undefined,
};

/** `server` and `client` are new ids; what stands behind `<` is the parent. */
const CASES: readonly (readonly [
  ids: string,
  modes: readonly Joining[],
  side: Exchange["side"],
  expected: string,
])[] = [
  ["b3", ["auto", "join"], "client", "SPAN < PARENT"],
  ["b3", ["auto", "join"], "server", "SPAN < PARENT, shared"],
  ["b3", ["auto", "join"], "gateway", "PARENT; SPAN < PARENT"],
  ["b3 root", ["auto", "join"], "client", "SPAN"],
  ["b3 root", ["auto", "join"], "server", "SPAN, shared"],
  ["b3 root", ["auto", "join"], "gateway", "server; SPAN < server"],
  ["b3", ["child"], "client", "client < SPAN"],
  ["b3", ["child"], "server", "server < SPAN"],
  ["b3", ["child"], "gateway", "server < SPAN; client < server"],
  ["w3c", ["auto", "child"], "client", "client < SPAN"],
  ["w3c", ["auto", "child"], "server", "server < SPAN"],
  ["w3c", ["auto", "child"], "gateway", "server < SPAN; client < server"],
  ["w3c", ["join"], "client", "SPAN"],
  ["w3c", ["join"], "server", "SPAN"],
  ["w3c", ["join"], "gateway", "server; SPAN < server"],
  ["none", ["auto", "join", "child"], "client", "client"],
  ["none", ["auto", "join", "child"], "server", "server"],
  ["none", ["auto", "join", "child"], "gateway", "server; client < server"],
];

describe("the place of a span", () => {
  for (const [ids, modes, side, expected] of CASES) {
    for (const mode of modes) {
      it(`of a ${side}, ${ids} in mode ${mode}: ${expected}`, () => {
        const places = placesOf(exchangeOf({ side }), IDS[ids], mode);
        assert.equal(said(places), expected);
        if (ids !== "none") assert.equal(places.traceId, TRACE);
      });
    }
  }

  function said({ server, client }: Places): string {
    const names = new Map([
      [SPAN, "SPAN"],
      [PARENT, "PARENT"],
    ]);
    if (server !== undefined && !names.has(server.id)) names.set(server.id, "server");
    if (client !== undefined && !names.has(client.id)) names.set(client.id, "client");
    const one = ({ id, parentId, ownership }: Place): string => {
      assert.match(id, /^[0-9a-f]{16}$/);
      const parent = parentId === undefined ? "" : ` < ${names.get(parentId) ?? parentId}`;
      return `${names.get(id) ?? id}${parent}${ownership === "shared" ? ", shared" : ""}`;
    };
    return [server, client].flatMap((place) => (place === undefined ? [] : [one(place)])).join("; ");
  }

  const side = fc.constantFrom<Exchange["side"]>("client", "server", "gateway");
  const mode = fc.constantFrom<Joining>("auto", "join", "child");
  const ids = fc.constantFrom(...Object.values(IDS));
  const idsIn = ({ traceId, server, client }: Places): readonly string[] =>
    [traceId, server?.id, client?.id].filter((id) => id !== undefined);

  it("is the same when the exchange is told again", () => {
    fc.assert(
      fc.property(fc.string(), side, ids, mode, (id, of, context, as) => {
        const places = placesOf(exchangeOf({ id, side: of }), context, as);
        assert.deepEqual(placesOf(exchangeOf({ id, side: of, durationUs: 1 }), context, as), places);
        for (const one of idsIn(places)) assert.match(one, HEX);
        assert.ok([16, 32].includes(places.traceId.length));
      }),
    );
  });

  it("is another one for every exchange, where it is not the headers that say it", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { minLength: 2, maxLength: 2 }), side, (names, of) => {
        const [first = [], second = []] = names.map((id) =>
          idsIn(placesOf(exchangeOf({ id, side: of }), undefined, "auto")),
        );
        assert.deepEqual(
          first.filter((id) => second.includes(id)),
          [],
        );
      }),
    );
  });
});

describe("a share of traces", () => {
  it("has all of a trace or nothing, whichever length of its id a proxy knows", () => {
    const traceId = fc.stringMatching(/^[0-9a-f]{32}$/);
    fc.assert(
      fc.property(traceId, fc.double({ min: 0, max: 1, noNaN: true }), (id, share) => {
        assert.equal(isInShare(id, share), isInShare(id.slice(16), share));
        assert.equal(isInShare(id, 0), false);
        assert.equal(isInShare(id, 1), true);
      }),
    );
  });

  it("has as many as it says", () => {
    const kept = Array.from({ length: 20_000 }, (_, at) => at.toString(16).padStart(16, "0")).filter((id) =>
      isInShare(id, 0.1),
    );
    // Six standard deviations of a fair draw, and these numbers are drawn once for all.
    assert.ok(Math.abs(kept.length - 2_000) < 255, `${kept.length} of 20000`);
  });
});
