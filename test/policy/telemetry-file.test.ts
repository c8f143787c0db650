import assert from "node:assert/strict";
import { parsePolicy } from "../../src/policy/schema.ts";
import { loadFiles } from "../../src/policy/load.ts";

const TEXT = `weir: 1
policy: orders
match: everything
telemetry:
  - id: mesh
    to: graphs
    preset: istio
  - id: slow
    to: lines
    when: response.code > 499
    sample: 0.5%
    with:
      who: \${client.ip}
`;

describe("telemetry of a policy file", () => {
  const read = (text: string) => {
    const [document] = loadFiles([{ path: "orders.yaml", text }]).documents;
    return parsePolicy(document ?? assert.fail("the file is none"));
  };

  it("is read whole", () => {
    const { value, diagnostics } = read(TEXT);
    assert.deepEqual(diagnostics, []);
    assert.deepEqual(value?.telemetry, [
      { index: 0, id: "mesh", to: "graphs", preset: "istio", when: undefined, share: 1, with: new Map() },
      {
        ...{
          index: 1,
          id: "slow",
          to: "lines",
          preset: undefined,
          when: "response.code > 499",
          share: 0.005,
        },
        with: new Map([["who", [{ kind: "cel", source: "client.ip", start: 2 }]]]),
      },
    ]);
  });

  it("keeps the other rules where one is at fault", () => {
    const { value, isWhole } = read(TEXT.replace("istio", "mixer"));
    assert.deepEqual([value?.telemetry.map(({ id }) => id), isWhole], [["slow"], false]);
  });

  it("adds at most 64 names", () => {
    const names = Array.from({ length: 65 }, (_, index) => `      n${index}: a`).join("\n");
    const [first] = read(`${TEXT}${names}`).diagnostics;
    assert.equal(first?.message, "66 names are too many: at most 64");
  });
});
