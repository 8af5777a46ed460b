/** Outlines of sites and permits: read from a GeoJSON file, and measured. */

import type { MultiPolygon, Polygon, Position } from "geojson";
import type { Bbox, Outline } from "../api/types.ts";
import { t } from "../words.ts";

/** The server accepts a little more, with what surrounds an outline. */
export const MOST_BYTES = 4_000_000;

/** What a file holds. */
export interface ReadOutline {
  outline: Outline;
  polygons: number;
  /** Points and lines, which are left out. */
  others: number;
  /** The name that its first feature states. */
  name: string | null;
}

/** Whether a file is one that the page reads; its name and size are looked at before it is read. */
export function checkFile({ name, size }: { name: string; size: number }): void {
  if (!/\.(geojson|json)$/i.test(name)) throw new Error(t("file-other-format", { name }));
  if (size > MOST_BYTES) throw new Error(t("file-too-large", { name, size: megabytes(size), most: megabytes(MOST_BYTES) }));
}

const megabytes = (bytes: number): string => String(Math.ceil(bytes / 1e6));

/** All polygons of a GeoJSON text as one outline in longitude and latitude. */
export function outlineOf(text: string): ReadOutline {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error(t("file-not-json"));
  }
  const found: { polygons: Position[][][]; others: number; name: string | null } = { polygons: [], others: 0, name: null };
  collect(document, found, 0);
  if (found.polygons.length === 0) throw new Error(t(found.others > 0 ? "file-no-polygon" : "file-nothing"));
  const outline: Outline = found.polygons.length === 1 ? { type: "Polygon", coordinates: found.polygons[0] ?? [] } : { type: "MultiPolygon", coordinates: found.polygons };
  return { outline, polygons: found.polygons.length, others: found.others, name: found.name };
}

/** Maximum depth of nested collections. */
const DEEPEST = 8;

function collect(value: unknown, found: { polygons: Position[][][]; others: number; name: string | null }, depth: number): void {
  if (typeof value !== "object" || value === null || depth > DEEPEST) return;
  const { type, features, geometry, geometries, coordinates, properties } = value as Record<string, unknown>;
  if (type === "FeatureCollection" && Array.isArray(features)) for (const feature of features) collect(feature, found, depth + 1);
  else if (type === "GeometryCollection" && Array.isArray(geometries)) for (const each of geometries) collect(each, found, depth + 1);
  else if (type === "Feature") {
    found.name ??= nameIn(properties);
    collect(geometry, found, depth + 1);
  } else if (type === "Polygon") found.polygons.push(rings(coordinates));
  else if (type === "MultiPolygon" && Array.isArray(coordinates)) found.polygons.push(...coordinates.map(rings));
  else if (typeof type === "string") found.others += 1;
}

function nameIn(properties: unknown): string | null {
  if (typeof properties !== "object" || properties === null) return null;
  const entry = Object.entries(properties).find(([key, value]) => /^(name|nom|nombre|nome|site|mine|mina)$/i.test(key) && typeof value === "string" && value.trim() !== "");
  return entry ? String(entry[1]).trim() : null;
}

/** Without heights. */
function rings(coordinates: unknown): Position[][] {
  if (!Array.isArray(coordinates) || coordinates.length === 0) throw new Error(t("file-no-position"));
  return coordinates.map((ring: unknown) => {
    if (!Array.isArray(ring) || ring.length < 4) throw new Error(t("file-no-position"));
    return ring.map((position: unknown) => {
      const [lon, lat] = Array.isArray(position) ? (position as unknown[]) : [];
      if (typeof lon !== "number" || typeof lat !== "number") throw new Error(t("file-no-position"));
      if (!(Math.abs(lon) <= 360 && Math.abs(lat) <= 90)) throw new Error(t("file-not-degrees", { x: String(lon), y: String(lat) }));
      return [lon, lat];
    });
  });
}

const parts = (outline: Outline): Position[][][] => (outline.type === "Polygon" ? [outline.coordinates] : outline.coordinates);

/** Hectares on a sphere of the earth's mean radius; the server measures on the ellipsoid. */
export function area_ha(outline: Outline): number {
  const ring_m2 = (ring: Position[]): number => {
    const rad = Math.PI / 180;
    let sum = 0;
    ring.forEach(([lon = 0, lat = 0], i) => {
      const [next_lon = 0, next_lat = 0] = ring[(i + 1) % ring.length] ?? [];
      sum += (next_lon - lon) * rad * (2 + Math.sin(lat * rad) + Math.sin(next_lat * rad));
    });
    return Math.abs((sum * 6_371_008.8 ** 2) / 2);
  };
  const of = ([shell = [], ...holes]: Position[][]): number => ring_m2(shell) - holes.reduce((sum, hole) => sum + ring_m2(hole), 0);
  return parts(outline).reduce((sum, polygon) => sum + of(polygon), 0) / 1e4;
}

export function bboxOf(outline: Outline): Bbox {
  const bbox: Bbox = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [lon = 0, lat = 0] of parts(outline).flat(2)) {
    bbox[0] = Math.min(bbox[0], lon);
    bbox[1] = Math.min(bbox[1], lat);
    bbox[2] = Math.max(bbox[2], lon);
    bbox[3] = Math.max(bbox[3], lat);
  }
  return bbox;
}

/** The polygon of corners in the order in which they were set, not closed. */
export function polygonOf(corners: readonly Position[]): Polygon {
  const [first] = corners;
  // Where the map shows another copy of the world.
  const turn = 360 * Math.round((first?.[0] ?? 0) / 360);
  const ring = corners.map(([lon = 0, lat = 0]): Position => [round(lon - turn), round(lat)]);
  return { type: "Polygon", coordinates: [[...ring, ring[0] ?? [0, 0]]] };
}

/** A centimetre. */
const round = (degrees: number): number => Number(degrees.toFixed(7));

export const isOutline = (geometry: unknown): geometry is Polygon | MultiPolygon =>
  typeof geometry === "object" && geometry !== null && ["Polygon", "MultiPolygon"].includes((geometry as { type?: string }).type ?? "");
