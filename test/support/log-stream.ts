import { Client, credentials, type status } from "@grpc/grpc-js";
import { codeOf, openStream } from "../grpc/stream.ts";
import { encodeMessage, type DescribedMessage } from "../report/encode.ts";

/** A stream of access logs as an Envoy holds one. */
export interface LogStream {
  /** Waits until there is room for more. */
  send(message: DescribedMessage | Buffer): Promise<void>;
  /** Ends the stream from this side; yields what the other side says. */
  finish(): Promise<status>;
  /** What the other side ended it with. */
  readonly ended: Promise<status>;
  /** Whether it still goes on. */
  readonly isOpen: () => boolean;
}

/** Opens one on a connection of its own, to a port of loopback. */
export function openLogs(port: number, open: AsyncDisposableStack): LogStream {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.max_send_message_length": -1,
  });
  open.defer(() => client.close());
  const path = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
  const { call, outcome } = openStream(client, path);
  let isOpen = true;
  const ended = outcome.then((found) => {
    isOpen = false;
    return codeOf(found);
  });
  return {
    send: (message) =>
      new Promise((resolve) => {
        // Who writes to a stream that has ended is told by the outcome.
        void ended.then(() => resolve());
        call.write(Buffer.isBuffer(message) ? message : encodeMessage(message), () => resolve());
      }),
    finish: () => {
      call.end();
      return ended;
    },
    ended,
    isOpen: () => isOpen,
  };
}
