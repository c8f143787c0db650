import assert from "node:assert/strict";
import { fakeAdapter, ownRuntimes } from "./fixture.ts";
import { answerTo, BROKEN, GOOD, heldOf, policy, shared, TEAMS, weirYaml } from "./team-files.ts";

describe("teams", () => {
  const { at, write, start } = ownRuntimes();
  const writeAll = async (files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [path, text] of Object.entries(files)) await write(path, text);
  };
  it("go live together with the platform", async () => {
    await writeAll(GOOD);
    const running = start();
    const result = await running.runtime.load();
    assert.ok(result.kind === "live");
    assert.deepEqual(heldOf(result.held, at()), []);
    assert.deepEqual(running.names(), ["billing", "orders"]);
    assert.equal(answerTo(running.runtime, "orders"), "allow orders/reads");
  });

  it("with a broken file keep what was live of them, and hold nobody else back", async () => {
    await writeAll(GOOD);
    const running = start();
    const { runtime } = running;
    await runtime.load();
    await writeAll({
      "teams/orders/policy.yaml": BROKEN,
      "teams/billing/policy.yaml": policy("billing-two", "billing"),
      "platform.yaml": `${shared("reads")}  writes: request.method == "POST"\n`,
    });
    const result = await runtime.load();
    assert.ok(result.kind === "live");
    assert.deepEqual(heldOf(result.held, at()), [
      "orders: last good: one-of teams/orders/policy.yaml: unknown-key teams/orders/policy.yaml",
    ]);
    assert.deepEqual(running.names(), ["billing-two", "orders"]);
    assert.equal(answerTo(running.runtime, "orders"), "allow orders/reads");
    const { live } = runtime;
    assert.equal((await runtime.load()).kind, "unchanged", "what is held back is not compiled for ever");
    await write("teams/billing/policy.yaml", policy("billing-three", "billing"));
    const next = await runtime.load();
    assert.ok(next.kind === "live" && next.held.length === 1, "nor forgotten");
    assert.notEqual(runtime.live, live);
    await write("teams/orders/policy.yaml", policy("orders-two", "orders"));
    const fixed = await runtime.load();
    assert.ok(fixed.kind === "live" && fixed.held.length === 0);
    assert.deepEqual(running.names(), ["billing-three", "orders-two"]);
  });

  it("that alone have a broken file change nothing at all, and are named", async () => {
    await writeAll(GOOD);
    const { runtime } = start();
    await runtime.load();
    const { live } = runtime;
    await write("teams/orders/policy.yaml", BROKEN);
    const result = await runtime.load();
    assert.ok(result.kind === "refused");
    assert.deepEqual(
      result.held.map(({ part }) => part),
      ["orders"],
    );
    assert.equal(runtime.live, live);
  });

  it("that were never good have what they own refused, and weir starts without them", async () => {
    await writeAll({ ...GOOD, "teams/orders/policy.yaml": BROKEN });
    const running = start();
    const result = await running.runtime.load();
    assert.ok(result.kind === "live");
    assert.deepEqual(
      result.held.map(({ part, live }) => [part, live]),
      [["orders", "nothing"]],
    );
    assert.deepEqual(
      running.runtime.live?.snapshot.unloaded.map(({ team }) => team),
      ["orders"],
    );
    const answers = ["orders", "billing", "other"].map((host) => answerTo(running.runtime, host));
    assert.deepEqual(answers, [
      "deny weir/team-not-loaded 503",
      "allow billing/reads",
      "deny weir/ungoverned 403",
    ]);
    await write("teams/orders/policy.yaml", policy("orders", "orders"));
    await running.runtime.load();
    assert.equal(answerTo(running.runtime, "orders"), "allow orders/reads");
  });

  it("keep the platform from a change that would break them, which is told by name", async () => {
    await writeAll(GOOD);
    const running = start();
    await running.runtime.load();
    await writeAll({
      "platform.yaml": shared("gets"),
      "teams/billing/policy.yaml": policy("billing-two", "billing"),
    });
    const result = await running.runtime.load();
    assert.ok(result.kind === "live");
    const [held] = result.held;
    assert.deepEqual([held?.part, held?.live], ["", "last good"]);
    assert.deepEqual(
      held?.diagnostics.filter(({ file }) => file.includes("/orders/")).map(({ code }) => code),
      ["unknown-attribute"],
    );
    assert.deepEqual(running.names(), ["billing-two", "orders"], "what a team changes meanwhile goes live");
  });

  it("and the platform change together, whoever depends on whom", async () => {
    await writeAll(GOOD);
    const running = start();
    await running.runtime.load();
    const text = (name: string): string => policy(name, name).replace("platform.reads", "platform.gets");
    await writeAll({
      "platform.yaml": shared("gets"),
      "teams/orders/policy.yaml": text("orders"),
      "teams/billing/policy.yaml": text("billing"),
    });
    const result = await running.runtime.load();
    assert.ok(result.kind === "live");
    assert.deepEqual(heldOf(result.held, at()), []);
  });

  it("do not hold the platform back where they were never good", async () => {
    await writeAll({ ...GOOD, "teams/orders/policy.yaml": BROKEN });
    const running = start();
    await running.runtime.load();
    await write("platform.yaml", `${shared("reads")}  writes: request.method == "POST"\n`);
    const result = await running.runtime.load();
    assert.ok(result.kind === "live");
    assert.deepEqual(
      result.held.map(({ part }) => part),
      ["orders"],
    );
  });

  it("cannot start weir for a platform that is broken, and all that is wrong is told", async () => {
    await writeAll({
      ...GOOD,
      "platform.yaml": "weir: 1\nshared: platform\nlett: {}\n",
      "teams/orders/policy.yaml": BROKEN,
    });
    const result = await start().runtime.load();
    assert.ok(result.kind === "refused");
    const files = new Set(result.diagnostics.map(({ file }) => file.slice(at().length + 1)));
    assert.ok(files.has("platform.yaml") && files.has("teams/orders/policy.yaml"));
  });

  it("keep the platform's handlers that they may ask from starting badly: the old ones go on", async () => {
    const { adapter } = fakeAdapter({
      start: (about) => (about === "bad" ? Promise.reject(new Error("no such file")) : Promise.resolve()),
    });
    const withHandler = (about: string): string =>
      weirYaml(TEAMS, `handlers:\n  one:\n    adapter: fake\n    config:\n      about: ${about}\n`);
    await writeAll({ ...GOOD, "weir.yaml": withHandler("x") });
    const running = start({ adapters: [adapter] });
    await running.runtime.load();
    await writeAll({
      "weir.yaml": withHandler("bad"),
      "teams/billing/policy.yaml": policy("billing-two", "billing"),
    });
    const result = await running.runtime.load();
    assert.ok(result.kind === "live");
    assert.deepEqual(heldOf(result.held, at()), [": last good: handler-config weir.yaml"]);
    assert.deepEqual(running.names(), ["billing-two", "orders"]);
  });

  it("that are in one another's way: what was there stays, what comes is held back", async () => {
    await writeAll({ ...GOOD, "weir.yaml": weirYaml(["billing", "orders"]) });
    const running = start();
    await running.runtime.load();
    // billing stands before orders, and takes its policy's name; orders changes nothing.
    await write("teams/billing/policy.yaml", policy("orders", "billing"));
    const result = await running.runtime.load();
    assert.ok(result.kind === "refused");
    assert.deepEqual(heldOf(result.held, at()), [
      "billing: last good: duplicate-name teams/billing/policy.yaml",
    ]);
    await write("teams/orders/policy.yaml", policy("orders-two", "orders"));
    const freed = await running.runtime.load();
    assert.ok(freed.kind === "live" && freed.held.length === 0);
    assert.deepEqual(running.names(), ["orders", "orders-two"]);
  });

  it("with the name of the platform's policy are held back", async () => {
    await writeAll({ ...GOOD, "guard.yaml": policy("guard", "guard") });
    const running = start();
    await running.runtime.load();
    await write("teams/orders/policy.yaml", policy("guard", "orders"));
    const result = await running.runtime.load();
    assert.ok(result.kind === "refused");
    assert.deepEqual(heldOf(result.held, at()), [
      "orders: last good: duplicate-name teams/orders/policy.yaml",
    ]);
  });
});
