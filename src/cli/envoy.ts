import { readFile } from "node:fs/promises";
import { checkEnvoy } from "../envoy/check.ts";
import { readConfig } from "../envoy/config-node.ts";
import { envoyGateway } from "../envoy/gateway.ts";
import { finding, type Finding } from "../envoy/findings.ts";
import { istio } from "../envoy/istio.ts";
import type { Transport } from "../envoy/loggers.ts";
import { needsOf, type Needs } from "../envoy/needs.ts";
import { plainEnvoy, trialEnvoy } from "../envoy/plain.ts";
import { refusalsOf } from "../envoy/refusals.ts";
import { reachable, type Order, type Service, type Target } from "../envoy/target.ts";
import { writeYaml, type Written } from "../envoy/write.ts";
import { ADDRESS_FORM, parseAddress } from "../policy/address.ts";
import { printDiagnostic } from "../policy/diagnostic.ts";
import { readConfiguration } from "../server.ts";
import { counted } from "../std/counted.ts";
import type { ListenAddress } from "../std/listen-address.ts";
import { foldersOf, type Command, type ExitCode, type Invocation, type Output } from "./command.ts";

/** What writes the configuration of each target. */
const WRITERS: Readonly<Record<Target, (order: Order) => readonly Written[]>> = {
  envoy: plainEnvoy,
  istio,
  "envoy-gateway": envoyGateway,
};

const isTarget = (name: string): name is Target => Object.hasOwn(WRITERS, name);

/** `weir envoy`: the configuration that the policies need in front of them, and what is risky in one that is there. */
export const envoy: Command = {
  name: "envoy",
  summary: "writes the configuration of the Envoy in front, or says what is risky in it",
  help: `  weir envoy [folder…] --for envoy|istio|envoy-gateway [--at ADDRESS] [--http] [--otlp] [--listen ADDRESS]
  weir envoy [folder…] --check FILE                         default: policies/

--for prints what makes an Envoy send all that the policies read, and ask about the domains
of rate limits: filters, clusters, or the objects of Istio or Envoy Gateway. What they read and
the target cannot send is named with its place, nothing is printed, and the exit code is 1.

--check reads an Envoy's bootstrap, or what its /config_dump answers, in YAML or JSON. Exit
code 1 when a policy cannot work with it, or a refusal or a rate limit can be evaded; warnings,
such as a domain that is never asked about, leave it 0.

  --at ADDRESS       where Envoy reaches weir, such as weir.example.com:9191, when that is
                     not the address in weir.yaml
  --http             Envoy's HTTP service, in place of gRPC; for --for envoy alone
  --otlp             access-log entries as records of OpenTelemetry, which weir acknowledges, in
                     place of Envoy's own stream
  --listen ADDRESS   for --for envoy alone: a whole Envoy to try policies with, which listens
                     there and answers 200 itself to what they allow`,
  options: {
    for: { type: "string" },
    check: { type: "string" },
    at: { type: "string" },
    http: { type: "boolean", default: false },
    otlp: { type: "boolean", default: false },
    listen: { type: "string" },
  },
  async run({ positionals, values, output }) {
    const wanted = readWanted(values);
    if (typeof wanted === "string") {
      output.complain(`weir envoy: ${wanted}\nSee: weir help envoy\n`);
      return 2;
    }
    const { snapshot, policies, diagnostics } = await readConfiguration(foldersOf(positionals));
    if (snapshot === undefined) {
      const errors = diagnostics.filter(({ severity }) => severity === "error");
      output.complain(
        `${errors.map((one) => `${printDiagnostic(one)}\n\n`).join("")}these files would not go live\n`,
      );
      return 1;
    }
    const needs = needsOf(policies, snapshot);
    return wanted.kind === "check" ? check(wanted.file, needs, output) : write(wanted, needs, output);
  },
};

type Wanted =
  | { readonly kind: "check"; readonly file: string }
  | {
      readonly kind: "write";
      readonly target: Target;
      readonly service: Service;
      readonly transport: Transport;
      readonly at: string | undefined;
      /** Where a whole Envoy listens; undefined: parts for one that is there. */
      readonly listen: ListenAddress | undefined;
    };

