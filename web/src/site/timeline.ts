/** The chart's frame: what it shows, its reading and its legend. The chart itself comes with uPlot, when it is needed. */

import type { Timeline, TimelinePoint } from "../api/types.ts";
import { h } from "../dom.ts";
import { change, hectares, interval, number, percent } from "../format.ts";
import { label } from "../verdict.ts";
import type { Chart, Quantity } from "./chart.ts";
import type { Pair } from "./pair.ts";

const QUANTITIES: Record<Quantity, string> = {
  area: "Disturbed land",
  change: "Gain and loss",
  ndvi: "NDVI",
  bsi: "BSI",
  ndwi: "NDWI",
};

const LEGENDS: Record<Quantity, string> = {
  area: "Marks are verdicts, whiskers the interval, the dashed line the limit.",
  change: "Gain upwards, loss downwards, each since the observation before.",
  ndvi: "Vegetation; line inside the site, dashes around it.",
  bsi: "Bare soil; line inside the site, dashes around it.",
  ndwi: "Water; line inside the site, dashes around it.",
};

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
    this.#quantity = h("select", { id: "quantity", "aria-label": "What the chart shows" });
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
    const names = (Object.keys(QUANTITIES) as Quantity[]).filter(has);
    this.#quantity.replaceChildren(...names.map((name) => h("option", { value: name }, QUANTITIES[name])));
    this.#quantity.value = names.find((name) => name === kept) ?? "area";
    await this.#draw();
  }

  failed(message: string): void {
    this.#chart?.destroy();
    this.#chart = null;
    this.#place.replaceChildren(h("p", { class: "empty" }, message));
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
    this.#place.setAttribute("role", "img");
    this.#place.setAttribute("aria-label", `${QUANTITIES[quantity]} by date. ${LEGENDS[quantity]} The numbers stand in the table of observations.`);
    this.#legend.textContent = LEGENDS[quantity];
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
    return `${date}: gain ${gain}, loss ${change(loss_ha, "−", seen?.loss_ha, seen?.noise_floor_ha)}`;
  }
  if (quantity !== "area") {
    const value = (of: "inside" | "around"): string => number(point.indices?.[of][quantity], 2);
    return `${date}: ${value("inside")} inside, ${value("around")} around`;
  }
  const seen = area ? `${hectares(area.ha)} (${interval(area)})` : `${percent(point.share_assessed)} of the site could be seen`;
  return `${date}: ${seen}, ${label(point.verdict)}`;
}
