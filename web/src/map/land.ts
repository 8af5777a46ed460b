/** Coastlines without a server: Natural Earth 1:110m as TopoJSON, and a grid of degrees. */

import type { Feature, FeatureCollection, Polygon, Position } from "geojson";
import topologyUrl from "world-atlas/land-110m.json?url";

interface Topology {
  objects: { land: { geometries: { type: "Polygon" | "MultiPolygon"; arcs: number[][] | number[][][] }[] } };
  arcs: [number, number][][];
  transform: { scale: [number, number]; translate: [number, number] };
}

export async function land(): Promise<FeatureCollection> {
  const response = await fetch(topologyUrl);
  if (!response.ok) throw new Error(`the coastlines could not be loaded (${response.status})`);
  return { type: "FeatureCollection", features: decoded((await response.json()) as Topology) };
}

/**
 * Arcs are quantised steps; a negative index is an arc backwards (its bitwise complement). Each polygon is a feature of its own: in one
 * multipolygon an island that shrinks to nothing is taken for a hole of its neighbour.
 */
function decoded({ objects, arcs, transform }: Topology): Feature<Polygon>[] {
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
  return polygons.map((rings) => ({
    type: "Feature",
    properties: {},
    geometry: { type: "Polygon", coordinates: rings.map((indices) => unrolled(ring(indices))) },
  }));
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
