import assert from "node:assert/strict";
import { ORDERS, ownFolder, run } from "./fixture.ts";

const SERVER = `weir: 1
listen:
  grpc: { address: 127.0.0.1:0 }
  metrics: { address: 127.0.0.1:0 }
`;

describe("weir serve", () => {
  const folderOf = ownFolder();

  it("says what it serves and where, until it is told to end", async () => {
    const folder = folderOf({ "orders.yaml": ORDERS, "weir.yaml": SERVER });
    const { code, printed, complained } = await run(["serve", folder]);
    assert.deepEqual([code, complained], [0, ""]);
    assert.match(printed, /^weir serves 1 policy from .* \(orders; revision [0-9a-f]{12}\)\n/);
    assert.match(printed, /\n {2}checks {3}127\.0\.0\.1:[1-9]\d* {2}gRPC/);
    assert.match(printed, /\n {2}curl http:\/\/127\.0\.0\.1:[1-9]\d*\/readyz\n/);
  });

  it("answers the services alone that --only names", async () => {
    const folder = folderOf({ "orders.yaml": ORDERS, "weir.yaml": SERVER });
    const { code, printed } = await run(["serve", folder, "--only", "quota, report"]);
    assert.equal(code, 0);
    assert.doesNotMatch(printed, /\n {2}checks /);
    for (const words of ["checks", "check,", "", "check;quota"]) {
      const wrong = await run(["serve", folder, "--only", words]);
      assert.equal(wrong.code, 2, words);
      assert.match(wrong.complained, /^weir serve: --only takes check, quota, report or several/);
    }
  });

  it("does not start with a configuration that has an error", async () => {
    const { code, printed, complained } = await run([
      "serve",
      folderOf({ "orders.yaml": ORDERS + "extra: 1\n" }),
    ]);
    assert.deepEqual([code, printed], [1, ""]);
    assert.match(complained, /unknown-key [^]*\n\nweir did not start\.\n$/);
  });

  it("says which address it cannot have", async () => {
    const taken = SERVER.replace(
      "grpc: { address: 127.0.0.1:0 }",
      "grpc: { address: unix:/no-such-folder/weir.sock }",
    );
    const { code, complained } = await run([
      "serve",
      folderOf({ "orders.yaml": ORDERS, "weir.yaml": taken }),
    ]);
    assert.equal(code, 1);
    assert.match(complained, /^weir cannot start: cannot listen on unix:\/no-such-folder\/weir\.sock: /);
  });
});
