import assert from "node:assert/strict";
import fc from "fast-check";
import { pino } from "pino";
import { checkService } from "../../src/check/service.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { CheckRequest, CheckResponse } from "../../src/wire/envoy/service/auth/v3/external_auth.ts";
import { parseExposition } from "../telemetry/exposition.ts";
import { type Asked, checkRequest, NO_BACKENDS, snapshotOf, NO_LIMITS } from "./fixture.ts";

const ANY_PROXY = { principal: undefined, listenerRole: undefined };

/** One request only is allowed. */
const ALLOWED = {
  method: "PUT",
  host: "orders.example.com",
  path: "/orders/alice?v=1",
  source: "spiffe://cluster.local/ns/shop/sa/web",
  extensions: { "weir.route": "orders" },
  lines: [
    ["x-team", "red"],
    ["x-team", "blue"],
  ],
} as const satisfies Asked;

const snapshot = snapshotOf({
  policy: "only",
  match: {
    hosts: ["orders.example.com"],
    paths: ["/orders/{owner}"],
    methods: ["PUT"],
    routes: ["orders"],
  },
  identities: { workload: { mtls: { trustDomains: ["cluster.local"] } } },
  rules: [
    {
      id: "exact",
      allow: [
        'path.owner == "alice"',
        'request.query_params == {"v": ["1"]}',
        'auth.workload.id == "spiffe://cluster.local/ns/shop/sa/web"',
        'request.headers_all == {"x-team": ["red", "blue"]}',
      ].join(" && "),
    },
  ],
});

/** Whether a message is the allowed request to the generated decoder, which is not ours. */
function isAllowed(bytes: Buffer): boolean {
  const { attributes } = CheckRequest.decode(bytes);
  const http = attributes?.request?.http;
  if (attributes === undefined || http === undefined) return false;
  const { method, path, host } = http;
  const lines = http.headerMap?.headers.map(({ key, value, rawValue }) => [
    key,
    rawValue.length > 0 ? rawValue.toString() : value,
  ]);
  try {
    assert.deepEqual([method, attributes.source?.principal], [ALLOWED.method, ALLOWED.source]);
    // Another spelling of host or path is the same host and path.
    assert.equal(host.toLowerCase().replace(/:\d+$/, "").replace(/\.$/, ""), ALLOWED.host);
    const [segments = "", ...query] = path.split("?");
    assert.equal(decodeURIComponent(segments), "/orders/alice");
    // The ampersand keeps a question mark in front from being left out.
    assert.deepEqual([...new URLSearchParams(`&${query.join("?")}`)], [["v", "1"]]);
    assert.equal(attributes.contextExtensions.get("weir.route"), "orders");
    assert.deepEqual(lines, ALLOWED.lines);
    return true;
  } catch {
    return false;
  }
}

describe("hostile bytes", () => {
  const metrics = createMetrics();
  const host = {
    limits: NO_LIMITS,
    metrics,
    log: pino({ level: "silent" }),
    nowMs: () => 0,
    later: () => true,
  };
  const service = checkService({ live: () => ({ snapshot, backends: NO_BACKENDS }), ...host });

  function answerTo(bytes: Buffer): CheckResponse {
    const answer = service.check(bytes, Infinity, ANY_PROXY);
    return answer instanceof Uint8Array
      ? CheckResponse.decode(answer)
      : assert.fail("somebody was waited for");
  }

  function isGranted(bytes: Buffer): boolean {
    const { status, okResponse, errorResponse } = answerTo(bytes);
    assert.ok(status);
    assert.equal(status.code === 0, okResponse !== undefined);
    assert.equal(errorResponse, undefined, "a caller chose an error");
    return status.code === 0;
  }

  const valid = checkRequest(ALLOWED);

  it("are none where the request is the one that is allowed", () => {
    assert.ok(isAllowed(valid));
    assert.ok(isGranted(valid));
  });

  it("of any kind are answered, and refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => assert.ok(!isGranted(Buffer.from(bytes)))),
      { numRuns: 1_000 },
    );
  });

  it("that are a message cut short are refused", () => {
    for (let length = 0; length < valid.length; length++) {
      const cut = valid.subarray(0, length);
      if (isGranted(cut)) assert.ok(isAllowed(cut), `cut at ${length}`);
    }
    assert.ok(!isGranted(valid.subarray(0, valid.length - 1)));
  });

  const edit = fc.oneof(
    fc.record({ at: fc.nat(valid.length - 1), drop: fc.nat(3), put: fc.uint8Array({ maxLength: 3 }) }),
    fc.record({
      at: fc.nat(valid.length - 1),
      drop: fc.constant(1),
      put: fc.nat(255).map((byte) => Uint8Array.of(byte)),
    }),
  );

  it("that are a message changed somewhere are granted only where that is the allowed request still", () => {
    let granted = 0;
    const property = fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
      let bytes = valid;
      for (const { at, drop, put } of edits)
        bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + drop)]);
      if (!isGranted(bytes)) return;
      granted += 1;
      assert.ok(isAllowed(bytes), bytes.toString("hex"));
    });
    fc.assert(property, { numRuns: 5_000 });
    assert.ok(granted > 0, "no change that keeps the request was tried");
  });

  it("in a field are granted only where it is the field's value", () => {
    const text = (own: string) =>
      fc.oneof(
        { weight: 3, arbitrary: fc.constant(own) },
        { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 6 }) },
        { weight: 1, arbitrary: fc.string({ maxLength: 2 }).map((more) => own + more) },
      );
    const line = fc.tuple(
      text("x-team"),
      fc.oneof(
        text("red"),
        fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
      ),
    );
    const asked = fc.record({
      method: text(ALLOWED.method),
      host: text(ALLOWED.host),
      path: text(ALLOWED.path),
      source: text(ALLOWED.source),
      extensions: text("orders").map((route) => ({ "weir.route": route })),
      lines: fc.oneof(
        { weight: 4, arbitrary: fc.constant(ALLOWED.lines) },
        { weight: 1, arbitrary: fc.array(line, { maxLength: 3 }) },
      ),
    });
    let granted = 0;
    const property = fc.property(asked, (one) => {
      const bytes = checkRequest(one);
      const is = isGranted(bytes);
      if (is) granted += 1;
      assert.equal(is, isAllowed(bytes));
    });
    fc.assert(property, { numRuns: 1_500 });
    assert.ok(granted > 0);
  });

  after(async () => {
    const series = parseExposition((await metrics.render()).text);
    assert.equal(series.get('weir_internal_errors_total{method="Check"}') ?? 0, 0);
  });
});
