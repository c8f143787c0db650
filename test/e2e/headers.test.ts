import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type Envoy } from "../support/envoy.ts";
import { requestHttp1, requestHttp2, valuesOf } from "../support/http.ts";
import { ask, loggedOf, type Mesh, startAskingEnvoy, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { rawRequest, sendRaw } from "../support/raw.ts";
import type { ReceivedRequest } from "../support/upstream.ts";

const files = {
  "users.yaml": `
weir: 1
policy: users
match:
  hosts: [users.example.com]
  paths: ["/{name}/**"]
rules:
  - id: unspoofed
    deny: '"x-user" in request.headers || "x-role" in request.headers || "x-user" in request.headers_all'
  - id: named
    when: path.name != "anonymous"
    allow: request.method == "GET"
    request:
      set:
        X-User: "user:\${path.name}"
        x-role: '\${path.name == "nobody" ? "" : "reader"}'
      remove: [X-Debug]
    response:
      set:
        x-served-for: \${path.name}
  - id: anonymous
    allow: path.name == "anonymous"
    response:
      set:
        set-cookie: seen=1; Path=/
`,
  "audit.yaml": `
weir: 1
policy: audit
match:
  hosts: [users.example.com]
rules:
  - id: noted
    when: '"x-user" in request.headers'
    allow: "true"
    request:
      set:
        x-claimed: \${request.headers["x-user"]}
  - id: plain
    allow: "true"
`,
  "maps.yaml": `
weir: 1
policy: maps
match:
  hosts: [maps.example.com]
let:
  team: |
    "x-team" in request.headers ? request.headers["x-team"] : "none"
  inherited: |
    ["constructor", "__proto__", "hasownproperty", "tostring"].filter(name, name in request.headers)
rules:
  - id: lists
    when: request.url_path == "/lists"
    require: size(request.headers_all["x-team"]) == 2
  - id: seen
    allow: "true"
    request:
      set:
        x-seen-team: \${team}
        x-seen-names: (\${inherited.join(" ")})
        x-seen-values: (\${inherited.map(name, request.headers[name]).join(" ")})
`,
};

describe("headers through Envoy", () => {
  const open = new AsyncDisposableStack();
  let mesh: Mesh;
  let joined: Envoy;

  before(async function () {
    const program = await need(this, "envoy");
    mesh = await startMesh({ program, files, filter: { headers: "raw" } }, open);
    joined = await startAskingEnvoy({ ...mesh, program, filter: { headers: "joined" } }, open);
  });
  after(() => open.disposeAsync());

  const authority = "users.example.com";
  /** Each line whose name a server could take for this one, as `name: value`. */
  const linesLike = (received: ReceivedRequest | undefined, name: string): string[] => {
    assert.ok(received, "the request did not arrive");
    return received.rawHeaders.flatMap((key, index, all) =>
      index % 2 === 0 && key.toLowerCase().replaceAll("_", "-") === name
        ? [`${key.toLowerCase()}: ${all[index + 1] ?? ""}`]
        : [],
    );
  };

  const spoofs: readonly (readonly [what: string, lines: readonly (readonly [string, string])[]])[] = [
    ["a plain copy", [["x-user", "root"]]],
    ["odd case", [["X-USER", "root"]]],
    [
      "duplicates",
      [
        ["x-user", "root"],
        ["X-User", "admin"],
      ],
    ],
    [
      "underscores",
      [
        ["x_user", "root"],
        ["X_User", "admin"],
      ],
    ],
    ["an empty value", [["x-user", ""]]],
  ];
  for (const [protocol, send] of [
    ["HTTP/1.1", requestHttp1],
    ["HTTP/2", requestHttp2],
  ] as const) {
    for (const [what, headers] of spoofs) {
      // Node sends the names of HTTP/2 headers in lower case, as it must.
      const lines =
        protocol === "HTTP/2"
          ? headers.map(([name, value]) => [name.toLowerCase(), value] as const)
          : headers;
      it(`overwrites an owned header where a rule sets it: ${what} over ${protocol}`, async () => {
        const { received, by } = await ask(mesh, send, { authority, path: "/ann/", headers: lines });
        assert.equal(by, "audit/" + (what === "underscores" ? "plain" : "noted"));
        assert.deepEqual(linesLike(received, "x-user"), ["x-user: user:ann"]);
        assert.deepEqual(linesLike(received, "x-role"), ["x-role: reader"]);
      });

      it(`removes an owned header where no rule sets it: ${what} over ${protocol}`, async () => {
        const { received } = await ask(mesh, send, { authority, path: "/anonymous/", headers: lines });
        assert.deepEqual(linesLike(received, "x-user"), []);
        assert.deepEqual(linesLike(received, "x-role"), []);
      });
    }
  }

  it("hides an owned header from the policy that sets it, and from no other", async () => {
    const headers = [
      ["x-user", "root"],
      ["x-role", "admin"],
      ["x-claimed", "spoofed"],
    ] as const;
    const { received, answer } = await ask(mesh, requestHttp1, { authority, path: "/ann/", headers });
    assert.equal(answer.status, 200);
    assert.deepEqual(linesLike(received, "x-claimed"), ["x-claimed: root"]);
  });

  it("removes an owned header that a rule sets to nothing", async () => {
    const headers = [["x-role", "admin"]] as const;
    const { received } = await ask(mesh, requestHttp1, { authority, path: "/nobody/", headers });
    assert.deepEqual(linesLike(received, "x-role"), []);
    assert.deepEqual(linesLike(received, "x-user"), ["x-user: user:nobody"]);
  });

  it("removes what a rule removes, and leaves other headers alone", async () => {
    const headers = [
      ["x-debug", "1"],
      ["X-Debug", "2"],
      ["x-debugger", "3"],
    ] as const;
    const { received } = await ask(mesh, requestHttp1, { authority, path: "/ann/", headers });
    assert.deepEqual(linesLike(received, "x-debug"), []);
    assert.deepEqual(linesLike(received, "x-debugger"), ["x-debugger: 3"]);
  });

  for (const [name, adds, cookies] of [
    ["ann", ["ann"], []],
    ["anonymous", [], ["seen=1; Path=/"]],
  ] as const) {
    it(`keeps all of the upstream's cookies and adds ${name === "ann" ? "headers" : "one"} to the answer`, async () => {
      const headers = [
        ["x-wants-cookie", "a=1"],
        ["x-wants-cookie", "b=2; Secure"],
      ] as const;
      const { answer } = await ask(mesh, requestHttp1, { authority, path: `/${name}/`, headers });
      assert.deepEqual(valuesOf(answer.headers, "x-served-for"), adds);
      const expected = ["upstream=1", "a=1", "b=2; Secure", ...cookies];
      assert.deepEqual(valuesOf(answer.headers, "set-cookie"), expected);
    });
  }

  for (const [what, path] of [
    ["CR and LF", "/a%0d%0ax-role:%20admin/"],
    ["a bare LF", "/a%0Ab/"],
    ["a bare CR", "/a%0Db/"],
  ] as const) {
    it(`refuses a request that would bring ${what} into a header`, async () => {
      const { answer, by, received } = await ask(mesh, requestHttp1, { authority, path });
      assert.deepEqual([answer.status, by], [400, "users/named"]);
      assert.equal(received, undefined);
    });
  }

  describe("joined or line by line", () => {
    const seenBy = async (envoy: Envoy, path: string, lines: readonly string[]) => {
      const mark = randomUUID();
      const head = rawRequest(path, ["host: maps.example.com", `x-ask: ${mark}`, ...lines]);
      const status = await sendRaw(envoy.port("web"), head);
      const { rule } = await loggedOf(envoy, mark);
      const headers = mesh.upstream.received.find((one) => one.headers["x-ask"] === mark)?.headers;
      const [team, names, values] = ["team", "names", "values"].map((name) => headers?.[`x-seen-${name}`]);
      return { status, rule, team: team && Buffer.from(team, "latin1").toString(), names, values };
    };
    const passed = { status: 200, rule: "seen", names: "()", values: "()" };

    for (const [what, lines, expected] of [
      ["one value", ["x-team: one"], { team: "one" }],
      [
        "duplicates",
        ["x-team: one", "X-Team: two", "x-other: 1", "x-team: three"],
        { team: "one,two,three" },
      ],
      ["commas", ["x-team: one, two", "x-team:   three  "], { team: "one, two,three" }],
      ["empty duplicates", ["x-team:", "x-team: "], { team: "," }],
      ["UTF-8", ["x-team: caf\u00c3\u00a9 \u00e2\u0082\u00ac"], { team: "café €" }],
      ["latin1", ["x-team: caf\u00e9 au lait"], { team: "caf! au lait" }],
      ["bytes of no text", ["x-team: \u00ff\u00fe\u00c3"], { team: "!!!" }],
      [
        "names that objects have",
        ["constructor: 1", "__proto__: 2", "hasOwnProperty: 3"],
        { team: "none", names: "(constructor __proto__ hasownproperty)", values: "(1 2 3)" },
      ],
      ["no such names", [], { team: "none" }],
    ] as const) {
      it(`gives a policy the same request.headers: ${what}`, async () => {
        assert.deepEqual(await seenBy(mesh.envoy, "/", lines), { ...passed, ...expected }, "line by line");
        assert.deepEqual(await seenBy(joined, "/", lines), { ...passed, ...expected }, "joined");
      });
    }

    it("gives a policy request.headers_all line by line, and refuses with 403 where they are joined", async () => {
      const lines = ["x-team: one, two", "x-team: three"];
      const one = await seenBy(mesh.envoy, "/lists", lines);
      assert.deepEqual([one.status, one.rule], [200, "seen"]);
      const more = await seenBy(mesh.envoy, "/lists", [...lines, "x-team: four"]);
      assert.deepEqual([more.status, more.rule], [403, "lists"]);
      const other = await seenBy(joined, "/lists", lines);
      assert.deepEqual([other.status, other.rule], [403, "lists"]);
    });
  });
});
