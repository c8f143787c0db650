import http from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { WireReader, type Range } from "../../../src/std/wire-reader.ts";

/** A request as the collector received it. */
export interface Posted {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** A receiver of OTLP/HTTP; `answer` says what it answers to the next requests. */
export interface Collector {
  readonly url: string;
  readonly posted: Posted[];
  answer: (posted: Posted) => Answer;
}

export async function startCollector(open: AsyncDisposableStack): Promise<Collector> {
  const collector = { url: "", posted: [] as Posted[], answer: (): Answer => ({ status: 200 }) };
  const server = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const sent = Buffer.concat(parts);
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
      const posted = { path: request.url ?? "", headers: request.headers, body };
      collector.posted.push(posted);
      const { status, headers = {}, body: answer } = (collector as Collector).answer(posted);
      response.writeHead(status, headers);
      response.end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  collector.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return collector;
}

/** A message of protobuf as lists of its fields by number: numbers, eight bytes as bigint, or bytes. */
export type Fields = ReadonlyMap<number, readonly (number | bigint | Buffer)[]>;

export function fieldsOf(bytes: Buffer): Fields {
  const reader = new WireReader(bytes);
  const found = new Map<number, (number | bigint | Buffer)[]>();
  const fields = reader.fields(reader.whole);
  while (fields.next()) {
    const list = found.get(fields.tag >>> 3) ?? [];
    found.set(fields.tag >>> 3, [...list, valueOf(reader, fields.tag & 7, fields)]);
  }
  return found;
}

function valueOf(
  reader: WireReader,
  type: number,
  fields: Range & { readonly number: number },
): number | bigint | Buffer {
  if (type === 0) return fields.number;
  const bytes = Buffer.from(reader.bytes(fields));
  return type === 1 ? bytes.readBigUInt64LE() : bytes;
}

/** The messages of a field. */
export const messages = (fields: Fields, number: number): readonly Fields[] =>
  (fields.get(number) ?? []).map((one) => fieldsOf(one as Buffer));

export const textIn = (fields: Fields, number: number): string => {
  const [found] = fields.get(number) ?? [];
  return Buffer.isBuffer(found) ? found.toString() : "";
};

export const hexIn = (fields: Fields, number: number): string => {
  const [found] = fields.get(number) ?? [];
  return Buffer.isBuffer(found) ? found.toString("hex") : "";
};

export const doubleOf = (value: number | bigint | Buffer | undefined): number => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(typeof value === "bigint" ? value : 0n);
  return bytes.readDoubleLE();
};

/** KeyValues of a field, whose values are texts or numbers. */
export const attributesIn = (fields: Fields, number: number): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    messages(fields, number).map((pair) => {
      const [value = new Map<number, never>()] = messages(pair, 2);
      return [textIn(pair, 1), value.has(1) ? textIn(value, 1) : (value.get(3)?.[0] ?? value.get(2)?.[0])];
    }),
  );
