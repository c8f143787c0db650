import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "./command.ts";

/** A certificate and its private key, both PEM. */
export interface Credential {
  certificate: string;
  key: string;
}

/** What a certificate speaks for: its Subject Alternative Names. */
export interface Names {
  uris?: readonly string[];
  dns?: readonly string[];
  ips?: readonly string[];
  /** The Subject's CN; `weir test` when absent. */
  commonName?: string;
}

/** A throw-away certificate authority: `ca` is its certificate (PEM); `issue` makes a leaf for client and server use. */
export interface Authority {
  ca: string;
  issue(names: Names): Promise<Credential>;
}

/** Makes an authority with keys of its own, valid for two days, with the `openssl` command (3.0 or newer). */
export async function createAuthority(commonName = "weir test CA"): Promise<Authority> {
  const authority = await inFolder(async (folder) => {
    const constraints = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
    return sign(folder, { commonName, extensions: constraints });
  });
  return {
    ca: authority.certificate,
    issue: (names) =>
      inFolder(async (folder) => {
        await writeFile(join(folder, "ca.pem"), authority.certificate);
        await writeFile(join(folder, "ca.key"), authority.key);
        return sign(folder, {
          commonName: names.commonName ?? "weir test",
          extensions: [
            "basicConstraints=critical,CA:FALSE",
            "keyUsage=critical,digitalSignature",
            "extendedKeyUsage=serverAuth,clientAuth",
            ...alternativeNames(names),
          ],
          issuer: ["-CA", "ca.pem", "-CAkey", "ca.key"],
        });
      }),
  };
}

/** Files of a configuration folder: weir's own certificate and key, and the authority that its callers' are from. */
export async function weirCertificates(authority: Authority): Promise<Readonly<Record<string, string>>> {
  const { certificate, key } = await authority.issue({ dns: ["weir"] });
  return { "certs/weir.crt": certificate, "certs/weir.key": key, "certs/ca.crt": authority.ca };
}

function alternativeNames({ uris = [], dns = [], ips = [] }: Names): string[] {
  const names = [
    ...uris.map((uri) => `URI:${uri}`),
    ...dns.map((name) => `DNS:${name}`),
    ...ips.map((address) => `IP:${address}`),
  ];
  return names.length === 0 ? [] : [`subjectAltName=${names.join(",")}`];
}

interface Signing {
  commonName: string;
  extensions: readonly string[];
  /** Absent: the certificate signs itself. */
  issuer?: readonly string[];
}

async function sign(folder: string, { commonName, extensions, issuer = [] }: Signing): Promise<Credential> {
  // An empty configuration, so that the machine's own adds no extensions.
  await writeFile(join(folder, "openssl.cnf"), "[req]\ndistinguished_name=dn\n[dn]\n");
  const ended = await runCommand(
    "openssl",
    [
      ...["req", "-config", "openssl.cnf", "-x509", "-days", "2", "-subj", `/CN=${commonName}`],
      ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-keyout", "leaf.key", "-out", "leaf.pem", ...issuer],
      ...extensions.flatMap((extension) => ["-addext", extension]),
    ],
    { folder },
  );
  if (ended.kind === "absent") throw new Error("no openssl command, which makes the tests' certificates");
  if (ended.kind === "failed") throw new Error(`openssl made no certificate: ${ended.stderr}`);
  const [certificate, key] = await Promise.all(
    ["leaf.pem", "leaf.key"].map((name) => readFile(join(folder, name), "utf8")),
  );
  if (certificate === undefined || key === undefined) throw new Error("openssl wrote no certificate");
  return { certificate, key };
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "weir-certificates-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
