import assert from "node:assert/strict";
import { join } from "node:path";
import { type Files, ownRepositories, type Repository } from "../support/repository.ts";
import { BROKEN, FILES, ordersWith, printedFor, validate } from "./changed-orders.ts";
import { ORDERS } from "./fixture.ts";

describe("weir validate --diff", () => {
  const repositoryWith = ownRepositories();
  let repository: Repository;
  before(async () => {
    repository = await repositoryWith(FILES);
  });

  it("prints the errors at the commit, and what the files say", async () => {
    const own = await repositoryWith(BROKEN);
    await own.write(FILES);
    const { code, printed: text } = await validate(["--diff", "HEAD", join(own.folder, "policies")]);
    assert.equal(code, 1);
    assert.match(
      text,
      /^at HEAD there were errors already:\n\n\S+orders\.yaml:9:23 {2}unknown-attribute [^]*\n\nrules:\n {2}changed {3}orders\/signed-in\n {6}- require: has\(auth\.worklod\)\n {6}\+ require: has\(auth\.workload\)\n\nagainst HEAD \([0-9a-f]{12}\): 1 change in what the files say; tests and requests are compared when neither side has an error\n$/,
    );
  });

  it("takes warnings of the disk for errors with --strict, and not those of the commit", async () => {
    const warned = ordersWith(["has(auth.workload)", 'request.headers["x-team"] == "a"']);
    assert.equal((await printedFor(repository, warned)).code, 0);
    assert.equal((await printedFor(repository, warned, "--strict")).code, 1);
    const own = await repositoryWith(warned);
    await own.write(FILES);
    assert.equal((await validate(["--strict", "--diff", "main", join(own.folder, "policies")])).code, 0);
  });

  it("reads what files name, links included, from the commit", async () => {
    const shared = "weir: 1\nshared: platform\ndata: { blocked: ../lists/now }\n";
    const guard = `weir: 1\npolicy: guard\nuse: [platform]\nmatch: everything\nrules:\n  - { id: blocked, deny: "request.host in data.blocked" }\n`;
    const files: Files = {
      ...FILES,
      "policies/platform.yaml": shared,
      "policies/guard.yaml": guard,
      "lists/now": { leadsTo: "first" },
      "lists/first": "orders.example.com\n",
      "lists/second": "elsewhere.example.com\n",
    };
    const own = await repositoryWith(files);
    await own.write({ ...files, "lists/now": { leadsTo: "second" } });
    const { printed: text } = await validate(["--diff", "main", join(own.folder, "policies")]);
    assert.match(
      text,
      /changed {3}shared platform, used by guard\n {6}- data\.blocked "orders\.example\.com": listed\n {6}\+ data\.blocked "elsewhere\.example\.com": listed\n/,
    );
    assert.match(text, /orders: web read: deny guard\/blocked 403 -> allow orders\/reads\n/);
  });

  it("notices another list of a handler", async () => {
    const server = `weir: 1\nhandlers:\n  blocked: { adapter: list, config: { means: deny, file: blocked.txt } }\n`;
    const files: Files = { ...FILES, "policies/weir.yaml": server, "policies/blocked.txt": "acme\n" };
    const own = await repositoryWith(files);
    await own.write({ ...files, "policies/blocked.txt": "globex\n" });
    const { code, printed: text } = await validate(["--diff", "main", join(own.folder, "policies")]);
    assert.equal(code, 0);
    assert.match(
      text,
      /changed {3}weir\.yaml\n {6}- handlers\.blocked\.config\.file content: sha256 \w{12}\n {6}\+ handlers\.blocked\.config\.file content: sha256 \w{12}\n/,
    );
  });

  it("takes a folder that is not there at the commit for new, and single files, and several folders", async () => {
    const own = await repositoryWith({ "policies/orders.yaml": ORDERS });
    await own.write({
      ...FILES,
      "more/open.yaml": ORDERS.replaceAll("orders", "open").replace("x-workload", "x-open"),
    });
    const at = (name: string): string => join(own.folder, name);
    const both = await validate(["--diff", "main", at("policies"), at("more")]);
    assert.equal(both.code, 0, both.complained);
    assert.ok(
      both.printed.startsWith(
        `${at("more")} is not there at main: all of it is new\n\nrules:\n  added     policy open\n`,
      ),
    );
    assert.match(both.printed, /2 of 2 tests and 0 of 4 requests differ\n$/);
    const one = await validate(["--diff", "main", at("policies/orders.yaml")]);
    assert.match(one.printed, /^against main \(\w{12}\): nothing differs \(0 tests, 0 requests\)\n$/);
  });

  it("compares a folder that is gone as JSON does: it is an error of the disk", async () => {
    await repository.write({ README: "nothing" });
    const { code, printed: text } = await validate([
      "--diff",
      "main",
      "--format",
      "json",
      join(repository.folder, "policies"),
    ]);
    assert.equal(code, 1);
    const found = JSON.parse(text) as {
      ok: boolean;
      diagnostics: { code: string }[];
      rules: { kind: string }[];
      missing: string[];
    };
    assert.equal(found.ok, false);
    assert.deepEqual(
      found.diagnostics.map((each) => each.code),
      ["unreadable-file"],
    );
    assert.deepEqual(
      found.rules.map(({ kind }) => kind),
      ["removed", "removed", "removed"],
    );
    assert.deepEqual(found.missing, []);
    assert.equal("requests" in found, false);
  });

  it("says the same as JSON", async () => {
    const { code, printed: text } = await printedFor(
      repository,
      ordersWith(["x-by: weir", "x-by: us"], ["status: 401", "status: 403"]),
      "--format",
      "json",
    );
    assert.equal(code, 0);
    const verdict = {
      kind: "deny",
      by: ["orders/signed-in"],
      sets: [],
      removes: [],
      unsaid: [],
      tested: "there",
    };
    const granted = {
      kind: "allow",
      by: ["orders/reads"],
      sets: ["x-workload"],
      removes: ["x-debug"],
      unsaid: [],
      tested: "there",
    };
    const nobody = (request: string) => ({
      ...{ tests: "orders", as: "nobody", request, origin: "both", backends: {} },
      ...{ before: { ...verdict, status: 401 }, after: { ...verdict, status: 403 } },
      differences: [{ part: "status", of: "status", before: "401", after: "403" }],
    });
    assert.deepEqual(JSON.parse(text), {
      ok: true,
      ref: "main",
      commit: "COMMIT",
      missing: [],
      diagnostics: [],
      diagnosticsAtRef: [],
      rules: [
        {
          kind: "changed",
          of: "rule",
          name: "orders/signed-in",
          fields: [{ key: "status", before: "401", after: "403" }],
          usedBy: [],
        },
        {
          kind: "changed",
          of: "rule",
          name: "orders/reads",
          fields: [{ key: "response.set.x-by", before: "weir", after: "us" }],
          usedBy: [],
        },
      ],
      tests: [
        {
          ...{
            tests: "orders",
            as: "nobody",
            request: "read",
            expected: { kind: "deny", rule: "signed-in" },
          },
          ...{ principal: "given", origin: "both", before: [], after: ["expected status 401, got 403"] },
        },
      ],
      requests: [
        {
          ...{
            tests: "orders",
            as: "web",
            request: "read",
            origin: "both",
            backends: {},
            before: granted,
            after: granted,
          },
          differences: [{ part: "effect", of: "response header x-by", before: '"weir"', after: '"us"' }],
        },
        nobody("read"),
        nobody("write"),
      ],
      compared: { tests: 2, requests: 4, beyond: 0 },
    });
  });
});
