import { readFileSync } from "node:fs";
import { Attributes, type Reading } from "../../src/attributes/attributes.ts";
import { readCertificate } from "../../src/attributes/certificate.ts";
import type { CheckFacts, PeerFacts, RequestFacts } from "../../src/attributes/facts.ts";
import { canonicalHost } from "../../src/attributes/host.ts";
import { parseSpiffeId } from "../../src/attributes/spiffe.ts";
import { durationValue } from "../../src/cel/time.ts";

export const NOBODY: PeerFacts = { address: "", port: undefined, principal: "", certificate: "" };

const EMPTY: RequestFacts = {
  ...{ id: "", method: "GET", path: "/", host: "a.example.com", scheme: "", protocol: "" },
  ...{ sizeBytes: undefined, timeMs: undefined },
  headers: () => ({ joined: new Map(), all: undefined }),
  body: () => ({ kind: "unseen" }),
};

export const READING: Reading = {
  trustDomains: new Set(["cluster.local"]),
  spiffeId: parseSpiffeId,
  host: canonicalHost,
  certificate: readCertificate,
  clientAddress: { from: "peer" },
  duration: durationValue,
  proxyRole: () => "sidecar",
};

/** The attributes of an HTTP request, or of a connection where `request` is undefined. What is not said is empty. */
export function attributes(
  request: Partial<RequestFacts> | undefined,
  more: Partial<CheckFacts> = {},
  reading: Partial<Reading> = {},
): Attributes {
  const facts: CheckFacts = {
    source: NOBODY,
    destination: NOBODY,
    serverName: "",
    proxy: { principal: undefined, listenerRole: undefined },
    contextExtensions: () => new Map(),
    metadata: () => new Map(),
    request: request && { ...EMPTY, ...request },
    ...more,
  };
  return new Attributes(facts, { ...READING, ...reading });
}

/** A certificate of test/fixtures/certificates, in PEM. */
export const certificate = (name: string): string =>
  readFileSync(new URL(`../fixtures/certificates/${name}.pem`, import.meta.url), "utf8");
