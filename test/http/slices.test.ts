import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { sendSlices } from "../../src/http/slices.ts";
import { until } from "../support/until.ts";

const SLICE_BYTES = 64 * 1_024;
/** Far more than the system keeps of what nobody reads. */
const SLICES = 400;

describe("a body in slices", () => {
  let server: Server;
  let sent: Promise<unknown>;
  let made: number;

  /** All in one place, each with another byte. */
  async function* slices(): AsyncGenerator<Buffer> {
    const place = Buffer.alloc(SLICE_BYTES);
    for (made = 0; made < SLICES;) yield await Promise.resolve(place.fill(made++ % 256));
  }

  beforeEach(async () => {
    made = 0;
    server = createServer((_request, response) => {
      sent = sendSlices(response, slices()).catch((error: unknown) => error);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterEach(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });

  /** The answer to a reader who does not read yet. */
  async function asked(): Promise<IncomingMessage> {
    const { port } = server.address() as AddressInfo;
    const call = request({ host: "127.0.0.1", port, agent: false }).end();
    const [answer] = (await once(call, "response")) as [IncomingMessage];
    answer.pause();
    let before = -1;
    await until(() => made === before || ((before = made), false), { what: "a reader who holds it up" });
    assert.ok(made < SLICES / 2, `${made} slices for a reader who takes none`);
    return answer;
  }

  it("comes as it was made, however slowly it is read, though each slice is written over the one before", async () => {
    const answer = await asked();
    const parts: Buffer[] = [];
    for await (const part of answer) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    assert.equal(await sent, "sent");
    assert.equal(body.length, SLICES * SLICE_BYTES);
    const wrong = Array.from({ length: SLICES }, (_, index) =>
      body.subarray(index * SLICE_BYTES, (index + 1) * SLICE_BYTES),
    ).findIndex((slice, index) => slice.some((byte) => byte !== index % 256));
    assert.equal(wrong, -1, `slice ${wrong} is another's`);
  });

  it("ends with its reader", async () => {
    const answer = await asked();
    answer.destroy();
    assert.equal(await sent, "gone");
    assert.ok(made < SLICES);
  });
});
