/** Corners of an outline: moved, added and removed with mouse, finger and keyboard. */

import assert from "node:assert/strict";
import type { Locator, Page } from "playwright-core";
import { mapped, opened, pageTest, PHONE, violations, WITH_MAP } from "./harness.ts";

const EDIT = { ...WITH_MAP, mock: {}, hash: "#site=larch-creek" };

/** Rings of the stored outline. */
async function stored(page: Page, url: string): Promise<number[][][]> {
  return (await (await page.request.get(`${url}/api/sites/larch-creek`)).json()).boundary.coordinates;
}

/** The editor of the site's corners; the mark of the selected corner. */
async function moveCorners(page: Page): Promise<Locator> {
  await opened(page);
  await mapped(page);
  await page.click("#edit-site");
  await page.click("#move-corners");
  const mark = page.locator(".corner-mark");
  await mark.waitFor();
  await rests(mark);
  return mark;
}

/** The map does not move any more. */
async function rests(mark: Locator): Promise<void> {
  let [before, now] = ["", "-"];
  while (before !== now) {
    before = now;
    await mark.page().waitForTimeout(400);
    now = JSON.stringify(await mark.boundingBox());
  }
}

const middle = async (mark: Locator): Promise<[number, number]> => {
  const { x, y, width, height } = (await mark.boundingBox())!;
  return [x + width / 2, y + height / 2];
};

const label = (mark: Locator): Promise<string> => mark.getAttribute("aria-label").then((text) => text ?? "");

async function save(page: Page): Promise<void> {
  await page.click("#editor-save");
  await page.locator("#site-heading").waitFor();
}

pageTest("a corner is dragged, and nothing else moves", EDIT, async (page, url) => {
  const [before] = await stored(page, url);
  const mark = await moveCorners(page);
  assert.match(await label(mark), /^Corner 1 of 4, 44\.\d+° N, 76\.\d+° W$/);
  const [x, y] = await middle(mark);
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 30, y - 20, { steps: 4 });
  await page.mouse.up();
  const [now_x, now_y] = await middle(mark);
  assert.ok(Math.abs(now_x - x - 30) < 2 && Math.abs(now_y - y + 20) < 2, "the mark follows the corner");
  await page.getByRole("button", { name: "Done" }).click();
  assert.equal(await page.evaluate(() => document.activeElement?.id), "move-corners");
  await save(page);
  const [after] = await stored(page, url);
  assert.equal(after!.length, 5);
  assert.deepEqual(after!.slice(1, 4), before!.slice(1, 4));
  assert.ok(after![0]![0]! > before![0]![0]! && after![0]![1]! > before![0]![1]!, "east and north of where it was");
  assert.deepEqual(after![4], after![0]);
});

pageTest("a corner is added at the middle of an edge, removed by a long press, and both are taken back", EDIT, async (page) => {
  const mark = await moveCorners(page);
  const first = await middle(mark);
  await page.keyboard.press("PageDown");
  await mark.page().waitForFunction(() => document.querySelector(".corner-mark")?.getAttribute("aria-label")?.startsWith("Corner 2 of 4"));
  await rests(mark);
  const second = await middle(mark);
  // The map may have been moved to show the second corner.
  await page.keyboard.press("PageUp");
  await rests(mark);
  const [x, y] = await middle(mark);
  const edge: [number, number] = [x + (second[0] - first[0]) / 2, y + (second[1] - first[1]) / 2];
  await page.mouse.move(...edge);
  await page.mouse.down();
  await page.mouse.move(edge[0], edge[1] - 25, { steps: 3 });
  await page.mouse.up();
  assert.match(await label(mark), /^Corner 2 of 5/);
  await page.mouse.move(...(await middle(mark)));
  await page.mouse.down();
  await mark.page().waitForFunction(() => document.querySelector(".corner-mark")?.getAttribute("aria-label")?.includes(" of 4,"));
  await page.mouse.up();
  const undo = page.getByRole("button", { name: "Undo" });
  await undo.click();
  assert.match(await label(mark), /^Corner 2 of 5/);
  await undo.click();
  assert.match(await label(mark), / of 4,/);
  assert.equal(await undo.isDisabled(), true);
});

pageTest("by keyboard alone: chosen, moved, added, removed, and done", EDIT, async (page, url) => {
  const [before] = await stored(page, url);
  const mark = await moveCorners(page);
  assert.equal(await page.evaluate(() => document.activeElement?.className.includes("corner-mark")), true);
  await page.keyboard.press("PageDown");
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("+");
  assert.match(await label(mark), /^Corner 3 of 5/);
  await page.keyboard.press("PageDown");
  assert.match(await label(mark), /^Corner 4 of 5/);
  await page.keyboard.press("Delete");
  assert.match(await label(mark), /^Corner 3 of 4/);
  await page.locator("#live").getByText(/^Corner 3 of 4/).waitFor();
  await page.keyboard.press("Delete");
  await page.keyboard.press("Delete");
  await page.locator("#live").getByText("The corner stays: an outline needs three.").waitFor();
  assert.match(await label(mark), / of 3,/);
  await page.keyboard.press("Control+z");
  assert.match(await label(mark), / of 4,/);
  await page.keyboard.press("Enter");
  await mark.waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement?.id), "move-corners");
  await save(page);
  const [after] = await stored(page, url);
  assert.equal(after!.length, 5);
  assert.ok(after![1]![0]! > before![1]![0]! && after![1]![1]! > before![1]![1]!);
});

