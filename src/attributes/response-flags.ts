/**
 * Envoy's short codes of response flags, by the number of the flag's field in envoy.data.accesslog.v3.ResponseFlags less one
 * (docs: access log, %RESPONSE_FLAGS%).
 */
const CODES: readonly string[] =
  "LH UH UT LR UR UF UC UO NR DI FI RL UAEX RLSE DC URX SI IH DPE UMSDR RFCF NFCF DT UPE NC OM DF DR".split(
    " ",
  );

/** The short codes of flags; a flag that is younger than this is left out. */
export const flagCodes = (flags: readonly number[]): readonly string[] =>
  flags.flatMap((flag) => CODES[flag - 1] ?? []);

/** The flags of short codes, ascending; what is none is left out. */
export const flagsOfCodes = (codes: readonly string[]): readonly number[] =>
  codes.flatMap((code) => CODES.indexOf(code) + 1 || []).sort((left, right) => left - right);

/**
 * Envoy's attribute `response.flags`, a set of bits: in the order of the fields, but that the last one stands behind a flag that entries
 * do not have (CoreResponseFlag of envoy/stream_info/stream_info.h).
 */
export const flagBits = (flags: readonly number[]): bigint =>
  flags.reduce((bits, flag) => bits | (1n << BigInt(flag < LAST_IN_ORDER ? flag - 1 : flag)), 0n);

const LAST_IN_ORDER = 28;
