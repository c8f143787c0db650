import { createSecrets } from "../host/secrets.ts";
import type { FloodGuard } from "../identity/flood.ts";
import type { Verifier } from "../identity/verifier.ts";
import type { Identity } from "../policy/identity.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { VerifierPool } from "../runtime/verifiers.ts";
import type { Invocation } from "./command.ts";

/** What verifies raw credentials without a server: keys that are at hand. Nothing is fetched. */
export async function offlineVerifiers(
  snapshot: Snapshot,
  environment: Invocation["environment"],
): Promise<ReadonlyMap<Identity, Verifier>> {
  const secret = createSecrets({ environment, nowMs: Date.now });
  const { pepper } = snapshot.settings.secrets;
  // Without its pepper a key proves nothing, and what becomes of it says so.
  const value = pepper === undefined ? undefined : await secret(pepper).catch(() => undefined);
  const pool = new VerifierPool({
    fetch: () => Promise.reject(new Error("nothing is fetched here")),
    flood: () => NO_FLOOD,
    pepper: () => value,
  });
  return pool.prepare(snapshot.identities).verifiers;
}

/** Who describes many requests with bad credentials floods nobody. */
const NO_FLOOD: FloodGuard = { isSlowed: () => false, noteBad: () => undefined };
