import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { SLICE_BYTES } from "../../../adapters/prometheus/slice-writer.ts";
import { parseExposition, type Series } from "../../telemetry/exposition.ts";
import { until } from "../../support/until.ts";
import { HTTP, httpLabels, measured } from "./families.ts";
import { created, page, reported, type Subject } from "./scraping.ts";

const VALUES = [1, 12, 700, 3_000, 1, 1];

function filled(sets: number): Subject {
  const subject = created({ names: "istio" });
  for (let index = 0; index < sets; index++) {
    reported(subject, measured({ family: HTTP, labels: httpLabels(index), values: VALUES }));
  }
  return subject;
}

/** The slices of a page, with something done before each is read. */
async function slicesOf(
  { handler }: Subject,
  acceptEncoding: string,
  before: () => void = () => undefined,
): Promise<readonly Uint8Array[]> {
  const slices: Uint8Array[] = [];
  before();
  for await (const slice of handler.expose?.({ accept: "", acceptEncoding }).slices ?? []) {
    slices.push(Buffer.from(slice));
    before();
  }
  return slices;
}

/** Of each histogram the count and the last bucket. */
const disagreements = (series: Series): readonly string[] =>
  [...series].flatMap(([name, count]) => {
    if (!name.includes("_count{")) return [];
    const bucket = name.replace("_count{", "_bucket{").replace(/\}$/, ',le="+Inf"}');
    return series.get(bucket) === count ? [] : [`${name} ${count}, not ${series.get(bucket) ?? "there"}`];
  });

describe("a page", () => {
  it("says what it is", () => {
    const { handler } = created();
    const kinds = ["", "application/openmetrics-text"].map((accept) => {
      const { contentType, contentEncoding } = handler.expose?.({ accept, acceptEncoding: "gzip" }) ?? {};
      return [contentType, contentEncoding];
    });
    assert.deepEqual(kinds, [
      ["text/plain; version=0.0.4; charset=utf-8", "gzip"],
      ["application/openmetrics-text; version=1.0.0; charset=utf-8", "gzip"],
    ]);
    assert.equal(handler.expose?.({ accept: "", acceptEncoding: "" }).contentEncoding, "");
  });

  it("comes in slices, between which others have their turn", async () => {
    const subject = filled(100);
    let turns = 0;
    const state = { isDone: false };
    const others = (async () => {
      for (; !state.isDone; turns++) await nextTurn();
    })();
    const slices = await slicesOf(subject, "");
    state.isDone = true;
    await others;
    assert.ok(slices.length > 20, `${slices.length} slices`);
    assert.ok(turns >= slices.length - 1, `${turns} turns`);
    assert.ok(slices.every(({ length }) => length <= SLICE_BYTES));
    parseExposition(Buffer.concat(slices).toString());
  });

  it("is the same when it is compressed", async () => {
    const subject = filled(100);
    const compressed = Buffer.concat(await slicesOf(subject, "gzip"));
    const text = await page(subject);
    assert.ok(compressed.length < text.length / 20, `${compressed.length} of ${text.length}`);
    assert.ok(gunzipSync(compressed).toString() === text, "the same text");
    assert.equal(subject.handler.status().state, "ready");
  });

  it("agrees with itself though entries come while it is written, and leaves new label sets for the next one", async () => {
    for (const encoding of ["", "gzip"]) {
      const subject = filled(60);
      let next = 60;
      const slices = Buffer.concat(
        await slicesOf(subject, encoding, () => {
          for (let index = 0; index < 60; index++) {
            reported(subject, measured({ family: HTTP, labels: httpLabels(index), values: VALUES }));
          }
          reported(subject, measured({ family: HTTP, labels: httpLabels(next++), values: VALUES }));
        }),
      );
      const series = parseExposition((encoding === "" ? slices : gunzipSync(slices)).toString());
      assert.deepEqual(disagreements(series), []);
      const counts = [...series.keys()].filter((name) => name.startsWith("istio_response_bytes_count"));
      assert.ok(counts.length >= 60 && counts.length < next, `${counts.length} of ${next}`);
      assert.equal(series.size, counts.length * (3 + 3 * 22), "each label set is whole");
    }
  });

  it("may be left by its reader", async () => {
    for (const acceptEncoding of ["", "gzip"]) {
      const subject = filled(200);
      for await (const slice of subject.handler.expose?.({ accept: "", acceptEncoding }).slices ?? []) {
        assert.ok(slice.length > 0);
        break;
      }
      // A page that goes on would keep what expires.
      await subject.handler.start();
      subject.host.advance(3_600_000);
      await until(
        async () => {
          for (const task of subject.host.repeated) await task();
          return subject.host.counted.get("expired_total") === 200;
        },
        { what: "the label sets to expire" },
      );
      await subject.handler.close();
    }
  });

  it("holds label sets whose text is longer than a slice", async () => {
    const subject = created({ maxLabelLength: 4_096 });
    const labels = HTTP.labels.map((_, index) => `${index}${"ü\n".repeat(2_000)}`);
    for (const first of ["a", "b"]) {
      reported(subject, measured({ family: HTTP, labels: [first, ...labels.slice(1)], values: VALUES }));
    }
    assert.equal(parseExposition(await page(subject)).size, 2 * (3 + 3 * 22));
  });
});
