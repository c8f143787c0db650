import { CheckRequest, CheckResponse } from "../../src/wire/envoy/service/auth/v3/external_auth.ts";
import { ecPair, sign } from "../identity/fixture.ts";
import { EVERYONE } from "./everyone.ts";
import type { Served } from "./service.ts";
import { ANY_PROXY } from "./ways.ts";

export const BAD_TOKENS = 10_000;

/** A slow machine may take its time: what is shown is what becomes of them, not how soon. */
export const FLOODED = {
  ...EVERYONE,
  "weir.yaml": EVERYONE["weir.yaml"].replace("weir: 1\n", "weir: 1\ncheckTimeout: 10s\n"),
};

/**
 * Tokens that nobody has issued; their key is called as the issuer calls one of its own. Each is one text in memory: of what was put
 * together, the parts would be freed at its first use, as if a check had given memory back.
 */
export function badTokens(): readonly string[] {
  const stranger = ecPair("ec");
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  const token = (index: number): string => sign(stranger, { sub: `user-${index}`, exp });
  return Array.from({ length: BAD_TOKENS }, (_, index) => Buffer.from(token(index)).toString("latin1"));
}

/** The status that a client at an address is answered with. */
export async function statusOf(
  { service }: Pick<Served, "service">,
  token: string,
  address: string,
): Promise<number> {
  const http = {
    ...{ method: "GET", host: "everyone.test", path: "/" },
    headers: new Map([["authorization", `Bearer ${token}`]]),
  };
  const source = { address: { socketAddress: { address, portValue: 40_000 } } };
  const message = CheckRequest.encode(
    CheckRequest.fromPartial({ attributes: { source, request: { http } } }),
  );
  const answer = await service.check(Buffer.from(message.finish()), Infinity, ANY_PROXY);
  const { okResponse, deniedResponse } = CheckResponse.decode(answer);
  return okResponse === undefined ? (deniedResponse?.status?.code ?? 0) : 200;
}