pageTest("Escape gives the outline back as it was, and saving keeps what is moved", EDIT, async (page, url) => {
  const before = await stored(page, url);
  const state = page.locator("#outline-state");
  const mark = await moveCorners(page);
  const area = await state.innerText();
  for (let i = 0; i < 4; i += 1) await page.keyboard.press("Shift+ArrowRight");
  assert.notEqual(await state.innerText(), area);
  await page.keyboard.press("Escape");
  await mark.waitFor({ state: "detached" });
  assert.equal(await state.innerText(), area);
  await page.click("#move-corners");
  await mark.waitFor();
  await page.keyboard.press("Shift+ArrowRight");
  await save(page);
  assert.notDeepEqual(await stored(page, url), before, "Save ends the editing too");
});

pageTest("the outline of a permit starts from that of the site or of the permit before", { ...WITH_MAP, mock: {}, hash: "#site=larch-creek" }, async (page, url) => {
  await opened(page);
  await mapped(page);
  await page.click("#add-permit");
  assert.equal(await page.locator("#move-corners").isVisible(), false);
  await page.getByRole("button", { name: "Start from the outline of P-2022-003" }).click();
  await page.locator("#outline-state").getByText("Outline of about 176.9").waitFor();
  await page.getByRole("button", { name: "Start from the outline of the site" }).click();
  await page.click("#move-corners");
  await page.locator(".corner-mark").waitFor();
  await page.keyboard.press("Delete");
  await page.keyboard.press("Enter");
  await page.fill("#editor-number", "P-2025");
  await page.fill("#editor-valid-from", "2025-01-01");
  await page.click("#editor-save");
  await page.getByRole("row", { name: /P-2025/ }).waitFor();
  const { permits } = await (await page.request.get(`${url}/api/sites/larch-creek`)).json();
  assert.equal(permits.at(-1).polygon.coordinates[0].length, 4);
});

pageTest("an outline with more corners than can be moved is refused with the numbers", EDIT, async (page) => {
  await opened(page);
  await page.click("#edit-site");
  const ring = Array.from({ length: 6000 }, (_, i) => [-76.3 + 0.01 * Math.cos((i * Math.PI) / 3000), 44.7 + 0.01 * Math.sin((i * Math.PI) / 3000)]);
  await page.setInputFiles("#outline-file", { name: "round.geojson", mimeType: "application/geo+json", buffer: Buffer.from(JSON.stringify({ type: "Polygon", coordinates: [[...ring, ring[0]]] })) });
  await page.locator("#outline-state").getByText("From round.geojson", { exact: false }).waitFor();
  await page.click("#move-corners");
  await page.locator(".outline-field .problem").getByText("The outline has 6000 corners, and at most 5000 can be moved here.", { exact: false }).waitFor();
});

pageTest("a finger drags a corner, and the map stays", { ...EDIT, ...PHONE }, async (page) => {
  const mark = await moveCorners(page);
  const [x, y] = await middle(mark);
  const session = await page.context().newCDPSession(page);
  const touch = (type: string, points: { x: number; y: number }[]): Promise<unknown> => session.send("Input.dispatchTouchEvent", { type: type as "touchStart", touchPoints: points });
  await touch("touchStart", [{ x: x + 8, y: y + 8 }]);
  for (let i = 1; i <= 5; i += 1) await touch("touchMove", [{ x: x + 8 + 6 * i, y: y + 8 }]);
  await touch("touchEnd", []);
  const [now_x] = await middle(mark);
  assert.ok(Math.abs(now_x - x - 38) < 3, `${now_x - x} px`);
  await page.keyboard.press("PageDown");
  assert.match(await label(mark), /^Corner 2 of 4/);
  const second = page.locator(".corner-mark");
  await rests(second);
});

for (const [locale, said] of [["en-GB", "Drag a corner to move it."], ["fr-FR", "Faites glisser un coin pour le déplacer"], ["es-ES", "Arrastre una esquina para moverla"], ["pt-BR", "Arraste um canto para movê-lo"]] as const) {
  for (const [size, screen] of [["1400 px", { viewport: { width: 1400, height: 900 } }], ["375 px", { viewport: { width: 375, height: 812 }, hasTouch: true, isMobile: true }]] as const) {
    for (const colorScheme of ["light", "dark"] as const) {
      pageTest(`corners are moved in ${locale}: ${size}, ${colorScheme}`, { ...EDIT, ...screen, locale, colorScheme }, async (page) => {
        await moveCorners(page);
        await page.locator(".draw-banner").getByText(said, { exact: false }).waitFor();
        assert.deepEqual(await violations(page), []);
        const cut = await page.evaluate(() =>
          [...document.querySelectorAll<HTMLElement>(".draw-banner, .draw-banner button, .editor button")]
            .filter((element) => element.checkVisibility() && (element.scrollWidth > element.clientWidth + 1 || element.getBoundingClientRect().right > innerWidth + 0.5))
            .map((element) => element.outerHTML.slice(0, 100)),
        );
        assert.deepEqual(cut, []);
      });
    }
  }
}