/** What was asked for, or a sentence that says what is wrong with it. */
function readWanted(values: Invocation["values"]): Wanted | string {
  const { for: target, check: file, at, http, otlp, listen } = values;
  if (typeof file === "string") {
    if ([target, at, listen].some((other) => other !== undefined) || http === true || otlp === true)
      return "--check goes with no other option";
    return file === "" ? "--check takes the path of a file" : { kind: "check", file };
  }
  const known = Object.keys(WRITERS).join(", ");
  if (typeof target !== "string") return `say --for with one of ${known}, or --check with a file`;
  if (!isTarget(target)) return `--for is one of ${known}, not ${target}`;
  return readOrder(target, values);
}

function readOrder(target: Target, { at, http, otlp, listen }: Invocation["values"]): Wanted | string {
  const isHttp = http === true;
  if (isHttp && otlp === true) return "--otlp goes over gRPC, and so not with --http";
  if (isHttp && target !== "envoy")
    return `--http goes with --for envoy alone: ${target} sends over HTTP only the headers that are named, and a deny on another never refuses`;
  if (listen !== undefined && target !== "envoy")
    return `--listen goes with --for envoy alone: ${target} has the Envoys`;
  const trial = typeof listen === "string" ? parseAddress(listen) : undefined;
  if (listen !== undefined && trial === undefined)
    return `--listen takes ${ADDRESS_FORM}, not ${JSON.stringify(listen)}`;
  return {
    kind: "write",
    target,
    service: isHttp ? "http" : "grpc",
    transport: otlp === true ? "otlp" : "als",
    at: typeof at === "string" ? at : undefined,
    listen: trial,
  };
}

function write(
  { target, service, transport, at: told, listen: trial }: Extract<Wanted, { kind: "write" }>,
  needs: Needs,
  { print, complain }: Output,
): ExitCode {
  const { listen } = needs.settings;
  const listener = service === "grpc" ? listen.grpc : listen.http;
  if (listener === undefined) {
    complain("weir envoy: weir.yaml has no http listener; add listen.http, or leave --http out\n");
    return 1;
  }
  const at = reachable(listener, told, target);
  if (typeof at === "string") {
    complain(`weir envoy: ${at}\n`);
    return told === undefined ? 1 : 2;
  }
  const refusals = refusalsOf({ needs, target, service });
  if (refusals.length > 0) {
    complain(
      `${printAll(refusals)}${counted(refusals.length, "reason")} why ${target} cannot carry these policies\n`,
    );
    return 1;
  }
  const order = { needs, at, service, transport };
  const written = trial === undefined ? WRITERS[target](order) : trialEnvoy(order, trial);
  if (typeof written === "string") {
    complain(`weir envoy: ${written}\n`);
    return 1;
  }
  print(writeYaml(written));
  return 0;
}

async function check(file: string, needs: Needs, { print }: Output): Promise<ExitCode> {
  const findings = await findingsIn(file, needs);
  const errors = findings.filter(({ severity }) => severity === "error").length;
  const summary = `${counted(errors, "error")}, ${counted(findings.length - errors, "warning")}`;
  print(`${printAll(findings)}${errors === 0 ? "ok: " : ""}${summary}\n`);
  return errors === 0 ? 0 : 1;
}

async function findingsIn(file: string, needs: Needs): Promise<readonly Finding[]> {
  const text = await readFile(file, "utf8").catch((error: unknown) => whyUnread(error));
  if (typeof text !== "string") {
    const nowhere = { file, line: 1, column: 1, length: 1, source: "" };
    return [
      finding("unreadable-config", nowhere, text.reason, "name a bootstrap, or what /config_dump answers"),
    ];
  }
  const root = readConfig(file, text);
  if ("reason" in root)
    return [
      finding("unreadable-config", root.place, root.reason, "name a file in YAML or JSON, as Envoy reads it"),
    ];
  return checkEnvoy(root, needs);
}

const whyUnread = (error: unknown): { readonly reason: string } => {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return { reason: "there is no such file" };
  return { reason: code === "EISDIR" ? "this is a folder" : `it cannot be read: ${String(error)}` };
};

const printAll = (findings: readonly Finding[]): string =>
  findings.map((one) => `${printDiagnostic(one)}\n\n`).join("");
