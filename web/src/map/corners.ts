/** Moving the corners of an outline with mouse, pen, finger or keyboard. */

import { Marker, type Map, type Point } from "maplibre-gl";
import type { Feature, FeatureCollection, Position } from "geojson";
import { h } from "../dom.ts";
import type { Corners } from "../editor/corners.ts";

/** What buttons beside the map do. */
export interface CornerControls {
  select(step: 1 | -1): void;
  add(): void;
  remove(): void;
  undo(): void;
  finish(isKept: boolean): void;
}

export interface CornerEditing {
  corners: Corners;
  /** The outline is another one, or another corner is selected. */
  changed(): void;
  /** A corner was to be removed that an outline needs. */
  refused(): void;
  /** Names the selected corner for screen readers. */
  name(): string;
  controls(controls: CornerControls): void;
}

/** A finger covers more than the tip of a mouse pointer. */
const REACH_PX = { mouse: 10, touch: 22 };
/** An edge that is shorter has no corner to offer in its middle. */
const LEAST_EDGE_PX = 44;
/** A smaller way is a click that slipped. */
const LEAST_WAY_PX = 4;
const HOLD_MS = 650;
const STEP_PX = 4;
const LONG_STEP_PX = 32;
/** A selected corner that is nearer to the edge of the map is brought to its middle. */
const MARGIN_PX = 24;

