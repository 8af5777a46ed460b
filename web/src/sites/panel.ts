/** Search, filter and list of sites. */

import { announce } from "../announce.ts";
import type { Site } from "../api/types.ts";
import { needing, roleNote } from "../caller.ts";
import { debounced, h } from "../dom.ts";
import { number, positionText } from "../format.ts";
import { icon, label, STANDINGS, type Standing } from "../verdict.ts";
import type { Store } from "../view/store.ts";
import { ORDERS, type Order } from "../view/view.ts";
import { t } from "../words.ts";
import { chosen, counts, entries, NEAR_KM, type Entry } from "./filter.ts";
import { SiteList } from "./list.ts";
import { positions, type Position, type Reading } from "./position.ts";

export interface SitesActions {
  open(site: string): void;
  /** Called with the sites that are left by the filter. */
  changed(shown: Entry[]): void;
  add(): void;
  /** Shows a position on the map, or none any more. */
  goTo(position: Position | null): void;
}

export class SitesPanel {
  readonly element: HTMLElement;
  readonly list: SiteList;
  readonly #store: Store;
  readonly #actions: SitesActions;
  readonly #search: HTMLInputElement;
  readonly #order: HTMLSelectElement;
  readonly #chips = new Map<Standing, { button: HTMLButtonElement; count: HTMLElement }>();
  readonly #status = h("p", { class: "list-status faint", id: "list-status" });
  readonly #note = h("p", { class: "footnote faint small" }, `* ${t("revision-may-be-missing")}`);
  readonly #add = needing("register", h("button", { type: "button", id: "add-site", hidden: true }, t("site-add")));
  readonly #empty = h("div", { class: "empty", hidden: true });
  readonly #filters: HTMLElement;
  readonly #places = h("div", { class: "places", role: "group", "aria-label": t("positions"), hidden: true });
  #entries: Entry[] = [];
  #shown: Entry[] = [];

