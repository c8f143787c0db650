import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { CheckRequest, CheckResponse } from "../../src/wire/envoy/service/auth/v3/external_auth.ts";
import { anyMessage } from "../check/any-message.ts";
import { EVERYONE, LISTED_KEY } from "./everyone.ts";
import { ANY_PROXY, encodedCheck } from "./ways.ts";
import { serveSecurity, type Served } from "./service.ts";
import type { SentRequest } from "./corpus.ts";
import { newWorld } from "./world.ts";
import { anyBody, anyCookie, anyText, anyToken, damaged, damagedBytes } from "./damage.ts";

/** fast-check prints the seed of what it finds. */
const RUNS = { numRuns: 400 };

describe("whatever is presented", () => {
  const world = newWorld();
  let served: Served;
  let grants = 0;
  before(async () => {
    served = await serveSecurity(world, { files: EVERYONE });
  });
  after(() => served.close());
  beforeEach(() => {
    grants = 0;
  });

  /** The verdict on any bytes: never an exception, an error, or nothing at all, which would allow. */
  async function verdictOn(message: Buffer): Promise<"allow" | "deny"> {
    const answer = await served.service.check(message, Infinity, ANY_PROXY);
    const { status, okResponse, deniedResponse, errorResponse } = CheckResponse.decode(answer);
    assert.equal(errorResponse, undefined, "a caller chose an error");
    assert.deepEqual(served.logged, [], "an exception of weir's own");
    const isGranted = status?.code === 0;
    assert.equal(okResponse !== undefined, isGranted);
    assert.equal(deniedResponse === undefined, isGranted);
    if (isGranted) grants++;
    return isGranted ? "allow" : "deny";
  }

  const everyone = (more: Partial<SentRequest>): SentRequest => ({
    host: "everyone.test",
    path: "/",
    ...more,
  });

  /** Over both encodings; they must agree where no header comes twice. */
  async function ask(request: SentRequest): Promise<"allow" | "deny"> {
    const lines = await verdictOn(encodedCheck(request, "lines"));
    assert.equal(await verdictOn(encodedCheck(request, "joined")), lines);
    return lines;
  }

  const ann = world.credential("ann's token");
  const tokens = anyToken([ann, world.credential("bob's token"), world.credential("token for others")]);

  it("in Authorization: only the token itself passes", async () => {
    const values = fc.tuple(
      fc.constantFrom("Bearer ", "bearer  ", "Bearer", "Basic ", "", "Bearer a, "),
      tokens,
    );
    const property = fc.asyncProperty(values, async ([scheme, token]) => {
      const value = `${scheme}${token}`;
      const isGood = new RegExp(`^ *bearer +${escaped(ann)} *$`, "i").test(value) && value.includes(ann);
      const verdict = await ask(everyone({ headers: [["authorization", value]] }));
      assert.equal(verdict, isGood ? "allow" : "deny", value);
    });
    await fc.assert(property, { ...RUNS, examples: [[["Bearer ", ann]]] });
    assert.ok(grants > 0, "the good token passed");
  });

  it("in cookies: only the token itself passes", async () => {
    const property = fc.asyncProperty(anyCookie(tokens), async (cookie) => {
      if ((await ask(everyone({ headers: [["cookie", cookie]] }))) === "deny") return;
      assert.ok(cookie.includes(`session=${ann}`) || cookie.includes(`session="${ann}"`), cookie);
    });
    await fc.assert(property, { ...RUNS, examples: [[`a=1; session=${ann}`]] });
    assert.ok(grants > 0, "the good token passed");
  });

  it("in the query: only the token itself passes", async () => {
    const queries = fc.tuple(anyText, tokens).map(([before, token]) => `${before}&token=${token}`);
    const property = fc.asyncProperty(queries, async (query) => {
      if ((await ask(everyone({ path: `/?${query}` }))) === "deny") return;
      assert.ok(query.includes(`token=${ann}`), query);
    });
    await fc.assert(property, { ...RUNS, examples: [[`x=1&token=${ann}`]] });
    assert.ok(grants > 0, "the good token passed");
  });

  it("as an API key: only a key of the file, or of the list, passes", async () => {
    const acme = world.credential("key of acme");
    const keys = fc.oneof(damaged(acme), damaged(LISTED_KEY), anyText);
    const property = fc.asyncProperty(fc.constantFrom("x-api-key", "x-listed"), keys, async (name, key) => {
      if ((await ask(everyone({ headers: [[name, key]] }))) === "deny") return;
      assert.equal(key.trim(), name === "x-listed" ? LISTED_KEY : acme);
    });
    await fc.assert(property, {
      ...RUNS,
      examples: [
        ["x-api-key", acme],
        ["x-listed", LISTED_KEY],
      ],
    });
    assert.ok(grants > 0, "the good key passed");
  });

  it("as a certificate: only one that says what Envoy says passes", async () => {
    const pem = readFileSync(join(import.meta.dirname, "../fixtures/certificates/one-uri.pem"), "utf8");
    const certificates = fc.oneof(
      damaged(pem),
      damaged(pem).map((text) => encodeURIComponent(text)),
      anyText,
    );
    const property = fc.asyncProperty(certificates, damaged(WEB), async (certificate, principal) => {
      const source = { principal, certificate };
      const http = { method: "GET", host: "everyone.test", path: "/" };
      const message = CheckRequest.fromPartial({ attributes: { source, request: { http } } });
      if ((await verdictOn(Buffer.from(CheckRequest.encode(message).finish()))) === "deny") return;
      assert.match(principal, /^spiffe:\/\/cluster\.local\/ns\/[^/]+\/sa\/web$/);
      if (certificate !== "") assert.equal(uriOf(certificate), principal);
    });
    await fc.assert(property, {
      ...RUNS,
      examples: [
        ["", WEB],
        [encodeURIComponent(pem), WEB],
      ],
    });
    assert.ok(grants > 1, "a good name passed, with and without its certificate");
  });

  it("as a body: only one that every reader reads as small passes", async () => {
    const headers = [
      ["x-json", "1"],
      ["authorization", `Bearer ${ann}`],
    ] as const;
    const property = fc.asyncProperty(anyBody, async (body) => {
      if ((await ask(everyone({ method: "POST", headers, body }))) === "deny") return;
      const { amount } = JSON.parse(body) as { amount: unknown };
      assert.ok(typeof amount === "number" && amount <= 100, body);
    });
    await fc.assert(property, { ...RUNS, examples: [['{"amount": 1}']] });
    assert.ok(grants > 0, "a good body passed");
  });

  it("as any message at all: nothing passes without a credential", async () => {
    const messages = fc.oneof(
      anyMessage.map(aimed),
      anyMessage.chain((message) => damagedBytes(aimed(message))),
      damagedBytes(encodedCheck(everyone({ headers: [["x-api-key", "no"]] }), "lines")),
      fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
    );
    const property = fc.asyncProperty(messages, async (message) => {
      assert.equal(await verdictOn(message), "deny");
    });
    await fc.assert(property, { numRuns: 3_000 });
    const good = encodedCheck(everyone({ headers: [["authorization", `Bearer ${ann}`]] }), "lines");
    assert.equal(await verdictOn(good), "allow");
  });
});

/** The message, asking where a policy answers. */
function aimed(partial: Parameters<typeof CheckRequest.fromPartial>[0]): Buffer {
  const message = CheckRequest.fromPartial(partial);
  const http = message.attributes?.request?.http;
  if (http !== undefined) Object.assign(http, { host: "everyone.test", path: "/", method: "GET" });
  return Buffer.from(CheckRequest.encode(message).finish());
}

const WEB = "spiffe://cluster.local/ns/shop/sa/web";

/** The one URI of a certificate, read without anything of weir. */
function uriOf(certificate: string): string | undefined {
  const { subjectAltName = "" } = new X509Certificate(decodeURIComponent(certificate));
  const uris = subjectAltName.split(", ").filter((name) => name.startsWith("URI:"));
  return uris.length === 1 ? uris[0]?.slice("URI:".length) : undefined;
}

const escaped = (text: string): string => text.replaceAll(/[.+*?]/g, "\\$&");
