import assert from "node:assert/strict";
import { ADAPTERS } from "../../adapters/index.ts";
import type { Adapter } from "../../src/adapter/adapter.ts";
import { configSchema } from "../../src/adapter/config-schema.ts";

describe("the JSON Schema of a configuration", () => {
  for (const adapter of ADAPTERS)
    it(`is there for ${adapter.id}`, () => assert.equal(configSchema(adapter)?.["type"], "object"));

  it("is none where the schema is of a library that cannot be read", () => {
    const foreign = { parse: () => 1, safeParse: () => ({ success: true }) } as unknown as Adapter["config"];
    assert.equal(configSchema({ config: foreign }), undefined);
  });
});
