// What the page weighs and how quick it is: `npm run measure`, on the mock or on the server that MINESEGSAT_URL names. No test, as times
// differ between machines.

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

const url = process.env.MINESEGSAT_URL;
const server = url ? { url, close: () => {} } : await start({ sites: 10_000 });
const { sites } = await (await fetch(`${server.url}/api/sites`)).json();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGUMENTS });
try {
  console.log(`${cpus().length} cores, load ${loadavg()[0].toFixed(1)}, WebGL in software, ${sites.length} sites`);
  await measure();
} finally {
  await browser.close();
  await server.close();
}

/** Times of tasks of the page's main thread in ms: on the processor, which a busy machine does not lengthen, and on the clock. */
async function tasksOf(page, act) {
  await browser.startTracing(page, { categories: ["toplevel"] });
  await act();
  await page.waitForTimeout(1500);
  const { traceEvents: events } = JSON.parse((await browser.stopTracing()).toString());
  const threads = new Set(events.filter((e) => e.name === "thread_name" && e.args.name === "CrRendererMain").map((e) => `${e.pid}/${e.tid}`));
  const tasks = events.filter((e) => e.ph === "X" && threads.has(`${e.pid}/${e.tid}`));
  return { cpu: Math.max(0, ...tasks.map((e) => (e.tdur ?? 0) / 1000)), clock: Math.max(0, ...tasks.map((e) => e.dur / 1000)) };
}

async function measure() {
  const page = await browser.newPage({ viewport: { width: 1100, height: 700 } });
  page.setDefaultTimeout(300_000);
  const step = async (name, act) => {
    const { cpu, clock } = await tasksOf(page, act);
    console.log(`  ${name.padEnd(20)} longest task ${cpu.toFixed(0).padStart(5)} ms of processor, ${clock.toFixed(0).padStart(5)} ms on the clock`);
  };
  await step("load", async () => {
    await page.goto(server.url);
    await page.locator("#site-list [role=option]").first().waitFor();
    const listed = await page.evaluate(() => performance.now());
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    console.log(`  first contentful paint ${paint?.toFixed(0)} ms, list of sites by ${listed.toFixed(0)} ms, on the clock`);
    await page.locator(".pane canvas").first().waitFor();
    await page.waitForTimeout(5000);
  });
  await step("type a search", () => page.locator("#search").pressSequentially("gold 12", { delay: 60 }));
  await step("clear it", () => page.fill("#search", ""));
  await step("choose a verdict", () => page.locator(".chip:visible").first().press("Enter"));
  await step("all verdicts", () => page.locator(".chip:visible").first().press("Enter"));
  await step("another order", () => page.selectOption("#order", "used"));
  await step("scroll the list", async () => {
    for (let i = 1; i <= 15; i += 1) await page.locator("#site-list").evaluate((list, top) => (list.scrollTop = top), i * 40_000);
  });
  await step("hold the arrow key", async () => {
    await page.locator("#site-list").focus();
    for (let i = 0; i < 20; i += 1) await page.keyboard.press("ArrowDown");
  });
  await step("move the map", async () => {
    await page.locator(".pane canvas").first().focus();
    for (let i = 0; i < 3; i += 1) await page.keyboard.press("ArrowRight");
  });
  await step("zoom the map", () => page.keyboard.press("+"));
  await page.close();
}
