/** One map with a site on it: its pictures and outlines. The page has one, and a second one for the swipe. */

import type { GeoJSONSource, Map } from "maplibre-gl";
import type { FeatureCollection, Geometry } from "geojson";
import { tiles } from "../api/client.ts";
import type { Drawable, Observation, Prediction, SiteDetail } from "../api/types.ts";
import { OUTLINES, type View } from "../view/view.ts";
import { RasterSlot } from "./raster.ts";
import { ABOVE_RASTERS, NOTHING, OUTLINE_LAYERS } from "./style.ts";

/** What a pane shows: a site on a date, a prediction, or neither. */
export interface Subject {
  site: SiteDetail | null;
  observation: Observation | null;
  prediction: Prediction | null;
}

export class Pane {
  readonly map: Map;
  readonly #picture: RasterSlot;
  readonly #overlay: RasterSlot;

  constructor(map: Map) {
    this.map = map;
    this.#overlay = new RasterSlot(map, "overlay", () => ABOVE_RASTERS);
    this.#picture = new RasterSlot(map, "picture", () => this.#overlay.layer ?? ABOVE_RASTERS);
  }

  /** Pictures and what is switched on; the data of outlines come by `outlines`. */
  draw(subject: Subject, view: View): void {
    const of: Drawable | null = subject.observation ?? subject.prediction;
    const template = (layer: string): { template: string; of: Drawable } | null => {
      if (!of?.layers.includes(layer)) return null;
      if (subject.site && subject.observation) return { template: tiles.observation(subject.site.id, subject.observation.id, layer), of };
      return subject.prediction ? { template: tiles.prediction(subject.prediction.name, layer), of } : null;
    };
    this.#overlay.show(template(view.overlay), view.overlayOpacity / 100);
    this.#picture.show(template(view.picture), view.pictureOpacity / 100);
    for (const outline of OUTLINES) {
      const visibility = view.outlines.includes(outline) ? "visible" : "none";
      for (const layer of OUTLINE_LAYERS[outline]) this.map.setLayoutProperty(layer, "visibility", visibility);
    }
  }

  place(site: SiteDetail | null, observation: Observation | null): void {
    this.set("boundary", geometry(site?.boundary ?? null));
    this.set("permit", geometry(permitOn(site, observation?.date ?? null)));
  }

  set(source: "disturbed" | "changes" | "permit" | "boundary" | "prediction" | "box" | "sites" | "land", data: FeatureCollection): void {
    this.map.getSource<GeoJSONSource>(source)?.setData(data);
  }
}

/** The outline of the permit that held on that day, else of the newest one. */
function permitOn(site: SiteDetail | null, date: string | null): Geometry | null {
  const drawn = (site?.permits ?? []).filter((permit) => permit.polygon !== null);
  const held = drawn.find((permit) => date !== null && permit.valid_from <= date && (permit.valid_to === null || date <= permit.valid_to));
  const newest = [...drawn].sort((a, b) => (a.valid_from < b.valid_from ? 1 : -1))[0];
  return (held ?? (date === null ? newest : undefined))?.polygon ?? null;
}

function geometry(geometry: Geometry | null): FeatureCollection {
  return geometry ? { type: "FeatureCollection", features: [{ type: "Feature", properties: {}, geometry }] } : NOTHING;
}
