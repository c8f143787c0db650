import assert from "node:assert/strict";
import fc from "fast-check";
import type { FailurePolicy, Fetched } from "../../src/adapter/remembered.ts";
import { failed, no, remembering, soon, yes } from "./remembering.ts";

describe("what is remembered", () => {
  it("is never older than it may be, and of its own key, whatever happens in between", async () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant("ask" as const), key: fc.integer({ min: 0, max: 3 }) }),
        fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 2_000 }) }),
        fc.record({
          kind: fc.constant("turn" as const),
          to: fc.constantFrom("yes" as const, "no" as const, "fails" as const),
        }),
      ),
      { maxLength: 40 },
    );
    const policies = fc.constantFrom<FailurePolicy>("closed", "resilient", "open");
    const property = fc.asyncProperty(steps, policies, async (steps, onFailure) => {
      const { remembered, advance } = remembering({ onFailure, staleMs: 300, maxAgeMs: 3_000 });
      let mode: "yes" | "no" | "fails" = "yes";
      let nowMs = 0;
      const said = new Map<string, { kind: string; atMs: number }>();
      for (const step of steps) {
        if (step.kind === "turn") mode = step.to;
        if (step.kind === "wait") advance(((nowMs += step.ms), step.ms));
        if (step.kind !== "ask") continue;
        const key = `key ${step.key}`;
        const fetch = (): Promise<Fetched<string>> => {
          if (mode === "fails") return Promise.resolve(failed);
          const answer = mode === "yes" ? yes(key) : no(key);
          said.set(key, { kind: answer.kind, atMs: nowMs });
          return Promise.resolve(answer);
        };
        const before = said.get(key);
        const answer = await remembered.ask([key], fetch, soon());
        await new Promise((resolve) => setImmediate(resolve));
        if (!("from" in answer)) {
          assert.ok(answer.kind === "failed" || onFailure === "open", "it passes by policy alone");
          continue;
        }
        assert.equal(answer.value, key);
        if (answer.from === "backend") continue;
        assert.equal(answer.kind, before?.kind, "the last that was said");
        const ageMs = nowMs - (before?.atMs ?? 0);
        assert.equal(answer.ageMs, ageMs);
        const mostMs = answer.kind === "allowed" ? 1_300 : 100;
        assert.ok(ageMs < (answer.from === "stale" && onFailure !== "closed" ? 3_000 : mostMs));
      }
    });
    await fc.assert(property, { numRuns: 100 });
  });
});
