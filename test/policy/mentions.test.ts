import assert from "node:assert/strict";
import { NO, policy, rule, YES } from "../check/conditions.ts";
import type { File } from "../check/fixture.ts";
import { holds, jwt, made } from "../check/stubs.ts";

const ALICE = holds({ sub: "alice" });

describe("who is looked for", () => {
  const identities = { user: jwt(), guest: jwt() };
  const open = rule("allow", YES);
  const shared = {
    shared: "platform",
    identities: { member: jwt() },
    let: { known: "has(auth.member)" },
    answers: { hello: { message: "Not you, ${auth.member.sub}." } },
  };
  const use = { use: ["platform"] };
  const rows: readonly (readonly [where: string, files: readonly File[], looked: readonly string[]])[] = [
    ["nobody where no rule reads an identity", [policy("a", [open], { identities })], []],
    ["a rule", [policy("a", [rule("deny", "!has(auth.user)")], { identities })], ["a/user"]],
    [
      "a when",
      [policy("a", [rule("deny", NO, { when: "has(auth.user)" }), open], { identities })],
      ["a/user"],
    ],
    [
      "a let that a rule reads",
      [policy("a", [rule("deny", "out")], { identities, let: { who: "auth.user", out: "!has(auth.user)" } })],
      ["a/user"],
    ],
    [
      "an effect",
      [
        policy("a", [rule("allow", YES, { request: { set: { "x-u": "${auth.guest.sub}" } } })], {
          identities,
        }),
      ],
      ["a/guest"],
    ],
    [
      "the words of a denial",
      [policy("a", [rule("deny", YES, { message: "${auth.guest.sub}" }), open], { identities })],
      ["a/guest"],
    ],
    [
      "a shared let",
      [shared, policy("a", [rule("require", "platform.known"), open], use)],
      ["platform/member"],
    ],
    [
      "a shared answer of a rule",
      [shared, policy("a", [rule("deny", NO, { answer: "hello" }), open], use)],
      ["platform/member"],
    ],
    [
      "a shared answer of the default",
      [shared, policy("a", [rule("allow", NO)], { ...use, default: { deny: "hello" } })],
      ["platform/member"],
    ],
    [
      "a share",
      [
        policy("a", [rule("deny", NO, { mode: { enforce: "10%", by: "auth.user.sub" } }), open], {
          identities,
        }),
      ],
      ["a/user"],
    ],
    [
      "the input of an ask",
      [policy("a", [{ id: "p", ask: "plans", with: { method: "${auth.user.sub}" } }, open], { identities })],
      ["a/user"],
    ],
    ["match.when", [policy("a", [open], { identities, match: { when: "has(auth.user)" } })], ["a/user"]],
    ["except", [policy("a", [open], { identities, except: "has(auth.user)" })], ["a/user"]],
    [
      "a shared identity of two policies, once",
      [
        shared,
        policy("a", [rule("require", "has(auth.member)"), open], use),
        policy("b", [rule("deny", "platform.known"), open], use),
      ],
      ["platform/member"],
    ],
    [
      "nobody for a shadow rule",
      [policy("a", [rule("deny", "has(auth.user)", { mode: "shadow" }), open], { identities })],
      [],
    ],
    [
      "nobody for a shadow file",
      [policy("a", [open]), policy("b", [rule("deny", "has(auth.user)")], { identities, mode: "shadow" })],
      [],
    ],
    [
      "nobody for a policy that does not match",
      [policy("a", [rule("deny", "has(auth.user)")], { identities, match: { methods: ["PUT"] } })],
      [],
    ],
  ];
  for (const [where, files, looked] of rows) {
    it(`${where}: ${looked.join() || "nobody"}`, async () => {
      const { backends } = await made(files, {}, { findings: { "a/user": ALICE } });
      assert.deepEqual(backends.looked, looked);
    });
  }

  it("nobody before what cannot be read is refused", async () => {
    const file = policy("a", [rule("deny", "has(auth.user)")], { identities });
    for (const request of [{ host: "" }, { path: "//" }])
      assert.deepEqual((await made([file], request)).backends.looked, []);
  });
});
