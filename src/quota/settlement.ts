import { settle, type Settler } from "../limits/settle.ts";
import { NO_LIMIT, type Answer } from "./answer.ts";
import type { Asked, AskedDescriptor } from "./asked.ts";

/** The domain in which late costs of quotas are settled. No file has it: names that begin so are weir's own. */
export const SETTLE_DOMAIN = "weir/settle";

/** The entry that carries what a check's answer has in `weir.settle`. */
const TOKEN_KEY = "token";

/**
 * Settles the late costs of a request that has ended: each descriptor has the tokens of its check, and its hits are what they come to. The
 * answer lets pass in any case: whoever asks at the end of a stream cannot be refused anything.
 */
export async function settleAsked({ descriptors }: Asked, settler: Settler): Promise<Answer> {
  await Promise.all(
    descriptors.map((descriptor) => settle(tokensOf(descriptor), () => hitsOf(descriptor), settler)),
  );
  return { code: "ok", statuses: descriptors.map(() => NO_LIMIT), headers: [], metadata: undefined };
}

const tokensOf = ({ entries }: AskedDescriptor): readonly string[] =>
  entries.flatMap(({ key, value }) =>
    key === TOKEN_KEY ? value.split(" ").filter((one) => one !== "") : [],
  );

/** What is to be given back is no cost. */
const hitsOf = ({ direction, hits }: AskedDescriptor): number | undefined =>
  direction === "refund" ? undefined : hits;
