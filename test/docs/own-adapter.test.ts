import assert from "node:assert/strict";
import { loadFolders } from "../../src/policy/load.ts";
import { importAdapters } from "../../src/runtime/foreign-adapters.ts";
import { CONFORMANCE, type Fixture, type Subject } from "../adapters/conformance.ts";
import { run } from "../cli/fixture.ts";
import { readPage } from "./blocks.ts";

const TOKEN = "tok-3f9a";
const FOLDER = "docs/own-adapter";

const FIXTURE: Fixture = {
  good: [
    {
      config: { url: "https://credits.example.com/credit", token: { env: "CREDITS_TOKEN" } },
      prepare: (host) => {
        host.secrets.set("CREDITS_TOKEN", TOKEN);
        host.remote = {
          kind: "answers",
          answer: ({ body }) => ({
            body: Buffer.from(JSON.stringify({ credit: String(body).includes("acme") ? 7 : 0 })),
          }),
        };
      },
    },
  ],
  bad: [
    [{ url: "credits.example.com", token: { env: "CREDITS_TOKEN" } }, /write a URL such as/],
    [{ url: "https://credits.example.com/", token: TOKEN }, /a secret never stands in weir\.yaml/],
  ],
  localFaults: [],
  inputs: [new Map([["customer", "acme"]]), new Map([["customer", "nobody"]])],
  secrets: [TOKEN],
};

describe("the adapter of docs/own-adapter", () => {
  let subject: Subject;
  before(async () => {
    const found = (await importAdapters(await loadFolders([FOLDER]))).get("./adapters/credits.js");
    assert.ok(found?.kind === "adapter");
    subject = { adapter: found.adapter, fixture: FIXTURE };
  });

  for (const [name, check] of Object.entries(CONFORMANCE)) it(name, () => check(subject));

  it("goes live, and decides as its tests say", async () => {
    assert.equal((await run(["validate", "--strict", FOLDER])).code, 0);
    const tried = await run(["test", "--require", "rules=100%", FOLDER]);
    assert.equal(tried.code, 0, tried.printed);
  });

  it("is shown as it is", () => {
    const page = readPage(`${FOLDER}/README.md`);
    for (const file of ["adapters/credits.js", "weir.yaml", "shop.yaml", "shop-tests.yaml"])
      assert.ok(page.includes(readPage(`${FOLDER}/${file}`).trimEnd()), file);
  });
});
