import assert from "node:assert/strict";
import { ORDERS, ownFolder, run } from "./fixture.ts";

describe("weir validate", () => {
  const folderOf = ownFolder();

  it("says that all is well, and who owns which header", async () => {
    const { code, printed } = await run(["validate", folderOf({ "orders.yaml": ORDERS })]);
    assert.equal(code, 0);
    assert.equal(
      printed,
      "ok: 1 policy, 0 files of tests, 0 warnings\n\nrequest headers that policies own:\n  x-workload  orders\n",
    );
  });

  it("prints every finding with its place, and counts them", async () => {
    const text = ORDERS.replace("has(auth.workload)", "has(auth.worklod)").replace("message:", "mesage:");
    const { code, printed } = await run(["validate", folderOf({ "orders.yaml": text })]);
    assert.equal(code, 1);
    assert.match(
      printed,
      /orders\.yaml:9:23 {2}unknown-attribute .*"worklod"\n.*\n.*\^{7}\n.*did you mean "workload"\?/,
    );
    assert.match(printed, /orders\.yaml:11:5 {2}unknown-key .*"mesage"/);
    assert.match(printed, /\n2 errors, 0 warnings: this would not go live\n$/);
  });

  it("lets warnings go live", async () => {
    const text = ORDERS.replace("has(auth.workload)", 'request.headers["x-team"] == "a"');
    const { code, printed } = await run(["validate", folderOf({ "orders.yaml": text })]);
    assert.equal(code, 0);
    assert.match(printed, /unguarded-lookup {2}warning: [^]*ok: 1 policy, 0 files of tests, 1 warning\n/);
  });

  it("says the same as JSON", async () => {
    const good = await run(["validate", "--format", "json", folderOf({ "orders.yaml": ORDERS })]);
    assert.deepEqual(JSON.parse(good.printed), {
      ok: true,
      diagnostics: [],
      headers: [{ header: "x-workload", policies: ["orders"] }],
      carried: [],
    });
    const folder = folderOf({ "orders.yaml": ORDERS.replace("policy: orders", "policy: Orders") });
    const bad = await run(["validate", "--format", "json", folder]);
    assert.equal(bad.code, 1);
    const { ok, diagnostics } = JSON.parse(bad.printed) as { ok: boolean; diagnostics: object[] };
    assert.equal(ok, false);
    assert.deepEqual(
      diagnostics.map((one) => ({ ...one, file: "", message: "" })),
      [
        {
          file: "",
          line: 2,
          column: 9,
          length: 6,
          source: "policy: Orders",
          severity: "error",
          code: "wrong-value",
          message: "",
        },
      ],
    );
  });

  it("refuses a folder that is not there, and one that is empty", async () => {
    const missing = await run(["validate", "no-such-folder"]);
    assert.equal(missing.code, 1);
    assert.match(
      missing.printed,
      /^no-such-folder:1:1 {2}unreadable-file .*there is no such file or folder\n\n1 error/,
    );
    const empty = await run(["validate", folderOf({})]);
    assert.equal(empty.code, 1);
    assert.match(empty.printed, /the folder has no \.yaml file in it/);
  });
});
