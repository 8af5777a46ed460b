import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { linkHas, listed, mapped, opened, pageTest, PHONE, violations, WITH_MAP } from "./harness.ts";

const MOCK = { mock: {} };
const ON_MAP = { ...WITH_MAP, mock: {}, hash: "#map=11/-6.1/-54.35" };
const square = (west: number): unknown => ({ type: "Polygon", coordinates: [[[west, -6.1], [west + 0.02, -6.1], [west + 0.02, -6.08], [west, -6.08], [west, -6.1]]] });
const file = (name: string, value: unknown) => ({ name, mimeType: "application/geo+json", buffer: Buffer.from(typeof value === "string" ? value : JSON.stringify(value)) });

async function site(page: Page, url: string, id: string): Promise<{ name: string; operator: string | null; revision: string; boundary: unknown; permits: { number: string; valid_to: string | null; limit_ha: number | null }[] }> {
  return (await page.request.get(`${url}/api/sites/${id}`)).json();
}

/** Points of the map, from its upper left corner. */
async function onMap(page: Page): Promise<(x: number, y: number) => [number, number]> {
  const { x, y } = (await page.locator("#map").boundingBox())!;
  return (dx, dy) => [x + dx, y + dy];
}

pageTest("a site is drawn, named, saved and opened", ON_MAP, async (page, url) => {
  await listed(page);
  await mapped(page);
  await page.getByRole("button", { name: "Add a site" }).click();
  await page.locator("#editor-step").getByText("First give the outline of the site.").waitFor();
  await page.click("#draw-outline");
  const banner = page.locator(".draw-banner");
  await banner.getByText("Click the first corner of the outline.").waitFor();
  const at = await onMap(page);
  await page.mouse.click(...at(200, 200));
  await banner.getByText("One corner is set.").waitFor();
  assert.equal(await banner.getByRole("button", { name: "Finish" }).isDisabled(), true);
  await page.mouse.click(...at(400, 200));
  await page.mouse.click(...at(500, 500));
  // A corner too much is taken back.
  await banner.getByText("3 corners are set.").waitFor();
  await page.keyboard.press("Backspace");
  await banner.getByText("2 corners are set.").waitFor();
  await page.mouse.click(...at(400, 380));
  await page.mouse.dblclick(...at(210, 390));
  await banner.waitFor({ state: "hidden" });
  await page.locator("#outline-state").getByText(/^Outline of about [\d,.]+.ha\.$/).waitFor();
  await page.locator("#editor-step").getByText("Now give the name").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), "editor-name");
  assert.deepEqual(await violations(page), []);
  await page.keyboard.type("Serra Nova");
  await page.locator("#editor-step").getByText("Check the outline").waitFor();
  await page.keyboard.press("Enter");
  await page.locator("#site-heading").getByText("Serra Nova").waitFor();
  await linkHas(page, "site=serra-nova");
  const stored = await site(page, url, "serra-nova");
  const [ring] = (stored.boundary as { coordinates: number[][][] }).coordinates;
  assert.equal(ring!.length, 5);
  assert.deepEqual(ring![0], ring!.at(-1));
  await page.click("#back");
  await page.locator("[data-site=serra-nova]").waitFor();
});

pageTest("corners are set with the keyboard alone, and Escape gives up", ON_MAP, async (page) => {
  await mapped(page);
  await page.locator("#add-site").focus();
  await page.keyboard.press("Enter");
  await page.locator("#draw-outline").focus();
  await page.keyboard.press("Enter");
  const banner = page.locator(".draw-banner");
  await banner.getByText("Click the first corner of the outline.").waitFor();
  for (const [i, key] of ["ArrowRight", "ArrowDown", "ArrowLeft"].entries()) {
    await page.keyboard.press(" ");
    await banner.getByText(i === 0 ? "One corner is set." : `${i + 1} corners are set.`).waitFor();
    await page.keyboard.press(key);
    await page.waitForTimeout(600);
  }
  await page.keyboard.press("Enter");
  await page.locator("#outline-state").getByText("Outline of about").waitFor();
  await page.click("#draw-outline");
  await banner.waitFor();
  await page.keyboard.press("Escape");
  await banner.waitFor({ state: "hidden" });
  // The outline from before is still there.
  await page.locator("#outline-state").getByText("Outline of about").waitFor();
});

