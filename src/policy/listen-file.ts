import type { z } from "zod";
import type { SecretSource } from "../adapter/host.ts";
import type { ProxyRole } from "../attributes/proxy.ts";
import type { ListenAddress } from "../std/listen-address.ts";
import { ADDRESS_FORM, addressHint, isLocal, parseAddress } from "./address.ts";
import { CALLER_PATTERN_FORM, parseCallerPattern, type CallerPattern } from "./caller-pattern.ts";
import { expected, field, flag, misplaced, parsedText, refuse, textOf, word, type Read } from "./fields.ts";
import { list, mapping } from "./fields-of-collections.ts";
import { IN_PLAIN_TEXT, secret } from "./secret-field.ts";

/** The paths of a listener's certificate and private key, in PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Authorities of which every caller must show a certificate (mTLS); undefined: callers stay unknown. */
  readonly clientCa: string | undefined;
}

/** What callers ask of weir. */
export type Operation = "check" | "quota" | "report" | "refund";

/** Callers, by a name in their certificate, and what they may ask. */
export interface AllowedCaller {
  readonly san: CallerPattern;
  readonly services: ReadonlySet<Operation>;
}

/** A listener: of metrics, or what all of them have. */
export interface Listener {
  readonly address: ListenAddress;
  /** Undefined: plain text. */
  readonly tls: TlsFiles | undefined;
}

/** A listener that proxies ask. */
export interface ProxyListener extends Listener {
  /** Undefined: whoever can connect may ask everything. */
  readonly allow: readonly AllowedCaller[] | undefined;
  /** The role of every proxy that asks here; undefined: as `proxy` says. */
  readonly role: ProxyRole | undefined;
}

/** HTTP ext_authz. */
export interface HttpCheckListener extends ProxyListener {
  /** Envoy's `path_prefix`, which stands before the path of every request; empty for none. */
  readonly pathPrefix: string;
}

export interface AdminListener extends Listener {
  /** Undefined: whoever can connect may look. */
  readonly token: SecretSource | undefined;
}

const FILE_FORM = "the path of a file";

/** The path of a file; the content of one in its place is told apart, since it may be a private key. */
const pemFile = () =>
  field({ type: "string", minLength: 1, description: FILE_FORM }, (value): Read<string> => {
    const found = textOf(value);
    if (found === undefined || found === "") return expected(FILE_FORM, "text");
    return found.includes("-----BEGIN") ? { reason: IN_PLAIN_TEXT } : { value: found };
  });

const TLS = mapping({ cert: pemFile(), key: pemFile(), clientCa: pemFile().optional() }).transform(
  ({ cert, key, clientCa }): TlsFiles => ({ cert, key, clientCa }),
);

const ALLOW = list(
  mapping({
    san: parsedText(CALLER_PATTERN_FORM, parseCallerPattern),
    services: list(word(["check", "quota", "report", "refund"]), "the words check, quota, report, refund"),
  }).transform(({ san, services }): AllowedCaller => ({ san, services: new Set(services) })),
  "allowed callers",
);

const ANY = {
  address: parsedText(ADDRESS_FORM, parseAddress, addressHint),
  insecure: flag().optional(),
  tls: TLS.optional(),
};

const PROXIES = {
  ...ANY,
  allow: ALLOW.optional(),
  role: word(["gateway", "sidecar"]).optional(),
};

/** `listen.metrics`. */
export const METRICS_LISTENER = mapping(ANY).transform((found, context): Listener => {
  mustBeGuarded(context, found);
  return { address: found.address, tls: found.tls };
});

/** `listen.grpc`. */
export const GRPC_LISTENER = mapping(PROXIES).transform((found, context): ProxyListener =>
  proxyListener(context, found),
);

/** `listen.http`. */
export const HTTP_LISTENER = mapping({
  ...PROXIES,
  pathPrefix: parsedText("the beginning of a path without a slash at its end, such as /check", (text) =>
    /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+){1,16}$/.test(text) ? text : undefined,
  ).optional(),
}).transform((found, context): HttpCheckListener => ({
  ...proxyListener(context, found),
  pathPrefix: found.pathPrefix ?? "",
}));

/** `listen.admin`. */
export const ADMIN_LISTENER = mapping({ ...ANY, token: secret().optional() }).transform(
  (found, context): AdminListener => {
    const { address, tls, token } = found;
    if (isLocal(address) || tls?.clientCa !== undefined) return { address, tls, token };
    if (token === undefined) {
      const message = "other machines can reach the admin listener, and nothing proves who they are";
      const hint = "add `token: { file: … }`, or `clientCa` to `tls`; `insecure: true` is not enough here";
      refuse(context, { kind: "refused", code: "insecure-listener", message, hint, at: "value" }, [
        "address",
      ]);
    } else if (tls === undefined && found.insecure !== true) {
      const message = "other machines can reach the admin listener, and the token would travel in plain text";
      const hint = "add `tls`, or `insecure: true` if the network itself is trusted";
      refuse(context, { kind: "refused", code: "insecure-listener", message, hint, at: "value" }, [
        "address",
      ]);
    }
    return { address, tls, token };
  },
);

interface Found {
  readonly address: ListenAddress;
  readonly insecure?: boolean | undefined;
  readonly tls?: TlsFiles | undefined;
}

interface FoundForProxies extends Found {
  readonly allow?: readonly AllowedCaller[] | undefined;
  readonly role?: ProxyRole | undefined;
}

function proxyListener(context: z.RefinementCtx, found: FoundForProxies): ProxyListener {
  mustBeGuarded(context, found);
  const { address, tls, allow, role } = found;
  if (allow !== undefined && tls?.clientCa === undefined) {
    const message = "callers are told apart by their certificates, and this listener asks for none";
    refuse(context, misplaced("missing-key", message, "add `tls` with `clientCa`"), ["allow"]);
  }
  return { address, tls, allow, role };
}

function mustBeGuarded(context: z.RefinementCtx, { address, insecure, tls }: Found): void {
  if (isLocal(address) || tls?.clientCa !== undefined || insecure === true) return;
  const message = "other machines can reach this listener, and nothing proves who they are";
  const hint =
    tls === undefined
      ? "listen on 127.0.0.1 or unix:/…, add `tls` with `clientCa`, or `insecure: true` if the network itself is trusted"
      : "add `clientCa` to `tls`, or `insecure: true` if whoever reaches it may ask";
  refuse(context, { kind: "refused", code: "insecure-listener", message, hint, at: "value" }, ["address"]);
}
