import type { X509Certificate } from "node:crypto";
import { TLSSocket } from "node:tls";
import type { ProxyFacts } from "../attributes/facts.ts";
import type { ProxyRole } from "../attributes/proxy.ts";
import { parseSpiffeId } from "../attributes/spiffe.ts";
import { matchesDns, matchesSpiffe, type CallerPattern } from "../policy/caller-pattern.ts";
import type { AllowedCaller, Operation } from "../policy/listen-file.ts";

/**
 * Who asks. The principal, a SPIFFE id, is undefined without TLS, without a certificate, and where the certificate has several URI
 * names.
 */
export type Caller = ProxyFacts;

/** What a listener says of its callers. */
export interface CallerRules {
  /** Undefined: everyone may ask everything. */
  readonly allow?: readonly AllowedCaller[] | undefined;
  readonly role?: ProxyRole | undefined;
}

/** A caller with what it may ask. */
export interface Connected extends Caller {
  mayAsk(operation: Operation): boolean;
}

/** Who is at the other end of a connection; undefined: one that is not known. */
export function connectedBy(socket: unknown, { allow, role }: CallerRules): Connected {
  const names =
    socket instanceof TLSSocket && socket.authorized ? namesOf(socket.getPeerX509Certificate()) : NO_NAMES;
  const permitted = new Set(
    (allow ?? []).filter(({ san }) => isNamed(san, names)).flatMap(({ services }) => [...services]),
  );
  return {
    principal: names.principal,
    listenerRole: role,
    mayAsk: (operation) => allow === undefined || permitted.has(operation),
  };
}

/** The names of a certificate that count. */
export interface CallerNames {
  readonly principal: string | undefined;
  /** In lower case. */
  readonly dns: readonly string[];
}

const NO_NAMES: CallerNames = { principal: undefined, dns: [] };

const isNamed = (pattern: CallerPattern, { principal, dns }: CallerNames): boolean =>
  pattern.kind === "spiffe"
    ? principal !== undefined && matchesSpiffe(pattern, principal)
    : dns.some((name) => matchesDns(pattern, name));

/** The names of a certificate. Of two URI names none counts (X509-SVID, section 2); what is no SPIFFE id is none. */
export function namesOf(certificate: Pick<X509Certificate, "subjectAltName"> | undefined): CallerNames {
  const names = alternativeNames(certificate?.subjectAltName ?? "");
  const [uri, second] = names.flatMap(([kind, value]) => (kind === "URI" ? [value] : []));
  const isSole = uri !== undefined && second === undefined && parseSpiffeId(uri) !== undefined;
  return {
    principal: isSole ? uri : undefined,
    dns: names.flatMap(([kind, value]) => (kind === "DNS" ? [value.toLowerCase()] : [])),
  };
}

/**
 * Node's text of a subject alternative name, `DNS:a, URI:"…"`: a value in which a comma or a quote could be taken for Node's
 * own stands as a JSON string (CVE-2021-44532). What is not of this form ends the reading with no names at all.
 */
export function alternativeNames(text: string): readonly (readonly [kind: string, value: string])[] {
  const names: (readonly [string, string])[] = [];
  for (let rest = text; rest !== "";) {
    const [all, kind, value] = ONE_NAME.exec(rest) ?? [];
    if (all === undefined || kind === undefined || value === undefined) return [];
    const plain = value.startsWith('"') ? unquoted(value) : value;
    if (plain === undefined) return [];
    names.push([kind, plain]);
    rest = rest.slice(all.length);
  }
  return names;
}

const ONE_NAME = /^([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/;

function unquoted(value: string): string | undefined {
  try {
    const plain: unknown = JSON.parse(value);
    return typeof plain === "string" ? plain : undefined;
  } catch {
    return undefined;
  }
}
