import assert from "node:assert/strict";
import { proseOf, readPage } from "../docs/blocks.ts";
import { type Apigee, startApigee } from "../support/apigee.ts";
import { type ApigeeAnswer, type Asking, askServer } from "../support/apigee-asking.ts";
import { signingKey } from "../support/apigee-keys.ts";
import { ANALYTICS, documentedPolicy, serverFor, startReady } from "../support/apigee-mesh.ts";
import { startReference } from "../support/apigee-reference.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { removeFolder, writeFolder } from "../support/weir.ts";
import { CASES, get, KEYS, PRODUCTS, type Case } from "./apigee-cases.ts";

/** How the reference shows itself over HTTP. */
const GO = /^Go-http-client/;
const isReference = ({ by }: { readonly by: string }): boolean => GO.test(by);

const names = (differing: string): readonly string[] =>
  Array.from(
    (proseOf(readPage("docs/adapters/apigee.md")).split(differing)[1] ?? "")
      .split(/^## /m)[0]
      ?.matchAll(/^- \*\*([^*]+)\*\*/gm) ?? [],
    ([, name]) => name ?? "",
  );

describe("weir and Apigee's own adapter, of the same Apigee", () => {
  const open = new AsyncDisposableStack();
  let apigee: Apigee;
  let weir: Asking;
  let other: Asking;
  let reference: Asking;
  /** The differences that were found, by their names in the documentation. */
  const found = new Set<string>();
  const answers = new Map<Case, readonly [ApigeeAnswer, ApigeeAnswer]>();
  const startedAtMs = Math.floor(Date.now() / 1_000) * 1_000;

  const startOne = async (): Promise<Asking> => {
    const files = {
      "weir.yaml": serverFor(apigee, "state", ANALYTICS(apigee)),
      "orders.yaml": documentedPolicy(),
    };
    const folder = open.adopt(await writeFolder(files), removeFolder);
    const { checks } = await startReady(folder, open);
    return "port" in checks ? askServer(checks.port, open) : assert.fail("it listens on TCP");
  };

  before(async function () {
    const program = await need(this, "apigee");
    apigee = open.adopt(await startApigee(), (one) => one.stop());
    apigee.products = PRODUCTS;
    for (const [key, claims] of KEYS) apigee.keys.set(key, claims);
    weir = await startOne();
    other = await startOne();
    const theirs = open.adopt(await startReference(program, apigee), (one) => one.stop());
    reference = askServer(theirs.port, open);
    for (const [index, one] of CASES.entries()) {
      Object.assign(apigee.behaviour, one.during);
      const request = { ...one.request, atMs: startedAtMs + index };
      answers.set(one, [await weir.askAndTell(request), await reference.askAndTell(request)]);
      apigee.behaviour.verifyApiKey = "well";
    }
  });
  after(() => open.disposeAsync());

  for (const one of CASES) {
    it(`answer ${one.differs === undefined ? "alike" : "differently"}: ${one.name}`, () => {
      const [ours, theirs] = answers.get(one) ?? assert.fail("it was not asked");
      if (one.differs === undefined) {
        assert.deepEqual(ours, theirs);
        return;
      }
      const { by, ...statuses } = one.differs;
      assert.deepEqual({ weir: ours.status, reference: theirs.status }, statuses);
      found.add(by);
    });
  }

  it("ask for the same counters, by the same names", async () => {
    const asked = (by: boolean): readonly string[] =>
      Array.from(
        new Set(
          apigee.quotasAsked
            .filter((one) => isReference(one) === by)
            .map(({ identifier, interval, allow, timeUnit }) =>
              JSON.stringify({ identifier, interval, allow, timeUnit }),
            ),
        ),
      ).sort();
    await until(() => asked(true).length >= asked(false).length, { what: "the reference to sync" });
    assert.deepEqual(asked(false), asked(true));
    assert.ok(asked(true).length >= 3, String(asked(true)));
  });

  it("record the same, but for what the documentation says", async () => {
    const records = (by: boolean): ReadonlyMap<number, Readonly<Record<string, unknown>>> =>
      new Map(
        Array.from(apigee.files.values())
          .filter((file) => isReference(file) === by)
          .flatMap((file) => file.records)
          .map((record) => [Number(record["client_received_start_timestamp"]) - startedAtMs, record]),
      );
    const last = CASES.findLastIndex(({ differs }) => differs?.by === "Paths");
    await until(() => records(true).has(last) && records(false).has(last - 1), {
      what: "records",
      timeoutMs: 10_000,
    });
    const differing = new Map<string, Set<string>>();
    for (const [index, one] of CASES.entries()) {
      if (one.differs !== undefined && one.differs.by !== "Statuses") continue;
      const [ours, theirs] = [records(false).get(index), records(true).get(index)];
      assert.ok(ours && theirs, one.name);
      const kind = Number(theirs["response_status_code"]) < 400 ? "passed" : "refused";
      for (const name of new Set([...Object.keys(ours), ...Object.keys(theirs)]))
        if (ours[name] !== theirs[name]) differing.set(kind, (differing.get(kind) ?? new Set()).add(name));
    }
    const passed = ["client_ip", "gateway_flow_id", "request_uri", "useragent"];
    const times = [
      "client_received_end_timestamp",
      "client_sent_end_timestamp",
      "client_sent_start_timestamp",
    ];
    assert.deepEqual([...(differing.get("passed") ?? [])].sort(), passed);
    assert.deepEqual([...(differing.get("refused") ?? [])].sort(), [
      ...times,
      "gateway_flow_id",
      "useragent",
    ]);
    for (const name of ["Persons", "Flow ids", "Records of refusals"]) found.add(name);
    const failed = CASES.findIndex(({ differs }) => differs?.by === "Failures");
    assert.ok(records(true).has(failed) && !records(false).has(failed));
    found.add("Records of errors");
  });

  it("count with each other: two weirs and the reference in one counter", async () => {
    const identifier = "dozen-prod-ann@example.com-dozen-app";
    let passed = 0;
    const full = new Set<Asking>();
    for (let round = 0; round < 8 && full.size < 3; round++) {
      for (const one of [reference, weir, other]) {
        if (full.has(one)) continue;
        if ((await one.ask(get("/orders/1", "dozen"))).status === 200) passed++;
        else full.add(one);
        const least = passed;
        await until(() => (apigee.counters.get(identifier) ?? 0) >= least, {
          what: `${least} to be counted`,
        });
      }
    }
    // Each knows what the others let pass once it has told its own.
    assert.ok(full.size === 3 && passed >= 12 && passed <= 14, `${passed} passed`);
    const by = new Set(apigee.quotasAsked.filter((one) => one.identifier === identifier).map(isReference));
    assert.deepEqual(by, new Set([true, false]));
  }).timeout(60_000);

  it("differ in what they charge", async () => {
    const times = async (one: Asking, key: string, count: number): Promise<readonly number[]> => {
      const statuses: number[] = [];
      for (let index = 0; index < count; index++)
        statuses.push((await one.ask(get("/orders/1", key))).status);
      return statuses;
    };
    const counted = (key: string, total: number): Promise<unknown> =>
      until(() => apigee.counters.get(key) === total, { what: `${total} in ${key}`, timeoutMs: 10_000 });
    const counterOf = (key: string, product = key.replace(/-\w+$/, "")): string =>
      `${product}-prod-ann@example.com-${key}`;

    const five = [200, 200, 200, 429, 429];
    assert.deepEqual(
      [await times(weir, "full-weir", 5), await times(reference, "full-reference", 5)],
      [five, five],
    );
    await counted(counterOf("full-reference"), 5);
    await counted(counterOf("full-weir"), 3);
    found.add("Refused requests");

    for (const by of ["weir", "reference"]) apigee.counters.set(counterOf(`fresh-${by}`, "full"), 3);
    assert.deepEqual(
      [await times(weir, "fresh-weir", 1), await times(reference, "fresh-reference", 1)],
      [[429], [200]],
    );
    found.add("New counters");

    assert.deepEqual(
      [await times(weir, "both-weir", 3), await times(reference, "both-reference", 3)],
      [
        [200, 429, 429],
        [200, 429, 429],
      ],
    );
    const larger = (by: string): string =>
      apigee.quotasAsked.find(
        ({ identifier, allow }) => allow === 100 && identifier.startsWith(counterOf(`both-${by}`)),
      )?.identifier ?? "";
    await until(() => larger("reference") !== "", { what: "its first sync" });
    await counted(larger("reference"), 3);
    await counted(larger("weir"), 1);
    found.add("Several quotas");
  }).timeout(30_000);

  it("differ in what they believe of a key", async () => {
    const before = apigee.signing;
    apigee.signing = signingKey("nobody's");
    const statuses = [
      await weir.ask(get("/orders/1", "forged")),
      await reference.ask(get("/orders/1", "forged")),
    ];
    apigee.signing = before;
    assert.deepEqual(
      statuses.map(({ status }) => status),
      [503, 200],
    );
    found.add("Signatures");
  });

  it("differ in nothing that the documentation does not list", () => {
    assert.deepEqual([...found].sort(), [...names("## Other than Apigee's adapter")].sort());
  });
});
