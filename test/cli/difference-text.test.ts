import assert from "node:assert/strict";
import { type Files, ownRepositories, type Repository } from "../support/repository.ts";
import { BROKEN, EXPECT, FILES, ordersWith, printedFor, validate } from "./changed-orders.ts";

describe("what weir validate --diff prints", () => {
  const repositoryWith = ownRepositories();
  let repository: Repository;
  before(async () => {
    repository = await repositoryWith(FILES);
  });

  const goldens: Readonly<Record<string, readonly [files: Files, code: number, text: string]>> = {
    "says that nothing differs": [FILES, 0, "against main (COMMIT): nothing differs (2 tests, 4 requests)\n"],
    "prints rules, tests and requests": [
      ordersWith(
        ['request.method == "GET"', 'request.method == "PUT"'],
        [
          "rules:\n",
          'rules:\n  - id: no-carts\n    deny: request.path_segments[0] == "carts"\n    mode: shadow\n',
        ],
      ),
      0,
      `rules:
  changed   orders/reads
      - allow: request.method == "GET"
      + allow: request.method == "PUT"
  added     orders/no-carts
      + deny: request.path_segments[0] == "carts"
      + mode: shadow

tests:
  now fails orders: web (given) read: allow reads
      expected allow by orders/reads, got deny by orders/default

requests:
  orders: web read: allow orders/reads -> deny orders/default 403
  orders: web write: deny orders/default 403 -> allow orders/reads

against main (COMMIT): 2 changes; 1 of 2 tests and 2 of 4 requests differ
`,
    ],
    "prints what becomes of a request that the same rule decides": [
      ordersWith(
        ["x-workload:", "x-caller:"],
        ["remove: [x-debug]", "remove: [x-trace]"],
        ["message: Who are you?", 'message: "Who\\nis there?"'],
      ),
      0,
      `rules:
  changed   orders/signed-in
      - message: Who are you?
      + message: Who is there?
  changed   orders/reads
      - request.set.x-workload: \${auth.workload.id}
      - request.remove: [x-debug]
      + request.remove: [x-trace]
      + request.set.x-caller: \${auth.workload.id}

requests:
  orders: web read: allow orders/reads
      request header x-workload: "spiffe://cluster.local/ns/shop/sa/web" -> none
      request header x-debug: removed -> none
      request header x-caller: none -> "spiffe://cluster.local/ns/shop/sa/web"
      request header x-trace: none -> removed
  orders: nobody read: deny orders/signed-in 401
      body: "Who are you?" -> "Who\\nis there?"
  orders: nobody write: deny orders/signed-in 401
      body: "Who are you?" -> "Who\\nis there?"

against main (COMMIT): 2 changes; 0 of 2 tests and 3 of 4 requests differ
`,
    ],
    "prints tests that come and go": [
      {
        ...FILES,
        "policies/tests.yaml": EXPECT.replace("allow: reads", "allow: reads, removes: [x-debug]").replace(
          "status: 401",
          "status: 403",
        ),
      },
      0,
      `tests:
  added     orders: web (given) read: allow reads  (met before, too)
  added     orders: nobody (given) read: deny signed-in  (FAILS)
      expected status 403, got 401
  removed   orders: web (given) read: allow reads  (would be met)
  removed   orders: nobody (given) read: deny signed-in  (would be met)

against main (COMMIT): 0 changes; 4 of 4 tests and 0 of 4 requests differ
`,
    ],
    "prints the errors of the disk as without it, and then what the files say": [
      BROKEN,
      1,
      `policies/orders.yaml:9:23  unknown-attribute  this policy has no identity "worklod"
    9 |     require: has(auth.worklod)
      |                       ^^^^^^^
      = did you mean "workload"?

1 error, 0 warnings: this would not go live

rules:
  changed   orders/signed-in
      - require: has(auth.workload)
      + require: has(auth.worklod)

against main (COMMIT): 1 change in what the files say; tests and requests are compared when neither side has an error
`,
    ],
    "lets no control character of a file reach the terminal": [
      ordersWith(["message: Who are you?", 'message: "\\e[2Jgone"']),
      0,
      `rules:
  changed   orders/signed-in
      - message: Who are you?
      + message: �[2Jgone

requests:
  orders: nobody read: deny orders/signed-in 401
      body: "Who are you?" -> "\\u001b[2Jgone"
  orders: nobody write: deny orders/signed-in 401
      body: "Who are you?" -> "\\u001b[2Jgone"

against main (COMMIT): 1 change; 0 of 2 tests and 2 of 4 requests differ
`,
    ],
  };
  for (const [what, [files, code, text]] of Object.entries(goldens)) {
    it(what, async () => {
      const ran = await printedFor(repository, files);
      assert.deepEqual(ran, { code, printed: text, complained: "" });
    });
  }

  it("shows long values where they begin to differ, and the first of many", async () => {
    const long = `request.method == "GET" && ${"true && ".repeat(200)}`;
    const many = Array.from({ length: 60 }, (_, index) => `      x-${index}: a\n`).join("");
    const own = await repositoryWith(ordersWith(['request.method == "GET"', `${long}true`]));
    await own.write(
      ordersWith(
        ['request.method == "GET"', `${long}false`],
        [
          "response: { set: { x-by: weir } }",
          `response:\n      set:\n${many.replaceAll(/^ {6}/gm, "        ")}`,
        ],
      ),
    );
    const { printed: text } = await validate(["--diff", "main", own.folder]);
    assert.match(text, /- allow: …(?:true && |rue && ).* && true\n {6}\+ allow: ….* && false\n/);
    assert.match(text, /\n {6}and 22 more\n/);
  });
});
