/** The page in each of its languages: what it says, how it writes numbers, and that longer words have room. */

import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { linkHas, listed, mapped, opened, pageTest, violations, WITH_MAP } from "./harness.ts";

const SITE = { mock: { hasKey: false }, hash: "#site=larch-creek" };
const WIDE = { viewport: { width: 1400, height: 900 } };
const NARROW = { viewport: { width: 375, height: 812 }, hasTouch: true, isMobile: true };

/** What stands on the page of a site whose limit is exceeded: 160.7 ha of 145.0 ha, 90 % interval, 97.2 % seen. */
const SAID = {
  en: { locale: "en-GB", heading: "Limit exceeded, as far as the permits are known", area: "160.7 ha", level: "90 % interval", seen: "97.2 %", since: "since 2024-01-25", tabs: ["Sites", "Predictions"] },
  fr: { locale: "fr-FR", heading: "Limite dépassée, d’après les permis connus", area: "160,7 ha", level: "intervalle à 90 %", seen: "97,2 %", since: "depuis le 25 janvier 2024", tabs: ["Sites", "Prédictions"] },
  es: { locale: "es-ES", heading: "Límite superado, según los permisos conocidos", area: "160,7 ha", level: "intervalo del 90 %", seen: "97,2 %", since: "desde el 25 de enero de 2024", tabs: ["Sitios", "Predicciones"] },
  pt: { locale: "pt-BR", heading: "Limite excedido, segundo as licenças conhecidas", area: "160,7 ha", level: "intervalo de 90 %", seen: "97,2 %", since: "desde 25 de janeiro de 2024", tabs: ["Locais", "Predições"] },
} as const;

/** With plain spaces for those that do not break. */
const text = async (page: Page, selector: string): Promise<string> => (await page.locator(selector).innerText()).replace(/[\u00a0\u202f]/g, " ");

const fits = async (page: Page, where: string): Promise<void> => {
  const [needed, has] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.equal(needed, has, `${where} is wider than the screen`);
  const cut = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>(".bar button, .bar nav, .bar .tools, .panel-area > section:not([hidden])")]
      .filter((element) => element.checkVisibility() && (element.scrollWidth > element.clientWidth + 1 || element.getBoundingClientRect().right > innerWidth + 0.5))
      .map((element) => element.outerHTML.slice(0, 100)),
  );
  assert.deepEqual(cut, [], `${where} is cut`);
};

for (const [language, said] of Object.entries(SAID)) {
  for (const [size, screen] of [["1400 px", WIDE], ["375 px", NARROW]] as const) {
    for (const colorScheme of ["light", "dark"] as const) {
      pageTest(`the page speaks ${language}: ${size}, ${colorScheme}`, { ...SITE, ...screen, locale: said.locale, colorScheme }, async (page) => {
        await opened(page);
        await page.locator("#chart canvas").waitFor();
        assert.equal(await page.evaluate(() => document.documentElement.lang), language);
        assert.deepEqual(await page.locator("nav button").allInnerTexts(), said.tabs);
        const verdict = await text(page, "#verdict");
        for (const part of [said.heading, said.area]) assert.ok(verdict.includes(part), `${part} is missing in ${verdict}`);
        const tiles = await text(page, ".tiles");
        for (const part of [said.area, said.level, said.seen, said.since]) assert.ok(tiles.includes(part), `${part} is missing in ${tiles}`);
        // The sentence of the register is English, and marked where the page is not.
        const record = page.locator("#verdict [lang=en]");
        assert.equal(await record.count(), language === "en" ? 0 : 1);
        if (language !== "en") assert.match(await record.innerText(), /^160\.7 ha are disturbed/);
        await fits(page, "a site");
        assert.deepEqual(await violations(page), []);
        await page.locator("[data-tab=predictions]").click();
        await page.locator("#predict-form button[type=submit]").click();
        await fits(page, "predictions");
        assert.deepEqual(await violations(page), []);
        await page.locator("[data-tab=sites]").click();
        await listed(page);
        await fits(page, "the list");
        // As narrow as WCAG 1.4.10 has it.
        if (size === "375 px") {
          await page.setViewportSize({ width: 320, height: 700 });
          await fits(page, "the list on 320 px");
        }
        assert.deepEqual(await violations(page), []);
      });
    }
  }

  pageTest(`layers and legends have room in ${language}`, { ...SITE, ...WITH_MAP, hash: "#site=larch-creek&picture=bsi&overlay=change", viewport: { width: 1400, height: 900 }, locale: said.locale }, async (page) => {
    await opened(page);
    await mapped(page);
    await page.locator("#overlay-legend li").first().waitFor();
    await page.locator("#picture-legend .legend-bar").waitFor();
    const body = page.locator(".layers-body");
    assert.ok(await body.evaluate((element) => element.scrollWidth <= element.clientWidth));
    const english = ["Gain, newly disturbed", "bare soil", "Zoom in", "Outlines"];
    const shown = `${await page.locator("#map").innerText()} ${await page.locator(".maplibregl-ctrl-zoom-in").getAttribute("aria-label")}`;
    for (const words of english) assert.equal(shown.toLowerCase().includes(words.toLowerCase()), language === "en", words);
  });
}

