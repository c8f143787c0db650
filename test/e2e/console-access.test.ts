import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { inaccessible, type Look } from "../support/browser.ts";
import { check, ConsoleSuite, rowsOf, TOKEN } from "../support/console.ts";

const PAGES = ["state", "decisions", "explain", "differences", "quotas", "telemetry"] as const;

/** Where the others begin. */
const HASHES: Readonly<Record<string, string>> = {
  decision: "decisions?policy=shop&text=PUT",
  held: "state",
};

describe("the console for everybody", function () {
  this.timeout(60_000);
  const suite = new ConsoleSuite();
  before(function () {
    return suite.start(this);
  });
  afterEach(() => suite.finish());
  after(() => suite.stop());
  const show = (hash: string, look?: Look): Promise<Page> => suite.show(hash, look);

  it("is used with the keyboard alone", async () => {
    const page = await show("state");
    await page.getByText("Revision").waitFor();
    const focused = (): Promise<string> => page.evaluate("document.activeElement.textContent");
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "To the content");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "Decisions");
    assert.notEqual(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "none");
    await page.keyboard.press("Enter");
    await rowsOf(page).first().waitFor();
    assert.equal(await focused(), "Decisions", "the title has the focus");
    assert.equal(await page.evaluate("document.activeElement.tagName"), "H1");
    // Five filters and the button, then the first row.
    for (let times = 0; times < 7; times++) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: /^Decision d_/ }).waitFor();
    await page.getByText("Explain this one").or(page.getByText("Too many")).waitFor();
  });

  for (const scheme of ["light", "dark"] as const) {
    it(`is ${scheme} where that is asked for`, async () => {
      const page = await show("state", { token: TOKEN, scheme });
      await page.getByText("Revision").waitFor();
      const shades = await page.evaluate<string[]>(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]",
      );
      const [ground = 0, text = 0] = shades.map((shade) => Number(/\d+/.exec(shade)?.[0]));
      assert.ok(scheme === "light" ? ground > 200 && text < 60 : ground < 60 && text > 200, shades.join());
    });

    for (const width of [360, 1_180]) {
      for (const name of [...PAGES, "decision", "token", "held"] as const) {
        it(`has no barrier on ${name}, ${scheme}, ${width} wide`, async () => {
          const look = { scheme, width, ...(name === "token" ? {} : { token: TOKEN }) };
          const page = await show(HASHES[name] ?? name, look);
          await READY[name](page);
          assert.deepEqual(await inaccessible(page), []);
          const overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
          assert.equal(await page.evaluate(overflow), 0);
        });
      }
    }
  }

  const READY: Readonly<
    Record<(typeof PAGES)[number] | "decision" | "token" | "held", (page: Page) => Promise<void>>
  > = {
    held: async (page) => {
      await suite.breakFiles();
      await page.getByRole("heading", { name: /^What is wrong in the newest files: platform/ }).waitFor();
    },
    state: (page) => page.getByText("Revision").waitFor(),
    decisions: (page) => rowsOf(page).first().waitFor(),
    decision: async (page) => {
      await check(suite.weir, "PUT", "shop.example.com", "/things/3");
      await page.getByRole("link", { name: "/things/3" }).first().click();
      await page.getByText("Explain this one").waitFor();
    },
    explain: async (page) => {
      await page.getByLabel("URL").fill("https://shop.example.com/");
      await page.getByRole("button", { name: "Explain" }).click();
      await page.getByRole("heading", { name: "Explanation" }).waitFor();
    },
    differences: async (page) => {
      await page.getByText("shop.example.com/late").waitFor();
      for (const summary of await page.locator(".differences > li > details > summary").all())
        await summary.click();
    },
    quotas: async (page) => {
      for (const path of ["/counted/a", "/counted/a", "/counted/a", "/counted/b"])
        await check(suite.weir, "GET", "shop.example.com", path);
      await page.getByText("exhausted").first().waitFor();
      await page.getByText("1 of 2 per day UTC").or(page.getByText("2 of 2")).first().waitFor();
      await page.getByRole("button", { name: "Reset /counted/b" }).click();
      await page.getByRole("button", { name: "Reset it" }).waitFor();
    },
    telemetry: (page) => page.getByText("every entry is accounted for").waitFor(),
    token: (page) => page.getByLabel("Admin token").waitFor(),
  };
});
