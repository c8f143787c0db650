import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTls, type Renewal } from "../../src/std/tls-files.ts";
import { createAuthority, type Authority, type Credential } from "../support/certificates.ts";
import { until } from "../support/until.ts";

describe("TLS from files", () => {
  let folder: string;
  let authority: Authority;
  let one: Credential;
  let other: Credential;
  before(async () => {
    authority = await createAuthority();
    [one, other] = await Promise.all([authority.issue({}), authority.issue({})]);
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "weir-tls-"));
    await Promise.all([put("cert", one.certificate), put("key", one.key), put("ca", authority.ca)]);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const at = (name: string): string => join(folder, name);
  const put = (name: string, text: string): Promise<void> => writeFile(at(name), text);
  const open = (onRenewal: (renewal: Renewal) => void = () => undefined, everyMs = 60_000) =>
    openTls({ paths: { cert: at("cert"), key: at("key"), clientCa: at("ca") }, onRenewal, everyMs });

  const faults: readonly (readonly [what: string, () => Promise<unknown>, RegExp])[] = [
    [
      "a file that is not there",
      () => rm(at("cert")),
      /^Error: the certificate in .*cert cannot be read: ENOENT/,
    ],
    ["no certificate", () => put("cert", "nothing"), /there is no certificate \(PEM\) in .*cert/],
    ["a broken certificate", () => put("cert", BROKEN), /a certificate in .*cert cannot be read/],
    [
      "a key of another certificate",
      () => put("key", other.key),
      /the certificate in .*cert and the key in .*key cannot/,
    ],
    ["no key", () => put("key", ""), /the certificate in .*cert and the key in .*key cannot be used/],
    ["no authority", () => put("ca", ""), /there is no certificate \(PEM\) in .*ca/],
    ["a broken authority", () => put("ca", BROKEN), /a certificate in .*ca cannot be read/],
  ];
  for (const [what, spoil, message] of faults) {
    it(`is refused at the start: ${what}`, async () => {
      await spoil();
      await assert.rejects(open(), message);
    });

    it(`never replaces what is good: ${what}`, async () => {
      const told: Renewal[] = [];
      const tls = await open((renewal) => told.push(renewal));
      const before = tls.options();
      await spoil();
      await tls.renew();
      await tls.renew();
      assert.deepEqual(
        told.map(({ kind }) => kind),
        ["kept"],
      );
      assert.deepEqual(tls.options(), before);
      tls.close();
    });
  }

  it("follows its files by itself, and asks for TLS 1.2 and certificates", async () => {
    const given: unknown[] = [];
    const told: Renewal[] = [];
    const tls = await open((renewal) => told.push(renewal), 5);
    tls.follow({ setSecureContext: (options) => given.push(options.key) });
    assert.equal(tls.options().minVersion, "TLSv1.2");
    assert.deepEqual([tls.options().requestCert, tls.options().rejectUnauthorized], [true, true]);
    await Promise.all([put("cert", other.certificate), put("key", other.key)]);
    await until(() => Promise.resolve(given.length > 0), { what: "the new certificate" });
    assert.deepEqual(given, [Buffer.from(other.key)]);
    assert.deepEqual(tls.options().key, Buffer.from(other.key));
    tls.close();
    tls.close();
  });
});

const BROKEN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
