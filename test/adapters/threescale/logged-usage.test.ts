import assert from "node:assert/strict";
import { threescale } from "../../../adapters/threescale/adapter.ts";

describe("counting from access logs", () => {
  it("is refused at load where checks count, and where something is missing", () => {
    const config = { system: "https://a.example.com", accessToken: { env: "A" }, folder: "state" };
    const complain = (more: object, ...names: readonly string[]): string | undefined =>
      threescale.inputs.report?.complaint?.(
        { ...config, ...more },
        { preset: undefined, fields: new Map(names.map((name) => [name, undefined])) },
      );
    assert.match(
      complain({}, "service", "app_id", "usage") ?? "",
      /would be counted twice: write `countFrom: log`/,
    );
    assert.match(complain({ countFrom: "log" }, "service", "usage") ?? "", /needs app_id: add it to `with`/);
    assert.equal(complain({ countFrom: "log" }, "service", "app_id", "usage"), undefined);
  });
});
