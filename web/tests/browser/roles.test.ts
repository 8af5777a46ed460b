/** Users with roles: what the page offers them, and what it says of the rest. */

import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { listed, opened, pageTest, violations } from "./harness.ts";

const users = { read: { name: "Ana", role: "read" }, order: { name: "Bo", role: "order" }, register: { name: "Chi", role: "register" } };
const SITE = { mock: { users, token: "operator" }, hash: "#site=larch-creek" };
const WIDE = { viewport: { width: 1400, height: 900 } };
const NARROW = { viewport: { width: 375, height: 812 }, hasTouch: true, isMobile: true };

/** Gives a token by the button in the header. */
async function signIn(page: Page, token: string): Promise<void> {
  await page.click("#access");
  await page.fill("#token", token);
  await page.locator("dialog button.primary").click();
  await page.locator("dialog").waitFor({ state: "detached" });
}

const enabled = async (page: Page, selector: string): Promise<boolean[]> => {
  const found = await page.locator(selector).all();
  return Promise.all(found.map((button) => button.isEnabled()));
};

pageTest("a reader sees what another role could do, disabled, and why", SITE, async (page) => {
  await opened(page);
  assert.deepEqual(await enabled(page, "#look, #add-permit, #edit-site, #remove-site"), [true, true, true, true], "a token is asked for first");
  await signIn(page, "read");
  await page.locator("#access[aria-label='Access: Ana']").waitFor();
  assert.deepEqual(await enabled(page, "#look, #add-permit, #edit-site, #remove-site"), [false, false, false, false]);
  assert.deepEqual(await enabled(page, "[aria-label^='Withdraw permit']"), [false, false]);
  const notes = page.locator(".site .role-note");
  assert.equal(await notes.first().innerText(), "You are Ana, with the role read. This needs the role order. The operator of the server gives roles.");
  assert.match(await notes.last().innerText(), /needs the role register/);
  assert.deepEqual(await violations(page), []);
  await page.click("#back");
  await listed(page);
  assert.equal(await page.locator("#add-site").isEnabled(), false);
  await page.locator(".list-foot .role-note").waitFor();
  await page.locator("[data-tab=predictions]").click();
  await page.locator("[data-prediction]").click();
  assert.deepEqual(await enabled(page, "#predict-form [type=submit], [data-remove]"), [false, false]);
  assert.deepEqual(await violations(page), []);
});

pageTest("who orders may look for scenes and not edit; the register's role may do both", SITE, async (page) => {
  await opened(page);
  await signIn(page, "order");
  await page.locator("#access[data-role=order]").waitFor();
  assert.deepEqual(await enabled(page, "#look, #edit-site, #remove-site"), [true, false, false]);
  await page.click("#access");
  await page.getByText("You are Bo, with the role order:").waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByRole("button", { name: "Use another token" }).click();
  await page.fill("#token", "register");
  await page.keyboard.press("Enter");
  await page.locator("#access[data-role=register]").waitFor();
  assert.deepEqual(await enabled(page, "#look, #edit-site, #remove-site"), [true, true, true]);
  assert.equal(await page.locator(".site .role-note:visible").count(), 0);
});

pageTest("roles are known after the page is loaded again, and a token is forgotten on request", SITE, async (page) => {
  await opened(page);
  await signIn(page, "read");
  await page.locator("#access[data-role=read]").waitFor();
  await page.reload();
  await opened(page);
  assert.deepEqual(await enabled(page, "#look, #edit-site"), [false, false]);
  await page.click("#back");
  await listed(page);
  assert.equal(await page.locator("#add-site").isEnabled(), false);
  await page.click("#access");
  await page.getByRole("button", { name: "Forget the token" }).click();
  await page.locator("#access[aria-label='Access: no token']").waitFor();
  assert.equal(await page.locator("#add-site").isEnabled(), true);
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

pageTest("a token that the server does not know is asked for again", SITE, async (page) => {
  await opened(page);
  await page.click("#access");
  await page.fill("#token", "guess");
  await page.keyboard.press("Enter");
  await page.getByText("The server does not know this token.").waitFor();
  assert.equal(await page.inputValue("#token"), "");
  await page.fill("#token", "operator");
  await page.keyboard.press("Enter");
  await page.locator("#access[aria-label='Access: token of the server']").waitFor();
  await page.click("#access");
  await page.getByText("You use the token of the server, which has all rights.").waitFor();
});

pageTest("a token whose role is too low is told at the change, and another one goes on with it", SITE, async (page, url) => {
  await opened(page);
  await page.click("#edit-site");
  await page.fill("#editor-name", "Renamed");
  await page.click("#editor-save");
  await page.getByText("with a token of the role register", { exact: false }).last().waitFor();
  await page.fill("#token", "order");
  await page.keyboard.press("Enter");
  await page.locator("dialog").getByText("You are Bo, with the role order. This needs the role register.").waitFor();
  await page.fill("#token", "register");
  await page.keyboard.press("Enter");
  await page.locator("#site-heading").getByText("Renamed").waitFor();
  await page.locator("#access[data-role=register]").waitFor();
  assert.equal((await (await page.request.get(`${url}/api/sites/larch-creek`)).json()).name, "Renamed");
});

pageTest("a file that is dropped by a reader is refused with the reason", SITE, async (page) => {
  await opened(page);
  await signIn(page, "read");
  await page.locator("#access[data-role=read]").waitFor();
  await page.evaluate(() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(["{}"], "mine.geojson"));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  });
  await page.locator(".toast").getByText("This needs the role", { exact: false }).waitFor();
  assert.equal(await page.locator("#editor-form").count(), 0);
});

