import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Client, credentials } from "@grpc/grpc-js";
import { CheckResponse } from "../../src/wire/envoy/service/auth/v3/external_auth.ts";
import { ensure, type Found } from "../servers/ensure.ts";
import { runLoad, type Load, type Seen } from "./load.ts";
import { DECIDING, writePolicies, type Amount } from "./policies.ts";
import { median, provenance, table, writeSection } from "./report.ts";
import { CHECK_PATH, checkRequest, GRPC_PREFIX_BYTES, MEASURED } from "./request.ts";
import { startTarget, type Target } from "./target.ts";

const usage = `usage: node test/bench/check.ts [--what check|following] [--rounds 5] [--requests 40000] [--write]

Measures how many checks a second weir answers with 1, 10, 100 and 1,000 rules, beside a server that only decodes; or
what it costs that lines are written and a candidate is tried behind the answers of ten rules.
--write puts the table into docs/performance.md.`;

/** What is measured: each a server of its own, started anew, one after the other in every round. */
const rules: readonly Contender[] = [
  { name: "bare", policies: undefined },
  { name: "1 rule", policies: { hosts: 1, rulesPerHost: 1 } },
  { name: "10 rules", policies: { hosts: 1, rulesPerHost: 10 } },
  { name: "100 rules, 10 hosts", policies: { hosts: 10, rulesPerHost: 10 } },
  { name: "1,000 rules, 100 hosts", policies: { hosts: 100, rulesPerHost: 10 } },
];

/** What follows the answers of ten rules: lines that are written, and a candidate that is tried. */
const following: readonly Contender[] = [
  { name: "10 rules" },
  { name: "1% written and tried", written: "1%", tried: "1%" },
  { name: "all written", written: "100%" },
  { name: "all tried", tried: "100%" },
].map((one) => ({ ...one, policies: { hosts: 1, rulesPerHost: 10 } }));

/** By what `--what` says; each has a section of its own in the page. */
const SECTIONS: ReadonlyMap<string, readonly Contender[]> = new Map([
  ["check", rules],
  ["following", following],
]);

interface Contender {
  readonly name: string;
  /** Undefined: the bare server. */
  readonly policies: Amount | undefined;
  /** The share of decisions whose lines are written to a file. */
  readonly written?: string;
  /** The share of checks that a candidate with the same policies decides again. */
  readonly tried?: string;
}

/** What was measured of a contender, one entry a round. */
interface Measured extends Contender {
  readonly rounds: Round[];
}

/** A contender that runs. */
interface Running extends Contender {
  readonly target: Target;
  readonly answerBytes: number;
}

interface Round {
  readonly saturated: Seen;
  readonly alone: Seen;
  /** Processor time of the server, all its threads, for one check. */
  readonly cpuUs: number;
  readonly residentBytes: number;
}

/** 100 checks in flight, which keeps one core busy. */
const saturating = { connections: 4, streams: 25 };
/** One check at a time: what a check costs the request that waits for it. */
const alone: Load = { connections: 1, streams: 1, requests: 1_000 };

const root = join(import.meta.dirname, "../..");

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      what: { type: "string", default: "check" },
      rounds: { type: "string", default: "5" },
      requests: { type: "string", default: "40000" },
      write: { type: "boolean", default: false },
    },
  });
  const [rounds, requests] = [Number(values.rounds), Number(values.requests)];
  const contenders = SECTIONS.get(values.what);
  if (
    contenders === undefined ||
    !Number.isInteger(rounds) ||
    !Number.isInteger(requests) ||
    rounds < 1 ||
    requests < 100
  ) {
    console.error(usage);
    return 2;
  }
  const h2load = await ensure("h2load");
  if (h2load.kind === "missing") {
    console.error(`h2load is missing: ${h2load.reason}`);
    return 1;
  }
  const measured = await measure(contenders, { h2load, rounds, load: { ...saturating, requests } });
  const command = `npm run bench:check -- ${values.what === "check" ? "" : `--what ${values.what} `}--write`;
  const text = `${provenance(command)} Medians of ${rounds} rounds.\n\n${report(measured)}`;
  console.log(text);
  if (values.write) await writeSection(values.what, text);
  return 0;
}

