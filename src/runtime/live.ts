import type { CheckAnswer, CheckInput } from "../adapter/adapter.ts";
import type { Finding, Presented } from "../identity/verifier.ts";
import type { Identity } from "../policy/identity.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import type { Backends } from "./backends.ts";
import type { Handlers } from "./handlers.ts";
import type { Verifiers } from "./verifiers.ts";

/** One configuration with everybody whom it may ask. A request keeps the one that it started with. */
export class Live implements Backends {
  readonly snapshot: Snapshot;
  readonly handlers: Handlers;
  readonly verifiers: Verifiers;
  readonly #onFinding: (identity: string, finding: Finding["kind"]) => void;

  constructor(
    parts: Pick<Live, "snapshot" | "handlers" | "verifiers">,
    onFinding: (identity: string, finding: Finding["kind"]) => void,
  ) {
    this.snapshot = parts.snapshot;
    this.handlers = parts.handlers;
    this.verifiers = parts.verifiers;
    this.#onFinding = onFinding;
  }

  get backends(): Backends {
    return this;
  }

  find(identity: Identity, presented: Presented, nowMs: number): Finding | Promise<Finding> {
    const verifier = this.verifiers.get(identity);
    if (verifier === undefined) return { kind: "unavailable", reason: "nothing verifies this identity" };
    const found = verifier.find(presented, nowMs);
    const seen = (finding: Finding): Finding => {
      if (finding.kind !== "absent") this.#onFinding(identity.id, finding.kind);
      return finding;
    };
    return found instanceof Promise ? found.then(seen) : seen(found);
  }

  ask(
    name: string,
    input: CheckInput,
    deadlineAtMs: number,
    charge?: Parameters<Backends["ask"]>[3],
  ): CheckAnswer | Promise<CheckAnswer> {
    const handler = this.handlers.get(name);
    return (
      handler?.ask(input, deadlineAtMs, charge) ?? { verdict: "error", reason: "there is no such handler" }
    );
  }
}
