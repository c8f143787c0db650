import type { CertificateFacts, TlsFacts } from "../attributes/entry-facts.ts";
import { lastField } from "../attributes/decode.ts";
import { lengthField, varintField, type Range, type WireReader } from "../std/wire-reader.ts";

/** TLSProperties.TLSVersion by number, as Envoy writes versions. */
const VERSIONS = ["", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

/**
 * TLSProperties: tls_version 1, tls_cipher_suite 2 (a UInt32Value), tls_sni_hostname 3, local_certificate_properties 4,
 * peer_certificate_properties 5, tls_session_id 6, ja3_fingerprint 7. Throws MalformedMessage.
 */
export function readTls(reader: WireReader, tls: Range): TlsFacts {
  let version = 0;
  let cipherSuite: number | undefined;
  let [serverName, sessionId, ja3] = ["", "", ""];
  let local = NO_CERTIFICATE;
  let peer = NO_CERTIFICATE;
  const fields = reader.fields(tls);
  while (fields.next()) {
    if (fields.tag === varintField(1)) version = fields.number;
    else if (fields.tag === lengthField(2)) cipherSuite = wrappedNumber(reader, fields);
    else if (fields.tag === lengthField(3)) serverName = reader.text(fields);
    else if (fields.tag === lengthField(4)) local = readCertificate(reader, fields);
    else if (fields.tag === lengthField(5)) peer = readCertificate(reader, fields);
    else if (fields.tag === lengthField(6)) sessionId = reader.text(fields);
    else if (fields.tag === lengthField(7)) ja3 = reader.text(fields);
  }
  return { version: VERSIONS[version] ?? "", cipherSuite, serverName, sessionId, ja3, local, peer };
}

const NO_CERTIFICATE: CertificateFacts = { uris: [], dnsNames: [], subject: "", issuer: "" };

/** CertificateProperties: subject_alt_name 1, subject 2, issuer 3. */
function readCertificate(reader: WireReader, certificate: Range): CertificateFacts {
  const names = { uris: [], dnsNames: [] };
  let [subject, issuer] = ["", ""];
  const fields = reader.fields(certificate);
  while (fields.next()) {
    if (fields.tag === lengthField(1)) readName(reader, fields, names);
    else if (fields.tag === lengthField(2)) subject = reader.text(fields);
    else if (fields.tag === lengthField(3)) issuer = reader.text(fields);
  }
  return { ...names, subject, issuer };
}

/** SubjectAltName: uri 1, dns 2. */
function readName(reader: WireReader, name: Range, into: { uris: string[]; dnsNames: string[] }): void {
  const fields = reader.fields(name);
  while (fields.next()) {
    if (fields.tag === lengthField(1)) into.uris.push(reader.text(fields));
    else if (fields.tag === lengthField(2)) into.dnsNames.push(reader.text(fields));
  }
}

/**
 * The one URI in the certificate of the caller or of Envoy, without decoding anything else; empty where it has none or several, since
 * two are no identity (X509-SVID section 2). Throws MalformedMessage.
 */
export function onlyUri(reader: WireReader, tls: Range, of: "source" | "destination"): string {
  const certificate = lastField(reader, tls, of === "source" ? 5 : 4);
  const fields = reader.walk(certificate);
  const name = reader.fields(certificate);
  let count = 0;
  let [start, end] = [0, 0];
  while (fields.next()) {
    if (fields.tag !== lengthField(1)) continue;
    name.enter(fields);
    while (name.next()) {
      if (name.tag !== lengthField(1)) continue;
      count++;
      [start, end] = [name.start, name.end];
    }
  }
  return count === 1 ? reader.text({ start, end }) : "";
}

/** A google.protobuf.UInt32Value: value 1. */
export function wrappedNumber(reader: WireReader, message: Range): number {
  let found = 0;
  const fields = reader.fields(message);
  while (fields.next()) if (fields.tag === varintField(1)) found = fields.number;
  return found;
}
