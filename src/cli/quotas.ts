import type { ListedKey, ListedQuota, QuotaList } from "../check/quota-list.ts";
import type { Reset } from "../check/quota-reset.ts";
import { visible } from "../std/printable.ts";
import { ADMIN_HELP, ADMIN_OPTIONS, askAdmin, type AdminAnswer } from "./admin.ts";
import type { Command, Invocation } from "./command.ts";
import { FORMAT_OPTION, isFormat, noFormat, printJson } from "./format.ts";

/** `weir quotas`: the quotas of a running weir, who uses them up, and how to begin one anew. */
export const quotas: Command = {
  name: "quotas",
  summary: "shows the quotas of a running weir and their busiest keys, and resets one",
  help: `  weir quotas [--policy NAME] [--quota ID] [--limit N] [--format json]
  weir quotas reset POLICY/QUOTA [VALUE…]
  weir quotas reset COUNTER

Prints each quota with the keys that were busiest of late in the process that answers: how
much is used by the store's own count, what the process has charged and refused, and the
name of the counter. What is of persons stands as a digest; what is secret is not shown.

\`reset\` forgets what was counted for one key: its values in their order, or the counter by
its name, c_…. It is written into the audit. With the store in memory, and while Redis is
away, other replicas go on with what they have counted themselves.

  --policy NAME       only those of this policy
  --quota ID          only those of this name
  --limit N           keys of each quota; default 10, at most 50
${ADMIN_HELP}
  --format json       the same as JSON

  weir quotas reset search/per-workload shop web`,
  options: {
    ...ADMIN_OPTIONS,
    ...FORMAT_OPTION,
    policy: { type: "string" },
    quota: { type: "string" },
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
    const found = answer.value as QuotaList & Reset;
    if (format === "json") output.print(printJson(found));
    else output.print(wanted.kind === "reset" ? printReset(found) : printList(found));
    return 0;
  },
};

type Wanted = { readonly kind: "list" } | { readonly kind: "reset"; readonly body: object };

/** What was asked for, or a sentence that says what is wrong with it. */
function readWanted(
  [verb, target, ...key]: readonly string[],
  values: Invocation["values"],
): Wanted | string {
  if (verb === undefined) return { kind: "list" };
  if (verb !== "reset") return `"${verb}" is not one of: reset`;
  const filter = ["policy", "quota", "limit"].find((name) => values[name] !== undefined);
  if (filter !== undefined)
    return `--${filter} chooses what is listed; a reset names its counter: POLICY/QUOTA VALUE…, or c_…`;
  if (target === undefined) return "which counter? POLICY/QUOTA VALUE…, or c_…";
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
  for (const key of ["policy", "quota", "limit"] as const) {
    const value = values[key];
    if (typeof value === "string") query.set(key, value);
  }
  return askAdmin(values, `/quotas?${query.toString()}`);
}

const printReset = ({ policy, quota, key, result }: Reset): string => {
  const name = [`${policy}/${quota}`, ...key.map(visible)].join(" ");
  return result === "reset" ? `${name} begins anew\n` : `nothing was counted of ${name}\n`;
};

function printList({ store, quotas: listed }: QuotaList): string {
  const away =
    store.state === "away" ? `the store of counters is away, and cannot be asked: ${store.detail}\n\n` : "";
  if (listed.length === 0) return `${away}no policy has such a quota\n`;
  return away + listed.map(printQuota).join("\n");
}

function printQuota({ policy, quota, mode, percent, windows, key, keys, ...more }: ListedQuota): string {
  const enforced = percent === undefined ? "" : `  enforced for ${percent}%`;
  const limits = windows.map(({ limit, per }) => `${limit} per ${per}`).join(", ");
  const counted = key.length === 0 ? "all requests together" : `by ${key.join(", ")}`;
  const counting = more.count === "granted" ? "" : `  count: ${more.count}`;
  const head = `${policy}/${quota}  ${limits}  ${counted}  (${more.algorithm}${counting})${mode === "shadow" ? "  in shadow" : enforced}\n`;
  if (keys.length === 0) return `${head}  nothing was counted here since the files were loaded\n`;
  return head + keys.map((one) => `  ${printKey(one, more.algorithm)}\n`).join("");
}

function printKey(
  { id, key, mode, hits, refusals, now }: ListedKey,
  algorithm: ListedQuota["algorithm"],
): string {
  const name = key.length === 0 ? "all" : key.map((part) => (part === "" ? '""' : visible(part))).join("  ");
  const shadow = mode === "shadow" ? ", in shadow" : "";
  return `${name}  ${printState(now, algorithm)}  (${hits} charged and ${refusals} refused here${shadow})  ${id}`;
}

function printState(now: ListedKey["now"], algorithm: ListedQuota["algorithm"]): string {
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
      return "not asked: choose by --policy or --quota";
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
