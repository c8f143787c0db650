import assert from "node:assert/strict";
import { operationsId, quotaIdentifier } from "../../../adapters/apigee/quota-identifier.ts";

const OWNER = {
  product: "Name 2",
  environment: "prod",
  developerEmail: "foo@google.com",
  application: "app",
};

describe("the identifier of a quota", () => {
  it("names product, environment, developer and application", () => {
    assert.equal(quotaIdentifier(OWNER), "Name 2-prod-foo@google.com-app");
  });

  it("names the API and its operations, where these have a quota of their own", () => {
    const id = operationsId("host", [{ resource: "/operation2", methods: ["GET"] }]);
    assert.equal(
      quotaIdentifier(OWNER, id),
      "Name 2-prod-foo@google.com-app-host-547dbfc99f0432d3dbc607784917b1bc",
    );
  });

  // The digests are what Go makes of the same operations: `md5.Sum(json.Marshal(sorted))`.
  const digests: readonly (readonly [string, Parameters<typeof operationsId>[1], string])[] = [
    ["none at all", null, "37a6259cc0c1dae299a7866489dff0bd"],
    ["an empty list", [], "d751713988987e9331980363e24189ce"],
    ["no methods", [{ resource: "/", methods: null }], "6b87debc97838672743d21196b53ae1e"],
    ["an empty list of methods", [{ resource: "/", methods: [] }], "978e8555e9ff7867258f7756ef43fccf"],
    [
      "several, in no order",
      [
        { resource: "/b", methods: ["PUT", "GET"] },
        { resource: "/a", methods: ["POST"] },
      ],
      "9d6ef99e4d643008f4e4934104b9f0e8",
    ],
    [
      "signs that Go escapes",
      [{ resource: '/<a>&\u2028b/"\\\t', methods: ["GET"] }],
      "f361958e8907421d0d2d4fc6e11c3e24",
    ],
    [
      "signs beyond ASCII, in the order of their bytes",
      [
        { resource: "/\u{1f600}", methods: ["GET"] },
        { resource: "/\uffee", methods: ["GET"] },
      ],
      "7e914bcf6718f413f2e1b59e1aeeaec5",
    ],
  ];
  for (const [what, operations, digest] of digests) {
    it(`digests ${what} as the reference implementation does`, () => {
      assert.equal(operationsId("api", operations), `api-${digest}`);
    });
  }
});
