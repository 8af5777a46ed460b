// Pictures of the page for the README, of a server that runs: `npm run screens -- URL OUTDIR`.

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";

/** Drawing without a graphics card takes its time. */
const PATIENCE_MS = 120_000;
const ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"];
const DESKTOP = { viewport: { width: 1280, height: 800 } };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 1, isMobile: true, hasTouch: true };

const [url, out] = process.argv.slice(2);
if (!url || !out) {
  console.error("npm run screens -- URL OUTDIR");
  process.exit(2);
}
const base = url.replace(/\/$/, "");
mkdirSync(out, { recursive: true });

const get = async (what) => {
  const response = await fetch(`${base}/api/${what}`);
  if (!response.ok) throw new Error(`${what}: the server answered with ${response.status}`);
  return response.json();
};

/** The observation with the largest gain of all sites, and the one before it that it is compared with. */
async function largestGain() {
  let found = null;
  for (const { id, observations } of (await get("sites")).sites) {
    if (observations < 2) continue;
    const site = await get(`sites/${encodeURIComponent(id)}`);
    for (const after of site.observations) {
      const before = site.observations.find((o) => o.date === after.compared_with);
      if (before && after.gain_ha !== null && after.gain_ha > (found?.gain_ha ?? -1)) found = { site, before, after, gain_ha: after.gain_ha };
    }
  }
  if (!found) throw new Error("no site has two observations that are compared");
  return found;
}

/** West, south, east, north as a place of the map, so that the whole of it is seen. */
function camera([west, south, east, north], width, height) {
  const mercator = (lat) => Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360));
  const zoom = Math.min(Math.log2((width * 360) / ((east - west) * 512)), Math.log2((height * 2 * Math.PI) / ((mercator(north) - mercator(south)) * 512)));
  return `${Math.min(zoom, 15.5).toFixed(2)}/${((south + north) / 2).toFixed(5)}/${((west + east) / 2).toFixed(5)}`;
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGUMENTS });

/** Opens the page in a window of its own; `prepare` waits for what must be there. */
async function screen(name, hash, { colorScheme = "light", ...window }, prepare) {
  const context = await browser.newContext({ locale: "en-GB", ...window, colorScheme, reducedMotion: "reduce" });
  context.setDefaultTimeout(PATIENCE_MS);
  try {
    const page = await context.newPage();
    await page.goto(`${base}/#${new URLSearchParams(hash).toString().replaceAll("%2F", "/").replaceAll("%2C", ",")}`);
    await prepare(page);
    await page.locator(".pane canvas").first().waitFor();
    await page.waitForLoadState("networkidle");
    // The name that a screen reader begins at has no business in a picture.
    await page.evaluate(() => document.activeElement?.blur());
    const png = await still(page);
    writeFileSync(path.join(out, name), png);
    console.log(`${name.padEnd(20)} ${(png.length / 1000).toFixed(0).padStart(5)} kB`);
  } finally {
    await context.close();
  }
}

/** When two pictures in a row are the same, nothing is drawn any more. */
async function still(page) {
  const end = Date.now() + PATIENCE_MS;
  let last = await page.screenshot();
  while (Date.now() < end) {
    await page.waitForTimeout(1500);
    const next = await page.screenshot();
    if (next.equals(last)) return next;
    last = next;
  }
  console.warn("the page was still changing");
  return last;
}

const opened = async (page) => {
  await page.locator("#verdict").waitFor();
  await page.locator("#chart canvas").waitFor();
};

try {
  const { site, before, after, gain_ha } = await largestGain();
  console.log(`${site.name}: gain of ${gain_ha.toFixed(1)} ha from ${before.date} to ${after.date}`);
  const on = { site: site.id, before: before.id, after: after.id };
  await screen("map-site.png", { ...on, outlines: "gain,loss", divider: "50" }, DESKTOP, opened);
  await screen("map-overview.png", {}, DESKTOP, (page) => page.locator("#site-list [role=option]").first().waitFor());
  await screen("map-dark.png", { ...on, outlines: "permit,boundary", compare: "off", overlay: "probability" }, { ...DESKTOP, colorScheme: "dark" }, async (page) => {
    await opened(page);
    await page.locator("#overlay-legend").waitFor();
  });
  await screen("map-phone.png", { ...on, outlines: "gain,loss" }, PHONE, opened);
  const [prediction] = (await get("predictions")).predictions.filter(({ bounds }) => bounds);
  if (!prediction) {
    console.log("map-prediction.png is left out: the workspace has no prediction");
  } else {
    const place = camera(prediction.bounds, 780, 600);
    await screen("map-prediction.png", { map: place, tab: "predictions", prediction: prediction.name, overlay: "mask" }, DESKTOP, async (page) => {
      await page.locator("[data-prediction][aria-pressed=true]").waitFor();
      await page.locator("#overlay-legend").waitFor();
    });
  }
} finally {
  await browser.close();
}
