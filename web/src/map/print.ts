/** The map on paper: what is seen, its title, legend, scale, date and whose data it is. */

import type { IControl, Map } from "maplibre-gl";
import { h, newId, s } from "../dom.ts";
import { day, positionText } from "../format.ts";
import { badge, STANDINGS } from "../verdict.ts";
import { OUTLINES, type View } from "../view/view.ts";
import { t } from "../words.ts";
import { swatch } from "./layers_panel.ts";

export interface Printed {
  place: HTMLElement;
  main: Map;
  /** The map on the left of the divider. */
  before: Map | null;
  dates: { before: string; after: string } | null;
  /** None while no site is open. */
  site: { name: string; line: string } | null;
  prediction: string | null;
  view: View;
}

/** A button on the map; the browser's own menu prints the same. */
export class PrintButton implements IControl {
  readonly #button = h(
    "button",
    { type: "button", id: "print-map", "aria-label": t("print-map"), title: t("print-map") },
    s("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: "M7 9V4h10v5M7 17H4v-7h16v7h-3M7 14h10v6H7z" })),
  );

  constructor() {
    this.#button.addEventListener("click", () => window.print());
  }

  onAdd(): HTMLElement {
    return h("div", { class: "maplibregl-ctrl maplibregl-ctrl-group" }, this.#button);
  }

  onRemove(): void {
    this.#button.parentElement?.remove();
  }
}

/** Puts a sheet into the page whenever it is printed, and takes it away afterwards. */
export function printable(what: () => Printed): void {
  let sheet: HTMLElement | null = null;
  window.addEventListener("beforeprint", () => {
    sheet?.remove();
    sheet = sheetOf(what());
    document.body.append(sheet);
  });
  window.addEventListener("afterprint", () => {
    sheet?.remove();
    sheet = null;
  });
}

function sheetOf(printed: Printed): HTMLElement {
  const { site, prediction, dates, main } = printed;
  const attribution = main.getContainer().querySelector(".maplibregl-ctrl-attrib-inner")?.textContent ?? "";
  const workspace = document.getElementById("workspace")?.textContent ?? "";
  const today = new Date().toISOString().slice(0, 10);
  const { lat, lng } = main.getCenter().wrap();
  const sides = dates && (dates.before ? t("print-dates", dates) : dates.after);
  return h(
    "section",
    { class: "print-sheet" },
    h("h1", {}, site?.name ?? prediction ?? workspace),
    h("p", {}, [site?.line, sides].filter(Boolean).join(" · ")),
    picture(printed),
    h("p", { class: "small print-notice" }, attribution),
    legend(printed),
    h("p", { class: "small" }, t("print-made", { day: day(today), workspace, position: positionText({ lat, lon: lng }) })),
    h("p", { class: "small" }, t("how-to-read-text")),
  );
}

/** Both maps as they are drawn, the divider and the scale. */
function picture({ place, main, before, dates, view }: Printed): HTMLCanvasElement {
  const { clientWidth: width, clientHeight: height } = place;
  const canvas = h("canvas", { class: "print-map" });
  const ratio = main.getCanvas().width / Math.max(width, 1);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  context.scale(ratio, ratio);
  const draw = (map: Map): void => {
    // The picture of WebGL is there until the browser shows it: it is drawn again and taken at once.
    map.redraw();
    context.drawImage(map.getCanvas(), 0, 0, width, height);
  };
  draw(main);
  if (before && dates) {
    const x = (view.divider / 100) * width;
    context.save();
    context.beginPath();
    context.rect(0, 0, x, height);
    context.clip();
    draw(before);
    context.restore();
    context.fillStyle = "#140800";
    context.fillRect(x - 2, 0, 4, height);
    context.fillStyle = "#ffffff";
    context.fillRect(x - 1, 0, 2, height);
  }
  drawScale(context, main, height);
  return canvas;
}

/** As the control on the map has it, which is hidden on paper. */
function drawScale(context: CanvasRenderingContext2D, map: Map, height: number): void {
  const scale = map.getContainer().querySelector<HTMLElement>(".maplibregl-ctrl-scale");
  if (!scale) return;
  const [x, y, length] = [10, height - 12, scale.offsetWidth];
  context.fillStyle = "rgb(255 255 255 / 0.85)";
  context.fillRect(x - 4, y - 22, length + 8, 28);
  context.strokeStyle = "#1c1d1f";
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(x, y - 6);
  context.lineTo(x, y);
  context.lineTo(x + length, y);
  context.lineTo(x + length, y - 6);
  context.stroke();
  context.fillStyle = "#1c1d1f";
  context.font = "12px sans-serif";
  context.fillText(scale.textContent ?? "", x + 4, y - 8);
}

function legend({ site, prediction, view }: Printed): HTMLElement {
  const items: Node[] = [];
  if (site) {
    items.push(...OUTLINES.filter((outline) => view.outlines.includes(outline)).map((outline) => h("span", { class: "print-item" }, swatch(outline), t(`outline-${outline}`))));
  } else if (prediction) {
    items.push(h("span", { class: "print-item" }, swatch("disturbed"), t("outline-disturbed")));
  } else {
    items.push(...STANDINGS.map((standing) => badge(standing)));
  }
  const bars = [...document.querySelectorAll<HTMLElement>(".layers .legend:not([hidden])")].map((bar) => {
    const copy = bar.cloneNode(true) as HTMLElement;
    copy.removeAttribute("id");
    ownIds(copy);
    return h("div", {}, h("p", { class: "small" }, bar.getAttribute("aria-label")), copy);
  });
  return h("div", { class: "print-legend" }, h("div", { class: "print-items" }, ...items), ...bars);
}

/** Colours that a copy refers to are its own: those of the page are hidden on paper, and would not be drawn. */
function ownIds(copy: HTMLElement): void {
  for (const element of copy.querySelectorAll("[id]")) {
    const id = newId("print");
    for (const name of ["fill", "style"]) {
      for (const user of copy.querySelectorAll(`[${name}*="url(#${element.id})"]`)) user.setAttribute(name, (user.getAttribute(name) ?? "").replace(element.id, id));
    }
    element.id = id;
  }
}
