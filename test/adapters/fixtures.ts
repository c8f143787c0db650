import type { Fixture } from "./conformance.ts";
import { APIGEE } from "./apigee/fixture.ts";
import { FILE } from "./file/fixture.ts";
import { HTTP } from "./http/fixture.ts";
import { LIST } from "./list/fixture.ts";
import { OPA } from "./opa/fixture.ts";
import { OTLP } from "./otlp/fixture.ts";
import { PROMETHEUS } from "./prometheus/fixture.ts";
import { STDOUT } from "./stdout/fixture.ts";
import { THREESCALE } from "./threescale/fixture.ts";
import { ZIPKIN } from "./zipkin/fixture.ts";

/** By the id of the adapter: the suite asks for one of each. */
export const FIXTURES: ReadonlyMap<string, Fixture> = new Map([
  ["list", LIST],
  ["opa", OPA],
  ["http", HTTP],
  ["prometheus", PROMETHEUS],
  ["stdout", STDOUT],
  ["file", FILE],
  ["otlp", OTLP],
  ["zipkin", ZIPKIN],
  ["apigee", APIGEE],
  ["threescale", THREESCALE],
]);
