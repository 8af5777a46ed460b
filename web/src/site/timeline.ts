/** The chart's frame: what it shows, its reading and its legend. The chart itself comes with uPlot, when it is needed. */

import { told } from "../announce.ts";
import type { Timeline, TimelinePoint } from "../api/types.ts";
import { h } from "../dom.ts";
import { change, hectares, interval, number, percent } from "../format.ts";
import { label } from "../verdict.ts";
import { t } from "../words.ts";
import type { Chart, Quantity } from "./chart.ts";
import type { Pair } from "./pair.ts";

const QUANTITIES: readonly Quantity[] = ["area", "change", "ndvi", "bsi", "ndwi"];

/** Indices go by their acronyms in all languages. */
function nameOf(quantity: Quantity): string {
  if (quantity === "area") return t("disturbed-land");
  return quantity === "change" ? t("gain-and-loss") : quantity.toUpperCase();
}

export class TimelinePanel {
  readonly element: HTMLElement;
  readonly #place = h("div", { class: "chart", id: "chart" });
  readonly #reading = h("p", { class: "reading small", id: "reading" });
  readonly #legend = h("p", { class: "small faint", id: "chart-legend" });
  readonly #quantity: HTMLSelectElement;
  readonly #select: (observation: string) => void;
  #chart: Chart | null = null;
  #timeline: Timeline | null = null;
  #pair: Pair = { before: null, after: null };

  constructor(select: (observation: string) => void) {
    this.#select = select;
    this.#quantity = h("select", { id: "quantity", "aria-label": t("chart-quantity") });
    this.#quantity.addEventListener("change", () => void this.#draw());
    this.element = h("div", { class: "timeline" }, this.#quantity, this.#place, this.#reading, this.#legend);
  }

  async show(timeline: Timeline): Promise<void> {
    this.#timeline = timeline;
    const has = (quantity: Quantity): boolean =>
      quantity === "area" ||
      timeline.points.some((point) =>
        quantity === "change" ? point.gain_ha !== null || point.loss_ha !== null : point.indices?.inside[quantity] !== null && point.indices !== null,
      );
    const kept = this.#quantity.value;
    const names = QUANTITIES.filter(has);
    this.#quantity.replaceChildren(...names.map((name) => h("option", { value: name }, nameOf(name))));
    this.#quantity.value = names.find((name) => name === kept) ?? "area";
    await this.#draw();
  }

  failed(error: unknown): void {
    this.#chart?.destroy();
    this.#chart = null;
    this.#place.replaceChildren(h("p", { class: "empty" }, ...told(error)));
  }

  select(pair: Pair): void {
    this.#pair = pair;
    this.#chart?.select(pair);
    this.#read(null);
  }

  repaint(): void {
    this.#chart?.repaint();
  }

  async #draw(): Promise<void> {
    const timeline = this.#timeline;
    if (!timeline) return;
    const { Chart } = await import("./chart.ts");
    if (timeline !== this.#timeline) return;
    this.#chart?.destroy();
    const quantity = this.#quantity.value as Quantity;
    this.#place.replaceChildren();
    const legend = t(`chart-${quantity}-legend`);
    this.#place.setAttribute("role", "img");
    this.#place.setAttribute("aria-label", t("chart-label", { quantity: nameOf(quantity), legend }));
    this.#legend.textContent = legend;
    this.#chart = new Chart(this.#place, timeline, quantity, { pick: this.#select, hover: (point) => this.#read(point) });
    this.#chart.select(this.#pair);
    this.#read(null);
  }

  /** What is pointed at, else what is selected, in words. */
  #read(pointed: TimelinePoint | null): void {
    const point = pointed ?? this.#timeline?.points.find((p) => p.observation === this.#pair.after?.id);
    this.#reading.textContent = point ? sentence(point, (this.#quantity.value || "area") as Quantity) : "";
  }
}

function sentence(point: TimelinePoint, quantity: Quantity): string {
  const { date, area } = point;
  if (quantity === "change") {
    const { gain_ha, loss_ha, seen_change: seen } = point;
    const gain = change(gain_ha, "+", seen?.gain_ha, seen?.noise_floor_ha);
    return t("reading-change", { date, gain, loss: change(loss_ha, "−", seen?.loss_ha, seen?.noise_floor_ha) });
  }
  if (quantity !== "area") {
    const value = (of: "inside" | "around"): string => number(point.indices?.[of][quantity], 2);
    return t("reading-index", { date, inside: value("inside"), around: value("around") });
  }
  const verdict = label(point.verdict);
  if (!area) return t("reading-unseen", { date, share: percent(point.share_assessed), verdict });
  return t("reading-area", { date, area: hectares(area.ha), interval: interval(area), verdict });
}