pageTest("a GeoJSON file gives outline and name; others are refused with a reason", MOCK, async (page, url) => {
  await listed(page);
  await page.click("#add-site");
  const problem = page.locator(".outline-field .problem");
  for (const [name, value, words] of [
    ["sites.gpkg", "SQLite", "only GeoJSON"],
    ["points.geojson", { type: "Point", coordinates: [1, 2] }, "no polygon"],
    ["broken.json", "{", "so it is not GeoJSON"],
    ["utm.geojson", { type: "Polygon", coordinates: [[[5e5, 4e6], [5e5, 4e6], [5e5, 4e6], [5e5, 4e6]]] }, "not a longitude and latitude"],
    ["large.geojson", " ".repeat(5_000_000), "has 5 MB, and this page reads at most 4 MB"],
  ] as const) {
    await page.setInputFiles("#outline-file", file(name, value));
    await problem.getByText(words, { exact: false }).waitFor();
  }
  await page.setInputFiles("#outline-file", file("mine.geojson", { type: "FeatureCollection", features: [{ type: "Feature", properties: { nome: "Mina Rica" }, geometry: square(-54.3) }, { type: "Feature", properties: {}, geometry: { type: "Point", coordinates: [0, 0] } }] }));
  await page.locator("#outline-state").getByText("From mine.geojson: one polygon. One point or line is left out.", { exact: false }).waitFor();
  assert.equal(await problem.isVisible(), false);
  assert.equal(await page.inputValue("#editor-name"), "Mina Rica");
  await page.fill("#editor-operator", "Ouro Ltda");
  await page.click("#editor-save");
  await page.locator("#site-heading").getByText("Mina Rica").waitFor();
  assert.deepEqual((await site(page, url, "mina-rica")).boundary, square(-54.3));
});

/** A file is dropped, which the browser would do. */
async function drop(page: Page, name: string, text: string, size?: number): Promise<void> {
  await page.evaluate(
    ({ name, text, size }) => {
      const dataTransfer = new DataTransfer();
      const dropped = new File([text], name);
      if (size) Object.defineProperty(dropped, "size", { value: size });
      dataTransfer.items.add(dropped);
      // The list of files of a made-up drop is a copy.
      if (size) Object.defineProperty(dataTransfer, "files", { value: [dropped] });
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    },
    { name, text, size },
  );
}

pageTest("a file is dropped on the page; one of 200 MB is refused unread", MOCK, async (page) => {
  await listed(page);
  await drop(page, "huge.geojson", "{}", 200_000_000);
  await page.locator(".outline-field .problem").getByText("huge.geojson has 200 MB, and this page reads at most 4 MB").waitFor();
  await drop(page, "none.geojson", JSON.stringify({ type: "FeatureCollection", features: [] }));
  await page.locator(".outline-field .problem").getByText("The file has no polygon.").waitFor();
  await drop(page, "mine.geojson", JSON.stringify(square(-54.3)));
  await page.locator("#outline-state").getByText("From mine.geojson").waitFor();
});

pageTest("after a file is dropped on a prediction, browser Back and Cancel show the predictions", { ...MOCK, hash: "#tab=predictions" }, async (page) => {
  await page.locator("[data-prediction=larch-creek-2024]").click();
  await linkHas(page, "prediction=larch-creek-2024");
  await drop(page, "mine.geojson", JSON.stringify(square(-54.3)));
  await page.locator("#outline-state").getByText("From mine.geojson").waitFor();
  await page.goBack();
  await page.locator("#predict-heading").waitFor();
  await drop(page, "mine.geojson", JSON.stringify(square(-54.3)));
  await page.locator("#outline-state").getByText("From mine.geojson").waitFor();
  page.once("dialog", (dialog) => void dialog.accept());
  await page.click("#editor-cancel");
  await page.locator("#predict-heading").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), "predict-heading");
});

pageTest("a field that is missing is named, and nothing is sent", MOCK, async (page) => {
  await listed(page);
  await page.click("#add-site");
  await page.click("#editor-save");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "editor-name");
  await page.getByText("A site needs a name").waitFor();
  await page.fill("#editor-name", "Nowhere");
  await page.fill("#editor-id", "Big Pit");
  await page.click("#editor-save");
  await page.getByText("Lower-case letters, digits").waitFor();
  await page.fill("#editor-id", "larch-creek");
  await page.click("#editor-save");
  await page.getByRole("alert").getByText("First give the outline of the site.").waitFor();
  await page.setInputFiles("#outline-file", file("a.json", square(1)));
  await page.click("#editor-save");
  await page.getByRole("alert").getByText("Another site has this id.").waitFor();
  page.once("dialog", (dialog) => void dialog.accept());
  await page.click("#editor-cancel");
  await listed(page);
});

