/** What only the program does: maps of boxes and looks at sites by a model. `scripts/check_page.sh` starts it and gives the token. */

import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { linkHas, opened, openSite, pageTest, richest } from "./harness.ts";

const token = process.env["MINESEGSAT_TOKEN"];
const PROGRAM = { program: true } as const;

/** Once: it is kept for the tab. */
async function giveToken(page: Page): Promise<void> {
  await page.getByLabel("Token", { exact: true }).fill(token ?? "");
  await page.keyboard.press("Enter");
}

pageTest("a box is mapped by the model, and shown", { ...PROGRAM, hash: "#tab=predictions" }, async (page, url) => {
  const { id } = await richest(page, url);
  const { bbox, observations } = (await (await page.request.get(`${url}/api/sites/${id}`)).json()) as { bbox: number[]; observations: { date: string }[] };
  for (const [i, name] of ["west", "south", "east", "north"].entries()) await page.fill(`#field-${name}`, String(bbox[i]));
  const year = observations.at(-1)!.date.slice(0, 4);
  await page.fill("#field-from", `${year}-01-01`);
  await page.fill("#field-to", `${year}-12-31`);
  await page.getByRole("button", { name: "Run the prediction" }).click();
  await giveToken(page);
  await page.getByRole("button", { name: "Show it on the map" }).click();
  await linkHas(page, "prediction=");
  const shown = page.locator("[data-prediction][aria-pressed=true]");
  await shown.waitFor();
  assert.match(await shown.innerText(), new RegExp(year));
});

pageTest("a site is looked at, and there is nothing new", PROGRAM, async (page, url) => {
  const site = await richest(page, url);
  await openSite(page, site);
  await opened(page);
  await page.getByRole("button", { name: "Look for new scenes" }).click();
  await giveToken(page);
  await page.locator("#look-outcome").getByText(/^Nothing new since \d{4}-\d{2}-\d{2}/).waitFor();
});