/** Lasts until the editing ends; whether its changes are kept. Aborting `signal` keeps them. */
export function editCorners(map: Map, show: (data: FeatureCollection) => void, editing: CornerEditing, signal: AbortSignal): Promise<boolean> {
  const { corners } = editing;
  const container = map.getCanvasContainer();
  const canvas = map.getCanvas();
  // The keyboard's place on the map; the pointer goes through it.
  const mark = h("div", { class: "corner-mark", role: "application", tabindex: "0" });
  const marker = new Marker({ element: mark });

  /** On the copy of the world that is in sight. */
  const shifted = ([lon = 0, lat = 0]: Position): [number, number] => [lon + 360 * Math.round((map.getCenter().lng - lon) / 360), lat];
  const onScreen = (position: Position): Point => map.project(shifted(position));
  /** The position on the screen, in the longitudes of the outline. */
  const onGround = (x: number, y: number, near: Position): Position => {
    const { lng, lat } = map.unproject([x, y]);
    return [lng + 360 * Math.round(((near[0] ?? 0) - lng) / 360), lat];
  };

  return new Promise((resolve) => {
    const over = new AbortController();
    const listening = { signal: over.signal };
    let drag: { index: number; from: [number, number]; isMoved: boolean; hold: number } | null = null;

    const longEdges = (): { after: number; position: Position }[] =>
      corners.middles().filter(({ after, position }) => onScreen(corners.at(after)).dist(onScreen(position)) >= LEAST_EDGE_PX / 2);

    const draw = (): void => {
      show(drawn(corners, longEdges()));
      marker.setLngLat(shifted(corners.at(corners.selected)));
      mark.setAttribute("aria-label", editing.name());
    };
    const changed = (): void => {
      draw();
      editing.changed();
    };
    const select = (index: number): void => {
      corners.selected = index;
      changed();
    };
    const bringIntoSight = (): void => {
      const { x, y } = onScreen(corners.at(corners.selected));
      const { clientWidth, clientHeight } = map.getContainer();
      const { left, top } = container.getBoundingClientRect();
      const isInside = x >= MARGIN_PX && y >= MARGIN_PX && x <= clientWidth - MARGIN_PX && y <= clientHeight - MARGIN_PX;
      // Something may lie over the map there.
      if (!isInside || !container.contains(document.elementFromPoint(left + x, top + y))) map.panTo(shifted(corners.at(corners.selected)));
    };
    const finish = (isKept: boolean): void => {
      letGo();
      over.abort();
      map.off("move", follow);
      map.off("moveend", draw);
      map.doubleClickZoom.enable();
      map.boxZoom.enable();
      container.classList.remove("cornering", "on-corner");
      marker.remove();
      resolve(isKept);
    };
    const controls: CornerControls = {
      select: (step) => {
        select((corners.selected + step + corners.count) % corners.count);
        bringIntoSight();
      },
      add: () => {
        corners.begin();
        corners.addAfter(corners.selected);
        changed();
        bringIntoSight();
      },
      remove: () => remove(corners.selected),
      undo: () => {
        corners.undo();
        changed();
        bringIntoSight();
      },
      finish,
    };
    const remove = (index: number): void => {
      if (!corners.canRemove(index)) {
        editing.refused();
        return;
      }
      corners.begin();
      corners.remove(index);
      changed();
    };
    const nudge = (x_px: number, y_px: number): void => {
      const position = corners.at(corners.selected);
      const { x, y } = onScreen(position);
      corners.begin();
      corners.move(corners.selected, onGround(x + x_px, y + y_px, position));
      changed();
      bringIntoSight();
    };

    const pointOf = (event: PointerEvent): [number, number] => {
      const { left, top } = container.getBoundingClientRect();
      return [event.clientX - left, event.clientY - top];
    };
    /** The nearest of some positions within reach. */
    const nearest = (positions: readonly Position[], [x, y]: [number, number], reach: number): number => {
      let [found, least] = [-1, reach];
      positions.forEach((position, i) => {
        const at = onScreen(position);
        const distance = Math.hypot(at.x - x, at.y - y);
        if (distance <= least) [found, least] = [i, distance];
      });
      return found;
    };
    const reachOf = (event: PointerEvent): number => (event.pointerType === "mouse" ? REACH_PX.mouse : REACH_PX.touch);

    const down = (event: PointerEvent): void => {
      if (!event.isPrimary || event.button !== 0 || !(event.target === canvas || event.target === mark)) return;
      const at = pointOf(event);
      let index = nearest(corners.all(), at, reachOf(event));
      const isCorner = index >= 0;
      if (!isCorner) {
        const edges = longEdges();
        const edge = edges[nearest(edges.map(({ position }) => position), at, reachOf(event))];
        if (!edge) return;
        corners.begin();
        index = corners.addAfter(edge.after);
      }
      event.preventDefault();
      // Before the map sees the mouse or the finger.
      map.dragPan.disable();
      container.setPointerCapture(event.pointerId);
      const hold = isCorner ? window.setTimeout(() => held(index), HOLD_MS) : 0;
      drag = { index, from: at, isMoved: !isCorner, hold };
      select(index);
      mark.focus({ preventScroll: true });
    };
    const held = (index: number): void => {
      letGo();
      remove(index);
    };
    const move = (event: PointerEvent): void => {
      const at = pointOf(event);
      if (!drag) {
        const isOn = nearest(corners.all(), at, reachOf(event)) >= 0 || nearest(longEdges().map(({ position }) => position), at, reachOf(event)) >= 0;
        container.classList.toggle("on-corner", isOn);
        return;
      }
      if (!drag.isMoved) {
        if (Math.hypot(at[0] - drag.from[0], at[1] - drag.from[1]) < LEAST_WAY_PX) return;
        window.clearTimeout(drag.hold);
        drag.isMoved = true;
        corners.begin();
      }
      corners.move(drag.index, onGround(at[0], at[1], corners.at(drag.index)));
      changed();
    };
    const letGo = (): void => {
      if (!drag) return;
      window.clearTimeout(drag.hold);
      drag = null;
      map.dragPan.enable();
    };

    const keys: Record<string, () => void> = {
      PageDown: () => controls.select(1),
      PageUp: () => controls.select(-1),
      "+": controls.add,
      Insert: controls.add,
      Delete: controls.remove,
      Backspace: controls.remove,
      Enter: () => finish(true),
    };
    const arrows: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const key = (event: KeyboardEvent): void => {
      if (event.key === "Escape") {
        finish(false);
        return;
      }
      const onMark = event.target === mark;
      if (!(onMark || event.target === canvas || event.target === document.body)) return;
      const arrow = onMark ? arrows[event.key] : undefined;
      const step = event.shiftKey ? LONG_STEP_PX : STEP_PX;
      if (arrow) nudge(arrow[0] * step, arrow[1] * step);
      else if ((event.ctrlKey || event.metaKey) && event.key === "z") controls.undo();
      else if (keys[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) keys[event.key]?.();
      else return;
      event.preventDefault();
      // Arrow keys and plus move the map otherwise.
      event.stopPropagation();
    };
    const follow = (): void => void marker.setLngLat(shifted(corners.at(corners.selected)));

    container.classList.add("cornering");
    map.doubleClickZoom.disable();
    map.boxZoom.disable();
    map.on("move", follow);
    map.on("moveend", draw);
    container.addEventListener("pointerdown", down, listening);
    container.addEventListener("pointermove", move, listening);
    for (const name of ["pointerup", "pointercancel"] as const) container.addEventListener(name, letGo, listening);
    // On the way down, before the map.
    window.addEventListener("keydown", key, { ...listening, capture: true });
    signal.addEventListener("abort", () => finish(true), listening);
    marker.setLngLat(shifted(corners.at(corners.selected))).addTo(map);
    editing.controls(controls);
    changed();
    mark.focus({ preventScroll: true });
  });
}

/** The outline with its corners, the selected one, and the middles of long edges. */
function drawn(corners: Corners, edges: readonly { position: Position }[]): FeatureCollection {
  const point = (coordinates: Position, kind: string): Feature => ({ type: "Feature", properties: { kind }, geometry: { type: "Point", coordinates } });
  const { outline } = corners;
  return {
    type: "FeatureCollection",
    features: [
      { type: "Feature", properties: {}, geometry: outline },
      ...edges.map(({ position }) => point(position, "middle")),
      ...corners.all().map((corner) => point(corner, "corner")),
      point(corners.at(corners.selected), "selected"),
    ],
  };
}
