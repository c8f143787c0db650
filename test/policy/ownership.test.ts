import assert from "node:assert/strict";
import { resolve } from "node:path";
import { settingsOf } from "../../src/policy/compile-settings.ts";
import { ownersOf } from "../../src/policy/ownership.ts";
import { parseServer } from "../../src/policy/schema.ts";
import { documentOf, wholeOf } from "./parsed.ts";

describe("the team whose a file is", () => {
  const text = `weir: 1
teams:
  orders: { folder: teams/orders, owns: { hosts: [orders.example.com] } }
  more: { folder: teams/orders-more, owns: { hosts: [more.example.com] } }
`;
  const ownerOf = ownersOf(settingsOf(wholeOf(parseServer(documentOf(text))), "etc/weir.yaml"));
  const rows: readonly (readonly [file: string, team: string | undefined])[] = [
    ["etc/teams/orders/a.yaml", "orders"],
    ["etc/teams/orders/sub/a.yaml", "orders"],
    ["./etc/teams/orders/a.yaml", "orders"],
    [resolve("etc/teams/orders/a.yaml"), "orders"],
    ["etc/teams/orders-more/a.yaml", "more"],
    ["etc/teams/orders.yaml", undefined],
    ["etc/teams/orders/../a.yaml", undefined],
    ["etc/weir.yaml", undefined],
    ["teams/orders/a.yaml", undefined],
  ];
  for (const [file, team] of rows) {
    it(`${file}: ${team ?? "the platform's"}`, () => assert.equal(ownerOf(file), team));
  }
});
