import assert from "node:assert/strict";
import { list } from "../../../adapters/list/adapter.ts";
import type { CheckAnswer, Handler } from "../../../src/adapter/adapter.ts";
import type { FetchAnswer } from "../../../src/adapter/host.ts";
import { until } from "../../support/until.ts";
import { createTestHost, tick, type TestHost } from "../host.ts";
import { processorMs } from "../../support/processor-time.ts";

const call = { deadlineAtMs: 0, signal: new AbortController().signal };

const ask = (handler: Handler, value: unknown): CheckAnswer => {
  const answer = handler.check?.(new Map([["value", value]]), call);
  assert.ok(answer !== undefined && "verdict" in answer, "it answers without a promise");
  return answer;
};

/** `allow <entry>`, `allow`, `deny <status>`, `error <reason>`. */
function brief(answer: CheckAnswer): string {
  switch (answer.verdict) {
    case "allow": {
      const entry = answer.outputs?.get("entry");
      assert.equal(answer.outputs?.get("matched"), entry !== undefined);
      return typeof entry === "string" ? `allow ${entry}` : "allow";
    }
    case "deny":
      return `deny ${answer.status ?? 403}`;
    case "error":
      return `error ${answer.reason}`;
  }
}

describe("the list adapter", () => {
  const inline: readonly [type: string, entries: string[], value: string, answer: string][] = [
    ["strings", ["ann", "Bob"], "ann", "allow ann"],
    ["strings", ["ann", "Bob"], "bob", "deny 403"],
    ["strings", ["ann"], "", "deny 403"],
    ["strings", ["__proto__"], "constructor", "deny 403"],
    ["strings", [], "ann", "deny 403"],
    ["caseInsensitive", ["Bob"], "bOB", "allow Bob"],
    ["caseInsensitive", ["STRASSE"], "strasse", "allow STRASSE"],
    ["addresses", ["10.0.0.0/8", "10.1.0.0/16"], "10.1.2.3", "allow 10.1.0.0/16"],
    ["addresses", ["10.0.0.0/8", "10.1.0.0/16"], "10.2.2.3", "allow 10.0.0.0/8"],
    ["addresses", ["10.0.0.0/8"], "::ffff:10.2.2.3", "allow 10.0.0.0/8"],
    ["addresses", ["::ffff:10.0.0.0/104"], "10.2.2.3", "allow ::ffff:10.0.0.0/104"],
    ["addresses", ["::/0"], "10.2.2.3", "deny 403"],
    ["addresses", ["0.0.0.0/0"], "::1", "deny 403"],
    ["addresses", ["2001:db8::/33"], "2001:db8:7fff::1", "allow 2001:db8::/33"],
    ["addresses", ["2001:db8::/33"], "2001:db8:8000::1", "deny 403"],
    ["addresses", ["10.0.0.1"], "10.0.0.1:80", "deny 400"],
    ["addresses", ["10.0.0.1"], "", "deny 400"],
    ["regexes", ["^a+$", "b"], "aaa", "allow ^a+$"],
    ["regexes", ["^a+$", "b"], "xbx", "allow b"],
    ["regexes", ["^a+$"], "ab", "deny 403"],
    ["regexes", ["^(a+)+$"], `${"a".repeat(30)}!`, "deny 403"],
    ["regexes", ["(x{100}){9}"], "x".repeat(100_000), "deny 400"],
  ];
  for (const [type, entries, value, wanted] of inline) {
    it(`${type} ${entries.join(" ")}: ${value.slice(0, 40)} is answered ${wanted}`, () => {
      const handler = list.create({ type, entries }, createTestHost());
      assert.equal(brief(ask(handler, value)), wanted);
    });
  }

  it("turns its meaning round, but not what is a fault of the request", () => {
    const handler = list.create(
      { type: "addresses", means: "deny", entries: ["10.0.0.0/8"] },
      createTestHost(),
    );
    const answers = ["10.1.1.1", "11.1.1.1", "x"].map((value) => brief(ask(handler, value)));
    assert.deepEqual(answers, ["deny 403", "allow", "deny 400"]);
  });

  it("finds one address among a hundred thousand in no time", async () => {
    const host = createTestHost();
    const lines = Array.from(
      { length: 100_000 },
      (_, index) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    );
    host.files.set("f", Buffer.from(lines.join("\n")));
    const handler = list.create({ type: "addresses", file: "f", maxBytes: "4MiB" }, host);
    await handler.start();
    const tookMs = processorMs(() => {
      for (let turn = 0; turn < 20_000; turn++) ask(handler, "10.1.134.159");
    });
    // A walk through the list would take minutes.
    assert.ok(tookMs < 2_000, `${tookMs} ms`);
    assert.equal(brief(ask(handler, "10.1.134.159")), "allow 10.1.134.159");
    await handler.close();
  }).timeout(20_000);

  describe("from a file", () => {
    const make = async (
      content: string,
      more: object = {},
    ): Promise<{ host: TestHost; handler: Handler }> => {
      const host = createTestHost();
      host.files.set("f", Buffer.from(content));
      const handler = list.create({ type: "addresses", file: "f", ...more }, host);
      await handler.start();
      return { host, handler };
    };

    it("skips comments and blank lines, and reads it again when it is due", async () => {
      const { host, handler } = await make("\ufeff# ours\r\n\r\n 10.0.0.1 \r\n");
      assert.equal(brief(ask(handler, "10.0.0.1")), "allow 10.0.0.1");
      host.files.set("f", Buffer.from("10.0.0.2"));
      await tick(host);
      assert.equal(brief(ask(handler, "10.0.0.2")), "deny 403");
      host.advance(70_000);
      await tick(host);
      assert.equal(brief(ask(handler, "10.0.0.2")), "allow 10.0.0.2");
      await handler.close();
    });

    it("keeps the last good list when one line is bad, and names the line", async () => {
      const { host, handler } = await make("10.0.0.1");
      host.files.set("f", Buffer.from("# new\n10.0.0.2\n10.0.0.0/99\n"));
      host.advance(70_000);
      await tick(host);
      assert.equal(brief(ask(handler, "10.0.0.1")), "allow 10.0.0.1");
      assert.equal(brief(ask(handler, "10.0.0.2")), "deny 403");
      const { state, detail } = handler.status();
      assert.equal(state, "stale");
      assert.match(detail, /f is refused: line 3: "10.0.0.0\/99" is neither/);
      assert.equal(host.lines.filter((line) => line.includes("line 3")).length, 1);
      host.advance(3_700_000);
      assert.match(brief(ask(handler, "10.0.0.1")), /^error the list is too old: f is refused/);
      assert.equal(handler.status().state, "failing");
      await handler.close();
    });

    it("does not start with a file that is missing, bad, too long or no text", async () => {
      await assert.rejects(make("10.0.0.1\nx"), /line 2/);
      await assert.rejects(make("10.0.0.1", { maxBytes: 3 }), /longer than 3 bytes/);
      await assert.rejects(
        make("a\n".repeat(1_001), { type: "regexes" }),
        /line 1001: there are more than 1000 regular/,
      );
      const long = Array.from({ length: 100_001 }, (_, index) => `n${index}`).join("\n");
      await assert.rejects(
        make(long, { type: "strings", maxBytes: "2MiB" }),
        /line 100001: there are more than 100000/,
      );
      const host = createTestHost();
      host.files.set("f", Buffer.from([0xff, 0xfe]));
      await assert.rejects(list.create({ type: "strings", file: "f" }, host).start(), /not UTF-8/);
      assert.equal(host.repeated.size, 0);
    });

    it("knows a clock that was set back, and one that was set forward", async () => {
      const { host, handler } = await make("10.0.0.1");
      host.advance(-86_400_000);
      assert.equal(brief(ask(handler, "10.0.0.1")), "allow 10.0.0.1");
      host.files.set("f", Buffer.from("10.0.0.2"));
      await tick(host);
      assert.equal(brief(ask(handler, "10.0.0.2")), "allow 10.0.0.2");
      host.advance(2 * 86_400_000);
      assert.match(brief(ask(handler, "10.0.0.2")), /^error the list is too old/);
      await tick(host);
      assert.equal(brief(ask(handler, "10.0.0.2")), "allow 10.0.0.2");
      await handler.close();
    });
  });

  describe("from a URL", () => {
    const url = "https://lists.example.com/l?key=tok";
    const make = (answer: Partial<FetchAnswer> | undefined, previous?: Handler) => {
      const host = createTestHost();
      if (answer !== undefined) host.remote = { kind: "answers", answer: () => answer };
      return { host, handler: list.create({ type: "strings", url }, host, previous) };
    };
    const loaded = (handler: Handler): Promise<unknown> =>
      until(() => handler.status().state === "ready", { what: "the list" });

    it("answers error until it is loaded, and tries again soon", async () => {
      const { host, handler } = make(undefined);
      assert.equal(brief(ask(handler, "ann")), "error the list was never loaded");
      assert.equal(handler.status().state, "starting");
      await handler.start();
      await until(() => handler.status().state === "failing", { what: "the failure" });
      assert.match(
        brief(ask(handler, "ann")),
        /^error the list was never loaded: the connection was refused$/,
      );
      host.remote = { kind: "answers", answer: () => ({ body: Buffer.from("ann\n") }) };
      host.advance(6_000);
      await tick(host);
      assert.equal(brief(ask(handler, "ann")), "allow ann");
      await handler.close();
    });

    it("asks whether it changed, and believes that it did not", async () => {
      const { host, handler } = make({ body: Buffer.from("ann"), headers: new Map([["etag", '"1"']]) });
      await handler.start();
      await loaded(handler);
      host.remote = { kind: "answers", answer: () => ({ status: 304 }) };
      for (let turn = 0; turn < 100; turn++) {
        host.advance(70_000);
        await tick(host);
      }
      assert.equal(host.requests.at(-1)?.headers?.["if-none-match"], '"1"');
      assert.equal(brief(ask(handler, "ann")), "allow ann");
      assert.equal(handler.status().state, "ready");
      await handler.close();
    });

    const wrong: readonly [string, Partial<FetchAnswer>, RegExp][] = [
      ["a status of an error", { status: 500 }, /lists\.example\.com\/l answered with status 500/],
      ["a redirect", { status: 302 }, /status 302/],
      ["a partial answer", { status: 206, body: Buffer.from("eve") }, /status 206/],
      [
        "a page of HTML",
        { body: Buffer.from("<p>"), headers: new Map([["content-type", "text/html"]]) },
        /HTML/,
      ],
      ["what is no text", { body: Buffer.from([0xff]) }, /not UTF-8/],
    ];
    for (const [what, answer, reason] of wrong) {
      it(`keeps the last good list on ${what}, for a bounded time`, async () => {
        const { host, handler } = make({ body: Buffer.from("ann") });
        await handler.start();
        await loaded(handler);
        host.remote = { kind: "answers", answer: () => answer };
        host.advance(70_000);
        await tick(host);
        assert.equal(brief(ask(handler, "ann")), "allow ann");
        assert.equal(handler.status().state, "stale");
        assert.match(handler.status().detail, reason);
        assert.doesNotMatch(handler.status().detail, /tok/);
        host.advance(3_600_000);
        await tick(host);
        assert.match(brief(ask(handler, "ann")), /^error the list is too old/);
        await handler.close();
      });
    }

    it("gives its list to a handler of the same source that replaces it, and to no other", async () => {
      const { handler: before } = make({ body: Buffer.from("ann") });
      await before.start();
      await loaded(before);
      assert.equal(brief(ask(make(undefined, before).handler, "ann")), "allow ann");
      const host = createTestHost();
      for (const config of [
        { type: "strings", url: "https://lists.example.com/l?key=other" },
        { type: "caseInsensitive", url },
        { type: "strings", file: "f" },
      ]) {
        assert.match(brief(ask(list.create(config, host, before), "ann")), /never loaded/);
      }
      await before.close();
    });

    it("spreads its refreshes by a tenth", async () => {
      const dueAfterMs = new Set<number>();
      for (let turn = 0; turn < 20; turn++) {
        const { host, handler } = make({ body: Buffer.from("ann") });
        await handler.start();
        await loaded(handler);
        let waitedMs = 0;
        while (host.requests.length < 2) {
          host.advance(1_000);
          waitedMs += 1_000;
          await tick(host);
        }
        dueAfterMs.add(waitedMs);
        assert.ok(waitedMs >= 54_000 && waitedMs <= 67_000, String(waitedMs));
        await handler.close();
      }
      assert.ok(dueAfterMs.size > 1);
    });
  });
});
