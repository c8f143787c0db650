import assert from "node:assert/strict";
import fc from "fast-check";
import { pino } from "pino";
import type { CheckAnswer } from "../../src/adapter/adapter.ts";
import { Faults } from "../../src/check/faults.ts";
import { checkService } from "../../src/check/service.ts";
import type { Finding, Presented } from "../../src/identity/verifier.ts";
import type { Snapshot } from "../../src/policy/snapshot.ts";
import type { Backends } from "../../src/runtime/backends.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { CheckRequest, CheckResponse } from "../../src/wire/envoy/service/auth/v3/external_auth.ts";
import { parseExposition } from "../telemetry/exposition.ts";
import { inShort, NO_LIMITS } from "./fixture.ts";
import { policyOf, policyParts, rulesOf } from "./ingredients.ts";
import { allows, FAILS, GOLD, holds, snapshotWith } from "./stubs.ts";

describe("the faults of one check", () => {
  const by = (rule: string) => ({ policy: "a", rule });
  type Noted = readonly (readonly ["request" | "raw-headers" | "budget" | "ours", string])[];
  const rows: readonly (readonly [noted: Noted, verdict: string])[] = [
    [
      [
        ["ours", "x"],
        ["request", "y"],
      ],
      "deny a/y 400",
    ],
    [
      [
        ["request", "y"],
        ["ours", "x"],
      ],
      "deny a/y 400",
    ],
    [
      [
        ["request", "x"],
        ["raw-headers", "y"],
      ],
      "deny a/x 400",
    ],
    [[["raw-headers", "x"]], "deny a/x 403"],
    [
      [
        ["ours", "x"],
        ["budget", "y"],
      ],
      "deny a/weir/budget 400",
    ],
    [
      [
        ["ours", "x"],
        ["ours", "y"],
      ],
      "error a/x",
    ],
  ];
  for (const [noted, verdict] of rows) {
    it(`${noted.map((one) => one.join(" ")).join(", ")}: ${verdict}`, () => {
      const faults = new Faults();
      assert.equal(faults.verdict(), undefined);
      for (const [fault, rule] of noted) faults.note(fault, by(rule));
      assert.equal(inShort(faults.verdict() ?? assert.fail()), verdict);
    });
  }
});

const ANY_PROXY = { principal: undefined, listenerRole: undefined };

/** Requests of all kinds: what they hold is good, strange or hostile. */
const strange = fc.constantFrom(
  "",
  "1",
  "constructor",
  "a,b",
  "x\r\ny",
  "\u0000",
  "é",
  "9".repeat(400),
  "-1",
);
const text = fc.oneof(strange, fc.string({ unit: "binary", maxLength: 6 }));
const line = fc.tuple(
  fc.constantFrom(
    "x-a",
    "authorization",
    "cookie",
    "x-api-key",
    "user-agent",
    "content-type",
    "content-length",
  ),
  fc.oneof(text, fc.constantFrom("Bearer good", "Bearer bad", "k", "application/grpc", "2")),
);
const part = fc.constantFrom("x-envoy-auth-partial-body", "x-p0");
const principal = fc.oneof(
  fc.constantFrom("spiffe://cluster.local/ns/shop/sa/web", "spiffe://other/ns/a/sa/b", ""),
  text,
);
const body = fc.oneof(fc.constantFrom('{"name":"alice"}', '{"list":[1]}', "{", '{"name":1,"name":2}'), text);
const anyRequest = fc
  .record({
    method: fc.constantFrom("GET", "PUT"),
    host: fc.constantFrom("a.example.com", "A.example.com:80"),
    path: fc.oneof(
      {
        weight: 8,
        arbitrary: fc.constantFrom("/", "/a?q=1", "/a?q=%", "/a/a/a", `/${"a/".repeat(120)}`, "*"),
      },
      { weight: 1, arbitrary: text },
    ),
    lines: fc.array(fc.oneof(line, fc.tuple(part, text)), { maxLength: 4 }),
    isRaw: fc.boolean(),
    principal,
    certificate: text,
    body,
    sni: text,
    address: fc.oneof(fc.constantFrom("10.0.0.1", "::ffff:10.0.0.1", "pipe"), text),
  })
  .map((one) => {
    const headers = one.lines.map(([key, value]) => ({ key, value: "", rawValue: Buffer.from(value) }));
    const peer = {
      address: { socketAddress: { address: one.address } },
      principal: one.principal,
      certificate: one.certificate,
    };
    const { method, host, path } = one;
    const http = {
      ...{ method, host, path, body: one.body, size: BigInt(one.body.length) },
      ...(one.isRaw ? { headerMap: { headers } } : { headers: new Map(one.lines) }),
    };
    const attributes = { source: peer, destination: peer, request: { http }, tlsSession: { sni: one.sni } };
    return Buffer.from(CheckRequest.encode(CheckRequest.fromPartial({ attributes })).finish());
  });

