/** Gain and loss since which date: an observation has them since the one before, and perhaps since the first one too. */

import type { FeatureCollection } from "geojson";
import type { Pair } from "../site/pair.ts";

export interface ShownChanges {
  features: FeatureCollection;
  /** None if nothing is known of it. */
  since: string | null;
}

/** Those since the date on the left if there are any, else since the latest date. */
export function changesOf(all: FeatureCollection, pair: Pair): ShownChanges {
  const sinceOf = (feature: FeatureCollection["features"][number]): string | null => {
    const value: unknown = feature.properties?.["since"];
    return typeof value === "string" ? value : null;
  };
  const dates = [...new Set(all.features.map(sinceOf))].filter((date) => date !== null).sort();
  const since = dates.find((date) => date === pair.before?.date) ?? dates.at(-1) ?? pair.after?.compared_with ?? null;
  const features = all.features.filter((feature) => (sinceOf(feature) ?? since) === since);
  return { features: { type: "FeatureCollection", features }, since };
}
