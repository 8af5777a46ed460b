import assert from "node:assert/strict";
import { test } from "node:test";
import type { FeatureCollection } from "geojson";
import type { Observation, SiteDetail } from "../../src/api/types.ts";
import { changesOf } from "../../src/map/changes.ts";
import { moved, pairOf } from "../../src/site/pair.ts";

const observation = (date: string): Observation => ({ id: `${date}-00000000`, date }) as Observation;
const site = { observations: ["2021-01-01", "2022-01-01", "2023-01-01"].map(observation) } as SiteDetail;
const [first, second, third] = site.observations;
const none = { before: null, after: null };

test("the last observation is compared with the one before it", () => {
  assert.deepEqual(pairOf(site, none), { before: second, after: third });
  assert.deepEqual(pairOf({ observations: [] as Observation[] } as SiteDetail, none), { before: null, after: null });
  assert.deepEqual(pairOf({ observations: [first] } as SiteDetail, none), { before: null, after: first });
});

test("a link chooses both dates, and the earlier one is on the left", () => {
  assert.deepEqual(pairOf(site, { before: first!.id, after: third!.id }), { before: first, after: third });
  assert.deepEqual(pairOf(site, { before: third!.id, after: second!.id }), { before: first, after: second });
  assert.deepEqual(pairOf(site, { before: "gone", after: "gone" }), { before: second, after: third });
});

test("of two dates that would meet, the other one gives way", () => {
  const pair = { before: second!, after: third! };
  assert.deepEqual(moved(site, pair, "after", 1), { before: first!.id, after: second!.id });
  assert.deepEqual(moved(site, pair, "after", 0), { before: null, after: first!.id });
  assert.deepEqual(moved(site, { before: first!, after: second! }, "before", 2), { before: second!.id, after: third!.id });
});

test("gain and loss are those since the date on the left, else since the latest one", () => {
  const since = (date: string): FeatureCollection["features"][number] => ({ type: "Feature", properties: { kind: "gain", since: date }, geometry: { type: "Point", coordinates: [0, 0] } });
  const all: FeatureCollection = { type: "FeatureCollection", features: [since("2021-01-01"), since("2022-01-01")] };
  assert.equal(changesOf(all, { before: first!, after: third! }).since, "2021-01-01");
  assert.equal(changesOf(all, { before: second!, after: third! }).features.features.length, 1);
  assert.equal(changesOf(all, { before: null, after: third! }).since, "2022-01-01");
});
