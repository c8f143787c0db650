import assert from "node:assert/strict";
import { formatOf, isGzipTaken } from "../../../adapters/prometheus/negotiate.ts";

const PROMETHEUS_2 =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const PROMETHEUS_3 =
  "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";

describe("the format of a page", () => {
  const formats: readonly (readonly [accept: string, format: string])[] = [
    ["", "text"],
    ["*/*", "text"],
    ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text"],
    ["text/plain", "text"],
    ["application/openmetrics-text", "openmetrics"],
    ["Application/OpenMetrics-Text; Version=1.0.0", "openmetrics"],
    ['application/openmetrics-text; version="0.0.1"', "openmetrics"],
    ["application/openmetrics-text; version=2.0.0", "text"],
    ["application/openmetrics-text;q=0.5,text/plain;q=0.6", "text"],
    ["application/openmetrics-text;q=0.6,text/plain;q=0.5", "openmetrics"],
    ["application/openmetrics-text,text/plain", "openmetrics"],
    ["application/openmetrics-text;q=0", "text"],
    ["application/openmetrics-text;q=nonsense", "text"],
    ["application/vnd.google.protobuf;q=1, application/openmetrics-text;q=0.1", "openmetrics"],
    ["application/vnd.google.protobuf", "text"],
    [PROMETHEUS_2, "openmetrics"],
    [PROMETHEUS_3, "openmetrics"],
  ];
  for (const [accept, format] of formats) {
    it(`is ${format} for "${accept.slice(0, 70)}"`, () => {
      assert.equal(formatOf({ accept, acceptEncoding: "" }), format);
    });
  }

  const encodings: readonly (readonly [acceptEncoding: string, isTaken: boolean])[] = [
    ["", false],
    ["gzip", true],
    ["GZIP;q=0.5", true],
    ["deflate, gzip;q=1.0, *;q=0.5", true],
    ["gzip;q=0", false],
    ["gzip;q=0, *", false],
    ["*", true],
    ["*;q=0", false],
    ["identity", false],
    ["br, zstd", false],
  ];
  for (const [acceptEncoding, isTaken] of encodings) {
    it(`is ${isTaken ? "" : "not "}compressed for "${acceptEncoding}"`, () => {
      assert.equal(isGzipTaken({ accept: "", acceptEncoding }), isTaken);
    });
  }
});
