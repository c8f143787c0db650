import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import axe, { type AxeResults } from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { Found } from "../servers/ensure.ts";

/** A page of the console in a real browser. */
export interface Visit {
  page: Page;
  /** What the page complained of so far: exceptions, messages of its console, what its policy forbade. */
  complaints: string[];
}

/** How a page is looked at. */
export interface Look {
  /** In the tab before the page is there. */
  token?: string;
  scheme?: "light" | "dark";
  width?: number;
}

/** Starts the browser; `open` ends it. */
export async function startBrowser(program: Found, open: AsyncDisposableStack): Promise<Browser> {
  // Who runs as root has no sandbox; what is opened here is ours.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath: onPath(program.binary), args });
  return open.adopt(browser, (started) => started.close());
}

/** The library takes no name of a program, only where it stands. */
const onPath = (binary: string): string =>
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, binary))
    .find((path) => existsSync(path)) ?? binary;

/** Opens a tab of its own, with nothing of the others. */
export async function visit(browser: Browser, url: string, look: Look = {}): Promise<Visit> {
  const options: BrowserContextOptions = {
    colorScheme: look.scheme ?? "light",
    viewport: { width: look.width ?? 1_180, height: 800 },
  };
  const context = await browser.newContext(options);
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // That an answer has a status of refusal is Chromium's remark, and the page's to tell.
    if (!/^Failed to load resource: /.test(message.text())) complaints.push(message.text());
  });
  // Written as text: it runs in the page, which has other globals than a test.
  await page.addInitScript({
    content: `
      if (${JSON.stringify(look.token !== undefined)})
        sessionStorage.setItem("weir-admin-token", ${JSON.stringify(look.token ?? "")});
      addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
        console.error("forbidden: " + violatedDirective + " " + blockedURI));`,
  });
  await page.goto(url);
  return { page, complaints };
}

/** What is wrong with a page for people who hear it, use the keyboard, or see little: axe's findings, a line each. */
export async function inaccessible(page: Page): Promise<readonly string[]> {
  // An evaluated script is the test's own: the page's policy does not hold for it.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>(`axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  })`);
  return violations.map(
    ({ id, impact, nodes }) => `${impact ?? "?"} ${id}: ${nodes.map(({ html }) => html).join(" ")}`,
  );
}
