// What the page weighs and how quick it is: `npm run measure`. No test, as times differ between machines.

import { readFileSync, readdirSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import { start } from "../mock/server.mjs";

const dist = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "dist");
const ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"];

let total = 0;
for (const file of readdirSync(dist, { recursive: true })) {
  if (!path.extname(file)) continue;
  const size = gzipSync(readFileSync(path.join(dist, file)), { level: 9 }).length;
  total += size;
  console.log(`${(size / 1024).toFixed(1).padStart(8)} kB  ${file}`);
}
console.log(`${(total / 1024).toFixed(1).padStart(8)} kB  in total, gzip -9\n`);

const mock = await start({ sites: 10_000 });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGUMENTS });
try {
  console.log(`${cpus().length} cores, load ${loadavg()[0].toFixed(1)}, WebGL in software, 10 000 sites`);
  for (const slowdown of [1, 4]) await measure(slowdown);
} finally {
  await browser.close();
  await mock.close();
}

async function measure(slowdown) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Emulation.setCPUThrottlingRate", { rate: slowdown });
  await page.addInitScript(() => {
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((entry) => Math.round(entry.duration)))).observe({ type: "longtask", buffered: true });
  });
  await page.goto(mock.url);
  await page.locator("#site-list [role=option]").first().waitFor();
  const listed = await page.evaluate(() => performance.now());
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  console.log(`\nprocessor ${slowdown === 1 ? "as it is" : `${slowdown} times slower`}: first contentful paint ${paint?.toFixed(0)} ms, list of sites by ${listed.toFixed(0)} ms`);
  await page.locator(".pane canvas").first().waitFor();
  await page.waitForTimeout(6000);
  const step = async (name, act) => {
    await page.evaluate(() => (window.tasks.length = 0));
    await act();
    await page.waitForTimeout(2000);
    const tasks = await page.evaluate(() => window.tasks);
    console.log(`  ${name}: ${tasks.length} tasks over 50 ms, longest ${Math.max(0, ...tasks)} ms`);
  };
  const tasks = await page.evaluate(() => window.tasks);
  console.log(`  load: longest task ${Math.max(0, ...tasks)} ms`);
  await step("type a search", () => page.locator("#search").pressSequentially("gold 12", { delay: 60 }));
  await step("clear it", () => page.fill("#search", ""));
  await step("choose a verdict", () => page.locator(".chip:visible").first().click());
  await step("all verdicts", () => page.locator(".chip:visible").first().click());
  await step("another order", () => page.selectOption("#order", "used"));
  await step("scroll the list", async () => {
    await page.mouse.move(200, 500);
    for (let i = 0; i < 15; i += 1) await page.mouse.wheel(0, 3000);
  });
  await step("hold the arrow key", async () => {
    await page.locator("#site-list").focus();
    for (let i = 0; i < 30; i += 1) await page.keyboard.press("ArrowDown");
  });
  await step("drag the map", async () => {
    await page.mouse.move(800, 400);
    await page.mouse.down();
    await page.mouse.move(950, 470, { steps: 12 });
    await page.mouse.up();
  });
  await step("zoom the map", async () => {
    for (let i = 0; i < 4; i += 1) await page.mouse.wheel(0, -240);
  });
  await page.close();
}