  constructor(store: Store, actions: SitesActions) {
    this.#store = store;
    this.#actions = actions;
    this.list = new SiteList((id) => actions.open(id));
    this.#search = h("input", {
      type: "search",
      id: "search",
      placeholder: t("sites-search-hint"),
      autocomplete: "off",
      spellcheck: "false",
      value: store.view.query,
    });
    const wish = debounced(() => store.update({ query: this.#search.value }), 120);
    this.#search.addEventListener("input", wish);
    this.#search.addEventListener("keydown", (event) => event.key === "Enter" && this.#take());
    this.#order = h(
      "select",
      { id: "order" },
      ...ORDERS.map((value) => h("option", { value }, t(`order-${value}`))),
    );
    this.#order.addEventListener("change", () => store.update({ order: this.#order.value as Order }));
    this.#filters = h(
      "div",
      { class: "filters" },
      h("label", { class: "hidden", for: "search" }, t("sites-search")),
      this.#search,
      this.#places,
      h("div", { class: "chips", role: "group", "aria-label": t("sites-verdicts") }, ...STANDINGS.map((name) => this.#chip(name))),
      h("div", { class: "filter-line" }, this.#status, h("label", { class: "order" }, h("span", { class: "hidden" }, t("sites-order")), this.#order)),
    );
    this.element = h(
      "section",
      { class: "sites", "aria-labelledby": "sites-heading" },
      h("h1", { id: "sites-heading", class: "hidden", tabindex: "-1" }, t("sites")),
      this.#filters,
      this.list.element,
      this.#empty,
      h("div", { class: "list-foot" }, this.#add, roleNote("register"), this.#note),
    );
    this.#add.addEventListener("click", () => actions.add());
    store.listen((view, before) => {
      if (view.query === before.query && view.verdicts === before.verdicts && view.order === before.order) return;
      this.list.top();
      if (view.query !== before.query) this.#showPlaces(positions(view.query));
      this.#filter();
      announce(t("sites-shown", { count: this.#shown.length }));
    });
  }

  get shown(): Entry[] {
    return this.#shown;
  }

  /** Whether sites can be added. */
  writable(isWritable: boolean): void {
    this.#add.hidden = !isWritable;
  }

  set(sites: readonly Site[]): void {
    this.#entries = entries(sites);
    const all = counts(this.#entries);
    for (const [name, chip] of this.#chips) {
      chip.count.textContent = number(all[name], 0);
      chip.button.hidden = all[name] === 0;
    }
    this.#filters.hidden = sites.length === 0;
    this.#showPlaces(positions(this.#store.view.query));
    this.#filter();
  }

  /** Enter in the search goes to the position, or opens the only site that is left. */
  #take(): void {
    this.#store.update({ query: this.#search.value });
    const [place] = positions(this.#search.value);
    const [site] = this.#shown;
    if (place) this.#go(place);
    else if (site && this.#shown.length === 1) this.#actions.open(site.site.id);
  }

  #go(place: Reading): void {
    this.#actions.goTo(place);
    announce(t("position-shown", { position: positionText(place) }));
  }

  /** A pair of plain numbers has two orders: both are offered. */
  #showPlaces(places: readonly Reading[]): void {
    const wasShown = !this.#places.hidden;
    this.#places.hidden = places.length === 0;
    if (wasShown && places.length === 0) this.#actions.goTo(null);
    const buttons = places.map((place) => {
      const button = h("button", { type: "button" }, t("position-go", { position: positionText(place) }), place.order && h("span", { class: "small faint" }, t(`position-${place.order}`)));
      button.addEventListener("click", () => this.#go(place));
      return button;
    });
    this.#places.replaceChildren(...buttons);
  }

  #chip(name: Standing): HTMLButtonElement {
    const number = h("span", { class: "chip-count" });
    const button = h("button", { type: "button", class: "chip", hidden: true }, icon(name), label(name), " ", number);
    button.addEventListener("click", () => {
      const { verdicts } = this.#store.view;
      const next = verdicts.includes(name) ? verdicts.filter((other) => other !== name) : [...verdicts, name];
      this.#store.update({ verdicts: STANDINGS.filter((other) => next.includes(other)) });
    });
    this.#chips.set(name, { button, count: number });
    return button;
  }

  #filter(): void {
    const { view } = this.#store;
    if (this.#search.value !== view.query && document.activeElement !== this.#search) this.#search.value = view.query;
    this.#order.value = view.order;
    for (const [name, { button }] of this.#chips) {
      button.setAttribute("aria-pressed", String(view.verdicts.includes(name)));
    }
    this.#shown = chosen(this.#entries, view);
    const [shown, all] = [this.#shown.length, this.#entries.length];
    this.#status.textContent = shown === all ? t("sites-count", { count: all }) : t("sites-of", { shown: number(shown, 0), all: number(all, 0) });
    this.#note.hidden = !this.#shown.some((entry) => entry.standing === "exceeded" || entry.standing === "possible-exceedance");
    this.list.element.hidden = shown === 0;
    this.#empty.hidden = shown > 0;
    if (shown === 0) this.#empty.replaceChildren(...(all === 0 ? noSites() : this.#noneLeft(this.#places.hidden === false)));
    this.list.show(this.#shown);
    this.#actions.changed(this.#shown);
  }

  #noneLeft(isPosition: boolean): Node[] {
    const clear = h("button", { type: "button" }, t("sites-show-all"));
    clear.addEventListener("click", () => {
      this.#search.value = "";
      this.#store.update({ query: "", verdicts: [] });
      this.#search.focus();
    });
    return [h("p", { class: "empty-heading" }, t("sites-none-left")), h("p", {}, isPosition ? t("sites-none-near", { distance: number(NEAR_KM, 0) }) : t("sites-none-left-why")), clear];
  }
}

function noSites(): Node[] {
  return [
    h("p", { class: "empty-heading" }, t("sites-none")),
    h("p", {}, t("sites-none-how")),
    h("pre", {}, h("code", {}, "minesegsat sites import boundaries.geojson\nminesegsat monitor run --since 2024-01-01")),
    h("p", {}, t("sites-none-reload")),
  ];
}
