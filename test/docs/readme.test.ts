import assert from "node:assert/strict";
import { parse } from "yaml";
import { envoyBootstrap } from "../support/bootstrap.ts";
import { blocksOf, readPage } from "./blocks.ts";

/** What README.md tells Envoy, by the name of the filter or cluster. */
const told = (name: string): unknown => {
  const blocks = blocksOf(readPage("README.md")).filter(({ language }) => language === "yaml");
  const found = blocks.find(({ text }) => text.startsWith(`name: ${name}\n`));
  assert.ok(found, name);
  return parse(found.text);
};

// Of the tests' Envoys, which run, one that is set up as README.md says.
const bootstrap: unknown = envoyBootstrap({
  listeners: [{ name: "web", check: "asked" }],
  extAuthz: {
    server: { host: "127.0.0.1", port: 9191 },
    timeoutMs: 250,
    failureMode: "deny",
    statusOnError: 503,
    headers: "raw",
  },
  upstream: { host: "127.0.0.1", port: 8080 },
});

/** The object named so, wherever it stands. */
function named(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  if ("name" in value && value.name === name) return value;
  for (const inner of Object.values(value)) {
    const found = named(inner, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

describe("README.md", () => {
  for (const name of ["envoy.filters.http.ext_authz", "ext-authz"]) {
    it(`tells Envoy what the tests tell it: ${name}`, () => {
      const ours = named(bootstrap, name);
      assert.ok(ours);
      assert.partialDeepStrictEqual(ours, told(name));
    });
  }
});