async function measure(
  contenders: readonly Contender[],
  { h2load, rounds, load }: { readonly h2load: Found; readonly rounds: number; readonly load: Load },
): Promise<readonly Measured[]> {
  const measured: readonly Measured[] = contenders.map((contender) => ({ ...contender, rounds: [] }));
  for (let round = 1; round <= rounds; round++) {
    console.error(`round ${round} of ${rounds}`);
    for (const one of measured) one.rounds.push(await measureFresh(h2load, one, load));
  }
  return measured;
}

/** A process of its own each time: how one happens to be compiled and laid out makes a tenth and more. */
async function measureFresh(h2load: Found, contender: Contender, load: Load): Promise<Round> {
  await using open = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "weir-bench-"));
  open.defer(() => rm(folder, { recursive: true, force: true }));
  const target = open.adopt(await start(contender, folder), (one) => one.process.stop());
  const answerBytes = await verify(contender, target);
  // The first answers of a server come from code that is not compiled yet.
  await runLoad(h2load, target.checks, checkRequest(), load);
  return await measureRound(h2load, { ...contender, target, answerBytes }, load);
}

async function start({ policies, written, tried }: Contender, folder: string): Promise<Target> {
  if (policies === undefined) return startTarget(join(import.meta.dirname, "bare.ts"));
  const [live, candidate, lines] = ["live", "candidate", "lines.jsonl"].map((name) => join(folder, name));
  assert.ok(live !== undefined && candidate !== undefined);
  const decisions = `decisions: { to: { file: ${lines} }, record: [{ sample: ${written} }] }\n`;
  await writePolicies(live, policies, written === undefined ? "" : decisions);
  await writePolicies(candidate, policies);
  const trial = tried === undefined ? [] : ["--candidate", candidate, "--candidate-sample", tried];
  return startTarget(join(root, "src/main.ts"), ["serve", live, ...trial]);
}

/** Refuses to measure wrong answers: who may is allowed by the rule that should, and who may not is refused. */
async function verify({ policies }: Contender, { checks }: Target): Promise<number> {
  const client = new Client(checks, credentials.createInsecure());
  try {
    const allowed = await ask(client, checkRequest());
    assert.deepEqual(decided(allowed), { verdict: "allow", ...DECIDING });
    assert.equal(allowed.okResponse?.headers[0]?.header?.key, "x-caller");
    if (policies !== undefined) {
      const refused = decided(await ask(client, checkRequest({ ...MEASURED, method: "POST" })));
      assert.equal(refused.verdict, "deny");
      assert.equal(refused.rule, policies.rulesPerHost === 1 ? "default" : "writes-are-json");
    }
    return CheckResponse.encode(allowed).finish().length;
  } finally {
    client.close();
  }
}

function ask(client: Client, request: Buffer): Promise<CheckResponse> {
  const same = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      CHECK_PATH,
      same,
      (bytes) => CheckResponse.decode(bytes),
      request,
      (error, answer) => {
        if (answer === undefined) reject(error ?? new Error("no answer"));
        else resolve(answer);
      },
    );
  });
}

/** What an answer says about itself in its dynamic metadata. */
function decided(answer: CheckResponse): { verdict: string; policy: string; rule: string } {
  const fields = answer.dynamicMetadata?.fields.get("weir")?.structValue?.fields;
  const text = (name: string): string => fields?.get(name)?.stringValue ?? "";
  return { verdict: text("verdict"), policy: text("policy"), rule: text("rule") };
}

