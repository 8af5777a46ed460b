import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { mapped, opened, pageTest, WITH_MAP } from "./harness.ts";

const SITE = { ...WITH_MAP, mock: {}, hash: "#site=larch-creek&overlay=probability" };

/** Waits until a sheet has a map on which at least this share of the points is not as the point in its corner. */
const drawn = async (page: Page, share: number): Promise<void> => {
  await page.waitForFunction(
    (share) => {
      dispatchEvent(new Event("beforeprint"));
      const canvas = document.querySelector<HTMLCanvasElement>(".print-map")!;
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      let other = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i] !== data[0] || data[i + 1] !== data[1] || data[i + 2] !== data[2]) other += 1;
      return other > share * (data.length / 4);
    },
    share,
    { polling: 500 },
  );
};

pageTest("paper has the map as it is seen, with title, dates, legend, scale and notice", SITE, async (page) => {
  await opened(page);
  await mapped(page);
  await page.locator("#overlay-legend .legend-bar").waitFor();
  await drawn(page, 0.2);
  await page.emulateMedia({ media: "print" });
  const sheet = page.locator(".print-sheet");
  assert.equal(await sheet.locator("h1").innerText(), "Larch Creek quarry");
  const text = await sheet.innerText();
  for (const part of ["Left: 2024-01-25. Right: 2024-07-11.", "Limit exceeded, as far as the permits are known", "Printed on", "N, 76.31", "Disturbed land", "Contains modified Copernicus Sentinel data", "no proof of a breach"]) {
    assert.ok(text.includes(part), `${part} is missing in ${text}`);
  }
  assert.equal(await sheet.locator(".legend-bar").count(), 1);
  assert.equal(await page.locator("header").isVisible(), false);
  await page.emulateMedia({ media: "screen" });
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  assert.equal(await sheet.count(), 0);
});

pageTest("the button on the map prints all sites with the meanings of their marks", { ...WITH_MAP, mock: {} }, async (page) => {
  await mapped(page);
  await page.evaluate(() => {
    window.print = () => dispatchEvent(new Event("beforeprint"));
  });
  await page.getByRole("button", { name: "Print the map" }).click();
  const sheet = page.locator(".print-sheet");
  assert.equal(await sheet.locator(".badge").count(), 6);
  await drawn(page, 0.02);
});
