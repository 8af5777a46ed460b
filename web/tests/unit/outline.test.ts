import assert from "node:assert/strict";
import { test } from "node:test";
import { checkedPermit, siteErrors } from "../../src/editor/form.ts";
import { area_ha, bboxOf, checkFile, outlineOf, polygonOf } from "../../src/editor/outline.ts";
import { speakIn } from "./catalogues.ts";

speakIn("en");

const RING = [[10, 0], [10.1, 0], [10.1, 0.1], [10, 0.1], [10, 0]];
const SQUARE = { type: "Polygon", coordinates: [RING] };
const feature = (geometry: unknown, properties: unknown = {}) => ({ type: "Feature", properties, geometry });
const read = (value: unknown) => outlineOf(JSON.stringify(value));

test("polygons are found in every kind of GeoJSON, and become one outline", () => {
  assert.deepEqual(read(SQUARE), { outline: SQUARE, polygons: 1, others: 0, name: null });
  assert.equal(read(feature(SQUARE, { NOM: " Carrière " })).name, "Carrière");
  const many = read({ type: "FeatureCollection", features: [feature({ type: "Point", coordinates: [1, 2] }), feature(SQUARE), feature({ type: "MultiPolygon", coordinates: [[RING], [RING]] })] });
  assert.deepEqual([many.outline.type, many.polygons, many.others], ["MultiPolygon", 3, 1]);
  assert.equal(read({ type: "GeometryCollection", geometries: [SQUARE] }).polygons, 1);
  assert.deepEqual(read({ type: "Polygon", coordinates: [RING.map(([x, y]) => [x, y, 812.5])] }).outline, SQUARE);
});

test("a file without a usable polygon is refused with a reason", () => {
  for (const [value, words] of [
    [{ type: "Point", coordinates: [1, 2] }, /points or lines and no polygon/],
    [{ type: "FeatureCollection", features: [] }, /has no polygon/],
    [[1, 2], /has no polygon/],
    [null, /has no polygon/],
    [{ type: "Polygon", coordinates: [[[0, 0], [1, 1]]] }, /too few positions/],
    [{ type: "Polygon", coordinates: [[["a", 0], [1, 1], [2, 2], [0, 0]]] }, /not two numbers/],
    [{ type: "Polygon", coordinates: [[[500000, 4000000], [500100, 4000000], [500100, 4000100], [500000, 4000000]]] }, /500000, 4000000 is not a longitude/],
  ] as const) {
    assert.throws(() => read(value), words, JSON.stringify(value));
  }
  assert.throws(() => outlineOf("PK\u0003\u0004"), /not JSON/);
});

test("a file is refused by its name and its size before it is read", () => {
  assert.throws(() => checkFile({ name: "sites.gpkg", size: 1000 }), /`sites.gpkg` is not read here.*GeoPackage.*minesegsat sites import/s);
  assert.throws(() => checkFile({ name: "big.geojson", size: 200_000_000 }), /has 200.MB, and this page reads at most 4.MB/);
  checkFile({ name: "SITE.GeoJSON", size: 4_000_000 });
});

test("a square of a tenth of a degree at the equator has 12 364 ha", () => {
  // python3 -c "import math; r=6371008.8; print(r*r*math.radians(.1)*math.sin(math.radians(.1))/1e4)" -> 12364.33...
  assert.ok(Math.abs(area_ha({ type: "Polygon", coordinates: [RING] }) - 12364.3) < 0.5);
  const hole = [[10.02, 0.02], [10.04, 0.02], [10.04, 0.04], [10.02, 0.04], [10.02, 0.02]];
  assert.ok(Math.abs(area_ha({ type: "Polygon", coordinates: [RING, hole] }) - 12364.3 * 0.96) < 1);
  assert.deepEqual(bboxOf({ type: "Polygon", coordinates: [RING] }), [10, 0, 10.1, 0.1]);
});

test("corners are closed, rounded to a centimetre, and turned back to this world", () => {
  assert.deepEqual(polygonOf([[370, 0], [370.123456789, 0], [370, 1]]).coordinates, [[[10, 0], [10.1234568, 0], [10, 1], [10, 0]]]);
});

test("fields of a site and a permit are checked before they are sent", () => {
  assert.deepEqual(siteErrors({ name: "Río Pardo", id: "" }), {});
  assert.deepEqual(Object.keys(siteErrors({ name: " ", id: "Río" })), ["name", "id"]);
  assert.deepEqual(checkedPermit({ number: " P/1 ", "valid-from": "2024-01-01", "valid-to": "", limit: "120,5" }), { permit: { number: "P/1", valid_from: "2024-01-01", limit_ha: 120.5 } });
  const wrong = checkedPermit({ number: "", "valid-from": "2024-01-01", "valid-to": "2023-01-01", limit: "-1" });
  assert.deepEqual(Object.keys("errors" in wrong ? wrong.errors : {}), ["number", "valid-to", "limit"]);
});
