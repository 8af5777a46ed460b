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
  ndvi: [[26, 120, 50], [215, 190, 120]],
  bsi: [[70, 110, 160], [190, 100, 40]],
  ndwi: [[120, 110, 80], [70, 120, 190]],
};

export function tile({ lon, lat, area_ha, before_ha, seed }, layer, z, x, y, scale) {
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
    if (layer === "mask") return [255, 216, 74, pit > 0.5 ? 200 : 0];
    if (layer === "probability") return [...mix([40, 20, 90], [250, 230, 90], pit).map(Math.round), 40 + Math.round(pit * 180)];
    if (layer === "change") {
      const was = edge(earlier) > 0.5;
      if (pit > 0.5 === was) return [0, 0, 0, 0];
      return was ? [94, 60, 153, 230] : [230, 97, 1, 230];
    }
    const [green, brown] = GROUNDS[layer] ?? GROUNDS["true-colour"];
    const light = 0.72 + 0.5 * noise(dx * 14 + 3, dy * 14) + 0.18 * noise(dx * 60, dy * 60);
    return [...mix(green, brown, pit).map((v) => Math.min(255, Math.round(v * light))), 255];
  });
}
