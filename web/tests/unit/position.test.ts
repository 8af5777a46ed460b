import assert from "node:assert/strict";
import { test } from "node:test";
import { distance_km, positions } from "../../src/sites/position.ts";

const read = (text: string): string[] => positions(text).map(({ lat, lon, order }) => `${Number(lat.toFixed(5))} ${Number(lon.toFixed(5))}${order ? ` ${order}` : ""}`);

test("a pair of numbers has two readings, and the usual one comes first", () => {
  assert.deepEqual(read("-54.35 -6.1"), ["-54.35 -6.1 lat-lon", "-6.1 -54.35 lon-lat"]);
  assert.deepEqual(read("-6.1, -54.35"), ["-6.1 -54.35 lat-lon", "-54.35 -6.1 lon-lat"]);
  assert.deepEqual(read("−6.1;−54.35"), ["-6.1 -54.35 lat-lon", "-54.35 -6.1 lon-lat"]);
  assert.deepEqual(read("10 10"), ["10 10"]);
});

test("a number beyond 90 degrees can only be a longitude", () => {
  assert.deepEqual(read("44.72, -121.6"), ["44.72 -121.6"]);
  assert.deepEqual(read("-121.6 44.72"), ["44.72 -121.6"]);
  assert.deepEqual(read("100 100"), []);
  assert.deepEqual(read("10 181"), []);
});

test("letters of all languages leave one reading", () => {
  for (const text of ["6.1 S 54.35 W", "6.1S, 54.35W", "54.35 W 6.1 S", "S 6.1 W 54.35", "6,1 S 54,35 O", "6°06'00\"S 54°21'00\"O", "6° 6′ S, 54° 21′ W"]) {
    assert.deepEqual(read(text), ["-6.1 -54.35"], text);
  }
  assert.deepEqual(read("6.1 N 54.35 L"), ["6.1 54.35"]);
  assert.deepEqual(read("6.1 N 54.35 N"), []);
  assert.deepEqual(read("6°75'S 54°W"), []);
});

test("commas are decimal marks where something else parts the numbers", () => {
  assert.deepEqual(read("-6,1 -54,35"), ["-6.1 -54.35 lat-lon", "-54.35 -6.1 lon-lat"]);
  assert.deepEqual(read("-6,1; 120,5"), ["-6.1 120.5"]);
  assert.deepEqual(read("-6,1, 120,5"), ["-6.1 120.5"]);
  assert.deepEqual(read("6,1"), ["6 1 lat-lon", "1 6 lon-lat"]);
});

test("names, numbers of permits and single numbers are no positions", () => {
  for (const text of ["", "Larch Creek", "P-2018-014", "2018 014", "12", "12.5", "Site 12 14", "1 2 3", "SEN", "10 N"]) assert.deepEqual(read(text), [], text);
});

test("a degree of latitude is 111 km", () => {
  // python3 -c "import math; print(6371.0088*math.pi/180)" -> 111.195...
  assert.ok(Math.abs(distance_km({ lat: 0, lon: 0 }, { lat: 1, lon: 0 }) - 111.195) < 0.001);
  assert.ok(distance_km({ lat: 10, lon: 179.9 }, { lat: 10, lon: -179.9 }) < 25);
});
