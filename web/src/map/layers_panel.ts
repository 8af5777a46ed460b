/** What is drawn on the map: picture, overlay and outlines, with opacity; also their legend. */

import { OVERLAYS, PICTURES, type Drawable, type Layer, type Overlay, type Picture } from "../api/types.ts";
import { h, newId, s } from "../dom.ts";
import { day, shortPercent } from "../format.ts";
import type { Store } from "../view/store.ts";
import { OUTLINES, type Outline } from "../view/view.ts";
import { t } from "../words.ts";
import { Legend } from "./legend.ts";

const pictureWords = (name: Picture | "none"): string => t(`picture-${name}`);
const overlayWords = (name: Overlay | "none"): string => t(`overlay-${name}`);

type Opacity = "pictureOpacity" | "overlayOpacity";

/** What is drawn, and the folder of its tiles. */
export interface DrawnMap {
  of: Drawable;
  path: string;
}

interface Slider {
  element: HTMLElement;
  range: HTMLInputElement;
  output: HTMLOutputElement;
}

export class LayersPanel {
  readonly element: HTMLElement;
  readonly #store: Store;
  readonly #picture: HTMLSelectElement;
  readonly #overlay: HTMLSelectElement;
  readonly #opacity: Record<Opacity, Slider>;
  readonly #legends = { picture: new Legend("picture-legend"), overlay: new Legend("overlay-legend") };
  readonly #boxes = new Map<Outline, HTMLInputElement>();
  readonly #note = h("p", { class: "small faint", id: "changes-note", hidden: true });
  readonly #rasters: HTMLElement;
  readonly #outlines: HTMLElement;
  readonly #toggle: HTMLButtonElement;
  readonly #body: HTMLElement;
  #drawn: DrawnMap | null = null;

  constructor(store: Store) {
    this.#store = store;
    this.#picture = this.#choice("picture", [...PICTURES, "none"] as const, pictureWords);
    this.#overlay = this.#choice("overlay", ["none", ...OVERLAYS] as const, overlayWords);
    this.#opacity = {
      pictureOpacity: this.#slider("pictureOpacity", t("picture-opacity")),
      overlayOpacity: this.#slider("overlayOpacity", t("overlay-opacity")),
    };
    this.#rasters = h(
      "div",
      { class: "rasters" },
      field(t("picture"), this.#picture),
      this.#legends.picture.element,
      this.#opacity.pictureOpacity.element,
      field(t("overlay"), this.#overlay),
      this.#legends.overlay.element,
      this.#opacity.overlayOpacity.element,
    );
    this.#outlines = h("fieldset", {}, h("legend", {}, t("outlines")), ...OUTLINES.map((outline) => this.#check(outline)), this.#note);
    const body_id = newId("layers");
    this.#body = h(
      "div",
      { class: "layers-body", id: body_id },
      this.#rasters,
      this.#outlines,
    );
    this.#toggle = h("button", { type: "button", class: "plain layers-toggle", "aria-controls": body_id }, t("layers"));
    this.#toggle.addEventListener("click", () => this.#open(this.#body.hidden === true));
    this.element = h("section", { class: "layers", "aria-label": t("layers"), hidden: true }, this.#toggle, this.#body);
    this.#open(window.matchMedia("(min-width: 64rem)").matches);
    store.listen(() => this.#draw());
  }

  /** `hasOutlines` is false for predictions, which have one outline that is always there. */
  show(drawn: DrawnMap | null, hasOutlines: boolean): void {
    this.#drawn = drawn;
    this.element.hidden = drawn === null && !hasOutlines;
    this.#rasters.hidden = drawn === null;
    this.#outlines.hidden = !hasOutlines;
    this.#draw();
  }

  /** Without a map there is nothing to choose. */
  withoutMap(): void {
    this.element.remove();
  }

  /** What gain and loss are measured against, where they are drawn. */
  changesSince(date: string | null): void {
    this.#note.hidden = date === null;
    this.#note.textContent = date === null ? "" : t("changes-since", { day: day(date) });
  }

  #open(open: boolean): void {
    this.#body.hidden = !open;
    this.#toggle.setAttribute("aria-expanded", String(open));
  }

  #choice<T extends string>(name: "picture" | "overlay", values: readonly T[], words: (value: T) => string): HTMLSelectElement {
    const select = h("select", { id: name }, ...values.map((value) => h("option", { value }, words(value))));
    select.addEventListener("change", () => this.#store.update({ [name]: select.value }));
    return select;
  }

  #slider(name: Opacity, words: string): Slider {
    const range = h("input", { type: "range", min: "0", max: "100", step: "5", "aria-label": words, id: name });
    const output = h("output", {});
    range.addEventListener("input", () => this.#store.update({ [name]: Number(range.value) }));
    return { element: h("div", { class: "opacity" }, range, output), range, output };
  }

  #check(outline: Outline): HTMLElement {
    const box = h("input", { type: "checkbox", "data-outline": outline });
    box.addEventListener("change", () => {
      this.#store.update({ outlines: OUTLINES.filter((name) => this.#boxes.get(name)?.checked) });
    });
    this.#boxes.set(outline, box);
    return h("label", { class: "check" }, box, swatch(outline), t(`outline-${outline}`));
  }

  #draw(): void {
    const { view } = this.#store;
    const drawn = this.#drawn;
    const has = (layer: string): boolean => drawn?.of.layers.includes(layer) ?? false;
    const legend = (layer: Layer | "none", title: string): Parameters<Legend["show"]>[0] =>
      drawn && layer !== "none" && has(layer) ? { layer, title, path: `${drawn.path}/${layer}/tilejson.json` } : null;
    this.#legends.picture.show(legend(view.picture, pictureWords(view.picture)));
    this.#legends.overlay.show(legend(view.overlay, overlayWords(view.overlay)));
    for (const [select, names, value] of [
      [this.#picture, PICTURES, view.picture],
      [this.#overlay, OVERLAYS, view.overlay],
    ] as const) {
      for (const option of select.options) {
        option.disabled = option.value !== "none" && !has(option.value);
        option.hidden = option.disabled && (names as readonly string[]).includes(option.value) && drawn !== null;
      }
      select.value = value;
    }
    for (const name of ["pictureOpacity", "overlayOpacity"] as const) {
      const { range, output } = this.#opacity[name];
      range.value = String(view[name]);
      range.setAttribute("aria-valuetext", shortPercent(view[name] / 100));
      output.textContent = shortPercent(view[name] / 100);
    }
    this.#opacity.pictureOpacity.element.hidden = view.picture === "none";
    this.#opacity.overlayOpacity.element.hidden = view.overlay === "none";
    for (const [outline, box] of this.#boxes) box.checked = view.outlines.includes(outline);
  }
}

function field(words: string, control: HTMLElement): HTMLElement {
  return h("div", { class: "field" }, h("label", { for: control.id }, words), control);
}

/** As the map draws it, on a ground like that of a picture. */
export function swatch(outline: Outline): SVGSVGElement {
  const box = { x: 4.5, y: 4, width: 21, height: 10, rx: 2 };
  return s(
    "svg",
    { class: "swatch", viewBox: "0 0 30 18", "aria-hidden": "true" },
    s("rect", { class: "ground", width: 30, height: 18, rx: 3 }),
    s("rect", { class: `casing ${outline}`, ...box }),
    s("rect", { class: `ink ${outline}`, ...box }),
  );
}
