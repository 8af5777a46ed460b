import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { linkHas, mapped, opened, openSite, pageTest, richest, WITH_MAP } from "./harness.ts";

const seen = (page: Page): Promise<unknown> =>
  page.evaluate(() => ({
    heading: document.querySelector("#site-heading")?.textContent,
    dates: [...document.querySelectorAll(".date-row output")].map((output) => output.textContent),
    picture: (document.querySelector("#picture") as HTMLSelectElement).value,
    opacity: (document.querySelector("#pictureOpacity") as HTMLInputElement).value,
    outlines: [...document.querySelectorAll<HTMLInputElement>("[data-outline]")].map((box) => box.checked),
    divider: document.querySelector("#swipe")?.getAttribute("aria-valuenow"),
    search: (document.querySelector("#search") as HTMLInputElement).value,
    scale: document.querySelector(".maplibregl-ctrl-scale")?.textContent,
    camera: new URLSearchParams(location.hash.slice(1)).get("map"),
  }));

pageTest("a link restores the whole view in another window", WITH_MAP, async (page, url) => {
  const site = await richest(page, url);
  await openSite(page, site);
  await mapped(page);
  await page.locator(".range-before").focus();
  await page.keyboard.press("Home");
  await page.selectOption("#picture", "none");
  await page.selectOption("#picture", "true-colour");
  await page.locator("#pictureOpacity").fill("55");
  await page.locator("[data-outline=permit]").uncheck();
  await page.locator("#swipe").focus();
  await page.keyboard.press("PageDown");
  await page.getByRole("button", { name: "Zoom in" }).click();
  await linkHas(page, /divider=40/);
  await page.waitForTimeout(1500);
  const [link, before] = [page.url(), await seen(page)];
  const other = await page.context().newPage();
  await other.goto(link);
  await opened(other);
  await mapped(other);
  await other.locator("#swipe").waitFor();
  await other.waitForTimeout(1000);
  assert.deepEqual(await seen(other), before);
});

pageTest("the button copies the link", { permissions: ["clipboard-read", "clipboard-write"] }, async (page, url) => {
  await openSite(page, await richest(page, url));
  await page.getByRole("button", { name: "Copy link" }).click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(copied, /#.*site=/);
});
