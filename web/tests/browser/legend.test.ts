import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { mapped, opened, pageTest, PHONE, violations, WITH_MAP } from "./harness.ts";

const SITE = { ...WITH_MAP, hash: "#site=larch-creek", mock: {} };
const group = (page: Page, name: string) => page.getByRole("group", { name: `Legend: ${name}` });

async function layersOpen(page: Page): Promise<void> {
  await opened(page);
  await mapped(page);
  const toggle = page.locator(".layers-toggle");
  if ((await toggle.getAttribute("aria-expanded")) === "false") await toggle.click();
}

pageTest("indices and probability have a bar with its ends", SITE, async (page) => {
  await layersOpen(page);
  // A picture in true colour needs none.
  assert.equal(await page.locator(".legend:visible").count(), 0);
  for (const [picture, name, text] of [
    ["ndvi", "Vegetation (NDVI)", "Colour bar from ≤ −0.2, water, bare ground, over 0.35 to ≥ 0.9, vegetation"],
    ["bsi", "Bare soil (BSI)", "Colour bar from ≤ −0.5, vegetation, over 0 to ≥ 0.5, bare soil"],
    ["ndwi", "Open water (NDWI)", "Colour bar from ≤ −0.8, dry land, over 0 to ≥ 0.8, open water"],
  ] as const) {
    await page.selectOption("#picture", picture);
    await group(page, name).getByRole("img", { name: text }).waitFor();
  }
  await page.selectOption("#overlay", "probability");
  await group(page, "Probability of mining-disturbed land").getByRole("img", { name: /^Colour bar from 0\s%, not disturbed, over 50\s% to 100\s%, disturbed$/ }).waitFor();
  await page.selectOption("#picture", "swir");
  await group(page, "Short-wave infrared").getByText("Vegetation is green", { exact: false }).waitFor();
  await page.selectOption("#picture", "none");
  assert.equal(await page.locator("#picture-legend").isVisible(), false);
});

pageTest("classes have swatches with words", SITE, async (page) => {
  await layersOpen(page);
  const items = async (): Promise<string[]> => page.locator("#overlay-legend li").allInnerTexts();
  await page.selectOption("#overlay", "change");
  await group(page, "Gain and loss of mining-disturbed land").waitFor();
  assert.deepEqual(await items(), ["Gain, newly disturbed", "Loss, no longer disturbed", "Disturbed on both dates", "Not assessable"]);
  await page.selectOption("#overlay", "mask");
  await group(page, "Mining-disturbed land").waitFor();
  assert.deepEqual(await items(), ["Disturbed land", "Not assessable"]);
});

pageTest("dates of disturbance have a bar from the first date to that of the map", SITE, async (page) => {
  await layersOpen(page);
  await page.selectOption("#overlay", "onset");
  const bar = (last: string) => group(page, "Date on which land became disturbed").getByRole("img", { name: new RegExp(`^Colour bar from 2019-06-20, first date, over \\d{4}-\\d{2}-\\d{2} to ${last}, last date$`) });
  const dates = page.locator("tbody [data-observation]");
  const [last, before] = (await dates.allInnerTexts()) as [string, string];
  await bar(last).waitFor();
  assert.match(await page.locator("#overlay-legend").innerText(), /2019-06-20[\s\S]*first date\s+last date/);
  // An earlier map has a scale of its own.
  await dates.nth(1).click();
  await bar(before).waitFor();
  // The first date has no series.
  await dates.last().click();
  await page.waitForFunction(() => document.querySelector<HTMLElement>("#overlay-legend")?.hidden);
  assert.equal(await page.locator("#overlay option[value=onset]").isDisabled(), true);
});

pageTest("dates of disturbance are drawn on the later date only", SITE, async (page) => {
  await layersOpen(page);
  const last = await page.locator("tbody [data-observation]").first().getAttribute("data-observation");
  /** Layer and observation of a tile. */
  const tileOf = (url: string): [string, string] | null => {
    const parts = new URL(url).pathname.split("/");
    return parts[1] === "tiles" && parts.at(-1)?.endsWith(".png") ? [parts[5] ?? "", parts[4] ?? ""] : null;
  };
  const drawn = new Set<string>();
  page.on("response", (response) => {
    const [layer, observation] = tileOf(response.url()) ?? [];
    if (layer === "onset" && observation) drawn.add(observation);
  });
  const tile = (of: string, isLast: boolean) =>
    page.waitForResponse((response) => {
      const [layer, observation] = tileOf(response.url()) ?? [];
      return layer === of && (observation === last) === isLast;
    });
  await Promise.all([tile("onset", true), page.selectOption("#overlay", "onset")]);
  await page.waitForTimeout(500);
  assert.deepEqual([...drawn], [last]);
  // Other layers are drawn on both.
  await Promise.all([tile("mask", true), tile("mask", false), page.selectOption("#overlay", "mask")]);
});

pageTest("a layer is asked for its legend once, whatever the date", SITE, async (page) => {
  const asked: string[] = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/tilejson.json")) asked.push(new URL(request.url()).pathname.split("/").at(-2) ?? "");
  });
  await layersOpen(page);
  for (const layer of ["ndvi", "bsi", "ndvi", "none", "ndvi"]) {
    await page.selectOption("#picture", layer);
    await page.waitForTimeout(100);
  }
  await page.locator("[data-row=after] .step").first().click();
  await page.selectOption("#picture", "bsi");
  await page.waitForTimeout(500);
  assert.deepEqual(asked, ["ndvi", "bsi"]);
});

pageTest("without TileJSON a layer is drawn without a legend", SITE, async (page) => {
  await page.route("**/tilejson.json", (route) => route.abort());
  await layersOpen(page);
  await page.selectOption("#overlay", "change");
  await page.waitForTimeout(500);
  assert.equal(await page.locator("#overlay-legend").isVisible(), false);
});

pageTest("predictions have legends too", { ...WITH_MAP, hash: "#tab=predictions&prediction=larch-creek-2024&overlay=mask&picture=ndvi", mock: {} }, async (page) => {
  await mapped(page);
  await group(page, "Mining-disturbed land").waitFor();
  // A layer that the map does not have has none.
  assert.equal(await page.locator("#picture-legend").isVisible(), false);
});

for (const [size, setting] of [["desktop", {}], ["phone", PHONE]] as const) {
  for (const colorScheme of ["light", "dark"] as const) {
    pageTest(`axe-core finds nothing on legends: ${size}, ${colorScheme}`, { ...SITE, ...setting, colorScheme }, async (page) => {
      await layersOpen(page);
      await page.selectOption("#picture", "ndvi");
      await page.selectOption("#overlay", "change");
      await group(page, "Gain and loss of mining-disturbed land").waitFor();
      assert.deepEqual(await violations(page), []);
      await page.selectOption("#picture", "false-colour");
      await page.selectOption("#overlay", "probability");
      await group(page, "Probability of mining-disturbed land").waitFor();
      assert.deepEqual(await violations(page), []);
      const body = page.locator(".layers-body");
      assert.ok(await body.evaluate((element) => element.scrollWidth <= element.clientWidth));
    });
  }
}
