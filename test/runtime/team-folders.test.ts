import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import { relative } from "node:path";
import { ownRuntimes } from "./fixture.ts";
import { answerTo, BROKEN, GOOD, heldOf, policy, shared, weirYaml } from "./team-files.ts";

describe("files of teams", () => {
  const { at, write, remove, start } = ownRuntimes();
  const writeAll = async (files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [path, text] of Object.entries(files)) await write(path, text);
  };

  it("whose folder is empty or gone are at fault, and what was live of them stays", async () => {
    await writeAll(GOOD);
    const running = start();
    await running.runtime.load();
    const found = "orders: last good: unreadable-file teams/orders";
    await remove("teams/orders");
    const gone = await running.runtime.load();
    assert.ok(gone.kind === "refused");
    assert.deepEqual(heldOf(gone.held, at()), [found]);
    await mkdir(at("teams/orders"));
    await write("platform.yaml", `${shared("reads")}  writes: request.method == "POST"\n`);
    const empty = await running.runtime.load();
    assert.ok(empty.kind === "live");
    assert.deepEqual(heldOf(empty.held, at()), [found]);
    assert.equal(answerTo(running.runtime, "orders"), "allow orders/reads");
    const fresh = start();
    await fresh.runtime.load();
    assert.equal(answerTo(fresh.runtime, "orders"), "deny weir/team-not-loaded 503");
  });

  it("that weir.yaml no longer names are the platform's, and end when their files do", async () => {
    await writeAll(GOOD);
    const running = start();
    await running.runtime.load();
    await write("weir.yaml", weirYaml(["billing"]));
    await running.runtime.load();
    assert.deepEqual(running.names(), ["billing", "orders"]);
    await remove("teams/orders");
    const result = await running.runtime.load();
    assert.ok(result.kind === "live" && result.held.length === 0);
    assert.deepEqual(running.names(), ["billing"]);
    assert.deepEqual(running.runtime.live?.snapshot.unloaded, []);
  });

  const FAULTS: readonly (readonly [what: string, files: Readonly<Record<string, string>>])[] = [
    ["cannot be read itself", { "weir.yaml": weirYaml(["billing"], "checkTimeout: soon\n") }],
    ["comes with a fault elsewhere", { "weir.yaml": weirYaml(["billing"]), "other.yaml": "weir: 2\n" }],
  ];
  for (const [what, files] of FAULTS) {
    it(`stay teams when the weir.yaml that takes them away ${what}`, async () => {
      await writeAll(GOOD);
      const running = start();
      await running.runtime.load();
      await writeAll({ ...files, "teams/orders/policy.yaml": policy("orders-two", "orders") });
      const result = await running.runtime.load();
      assert.ok(result.kind === "live");
      assert.deepEqual(
        result.held.map(({ part }) => part),
        [""],
      );
      assert.deepEqual(running.names(), ["billing", "orders-two"]);
      await write("teams/orders/policy.yaml", BROKEN);
      const again = await running.runtime.load();
      assert.ok(again.kind === "refused");
      assert.deepEqual(
        again.held.map(({ part }) => part),
        ["", "orders"],
      );
      assert.deepEqual(running.names(), ["billing", "orders-two"]);
      await write("teams/orders/policy.yaml", policy("orders-two", "billing"));
      await running.runtime.load();
      assert.deepEqual(running.names(), ["billing", "orders-two"], "what it owns is still what it owned");
      assert.equal(answerTo(running.runtime, "orders"), "allow orders-two/reads");
    });
  }

  it("that name a broken file elsewhere are at fault for it, and the platform is not", async () => {
    const naming = "weir: 1\nshared: own\ndata:\n  broken: ../../broken.json\n";
    await writeAll({ ...GOOD, "broken.json": "{", "teams/orders/shared.yaml": naming });
    const running = start();
    const result = await running.runtime.load();
    assert.ok(result.kind === "live");
    assert.deepEqual(heldOf(result.held, at()), [
      "orders: nothing: data-syntax broken.json: not-owned teams/orders/shared.yaml",
    ]);
  });

  for (const [what, link, target, named] of [
    ["a link", "teams/orders/own.txt", "secret/pepper", "own.txt"],
    ["a folder that is a link", "teams/orders/own", "secret", "own/pepper"],
  ] as const) {
    it(`do not read through ${what} what lies elsewhere, secrets for one`, async () => {
      const naming = `weir: 1\nshared: own\ndata:\n  stolen: ${named}\n`;
      await writeAll({ ...GOOD, "secret/pepper": "a secret\n", "teams/orders/shared.yaml": naming });
      await symlink(at(target), at(link));
      const result = await start().runtime.load();
      assert.ok(result.kind === "live");
      assert.deepEqual(heldOf(result.held, at()), ["orders: nothing: not-owned teams/orders/shared.yaml"]);
    });
  }

  it("may be links within their folder, as a ConfigMap mounts them, and so may the folder be one", async () => {
    const naming = "weir: 1\nshared: own\ndata:\n  tiers: tiers.txt\n";
    await writeAll({
      ...GOOD,
      "..one/orders/policy.yaml": policy("orders", "orders"),
      "..one/orders/shared.yaml": naming,
    });
    await write("..one/orders/..data/tiers.txt", "gold\n");
    await symlink("..data/tiers.txt", at("..one/orders/tiers.txt"));
    await remove("teams/orders");
    await symlink(at("..one/orders"), at("teams/orders"));
    const result = await start().runtime.load();
    assert.ok(result.kind === "live");
    assert.deepEqual(result.held, []);
  });

  it("do not become the platform when weir.yaml is gone or cannot be parsed", async () => {
    await writeAll(GOOD);
    const running = start();
    await running.runtime.load();
    const { live } = running.runtime;
    const away = [
      () => remove("weir.yaml"),
      () => write("weir.yaml", "weir: 1\nteams: {"),
      // What a team calls weir.yaml is none.
      async () => {
        await remove("weir.yaml");
        await write("teams/orders/weir.yaml", "weir: 1\nungoverned: allow\n");
      },
    ];
    for (const takeAway of away) {
      await takeAway();
      const result = await running.runtime.load();
      assert.ok(result.kind === "refused");
      assert.ok(result.held.some(({ part, diagnostics }) => part === "" && diagnostics.length > 0));
      assert.equal(running.runtime.live, live);
    }
  });

  it("do not configure the server, though their weir.yaml may be read first", async () => {
    await writeAll({
      ...GOOD,
      "teams/orders/weir.yaml": "weir: 1\nungoverned: allow\nteams: {}\n".replace("teams: {}\n", ""),
    });
    const running = start();
    const result = await running.runtime.load();
    assert.ok(result.kind === "live");
    assert.deepEqual(heldOf(result.held, at()), ["orders: nothing: duplicate-name teams/orders/weir.yaml"]);
    assert.equal(running.runtime.live?.snapshot.settings.ungoverned, "deny");
  });

  it("that get another folder are not live with the files of the old one, which are the platform's now", async () => {
    await writeAll(GOOD);
    const running = start();
    await running.runtime.load();
    await remove("teams/orders");
    await writeAll({
      "weir.yaml": weirYaml().replace("teams/orders", "teams/new"),
      "teams/new/policy.yaml": BROKEN,
    });
    const result = await running.runtime.load();
    assert.ok(result.kind === "live");
    assert.deepEqual(
      result.held.map(({ part, live }) => [part, live]),
      [["orders", "nothing"]],
    );
    assert.equal(answerTo(running.runtime, "orders"), "deny weir/team-not-loaded 503");
  });

  it("are told apart however folders are named, as links and several at once too", async () => {
    for (const [path, text] of Object.entries(GOOD)) await write(`all/${path}`, text);
    await write("all/teams/orders/policy.yaml", policy("orders", "billing"));
    await symlink(at("all"), at("link"));
    const cases: readonly (readonly string[])[] = [
      [at("all")],
      [`${at("all")}/./`],
      [relative(process.cwd(), at("all"))],
      [at("link")],
      [at("all/teams/orders"), at("all")],
      [at("all/teams/orders"), relative(process.cwd(), at("all"))],
      [at("all/weir.yaml"), at("all/platform.yaml"), at("all/teams")],
    ];
    for (const folders of cases) {
      const { runtime } = start({ folders });
      const result = await runtime.load();
      assert.ok(result.kind === "live", folders.join(" "));
      assert.deepEqual(
        result.held.map(({ part, diagnostics }) => [part, diagnostics.map(({ code }) => code)]),
        [["orders", ["not-owned"]]],
        folders.join(" "),
      );
    }
  });
});
