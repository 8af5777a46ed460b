/** Puts the page together: panels at once, the map when it has come. */

import { announce, clearFailures, fail, told } from "./announce.ts";
import { api, maps } from "./api/client.ts";
import { Problem } from "./api/problem.ts";
import type { Permit, Prediction, ServerInfo, Site, SiteDetail } from "./api/types.ts";
import { accessButton } from "./access_dialog.ts";
import { askForCaller, lacking, showRoles } from "./caller.ts";
import { byId, h } from "./dom.ts";
import { draftOf } from "./editor/outline_field.ts";
import { bboxOf } from "./editor/outline.ts";
import { EditorPanel } from "./editor/panel.ts";
import { languageSwitch, speakToReader } from "./languages.ts";
import { withToken } from "./jobs/token.ts";
import { LayersPanel, type DrawnMap } from "./map/layers_panel.ts";
import type { SiteMap } from "./map/map.ts";
import { PredictPanel } from "./predict/panel.ts";
import { DatesBar } from "./site/dates.ts";
import { SiteLoader } from "./site/loader.ts";
import { pairOf, type Pair } from "./site/pair.ts";
import { SitePanel } from "./site/panel.ts";
import { SitesPanel } from "./sites/panel.ts";
import { splitter } from "./splitter.ts";
import { ThemeSwitch } from "./theme.ts";
import { askForToken } from "./token_dialog.ts";
import { Store } from "./view/store.ts";
import type { Tab, View } from "./view/view.ts";
import { t } from "./words.ts";

const NO_PAIR: Pair = { before: null, after: null };

class App {
  readonly #store = new Store(location.hash);
  readonly #panel = byId("panel");
  readonly #theme: ThemeSwitch;
  readonly #sites: SitesPanel;
  readonly #site: SitePanel;
  readonly #predict: PredictPanel;
  readonly #editor: EditorPanel;
  readonly #dates: DatesBar;
  readonly #layers: LayersPanel;
  readonly #loader: SiteLoader;
  readonly #map: Promise<SiteMap>;
  #giveMap: (map: SiteMap) => void = () => undefined;
  #all: Site[] = [];
  #detail: SiteDetail | null = null;
  #pair = NO_PAIR;
  #prediction: Prediction | null = null;
  /** Whether the map turns to the site that is loaded next: not to that of a link, which has a camera of its own. */
  #turnsToSite = this.#store.view.camera === null;

