// PNG files without a library.

import { crc32 as zlibCrc32, deflateSync } from "node:zlib";

const table = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

/** Node has it from 20.15 on. */
function crc32(bytes) {
  if (zlibCrc32) return zlibCrc32(bytes);
  let c = 0xffffffff;
  for (const byte of bytes) c = table[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

export function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

/** A square of `cell` x `cell` pixels for each colour: `paint(column, row)` gives [red, green, blue, alpha]. */
export function png(size, cell, paint) {
  const width = size * 4 + 1;
  const rows = Buffer.alloc(size * width);
  for (let y = 0; y < size; y += cell) {
    const start = y * width;
    for (let x = 0; x < size; x += cell) {
      const colour = paint(x / cell, y / cell);
      for (let i = 0; i < cell; i += 1) rows.set(colour, start + 1 + (x + i) * 4);
    }
    for (let i = 1; i < cell; i += 1) rows.copyWithin(start + i * width, start, start + width);
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(size, 0);
  head.writeUInt32BE(size, 4);
  head.set([8, 6, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", head),
    chunk("IDAT", deflateSync(rows, { level: 1 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}
