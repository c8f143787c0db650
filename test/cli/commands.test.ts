import assert from "node:assert/strict";
import { COMMANDS } from "../../src/cli/commands.ts";
import { run } from "./fixture.ts";

describe("weir", () => {
  for (const args of [[], ["help"], ["--help"], ["-h"], ["help", "nonsense"]]) {
    it(`lists its commands for: weir ${args.join(" ")}`, async () => {
      const { code, printed, complained } = await run(args);
      assert.equal(code, 0);
      assert.equal(complained, "");
      for (const { name, summary } of COMMANDS) assert.match(printed, new RegExp(`weir ${name} +${summary}`));
    });
  }

  for (const command of COMMANDS) {
    it(`says how ${command.name} is called, in three ways`, async () => {
      const asked = await run(["help", command.name]);
      assert.equal(asked.code, 0);
      assert.ok(asked.printed.includes(command.help));
      assert.deepEqual(await run([command.name, "--help"]), asked);
      assert.deepEqual(await run([command.name, "-h"]), asked);
    });
  }

  const wrong: readonly (readonly [args: readonly string[], complaint: RegExp])[] = [
    [["srve"], /no command "srve": did you mean "serve"\?/],
    [["validate", "--formt", "json"], /Unknown option '--formt'[^]*See: weir help validate/],
    [["validate", "--format", "xml"], /--format is text or json, not xml/],
    [["test", "--require", "rules=200%"], /--require takes rules=N%/],
    [["test", "--require", "all"], /--require takes rules=N%/],
  ];
  for (const [args, complaint] of wrong) {
    it(`refuses: weir ${args.join(" ")}`, async () => {
      const { code, printed, complained } = await run(args);
      assert.deepEqual([code, printed], [2, ""]);
      assert.match(complained, complaint);
    });
  }
});
