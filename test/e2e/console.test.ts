import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import type { Look } from "../support/browser.ts";
import { askLimit, check, ConsoleSuite, MARKUP, rowsOf, TOKEN } from "../support/console.ts";
import { until } from "../support/until.ts";
import { freePort } from "../support/weir.ts";

describe("the console in a browser", function () {
  this.timeout(60_000);
  const suite = new ConsoleSuite();
  before(function () {
    return suite.start(this);
  });
  afterEach(() => suite.finish());
  after(() => suite.stop());
  const show = (hash: string, look?: Look): Promise<Page> => suite.show(hash, look);

  it("asks for the token, tells of a wrong one, and keeps the right one for the tab", async () => {
    const page = await show("decisions", {});
    const token = page.getByLabel("Admin token");
    await token.fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("This is not the admin token.").waitFor();
    await token.fill("two words");
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByText("without a space").waitFor();
    await token.fill(TOKEN);
    await page.getByRole("button", { name: "Open" }).click();
    await rowsOf(page).first().waitFor();
    await page.reload();
    await rowsOf(page).first().waitFor();
    assert.equal(await page.evaluate("localStorage.length + document.cookie.length"), 0);
    await page.getByRole("button", { name: "Forget the token" }).click();
    await token.waitFor();
    assert.equal(await page.evaluate("sessionStorage.length"), 0);
  });

  it("asks for another token where the one that it has is no good any more", async () => {
    const page = await show("state", { token: "old" });
    await page.getByText("This is not the admin token.").waitFor();
    await page.getByLabel("Admin token").waitFor();
  });

  it("shows what is live", async () => {
    const page = await show("state");
    const { configuration } = await statusOf();
    await page.getByText(configuration.revision).waitFor();
    for (const [table, row] of [
      ["Policies", "shop enforce"],
      ["Policies", "trial shadow"],
      ["Parts of the configuration", "platform current"],
      ["Handler", "blocked ready"],
    ] as const) {
      const words = new RegExp(row.replace(" ", ".*"));
      await page.getByRole("table", { name: table }).getByRole("row", { name: words }).waitFor();
    }
    await page.getByText("No override holds.").waitFor();
  });

  const statusOf = async (): Promise<{ configuration: { revision: string } }> => {
    const answer = await fetch(`${suite.base}status`, { headers: { authorization: `Bearer ${TOKEN}` } });
    return (await answer.json()) as { configuration: { revision: string } };
  };

  it("shows refusals as they come, and chooses among them", async () => {
    const page = await show("decisions");
    await page.getByRole("link", { name: "DELETE shop.example.com/things/2" }).waitFor();
    await page.getByLabel("Policy").fill("shop");
    await page.keyboard.press("Enter");
    await page.getByLabel("Rule").fill("no-delete");
    await page.keyboard.press("Tab");
    await until(async () => (await rowsOf(page).count()) === 1, { what: "one row to be left" });
    assert.match(page.url(), /#\/decisions\?policy=shop&rule=no-delete/);
    await page.getByLabel("Rule").fill("");
    await page.getByLabel("Text").fill("THINGS/1");
    await until(async () => (await rowsOf(page).allInnerTexts()).join().includes("/things/1"), {
      what: "the row with the text",
    });
    await page.getByLabel("Text").fill("no such thing");
    await page.getByText(/^0 of \d+ have this text/).waitFor();
    await page.getByLabel("Text").fill("");
    await page.getByLabel("Verdict").selectOption("not decided");
    await page.getByText("No refusal that fits is kept.").waitFor();
    await page.getByLabel("Verdict").selectOption("any");
    await check(suite.weir, "DELETE", "shop.example.com", "/things/new");
    await page.getByRole("link", { name: "/things/new" }).waitFor();
    assert.match((await rowsOf(page).first().innerText()).replaceAll("\n", " "), /DELETE .*\/things\/new/);
    await page.getByRole("status").getByText("1 new refusal").waitFor({ state: "attached" });
  });

  it("stops where it is told to, and goes on", async () => {
    const page = await show("decisions");
    await rowsOf(page).first().waitFor();
    const pause = page.getByRole("button", { name: "Pause" });
    await pause.click();
    assert.equal(await pause.getAttribute("aria-pressed"), "true");
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await check(suite.weir, "DELETE", "shop.example.com", "/while-paused");
    // Another page of the same browser, which is not paused, has seen it long before this one would have asked again.
    const other = await show("decisions");
    await other.getByRole("link", { name: "/while-paused" }).waitFor();
    assert.deepEqual(asked, []);
    assert.equal(await page.getByRole("link", { name: "/while-paused" }).count(), 0);
    await pause.click();
    await page.getByRole("link", { name: "/while-paused" }).waitFor();
  });

  it("opens one, with what everything came to, and explains it anew", async () => {
    const page = await show("decisions");
    await page.getByRole("link", { name: "PUT shop.example.com/things/1" }).click();
    await page.getByRole("heading", { level: 1, name: /^Decision d_/ }).waitFor();
    const policy = page.locator(".policy", { hasText: "no-delete" });
    await policy
      .locator(".deciding", { hasText: "denies what no rule allows" })
      .getByText("decided")
      .waitFor();
    // What the default refuses for is open; the rest can be opened.
    await policy.getByText('request.method == "GET"', { exact: true }).waitFor();
    const rule = policy.locator("details", { hasText: "no-delete" });
    assert.equal(await rule.getAttribute("open"), null);
    await rule.locator("summary").click();
    await rule.getByText('request.method == "DELETE"').waitFor();
    await page.getByRole("link", { name: "Explain this one" }).click();
    assert.equal(await page.getByLabel("URL").inputValue(), "http://shop.example.com/things/1");
    assert.equal(await page.getByLabel("Method").inputValue(), "PUT");
    await page.goBack();
    await page.getByText("by shop/default").waitFor();
  });

  it("says that a decision is not there any more", async () => {
    const page = await show("decisions/d_aaaaaaaaaaaaaaaa");
    await page.getByText("this process has no such refusal").waitFor();
  });

  it("shows what callers choose as text", async () => {
    const page = await show("decisions");
    const link = page.getByRole("link", { name: MARKUP });
    await link.waitFor();
    await link.click();
    await page.getByText(`${MARKUP} shop.example.com`).waitFor();
    await page.getByRole("link", { name: "Explain this one" }).click();
    await page.getByRole("button", { name: "Explain" }).click();
    await page.getByText(`request.method = "${MARKUP}"`).first().waitFor({ state: "attached" });
    assert.equal(await page.locator("img").count(), 0);
  });

  it("explains what is described", async () => {
    const page = await show("explain");
    await page.getByLabel("URL").fill("https://shop.example.com/things/7?x=1");
    await page.getByLabel("Headers").fill("accept: */*\nx-a: 1");
    await page.getByLabel("SPIFFE ID of the caller").fill("spiffe://cluster.local/ns/shop/sa/web");
    const explain = page.getByRole("button", { name: "Explain" });
    await explain.click();
    await page.getByText("not decided").first().waitFor();
    await page.getByText("nothing says what blocked answers").waitFor();
    await page.getByLabel("What handlers answer").fill("blocked:\n  allow: true");
    await explain.click();
    const result = page.locator(".result");
    await result.getByText("by shop/reads").waitFor();
    await result.locator(".deciding", { hasText: "reads" }).getByText("grants").waitFor();
    await result.getByText("1 policy does not apply").click();
    await result.getByText("trial: other hosts").waitFor();
    await page.getByLabel("Identities that are given").fill("{workload: {service_account: eve}}");
    await page.getByLabel("What handlers answer").fill("{blocked: deny}");
    await explain.click();
    await result.getByText("denied 403").waitFor();
    await result.getByText("by shop/not-blocked").waitFor();
  });

  const wrong: readonly (readonly [field: string, text: string, told: RegExp])[] = [
    ["URL", "shop.example.com", /The URL begins with http/],
    ["Headers", "no colon", /This is no header line, name: value: no colon/],
    ["Identities that are given", "{workload: {", /Nothing was explained: the request is not well described/],
    ["What handlers answer", "{blocked: maybe}", /blocked takes allow, deny, timeout/],
  ];
  for (const [field, text, told] of wrong) {
    it(`says what is wrong with ${text} as ${field}`, async () => {
      const page = await show("explain");
      await page.getByLabel("URL").fill("https://shop.example.com/");
      await page.getByLabel(field).fill(text);
      await page.getByRole("button", { name: "Explain" }).click();
      await page.getByText(told).waitFor();
    });
  }

  it("tells what rules in shadow and the candidate would decide otherwise, and leaves open what is opened", async () => {
    const page = await show("differences");
    await page.getByText(/^The candidate is .*, revision [0-9a-f]{12}\.$/).waitFor();
    const counts = page.getByRole("table", { name: "Differences" });
    for (const name of [
      /^shop\/late shadow .*allow .*deny .*\d$/,
      /^shop\/everything candidate .*deny 403 .*allow .*\d$/,
    ])
      await counts.getByRole("row", { name }).waitFor();
    await page.getByLabel("Of").selectOption("shadow");
    const last = page.locator(".differences > li");
    await until(async () => (await last.count()) === 1, { what: "one difference to be left" });
    await last.locator("summary").first().click();
    await last
      .locator(".deciding", { hasText: "late" })
      .getByText('request.path_segments[0] == "late"')
      .waitFor();
    await check(suite.weir, "GET", "shop.example.com", "/late/again");
    await last.getByText("shop.example.com/late/again").waitFor();
    for (const [index, open] of [0, 1].entries())
      assert.equal(await last.nth(index).locator("> details[open]").count(), open);
    await page.getByLabel("Of").selectOption("candidate");
    await last.getByText(MARKUP).first().waitFor();
    await page.getByLabel("Rule").fill("nobody's");
    await page.keyboard.press("Enter");
    await page.getByText("None that fits is kept.").waitFor();
  });

  it("shows what is left of quotas, and resets one key after it was asked", async () => {
    for (let times = 0; times < 3; times++) await check(suite.weir, "GET", "shop.example.com", "/counted/a");
    await check(suite.weir, "GET", "shop.example.com", "/counted/b");
    const page = await show("quotas");
    const card = page.locator(".quota", { hasText: "shop/per-path" });
    await card.getByText("2 of 2 per day UTC, exhausted").waitFor();
    await card.getByText("2 charged, 1 refused here").waitFor();
    assert.equal(await card.locator(".keys > li").count(), 2);
    assert.doesNotMatch(await card.innerText(), /127\.0\.0\.1/);
    await page.locator(".quota", { hasText: "shop/exports" }).getByText("Nothing was counted here").waitFor();
    await page.getByLabel("Quota").fill("per-path");
    await page.keyboard.press("Enter");
    await page.locator(".quota", { hasText: "shop/exports" }).waitFor({ state: "detached" });
    const row = card.locator(".keys > li", { hasText: "/counted/a" });
    const open = row.getByRole("button", { name: /^Reset \/counted\/a #/ });
    const focused = (): Promise<string> =>
      page.evaluate("String(document.activeElement.getAttribute('aria-label'))");
    await open.focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    assert.match(await focused(), /^Reset \/counted\/a/);
    await page.keyboard.press("Enter");
    await row.getByRole("group", { name: /^Reset \/counted\/a #.*\?$/ }).waitFor();
    await page.keyboard.press("Enter");
    await row.getByText("0 of 2 per day UTC, 2 left").waitFor();
    await page
      .getByRole("status")
      .getByText(/^\/counted\/a #.* begins anew\.$/)
      .waitFor({ state: "attached" });
    await card.locator(".keys > li", { hasText: "/counted/b" }).getByText("1 of 2 per day UTC").waitFor();
    assert.match(await focused(), /^Reset \/counted\/a/);
    await page.getByLabel("Policy").fill("nobody's");
    await page.keyboard.press("Enter");
    await page.getByText("None fits.").waitFor();
  });

  it("shows what is left of rate limits, and resets one key of them", async () => {
    for (let times = 0; times < 3; times++) await askLimit(suite.weir, "edge", "plan=gold", "user=alice");
    const page = await show("quotas?domain=edge");
    const card = page.locator(".quota", { hasText: "edge" });
    await card.getByText("2 per day by plan=gold, user. fixed").waitFor();
    await card.getByText("exhausted").waitFor();
    await card.getByText("2 charged, 1 refused here").waitFor();
    assert.equal(await page.locator(".quota").count(), 1);
    assert.doesNotMatch(await card.innerText(), /alice/);
    await card.getByRole("button", { name: /^Reset plan=gold user=#/ }).click();
    await card.getByRole("button", { name: "Reset it" }).click();
    await card.getByText("0 of 2 per day, 2 left").waitFor();
  });

  it("says that weir has gone away, and when it is back", async () => {
    const port = await freePort();
    const own = await suite.startWeirAt(port);
    const page = await suite.show("decisions", { token: TOKEN }, `http://127.0.0.1:${port}/`);
    await page.getByText("No refusal that fits is kept.").waitFor();
    await own.process.stop();
    const away = page.getByRole("alert").getByText(/^weir does not answer\. What is shown is of \d\d:/);
    await away.waitFor({ timeout: 10_000 });
    const back = await suite.startWeirAt(port);
    await away.waitFor({ state: "hidden", timeout: 10_000 });
    await check(back, "DELETE", "shop.example.com", "/after");
    await page.getByRole("link", { name: "/after" }).waitFor({ timeout: 10_000 });
  });

  it("shows a thousand of more than a thousand", async () => {
    for (let batch = 0; batch < 24; batch++)
      await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          check(suite.weir, "DELETE", "many.example.com", `/${batch}/${index}`),
        ),
      );
    const page = await show("decisions?limit=1000");
    await page.getByText("1000 shown.").waitFor();
    assert.equal(await rowsOf(page).count(), 1_000);
    await page.getByLabel("Text").fill("/23/49");
    await page.getByText("1 of 1000 have this text.").waitFor();
  });
});
