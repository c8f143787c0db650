import assert from "node:assert/strict";
import { outputsOf } from "../../../adapters/apigee/outputs.ts";

const WANTED = { environment: "prod", api: "orders", method: "GET", path: "/" };
const CALLER = {
  by: "key",
  clientId: "key-1",
  application: "app",
  developerEmail: "ann@example.com",
  products: ["p"],
  scopes: [],
  accessToken: "",
  customAttributes: "",
} as const;

describe("what a check hands on for analytics", () => {
  const analytics = (accessToken: string, application = "app"): unknown => {
    const caller = { ...CALLER, accessToken, application };
    const outputs = outputsOf({ organization: "acme", caller, wanted: WANTED, product: "p" });
    return JSON.parse(String(outputs.get("analytics")));
  };
  const whole = {
    environment: "prod",
    apiproxy: "orders",
    client_id: "key-1",
    api_product: "p",
    developer_app: "app",
    developer_email: "ann@example.com",
  };

  it("has what is known, and nothing that is empty", () => {
    assert.deepEqual(analytics(""), whole);
    assert.deepEqual(analytics("token"), { ...whole, access_token: "token" });
  });

  it("is no longer than what a telemetry rule tells: the last fields go first", () => {
    assert.deepEqual(analytics("t".repeat(1_024)), whole);
    const { environment, apiproxy, client_id, api_product } = whole;
    assert.deepEqual(analytics("", "a".repeat(2_000)), { environment, apiproxy, client_id, api_product });
  });
});
