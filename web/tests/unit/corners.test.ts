import assert from "node:assert/strict";
import { test } from "node:test";
import type { MultiPolygon, Polygon } from "geojson";
import { Corners } from "../../src/editor/corners.ts";

const square: Polygon = { type: "Polygon", coordinates: [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]] };
const hole = [[1, 1], [1, 2], [2, 2], [1, 1]];

test("an outline that is not changed stays the same", () => {
  const corners = new Corners(square);
  assert.equal(corners.count, 4);
  assert.equal(corners.outline, square);
});

test("a corner is moved, and the ring stays closed at its first corner too", () => {
  const corners = new Corners(square);
  corners.begin();
  corners.move(0, [-1.00000004, -1]);
  assert.deepEqual(corners.outline, { type: "Polygon", coordinates: [[[-1, -1], [4, 0], [4, 4], [0, 4], [-1, -1]]] });
  assert.deepEqual(square.coordinates[0]![0], [0, 0], "the outline from before is not touched");
});

test("a corner is added in the middle of an edge, also of the last one, and is selected", () => {
  const corners = new Corners(square);
  corners.begin();
  assert.equal(corners.addAfter(3), 4);
  assert.equal(corners.selected, 4);
  assert.deepEqual((corners.outline as Polygon).coordinates[0], [[0, 0], [4, 0], [4, 4], [0, 4], [0, 2], [0, 0]]);
  assert.deepEqual(corners.middles().map(({ after }) => after), [0, 1, 2, 3, 4]);
});

test("a corner is removed as long as three stay", () => {
  const corners = new Corners(square);
  corners.selected = 0;
  assert.equal(corners.canRemove(0), true);
  corners.begin();
  corners.remove(0);
  assert.deepEqual((corners.outline as Polygon).coordinates[0], [[4, 0], [4, 4], [0, 4], [4, 0]]);
  assert.equal(corners.selected, 2, "the one before it in the ring");
  assert.equal(corners.canRemove(1), false);
});

test("corners count through holes and polygons, which keep their places", () => {
  const outline: MultiPolygon = { type: "MultiPolygon", coordinates: [[square.coordinates[0]!, hole], [[[10, 10], [11, 10], [11, 11], [10, 10]]]] };
  const corners = new Corners(outline);
  assert.equal(corners.count, 10);
  assert.deepEqual(corners.at(4), [1, 1]);
  assert.deepEqual(corners.at(7), [10, 10]);
  assert.equal(corners.canRemove(5), false);
  corners.begin();
  corners.move(8, [12, 10]);
  const moved = corners.outline as MultiPolygon;
  assert.deepEqual(moved.coordinates.map((rings) => rings.length), [2, 1]);
  assert.deepEqual(moved.coordinates[0], outline.coordinates[0]);
  assert.deepEqual(moved.coordinates[1]![0], [[10, 10], [12, 10], [11, 11], [10, 10]]);
  assert.throws(() => corners.at(10), RangeError);
});

test("changes are taken back one after the other, down to the outline from the start", () => {
  const corners = new Corners(square);
  corners.begin();
  for (const lon of [5, 6, 7]) corners.move(1, [lon, 0]);
  corners.begin();
  corners.remove(3);
  corners.undo();
  assert.deepEqual((corners.outline as Polygon).coordinates[0], [[0, 0], [7, 0], [4, 4], [0, 4], [0, 0]]);
  corners.undo();
  assert.equal(corners.outline, square);
  corners.undo();
  assert.equal(corners.isChanged, false);
});

test("the last change that is taken back gives the outline from the start, after however many", () => {
  const corners = new Corners(square);
  for (let i = 0; i < 500; i += 1) {
    corners.begin();
    corners.move(2, [4 + i, 4]);
  }
  while (corners.isChanged) corners.undo();
  assert.equal(corners.outline, square);
  assert.deepEqual(corners.all(), square.coordinates[0]!.slice(0, 4));
});
