import assert from "node:assert/strict";
import { readCaller } from "../../../adapters/apigee/caller.ts";

const GOOD = { api_product_list: ["p", "q"], client_id: "id", application_name: "app" };
const read = (claims: object): ReturnType<typeof readCaller> =>
  readCaller(new Map(Object.entries(claims)), "token");

describe("a caller", () => {
  it("is who the claims say", () => {
    const more = {
      scope: "a  b",
      developer_email: "d@x",
      access_token: "t",
      custom_attributes: "{}",
      iss: "x",
    };
    assert.deepEqual(read({ ...GOOD, ...more }), {
      by: "token",
      clientId: "id",
      application: "app",
      developerEmail: "d@x",
      products: ["p", "q"],
      scopes: ["a", "b"],
      accessToken: "t",
      customAttributes: "{}",
    });
  });

  it("needs products, an application and a client, and nothing else", () => {
    const caller = read(GOOD);
    assert.ok(typeof caller !== "string");
    assert.deepEqual([caller.scopes, caller.developerEmail, caller.accessToken], [[], "", ""]);
  });

  it("has products as a list or as its JSON", () => {
    const caller = read({ ...GOOD, api_product_list: '["p"]' });
    assert.deepEqual(typeof caller !== "string" && caller.products, ["p"]);
  });

  const bad: readonly (readonly [object, RegExp])[] = [
    [{ api_product_list: undefined }, /api_product_list is missing/],
    [{ api_product_list: null }, /api_product_list is missing/],
    [{ api_product_list: "p" }, /api_product_list is not a list/],
    [{ api_product_list: '{"a":1}' }, /api_product_list is not a list/],
    [{ api_product_list: ["p", 5] }, /api_product_list is not a list/],
    [{ api_product_list: 7 }, /api_product_list is not a list/],
    [{ client_id: 5 }, /client_id is not a text/],
    [{ client_id: "" }, /client_id is not a text/],
    [{ application_name: undefined }, /application_name is not a text/],
    [{ scope: ["a"] }, /scope is not a text/],
    [{ custom_attributes: {} }, /custom_attributes is not a text/],
  ];
  for (const [claims, message] of bad) {
    it(`is nobody with ${JSON.stringify(claims)}`, () => {
      const said = read({ ...GOOD, ...claims });
      assert.match(typeof said === "string" ? said : "", message);
    });
  }
});