pageTest("another language is chosen, kept, and the open site stays", { ...SITE, locale: "en-GB" }, async (page, url) => {
  await opened(page);
  // An earlier date, and at once another language: the address has it before the page is left.
  await page.locator("[data-observation]").last().click();
  await page.getByRole("combobox", { name: "Language" }).selectOption("es");
  await page.locator("#verdict").getByText("Dentro del límite").waitFor();
  await linkHas(page, /site=larch-creek&after=2019/);
  assert.equal(await page.getByRole("combobox", { name: "Idioma" }).inputValue(), "es");
  assert.equal(await page.evaluate(() => document.documentElement.lang), "es");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "language");
  await page.goto(url);
  await listed(page);
  assert.match(await page.locator("#list-status").innerText(), /^7 sitios$/);
});

pageTest("a browser without a language of the page gets English", { ...SITE, locale: "de-DE" }, async (page) => {
  await opened(page);
  assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
});

pageTest("a country's decimal mark is kept", { ...SITE, locale: "es-PE" }, async (page) => {
  await opened(page);
  assert.match(await text(page, "#verdict"), /160\.7 ha de superficie alterada/);
});

pageTest("what the server refuses is marked as English, after words of the page", { ...SITE, locale: "pt-BR", hash: "#tab=predictions" }, async (page, url) => {
  // Edges are typed with the decimal mark of the language.
  for (const [name, value] of [["west", "-80"], ["south", "40"], ["east", "-70,5"], ["north", "50"]] as const) await page.fill(`#field-${name}`, value);
  await page.locator("#predict-form button[type=submit]").click();
  const problem = page.locator("#predict-form .problem");
  await problem.getByText("Resposta do servidor: The box has 95.0 square degrees").waitFor();
  assert.match(await problem.locator("[lang=en]").innerText(), /^The box has/);
  await page.goto(`${url}/#site=larch-creek`);
  await opened(page);
  await page.getByRole("button", { name: /^Pacote de provas/ }).click();
  await page.locator(".toast [lang=en]").getByText("packs are signed", { exact: false }).waitFor();
});

pageTest("a job says what it does in the language, then in the server's words", { ...SITE, locale: "fr-FR" }, async (page) => {
  await opened(page);
  await page.locator("#look").click();
  await page.locator(".look .job").getByText(/^\d+\s% · En cours · mapping 2024-12-29$/).waitFor();
  await page.locator("#look-outcome").getByText("1 nouvelle observation", { exact: true }).waitFor();
});

pageTest("without any words the page says that it could not be loaded", { ...SITE, locale: "fr-FR" }, async (page) => {
  await opened(page);
  await page.route("**/assets/page-*.js", (route) => route.abort());
  await page.route("**/assets/verdict-*.js", (route) => route.abort());
  await page.reload();
  await page.locator("#no-words").waitFor();
});
