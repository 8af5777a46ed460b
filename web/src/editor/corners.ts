/** The corners of an outline: moved, added between two others, removed, and all that taken back. */

import type { Position } from "geojson";
import type { Outline } from "../api/types.ts";
import { LEAST_CORNERS } from "../map/least_corners.ts";

/** More are edited as a file. */
export const MOST_CORNERS = 5000;
const MOST_STEPS = 200;

/** The middle of the edge that begins at corner `after`. */
export interface Middle {
  after: number;
  position: Position;
}

/** Corners count from 0 through all rings of all polygons. */
export class Corners {
  readonly #original: Outline;
  /** Number of rings of each polygon. */
  readonly #shape: readonly number[];
  /** Without the repeated first corner. */
  #rings: Position[][];
  #past: { rings: Position[][]; selected: number }[] = [];
  selected = 0;

  constructor(outline: Outline) {
    this.#original = outline;
    const polygons = outline.type === "Polygon" ? [outline.coordinates] : outline.coordinates;
    this.#shape = polygons.map((rings) => rings.length);
    this.#rings = polygons.flat().map(opened);
  }

  get count(): number {
    return this.#rings.reduce((sum, ring) => sum + ring.length, 0);
  }

  get rings(): readonly (readonly Position[])[] {
    return this.#rings;
  }

  get isChanged(): boolean {
    return this.#past.length > 0;
  }

  /** The outline as it is now; the one from the start if nothing is changed. */
  get outline(): Outline {
    if (!this.isChanged) return this.#original;
    const closed = this.#rings.map((ring) => [...ring, ...ring.slice(0, 1)]);
    let first = 0;
    const polygons = this.#shape.map((count) => closed.slice(first, (first += count)));
    return this.#original.type === "Polygon" ? { type: "Polygon", coordinates: polygons[0] ?? [] } : { type: "MultiPolygon", coordinates: polygons };
  }

  all(): Position[] {
    return this.#rings.flat();
  }

  at(index: number): Position {
    const [ring, i] = this.#place(index);
    return ring[i] ?? [0, 0];
  }

  middles(): Middle[] {
    let first = 0;
    return this.#rings.flatMap((ring) => {
      const start = first;
      first += ring.length;
      return ring.map((corner, i) => ({ after: start + i, position: between(corner, ring[(i + 1) % ring.length] ?? corner) }));
    });
  }

  /** Before a change that can be taken back as a whole. */
  begin(): void {
    this.#past.push({ rings: this.#rings.map((ring) => [...ring]), selected: this.selected });
    // The start is kept: what is taken back last is the outline as it was.
    if (this.#past.length > MOST_STEPS) this.#past.splice(1, 1);
  }

  /** Moves a corner. Many moves after one `begin` are one change. */
  move(index: number, [lon = 0, lat = 0]: Position): void {
    const [ring, i] = this.#place(index);
    ring[i] = [rounded(lon), rounded(Math.min(Math.max(lat, -90), 90))];
  }

  /** Adds a corner in the middle of the edge that begins at `index`, and selects it. */
  addAfter(index: number): number {
    const [ring, i] = this.#place(index);
    const corner = ring[i] ?? [0, 0];
    ring.splice(i + 1, 0, between(corner, ring[(i + 1) % ring.length] ?? corner));
    this.selected = index + 1;
    return this.selected;
  }

  canRemove(index: number): boolean {
    return this.#place(index)[0].length > LEAST_CORNERS;
  }

  /** Removes a corner, and selects the one before it in its ring. */
  remove(index: number): void {
    const [ring, i] = this.#place(index);
    ring.splice(i, 1);
    this.selected = i > 0 ? index - 1 : index + ring.length - 1;
  }

  undo(): void {
    const before = this.#past.pop();
    if (!before) return;
    this.#rings = before.rings;
    this.selected = before.selected;
  }

  /** The ring of a corner, and its place there. */
  #place(index: number): [ring: Position[], i: number] {
    let i = index;
    for (const ring of this.#rings) {
      if (i < ring.length) return [ring, i];
      i -= ring.length;
    }
    throw new RangeError(`corner ${index} of ${this.count}`);
  }
}

function opened(ring: Position[]): Position[] {
  const [first, last] = [ring[0], ring.at(-1)];
  const isClosed = ring.length > 1 && first?.[0] === last?.[0] && first?.[1] === last?.[1];
  return isClosed ? ring.slice(0, -1) : [...ring];
}

const between = ([lon = 0, lat = 0]: Position, [next_lon = 0, next_lat = 0]: Position): Position => [rounded((lon + next_lon) / 2), rounded((lat + next_lat) / 2)];

/** A centimetre. */
const rounded = (degrees: number): number => Number(degrees.toFixed(7));
