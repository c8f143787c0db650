import type { Adapter } from "../src/adapter/adapter.ts";
import { apigee } from "./apigee/adapter.ts";
import { file } from "./file/adapter.ts";
import { http } from "./http/adapter.ts";
import { list } from "./list/adapter.ts";
import { opa } from "./opa/adapter.ts";
import { otlp } from "./otlp/adapter.ts";
import { prometheus } from "./prometheus/adapter.ts";
import { stdout } from "./stdout/adapter.ts";
import { threescale } from "./threescale/adapter.ts";
import { zipkin } from "./zipkin/adapter.ts";

/** Every kind of back-end that weir brings along. */
export const ADAPTERS: readonly Adapter[] = [
  list,
  opa,
  http,
  threescale,
  apigee,
  prometheus,
  stdout,
  file,
  otlp,
  zipkin,
];