pageTest("of two editors the second is told what changed, and chooses", { ...MOCK, hash: "#site=larch-creek" }, async (page, url) => {
  await opened(page);
  await page.click("#edit-site");
  await page.fill("#editor-operator", "Mine Ltd");
  const before = await site(page, url, "larch-creek");
  await page.request.patch(`${url}/api/sites/larch-creek`, { data: { revision: before.revision, name: "Larch Creek North", status: "suspended" } });
  await page.click("#editor-save");
  const alert = page.locator(".problem-box");
  await alert.getByText("Another person has changed this site since you opened it. Nothing was saved.").waitFor();
  await alert.getByText("Name is now Larch Creek North").waitFor();
  await alert.getByText("Status is now suspended").waitFor();
  assert.deepEqual(await violations(page), []);
  assert.equal((await site(page, url, "larch-creek")).name, "Larch Creek North");
  await page.click("#take-theirs");
  assert.equal(await page.inputValue("#editor-name"), "Larch Creek North");
  await page.fill("#editor-operator", "Mine Ltd");
  await page.click("#editor-save");
  await page.locator(".lead").getByText("Mine Ltd").waitFor();
  assert.equal(await page.locator("#site-heading").innerText(), "Larch Creek North");
});

pageTest("the editor's values are saved anyway on request, and no others", { ...MOCK, hash: "#site=larch-creek" }, async (page, url) => {
  await opened(page);
  await page.click("#edit-site");
  await page.fill("#editor-name", "My Creek");
  const before = await site(page, url, "larch-creek");
  await page.request.patch(`${url}/api/sites/larch-creek`, { data: { revision: before.revision, name: "Their Creek", operator: "Their Ltd" } });
  await page.click("#editor-save");
  await page.getByRole("button", { name: "Save my values anyway" }).click();
  await page.locator("#site-heading").getByText("My Creek").waitFor();
  const { name, operator } = await site(page, url, "larch-creek");
  assert.deepEqual([name, operator], ["My Creek", "Their Ltd"]);
});

pageTest("an edit that is cancelled while an outline is drawn leaves no outline on the map", { ...ON_MAP, hash: "#site=larch-creek" }, async (page) => {
  await opened(page);
  await mapped(page);
  const map = page.locator("#map");
  // Until the map is drawn, its picture changes.
  const settled = async (): Promise<string> => {
    let [before, now] = ["", "-"];
    while (before !== now) {
      before = now;
      await page.waitForTimeout(1500);
      now = (await map.screenshot()).toString("base64");
    }
    return now;
  };
  const before = await settled();
  await page.click("#edit-site");
  await page.click("#draw-outline");
  await page.locator(".draw-banner").waitFor();
  page.once("dialog", (dialog) => void dialog.accept());
  await page.click("#editor-cancel");
  await opened(page);
  assert.equal((await settled()) === before, true);
});

pageTest("a permit with a limit supersedes the one before, and is withdrawn", { ...MOCK, hash: "#site=larch-creek" }, async (page, url) => {
  await opened(page);
  await page.click("#add-permit");
  await page.locator("#editor-step").getByText("Give number, first day and limit.").waitFor();
  await page.fill("#editor-number", "P-2025/1");
  await page.fill("#editor-valid-from", "2025-01-01");
  await page.fill("#editor-limit", "-3");
  await page.click("#editor-save");
  await page.getByText("Hectares, 0 or more").waitFor();
  await page.fill("#editor-limit", "190,5");
  await page.uncheck("#supersede");
  await page.click("#editor-save");
  await page.locator(".problem-box").getByText("overlap in time", { exact: false }).waitFor();
  assert.deepEqual(await violations(page), []);
  await page.check("#supersede");
  await page.click("#editor-save");
  await page.getByRole("row", { name: /P-2025\/1/ }).waitFor();
  const { permits } = await site(page, url, "larch-creek");
  assert.deepEqual(permits.slice(-2).map(({ valid_to, limit_ha }) => [valid_to, limit_ha]), [["2024-12-31", 145], [null, 190.5]]);
  page.once("dialog", (dialog) => void dialog.accept());
  await page.getByRole("button", { name: "Withdraw permit P-2025/1" }).click();
  await page.getByRole("row", { name: /P-2025\/1/ }).waitFor({ state: "detached" });
});

pageTest("a permit that changes verdicts is announced before it is stored or withdrawn", { ...MOCK, hash: "#site=larch-creek" }, async (page, url) => {
  await opened(page);
  await page.click("#add-permit");
  await page.fill("#editor-number", "P-2024/9");
  await page.fill("#editor-valid-from", "2024-07-01");
  await page.fill("#editor-limit", "300");
  await page.check("#supersede");
  await page.click("#editor-save");
  await page.locator(".problem-box").getByText("on 2024-07-11", { exact: false }).waitFor();
  assert.deepEqual(await violations(page), []);
  assert.equal((await site(page, url, "larch-creek")).permits.length, 2);
  await page.click("#store-anyway");
  await page.getByRole("row", { name: /P-2024\/9/ }).waitFor();
  const asked: string[] = [];
  page.on("dialog", (dialog) => {
    asked.push(dialog.message());
    void dialog.accept();
  });
  await page.getByRole("button", { name: "Withdraw permit P-2024/9" }).click();
  await page.getByRole("row", { name: /P-2024\/9/ }).waitFor({ state: "detached" });
  assert.equal(asked.length, 2);
  assert.match(asked[1] ?? "", /on 2024-07-11/);
});

