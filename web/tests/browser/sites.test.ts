import assert from "node:assert/strict";
import { linkHas, listed, openSite, pageTest, richest } from "./harness.ts";

pageTest("the list tells verdicts in words and with shapes", {}, async (page) => {
  await listed(page);
  const rows = page.locator("#site-list [role=option]");
  assert.match(await rows.first().innerText(), /exceeded|possible exceedance|not assessable|no observation yet|no limit known|within the limit/);
  assert.equal(await rows.first().locator("svg.icon").count(), 1);
  assert.match(await page.locator("#list-status").innerText(), /^\d+ sites?$/);
});

pageTest("search and verdicts choose sites, and the link holds them", {}, async (page, url) => {
  const site = await richest(page, url);
  await listed(page);
  await page.fill("#search", site.name.toUpperCase());
  await linkHas(page, `q=${site.name.toUpperCase()}`);
  assert.match(await page.locator("#list-status").innerText(), /of/);
  assert.ok((await page.locator(`[data-site="${site.id}"]`).count()) === 1);
  await page.fill("#search", "no such site anywhere");
  await page.getByText("No site matches").waitFor();
  await page.getByRole("button", { name: "Show all sites" }).click();
  await listed(page);
  const chip = page.locator(".chip:visible").first();
  await chip.click();
  assert.equal(await chip.getAttribute("aria-pressed"), "true");
  await linkHas(page, "verdicts=");
  await page.selectOption("#order", "name");
  await linkHas(page, "order=name");
});

pageTest("a site opens with its verdict, and back leads to the list", {}, async (page, url) => {
  const site = await richest(page, url);
  await openSite(page, site);
  assert.equal(await page.locator("#site-heading").innerText(), site.name);
  assert.equal(await page.evaluate(() => document.activeElement?.id), "site-heading");
  await linkHas(page, `site=${site.id}`);
  await page.goBack();
  await page.locator("#site-list").waitFor();
  await page.goForward();
  await page.locator("#verdict").waitFor();
  await page.click("#back");
  await page.locator("#site-list").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), "site-list");
});

pageTest("ten thousand sites are a handful of rows in the page", { mock: { sites: 10_000 } }, async (page) => {
  await listed(page);
  assert.match(await page.locator("#list-status").innerText(), /10.000 sites/);
  assert.ok((await page.locator("#site-list [role=option]").count()) < 40);
  await page.locator("#site-list").focus();
  await page.keyboard.press("End");
  const last = page.locator("#site-list [role=option][aria-posinset='10000']");
  await last.waitFor();
  assert.equal(await last.getAttribute("aria-setsize"), "10000");
  assert.equal(await page.locator("#site-list").getAttribute("aria-activedescendant"), await last.getAttribute("id"));
});

pageTest("an empty register says how sites come into it", { mock: { sites: 0 } }, async (page) => {
  await page.getByText("No sites yet").waitFor();
  await page.getByText("minesegsat sites import").waitFor();
});
