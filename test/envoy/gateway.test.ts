import assert from "node:assert/strict";
import { ownFolder, run } from "../cli/fixture.ts";
import { kindsIn, policyOf } from "./fixture.ts";

const AT = ["--for", "envoy-gateway", "--at", "weir.edge.svc.cluster.local:9191"];
const OWNED = "    request: { set: { x-user: someone } }\n";

describe("weir envoy --for envoy-gateway", () => {
  const folderOf = ownFolder();
  const printing = async (files: Readonly<Record<string, string>>): Promise<string> => {
    const { code, printed, complained } = await run(["envoy", folderOf(files), ...AT]);
    assert.deepEqual([code, complained], [0, ""]);
    return printed;
  };

  it("prints a SecurityPolicy where that can say it all", async () => {
    const printed = await printing({ "orders.yaml": policyOf('request.method == "PUT"') });
    assert.deepEqual(kindsIn(printed), ["SecurityPolicy"]);
    assert.match(printed, /backendRefs:\n +- name: weir\n +namespace: edge\n +port: 9191/);
    assert.match(printed, /timeout: 250ms/);
  });

  it("guards the headers that policies own in front of everything", async () => {
    const printed = await printing({ "orders.yaml": policyOf('request.method == "PUT"') + OWNED });
    assert.deepEqual(kindsIn(printed), ["SecurityPolicy", "ClientTrafficPolicy"]);
    assert.match(printed, /remove:\n +- x-user/);
  });

  for (const [what, condition] of [
    ["bodies as bytes", "size(request.body) > 10"],
    ["lines of headers", '"a" in request.headers_all'],
    ["certificates", "!has(source.principal)"],
    ["the TLS session", 'connection.requested_server_name == "a"'],
  ] as const) {
    it(`prints Envoy's own filters in an EnvoyPatchPolicy for ${what}`, async () => {
      const printed = await printing({ "orders.yaml": policyOf(condition) + OWNED });
      assert.deepEqual(kindsIn(printed), ["EnvoyPatchPolicy"]);
      const [check, guard] = ["name: envoy.filters.http.ext_authz", "name: weir.guard"].map((name) =>
        printed.indexOf(name),
      );
      // Both are put first, so the one that is put last stands in front.
      assert.ok((check ?? -1) > 0 && (guard ?? -1) > (check ?? 0));
    });
  }

  const tcp = `weir: 1
policy: database
match: { protocol: tcp }
rules:
  - id: named
    allow: has(source.ip)
`;
  const refused: readonly (readonly [what: string, text: string, complaint: RegExp])[] = [
    [
      "metadata",
      policyOf('metadata["a"].b == "c"'),
      /orders\/asked reads metadata, and Envoy Gateway's own filters/,
    ],
    [
      "routes",
      policyOf("false").replace("match:\n", "match:\n  routes: [a]\n"),
      /orders reads match\.routes, and Envoy Gateway makes the routes[^]*match hosts and paths/,
    ],
    ["TCP", tcp, /database matches TCP connections, and a SecurityPolicy checks HTTP alone/],
  ];
  for (const [what, text, complaint] of refused) {
    it(`refuses ${what}, and prints nothing`, async () => {
      const { code, printed, complained } = await run(["envoy", folderOf({ "orders.yaml": text }), ...AT]);
      assert.deepEqual([code, printed], [1, ""]);
      assert.match(complained, complaint);
    });
  }
});