pageTest("the token is asked for before a change is stored", { mock: { token: "right" }, hash: "#site=larch-creek" }, async (page, url) => {
  await opened(page);
  await page.click("#edit-site");
  await page.fill("#editor-name", "Renamed");
  await page.click("#editor-save");
  await page.getByLabel("Token", { exact: true }).fill("right");
  await page.keyboard.press("Enter");
  await page.locator("#site-heading").getByText("Renamed").waitFor();
  assert.equal((await site(page, url, "larch-creek")).name, "Renamed");
});

pageTest("a read-only server offers no changes", { mock: { writingEnabled: false }, hash: "#site=larch-creek" }, async (page) => {
  await opened(page);
  assert.equal(await page.locator("#edit-site, #add-permit").count(), 0);
  assert.equal(await page.getByRole("button", { name: /^Withdraw/ }).count(), 0);
  await page.click("#back");
  assert.equal(await page.locator("#add-site").isVisible(), false);
});

pageTest("a prediction shows its details, and is removed", { ...MOCK, hash: "#tab=predictions" }, async (page, url) => {
  await page.locator("[data-prediction=larch-creek-2024]").click();
  const details = page.locator(".prediction-details");
  for (const text of ["S2B_MSIL2A_20240702T153819", "158.3", "3.4 %", "2024-07-05 09:30", "44.69° N, 76.36° W"]) await details.getByText(text, { exact: false }).first().waitFor();
  assert.deepEqual(await violations(page), []);
  let asked = "";
  page.once("dialog", (dialog) => {
    asked = dialog.message();
    void dialog.dismiss();
  });
  await page.getByRole("button", { name: "Remove the prediction" }).click();
  assert.match(asked, /The downloaded scene stays in `scenes\/larch-creek-2024`\./);
  assert.equal((await (await page.request.get(`${url}/api/predictions`)).json()).predictions.length, 1);
  page.once("dialog", (dialog) => void dialog.accept());
  await page.getByRole("button", { name: "Remove the prediction" }).click();
  await page.getByText("There are no predictions yet.").waitFor();
});

for (const [size, setting] of [["desktop", {}], ["phone", PHONE]] as const) {
  for (const colorScheme of ["light", "dark"] as const) {
    pageTest(`axe-core finds nothing while a site is drawn and edited: ${size}, ${colorScheme}`, { ...setting, ...ON_MAP, colorScheme }, async (page) => {
      await listed(page);
      await mapped(page);
      await page.click("#add-site");
      await page.click("#editor-save");
      assert.deepEqual(await violations(page), []);
      await page.click("#draw-outline");
      await page.locator(".draw-banner").waitFor();
      assert.deepEqual(await violations(page), []);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
    });
  }
}

const NARROW = { viewport: { width: 375, height: 812 }, hasTouch: true, isMobile: true };

for (const [locale, said] of [
  ["fr-FR", ["Ajouter un site", "Cliquez sur le premier coin du contour.", "Un site demande un nom"]],
  ["es-ES", ["Añadir un sitio", "Haga clic en la primera esquina del contorno.", "Un sitio necesita un nombre"]],
  ["pt-BR", ["Adicionar um local", "Clique no primeiro canto do contorno.", "Um local precisa de um nome"]],
] as const) {
  pageTest(`the editor speaks ${locale} and has room on 375 px`, { ...ON_MAP, ...NARROW, locale }, async (page) => {
    await listed(page);
    await mapped(page);
    await page.getByRole("button", { name: said[0] }).click();
    await page.click("#editor-save");
    await page.getByText(said[2]).waitFor();
    await page.click("#draw-outline");
    await page.locator(".draw-banner").getByText(said[1]).waitFor();
    const cut = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>(".draw-banner, .draw-banner button, .editor, .editor button, .editor .field")]
        .filter((element) => element.checkVisibility() && (element.scrollWidth > element.clientWidth + 1 || element.getBoundingClientRect().right > innerWidth + 0.5))
        .map((element) => element.outerHTML.slice(0, 100)),
    );
    assert.deepEqual(cut, []);
    assert.deepEqual(await violations(page), []);
  });
}