pageTest("the history names the user who changed a permit", SITE, async (page) => {
  await opened(page);
  await page.locator(".notes").getByText("Changed by Chi.", { exact: false }).waitFor();
});

pageTest("a site is removed after a question that names what goes", SITE, async (page, url) => {
  await opened(page);
  await signIn(page, "register");
  await page.locator("#access[data-role=register]").waitFor();
  let asked = "";
  page.once("dialog", (dialog) => {
    asked = dialog.message();
    void dialog.dismiss();
  });
  await page.click("#remove-site");
  assert.match(asked, /^Remove Larch Creek quarry from the register, with 2 permits and 12 observations\?/);
  assert.match(asked, /Files of observations stay in the workspace\.$/);
  assert.equal((await page.request.get(`${url}/api/sites/larch-creek`)).status(), 200);
  page.once("dialog", (dialog) => void dialog.accept());
  await page.click("#remove-site");
  await listed(page);
  assert.equal(await page.locator("[data-site=larch-creek]").count(), 0);
  assert.match(await page.locator("#list-status").innerText(), /^6 sites$/);
  assert.equal((await page.request.get(`${url}/api/sites/larch-creek`)).status(), 404);
});

pageTest("a site that another person has changed meanwhile is not removed", SITE, async (page, url) => {
  await opened(page);
  await signIn(page, "register");
  const { revision } = await (await page.request.get(`${url}/api/sites/larch-creek`)).json();
  await page.request.patch(`${url}/api/sites/larch-creek`, { data: { revision, name: "Larch Creek North" }, headers: { authorization: "Bearer operator" } });
  page.once("dialog", (dialog) => void dialog.accept());
  await page.click("#remove-site");
  await page.locator(".toast").getByText("The site has changed since it was shown, so nothing was removed.", { exact: false }).waitFor();
  await page.locator("#site-heading").getByText("Larch Creek North").waitFor();
  page.once("dialog", (dialog) => void dialog.accept());
  await page.click("#remove-site");
  await listed(page);
  assert.equal(await page.locator("[data-site=larch-creek]").count(), 0);
});

pageTest("a server without a token offers no access", { mock: { writingEnabled: false } }, async (page) => {
  await listed(page);
  assert.equal(await page.locator("#access").isVisible(), false);
});

const SAID = {
  en: { locale: "en-GB", heading: "Your access", lacking: "This needs the role order.", remove: "Remove the site" },
  fr: { locale: "fr-FR", heading: "Votre accès", lacking: "Il faut ici le rôle order.", remove: "Supprimer le site" },
  es: { locale: "es-ES", heading: "Su acceso", lacking: "Aquí hace falta el rol order.", remove: "Eliminar el sitio" },
  pt: { locale: "pt-BR", heading: "O seu acesso", lacking: "Aqui é preciso o papel order.", remove: "Remover o local" },
} as const;

for (const [language, said] of Object.entries(SAID)) {
  for (const [size, screen] of [["1400 px", WIDE], ["375 px", NARROW]] as const) {
    for (const colorScheme of ["light", "dark"] as const) {
      pageTest(`access and roles in ${language}: ${size}, ${colorScheme}`, { ...SITE, ...screen, locale: said.locale, colorScheme }, async (page) => {
        await opened(page);
        await signIn(page, "read");
        await page.locator(".site .role-note").getByText(said.lacking, { exact: false }).first().waitFor();
        await page.getByRole("button", { name: said.remove }).waitFor();
        const fits = async (): Promise<void> => assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), screen.viewport.width);
        await fits();
        assert.deepEqual(await violations(page), []);
        await page.click("#access");
        await page.getByRole("heading", { name: said.heading }).waitFor();
        const cut = await page.evaluate(() => [...document.querySelectorAll<HTMLElement>("dialog, dialog *")].filter((element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0).map((element) => element.outerHTML.slice(0, 100)));
        assert.deepEqual(cut, []);
        assert.deepEqual(await violations(page), []);
        await page.keyboard.press("Escape");
        if (size === "375 px") {
          await page.setViewportSize({ width: 320, height: 700 });
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
          const outside = await page.evaluate(() => [...document.querySelectorAll<HTMLElement>(".bar button, .bar select")].filter((element) => element.checkVisibility() && element.getBoundingClientRect().right > innerWidth + 0.5).map((element) => element.id));
          assert.deepEqual(outside, []);
        }
      });
    }
  }
}
