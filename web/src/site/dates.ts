/** Sliders over all observations of a site: what is seen on the right of the map, and on the left. */

import { announce } from "../announce.ts";
import type { Observation, SiteDetail } from "../api/types.ts";
import { h, newId } from "../dom.ts";
import { hectares, NONE } from "../format.ts";
import { icon, label } from "../verdict.ts";
import type { Store } from "../view/store.ts";
import { t } from "../words.ts";
import { moved, type Pair } from "./pair.ts";

type Which = "before" | "after";

interface Row {
  element: HTMLElement;
  range: HTMLInputElement;
  output: HTMLElement;
  earlier: HTMLButtonElement;
  later: HTMLButtonElement;
}

export class DatesBar {
  readonly element: HTMLElement;
  readonly #store: Store;
  readonly #compare = h("input", { type: "checkbox", id: "compare", "aria-label": t("compare") });
  readonly #rows: Record<Which, Row>;
  readonly #marks = h("div", { class: "marks", "aria-hidden": "true" });
  #site: SiteDetail | null = null;
  #pair: Pair = { before: null, after: null };

  constructor(store: Store) {
    this.#store = store;
    this.#rows = { before: this.#row("before"), after: this.#row("after") };
    this.#compare.addEventListener("change", () => store.update({ compare: this.#compare.checked }));
    this.element = h(
      "section",
      { class: "dates", "aria-label": t("dates"), hidden: true },
      this.#rows.before.element,
      this.#rows.after.element,
      this.#marks,
    );
    store.listen((view, before) => {
      if (view.compare !== before.compare) this.#draw();
    });
  }

  show(site: SiteDetail | null, pair: Pair): void {
    const isNew = site !== this.#site;
    this.#site = site;
    this.#pair = pair;
    if (isNew && site) {
      this.#marks.replaceChildren(...site.observations.map((observation) => icon(observation.verdict)));
    }
    this.#draw();
  }

  #row(which: Which): Row {
    const words = t(which);
    const id = newId("date");
    const range = h("input", { type: "range", id, min: "0", step: "1", class: `range-${which}`, "data-which": which });
    const output = h("output", { for: id });
    const step = (by: number, to: "earlier" | "later", sign: string): HTMLButtonElement => {
      const button = h("button", { type: "button", class: "plain step", "aria-label": t(`${which}-${to}`) }, sign);
      button.addEventListener("click", () => this.#move(which, Number(range.value) + by));
      return button;
    };
    const [earlier, later] = [step(-1, "earlier", "‹"), step(1, "later", "›")];
    range.addEventListener("input", () => this.#move(which, Number(range.value)));
    const name = which === "before" ? h("label", { class: "check" }, this.#compare, words) : h("label", { for: id }, words);
    if (which === "before") range.setAttribute("aria-label", words);
    const element = h("div", { class: "date-row", "data-row": which }, name, earlier, range, later, output);
    return { element, range, output, earlier, later };
  }

  #move(which: Which, index: number): void {
    if (!this.#site) return;
    const last = this.#site.observations.length - 1;
    const change = moved(this.#site, this.#pair, which, Math.min(Math.max(index, 0), last));
    if (change) this.#store.update(change);
  }

  #draw(): void {
    const site = this.#site;
    const all = site?.observations ?? [];
    this.element.hidden = all.length === 0;
    if (!site || all.length === 0) return;
    const canCompare = all.length > 1;
    const comparing = canCompare && this.#store.view.compare;
    this.#compare.checked = this.#store.view.compare;
    this.#compare.disabled = this.#pair.before === null;
    this.#rows.before.element.hidden = !canCompare;
    this.#rows.before.element.classList.toggle("off", !comparing);
    this.#fill("before", this.#pair.before, 0, all.length - 1);
    this.#fill("after", this.#pair.after, 0, all.length - 1);
    this.element.classList.toggle("one", !canCompare);
  }

  #fill(which: Which, observation: Observation | null, min: number, max: number): void {
    const { range, output, earlier, later } = this.#rows[which];
    const index = observation ? (this.#site?.observations.indexOf(observation) ?? -1) : -1;
    range.min = String(min);
    range.max = String(max);
    range.value = String(index);
    const date = observation?.date ?? NONE;
    output.textContent = date;
    const words = observation ? t("date-reading", { date, area: hectares(observation.area?.ha), verdict: label(observation.verdict) }) : t("none-earlier");
    range.setAttribute("aria-valuetext", words);
    range.disabled = max === 0;
    earlier.disabled = index <= 0;
    later.disabled = index >= max;
  }

  /** Said when a date is chosen elsewhere than on the sliders, which say it themselves. */
  say(): void {
    const { after } = this.#pair;
    if (after && document.activeElement?.closest(".dates") === null) {
      announce(t("date-said", { date: after.date, area: hectares(after.area?.ha), verdict: label(after.verdict) }));
    }
  }
}
