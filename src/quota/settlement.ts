import { QUOTA_ENTRY, settle, TOKEN_ENTRY, type HitsOf, type Settler } from "../limits/settle.ts";
import { NO_LIMIT, type Answer } from "./answer.ts";
import type { Asked, AskedDescriptor } from "./asked.ts";

/**
 * Settles the late costs of a request that has ended: each descriptor has the tokens of its check, perhaps the quota of
 * which it speaks, and its hits are what they come to. The answer lets pass in any case: whoever asks at the end of a stream cannot be refused anything.
 */
export async function settleAsked({ descriptors }: Asked, settler: Settler): Promise<Answer> {
  await Promise.all(
    descriptors.map((descriptor) => settle(tokensOf(descriptor), hitsOf(descriptor), settler)),
  );
  return { code: "ok", statuses: descriptors.map(() => NO_LIMIT), headers: [], metadata: undefined };
}

const tokensOf = ({ entries }: AskedDescriptor): readonly string[] =>
  entries.flatMap(({ key, value }) =>
    key === TOKEN_ENTRY ? value.split(" ").filter((one) => one !== "") : [],
  );

/** What is to be given back is no cost. */
function hitsOf({ entries, direction, hits }: AskedDescriptor): HitsOf {
  const spokenOf = entries.find(({ key }) => key === QUOTA_ENTRY)?.value;
  return ({ policy, quota }) => {
    if (spokenOf !== undefined && spokenOf !== `${policy}/${quota}`) return "another's";
    return direction === "refund" ? undefined : hits;
  };
}
