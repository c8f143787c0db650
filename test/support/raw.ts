import { connect } from "node:net";

/**
 * Sends these bytes as one HTTP/1.1 request, for what no client library would write, and answers the status;
 * undefined where the connection was closed without an answer. `head` has a character a byte (latin1).
 */
export function sendRaw(port: number, head: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(head, "latin1"));
    let text = "";
    socket.setTimeout(5000, () => socket.destroy(new Error("no answer within 5000 ms")));
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      text += chunk;
      const status = /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1];
      if (status === undefined) return;
      // Envoy keeps the connection of what it refused open for a second.
      socket.destroy();
      resolve(Number(status));
    });
    socket.once("error", reject);
    socket.once("end", () => resolve(undefined));
  });
}

/** A GET with these lines behind the request line. */
export const rawRequest = (target: string, lines: readonly string[]): string =>
  [`GET ${target} HTTP/1.1`, ...lines, "connection: close", "", ""].join("\r\n");
