/** The map's style: plain ground, outlines of a site, marks of all sites. Pictures are put between by `rasters.ts`. */

import type { StyleSpecification, ExpressionSpecification } from "maplibre-gl";
import type { FeatureCollection } from "geojson";
import type { ServerInfo } from "../api/types.ts";
import { address } from "../api/client.ts";
import type { Outline } from "../view/view.ts";
import { STANDINGS } from "../verdict.ts";
import { LABEL } from "./icons.ts";
import { graticule } from "./land.ts";
import { DISTURBED, GAIN, LOSS, type Palette } from "./palette.ts";

export const NOTHING: FeatureCollection = { type: "FeatureCollection", features: [] };

/** Pictures go below the first layer of outlines, overlays too, above the pictures. */
export const ABOVE_RASTERS = "gain-fill";

/** Layers of each outline that can be switched. */
export const OUTLINE_LAYERS: Record<Outline, string[]> = {
  disturbed: ["disturbed-casing", "disturbed-line"],
  gain: ["gain-fill", "gain-casing", "gain-line"],
  loss: ["loss-fill", "loss-casing", "loss-line"],
  permit: ["permit-casing", "permit-line"],
  boundary: ["boundary-casing", "boundary-line"],
};

/** Of pictures and of what is made of them. */
export const ATTRIBUTION = "Contains modified Copernicus Sentinel data";

/** Severity of a cluster is that of its worst site: 5 for exceeded, 0 for within. */
export const severity = (standing: (typeof STANDINGS)[number]): number => STANDINGS.length - 1 - STANDINGS.indexOf(standing);

/** Nearer than this sites stand alone. */
const CLUSTER_MAX_ZOOM = 9;

export function style(palette: Palette, basemap: ServerInfo["basemap"]): StyleSpecification {
  const data = (attribution = ""): { type: "geojson"; data: FeatureCollection; attribution: string } => ({
    type: "geojson",
    data: NOTHING,
    attribution,
  });
  return {
    version: 8,
    transition: { duration: 150, delay: 0 },
    sources: {
      land: data("Natural Earth"),
      grid: { type: "geojson", data: graticule(10) },
      ...(basemap && {
        basemap: { type: "raster", tiles: [address(basemap.tiles)], tileSize: 256, attribution: basemap.attribution ?? "" },
      }),
      disturbed: data(ATTRIBUTION),
      changes: data(),
      permit: data(),
      boundary: data(),
      prediction: data(),
      box: data(),
      sites: {
        type: "geojson",
        data: NOTHING,
        cluster: true,
        clusterRadius: 46,
        clusterMaxZoom: CLUSTER_MAX_ZOOM,
        clusterProperties: { worst: ["max", ["get", "severity"]] },
      },
    },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": palette.sea } },
      { id: "land", type: "fill", source: "land", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": palette.land, "fill-antialias": false } },
      { id: "grid", type: "line", source: "grid", paint: { "line-color": palette.grid, "line-width": 0.75 } },
      {
        id: "coast",
        type: "line",
        source: "land",
        filter: ["==", ["geometry-type"], "LineString"],
        // The coastline is far too coarse for a look at one site.
        paint: { "line-color": palette.coast, "line-width": 0.75, "line-opacity": fade(6, 9) },
      },
      ...(basemap ? [{ id: "basemap", type: "raster", source: "basemap" } as const] : []),
      ...changed("gain", GAIN),
      ...changed("loss", LOSS),
      ...cased("disturbed", { "line-color": DISTURBED, "line-width": 2 }, { "line-color": "#14100a", "line-width": 4 }),
      ...cased("prediction", { "line-color": DISTURBED, "line-width": 2 }, { "line-color": "#14100a", "line-width": 4 }),
      ...cased(
        "permit",
        { "line-color": "#ffffff", "line-width": 2, "line-dasharray": [3, 2] },
        { "line-color": "#14100a", "line-width": 4, "line-opacity": 0.85 },
      ),
      ...cased("boundary", { "line-color": "#ffffff", "line-width": 1.2 }, { "line-color": "#14100a", "line-width": 3, "line-opacity": 0.7 }),
      { id: "box-fill", type: "fill", source: "box", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": "#2f57ad", "fill-opacity": 0.15 } },
      { id: "box-casing", type: "line", source: "box", paint: { "line-color": "#ffffff", "line-width": 4, "line-opacity": 0.8 } },
      { id: "box-line", type: "line", source: "box", paint: { "line-color": "#2f57ad", "line-width": 2 } },
      {
        id: "box-corners",
        type: "circle",
        source: "box",
        filter: ["==", ["geometry-type"], "Point"],
        paint: {
          "circle-radius": ["match", ["get", "kind"], "middle", 3.5, "selected", 7, 5],
          "circle-color": ["match", ["get", "kind"], "selected", "#ffb000", "#ffffff"],
          "circle-opacity": ["match", ["get", "kind"], "middle", 0.8, 1],
          "circle-stroke-color": "#2f57ad",
          "circle-stroke-width": ["match", ["get", "kind"], "middle", 1.5, 2],
        },
      },
      {
        // Below the marks, which it gives way to.
        id: "site-names",
        type: "symbol",
        source: "sites",
        filter: ["!", ["has", "point_count"]],
        layout: { "icon-image": ["concat", LABEL, ["get", "name"]], "icon-anchor": "left", "icon-offset": [11, 0], "symbol-sort-key": ["-", 0, ["get", "severity"]] },
      },
      {
        id: "clusters",
        type: "symbol",
        source: "sites",
        filter: ["has", "point_count"],
        layout: {
          "icon-image": ["concat", "cluster/", ["get", "worst"], "/", ["to-string", ["get", "point_count"]]],
          "icon-allow-overlap": true,
          "icon-ignore-placement": true,
          "symbol-sort-key": ["get", "worst"],
        },
      },
      {
        id: "sites",
        type: "symbol",
        source: "sites",
        filter: ["!", ["has", "point_count"]],
        layout: {
          "icon-image": ["concat", "site/", ["get", "standing"]],
          "icon-allow-overlap": true,
          "icon-ignore-placement": true,
          "symbol-sort-key": ["get", "severity"],
        },
      },
    ],
  };
}

type LinePaint = NonNullable<Extract<StyleSpecification["layers"][number], { type: "line" }>["paint"]>;

function cased(id: string, line: LinePaint, casing: LinePaint): StyleSpecification["layers"] {
  const layout = { "line-join": "round" } as const;
  return [
    { id: `${id}-casing`, type: "line", source: id, layout, paint: casing },
    { id: `${id}-line`, type: "line", source: id, layout, paint: line },
  ];
}

/** Gain has a whole line and loss a broken one, so that they differ without colour. */
function changed(kind: "gain" | "loss", colour: string): StyleSpecification["layers"] {
  const filter: ExpressionSpecification = ["==", ["get", "kind"], kind];
  const dash = kind === "loss" ? { "line-dasharray": [2, 1.2] } : {};
  return [
    { id: `${kind}-fill`, type: "fill", source: "changes", filter, paint: { "fill-color": colour, "fill-opacity": 0.45 } },
    { id: `${kind}-casing`, type: "line", source: "changes", filter, paint: { "line-color": "#ffffff", "line-width": 3.5, "line-opacity": 0.8 } },
    { id: `${kind}-line`, type: "line", source: "changes", filter, paint: { "line-color": colour, "line-width": 2, ...dash } },
  ];
}

function fade(from: number, to: number): ExpressionSpecification {
  return ["interpolate", ["linear"], ["zoom"], from, 1, to, 0];
}