async function measureRound(h2load: Found, one: Running, load: Load): Promise<Round> {
  const before = await one.target.series();
  const saturated = await runLoad(h2load, one.target.checks, checkRequest(), load);
  const after = await one.target.series();
  const single = await runLoad(h2load, one.target.checks, checkRequest(), alone);
  assert.equal(
    saturated.bodyBytes,
    load.requests * (GRPC_PREFIX_BYTES + one.answerBytes),
    `bytes of the answers of ${one.name}: ${[...grown(before, after, "weir_checks_total")].join("; ")}`,
  );
  if (one.policies !== undefined) {
    const series = `weir_checks_total{policy="${DECIDING.policy}",rule="${DECIDING.rule}",verdict="allow"}`;
    assert.deepEqual(grown(before, after, "weir_checks_total"), new Map([[series, load.requests]]));
  }
  verifyFollowed(one, { before, after, requests: load.requests });
  const cpuSeconds = grown(before, after, "process_cpu_seconds_total").get("process_cpu_seconds_total");
  const residentBytes = after.get("process_resident_memory_bytes") ?? Number.NaN;
  return {
    saturated,
    alone: single,
    cpuUs: ((cpuSeconds ?? Number.NaN) * 1e6) / load.requests,
    residentBytes,
  };
}

/** What should follow the answers did, but for what was dropped. */
function verifyFollowed(
  { written, tried }: Contender,
  { before, after, requests }: { readonly before: Sample; readonly after: Sample; readonly requests: number },
): void {
  for (const [share, metric] of [
    [written, "weir_record_lines_total"],
    [tried, "weir_candidate_checks_total"],
  ] as const) {
    const count = [...grown(before, after, metric).values()].reduce((sum, one) => sum + one, 0);
    const expected = share === undefined ? 0 : (requests * parseFloat(share)) / 100;
    assert.ok(Math.abs(count - expected) <= expected / 2, `${metric} grew by ${count}, not by ${expected}`);
  }
}

type Sample = ReadonlyMap<string, number>;

/** What was added to the series of one metric. */
function grown(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  metric: string,
): ReadonlyMap<string, number> {
  const ofMetric = [...after].filter(([name]) => name === metric || name.startsWith(`${metric}{`));
  const added = ofMetric.map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const);
  return new Map(added.filter(([, value]) => value !== 0));
}

function report(measured: readonly Measured[]): string {
  const rows = measured.map(({ name, rounds }) => ({
    name,
    perSecond: median(rounds.map(({ saturated }) => saturated.perSecond)),
    ratios: references(measured).map((to) => median(ratios(measured, name, to)).toFixed(2)),
    cells: [
      median(rounds.map(({ cpuUs }) => cpuUs)).toFixed(1),
      (median(rounds.map(({ saturated }) => saturated.p50Us)) / 1_000).toFixed(1),
      (median(rounds.map(({ saturated }) => saturated.p99Us)) / 1_000).toFixed(1),
      (median(rounds.map((round) => round.alone.p50Us)) / 1_000).toFixed(2),
      (median(rounds.map((round) => round.alone.p99Us)) / 1_000).toFixed(2),
      (median(rounds.map(({ residentBytes }) => residentBytes)) / 2 ** 20).toFixed(0),
    ],
  }));
  return table(
    [
      "",
      "checks/s",
      ...references(measured).map((to) => `of ${to}`),
      "CPU µs a check",
      "p50 ms, 100 in flight",
      "p99 ms, 100 in flight",
      "p50 ms, alone",
      "p99 ms, alone",
      "memory MiB",
    ],
    rows.map(({ name, perSecond, ratios: shares, cells }) => [
      name,
      Math.round(perSecond).toLocaleString("en"),
      ...shares,
      ...cells,
    ]),
  );
}

/** What others are compared with. */
function references(measured: readonly Measured[]): readonly string[] {
  return ["bare", "10 rules"].filter((name) => measured.some((one) => one.name === name));
}

/** Round by round, because what else the machine does changes from round to round. */
function ratios(measured: readonly Measured[], name: string, to: string): readonly number[] {
  const perSecond = (wanted: string): readonly number[] =>
    measured.find((one) => one.name === wanted)?.rounds.map(({ saturated }) => saturated.perSecond) ?? [];
  const others = perSecond(to);
  return perSecond(name).map((value, round) => value / (others[round] ?? Number.NaN));
}
