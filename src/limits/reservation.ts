import type { Signer } from "../host/signer.ts";
import type { Counter, Hold, Settlement, Window } from "../store/counter.ts";
import type { Claim } from "./claim.ts";

/** A reservation as it travels: everything that any replica needs to settle it, whatever files are live by then. */
export interface Reservation {
  readonly policy: string;
  readonly quota: string;
  /** `hits`: what it came to. */
  readonly settlement: Omit<Settlement, "hits">;
}

/** The first part of a token; another one is of another form. */
const VERSION = 1;

type Body = readonly [
  version: number,
  names: readonly [policy: string, quota: string],
  counter: readonly [tag: string, key: string, algorithm: Counter["algorithm"], windows: readonly Window[]],
  hold: readonly [id: string, withinMs: number, ifLost: Hold["ifLost"]],
  reserved: number,
  startsAt: readonly number[],
];

/** A reservation as text, `<body>.<signature>` in base64url; undefined where there is no key to sign it with. */
export function reservationToken(
  { quota, counter, hits }: Claim,
  { hold, startsAt }: { readonly hold: Hold; readonly startsAt: readonly number[] },
  signer: Signer,
): string | undefined {
  const body: Body = [
    VERSION,
    [quota.policy, quota.id],
    [counter.tag, counter.key, counter.algorithm, counter.windows],
    [hold.id, hold.withinMs, hold.ifLost],
    hits,
    startsAt,
  ];
  const text = Buffer.from(JSON.stringify(body)).toString("base64url");
  const signature = signer.sign(text);
  return signature === undefined ? undefined : `${text}.${signature}`;
}

/** The reservation of a token that weir has signed itself; undefined of any other text. */
export function readReservation(token: string, signer: Signer): Reservation | undefined {
  const [text = "", signature = "", ...more] = token.split(".");
  if (more.length > 0 || token.length > MAX_TOKEN_LENGTH || !signer.isSigned(text, signature))
    return undefined;
  // Who has signed it has written it.
  const body = JSON.parse(Buffer.from(text, "base64url").toString()) as Body;
  if (body[0] !== VERSION) return undefined;
  const [, [policy, quota], [tag, key, algorithm, windows], [id, withinMs, ifLost], reserved, startsAt] =
    body;
  const settlement = {
    counter: { tag, key, algorithm, windows },
    hold: { id, withinMs, ifLost },
    reserved,
    startsAt,
  };
  return { policy, quota, settlement };
}

const MAX_TOKEN_LENGTH = 8_192;
