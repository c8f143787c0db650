import assert from "node:assert/strict";
import { failureOf } from "../../src/report/failure.ts";
import { entryOf, withCommon } from "./described.ts";
import type { DescribedHttp } from "./encode.ts";
import { grpcRequest, plainRequest } from "./entries.ts";

type Flags = NonNullable<DescribedHttp["commonProperties"]>["responseFlags"];

const answered = (responseCode: number | undefined, responseFlags: Flags = {}): DescribedHttp => ({
  ...withCommon(plainRequest(), { responseFlags }),
  response: { responseCode },
});

describe("why an exchange failed", () => {
  for (const [what, http, expected] of [
    ["200", answered(200), undefined],
    ["404", answered(404), undefined],
    ["404 without a route", answered(404, { noRouteFound: true }), undefined],
    ["403 of a check", answered(403, { unauthorizedDetails: { reason: 1 } }), undefined],
    ["429 of a limit", answered(429, { rateLimited: true }), undefined],
    [
      "a caller that went away in the middle",
      answered(200, { downstreamConnectionTermination: true }),
      undefined,
    ],
    [
      "a caller that went away before",
      answered(undefined, { downstreamConnectionTermination: true }),
      "no response DC",
    ],
    ["no answer at all", answered(undefined), "no response"],
    ["500 of the upstream", answered(500), "500"],
    ["503 of no upstream", answered(503, { noHealthyUpstream: true }), "503 UH"],
    [
      "503 after retries",
      answered(503, { upstreamConnectionFailure: true, upstreamRetryLimitExceeded: true }),
      "503 UF,URX",
    ],
    ["an upstream that broke off", answered(200, { upstreamConnectionTermination: true }), "200 UC"],
    ["gRPC OK", grpcRequest("0"), undefined],
    ["gRPC NOT_FOUND", grpcRequest("5"), undefined],
    ["gRPC UNAVAILABLE", grpcRequest("14"), "gRPC 14"],
  ] as const) {
    it(`is told of ${what}: ${expected ?? "it did not"}`, () => {
      assert.equal(failureOf(entryOf({ identifier: {}, http: [http] }).facts), expected);
    });
  }

  for (const [responseFlags, expected] of [
    [{}, undefined],
    [{ upstreamConnectionFailure: true }, "UF"],
  ] as const) {
    it(`is told of a connection: ${expected ?? "it did not"}`, () => {
      const tcp = { commonProperties: { responseFlags }, connectionProperties: {} };
      assert.equal(failureOf(entryOf({ identifier: {}, tcp: [tcp] }).facts), expected);
    });
  }
});
