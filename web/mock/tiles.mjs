// Tiles with something to look at: green ground, and a brown pit as large as the observation says.

import { png } from "./png.mjs";

const TILE = 256;
/** Cells of a tile: each is painted once, as tests draw many tiles. */
const CELLS = 64;
const KM_PER_DEGREE = 111.32;

function degrees(z, x, y, px, py, size) {
  const n = 2 ** z;
  const lon = ((x + px / size) / n) * 360 - 180;
  const lat = (Math.atan(Math.sinh(Math.PI * (1 - (2 * (y + py / size)) / n))) * 180) / Math.PI;
  return [lon, lat];
}

/** Value noise, the same for the same place. */
function noise(x, y) {
  const hash = (i, j) => {
    const v = Math.sin(i * 127.1 + j * 311.7) * 43758.5453;
    return v - Math.floor(v);
  };
  const [i, j] = [Math.floor(x), Math.floor(y)];
  const [u, v] = [x - i, y - j].map((t) => t * t * (3 - 2 * t));
  const top = hash(i, j) * (1 - u) + hash(i + 1, j) * u;
  const bottom = hash(i, j + 1) * (1 - u) + hash(i + 1, j + 1) * u;
  return top * (1 - v) + bottom * v;
}

const mix = (a, b, t) => a.map((v, i) => v + (b[i] - v) * t);

const GROUNDS = {
  "true-colour": [[52, 78, 44], [172, 148, 118]],
  "false-colour": [[150, 42, 48], [150, 168, 164]],
  swir: [[58, 120, 50], [214, 130, 150]],
};

/** Colours of the server's scales, low to high. */
export const SCALES = {
  ndvi: ["#543005", "#bf812d", "#f5f5f5", "#35978f", "#003c30"],
  bsi: ["#003c30", "#35978f", "#f5f5f5", "#bf812d", "#543005"],
  ndwi: ["#590008", "#c37243", "#ece5e0", "#307da6", "#001261"],
  probability: ["#000004", "#621980", "#c23b75", "#fc8e64", "#fcfdbf"],
};
/** Colours of onsets, from the first to the last date. */
export const ONSETS = ["#621980", "#932b80", "#c23b75", "#ed5a5f", "#fc8e64", "#fec287", "#fcfdbf"];
/** Where on them ground and pit lie. */
const PLACES = { ndvi: [0.86, 0.3], bsi: [0.25, 0.68], ndwi: [0.2, 0.38], probability: [0.03, 0.96] };

const STABLE = [217, 197, 107, 130];

function onScale(colours, at) {
  const place = Math.min(Math.max(at, 0), 1) * (colours.length - 1);
  const first = Math.min(Math.floor(place), colours.length - 2);
  const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  return [...mix(rgb(colours[first]), rgb(colours[first + 1]), place - first).map(Math.round), 255];
}

export function tile({ lon, lat, area_ha, before_ha, first_ha, seed }, layer, z, x, y, scale) {
  const cell = (TILE * scale) / CELLS;
  const of = (ha) => Math.sqrt((ha ?? 0) / 100 / Math.PI);
  const [radius, earlier] = [of(area_ha), of(before_ha ?? area_ha)];
  const shrink = Math.cos((lat * Math.PI) / 180);
  return png(TILE * scale, cell, (px, py) => {
    const [plon, plat] = degrees(z, x, y, px + 0.5, py + 0.5, CELLS);
    const [dx, dy] = [(plon - lon) * KM_PER_DEGREE * shrink, (plat - lat) * KM_PER_DEGREE];
    const rough = noise(dx * 6 + seed, dy * 6) * 0.25 + noise(dx * 25, dy * 25 + seed) * 0.12;
    const at = Math.hypot(dx, dy) * (0.85 + rough);
    const edge = (r) => Math.min(Math.max((r - at) * 18 + 0.5, 0), 1);
    const pit = edge(radius);
    if (layer === "mask" || layer.startsWith("change")) {
      // A cloud.
      if (noise(dx * 0.9 + seed, dy * 0.9 + 5) > 0.85) return (px + py) % 4 === 0 ? [70, 70, 70, 190] : [150, 150, 150, 90];
      if (layer === "mask") return [255, 214, 10, pit > 0.5 ? 170 : 0];
      const was = edge(earlier) > 0.5;
      if (pit > 0.5 === was) return was ? STABLE : [0, 0, 0, 0];
      return was ? [94, 60, 153, 230] : [230, 97, 1, 230];
    }
    if (layer === "onset") {
      const first = of(first_ha);
      if (pit <= 0.5 || edge(first) > 0.5) return [0, 0, 0, 0];
      return onScale(ONSETS, (at - first) / Math.max(radius - first, 1e-6));
    }
    if (SCALES[layer]) {
      const [low, high] = PLACES[layer];
      return onScale(SCALES[layer], low + (high - low) * pit + (layer === "probability" ? 0 : (noise(dx * 14 + 3, dy * 14) - 0.5) * 0.2));
    }
    const [green, brown] = GROUNDS[layer] ?? GROUNDS["true-colour"];
    const light = 0.72 + 0.5 * noise(dx * 14 + 3, dy * 14) + 0.18 * noise(dx * 60, dy * 60);
    return [...mix(green, brown, pit).map((v) => Math.min(255, Math.round(v * light))), 255];
  });
}
