/** What the colours of layers mean: the `legend` of the server's TileJSON, and words for it. */

import type { Layer, TileJson, TileLegend } from "../api/types.ts";
import { number } from "../format.ts";

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

/** The legend of a TileJSON, if it has one that can be read. */
export const legendOf = (tileJson: TileJson | null): TileLegend | null => readable(tileJson?.legend);

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
