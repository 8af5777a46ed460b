/** Coastlines without a server: Natural Earth 1:110m as TopoJSON, and a grid of degrees. */

import type { Feature, FeatureCollection, LineString, Polygon, Position } from "geojson";
import { t } from "../words.ts";
import topologyUrl from "world-atlas/land-110m.json?url";

interface Topology {
  objects: { land: { geometries: { type: "Polygon" | "MultiPolygon"; arcs: number[][] | number[][][] }[] } };
  arcs: [number, number][][];
  transform: { scale: [number, number]; translate: [number, number] };
}

export async function land(): Promise<FeatureCollection> {
  const response = await fetch(topologyUrl);
  if (!response.ok) throw new Error(t("coastlines-failed", { status: String(response.status) }));
  return { type: "FeatureCollection", features: decoded((await response.json()) as Topology) };
}

/**
 * Ground as polygons and coasts as lines. Arcs are quantised steps; a negative index is an arc backwards (its bitwise complement).
 */
function decoded({ objects, arcs, transform }: Topology): Feature<Polygon | LineString>[] {
  const { scale, translate } = transform;
  const lines = arcs.map((arc) => {
    let [x, y] = [0, 0];
    return arc.map(([dx, dy]): Position => {
      x += dx;
      y += dy;
      return [x * scale[0] + translate[0], y * scale[1] + translate[1]];
    });
  });
  const ring = (indices: number[]): Position[] =>
    indices.flatMap((index, i) => {
      const points = index < 0 ? [...(lines[~index] ?? [])].reverse() : (lines[index] ?? []);
      // Arcs share their end points.
      return i === 0 ? points : points.slice(1);
    });
  const polygons = objects.land.geometries.flatMap(({ type, arcs }) =>
    type === "Polygon" ? [arcs as number[][]] : (arcs as number[][][]),
  );
  const outlines = polygons.map((rings) => rings.map((indices) => unrolled(ring(indices))));
  return [
    ...outlines.flatMap((rings) => strips(rings).map((coordinates) => feature({ type: "Polygon" as const, coordinates }))),
    ...outlines.flat().map((coordinates) => feature({ type: "LineString" as const, coordinates })),
  ];
}

function feature<G extends Polygon | LineString>(geometry: G): Feature<G> {
  return { type: "Feature", properties: {}, geometry };
}

/** A continent that goes around half of the world is more than the map fills without fault at its smallest scale. */
const STRIP_DEGREES = 30;

/** The polygon cut at every 30 degrees of longitude. */
function strips(rings: Position[][]): Position[][][] {
  const lons = rings.flat().map(([lon = 0]) => lon);
  const [west, east] = [Math.min(...lons), Math.max(...lons)];
  const cut: Position[][][] = [];
  for (let edge = Math.floor(west / STRIP_DEGREES) * STRIP_DEGREES; edge < east; edge += STRIP_DEGREES) {
    const parts = rings.map((ring) => half(half(ring, edge, 1), edge + STRIP_DEGREES, -1)).filter((ring) => ring.length > 3);
    if (parts.length > 0) cut.push(parts);
  }
  return cut;
}

/** What of a ring lies east (`side` 1) or west (-1) of a meridian (Sutherland and Hodgman 1974, doi:10.1145/360767.360802). */
function half(ring: Position[], meridian: number, side: 1 | -1): Position[] {
  const kept: Position[] = [];
  const depth = ([lon = 0]: Position): number => (lon - meridian) * side;
  ring.forEach((point, i) => {
    const next = ring[(i + 1) % ring.length] ?? point;
    const [here, there] = [depth(point), depth(next)];
    if (here >= 0) kept.push(point);
    if (here * there < 0) {
      const share = here / (here - there);
      kept.push([meridian, (point[1] ?? 0) + share * ((next[1] ?? 0) - (point[1] ?? 0))]);
    }
  });
  const [first] = kept;
  return first ? [...kept, first] : [];
}

/**
 * Without jumps at 180 degrees: a ring over it goes on beyond, where the map draws its next copy. One that goes around the pole is
 * closed there.
 */
function unrolled(ring: Position[]): Position[] {
  let turns = 0;
  const points = ring.map(([lon = 0, lat = 0], i): Position => {
    const step = lon - (ring[i - 1]?.[0] ?? lon);
    if (Math.abs(step) > 180) turns -= Math.sign(step);
    return [lon + 360 * turns, lat];
  });
  const [first, last] = [points[0], points.at(-1)];
  if (turns === 0 || !first || !last) return points;
  return [...points, [last[0] ?? 0, SOUTH_END], [first[0] ?? 0, SOUTH_END], first];
}

/** Where maps in Mercator's projection end. */
const SOUTH_END = -85.05;

/** Lines every `step` degrees. */
export function graticule(step: number): FeatureCollection {
  const lines: Position[][] = [];
  for (let lon = -180; lon <= 180; lon += step) lines.push([[lon, -85], [lon, 85]]);
  for (let lat = -80; lat <= 80; lat += step) lines.push([[-180, lat], [180, lat]]);
  return {
    type: "FeatureCollection",
    features: [{ type: "Feature", properties: {}, geometry: { type: "MultiLineString", coordinates: lines } }],
  };
}
