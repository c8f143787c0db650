import type { Expression } from "../cel/expression.ts";
import { printDurationMs } from "../std/duration.ts";
import { Calendar } from "../std/period.ts";
import { condition } from "./compile-rules.ts";
import { compileShare, type Moded } from "./compile-modes.ts";
import { plainScope, type SharedWorld } from "./compile-shared.ts";
import { problem } from "./diagnostic.ts";
import { allOf, type Mentions } from "./mentions.ts";
import type { Quota, QuotaCost, QuotaWindow } from "./quota.ts";
import type { WrittenQuota, WrittenWindow } from "./quota-file.ts";
import type { Scope } from "./scope.ts";
import type { ActiveOverride } from "./snapshot.ts";
import type { Path } from "./source.ts";

/** What the quotas of one policy are compiled with. */
export interface QuotaWorld extends Pick<SharedWorld, "environments" | "diagnostics"> {
  readonly policy: string;
  readonly scope: Scope;
  /** Those of this policy, by rule or quota. */
  readonly overrides: ReadonlyMap<string, ActiveOverride>;
  /** Whether weir.yaml has a key that signs what weir tells itself. */
  readonly hasMac: boolean;
}

/** A compiled quota with its mode. */
export interface CompiledQuota {
  readonly quota: Quota;
  readonly mode: Moded["mode"];
}

/** Undefined where an expression cannot be compiled; what is wrong is reported. */
export function compileQuota(written: WrittenQuota, world: QuotaWorld): CompiledQuota | undefined {
  const { scope, policy } = world;
  const path: Path = ["quotas", written.index];
  const when = condition(scope, [...path, "when"], written.when);
  const inner = scope.proving(when);
  const key = written.key.map((source, index) => keyPart(inner, [...path, "key", index], source));
  const windows = written.windows.map((window, index) =>
    compileWindow(inner, [...path, "windows", index], window),
  );
  const cost = compileCost(inner, path, written, world);
  const { mode, share } = compileShare(scope, path, written.mode, {
    salt: `${policy}/${written.id}`,
    override: world.overrides.get(written.id),
  });
  const read = [...key, ...windows.flatMap((window) => window?.reads ?? []), cost && amountOf(cost)];
  const mentions = allOf([scope.mentions(when, share?.by), scope.mentions(...read)]);
  if (written.count !== "granted") refuseWhoAsks(scope, path, mentions);
  const known = {
    key: key.filter((part) => part !== undefined),
    windows: windows.flatMap((one) => one ?? []),
  };
  const isWhole = known.key.length === key.length && known.windows.length === windows.length;
  if (!isWhole || cost === undefined) return undefined;
  const { id, algorithm, count, onError, headers, once, warnAtPercent } = written;
  const quota: Quota = {
    ...{ id, policy, when, algorithm, count, onError, headers, once, cost, share, mentions },
    key: known.key,
    windows: known.windows.map(({ window }) => window),
    warnAt: warnAtPercent === undefined ? undefined : warnAtPercent / 100,
  };
  return { quota, mode };
}

/** What a quota is counted by has a text; lists and maps have none. */
function keyPart(scope: Scope, path: Path, source: string): Expression | undefined {
  const expression = scope.expression(path, source, "any")?.expression;
  if (expression === undefined || !/^(list|map)\(/.test(expression.type)) return expression;
  const message = `a key takes no ${expression.type}`;
  scope.report(problem(scope.document.at(path), "cel-type", message, "read a part of it"));
  return undefined;
}

interface ReadWindow {
  readonly window: QuotaWindow;
  readonly reads: readonly Expression[];
}

function compileWindow(
  scope: Scope,
  path: Path,
  { limit: source, period, burst: burstSource }: WrittenWindow,
): ReadWindow | undefined {
  const limit = source === "unlimited" ? source : whole(scope, [...path, "limit"], source);
  const burst = burstSource === undefined ? undefined : whole(scope, [...path, "burst"], burstSource);
  if (limit === undefined || (burstSource !== undefined && burst === undefined)) return undefined;
  const { length, printed } =
    period.kind === "span"
      ? { length: period.ms, printed: printDurationMs(period.ms) }
      : { length: new Calendar(period), printed: `${period.unit} ${period.zone}` };
  return {
    window: { limit, burst, length, printed },
    reads: [limit, burst].filter((one) => typeof one === "object"),
  };
}

/** An expression that is a whole number. */
const whole = (scope: Scope, path: Path, source: string): Expression | undefined =>
  scope.expression(path, source, "int")?.expression;

function compileCost(
  scope: Scope,
  path: Path,
  { cost }: WrittenQuota,
  world: QuotaWorld,
): QuotaCost | undefined {
  if (cost === undefined) return { kind: "now", cost: undefined };
  if (cost.kind === "now") {
    const expression = whole(scope, [...path, "cost"], cost.cost);
    return expression && { kind: "now", cost: expression };
  }
  if (!world.hasMac) {
    const message = "a late cost is told to whoever settles it, and weir.yaml has no key that signs it";
    const hint = "add to weir.yaml: secrets: { mac: { file: … } }";
    scope.report(problem(scope.document.keyAt([...path, "cost"]), "missing-key", message, hint));
  }
  const reserve = whole(scope, [...path, "cost", "reserve"], cost.reserve);
  const ofEntry = plainScope(scope.document, world, new Map(), "log");
  const settle = whole(ofEntry, [...path, "cost", "settle"], cost.settle);
  const { ifLost, withinMs } = cost;
  return reserve && settle && { kind: "late", reserve, settle, ifLost, withinMs };
}

const amountOf = (cost: QuotaCost): Expression | undefined =>
  cost.kind === "late" ? cost.reserve : cost.cost;

/** A request that is refused is charged, too, and then it may not be known who asked. */
function refuseWhoAsks(scope: Scope, path: Path, { identities, answers }: Mentions): void {
  const [name] = [...Array.from(identities, (one) => `auth.${one}`), ...answers];
  if (name === undefined) return;
  const message = `${name} is read, and a request that is refused is counted here whether or not it is known`;
  const hint = "count by what every request has, such as client.ip, or write count: granted";
  scope.report(problem(scope.document.keyAt([...path, "count"]), "reads-answer", message, hint));
}
