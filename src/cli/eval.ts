import { decide } from "../check/decide.ts";
import { describedQuestion } from "../check/described.ts";
import { contextFor } from "../check/explain.ts";
import { shown, type Showing } from "../check/shown.ts";
import { printDiagnostic, printErrors, problem } from "../policy/diagnostic.ts";
import type { Policy, Snapshot } from "../policy/snapshot.ts";
import { SourceText } from "../policy/source.ts";
import { answerFor } from "../policy/stubs-file.ts";
import { compileFiles, readConfiguration } from "../server.ts";
import { REQUEST_OPTIONS, wantedOf, type Wanted } from "./asked.ts";
import type { Command, Invocation } from "./command.ts";
import { printShown } from "./explanation.ts";
import { offlineVerifiers } from "./verifiers.ts";

/** `weir eval`: what an expression comes to for one request. */
export const evaluate: Command = {
  name: "eval",
  summary: "says what a CEL expression comes to for a request",
  help: `  weir eval EXPRESSION [URL] [options of weir explain]
  weir eval EXPRESSION [URL] --policy NAME [folder…]          default folder: policies/

Compiles the expression with the checks that a policy file gets, and prints its value and
that of each of its parts. With --policy it can read what expressions of that policy can:
its identities, let, data and answers. All values are printed, secret ones too: they are
those of the request that is given here. Exit code 1 when it does not compile.

  weir eval 'request.path_segments[1]' https://orders.example.com/orders/alice`,
  options: { ...REQUEST_OPTIONS, policy: { type: "string" } },
  async run(invocation) {
    const { values, output } = invocation;
    const [expression, ...rest] = invocation.positionals;
    if (expression === undefined) {
      output.complain("weir eval: which expression?\nSee: weir help eval\n");
      return 2;
    }
    const wanted = await wantedOf({ positionals: rest, values }, "http://localhost/");
    if (typeof wanted === "string") {
      output.complain(`weir eval: ${wanted}\nSee: weir help eval\n`);
      return 2;
    }
    const evaluated =
      "diagnostics" in wanted
        ? printErrors(wanted.diagnostics)
        : await evaluateFor(expression, wanted, invocation);
    if (typeof evaluated === "string") {
      output.complain(`${evaluated.trimEnd()}\n`);
      return 1;
    }
    output.print(evaluated.printed);
    return 0;
  },
};

/** The printed value, or what is wrong. */
async function evaluateFor(
  source: string,
  { asked, folders }: Wanted,
  { values, environment }: Invocation,
): Promise<{ readonly printed: string } | string> {
  const found = await policyOf(values["policy"], folders);
  if (typeof found === "string") return found;
  const { snapshot, policy } = found;
  const expression = policy.expression(source);
  if (!("trace" in expression)) {
    const text = new SourceText("the expression", source);
    return expression
      .map(({ start, end, code, message, hint }) =>
        printDiagnostic(problem(text.place({ start, end }), code, message, hint)),
      )
      .join("\n\n");
  }
  const question = describedQuestion({
    snapshot,
    request: asked.request,
    principal: asked.principal,
    nowMs: asked.nowMs ?? Date.now(),
    verifiers: await offlineVerifiers(snapshot, environment),
    stubOf: (handler) => answerFor(asked.backends.get(handler), ""),
    unsaid: (handler) => `nothing says what ${handler} answers`,
  });
  const decision = await decide(question);
  const context = await contextFor(policy, question, decision);
  if (context === undefined) return "weir asks no policy about this request: its host or path is refused";
  const showing: Showing = { disclosureOf: () => "open", personal: (printed) => printed };
  return { printed: printShown(shown(expression.trace(context), showing), "") };
}

interface Found {
  readonly snapshot: Snapshot;
  readonly policy: Policy;
}

/** The policy whose names the expression may read; one without any where none is named. */
async function policyOf(name: unknown, folders: readonly string[]): Promise<Found | string> {
  const { snapshot, diagnostics } =
    typeof name === "string"
      ? await readConfiguration(folders)
      : compileFiles([
          { path: "eval.yaml", text: "weir: 1\npolicy: eval\nmatch: everything\ndefault: deny\n" },
        ]);
  if (snapshot === undefined) return printErrors(diagnostics);
  const policy = snapshot.policies.find(({ id }) => id === (name ?? "eval"));
  return policy === undefined ? `there is no policy ${String(name)}` : { snapshot, policy };
}
