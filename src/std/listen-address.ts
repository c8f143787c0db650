import { lookup } from "node:dns/promises";
import { lstat, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { resolve } from "node:path";

/** Where to listen. Port 0 takes a free port; a relative path counts from the working directory. */
export type ListenAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** The address as weir.yaml writes it: `127.0.0.1:9191`, `[::1]:9191` or `unix:/run/weir.sock`. */
export function formatAddress(address: ListenAddress): string {
  switch (address.kind) {
    case "tcp":
      return address.host.includes(":")
        ? `[${address.host}]:${address.port}`
        : `${address.host}:${address.port}`;
    case "unix":
      return `unix:${address.path}`;
  }
}

/**
 * The address in the form to bind: a name is resolved to one IP address, a path made absolute, and a socket file that
 * an ended process of the same user left behind is removed.
 *
 * @throws Error that says why the address cannot be bound.
 */
export async function prepareAddress(address: ListenAddress): Promise<ListenAddress> {
  switch (address.kind) {
    case "tcp":
      return { ...address, host: (await lookup(address.host)).address };
    case "unix": {
      const path = resolve(address.path);
      await removeStaleSocket(path);
      return { ...address, path };
    }
  }
}

async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error("the path exists and is not a socket");
  if (found.uid !== process.getuid?.()) throw new Error("the socket file belongs to another user");
  if (await isListening(path)) throw new Error("another process listens there");
  await unlink(path);
}

function isListening(path: string): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(path);
    const finish = (listening: boolean) => {
      socket.destroy();
      settle(listening);
    };
    socket.once("connect", () => finish(true));
    // Only a refusal proves that nobody listens; a full backlog (EAGAIN) proves the contrary.
    socket.once("error", (error: NodeJS.ErrnoException) => finish(error.code !== "ECONNREFUSED"));
  });
}

/** Why an address could not be bound, in words. The system's codes are looked for in the text: grpc-js keeps them nowhere else. */
export function bindFailure(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const known = Object.entries(BIND_FAILURES).find(([code]) => text.includes(code));
  return known?.[1] ?? text;
}

const BIND_FAILURES = {
  EADDRINUSE: "another process listens there",
  EADDRNOTAVAIL: "no interface of this machine has that address",
  EACCES: "permission denied, or the folder does not exist",
  ENOTFOUND: "the host name does not resolve",
} as const;
