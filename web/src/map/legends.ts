/** What the colours of layers mean: the `legend` of the server's TileJSON, and words for it. */

import type { Layer, TileJson, TileLegend } from "../api/types.ts";
import { short, shortPercent } from "../format.ts";
import { t } from "../words.ts";

/** Scales with words at their ends. */
const WORDED: readonly Layer[] = ["ndvi", "bsi", "ndwi", "probability", "onset"];
const CLASSES: readonly string[] = ["disturbed", "gain", "loss", "stable", "not-assessable"];
/** What the colours of each composite mean. Composites have no scale. */
const NOTED: readonly Layer[] = ["false-colour", "swir"];

/** The legend of a TileJSON, if it has one that can be read. */
export const legendOf = (tileJson: TileJson | null): TileLegend | null => readable(tileJson?.legend);

export const noteOf = (layer: Layer): string | null => (NOTED.includes(layer) ? t(`note-${layer}`) : null);

export const className = (name: string): string => (CLASSES.includes(name) ? t(`class-${name}`) : name.charAt(0).toUpperCase() + name.slice(1).replaceAll("-", " "));

/** Texts of a scale: numbers at its ends and in its middle, words at its ends. */
export function scaleTexts(layer: Layer, [low, high]: [number, number]): { numbers: [string, string, string]; words: [string, string] } {
  const of = WORDED.includes(layer) ? `legend-${layer}` : "legend";
  const words: [string, string] = [t(`${of}-low`), t(`${of}-high`)];
  const middle = (low + high) / 2;
  if (layer === "probability") return { numbers: [shortPercent(low), shortPercent(middle), shortPercent(high)], words };
  // What lies beyond an end has its colour.
  return { numbers: [`≤ ${short(low)}`, short(middle), `≥ ${short(high)}`], words };
}

/** Texts of a scale of dates, `YYYY-MM-DD`: its ends and its middle, words at its ends. */
export function dateTexts(layer: Layer, [first, last]: [string, string]): { numbers: [string, string, string]; words: [string, string] } {
  const of = WORDED.includes(layer) ? `legend-${layer}` : "legend";
  const middle = new Date((Date.parse(first) + Date.parse(last)) / 2).toISOString().slice(0, 10);
  return { numbers: [first, middle, last], words: [t(`${of}-low`), t(`${of}-high`)] };
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const isDay = (value: unknown): value is string => typeof value === "string" && DAY.test(value) && Number.isFinite(Date.parse(value));

const COLOUR = /^#[0-9a-f]{6}([0-9a-f]{2})?$/i;
const isColour = (value: unknown): value is string => typeof value === "string" && COLOUR.test(value);

/** What is not as it should be is not drawn. */
function readable(legend: TileLegend | undefined): TileLegend | null {
  if (legend?.type === "scale") {
    const { range, colours } = legend;
    const isScale = Array.isArray(range) && range.length === 2 && range.every(Number.isFinite) && Array.isArray(colours) && colours.length > 1 && colours.every(isColour);
    return isScale ? legend : null;
  }
  if (legend?.type === "dates") {
    const { range, colours } = legend;
    const isScale = Array.isArray(range) && range.length === 2 && range.every(isDay) && Array.isArray(colours) && colours.length > 1 && colours.every(isColour);
    return isScale ? legend : null;
  }
  if (legend?.type === "classes" && Array.isArray(legend.classes)) {
    const classes = legend.classes.filter(({ name, colour, stripes }) => typeof name === "string" && isColour(colour) && (stripes === undefined || stripes === null || isColour(stripes)));
    return classes.length > 0 ? { type: "classes", classes } : null;
  }
  return null;
}
