/** A workload's identity as an Istio mesh writes it: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
export interface SpiffeId {
  readonly id: string;
  readonly trustDomain: string;
  /** Undefined where the path is not of the form `/ns/…/sa/…`. */
  readonly namespace: string | undefined;
  readonly serviceAccount: string | undefined;
}

/**
 * Parses a SPIFFE id exactly: lower-case trust domain, no port, user, query or fragment, no empty or dot
 * segments (SPIFFE-ID section 2). Anything else is no identity.
 */
export function parseSpiffeId(text: string): SpiffeId | undefined {
  if (text.length > 2_048) return undefined;
  const match = SPIFFE.exec(text);
  const trustDomain = match?.[1];
  if (trustDomain === undefined || trustDomain.length > 255) return undefined;
  const segments = match?.[2]?.slice(1).split("/") ?? [];
  if (segments.some((segment) => segment === "." || segment === "..")) return undefined;
  const isIstio = segments.length === 4 && segments[0] === "ns" && segments[2] === "sa";
  return {
    id: text,
    trustDomain,
    namespace: isIstio ? segments[1] : undefined,
    serviceAccount: isIstio ? segments[3] : undefined,
  };
}

const SPIFFE = /^spiffe:\/\/([a-z0-9._-]+)((?:\/[A-Za-z0-9._-]+)*)$/;
