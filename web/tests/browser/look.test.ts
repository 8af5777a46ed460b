import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { linkHas, mapped, opened, pageTest, PHONE, violations, WITH_MAP } from "./harness.ts";

const look = (page: Page) => page.getByRole("button", { name: "Look for new scenes" });
const outcome = (page: Page) => page.locator("#look-outcome");
const newest = async (page: Page): Promise<string> => page.locator("[data-observation]").first().innerText();

pageTest("new scenes are looked for, and the site shows what is new", { hash: "#site=larch-creek", mock: {} }, async (page, url) => {
  await opened(page);
  // An earlier date is chosen: the new one takes its place.
  await page.locator("[data-observation]").last().click();
  await linkHas(page, "after=2019");
  const before = await newest(page);
  await look(page).click();
  await page.locator("#look").waitFor({ state: "hidden" });
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Cancel");
  await page.locator(".look progress[value]").waitFor();
  await page.getByText(/^\d+\s% · mapping 2024-12-29$/).waitFor();
  await outcome(page).getByText("1 new observation", { exact: true }).waitFor();
  await page.locator("#live").getByText("1 new observation").waitFor();
  const now = await newest(page);
  assert.ok(now > before, `${now} is not after ${before}`);
  assert.equal(await page.locator("tr.current .link").innerText(), now);
  assert.match(await page.locator("#verdict").innerText(), new RegExp(`${now}, the last observation`));
  assert.equal(await page.evaluate(() => document.activeElement?.id), "look");
  await page.waitForFunction(() => !location.hash.includes("after="));
  // The list tells it too.
  await page.click("#back");
  const { sites } = (await (await page.request.get(`${url}/api/sites`)).json()) as { sites: { id: string; last: { area: { ha: number } } }[] };
  const ha = sites.find((site) => site.id === "larch-creek")!.last.area.ha;
  await page.locator("[data-site=larch-creek] .site-ha").getByText(ha.toFixed(1), { exact: true }).waitFor();
  // What was found then is not said again, and there is no more.
  await page.locator("[data-site=larch-creek]").click();
  await opened(page);
  assert.equal(await outcome(page).innerText(), "");
  await look(page).click();
  await outcome(page).getByText(`Nothing new since ${now}`).waitFor();
});

pageTest("a first observation comes onto page and map", { ...WITH_MAP, hash: "#site=kalgoor-east", mock: {} }, async (page) => {
  await page.getByText("Nothing has been looked at yet.").waitFor();
  await mapped(page);
  const tile = page.waitForResponse((response) => response.url().includes("/tiles/") && response.ok());
  await look(page).click();
  await outcome(page).getByText("1 new observation", { exact: true }).waitFor();
  await tile;
  await page.locator(".dates").waitFor();
  await page.locator("#chart canvas").waitFor();
});

pageTest("a search can be cancelled", { hash: "#site=larch-creek", mock: {} }, async (page) => {
  await opened(page);
  await look(page).click();
  await page.locator(".look").getByRole("button", { name: "Cancel" }).click();
  await outcome(page).getByText("The search was cancelled.").waitFor();
  assert.equal(await look(page).isVisible(), true);
});

pageTest("failures of a search are told in the server's words", { hash: "#site=lausitz-sued", mock: {} }, async (page, url) => {
  const words = "The catalogue at https://catalogue.example/v1 answered with 503 Service Unavailable";
  await opened(page);
  await look(page).click();
  await page.locator("#look-outcome.problem").getByText(words).waitFor();
  // A site that cannot be looked at does not fail the job.
  await page.goto(`${url}/#site=tarkwa-north`);
  await page.locator("#site-heading").getByText("Tarkwa North").waitFor();
  assert.equal(await outcome(page).innerText(), "");
  await look(page).click();
  await page.locator("#look-outcome.problem").getByText(words).waitFor();
  // An order that is refused.
  await page.route("**/api/monitor", (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ detail: "20 jobs are waiting already; try again when some are done" }) }));
  await look(page).click();
  await page.locator("#look-outcome.problem").getByText("20 jobs are waiting already").waitFor();
});

pageTest("a search that runs is picked up again, and others do not show it", { hash: "#site=larch-creek", mock: {} }, async (page, url) => {
  await opened(page);
  await page.request.post(`${url}/api/monitor`, { data: { sites: ["larch-creek"] } });
  await page.reload();
  await page.locator(".look .job").getByText("Looking for new scenes").waitFor();
  await page.goto(`${url}/#site=cerro-azul`);
  await page.locator("#site-heading").getByText("Cerro Azul").waitFor();
  assert.equal(await page.locator(".look .job").count(), 0);
  await page.goBack();
  await page.locator("#site-heading").getByText("Larch Creek").waitFor();
  await page.locator(".look .job").waitFor();
  await outcome(page).getByText("1 new observation", { exact: true }).waitFor();
});

pageTest("a search asks for the token, and cancelling does so too", { hash: "#site=larch-creek", mock: { token: "right" } }, async (page) => {
  await opened(page);
  await look(page).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  assert.equal(await look(page).isVisible(), true);
  await look(page).click();
  await page.getByLabel("Token", { exact: true }).fill("right");
  await page.keyboard.press("Enter");
  await page.locator(".look .job").waitFor();
  await page.evaluate(() => sessionStorage.clear());
  await page.locator(".look").getByRole("button", { name: "Cancel" }).click();
  await page.getByLabel("Token", { exact: true }).fill("right");
  await page.keyboard.press("Enter");
  await outcome(page).getByText("The search was cancelled.").waitFor();
});

pageTest("a server without jobs looks for nothing", { hash: "#site=larch-creek", mock: { jobsEnabled: false } }, async (page) => {
  await opened(page);
  assert.equal(await look(page).isVisible(), false);
});

for (const [size, setting] of [["desktop", {}], ["phone", PHONE]] as const) {
  for (const colorScheme of ["light", "dark"] as const) {
    pageTest(`axe-core finds nothing on a search: ${size}, ${colorScheme}`, { ...setting, colorScheme, hash: "#site=tarkwa-north", mock: {} }, async (page) => {
      await opened(page);
      await look(page).click();
      await page.locator(".look .job").waitFor();
      assert.deepEqual(await violations(page), []);
      await page.locator("#look-outcome.problem").waitFor();
      assert.deepEqual(await violations(page), []);
    });
  }
}
