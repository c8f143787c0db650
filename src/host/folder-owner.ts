import { unlink } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";

/** A folder that no other process may use now. */
export interface OwnedFolder {
  /** Safe twice. */
  release(): Promise<void>;
}

/**
 * Takes a folder for this process alone, by listening on a socket in it: whoever can connect to that finds an owner. The socket of a process
 * that was killed refuses, whichever process has its number now, in whichever container of this machine. Rejects with a sentence.
 */
export async function ownFolder(folder: string): Promise<OwnedFolder> {
  const path = join(folder, "owner");
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new Error(`${folder} is too long a path: the socket in it may have ${MAX_PATH_BYTES} bytes`);
  }
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const found = await listen(path);
    if (typeof found !== "string") return owned(found);
    if (found !== "EADDRINUSE") throw new Error(`${folder} cannot be used: the system says ${found}`);
    if (await isAnswered(path)) break;
    await unlink(path).catch(() => undefined);
  }
  throw new Error(`${folder} is used by another process: each needs a folder of its own`);
}

/** Of a socket's address on Linux and on macOS (sun_path), the smaller. */
const MAX_PATH_BYTES = 103;
/** Another process may find the socket of one that was killed at the same moment. */
const ATTEMPTS = 3;

function owned(server: Server): OwnedFolder {
  // Whoever connects only wants to know that there is somebody.
  server.unref();
  return {
    release: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

/** A server that listens there, or the code of the error. */
function listen(path: string): Promise<Server | string> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(path, () => resolve(server));
  });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
