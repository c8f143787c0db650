import { X509Certificate } from "node:crypto";

/** What a peer's certificate says of it. */
export interface Certificate {
  readonly pem: string;
  /** Its Subject Alternative Names that are URIs, in order. */
  readonly uris: readonly string[];
}

/** A certificate with thousands of names is no workload's; Envoy's own is some 800 bytes. */
const MAX_LENGTH = 16_384;

/**
 * Reads one certificate as Envoy sends it, URL-encoded PEM (AttributeContext.Peer.certificate).
 * Undefined where it is anything else, names that cannot be told apart included.
 */
export function readCertificate(encoded: string): Certificate | undefined {
  const pem = encoded.length > MAX_LENGTH ? undefined : decode(encoded);
  if (pem === undefined || !PEM.test(pem)) return undefined;
  try {
    const uris = urisOf(new X509Certificate(pem).subjectAltName ?? "");
    return uris && { pem, uris };
  } catch {
    return undefined;
  }
}

const PEM = /^-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+\n-----END CERTIFICATE-----\n?$/;

function decode(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

/**
 * Node writes the names as `URI:spiffe://a, DNS:b`; a name that could be taken for more than itself it quotes as JSON
 * does (CVE-2021-44532). Undefined where that is not the form.
 */
function urisOf(names: string): readonly string[] | undefined {
  const uris: string[] = [];
  let at = 0;
  while (at < names.length) {
    NAME.lastIndex = at;
    const found = NAME.exec(names);
    if (found === null) return undefined;
    const [whole, kind, quoted, plain = ""] = found;
    if (kind === "URI") uris.push(quoted ?? plain);
    at += whole.length;
  }
  return uris;
}

/** A name and what parts it from the next one. What is quoted keeps its quotes, and so equals no plain name. */
const NAME = /([A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^",]*))(?:, |$)/y;
