/** A browser, a page on the mock or on the server that `MINESEGSAT_URL` names, and what every test wants of it. */

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

export const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** Without a network of its own, and drawing WebGL in software. */
export const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const WEBGL = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"];

export interface MockOptions {
  sites?: number;
  token?: string;
  /** Users by their tokens. */
  users?: Record<string, { name: string; role: string }>;
  readingNeedsToken?: boolean;
  jobsEnabled?: boolean;
  writingEnabled?: boolean;
  hasKey?: boolean;
}

interface Mock {
  url: string;
  close(): Promise<void>;
}

// Compiled tests lie elsewhere; tests/run.mjs starts them in web/.
const mockModule = pathToFileURL(path.resolve("mock/server.mjs")).href;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function startMock(options: MockOptions = {}): Promise<Mock> {
  const { start } = (await import(mockModule)) as { start(options: MockOptions): Promise<Mock> };
  return start(options);
}

export interface Setting extends BrowserContextOptions {
  mock?: MockOptions;
  /** Jobs are ordered, which the mock only pretends to do: needs the program, and its token in MINESEGSAT_TOKEN. */
  program?: boolean;
  hash?: string;
  webgl?: boolean;
}

/** Drawing a map without a graphics card takes seconds, so only tests of the map have one. */
export const WITH_MAP = { webgl: true } as const;

export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } as const;

const server = process.env["MINESEGSAT_URL"];
export const isMock = server === undefined;

const browsers = new Map<boolean, Browser>();
let shared: Mock | null = null;

before(async () => {
  if (existsSync(CHROMIUM) && isMock) shared = await startMock();
});

after(async () => {
  for (const browser of browsers.values()) await browser.close();
  await shared?.close();
});

async function browserWith(webgl: boolean): Promise<Browser> {
  const running = browsers.get(webgl);
  if (running) return running;
  const args = [...ARGUMENTS, ...(webgl ? WEBGL : ["--disable-3d-apis"])];
  const browser = await chromium.launch({ executablePath: CHROMIUM, args });
  browsers.set(webgl, browser);
  return browser;
}

/** A test with a page that has loaded. Complaints of the browser fail it, and so do requests that leave the server. */
export function pageTest(name: string, setting: Setting, body: (page: Page, url: string) => Promise<void>): void {
  const skip = !existsSync(CHROMIUM)
    ? `${CHROMIUM} is missing: install chromium, or name one with CHROMIUM`
    : setting.mock && !isMock
      ? "needs a mock with settings of its own"
      : setting.program && (isMock || !process.env["MINESEGSAT_TOKEN"])
        ? "needs the program, and its token in MINESEGSAT_TOKEN"
        : false;
  test(name, { skip, timeout: 900_000 }, async () => {
    const { mock: options, program: _, hash = "", webgl = false, ...context_options } = setting;
    const mock = options ? await startMock(options) : null;
    const url = mock?.url ?? shared?.url ?? server ?? "";
    const context = await (await browserWith(webgl)).newContext({
      viewport: { width: 1100, height: 700 },
      // Flights over the map are dozens of frames that a machine without a graphics card draws one by one.
      reducedMotion: "reduce",
      acceptDownloads: true,
      // Tests look for English words; tests/browser/languages.test.ts says otherwise.
      locale: "en-GB",
      ...context_options,
    });
    context.setDefaultTimeout(300_000);
    const complaints: string[] = [];
    try {
      const page = await context.newPage();
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (message) => {
        if (/Content Security Policy/i.test(message.text())) complaints.push(message.text());
      });
      page.on("request", (request) => {
        const to = new URL(request.url());
        if (to.protocol.startsWith("http") && to.origin !== new URL(url).origin) complaints.push(`a request left the server: ${to.href}`);
      });
      await page.goto(`${url}/${hash}`);
      await body(page, url);
      if (complaints.length > 0) throw new Error(complaints.join("\n"));
    } finally {
      await context.close();
      await mock?.close();
    }
  });
}

/** The list is there. */
export async function listed(page: Page): Promise<void> {
  await page.locator("#site-list [role=option]").first().waitFor();
}

/** A site is there. */
export async function opened(page: Page): Promise<void> {
  await page.locator("#verdict").waitFor();
}

/** The map is there; only in tests that have `WITH_MAP`. */
export async function mapped(page: Page): Promise<void> {
  await page.locator(".pane canvas").first().waitFor();
}

/** The site with the most observations, and of these one that a search for its name finds alone. */
export async function richest(page: Page, url: string): Promise<{ id: string; name: string; observations: number }> {
  const { sites } = (await (await page.request.get(`${url}/api/sites`)).json()) as { sites: { id: string; name: string; observations: number }[] };
  const found = (name: string): number => sites.filter((site) => site.name.includes(name)).length;
  const [most] = sites.sort((a, b) => b.observations - a.observations || found(a.name) - found(b.name));
  if (!most || most.observations < 2) throw new Error("the server has no site with two observations");
  return most;
}

/** Opens it from the list, as somebody does. */
export async function openSite(page: Page, site: { id: string; name: string }): Promise<void> {
  await listed(page);
  await page.fill("#search", site.name);
  // The list is drawn anew after a pause: a click before that may fall on a row that goes.
  await linkHas(page, "q=");
  await page.locator(`[data-site="${site.id}"]`).click();
  await opened(page);
}

/** Fields of the link, once the page has written them. */
export async function linkHas(page: Page, part: string | RegExp): Promise<void> {
  await page.waitForFunction(
    ([source]) => new RegExp(source ?? "").test(decodeURIComponent(location.hash)),
    [typeof part === "string" ? part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&") : part.source],
  );
}

/** What axe-core finds against WCAG 2.2 A and AA, and its best practices. */
export async function violations(page: Page): Promise<string[]> {
  // By evaluation and not as a script, which the policy of the page would refuse.
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import("axe-core") };
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.flatMap((violation) => violation.nodes.map((node) => `${violation.id}: ${node.target.join(" ")}: ${node.failureSummary ?? ""}`));
  });
}
