import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { linkHas, mapped, pageTest, WITH_MAP } from "./harness.ts";

/** Types the edges of a box: west, south, east, north. */
async function fill(page: Page, edges: [string, string, string, string]): Promise<void> {
  for (const [i, name] of ["west", "south", "east", "north"].entries()) await page.fill(`#field-${name}`, edges[i] ?? "");
  await page.keyboard.press("Tab");
}

const PREDICTIONS = { hash: "#map=11/44.72/-76.31&tab=predictions" };

pageTest("a box is drawn, a prediction runs with progress and is shown", { ...PREDICTIONS, ...WITH_MAP, mock: {} }, async (page) => {
  await mapped(page);
  await page.click("#draw-box");
  const map = (await page.locator("#map").boundingBox())!;
  await page.mouse.move(map.x + 200, map.y + 200);
  await page.mouse.down();
  await page.mouse.move(map.x + 420, map.y + 380, { steps: 5 });
  await page.mouse.up();
  await page.locator("#box-size").getByText(/^Box of [\d.]+ km²\.$/).waitFor();
  assert.equal(await page.locator("#draw-box").innerText(), "Draw a box on the map");
  await page.getByRole("button", { name: "Run the prediction" }).click();
  await page.locator(".job progress[value]").waitFor();
  await page.getByText(/\d+\s% · mapping patches/).waitFor();
  await page.getByRole("button", { name: "Show it on the map" }).click();
  await linkHas(page, "prediction=prediction-1");
  await page.locator("[data-prediction=prediction-1][aria-pressed=true]").waitFor();
  await page.reload();
  await page.locator("[data-prediction=prediction-1][aria-pressed=true]").waitFor();
});

pageTest("a job can be cancelled", { ...PREDICTIONS, mock: {} }, async (page) => {
  await fill(page, ["-76.4", "44.6", "-76.2", "44.8"]);
  await page.locator("#box-size").getByText("Box of 352 km².").waitFor();
  await page.getByRole("button", { name: "Run the prediction" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.locator(".job").getByText("Cancelled").waitFor();
  await page.getByRole("button", { name: "Dismiss" }).click();
  assert.equal(await page.locator(".job").count(), 0);
});

pageTest("drawing stops with Escape, and the map's extent can be taken instead", { ...PREDICTIONS, ...WITH_MAP }, async (page) => {
  await mapped(page);
  await page.click("#draw-box");
  await page.locator(".drawing").waitFor({ state: "attached" });
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#draw-box").innerText(), "Draw a box on the map");
  await page.click("#use-extent");
  await page.locator("#box-size").getByText(/^Box of/).waitFor();
});

pageTest("fields that cannot be are named, and the keyboard goes to the first", PREDICTIONS, async (page) => {
  await page.locator("#field-west").fill("200");
  await page.getByRole("button", { name: "Run the prediction" }).click();
  assert.equal(await page.evaluate(() => document.activeElement?.id), "field-west");
  assert.equal(await page.locator("#field-west").getAttribute("aria-invalid"), "true");
  await page.getByText("Degrees from −180 to 180").first().waitFor();
});

pageTest("what the server refuses is told in its words", { ...PREDICTIONS, mock: {} }, async (page) => {
  await fill(page, ["-80", "40", "-70", "50"]);
  await page.getByRole("button", { name: "Run the prediction" }).click();
  await page.getByRole("alert").getByText("The box has 100.0 square degrees: at most 4 are accepted").waitFor();
});

pageTest("the token is asked for, kept for the tab, and asked for again when it is wrong", { ...PREDICTIONS, mock: { token: "right" } }, async (page) => {
  await fill(page, ["-76.4", "44.6", "-76.2", "44.8"]);
  await page.locator("#box-size").getByText("Box of 352 km².").waitFor();
  await page.getByRole("button", { name: "Run the prediction" }).click();
  await page.getByLabel("Token", { exact: true }).fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByText("Wrong token", { exact: true }).waitFor();
  await page.getByLabel("Token", { exact: true }).fill("right");
  await page.keyboard.press("Enter");
  await page.locator(".job").waitFor();
  const kept = await page.evaluate(() => [JSON.stringify(sessionStorage), JSON.stringify(localStorage), document.cookie, location.href]);
  assert.match(kept[0]!, /right/);
  assert.ok(kept.slice(1).every((text) => !text.includes("right")));
});

pageTest("a server that asks for a token before reading", { ...WITH_MAP, mock: { token: "right", readingNeedsToken: true } }, async (page) => {
  await page.getByRole("button", { name: "Enter the token" }).click();
  await page.getByLabel("Token", { exact: true }).fill("right");
  await page.keyboard.press("Enter");
  await page.locator("[data-site=larch-creek]").click();
  const tile = page.waitForResponse((response) => response.url().includes("/tiles/"));
  await page.locator("#verdict").waitFor();
  assert.equal((await tile).status(), 200);
});

pageTest("a server without jobs says so", { ...PREDICTIONS, mock: { jobsEnabled: false } }, async (page) => {
  await page.getByText("This server does not run jobs.", { exact: false }).waitFor();
  assert.equal(await page.locator("#predict-form").isVisible(), false);
});

pageTest("a server that is gone is told, and tried again", {}, async (page) => {
  await page.route("**/api/sites", (route) => route.abort());
  await page.reload();
  await page.getByText("The server cannot be reached.", { exact: false }).waitFor();
  await page.unroute("**/api/sites");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator("#site-list [role=option]").first().waitFor();
});

