import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { linkHas, listed, mapped, openSite, opened, pageTest, PHONE, richest, violations, WITH_MAP } from "./harness.ts";

const none = async (page: Page, where: string): Promise<void> => {
  const found = await violations(page);
  assert.deepEqual(found, [], `axe-core finds on ${where}:\n${found.join("\n")}`);
};

for (const [size, setting] of [["desktop", {}], ["phone", PHONE]] as const) {
  for (const colorScheme of ["light", "dark"] as const) {
    pageTest(`axe-core finds nothing: ${size}, ${colorScheme}`, { ...setting, ...WITH_MAP, colorScheme }, async (page, url) => {
      await listed(page);
      await mapped(page);
      await none(page, "the list");
      const site = await richest(page, url);
      await openSite(page, site);
      await page.locator("#chart canvas").waitFor();
      const toggle = page.locator(".layers-toggle");
      if ((await toggle.getAttribute("aria-expanded")) === "false") await toggle.click();
      await none(page, "a site");
      await page.locator("[data-tab=predictions]").click();
      await page.locator("#predict-form").waitFor();
      await page.getByRole("button", { name: "Run the prediction" }).click();
      await none(page, "predictions");
    });
  }
}

for (const colorScheme of ["light", "dark"] as const) {
  pageTest(`axe-core finds nothing on failures and questions: ${colorScheme}`, { colorScheme, mock: { token: "x", readingNeedsToken: true, hasKey: false } }, async (page, url) => {
    await page.getByRole("button", { name: "Enter the token" }).waitFor();
    await none(page, "the question for a token");
    await page.getByRole("button", { name: "Enter the token" }).click();
    await none(page, "the dialog");
    await page.fill("#token", "x");
    await page.keyboard.press("Enter");
    await listed(page);
    await page.goto(`${url}/#site=kalgoor-east`);
    await page.getByText("Nothing has been looked at yet.").waitFor();
    await none(page, "a site without an observation");
    await page.goto(`${url}/#site=larch-creek`);
    await page.getByRole("button", { name: /^Evidence pack/ }).click();
    await page.locator(".toast").waitFor();
    await none(page, "a failure");
  });
}

pageTest("from the address bar to a site and its dates by keyboard alone", WITH_MAP, async (page, url) => {
  const { name } = await richest(page, url);
  await listed(page);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Skip to the sites");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "search");
  await page.keyboard.type(name);
  await linkHas(page, "q=");
  await until(page, "site-list");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await opened(page);
  await mapped(page);
  assert.equal(await page.locator("#site-heading").innerText(), name);
  await until(page, "swipe");
  await until(page, "picture");
  await until(page, "pictureOpacity");
  await page.locator("#back").focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "site-list");
  assert.equal(await page.locator("[role=option][aria-selected=true] .site-name").innerText(), name);
});

/** Tab leads there. */
async function until(page: Page, id: string): Promise<void> {
  for (let i = 0; i < 60; i += 1) {
    await page.keyboard.press("Tab");
    if ((await page.evaluate(() => document.activeElement?.id)) === id) return;
  }
  assert.fail(`Tab does not lead to #${id}`);
}

pageTest("every control has a name", WITH_MAP, async (page, url) => {
  await openSite(page, await richest(page, url));
  await mapped(page);
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("button, a[href], input, select, [tabindex='0']")]
      .filter((element) => element.checkVisibility())
      .filter((element) => !element.textContent?.trim() && !element.getAttribute("aria-label") && !element.getAttribute("aria-labelledby") && !(element as HTMLInputElement).labels?.length)
      .map((element) => element.outerHTML),
  );
  assert.deepEqual(nameless, []);
});

pageTest("changes are told to screen readers", {}, async (page, url) => {
  const live = page.locator("#live");
  const site = await richest(page, url);
  await listed(page);
  await page.fill("#search", site.name);
  await live.getByText(/sites? shown/).waitFor();
  await page.locator(`[data-site="${site.id}"]`).click();
  await page.locator("[data-observation]").last().click();
  await live.getByText(/^\d{4}-\d\d-\d\d: /).waitFor();
});

pageTest("colours are switched by hand and kept", {}, async (page) => {
  await listed(page);
  const ground = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  const theme = page.locator("#theme");
  await theme.click();
  assert.equal(await theme.getAttribute("aria-label"), "Colours: light");
  await theme.click();
  assert.equal(await theme.getAttribute("aria-label"), "Colours: dark");
  assert.notEqual(await ground(), light);
  await page.reload();
  await listed(page);
  assert.equal(await theme.getAttribute("aria-label"), "Colours: dark");
});

pageTest("nothing moves for those who ask for it", { reducedMotion: "reduce" }, async (page, url) => {
  await openSite(page, await richest(page, url));
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
});

pageTest("on a phone nothing is wider than the screen, and the map's height can be changed", PHONE, async (page, url) => {
  await openSite(page, await richest(page, url));
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  const height = async (): Promise<number> => (await page.locator("#map").boundingBox())!.height;
  const before = await height();
  await page.locator("#splitter").focus();
  await page.keyboard.press("ArrowUp");
  assert.ok((await height()) < before);
});

pageTest("without WebGL the rest works and it is said so", {}, async (page, url) => {
  const site = await richest(page, url);
  await listed(page);
  await page.getByText("has no WebGL", { exact: false }).first().waitFor();
  await page.locator(`[data-site="${site.id}"]`).click();
  await page.locator("#verdict").waitFor();
  await page.locator("#chart canvas").waitFor();
});
