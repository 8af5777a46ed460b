/** Drawing an outline corner by corner, with mouse, finger or keyboard. */

import type { Map, MapMouseEvent } from "maplibre-gl";
import type { Feature, FeatureCollection, Position } from "geojson";
import { LEAST_CORNERS } from "./least_corners.ts";
import { NOTHING } from "./style.ts";

export interface Drawing {
  /** Called with the number of corners whenever it changes. */
  corners(count: number): void;
  /** Calls back what buttons beside the map do. */
  controls(controls: { undo(): void; finish(): void }): void;
}

/** A click this near to the first corner closes the outline. */
const CLOSE_PX = 10;

/** The corners in their order; none if drawing is given up by `signal` or Escape. */
export function drawPolygon(map: Map, show: (data: FeatureCollection) => void, drawing: Drawing, signal: AbortSignal): Promise<Position[] | null> {
  const container = map.getCanvasContainer();
  const canvas = map.getCanvas();
  return new Promise((resolve) => {
    const over = new AbortController();
    const corners: Position[] = [];
    let pointer: Position | null = null;
    const draw = (): void => show(draft(corners, pointer));
    const changed = (): void => {
      draw();
      drawing.corners(corners.length);
    };
    const finish = (made: Position[] | null): void => {
      over.abort();
      map.off("click", click);
      map.off("dblclick", doubleClick);
      map.off("mousemove", move);
      map.off("move", centred);
      map.doubleClickZoom.enable();
      container.classList.remove("drawing", "drawing-centre");
      show(NOTHING);
      resolve(made);
    };
    const end = (): void => {
      if (corners.length >= LEAST_CORNERS) finish(corners);
    };
    const add = (corner: Position): void => {
      corners.push(corner);
      changed();
    };
    const undo = (): void => {
      corners.pop();
      changed();
    };
    const click = (event: MapMouseEvent): void => {
      const first = corners[0];
      if (first && corners.length >= LEAST_CORNERS && map.project(first as [number, number]).dist(event.point) < CLOSE_PX) end();
      else add([event.lngLat.lng, event.lngLat.lat]);
    };
    // Both clicks of a double click have set a corner, at one place.
    const doubleClick = (event: MapMouseEvent): void => {
      event.preventDefault();
      corners.pop();
      changed();
      end();
    };
    const move = (event: MapMouseEvent): void => {
      pointer = [event.lngLat.lng, event.lngLat.lat];
      draw();
    };
    /** With the keyboard corners are set in the middle of the map, which arrow keys move. */
    const centred = (): void => {
      if (!container.classList.contains("drawing-centre")) return;
      const { lng, lat } = map.getCenter();
      pointer = [lng, lat];
      draw();
    };
    const key = (event: KeyboardEvent): void => {
      if (event.key === "Escape") {
        finish(null);
        return;
      }
      const onMap = event.target === canvas || event.target === document.body;
      if (!onMap) return;
      if (event.key === " ") {
        const { lng, lat } = map.getCenter();
        add([lng, lat]);
      } else if (event.key === "Enter") end();
      else if (event.key === "Backspace") undo();
      else if (event.key.startsWith("Arrow")) container.classList.add("drawing-centre");
      else return;
      if (!event.key.startsWith("Arrow")) event.preventDefault();
    };
    container.classList.add("drawing");
    map.doubleClickZoom.disable();
    map.on("click", click);
    map.on("dblclick", doubleClick);
    map.on("mousemove", move);
    map.on("move", centred);
    container.addEventListener("pointermove", () => container.classList.remove("drawing-centre"), { signal: over.signal });
    window.addEventListener("keydown", key, { signal: over.signal });
    signal.addEventListener("abort", () => finish(null), { signal: over.signal });
    drawing.controls({ undo, finish: end });
    drawing.corners(0);
    canvas.focus({ preventScroll: true });
  });
}

/** Corners, the line or area between them, and the way to the pointer. */
function draft(corners: readonly Position[], pointer: Position | null): FeatureCollection {
  const line = pointer && corners.length > 0 ? [...corners, pointer] : [...corners];
  const features: Feature[] = corners.map((coordinates) => ({ type: "Feature", properties: {}, geometry: { type: "Point", coordinates } }));
  const [first] = line;
  if (line.length === 2) features.push({ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: line } });
  if (line.length > 2 && first) features.push({ type: "Feature", properties: {}, geometry: { type: "Polygon", coordinates: [[...line, first]] } });
  return { type: "FeatureCollection", features };
}