const somePolicies = fc
  .array(policyParts, { minLength: 1, maxLength: 2 })
  .map((parts) =>
    snapshotWith(parts.map((one, index) => policyOf(`p${index}`, one, rulesOf(one, `p${index}`)))),
  );

/** Verifiers that are well, by what is presented. */
function findingOf({ headers }: Presented): Finding {
  switch (headers.get("authorization")) {
    case undefined:
      return { kind: "absent" };
    case "Bearer good":
      return holds({ sub: "alice", roles: ["admin"] });
    case "Bearer bad":
      return { kind: "bad", reason: "" };
    default:
      return { kind: "ambiguous", reason: "" };
  }
}

type Kind = "allow" | "deny" | "error";

describe("no request turns a refusal into an error", () => {
  const metrics = createMetrics();
  const later = (task: () => void): boolean => {
    task();
    return true;
  };

  /** What is answered when handlers say this. */
  async function answered(snapshot: Snapshot, bytes: Buffer, answer: CheckAnswer): Promise<Kind> {
    const backends: Backends = { find: (_identity, presented) => findingOf(presented), ask: () => answer };
    const host = { limits: NO_LIMITS, metrics, log: pino({ level: "silent" }), nowMs: () => 0, later };
    const service = checkService({ live: () => ({ snapshot, backends }), ...host });
    const { okResponse, errorResponse } = CheckResponse.decode(
      await service.check(bytes, Infinity, ANY_PROXY),
    );
    return errorResponse !== undefined ? "error" : okResponse === undefined ? "deny" : "allow";
  }

  const GOOD = [GOLD, allows(), { verdict: "deny" }] as const;

  it("where back-ends answer, whatever they say", async () => {
    const seen = new Map<Kind, number>();
    const property = fc.asyncProperty(
      somePolicies,
      fc.array(anyRequest, { minLength: 5, maxLength: 15 }),
      async (snapshot, requests) => {
        for (const bytes of requests) {
          for (const answer of GOOD) {
            const kind = await answered(snapshot, bytes, answer);
            seen.set(kind, (seen.get(kind) ?? 0) + 1);
            assert.notEqual(kind, "error");
          }
        }
      },
    );
    await fc.assert(property, { numRuns: 60 });
    assert.ok(seen.has("allow") && seen.has("deny"), JSON.stringify([...seen]));
  }).timeout(60_000);

  it("where they fail: what is refused without them stays refused, and nothing else is an error", async () => {
    let errors = 0;
    const property = fc.asyncProperty(
      somePolicies,
      fc.array(anyRequest, { minLength: 5, maxLength: 15 }),
      async (snapshot, requests) => {
        for (const bytes of requests) {
          let isAsked = false;
          const backends: Backends = {
            find: (_identity, presented) => findingOf(presented),
            ask: () => ((isAsked = true), FAILS),
          };
          const host = { limits: NO_LIMITS, metrics, log: pino({ level: "silent" }), nowMs: () => 0, later };
          const service = checkService({ live: () => ({ snapshot, backends }), ...host });
          const { errorResponse } = CheckResponse.decode(await service.check(bytes, Infinity, ANY_PROXY));
          if (errorResponse === undefined) continue;
          errors += 1;
          assert.ok(isAsked, "nobody was asked");
          assert.notDeepEqual(await Promise.all(GOOD.map((answer) => answered(snapshot, bytes, answer))), [
            "error",
            "error",
            "error",
          ]);
        }
      },
    );
    await fc.assert(property, { numRuns: 60 });
    assert.ok(errors > 0);
  }).timeout(60_000);

  after(async () => {
    const series = parseExposition((await metrics.render()).text);
    assert.equal(series.get('weir_internal_errors_total{method="Check"}') ?? 0, 0);
  });
});