  constructor() {
    const store = this.#store;
    this.#map = new Promise((resolve) => {
      this.#giveMap = resolve;
    });
    this.#theme = new ThemeSwitch(byId("theme") as HTMLButtonElement, () => {
      this.#site.repaint();
      void this.#map.then((map) => map.recolour(this.#theme.isDark));
    });
    this.#sites = new SitesPanel(store, {
      open: (id) => this.#open(id),
      add: () => this.#edit(() => this.#editor.add()),
      changed: (shown) => void this.#map.then((map) => map.sites(shown)),
      goTo: (position) => void this.#map.then((map) => map.goTo(position)),
    });
    this.#site = new SitePanel({
      close: () => this.#close(),
      retry: () => store.view.site && void this.#loader.load(store.view.site),
      select: (after) => {
        store.update({ after });
        this.#dates.say();
      },
      renew: (site) => this.#renew(site),
      edit: (site) => this.#edit(() => this.#editor.edit(site)),
      addPermit: (site) => this.#edit(() => this.#editor.permit(site)),
      withdraw: (site, permit) => this.#withdraw(site, permit),
      remove: (site) => this.#remove(site),
    });
    this.#editor = new EditorPanel(byId("stage"), {
      draw: async (drawing, signal) => (await this.#map).drawPolygon(drawing, signal),
      editCorners: async (editing, signal) => (await this.#map).editCorners(editing, signal),
      show: (outline, turn) =>
        void this.#map.then((map) => {
          map.draft(draftOf(outline));
          if (outline && turn) map.fit(bboxOf(outline));
        }),
      saved: (site, isNew) => this.#saved(site, isNew),
      close: () => this.#closeEditor(),
    });
    this.#predict = new PredictPanel(store, {
      draw: async (signal) => (await this.#map).drawBox(signal),
      extent: async () => (await this.#map).extent(),
      showBox: (bbox) => void this.#map.then((map) => map.box(bbox)),
      open: (prediction) => this.#openPrediction(prediction),
    });
    this.#dates = new DatesBar(store);
    this.#layers = new LayersPanel(store);
    byId("stage").append(this.#layers.element);
    byId("map").append(this.#dates.element);
    this.#loader = new SiteLoader({
      loading: (id) => this.#site.loading(this.#nameOf(id)),
      loaded: (site, isAgain) => (isAgain ? this.#renewed(site) : this.#loaded(site)),
      failed: (id, error) => this.#site.failed(this.#nameOf(id), error),
      timeline: (timeline) => this.#site.timeline(timeline),
      timelineFailed: (error) => this.#site.timelineFailed(error),
    });
    splitter(byId("splitter"));
    languageSwitch(byId("language") as HTMLSelectElement, () => store.write());
    for (const button of document.querySelectorAll<HTMLButtonElement>("[data-tab]")) {
      button.addEventListener("click", () => this.#turn(button.dataset["tab"] as Tab));
    }
    byId("share").addEventListener("click", () => void this.#share());
    store.listen((view, before) => this.#viewed(view, before));
  }

  async start(): Promise<void> {
    try {
      const [info, sites] = await Promise.all([api.info(), api.sites(), askForCaller()]);
      this.#begin(info, sites);
    } catch (error) {
      this.#cannotStart(error);
    }
  }

  #begin(info: ServerInfo, sites: Site[]): void {
    const { view } = this.#store;
    byId("workspace").textContent = info.workspace;
    document.title = `MineSegSAT · ${info.workspace}`;
    this.#all = sites;
    this.#panel.replaceChildren(this.#sites.element, this.#site.element, this.#predict.element, this.#editor.element);
    showRoles(this.#panel);
    this.#sites.writable(info.writing_enabled ?? false);
    if (info.writing_enabled) this.#takeFiles();
    if (info.writing_enabled || info.token_required_for_reading) accessButton(byId("access") as HTMLButtonElement);
    this.#turned(view);
    this.#sites.set(sites);
    this.#site.set(info);
    this.#predict.set(info);
    if (view.site) void this.#loader.load(view.site);
    // Two frames later the list is painted; the map may then take what time it needs.
    requestAnimationFrame(() => requestAnimationFrame(() => void this.#startMap(info)));
  }

  async #startMap(info: ServerInfo): Promise<void> {
    const note = byId("map-note");
    try {
      const { SiteMap } = await import("./map/map.ts");
      const map = new SiteMap(byId("stage"), this.#store, info.basemap, this.#theme.isDark, {
        open: (id) => this.#open(id),
        changesSince: (date) => this.#layers.changesSince(date),
      });
      note.remove();
      if (!this.#store.view.camera) map.fitAll(this.#all, false);
      this.#giveMap(map);
      await this.#showPrediction(this.#store.view);
    } catch (error) {
      console.error(error);
      note.textContent = t("map-no-webgl");
      announce(note.textContent);
      this.#predict.withoutMap();
      this.#editor.withoutMap();
      this.#layers.withoutMap();
    }
  }

  #cannotStart(error: unknown): void {
    const needsToken = error instanceof Problem && error.status === 401;
    const button = h("button", { type: "button", class: "primary" }, t(needsToken ? "token-enter" : "try-again"));
    button.addEventListener("click", async () => {
      if (needsToken && !(await askForToken(told(error)))) return;
      await this.start();
    });
    this.#panel.replaceChildren(
      h("div", { class: "empty", role: "alert" }, h("h1", { class: "empty-heading" }, t(needsToken ? "token-asked" : "sites-failed")), h("p", {}, ...told(error)), button),
    );
    byId("map-note").textContent = "";
  }

  /** What follows a change of the view: by a control, a link or the back button. */
  #viewed(view: View, before: View): void {
    const wasOpen = this.#editor.isOpen;
    if (view.site !== before.site || view.tab !== before.tab || view.prediction !== before.prediction) this.#editor.leave();
    const isLeft = wasOpen && !this.#editor.isOpen;
    if (view.site !== before.site) {
      clearFailures();
      this.#site.leave();
      this.#show(null);
      if (view.site) void this.#loader.load(view.site);
      else this.#loader.stop();
    } else if (this.#detail && (view.before !== before.before || view.after !== before.after)) {
      this.#pairUp(this.#detail);
    }
    if (view.prediction !== before.prediction) void this.#showPrediction(view);
    if (isLeft || view.tab !== before.tab || view.site !== before.site) this.#turned(view);
  }

  #loaded(site: SiteDetail): void {
    this.#show(site);
    const { view } = this.#store;
    for (const id of [view.before, view.after]) {
      if (id && !site.observations.some((observation) => observation.id === id)) {
        announce(t("observation-gone"));
      }
    }
    if (this.#turnsToSite) void this.#map.then((map) => map.fit(site.bbox));
    this.#turnsToSite = false;
  }

  /** `null` while none is open. */
  #show(site: SiteDetail | null): void {
    this.#detail = site;
    this.#pair = site ? pairOf(site, this.#store.view) : NO_PAIR;
    if (site) this.#site.show(site, this.#pair);
    // Not from the header: a change of the language leaves the keyboard there.
    if (site && !document.activeElement?.closest(".bar")) this.#site.focus();
    this.#showOnMap();
  }

  /** Loads the open site again, and the list: somebody looked for new scenes. */
  async #renew(id: string): Promise<void> {
    const list = api.sites();
    // Is looked at below; a failure before that is no unhandled one.
    list.catch(() => undefined);
    await this.#loader.load(id, { again: true });
    try {
      this.#all = await list;
      this.#sites.set(this.#all);
    } catch (error) {
      fail(t("sites-list"), error);
    }
  }

  /** What is new is what is shown. */
  #renewed(site: SiteDetail): void {
    this.#store.update({ before: null, after: null });
    this.#detail = site;
    this.#pair = pairOf(site, this.#store.view);
    this.#site.renew(site, this.#pair);
    this.#showOnMap();
  }

  #pairUp(site: SiteDetail): void {
    this.#pair = pairOf(site, this.#store.view);
    this.#site.select(site, this.#pair);
    this.#showOnMap();
  }

  #showOnMap(): void {
    const [site, pair, prediction] = [this.#detail, this.#pair, this.#prediction];
    this.#dates.show(site, pair);
    this.#layers.show(drawnMap(site, pair, prediction), site !== null);
    void this.#map.then((map) => map.show({ site, pair, prediction: site ? null : prediction }));
  }

  #open(id: string): void {
    if (!this.#editor.mayLeave()) return;
    this.#turnsToSite = true;
    this.#store.update({ tab: "sites", site: id, before: null, after: null, prediction: null }, { step: true });
    this.#panel.scrollTop = 0;
  }

  #close(): void {
    const { site } = this.#store.view;
    this.#store.update({ site: null, before: null, after: null }, { step: true });
    this.#sites.list.focus(site);
  }

  #openPrediction(prediction: Prediction): void {
    this.#store.update({ site: null, before: null, after: null, prediction: prediction.name }, { step: true });
    const { bounds } = prediction;
    void this.#map.then((map) => {
      map.box(null);
      if (bounds) map.fit(bounds);
    });
    announce(t("prediction-shown", { name: prediction.name }));
  }

  async #showPrediction({ prediction: name }: View): Promise<void> {
    if (name !== null && !this.#predict.predictions.some((prediction) => prediction.name === name)) await this.#predict.refresh();
    this.#prediction = this.#predict.predictions.find((prediction) => prediction.name === name) ?? null;
    if (name !== null && !this.#prediction) fail(t("prediction-of"), new Error(t("prediction-gone", { name })));
    this.#showOnMap();
  }

  #turn(tab: Tab): void {
    if (!this.#editor.mayLeave()) return;
    if (this.#editor.isOpen) this.#closeEditor();
    const { view } = this.#store;
    if (tab === "sites" && view.tab === "sites" && view.site) this.#close();
    else this.#store.update(tab === "predictions" ? { tab, site: null, before: null, after: null } : { tab }, { step: true });
    const heading = this.#panel.querySelector<HTMLElement>("section:not([hidden]) h1");
    heading?.focus({ preventScroll: true });
  }

  /** One of the three panels is in sight. */
  #turned(view: View): void {
    const isEditing = this.#editor.isOpen;
    void this.#map.then((map) => map.editing(isEditing));
    this.#sites.element.hidden = isEditing || view.tab !== "sites" || view.site !== null;
    this.#site.element.hidden = isEditing || view.tab !== "sites" || view.site === null;
    this.#predict.element.hidden = isEditing || view.tab !== "predictions";
    if (view.tab !== "predictions") this.#predict.leave();
    for (const button of document.querySelectorAll<HTMLButtonElement>("[data-tab]")) {
      if (button.dataset["tab"] === view.tab) button.setAttribute("aria-current", "page");
      else button.removeAttribute("aria-current");
    }
  }

  /** The editor takes the place of the panel that it was opened from. */
  #edit(open: () => void): void {
    open();
    this.#turned(this.#store.view);
  }

  #closeEditor(): void {
    this.#editor.leave();
    const { view } = this.#store;
    this.#turned(view);
    const target = view.tab === "predictions" ? "predict-heading" : view.site ? "site-heading" : "add-site";
    document.getElementById(target)?.focus({ preventScroll: true });
  }

  async #saved(site: SiteDetail, isNew: boolean): Promise<void> {
    this.#turned(this.#store.view);
    if (!isNew) {
      await this.#renew(site.id);
      void this.#map.then((map) => map.fit(site.bbox));
      return;
    }
    this.#open(site.id);
    try {
      this.#all = await api.sites();
      this.#sites.set(this.#all);
    } catch (error) {
      fail(t("sites-list"), error);
    }
  }

  async #withdraw(site: SiteDetail, permit: Permit): Promise<void> {
    if (!window.confirm(t("permit-withdraw-sure", { permit: permit.number }))) return;
    const withdraw = (force: boolean): Promise<unknown> => withToken("register", () => api.removePermit(site.id, site.revision, permit, force));
    try {
      try {
        await withdraw(false);
      } catch (error) {
        // Verdicts would change: the message names them.
        if (!(error instanceof Problem) || error.status !== 428) throw error;
        if (!window.confirm(`${t("permit-judges-again")}\n\n${error.message}`)) return;
        await withdraw(true);
      }
      announce(t("permit-withdrawn", { permit: permit.number }));
    } catch (error) {
      fail(t("permit-withdraw"), error instanceof Problem && error.status === 409 ? new Error(t("conflict")) : error);
    }
    // Also after a conflict: what is there now is what the next change is made of.
    await this.#renew(site.id);
  }

  async #remove(site: SiteDetail): Promise<void> {
    const { id, name } = site;
    const counts = { permits: t("permits-count", { count: site.permits.length }), observations: t("observations-count", { count: site.observations.length }) };
    if (!window.confirm(t("site-remove-sure", { name, ...counts }))) return;
    try {
      await withToken("register", () => api.removeSite(id, site.revision, site.observations.length > 0));
    } catch (error) {
      const status = error instanceof Problem ? error.status : 0;
      fail(t("site-remove"), status === 409 ? new Error(t("site-remove-conflict")) : status === 404 ? new Error(t("editor-gone")) : error);
      // What is there now is what the next attempt removes.
      if (status === 409) await this.#renew(id);
      return;
    }
    this.#all = this.#all.filter((one) => one.id !== id);
    this.#sites.set(this.#all);
    this.#close();
    announce(t("site-removed", { name }));
  }

  /** Files that are dropped on the page, which the browser would open instead of it. */
  #takeFiles(): void {
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    window.addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      document.body.classList.add("dropping");
    });
    window.addEventListener("dragleave", (event) => event.relatedTarget === null && document.body.classList.remove("dropping"));
    window.addEventListener("drop", (event) => {
      const [file] = event.dataTransfer?.files ?? [];
      if (!hasFiles(event) || !file) return;
      event.preventDefault();
      document.body.classList.remove("dropping");
      const reason = lacking("register");
      if (reason) fail(t("site-add"), new Error(reason));
      else this.#edit(() => this.#editor.drop(file));
    });
  }

  #nameOf(id: string): string {
    return this.#all.find((site) => site.id === id)?.name ?? id;
  }

  async #share(): Promise<void> {
    const link = new URL(this.#store.link(), location.href).href;
    try {
      await navigator.clipboard.writeText(link);
      announce(t("link-copied"));
      const label = byId("share-label");
      label.textContent = t("copied");
      window.setTimeout(() => {
        label.textContent = t("copy-link");
      }, 2000);
    } catch {
      // Without HTTPS browsers have no clipboard for pages.
      window.prompt(t("link-prompt"), link);
    }
  }
}

function drawnMap(site: SiteDetail | null, { after }: Pair, prediction: Prediction | null): DrawnMap | null {
  if (site && after) return { of: after, path: maps.observation(site.id, after.id) };
  return prediction && { of: prediction, path: maps.prediction(prediction.name) };
}

async function begin(): Promise<void> {
  try {
    await speakToReader();
    await new App().start();
  } catch (error) {
    console.error(error);
    byId("no-words").hidden = false;
  }
}

void begin();
