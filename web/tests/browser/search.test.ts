import assert from "node:assert/strict";
import { linkHas, listed, mapped, pageTest, violations, WITH_MAP } from "./harness.ts";

pageTest("a position is found in both orders, marked on the map, and its sites are listed", { ...WITH_MAP, mock: {} }, async (page) => {
  await listed(page);
  await mapped(page);
  await page.fill("#search", "44.72 -76.31");
  const places = page.getByRole("group", { name: "Positions that the search may mean" });
  await places.getByText("Go to 44.72° N, 76.31° W").waitFor();
  await places.getByText("longitude first").waitFor();
  await page.locator("[data-site=larch-creek]").waitFor();
  assert.equal(await page.locator("#site-list [role=option]").count(), 1);
  await page.press("#search", "Enter");
  await linkHas(page, /map=12\.00\/44\.7200\d\/-76\.310/);
  await page.getByRole("img", { name: "The position 44.72° N, 76.31° W" }).waitFor();
  assert.deepEqual(await violations(page), []);
  await places.getByRole("button").nth(1).click();
  await linkHas(page, /\/-76\.310\d*\/44\.72/);
  await page.fill("#search", "");
  await places.waitFor({ state: "hidden" });
  assert.equal(await page.locator(".position-mark").count(), 0);
});

pageTest("a position with letters has one reading, and that no site is near is said", { mock: {} }, async (page) => {
  await listed(page);
  await page.fill("#search", "6.1 S 54.35 W");
  await page.getByRole("button", { name: "Go to 6.1° S, 54.35° W" }).waitFor();
  assert.equal(await page.locator(".places button").count(), 1);
  await page.getByText("No site lies within 25 km of this position.").waitFor();
});

pageTest("Enter opens the only site that is left, found by its id", { mock: {} }, async (page) => {
  await listed(page);
  await page.fill("#search", "tarkwa-north");
  await page.press("#search", "Enter");
  await page.locator("#site-heading").getByText("Tarkwa North").waitFor();
});

pageTest("sites have their names beside their marks on the map", { ...WITH_MAP, mock: {}, hash: "#map=12/44.72/-76.31" }, async (page) => {
  await mapped(page);
  // A canvas tells nothing of its letters: they are dark points on the light ground beside the mark.
  await page.waitForFunction(() => {
    dispatchEvent(new Event("beforeprint"));
    const canvas = document.querySelector<HTMLCanvasElement>(".print-map")!;
    const ratio = canvas.width / document.getElementById("stage")!.clientWidth;
    const [x, y] = [canvas.width / 2 + 16 * ratio, canvas.height / 2 - 10 * ratio];
    const { data } = canvas.getContext("2d")!.getImageData(x, y, 120 * ratio, 20 * ratio);
    let dark = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i]! + data[i + 1]! + data[i + 2]! < 200) dark += 1;
    return dark > 50;
  }, undefined, { polling: 500 });
});
