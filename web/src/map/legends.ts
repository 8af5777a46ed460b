/** What the colours of layers mean. The server's TileJSON says it where it has a `legend`; where it has none, it is as the server draws. */

import type { Layer, LegendClass, TileJson, TileLegend } from "../api/types.ts";
import { number } from "../format.ts";

/** The colour maps of `minesegsat::tiles::colour` and `minesegsat::preview::colour_map`; a test compares them. */
export const BRBG = ["#543005", "#8c510a", "#bf812d", "#dfc27d", "#f6e8c3", "#f5f5f5", "#c7eae5", "#80cdc1", "#35978f", "#01665e", "#003c30"];
export const VIK = ["#001261", "#022b71", "#034481", "#0c5e92", "#307da6", "#619ebd", "#94bed2", "#c6dbe6", "#ece5e0", "#e9ccba", "#dcac90", "#cf8e68", "#c37243", "#b3531f", "#942f06", "#741506", "#590008"];
export const MAGMA = ["#000004", "#090720", "#1a1042", "#311165", "#4a1079", "#621980", "#792282", "#912b81", "#aa337d", "#c23b75", "#d9466b", "#ec5860", "#f7725c", "#fc8e64", "#feaa74", "#fec68a", "#fde2a3", "#fcfdbf"];

const NOT_ASSESSABLE: LegendClass = { name: "not-assessable", colour: "#9696965a", stripes: "#464646be" };

/** As `Layer::default_rescale` and `Layer::default_colour_map` of the server, and the classes of `tiles::draw`. */
export const DRAWN: Partial<Record<Layer, TileLegend>> = {
  ndvi: { type: "scale", range: [-0.2, 0.9], colours: BRBG },
  bsi: { type: "scale", range: [-0.5, 0.5], colours: [...BRBG].reverse() },
  ndwi: { type: "scale", range: [-0.8, 0.8], colours: [...VIK].reverse() },
  probability: { type: "scale", range: [0, 1], colours: MAGMA },
  mask: { type: "classes", classes: [{ name: "disturbed", colour: "#ffd60aaa" }, NOT_ASSESSABLE] },
  change: {
    type: "classes",
    classes: [{ name: "gain", colour: "#e66101e6" }, { name: "loss", colour: "#5e3c99e6" }, { name: "stable", colour: "#d9c56b82" }, NOT_ASSESSABLE],
  },
};

/** What stands at the lower and at the upper end. */
const ENDS: Partial<Record<Layer, [string, string]>> = {
  ndvi: ["water, bare ground", "vegetation"],
  bsi: ["vegetation", "bare soil"],
  ndwi: ["dry land", "open water"],
  probability: ["not disturbed", "disturbed"],
};

const CLASSES: Record<string, string> = {
  disturbed: "Disturbed land",
  gain: "Gain, newly disturbed",
  loss: "Loss, no longer disturbed",
  stable: "Disturbed on both dates",
  "not-assessable": "Not assessable",
};

/** Composites have no scale: what is told apart in them. */
const NOTES: Partial<Record<Layer, string>> = {
  "false-colour": "Vegetation is red, bare ground grey to blue-green.",
  swir: "Vegetation is green, bare rock and soil violet to white.",
};

/** The legend of a layer: that of the TileJSON if it can be read. */
export function legendOf(layer: Layer, tileJson: TileJson | null): TileLegend | null {
  return readable(tileJson?.legend) ?? DRAWN[layer] ?? null;
}

export const noteOf = (layer: Layer): string | null => NOTES[layer] ?? null;

export const className = (name: string): string => CLASSES[name] ?? name.charAt(0).toUpperCase() + name.slice(1).replaceAll("-", " ");

/** Texts of a scale: numbers at its ends and in its middle, words at its ends. */
export function scaleTexts(layer: Layer, [low, high]: [number, number]): { numbers: [string, string, string]; words: [string, string] } {
  const words = ENDS[layer] ?? ["low", "high"];
  const middle = (low + high) / 2;
  if (layer === "probability") return { numbers: [shares(low), shares(middle), shares(high)], words };
  // What lies beyond an end has its colour.
  return { numbers: [`≤ ${short(low)}`, short(middle), `≥ ${short(high)}`], words };
}

const shares = (value: number): string => `${short(value * 100)} %`;

/** Two decimals at most, and none that say nothing. */
const short = (value: number): string => number(value, 2).replace(/\.?0+$/, "");

const COLOUR = /^#[0-9a-f]{6}([0-9a-f]{2})?$/i;
const isColour = (value: unknown): value is string => typeof value === "string" && COLOUR.test(value);

/** What is not as it should be is not drawn. */
function readable(legend: TileLegend | undefined): TileLegend | null {
  if (legend?.type === "scale") {
    const { range, colours } = legend;
    const isScale = Array.isArray(range) && range.length === 2 && range.every(Number.isFinite) && Array.isArray(colours) && colours.length > 1 && colours.every(isColour);
    return isScale ? legend : null;
  }
  if (legend?.type === "classes" && Array.isArray(legend.classes)) {
    const classes = legend.classes.filter(({ name, colour, stripes }) => typeof name === "string" && isColour(colour) && (stripes === undefined || stripes === null || isColour(stripes)));
    return classes.length > 0 ? { type: "classes", classes } : null;
  }
  return null;
}
