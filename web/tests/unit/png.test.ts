import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

interface Picture {
  width: number;
  height: number;
  pixels: Uint8Array;
}
// Compiled tests lie elsewhere; tests/run.mjs starts them in web/.
const { decoded, reduced } = (await import(pathToFileURL(path.resolve("tests/palette_png.mjs")).href)) as { decoded(png: Buffer): Picture; reduced(png: Buffer, colours?: number): Buffer };
const { png } = (await import(pathToFileURL(path.resolve("mock/png.mjs")).href)) as { png(size: number, cell: number, paint: (x: number, y: number) => number[]): Buffer };

const paint = (x: number, y: number): number[] => [(x * 37 + y) % 256, (y * 11) % 256, (x * y) % 256, 255];
const picture = png(64, 1, paint);

test("a picture is read as it was painted", () => {
  const { width, height, pixels } = decoded(picture);
  assert.deepEqual([width, height, ...pixels.slice(0, 6)], [64, 64, ...paint(0, 0).slice(0, 3), ...paint(1, 0).slice(0, 3)]);
});

test("pictures with few colours keep them, others have as many as asked for", () => {
  const colours = (file: Buffer): number => file.readUInt32BE(file.indexOf("PLTE") - 4) / 3;
  assert.equal(colours(reduced(png(8, 2, (x) => [x * 60, 0, 0, 255]))), 4);
  assert.equal(colours(reduced(picture, 64)), 64);
});
