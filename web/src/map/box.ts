/** Drawing a box with mouse, pen or finger. */

import type { Map, PointLike } from "maplibre-gl";
import type { FeatureCollection } from "geojson";
import type { Bbox } from "../api/types.ts";
import { NOTHING } from "./style.ts";

/** Smaller is a click that slipped. */
const LEAST_PX = 6;

export function boxFeature(bbox: Bbox | null): FeatureCollection {
  if (!bbox) return NOTHING;
  const [west, south, east, north] = bbox;
  const ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
  return {
    type: "FeatureCollection",
    features: [{ type: "Feature", properties: {}, geometry: { type: "Polygon", coordinates: [ring] } }],
  };
}

/** The box that is drawn next; none if it is cancelled by `signal` or Escape. */
export function drawBox(map: Map, show: (bbox: Bbox | null) => void, signal: AbortSignal): Promise<Bbox | null> {
  const canvas = map.getCanvasContainer();
  const corner = (event: PointerEvent): [number, number] => {
    const { left, top } = canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const handlers = [map.dragPan, map.touchZoomRotate, map.boxZoom, map.doubleClickZoom];
  return new Promise((resolve) => {
    const over = new AbortController();
    const listening = { signal: over.signal };
    let from: [number, number] | null = null;
    const box = (to: [number, number]): Bbox | null => {
      if (!from || Math.hypot(to[0] - from[0], to[1] - from[1]) < LEAST_PX) return null;
      return bboxOf(map, from, to);
    };
    const finish = (bbox: Bbox | null): void => {
      over.abort();
      canvas.classList.remove("drawing");
      for (const handler of handlers) handler.enable();
      map.touchZoomRotate.disableRotation();
      resolve(bbox);
    };
    canvas.classList.add("drawing");
    for (const handler of handlers) handler.disable();
    const down = (event: PointerEvent): void => {
      if (!event.isPrimary || event.button !== 0) return;
      event.preventDefault();
      from = corner(event);
      canvas.setPointerCapture(event.pointerId);
    };
    canvas.addEventListener("pointerdown", down, listening);
    canvas.addEventListener("pointermove", (event) => from && show(box(corner(event))), listening);
    canvas.addEventListener(
      "pointerup",
      (event) => {
        const bbox = box(corner(event));
        from = null;
        if (bbox) finish(bbox);
      },
      listening,
    );
    window.addEventListener("keydown", (event) => event.key === "Escape" && finish(null), listening);
    signal.addEventListener("abort", () => finish(null), listening);
  });
}

function bboxOf(map: Map, a: PointLike, b: PointLike): Bbox {
  const [p, q] = [map.unproject(a), map.unproject(b)];
  const round = (degrees: number): number => Number(degrees.toFixed(5));
  return [
    round(Math.min(p.lng, q.lng)),
    round(Math.min(p.lat, q.lat)),
    round(Math.max(p.lng, q.lng)),
    round(Math.max(p.lat, q.lat)),
  ];
}
