import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { requestHttp1 } from "../support/http.ts";
import { ask, type Mesh, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { serverFile } from "../support/weir.ts";

/** How the back-end of this test behaves; `gone` listens no more. */
type Behaviour = "well" | "slow" | "cut" | "gone" | { readonly status: number; readonly body: string };

/** A service that answers `/plans/<user>` and is an Open Policy Agent as well; it refuses users whose names begin with `bad`. */
class BackEnd {
  readonly #server: Server;
  #behaviour: Behaviour = "well";
  #port = 0;
  /** The users that were asked about. */
  readonly asked: string[] = [];

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async behaves(behaviour: Behaviour): Promise<void> {
    const before = this.#behaviour;
    this.#behaviour = behaviour;
    // What hangs is not answered later.
    this.#server.closeAllConnections();
    if (behaviour === "gone") await this.stop();
    else if (before === "gone") await this.start();
  }

  async start(): Promise<void> {
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    this.#port = typeof address === "object" ? (address?.port ?? 0) : 0;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const part of request as AsyncIterable<Buffer>) body += part.toString();
    const [, named] = /^\/plans\/(.+)$/.exec(request.url ?? "") ?? [];
    const user = named ?? (JSON.parse(body) as { readonly input: { readonly user: string } }).input.user;
    this.asked.push(user);
    if (this.#behaviour === "slow") return;
    if (this.#behaviour === "cut") response.destroy();
    else if (typeof this.#behaviour === "object")
      response.writeHead(this.#behaviour.status).end(this.#behaviour.body);
    else {
      const said = { allow: !user.startsWith("bad"), plan: "gold", message: "no plan", status: 402 };
      const answer = named === undefined ? { result: said } : said;
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
    }
  }
}

const HTTP = (url: string): string => `
      url: ${url}/plans
      inputs: { user: string }
      path: /\${input.user}
      allow: response.body.allow
      deny: { status: response.body.status, message: response.body.message }
      outputs: { plan: { type: string, value: response.body.plan } }`;
const OPA = (url: string): string => `
      url: ${url}
      path: mesh/plans
      outputs: { plan: string }`;

const ADAPTERS = [
  { adapter: "http", config: HTTP, given: 'user: ${request.headers["x-user"]}' },
  { adapter: "opa", config: OPA, given: 'input: |\n        {"user": request.headers["x-user"]}' },
] as const;

/** `kept` remembers for longer than the test takes; the others ask each time, and differ in what they do while nobody answers. */
const KINDS = {
  kept: "cache: { allowed: 10m, denied: 10m }\n      timeout: 4s",
  closed: "cache: { allowed: 0s, denied: 0s }\n      timeout: 300ms",
  resilient: "cache: { allowed: 0s, denied: 0s }\n      timeout: 300ms\n      onFailure: resilient",
  open: "cache: { allowed: 0s, denied: 0s }\n      timeout: 300ms\n      onFailure: open",
} as const;
type Kind = keyof typeof KINDS;

const named = (adapter: string, kind: string): string => `${adapter}-${kind}`;
const EACH = ADAPTERS.flatMap((one) => Object.entries(KINDS).map(([kind, rest]) => ({ ...one, kind, rest })));

const handlers = (url: string): string =>
  EACH.map(
    ({ adapter, kind, config, rest }) => `
  ${named(adapter, kind)}:
    adapter: ${adapter}
    deadline: 4s
    config:${config(url)}
      ${rest}`,
  ).join("");

const server = (url: string): string =>
  serverFile(
    undefined,
    `  admin: { address: 127.0.0.1:0 }
checkTimeout: 5s
outbound: { allowPrivate: [127.0.0.1] }
handlers:${handlers(url)}
`,
  );

const policies = Object.fromEntries(
  EACH.map(({ adapter, kind, given }) => {
    const name = named(adapter, kind);
    const text = `
weir: 1
policy: ${name}
match: { hosts: [${name}.example.com] }
rules:
  - id: asked
    ask: ${name}
    as: answer
    with:
      ${given}
    request:
      set: { x-plan: '\${answer[?"plan"].orValue("none")}' }
  - id: everyone
    allow: "true"
`;
    return [`${name}.yaml`, text];
  }),
);

const FAULTS: readonly (readonly [what: string, behaviour: Behaviour])[] = [
  ["slow", "slow"],
  ["broken", { status: 500, body: "" }],
  ["behind a gateway that finds it nowhere", { status: 503, body: "<html>no healthy upstream</html>" }],
  ["something else", { status: 200, body: "<html>welcome</html>" }],
  ["cut short", { status: 200, body: '{"allow": tr' }],
  ["cutting connections", "cut"],
  ["gone", "gone"],
];

for (const { adapter } of ADAPTERS) {
  describe(`a back-end behind the check, asked by ${adapter}`, () => {
    const open = new AsyncDisposableStack();
    const backEnd = new BackEnd();
    let mesh: Mesh;

    before(async function () {
      const program = await need(this, "envoy");
      await backEnd.start();
      open.defer(() => backEnd.stop());
      mesh = await startMesh({ program, files: { ...policies, "weir.yaml": server(backEnd.url) } }, open);
    });
    after(() => open.disposeAsync());

    const asked = async (kind: Kind, user: string) => {
      const authority = `${named(adapter, kind)}.example.com`;
      const { answer, received } = await ask(mesh, requestHttp1, { authority, headers: [["x-user", user]] });
      assert.equal(received !== undefined, answer.status === 200);
      return { status: answer.status, plan: received?.headers["x-plan"], body: answer.body.toString() };
    };
    const statusOf = async (kind: Kind, user: string): Promise<number> => (await asked(kind, user)).status;
    const callsFor = (user: string): number => backEnd.asked.filter((one) => one === user).length;

    it("lets pass whom it allows, refuses whom it denies, and costs one call for a hundred requests of each", async () => {
      const all = await Promise.all(
        Array.from({ length: 200 }, (_, index) => asked("kept", index % 2 === 0 ? "ann" : "bad-bob")),
      );
      assert.deepEqual(new Set(all.map(({ status }) => status)), new Set([200, 402]));
      assert.deepEqual(new Set(all.map(({ plan }) => plan)), new Set(["gold", undefined]));
      assert.ok(all.filter(({ status }) => status === 402).every(({ body }) => body.includes("no plan")));
      assert.deepEqual([callsFor("ann"), callsFor("bad-bob")], [1, 1]);
    });

    for (const [what, behaviour] of FAULTS) {
      it(`answers by its failure policy while that is ${what}, and asks again when it is back`, async function () {
        this.timeout(20_000);
        const newcomer = (): string => `new-${Math.random()}`;
        for (const kind of ["resilient", "open"] as const) {
          await until(async () => (await asked(kind, "ann")).plan === "gold", { what: "an answer" });
          assert.equal(await statusOf(kind, "bad-bob"), 402);
        }
        await backEnd.behaves(behaviour);
        assert.equal(await statusOf("closed", "ann"), 503);
        assert.equal(await statusOf("kept", "ann"), 200);
        assert.deepEqual(
          [
            await statusOf("resilient", "ann"),
            await statusOf("resilient", "bad-bob"),
            await statusOf("resilient", newcomer()),
          ],
          [200, 402, 503],
        );
        const passed = await asked("open", newcomer());
        assert.deepEqual([passed.status, passed.plan], [200, "none"]);
        assert.equal(await statusOf("open", "bad-bob"), 402);
        const { handlers: told } = await mesh.weir.status();
        const stateOf = (kind: Kind) => told.find(({ handler }) => handler === named(adapter, kind))?.state;
        assert.deepEqual(
          [stateOf("closed"), stateOf("resilient"), stateOf("open"), stateOf("kept")],
          ["failing", "stale", "stale", "ready"],
        );
        await backEnd.behaves("well");
        for (const kind of ["closed", "resilient", "open"] as const)
          await until(async () => (await asked(kind, newcomer())).plan === "gold", { what: "an answer" });
      });
    }
  });
}
