import type { ListedQuota } from "../check/quota-list.ts";
import type { DoneReset, ListedLimits } from "../counting.ts";
import type { ListedCounter } from "../limits/listed.ts";
import type { ListedLimit } from "../quota/limit-list.ts";
import { visible } from "../std/printable.ts";
import { ADMIN_HELP, ADMIN_OPTIONS, askAdmin, type AdminAnswer } from "./admin.ts";
import type { Command, Invocation } from "./command.ts";
import { FORMAT_OPTION, isFormat, noFormat, printJson } from "./format.ts";

/** `weir quotas`: the quotas and rate limits of a running weir, who uses them up, and how to begin one anew. */
export const quotas: Command = {
  name: "quotas",
  summary: "shows the quotas and rate limits of a running weir and their busiest keys, and resets one",
  help: `  weir quotas [--policy NAME] [--quota ID] [--domain NAME] [--limit N] [--format json]
  weir quotas reset POLICY/QUOTA [VALUE…]
  weir quotas reset --domain NAME KEY=VALUE…
  weir quotas reset COUNTER

Prints each quota of a policy and each limit of a domain with the keys that were busiest of
late in the process that answers: how much is used by the store's own count, what the process
has charged and refused, and the name of the counter. What is or may be of persons stands as
a digest; what is secret is not shown.

\`reset\` forgets what was counted for one key: the values of a quota's key, or the entries of
a descriptor, in their order; or the counter by its name, c_…. It is written into the audit.
With the store in memory, and while Redis is away, other replicas go on with what they have
counted themselves.

  --policy NAME       only quotas of this policy
  --quota ID          only quotas of this name
  --domain NAME       only rate limits of this domain
  --limit N           keys of each; default 10, at most 50
${ADMIN_HELP}
  --format json       the same as JSON

  weir quotas reset search/per-workload shop web
  weir quotas reset --domain edge plan=gold user=alice`,
  options: {
    ...ADMIN_OPTIONS,
    ...FORMAT_OPTION,
    policy: { type: "string" },
    quota: { type: "string" },
    domain: { type: "string" },
    limit: { type: "string" },
  },
  async run({ positionals, values, output }) {
    const { format } = values;
    if (!isFormat(format)) {
      output.complain(noFormat("quotas", format));
      return 2;
    }
    const wanted = readWanted(positionals, values);
    if (typeof wanted === "string") {
      output.complain(`weir quotas: ${wanted}\nSee: weir help quotas\n`);
      return 2;
    }
    const answer = await ask(wanted, values);
    if (answer.kind === "failed") {
      output.complain(`weir quotas: ${answer.why}\n`);
      return 1;
    }
    // The admin listener of the same version has written it.
    if (format === "json") output.print(printJson(answer.value as object));
    else if (wanted.kind === "reset") output.print(printReset(answer.value as DoneReset));
    else output.print(printList(answer.value as ListedLimits));
    return 0;
  },
};

type Wanted = { readonly kind: "list" } | { readonly kind: "reset"; readonly body: object };

/** What was asked for, or a sentence that says what is wrong with it. */
function readWanted([verb, ...named]: readonly string[], values: Invocation["values"]): Wanted | string {
  if (verb === undefined) return { kind: "list" };
  if (verb !== "reset") return `"${verb}" is not one of: reset`;
  const filter = ["policy", "quota", "limit"].find((name) => values[name] !== undefined);
  if (filter !== undefined) return `--${filter} chooses what is listed; a reset names its counter: ${NAMES}`;
  const { domain } = values;
  return typeof domain === "string" ? entriesWanted(domain, named) : counterWanted(named);
}

const NAMES = "POLICY/QUOTA VALUE…, --domain NAME KEY=VALUE…, or c_…";

function entriesWanted(domain: string, named: readonly string[]): Wanted | string {
  if (named.length === 0) return `which entries of ${domain}? KEY=VALUE…`;
  const entries = named.map((entry) => {
    const [key = ""] = entry.split("=", 1);
    return { key, value: entry.slice(key.length + 1) };
  });
  return { kind: "reset", body: { domain, entries } };
}

function counterWanted([target, ...key]: readonly string[]): Wanted | string {
  if (target === undefined) return `which counter? ${NAMES}`;
  if (/^c_[0-9a-f]+$/.test(target))
    return key.length === 0 ? { kind: "reset", body: { id: target } } : `${target} says it all: no values`;
  const [policy = "", quota = "", ...more] = target.split("/");
  if (policy === "" || quota === "" || more.length > 0)
    return `${target} is neither POLICY/QUOTA nor a counter, c_…`;
  return { kind: "reset", body: { policy, quota, ...(key.length === 0 ? {} : { key }) } };
}

