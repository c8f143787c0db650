import assert from "node:assert/strict";
import type { Caller } from "../../../adapters/apigee/caller.ts";
import { openTo } from "../../../adapters/apigee/operations.ts";
import { readProducts } from "../../../adapters/apigee/products.ts";

const TARGETS = "apigee-remote-service-targets";
const host = (methods: readonly string[] | undefined, resource: string, quota?: object): object => ({
  apiSource: "host",
  operations: [{ resource, ...(methods === undefined ? {} : { methods }) }],
  ...(quota === undefined ? {} : { quota }),
});

const LIST = {
  apiProduct: [
    {
      name: "one",
      environments: ["prod"],
      attributes: [{ name: TARGETS, value: "service1.test, shared.test" }],
      apiResources: ["/"],
      scopes: ["scope1"],
      quota: "null",
    },
    {
      name: "two",
      environments: ["prod", "test"],
      attributes: [{ name: TARGETS, value: "service2.test,shared.test" }],
      apiResources: ["/**/bad", "/**"],
      scopes: ["scope2"],
      quota: "5",
      quotaInterval: "1",
      quotaTimeUnit: "minute",
    },
    {
      name: "three",
      environments: ["prod"],
      attributes: [{ name: TARGETS, value: "shared.test" }],
      apiResources: ["/name3"],
      scopes: [""],
    },
    {
      name: "bare",
      environments: ["prod"],
      attributes: [{ name: TARGETS, value: "shared.test" }],
      apiResources: [],
    },
    {
      name: "group",
      environments: ["prod"],
      // With a group of operations neither of these counts.
      attributes: [{ name: TARGETS, value: "shared.test" }],
      apiResources: ["/"],
      quota: "9",
      quotaInterval: "2",
      quotaTimeUnit: "hour",
      operationGroup: {
        operationConfigs: [
          host(["GET"], "/operation1"),
          host(["GET"], "/operation2", { limit: "1", interval: "1", timeUnit: "minute" }),
          host(undefined, "/any/*", { limit: "null", interval: "null", timeUnit: "null" }),
          host(["GET"], "/**", { limit: "0" }),
        ],
      },
    },
    { name: 5 },
  ],
};

const ALL = ["one", "two", "three", "bare", "group", "unknown"];
const CALLER: Caller = {
  by: "token",
  clientId: "id",
  application: "app",
  developerEmail: "foo@google.com",
  products: ALL,
  scopes: ["scope1", "scope2"],
  accessToken: "",
  customAttributes: "",
};

const listed = readProducts(LIST);
const products = listed?.products ?? new Map();

const opened = (
  caller: Partial<Caller>,
  api: string,
  request: string,
  environment = "prod",
): readonly string[] => {
  const [method = "", path = ""] = request.split(" ");
  return openTo({ ...CALLER, ...caller }, { api, method, path, environment }, products).map(
    ({ product, quota }) =>
      quota === undefined ? product : `${product} ${quota.allow}/${quota.interval} ${quota.timeUnit}`,
  );
};

const TWO = "two 5/1 minute";
const CASES: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  [
    "every product that has the API and the path",
    opened({}, "shared.test", "GET /name3"),
    ["one", TWO, "three"],
  ],
  ["not what has another path", opened({}, "shared.test", "GET /path"), ["one", TWO]],
  ["nothing of an API that none has", opened({}, "api", "GET /path"), []],
  [
    "not what is in another scope",
    opened({ scopes: ["scope2"] }, "shared.test", "GET /name3"),
    [TWO, "three"],
  ],
  [
    "scopes or not, to keys",
    opened({ scopes: [], by: "key" }, "shared.test", "GET /name3"),
    ["one", TWO, "three"],
  ],
  ["only what the token names", opened({ products: ["one"] }, "shared.test", "GET /name3"), ["one"]],
  ["any method of a path", opened({ products: ["one"] }, "service1.test", "PURGE /x"), ["one"]],
  ["only what its environment has", opened({}, "shared.test", "GET /name3", "test"), [TWO]],
  ["nothing by the port", opened({}, "shared.test:8080", "GET /name3"), []],
  ["nothing without resources", opened({ products: ["bare"] }, "shared.test", "GET /"), []],
  [
    "nothing of a product with operations by its paths",
    opened({ products: ["group"] }, "shared.test", "GET /"),
    [],
  ],
  [
    "each operation that matches, with its own quota or the product's",
    opened({}, "host", "GET /operation2"),
    ["group 1/1 minute", "group 9/2 hour"],
  ],
  ["no operation by another method", opened({}, "host", "POST /operation2"), []],
  ["an operation without methods by each of nine", opened({}, "host", "TRACE /any/1"), ["group 9/2 hour"]],
  ["and by no tenth", opened({}, "host", "PURGE /any/1"), []],
];

describe("what products open", () => {
  for (const [what, found, wanted] of CASES) it(`is ${what}`, () => assert.deepEqual(found, wanted));

  it("is counted under identifiers of the reference implementation", () => {
    const wanted = { api: "host", method: "GET", path: "/operation2", environment: "prod" };
    assert.deepEqual(
      openTo(CALLER, wanted, products).map(({ quota }) => quota?.identifier),
      [
        "group-prod-foo@google.com-app-host-547dbfc99f0432d3dbc607784917b1bc",
        "group-prod-foo@google.com-app",
      ],
    );
  });

  it("tells what it passes over", () => {
    assert.deepEqual(listed?.problems, [
      "two: ** may only end a resource, and /**/bad is passed over",
      "product 6 of the list cannot be read, and is passed over",
    ]);
  });

  it("is no list where the answer is none", () => {
    for (const value of [undefined, [], {}, { apiProduct: {} }]) assert.equal(readProducts(value), undefined);
  });
});
