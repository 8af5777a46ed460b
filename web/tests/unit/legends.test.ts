import assert from "node:assert/strict";
import { test } from "node:test";
import type { TileJson, TileLegend } from "../../src/api/types.ts";
import { className, dateTexts, legendOf, noteOf, scaleTexts } from "../../src/map/legends.ts";
import { speakIn } from "./catalogues.ts";

speakIn("en");

test("ends have numbers and words", () => {
  assert.deepEqual(scaleTexts("ndvi", [-0.2, 0.9]), { numbers: ["≤ −0.2", "0.35", "≥ 0.9"], words: ["water, bare ground", "vegetation"] });
  assert.deepEqual(scaleTexts("bsi", [-0.5, 0.5]).numbers, ["≤ −0.5", "0", "≥ 0.5"]);
  assert.deepEqual(scaleTexts("probability", [0, 1]).numbers, ["0\u00a0%", "50\u00a0%", "100\u00a0%"]);
  assert.deepEqual(dateTexts("onset", ["2019-06-20", "2024-06-20"]), { numbers: ["2019-06-20", "2021-12-19", "2024-06-20"], words: ["first date", "last date"] });
  assert.equal(className("gain"), "Gain, newly disturbed");
  assert.equal(className("under-water"), "Under water");
  assert.equal(noteOf("true-colour"), null);
});

test("a legend that cannot be read is none", () => {
  const scale: TileLegend = { type: "scale", range: [0, 2], colours: ["#000000", "#ffffff"] };
  assert.equal(legendOf({ legend: scale }), scale);
  const dates: TileLegend = { type: "dates", range: ["2019-06-20", "2024-06-20"], colours: ["#000000", "#ffffff"] };
  assert.equal(legendOf({ legend: dates }), dates);
  assert.equal(legendOf({ name: "True colour" }), null);
  assert.equal(legendOf(null), null);
  const broken = [{ type: "scale" }, { ...scale, range: [0] }, { ...scale, colours: ["red", "url(x)"] }, { type: "classes", classes: [] }, { ...dates, range: ["2019-06-20", "soon"] }, { ...dates, range: [1, 2] }, { type: "pie" }, 7, null];
  for (const legend of broken) assert.equal(legendOf({ legend } as unknown as TileJson), null, JSON.stringify(legend));
});
