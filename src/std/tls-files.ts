import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions, type TlsOptions } from "node:tls";

/** Paths of PEM files. */
export interface TlsPaths {
  /** The listener's certificate, its chain behind it. */
  readonly cert: string;
  readonly key: string;
  /** Authorities of which every caller must show a certificate; undefined: callers show none. */
  readonly clientCa: string | undefined;
}

/** What came of files that changed: they are used now, or those before them still are. */
export type Renewal = { readonly kind: "renewed" } | { readonly kind: "kept"; readonly reason: string };

/** What takes the options of a listener, and later ones while it is open: `https`, `tls` and `http2` servers do. */
export interface TlsServer {
  setSecureContext(options: SecureContextOptions): void;
}

/** A listener's TLS, which follows its files. */
export interface ListenerTls {
  /** What the files say now, for a server that is made now. */
  options(): TlsOptions;
  /** Gives a server what the files say later. Connections that are open stay as they are. */
  follow(server: TlsServer): void;
  /** Looks at the files now instead of at the next turn. */
  renew(): Promise<void>;
  /** Ends the looking. Safe twice. */
  close(): void;
}

export interface TlsFilesOptions {
  readonly paths: TlsPaths;
  /** Told when files have changed; of files that are no good once, until they change again. */
  readonly onRenewal: (renewal: Renewal) => void;
  /** How long after one look at the files the next comes. */
  readonly everyMs?: number;
}

/** Renewed files are used soon, and well before the old ones end; small files cost nothing to read. */
const EVERY_MS = 10_000;
/** A handshake takes milliseconds; who takes longer only holds a connection. */
const HANDSHAKE_MS = 10_000;

/**
 * Reads a listener's certificate, key and authorities, and looks at the files again and again: certificates of meshes live for
 * hours. Their content is compared, so that swapped symlinks and equal times are seen too. Files that do not go together, or
 * that have ended, never replace good ones.
 *
 * @throws Error that names the file and says what is wrong with it.
 */
export async function openTls({
  paths,
  onRenewal,
  everyMs = EVERY_MS,
}: TlsFilesOptions): Promise<ListenerTls> {
  let files = await readFiles(paths);
  let context = contextOf(files, paths);
  let refused: Files | undefined;
  let refusedRead: string | undefined;
  const servers: TlsServer[] = [];

  const keep = (reason: string): void => onRenewal({ kind: "kept", reason });

  async function renew(): Promise<void> {
    let found: Files;
    try {
      found = await readFiles(paths);
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== refusedRead) keep(reason);
      refusedRead = reason;
      return;
    }
    refusedRead = undefined;
    if (isEqual(found, files) || (refused !== undefined && isEqual(found, refused))) return;
    try {
      const next = contextOf(found, paths);
      for (const server of servers) server.setSecureContext(next);
      [files, context, refused] = [found, next, undefined];
    } catch (error) {
      refused = found;
      keep(messageOf(error));
      return;
    }
    onRenewal({ kind: "renewed" });
  }

  const stop = repeat(everyMs, renew);
  return {
    options: () => ({
      ...context,
      requestCert: paths.clientCa !== undefined,
      rejectUnauthorized: true,
      handshakeTimeout: HANDSHAKE_MS,
    }),
    follow: (server) => servers.push(server),
    renew,
    close: stop,
  };
}

/** The content of the files. */
interface Files {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer | undefined;
}

async function readFiles({ cert, key, clientCa }: TlsPaths): Promise<Files> {
  const [certificate, privateKey, authorities] = await Promise.all([
    readPem(cert, "certificate"),
    readPem(key, "private key"),
    clientCa === undefined ? undefined : readPem(clientCa, "authorities of callers"),
  ]);
  return { cert: certificate, key: privateKey, ca: authorities };
}

const readPem = async (path: string, what: string): Promise<Buffer> => {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Error(`the ${what} in ${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
};

function isEqual(left: Files, right: Files): boolean {
  const sameCa =
    left.ca === undefined || right.ca === undefined ? left.ca === right.ca : left.ca.equals(right.ca);
  return left.cert.equals(right.cert) && left.key.equals(right.key) && sameCa;
}

/** Throws where a server would be left without a certificate that it can show, or without an authority to ask for. */
function contextOf({ cert, key, ca }: Files, paths: TlsPaths): SecureContextOptions {
  const [leaf] = certificatesIn(cert, paths.cert);
  if (leaf !== undefined && leaf.validToDate.getTime() <= Date.now())
    throw new Error(`the certificate in ${paths.cert} ended at ${leaf.validToDate.toISOString()}`);
  if (ca !== undefined) certificatesIn(ca, paths.clientCa ?? "");
  const options: SecureContextOptions = {
    cert,
    key,
    minVersion: "TLSv1.2",
    ...(ca === undefined ? {} : { ca }),
  };
  try {
    createSecureContext(options);
  } catch (error) {
    const reason = `the certificate in ${paths.cert} and the key in ${paths.key} cannot be used`;
    throw new Error(`${reason}: ${messageOf(error)}`, { cause: error });
  }
  return options;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function certificatesIn(pem: Buffer, path: string): readonly X509Certificate[] {
  const found = pem.toString("latin1").match(CERTIFICATE) ?? [];
  if (found.length === 0) throw new Error(`there is no certificate (PEM) in ${path}`);
  try {
    return found.map((one) => new X509Certificate(one));
  } catch (error) {
    throw new Error(`a certificate in ${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Runs a task that never rejects again and again; the timer keeps no process alive. */
function repeat(everyMs: number, task: () => Promise<void>): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const next = (): void => {
    if (isStopped) return;
    timer = setTimeout(() => void task().finally(next), everyMs);
    timer.unref();
  };
  next();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
