import assert from "node:assert/strict";
import { isLocal, parseAddress } from "../../src/policy/address.ts";

describe("an address", () => {
  const cases: readonly (readonly [string, "local" | "open" | undefined])[] = [
    ["127.0.0.1:9191", "local"],
    ["127.8.9.1:0", "local"],
    ["localhost:9191", "local"],
    ["LocalHost:1", "local"],
    ["[::1]:9191", "local"],
    ["[0:0:0:0:0:0:0:1]:9191", "local"],
    ["[::ffff:127.0.0.1]:9191", "local"],
    ["unix:/run/weir.sock", "local"],
    ["0.0.0.0:9191", "open"],
    ["[::]:9191", "open"],
    ["[::ffff:10.0.0.1]:9191", "open"],
    ["10.0.0.1:9191", "open"],
    ["weir.example.com:65535", "open"],
    ["localhost.example.com:1", "open"],
    ["128.0.0.1:1", "open"],
    ["127.0.0.1:65536", undefined],
    ["127.0.0.1:09", undefined],
    ["127.0.0.1", undefined],
    [":9191", undefined],
    ["::1:9191", undefined],
    ["[127.0.0.1]:9191", undefined],
    ["unix:run/weir.sock", undefined],
    ["unix://run/weir.sock", undefined],
    ["http://127.0.0.1:9191", undefined],
    ["", undefined],
  ];
  for (const [text, reach] of cases) {
    it(`${JSON.stringify(text)} is ${reach ?? "none"}`, () => {
      const address = parseAddress(text);
      assert.equal(address === undefined ? undefined : isLocal(address) ? "local" : "open", reach);
    });
  }
});
