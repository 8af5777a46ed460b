// Smaller pictures: a PNG of at most 256 colours from one of the browser's.

import { deflateSync, inflateSync } from "node:zlib";
import { chunk } from "../mock/png.mjs";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Width, height and pixels (red, green, blue) of a PNG with 8 bits a channel and without interlacing, as browsers write it. */
export function decoded(png) {
  let head = null;
  const parts = [];
  for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12) {
    const type = png.toString("latin1", at + 4, at + 8);
    const data = png.subarray(at + 8, at + 8 + png.readUInt32BE(at));
    if (type === "IHDR") head = data;
    if (type === "IDAT") parts.push(data);
  }
  const [width, height, bits, kind, interlaced] = [head.readUInt32BE(0), head.readUInt32BE(4), head[8], head[9], head[12]];
  const channels = { 2: 3, 6: 4 }[kind];
  if (bits !== 8 || !channels || interlaced) throw new Error(`a PNG of kind ${kind} with ${bits} bits is not read`);
  const raw = inflateSync(Buffer.concat(parts));
  const line = width * channels;
  const rows = Buffer.alloc(line * height);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (line + 1)];
    for (let x = 0; x < line; x += 1) {
      const to = y * line + x;
      const left = x < channels ? 0 : rows[to - channels];
      const up = y === 0 ? 0 : rows[to - line];
      const corner = x < channels || y === 0 ? 0 : rows[to - line - channels];
      rows[to] = raw[y * (line + 1) + 1 + x] + [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
    }
  }
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i += 1) pixels.set(rows.subarray(i * channels, i * channels + 3), i * 3);
  return { width, height, pixels };
}

function paeth(a, b, c) {
  const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/** Median cut: the box of colours with the widest channel, weighted by its pixels, is cut until there are enough. */
function palette(colours, count) {
  const boxOf = (entries) => {
    const pixels = entries.reduce((sum, entry) => sum + entry.pixels, 0);
    const spans = [0, 1, 2].map((i) => Math.max(...entries.map((e) => e.rgb[i])) - Math.min(...entries.map((e) => e.rgb[i])));
    const channel = spans.indexOf(Math.max(...spans));
    return { entries, pixels, channel, weight: entries.length > 1 ? spans[channel] * Math.cbrt(pixels) : 0 };
  };
  const boxes = [boxOf(colours)];
  while (boxes.length < count) {
    boxes.sort((a, b) => a.weight - b.weight);
    if (boxes.at(-1).weight === 0) break;
    const { entries, pixels, channel } = boxes.pop();
    entries.sort((a, b) => a.rgb[channel] - b.rgb[channel]);
    let [seen, cut] = [0, 0];
    while (cut < entries.length - 1 && (cut === 0 || seen < pixels / 2)) seen += entries[cut++].pixels;
    boxes.push(boxOf(entries.slice(0, cut)), boxOf(entries.slice(cut)));
  }
  return boxes.map(({ entries, pixels }) => [0, 1, 2].map((i) => Math.round(entries.reduce((sum, e) => sum + e.rgb[i] * e.pixels, 0) / pixels)));
}

/** The same picture in at most `count` colours, which are mixed where they would not do (Floyd and Steinberg). */
export function reduced(png, count = 256) {
  const { width, height, pixels } = decoded(png);
  const keyAt = (i) => (pixels[i * 3] << 16) | (pixels[i * 3 + 1] << 8) | pixels[i * 3 + 2];
  const counts = new Map();
  for (let i = 0; i < width * height; i += 1) counts.set(keyAt(i), (counts.get(keyAt(i)) ?? 0) + 1);
  const colours = [...counts].map(([key, pixels]) => ({ key, pixels, rgb: [key >> 16, (key >> 8) & 255, key & 255] })).sort((a, b) => b.pixels - a.pixels);
  // Grounds and texts of the page keep their colours.
  const kept = colours.slice(0, count / 4);
  const rest = colours.slice(kept.length);
  const table = [...kept.map(({ rgb }) => rgb), ...(rest.length > 0 ? palette(rest, count - kept.length) : [])];
  const exact = new Map(kept.map(({ key }, i) => [key, i]));
  const nearest = nearestOf(table);
  const rows = Buffer.alloc((width + 1) * height);
  const owed = new Float32Array((width + 2) * (height + 1) * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const i = y * width + x;
      const to = y * (width + 1) + 1 + x;
      rows[to] = exact.get(keyAt(i)) ?? 0;
      if (exact.has(keyAt(i))) continue;
      const at = (y * (width + 2) + x + 1) * 3;
      const wanted = [0, 1, 2].map((c) => Math.min(Math.max(pixels[i * 3 + c] + owed[at + c], 0), 255));
      rows[to] = nearest(wanted);
      const below = at + (width + 2) * 3;
      for (let c = 0; c < 3; c += 1) {
        const left = wanted[c] - table[rows[to]][c];
        owed[at + 3 + c] += (left * 7) / 16;
        owed[below - 3 + c] += (left * 3) / 16;
        owed[below + c] += (left * 5) / 16;
        owed[below + 3 + c] += left / 16;
      }
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  const data = deflateSync(rows, { level: 9 });
  return Buffer.concat([SIGNATURE, chunk("IHDR", head), chunk("PLTE", Buffer.from(table.flat())), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
}

/** Place of the nearest colour of a table; asked for the same colour again, it need not look. */
function nearestOf(table) {
  const known = new Map();
  return (rgb) => {
    const [r, g, b] = rgb.map(Math.round);
    const key = (r << 16) | (g << 8) | b;
    if (known.has(key)) return known.get(key);
    let [best, least] = [0, Infinity];
    for (let i = 0; i < table.length; i += 1) {
      const away = (table[i][0] - r) ** 2 + (table[i][1] - g) ** 2 + (table[i][2] - b) ** 2;
      if (away < least) [best, least] = [i, away];
    }
    known.set(key, best);
    return best;
  };
}