function ask(wanted: Wanted, values: Invocation["values"]): Promise<AdminAnswer> {
  if (wanted.kind === "reset") {
    const body = { type: "application/json", text: JSON.stringify(wanted.body) };
    return askAdmin(values, "/quotas/reset", body);
  }
  const query = new URLSearchParams();
  for (const key of ["policy", "quota", "domain", "limit"] as const) {
    const value = values[key];
    if (typeof value === "string") query.set(key, value);
  }
  return askAdmin(values, `/quotas?${query.toString()}`);
}

function printReset(reset: DoneReset): string {
  const parts =
    "policy" in reset
      ? [`${reset.policy}/${reset.quota}`, ...reset.key]
      : [reset.domain, ...reset.entries.map(({ key, value }) => `${key}=${value}`)];
  const name = parts.map(visible).join(" ");
  return reset.result === "reset" ? `${name} begins anew\n` : `nothing was counted of ${name}\n`;
}

function printList({ store, quotas: listed, limits, unlisted }: ListedLimits): string {
  const away =
    store.state === "away" ? `the store of counters is away, and cannot be asked: ${store.detail}\n\n` : "";
  const all = [...listed.map(printQuota), ...limits.map(printLimit)];
  if (all.length === 0) return `${away}there is no such quota, and no such rate limit\n`;
  const more = unlisted === 0 ? "" : `\nand ${unlisted} more rate limits: choose by --domain\n`;
  return away + all.join("\n") + more;
}

function printQuota({ policy, quota, mode, percent, windows, key, keys, ...more }: ListedQuota): string {
  const enforced = percent === undefined ? "" : `  enforced for ${percent}%`;
  const counted = key.length === 0 ? "all requests together" : `by ${key.join(", ")}`;
  const counting = more.count === "granted" ? "" : `  count: ${more.count}`;
  const head = `${policy}/${quota}  ${printWindows(windows)}  ${counted}  (${more.algorithm}${counting})${mode === "shadow" ? "  in shadow" : enforced}`;
  const printed = keys.map((one) => {
    const name = one.key.length === 0 ? ["all"] : one.key.map((part) => (part === "" ? '""' : visible(part)));
    return printCounter(name, one, more.algorithm);
  });
  return `${head}\n${printCounters(printed)}`;
}

function printLimit({ domain, descriptor, standing, windows, algorithm, keys }: ListedLimit): string {
  const written = descriptor.map(({ key, value }) => (value === undefined ? key : `${key}=${value}`));
  const head = `${domain}  ${written.map(visible).join("  ")}  ${printWindows(windows)}  (${algorithm})${STANDING[standing]}`;
  const printed = keys.map((one) => {
    const name = one.entries.map(({ key, value }) => visible(`${key}=${value}`));
    return printCounter(name, one, algorithm);
  });
  return `${head}\n${printCounters(printed)}`;
}

const STANDING = { enforce: "", shadow: "  in shadow", quota: "  with the other quotas of a request" };

const printWindows = (
  windows: readonly { readonly limit: number | string; readonly per: string }[],
): string => windows.map(({ limit, per }) => `${limit} per ${per}`).join(", ");

const printCounters = (printed: readonly string[]): string =>
  printed.length === 0 ? "  nothing was counted here since the files were loaded\n" : printed.join("");

function printCounter(
  name: readonly string[],
  { id, mode, hits, refusals, now }: ListedCounter,
  algorithm: ListedQuota["algorithm"],
): string {
  const shadow = mode === "shadow" ? ", in shadow" : "";
  return `  ${name.join("  ")}  ${printState(now, algorithm)}  (${hits} charged and ${refusals} refused here${shadow})  ${id}\n`;
}

function printState(now: ListedCounter["now"], algorithm: ListedQuota["algorithm"]): string {
  switch (now.kind) {
    case "found": {
      const windows = now.windows.map(
        ({ per, limit, used, remaining, resetMs }) =>
          // A bucket holds its burst, whatever its limit is.
          `${used} of ${algorithm === "bucket" ? used + remaining : limit} per ${per}, ${remaining} left, resets in ${inUnits(resetMs)}`,
      );
      return [...windows, ...(now.by === "local" ? ["counted by this process alone"] : [])].join("; ");
    }
    case "failed":
      return "the store has not said";
    case "skipped":
      return "not asked: choose by --policy, --quota or --domain";
  }
}

/** The two largest units of a time that is to pass, rounded up to seconds. */
function inUnits(ms: number): string {
  const units = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "m"],
    [1, "s"],
  ] as const;
  let seconds = Math.ceil(ms / 1_000);
  const parts: string[] = [];
  for (const [size, unit] of units) {
    if (seconds >= size && parts.length < 2) parts.push(`${Math.floor(seconds / size)}${unit}`);
    seconds %= size;
  }
  return parts.length === 0 ? "0s" : parts.join(" ");
}
