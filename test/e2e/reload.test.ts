import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { mkdir, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { Agent, request as httpRequest } from "node:http";
import { join } from "node:path";
import type { Found } from "../servers/ensure.ts";
import { startAskingEnvoy } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { type ReceivedRequest, startUpstream } from "../support/upstream.ts";
import { removeFolder, serverFile, startWeir, type Weir, writeFolder } from "../support/weir.ts";

/** One of the two policies of a revision; each says in a header which revision it is of. */
const policy = (name: "a" | "b", revision: number): string => `
weir: 1
policy: ${name}
match:
  paths: ["/**"]
rules:
  - id: all
    allow: request.method == "GET"
    request:
      set:
        x-${name}: "${revision}"
`;

type Files = Readonly<Record<string, string>>;

const filesOf = (revision: number): Files => ({
  "weir.yaml": serverFile(),
  "a.yaml": policy("a", revision),
  "b.yaml": policy("b", revision),
});

/** What can go wrong between two good revisions, and what the log says of it. */
const faults: readonly { what: string; breakIt: (files: Files) => Files; says: RegExp }[] = [
  {
    what: "bad YAML",
    breakIt: (files) => ({ ...files, "b.yaml": "weir: 1\npolicy: b\nmatch: everything\nrules: [\n" }),
    says: /b\.yaml:4:9 {2}yaml-syntax/,
  },
  {
    what: "bad CEL",
    breakIt: (files) => ({ ...files, "b.yaml": policy("b", 0).replace("request.method", "request.methd") }),
    says: /b\.yaml:8:\d+ {2}unknown-attribute/,
  },
  {
    what: "one policy in two files",
    breakIt: (files) => ({ ...files, "b.yaml": policy("a", 0) }),
    says: /b\.yaml:3:\d+ {2}duplicate-name/,
  },
  {
    what: "one header in two policies",
    breakIt: (files) => ({ ...files, "b.yaml": policy("b", 0).replace("x-b", "x-a") }),
    says: /b\.yaml:11:\d+ {2}header-conflict/,
  },
  {
    what: "empty files",
    breakIt: () => ({ "a.yaml": "", "b.yaml": "", "weir.yaml": "" }),
    says: /a\.yaml:1:1 {2}not-weir/,
  },
];

/** Puts files in the place of those that are there. */
type Publish = (folder: string, files: Files) => Promise<void>;

/** File by file, in one turn, as an editor or `rsync` does. */
const rewrite: Publish = (folder, files) => {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return Promise.resolve();
};

/** As Kubernetes updates a ConfigMap: files are links through `..data`, and that link is replaced in one step. */
const swap: Publish = async (folder, files) => {
  const before = await readlink(join(folder, "..data")).catch(() => undefined);
  const data = `..${randomUUID()}`;
  await mkdir(join(folder, data));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, data, name), text);
  await symlink(data, join(folder, "..data_tmp"));
  await rename(join(folder, "..data_tmp"), join(folder, "..data"));
  if (before !== undefined) await rm(join(folder, before), { recursive: true });
  else for (const name of Object.keys(files)) await symlink(join("..data", name), join(folder, name));
};

/** File by file, in a folder that a link leads to: the folder above sees no change. */
const rewriteLinked: Publish = async (folder, files) => {
  await mkdir(join(folder, "..elsewhere/deep"), { recursive: true });
  await rewrite(join(folder, "..elsewhere/deep"), files);
  await symlink("..elsewhere/deep", join(folder, "current")).catch(() => undefined);
};

/** Requests that never stop, on a few connections. */
interface Load {
  sent: number;
  /** What no request should have come to. */
  wrong: string[];
  /** The revision that the newest answer was of. */
  revision: number;
  stop(): Promise<void>;
}

const connections = 4;

function startLoad(port: number): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let isStopped = false;
  const load: Load = { sent: 0, wrong: [], revision: 0, stop };
  const loops = Array.from({ length: connections }, async () => {
    while (!isStopped) await sendOne(port, agent, load);
  });
  async function stop(): Promise<void> {
    isStopped = true;
    await Promise.all(loops);
    agent.destroy();
  }
  return load;
}

