/** One picture on a map, which is replaced by the next without a flash. */

import type { Map } from "maplibre-gl";
import type { Drawable } from "../api/types.ts";
import { ATTRIBUTION } from "./style.ts";

/** The old picture goes at the latest then, if tiles of the new one do not come. */
const PATIENCE_MS = 2500;

export class RasterSlot {
  readonly #map: Map;
  readonly #name: string;
  readonly #below: () => string | undefined;
  #current: { id: string; template: string } | null = null;
  #serial = 0;

  /** `below` names the layer that the picture goes under. */
  constructor(map: Map, name: string, below: () => string | undefined) {
    this.#map = map;
    this.#name = name;
    this.#below = below;
  }

  get layer(): string | null {
    return this.#current?.id ?? null;
  }

  show(picture: { template: string; of: Drawable } | null, opacity: number): void {
    if (picture?.template === this.#current?.template) {
      if (this.#current) this.#map.setPaintProperty(this.#current.id, "raster-opacity", opacity);
      return;
    }
    const old = this.#current;
    this.#current = null;
    if (picture) {
      this.#serial += 1;
      const id = `${this.#name}-${this.#serial}`;
      const { bounds, min_zoom, max_zoom } = picture.of;
      this.#map.addSource(id, {
        type: "raster",
        tiles: [picture.template],
        tileSize: 256,
        attribution: ATTRIBUTION,
        minzoom: min_zoom,
        maxzoom: max_zoom,
        ...(bounds && { bounds }),
      });
      this.#map.addLayer(
        { id, type: "raster", source: id, paint: { "raster-opacity": opacity, "raster-fade-duration": 0, "raster-resampling": "nearest" } },
        this.#below(),
      );
      this.#current = { id, template: picture.template };
    }
    if (!old) return;
    if (picture) this.#whenLoaded(this.#current?.id ?? "", () => this.#remove(old.id));
    else this.#remove(old.id);
  }

  #whenLoaded(source: string, then: () => void): void {
    let over = false;
    const finish = (): void => {
      if (over) return;
      over = true;
      window.clearTimeout(timer);
      this.#map.off("sourcedata", look);
      then();
    };
    const look = (): void => {
      if (!this.#map.getSource(source) || this.#map.isSourceLoaded(source)) finish();
    };
    const timer = window.setTimeout(finish, PATIENCE_MS);
    this.#map.on("sourcedata", look);
  }

  #remove(id: string): void {
    if (this.#map.getLayer(id)) this.#map.removeLayer(id);
    if (this.#map.getSource(id)) this.#map.removeSource(id);
  }
}
