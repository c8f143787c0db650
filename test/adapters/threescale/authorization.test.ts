import assert from "node:assert/strict";
import { readAuthorization } from "../../../adapters/threescale/authorization.ts";

const report = (
  metric: string,
  period: string,
  [max, current]: readonly [unknown, unknown],
  start = "",
): string =>
  `<usage_report metric="${metric}" period="${period}">${start === "" ? "" : `<period_start>${start}</period_start><period_end>${start}</period_end>`}` +
  `<max_value>${String(max)}</max_value><current_value>${String(current)}</current_value></usage_report>`;
const status = (inside: string): string =>
  `<status><authorized>true</authorized><plan>Basic</plan>${inside}</status>`;
const START = "2026-11-21 05:26:00 +0000";

describe("the body of an authorization", () => {
  it("tells plan, limits and hierarchy", () => {
    const body = status(
      `<usage_reports>${report("hits", "eternity", [1_000, 3])}${report("hits", "minute", [5, 2], START)}</usage_reports>` +
        `<hierarchy><metric name="hits" children="search a b"/><metric name="hits" children="search a b"/><metric name="a" children=""/></hierarchy>`,
    );
    const found = readAuthorization(`<?xml version="1.0"?>\n${body}`);
    assert.deepEqual(found?.limits, [
      { metric: "hits", period: "eternity", startMs: undefined, max: 1_000, current: 3 },
      { metric: "hits", period: "minute", startMs: Date.parse("2026-11-21T05:26:00Z"), max: 5, current: 2 },
    ]);
    assert.equal(found.plan, "Basic");
    assert.deepEqual(
      [...found.hierarchy],
      [
        ["hits", ["search", "a", "b"]],
        ["a", []],
      ],
    );
  });

  it("may have no limits", () => {
    assert.deepEqual(readAuthorization(status("")), { plan: "Basic", limits: [], hierarchy: new Map() });
    assert.deepEqual(readAuthorization(status("<usage_reports></usage_reports>"))?.limits, []);
  });

  it("is of one plan, whatever a reason was made to say", () => {
    const body =
      "<status><authorized>false</authorized><reason>x</reason><authorized>true</authorized><reason></reason><plan>A</plan></status>";
    assert.equal(readAuthorization(body)?.plan, "A");
    assert.equal(readAuthorization("<status><plan>A</plan><plan>B</plan></status>"), undefined);
  });

  for (const [what, body] of [
    ["nothing", ""],
    ["a page", "<html><body>hello</body></html>"],
    ["JSON", '{"status":"ok"}'],
    ["an error", '<error code="user_key_invalid">x</error>'],
    ["no plan", "<status><authorized>true</authorized></status>"],
    [
      "a period that is none",
      status(`<usage_reports>${report("hits", "decade", [1, 1], START)}</usage_reports>`),
    ],
    [
      "a limit without a metric",
      status(`<usage_reports>${report("", "day", [1, 1], START)}</usage_reports>`),
    ],
    [
      "a limit that is no number",
      status(`<usage_reports>${report("hits", "day", ["many", 1], START)}</usage_reports>`),
    ],
    ["a negative use", status(`<usage_reports>${report("hits", "day", [1, -1], START)}</usage_reports>`)],
    ["a window without a start", status(`<usage_reports>${report("hits", "day", [1, 1])}</usage_reports>`)],
    [
      "a start that is no moment",
      status(`<usage_reports>${report("hits", "day", [1, 1], "yesterday")}</usage_reports>`),
    ],
    ["what is cut off", status("").slice(0, -3)],
  ] as const) {
    it(`is not ${what}`, () => assert.equal(readAuthorization(body), undefined));
  }
});
