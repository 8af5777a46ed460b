import assert from "node:assert/strict";
import { isMock, linkHas, mapped, opened, openSite, pageTest, richest, WITH_MAP } from "./harness.ts";

pageTest("sliders go over all observations, and verdict, table and link follow", {}, async (page, url) => {
  const site = await richest(page, url);
  await openSite(page, site);
  const after = page.locator(".range-after");
  assert.equal(await after.getAttribute("max"), String(site.observations - 1));
  await after.focus();
  await page.keyboard.press("Home");
  const date = await page.locator("[data-row=after] output").innerText();
  await linkHas(page, `after=${date}`);
  assert.match(await page.locator("#verdict").innerText(), new RegExp(date));
  assert.match((await after.getAttribute("aria-valuetext")) ?? "", new RegExp(`^${date}, .* disturbed, `));
  assert.equal(await page.locator("tr.current .link").innerText(), date);
  // The first observation has none before it to compare with.
  assert.equal(await page.locator("#compare").isDisabled(), true);
  await page.locator("[data-row=after] .step").last().click();
  assert.equal(await page.locator("#compare").isDisabled(), false);
  assert.equal(await page.locator("[data-row=before] output").innerText(), date);
});

pageTest("the swipe is a slider for the keyboard and a handle for the mouse", WITH_MAP, async (page, url) => {
  await openSite(page, await richest(page, url));
  await mapped(page);
  const handle = page.getByRole("slider", { name: "Divider between before and after" });
  await handle.focus();
  await page.keyboard.press("ArrowLeft");
  assert.equal(await handle.getAttribute("aria-valuenow"), "48");
  assert.equal(await handle.getAttribute("aria-valuetext"), "before 48\u00a0%, after 52\u00a0%");
  await page.keyboard.press("Home");
  assert.equal(await handle.getAttribute("aria-valuenow"), "0");
  await page.keyboard.press("End");
  await linkHas(page, "divider=100");
  await page.keyboard.press("Home");
  for (let i = 0; i < 3; i += 1) await page.keyboard.press("PageUp");
  const box = (await handle.boundingBox())!;
  const map = (await page.locator("#map").boundingBox())!;
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(map.x + map.width * 0.75, box.y, { steps: 4 });
  await page.mouse.up();
  assert.ok(Math.abs(Number(await handle.getAttribute("aria-valuenow")) - 75) < 3);
  const clip = await page.locator(".pane-before").evaluate((pane) => getComputedStyle(pane).clipPath);
  assert.match(clip, /inset\(/);
});

pageTest("layers, opacity and outlines", WITH_MAP, async (page, url) => {
  await openSite(page, await richest(page, url));
  await mapped(page);
  const tile = (layer: string) => page.waitForResponse((response) => response.url().includes(`/${layer}/`) && response.ok());
  const option = page.locator("#picture option:not([disabled]):not([value=true-colour]):not([value=none])").first();
  const picture = (await option.getAttribute("value")) ?? "";
  const [response] = await Promise.all([tile(picture), page.selectOption("#picture", picture)]);
  assert.equal(response.headers()["content-type"], "image/png");
  await linkHas(page, `picture=${picture}`);
  await page.locator("#pictureOpacity").fill("40");
  await linkHas(page, "picture-opacity=40");
  const overlay = (await page.locator("#overlay option:not([disabled]):not([value=none])").first().getAttribute("value")) ?? "";
  await Promise.all([tile(overlay), page.selectOption("#overlay", overlay)]);
  await page.locator("#overlayOpacity").fill("85");
  await linkHas(page, "overlay-opacity=85");
  await page.locator("[data-outline=gain]").uncheck();
  await linkHas(page, "outlines=disturbed,loss,permit,boundary");
  await page.locator("[data-row=before] input[type=checkbox]").uncheck();
  assert.equal(await page.locator("#swipe").isVisible(), false);
  await linkHas(page, "compare=off");
});

pageTest("the chart is drawn, has words and a table beside it", {}, async (page, url) => {
  const site = await richest(page, url);
  await openSite(page, site);
  const canvas = page.locator("#chart canvas");
  await canvas.waitFor();
  const isDrawn = await canvas.evaluate((element) => {
    const { width, height } = element as HTMLCanvasElement;
    const pixels = (element as HTMLCanvasElement).getContext("2d")!.getImageData(0, 0, width, height).data;
    return pixels.some((value) => value > 0);
  });
  assert.ok(isDrawn);
  assert.match((await page.locator("#chart").getAttribute("aria-label")) ?? "", /table of observations/);
  const rows = page.getByRole("row").filter({ has: page.locator("[data-observation]") });
  assert.equal(await rows.count(), site.observations);
  await rows.last().locator("[data-observation]").click();
  assert.match(await page.locator("#reading").innerText(), new RegExp(await rows.last().locator("[data-observation]").innerText()));
  for (const value of await page.locator("#quantity option").evaluateAll((options) => options.map((o) => (o as HTMLOptionElement).value))) {
    await page.selectOption("#quantity", value);
    await canvas.waitFor();
  }
});

pageTest("report, evidence pack and exports", {}, async (page, url) => {
  await openSite(page, await richest(page, url));
  const href = (await page.getByRole("link", { name: /^Report/ }).getAttribute("href")) ?? "";
  const report = await page.request.get(href);
  assert.match(report.headers()["content-type"] ?? "", /text\/html/);
  assert.match(href, /\/report\?lang=en$/);
  const saved = async (group: string, button: string): Promise<string> => {
    const inside = page.getByRole("group", { name: group });
    const [download] = await Promise.all([page.waitForEvent("download"), inside.getByRole("button", { name: button, exact: true }).click()]);
    return download.suggestedFilename();
  };
  assert.match(await saved("Report and downloads", "Report as PDF"), /\.pdf$/);
  await page.getByText("More files").click();
  const land = "Disturbed land of all dates";
  assert.deepEqual(await page.getByRole("group", { name: land }).getByRole("button").allInnerTexts(), ["GeoPackage", "GeoJSON", "Shapefile", "KML", "CSV", "XLSX"]);
  assert.match(await saved(land, "GeoPackage"), /_land\.gpkg$/);
  // Browsers hold back a page that saves more than ten files.
  assert.match(await saved("Rasters of ", "Mapped land (GeoTIFF)"), /\.tif$/);
  assert.match(await saved("Site, permits and observations", "GeoJSON"), /\.geojson$/);
  assert.match(await saved("Site, permits and observations", "GeoPackage"), /\.gpkg$/);
  const evidence = page.getByRole("button", { name: /^Evidence pack/ });
  const toast = page.locator(".toast");
  const [outcome] = await Promise.all([Promise.race([page.waitForEvent("download"), toast.waitFor()]), evidence.click()]);
  if (outcome) assert.match(outcome.suggestedFilename(), /\.zip$/);
  else assert.match(await toast.innerText(), /--key/);
});

pageTest("a pack that is refused is told in the server's words", { mock: { hasKey: false }, hash: "#site=larch-creek" }, async (page) => {
  await opened(page);
  await page.getByRole("button", { name: /^Evidence pack/ }).click();
  await page.getByRole("alert").getByText("packs are signed", { exact: false }).waitFor();
  await page.getByRole("button", { name: "Close this message" }).click();
  assert.equal(await page.locator(".toast").count(), 0);
});

if (isMock) {
  pageTest("a site without an observation", { hash: "#site=kalgoor-east" }, async (page) => {
    await page.getByText("Nothing has been looked at yet.").waitFor();
    assert.equal(await page.locator(".dates").isVisible(), false);
  });

  pageTest("a date on which too little was seen", { hash: "#site=rio-pardo" }, async (page) => {
    await opened(page);
    assert.match(await page.locator("#verdict").innerText(), /Not assessable[\s\S]*Only 31\.0 %/);
    assert.match(await page.locator(".tiles").innerText(), /Disturbed land\s+–/);
  });

  pageTest("a verdict that was judged again says what it was, and the parts of an area add up", { webgl: true, hash: "#site=larch-creek" }, async (page) => {
    await opened(page);
    const note = await page.getByLabel("Corrections").innerText();
    assert.match(note, /Judged again on 2024-11-05: until then within the limit; permit P-2022-003 now has a limit of 145\.0 ha/);
    const tiles = await page.locator(".tiles").innerText();
    for (const part of ["Mapped", "Assumed", "Outside the permit", "Outside the site"]) assert.match(tiles, new RegExp(`${part}\\s+[\\d.]+\\sha`));
    await page.selectOption("#overlay", "change-since-first");
    await page.locator("#overlay-legend").getByText("Gain").waitFor();
  });

  pageTest("one observation has nothing to be compared with", { hash: "#site=lausitz-sued" }, async (page) => {
    await opened(page);
    assert.equal(await page.locator("[data-row=before]").isVisible(), false);
  });
}

pageTest("a site that is not there is said so", { hash: "#site=no-such-site" }, async (page) => {
  await page.getByText("This site cannot be shown").waitFor();
  await page.getByText("no-such-site").first().waitFor();
  await page.click("#back");
  await page.locator("#site-list").waitFor();
});
