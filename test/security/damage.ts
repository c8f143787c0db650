import fc from "fast-check";

/** Text as a header can carry it, and as it cannot. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 20 }).map((text) => text.toWellFormed()),
  fc.constantFrom("", " ", ",", "__proto__", "constructor", "a,b", '"', "\\", "é", "x".repeat(20_000)),
);

/** A text with one thing wrong with it, or none. */
export const damaged = (good: string): fc.Arbitrary<string> =>
  damagedText(good).map((text) => text.toWellFormed());

const damagedText = (good: string): fc.Arbitrary<string> =>
  fc.tuple(fc.nat(good.length), fc.nat(8), anyText, fc.nat(6)).map(([at, length, text, kind]) => {
    switch (kind) {
      case 0:
        return good;
      case 1:
        return good.slice(0, at);
      case 2:
        return good.slice(at);
      case 3:
        return good.slice(0, at) + good.slice(at + length);
      case 4:
        return good.slice(0, at) + text + good.slice(at);
      case 5:
        return good.slice(0, at) + text.slice(0, length) + good.slice(at + length);
      default:
        return `${good}${text}${good}`;
    }
  });

/** Bytes with some of them changed, cut or repeated. */
export const damagedBytes = (good: Buffer): fc.Arbitrary<Buffer> =>
  fc.tuple(fc.nat(good.length), fc.uint8Array({ maxLength: 4 }), fc.nat(3)).map(([at, bytes, kind]) => {
    switch (kind) {
      case 0:
        return good.subarray(0, at);
      case 1:
        return Buffer.concat([good.subarray(0, at), bytes, good.subarray(at)]);
      case 2:
        return Buffer.concat([good.subarray(0, at), bytes, good.subarray(at + bytes.length)]);
      default:
        return Buffer.concat([good.subarray(at), good.subarray(0, at)]);
    }
  });

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Headers and payloads that forgers try. */
const forged = fc
  .tuple(
    fc.record(
      {
        alg: fc.constantFrom<unknown>("none", "None", "HS256", "RS256", "ES256", "", 0, null),
        kid: fc.constantFrom<unknown>("rsa", "ec", "../../dev/null", 1, null),
        crit: fc.constantFrom<unknown>(["exp"], [], "exp"),
        b64: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
    fc.record(
      {
        iss: fc.constantFrom<unknown>("https://idp.example.com", "https://idp.example.com/", [
          "https://idp.example.com",
        ]),
        aud: fc.constantFrom<unknown>("mesh", ["mesh"], [], { mesh: 1 }),
        exp: fc.constantFrom<unknown>(4_102_444_800, "4102444800", 1e300, -1, null),
        sub: fc.constantFrom<unknown>("ann", ["ann"], { __proto__: "ann" }),
        realm: fc.anything(),
      },
      { requiredKeys: [] },
    ),
    anyText,
  )
  .map(([header, payload, signature]) => `${part(header)}.${part(payload)}.${signature}`);

/** Parts of good tokens put together anew, damaged tokens, forged ones, and what is none. */
export function anyToken(good: readonly string[]): fc.Arbitrary<string> {
  const parts = good.map((token) => token.split("."));
  const mixed = fc
    .tuple(fc.nat(good.length - 1), fc.nat(good.length - 1), fc.nat(good.length - 1))
    .map((chosen) => chosen.map((token, index) => parts[token]?.[index] ?? "").join("."));
  return fc.oneof(...good.map(damaged), mixed, forged, anyText);
}

/** Cookie headers with a token somewhere. */
export const anyCookie = (tokens: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        tokens.map((token) => `session=${token}`),
        tokens.map((token) => `session="${token}"`),
        tokens.map((token) => `Session=${token}`),
        fc.tuple(anyText, anyText).map(([name, value]) => `${name}=${value}`),
      ),
      { minLength: 1, maxLength: 3 },
    )
    .chain((pairs) => fc.constantFrom("; ", ";", ",", " ;  ").map((between) => pairs.join(between)));

/** Bodies that are nearly JSON with an amount. */
export const anyBody: fc.Arbitrary<string> = fc.oneof(
  fc.jsonValue().map((value) => JSON.stringify({ amount: value })),
  fc.double().map((amount) => JSON.stringify({ amount })),
  fc.constantFrom(
    ...['{"amount":1,"amount":999}', '{"amount":1e999}', '{"amount":-0}', '{"amount":"1"}', '{"amount":[1]}'],
    ...[
      '\ufeff{"amount":1}',
      '{"__proto__":{"amount":1}}',
      '{"amount":1}{"amount":999}',
      '{"\\u0061mount":1}',
    ],
    ...['{"amount":0x1}', '{"amount":1,}', '{"amount":1}//', `${'{"a":'.repeat(70)}1${"}".repeat(70)}`],
  ),
  damaged('{"amount": 99, "other": {"amount": 5}}'),
);
