/** The legend of a picture or an overlay: a colour bar, or swatches of classes. */

import { api } from "../api/client.ts";
import type { Layer, LegendClass, TileJson, TileLegend } from "../api/types.ts";
import { h, newId, s } from "../dom.ts";
import { language, t } from "../words.ts";
import { className, dateTexts, legendOf, noteOf, scaleTexts } from "./legends.ts";

/** Their colours are those of their bands. */
const COMPOSITES: ReadonlySet<Layer> = new Set(["true-colour", "false-colour", "swir"]);

/** Their scale runs over the dates of each map. */
const OF_EACH_MAP: ReadonlySet<Layer> = new Set(["onset"]);

/** Any other layer has the same colours on every map, so it is asked for once. */
const asked = new Map<string, Promise<TileJson | null>>();

const keyOf = (layer: Layer, path: string): string => (OF_EACH_MAP.has(layer) ? path : layer);

function tileJson(layer: Layer, path: string): Promise<TileJson | null> {
  const key = keyOf(layer, path);
  const known = asked.get(key);
  if (known) return known;
  const answer = api.tileJson(path).catch(() => {
    // It is drawn without; the next map may tell.
    asked.delete(key);
    return null;
  });
  asked.set(key, answer);
  return answer;
}

export class Legend {
  readonly element: HTMLElement;
  #layer: Layer | null = null;
  #key: string | null = null;

  constructor(id: string) {
    this.element = h("div", { class: "legend", id, role: "group", hidden: true });
  }

  /** `title` is what the layer is called here; its TileJSON at `path` may have a name for it, which is English; none of them if nothing is drawn. */
  show(drawn: { layer: Layer; title: string; path: string } | null): void {
    const key = drawn && keyOf(drawn.layer, drawn.path);
    if (key === this.#key) return;
    this.#key = key;
    this.#layer = drawn?.layer ?? null;
    this.#draw(drawn?.title ?? "", null);
    if (!drawn || COMPOSITES.has(drawn.layer)) return;
    void tileJson(drawn.layer, drawn.path).then((json) => {
      if (json && this.#key === key) this.#draw((language() === "en" && json.name) || drawn.title, json);
    });
  }

  #draw(title: string, json: TileJson | null): void {
    const layer = this.#layer;
    const legend = layer && legendOf(json);
    const note = layer && noteOf(layer);
    this.element.hidden = !legend && !note;
    this.element.setAttribute("aria-label", t("legend", { title }));
    if (layer && legend) this.element.replaceChildren(...(legend.type === "classes" ? [classes(legend.classes)] : scale(layer, legend)));
    else this.element.replaceChildren(...(note ? [h("p", { class: "small faint" }, note)] : []));
  }
}

function scale(layer: Layer, legend: Exclude<TileLegend, { type: "classes" }>): Node[] {
  const { colours } = legend;
  const { numbers, words } = legend.type === "dates" ? dateTexts(layer, legend.range) : scaleTexts(layer, legend.range);
  const [low, middle, high] = numbers;
  const text = t("legend-bar", { low, middle, high, "low-words": words[0], "high-words": words[1] });
  // Joined linearly, as on the tiles.
  const gradient = s("linearGradient", { id: newId("colours") }, ...colours.map((colour, i) => s("stop", { offset: i / (colours.length - 1), "stop-color": colour })));
  const bar = s(
    "svg",
    { class: "legend-bar", role: "img", "aria-label": text },
    s("defs", {}, gradient),
    s("rect", { width: "100%", height: "100%", rx: 3, fill: `url(#${gradient.id})` }),
  );
  const line = (kind: string, texts: readonly string[]): HTMLElement => h("p", { class: `legend-ends ${kind}`, "aria-hidden": "true" }, ...texts.map((text) => h("span", {}, text)));
  return [bar, line(legend.type === "dates" ? "days" : "numbers", numbers), line("words", words)];
}

function classes(all: readonly LegendClass[]): HTMLElement {
  return h("ul", { class: "legend-classes" }, ...all.map((each) => h("li", {}, swatch(each), className(each.name))));
}

/** On a ground like that of a picture, which shows through. */
function swatch({ colour, stripes }: LegendClass): SVGSVGElement {
  const box = { x: 0, y: 0, width: 30, height: 18, rx: 3 };
  const id = newId("stripes");
  return s(
    "svg",
    { class: "swatch", viewBox: "0 0 30 18", "aria-hidden": "true" },
    stripes
      ? s("defs", {}, s("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, s("rect", { width: 2, height: 6, style: `fill: ${stripes}` })))
      : null,
    s("rect", { class: "ground", ...box }),
    s("rect", { style: `fill: ${colour}`, ...box }),
    stripes ? s("rect", { style: `fill: url(#${id})`, ...box }) : null,
  );
}