async function sendOne(port: number, agent: Agent, load: Load): Promise<void> {
  const answer = await exchange(port, agent).catch((error: unknown) => String(error));
  load.sent += 1;
  const [, a, b] = /^200 .*"x-a":"(\d+)".*"x-b":"(\d+)"/.exec(answer) ?? [];
  if (a === undefined || a !== b) load.wrong.push(answer);
  else load.revision = Number(a);
}

/** The status, and the headers that the upstream saw, in the order of their names. */
function exchange(port: number, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, agent, path: "/", timeout: 5000 }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString()));
      response.on("error", reject);
      response.on("end", () => {
        const { statusCode } = response;
        resolve(`${String(statusCode)} ${statusCode === 200 ? sortedHeaders(body) : body}`);
      });
    });
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", reject).end();
  });
}

function sortedHeaders(body: string): string {
  const { headers } = JSON.parse(body) as ReceivedRequest;
  return JSON.stringify(headers, Object.keys(headers).sort());
}

for (const { how, publish, revisions } of [
  { how: "rewritten in place", publish: rewrite, revisions: 25 },
  { how: "swapped as a ConfigMap is", publish: swap, revisions: 25 },
  { how: "rewritten where a link leads", publish: rewriteLinked, revisions: 3 },
]) {
  describe(`a folder that is ${how} under load`, () => {
    const open = new AsyncDisposableStack();
    let folder: string;
    let weir: Weir;
    let load: Load;
    let revision = 0;

    before(async function () {
      const program: Found = await need(this, "envoy");
      folder = open.adopt(await writeFolder({}), removeFolder);
      await publish(folder, filesOf(0));
      weir = open.adopt(await startWeir(folder), (started) => started.process.stop());
      const upstream = open.adopt(await startUpstream(), (started) => started.stop());
      const envoy = await startAskingEnvoy({ program, weir, upstream }, open);
      load = open.adopt(startLoad(envoy.port("web")), (started) => started.stop());
    });
    after(() => open.disposeAsync());
    beforeEach(() => {
      load.sent = 0;
      load.wrong = [];
    });

    const gauge = async (name: string): Promise<number | undefined> => (await weir.metrics()).get(name);
    const isLive = (wanted: number): Promise<unknown> =>
      until(() => load.revision === wanted, { what: `revision ${wanted} to be live` });

    it(`goes live ${revisions} times, no request fails and none sees two revisions`, async function () {
      this.timeout(30_000);
      for (let time = 0; time < revisions; time++) {
        revision += 1;
        await publish(folder, filesOf(revision));
        await isLive(revision);
      }
      assert.deepEqual(load.wrong, []);
      assert.ok(load.sent > revisions * connections, `only ${load.sent} requests were sent`);
      assert.equal(await gauge("weir_config_last_reload_successful"), 1);
      // The first start counts as well.
      assert.equal(await gauge('weir_config_reloads_total{result="live"}'), revision + 1);
    });

    for (const { what, breakIt, says } of faults) {
      it(`keeps the last good revision through ${what}, says why, and takes the next`, async () => {
        const refused = 'weir_config_reloads_total{result="refused"}';
        const before = (await gauge(refused)) ?? 0;
        const told = weir.log().length;
        await publish(folder, breakIt(filesOf(revision + 1)));
        await until(async () => ((await gauge(refused)) ?? 0) > before, { what: "the refusal" });
        assert.equal(await gauge("weir_config_last_reload_successful"), 0);
        const [line] = weir
          .log()
          .slice(told)
          .filter(({ level }) => level === 50);
        assert.match(String(line?.["msg"]), /refused/);
        assert.match(String(line?.["diagnostics"]), says);
        // Every request that began after the refusal is decided by the last good revision.
        const { sent } = load;
        await until(() => load.sent > sent + 2 * connections, { what: "more requests" });
        assert.equal(load.revision, revision);
        revision += 2;
        await publish(folder, filesOf(revision));
        await isLive(revision);
        assert.equal(await gauge("weir_config_last_reload_successful"), 1);
        assert.deepEqual(load.wrong, []);
      });
    }
  });
}
