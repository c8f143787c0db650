import { z } from "zod";
import type { Adapter } from "./adapter.ts";

/** A JSON Schema, as far as people are shown it. */
export type ConfigSchema = Readonly<Record<string, unknown>>;

/** The JSON Schema of what `config` takes; undefined where the adapter's own copy of zod is one that cannot be read here. */
export function configSchema({ config }: Pick<Adapter, "config">): ConfigSchema | undefined {
  try {
    return z.toJSONSchema(config, { io: "input", unrepresentable: "any" });
  } catch {
    return undefined;
  }
}
