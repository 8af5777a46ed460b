import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import type { TileJson, TileLegend } from "../../src/api/types.ts";
import { BRBG, className, DRAWN, legendOf, MAGMA, noteOf, scaleTexts, VIK } from "../../src/map/legends.ts";

const CORE = path.resolve("../crates/minesegsat/src");
const skip = existsSync(CORE) ? false : "the program's sources are not beside the page";
const source = (file: string): string => readFileSync(path.join(CORE, file), "utf8");
const hex = (values: number[]): string => `#${values.map((value) => value.toString(16).padStart(2, "0")).join("")}`;

/** Colours of a table such as `const MAGMA: [[u8; 3]; 18] = [[0, 0, 4], ...];`. */
function table(rust: string, name: string): string[] {
  const body = new RegExp(`const ${name}: \\[\\[u8; 3\\]; \\d+\\] = \\[([\\s\\S]*?)\\n?\\];`).exec(rust)?.[1] ?? "";
  return [...body.matchAll(/\[(\d+), (\d+), (\d+)\]/g)].map((match) => hex(match.slice(1, 4).map(Number)));
}

/** A colour such as `const GAIN: Rgba = [0xe6, 0x61, 0x01, 230];`. */
function rgba(rust: string, name: string): string {
  return hex((new RegExp(`const ${name}: Rgba = \\[([^\\]]+)\\]`).exec(rust)?.[1] ?? "").split(",").map(Number));
}

test("colours are those that the program draws", { skip }, () => {
  const rust = source("tiles/colour.rs");
  assert.deepEqual(BRBG, table(rust, "BRBG"));
  assert.deepEqual(MAGMA, table(rust, "MAGMA"));
  assert.deepEqual(VIK, table(source("preview/colour_map.rs"), "VIK"));
  const colours = (legend: TileLegend | undefined): Record<string, string> => Object.fromEntries(legend?.type === "classes" ? legend.classes.map(({ name, colour }) => [name, colour]) : []);
  assert.deepEqual(colours(DRAWN.mask), { disturbed: rgba(rust, "DISTURBED"), "not-assessable": rgba(rust, "BETWEEN_STRIPES") });
  assert.deepEqual(colours(DRAWN.change), { gain: rgba(rust, "GAIN"), loss: rgba(rust, "LOSS"), stable: rgba(rust, "STABLE"), "not-assessable": rgba(rust, "BETWEEN_STRIPES") });
  assert.ok(DRAWN.mask?.type === "classes" && DRAWN.mask.classes.at(-1)?.stripes === rgba(rust, "STRIPE"));
});

test("scales and their ends are those that the program draws", { skip }, () => {
  const rust = source("tiles/layer.rs");
  const maps: Record<string, string[]> = { BrBg: BRBG, BrBgReversed: [...BRBG].reverse(), VikReversed: [...VIK].reverse(), Magma: MAGMA };
  for (const [layer, variant] of [["ndvi", "Ndvi"], ["bsi", "Bsi"], ["ndwi", "Ndwi"], ["probability", "Probability"]] as const) {
    const [, low, high] = new RegExp(`Self::${variant} => Some\\(\\[\\[([-.\\d]+), ([-.\\d]+)\\]; 3\\]\\)`).exec(rust) ?? [];
    const [, map] = new RegExp(`Self::${variant} => Some\\(ColourMap::(\\w+)\\)`).exec(rust) ?? [];
    assert.deepEqual(DRAWN[layer], { type: "scale", range: [Number(low), Number(high)], colours: maps[map ?? ""] }, layer);
  }
});

test("ends have numbers and words", () => {
  assert.deepEqual(scaleTexts("ndvi", [-0.2, 0.9]), { numbers: ["≤ −0.2", "0.35", "≥ 0.9"], words: ["water, bare ground", "vegetation"] });
  assert.deepEqual(scaleTexts("bsi", [-0.5, 0.5]).numbers, ["≤ −0.5", "0", "≥ 0.5"]);
  assert.deepEqual(scaleTexts("probability", [0, 1]).numbers, ["0 %", "50 %", "100 %"]);
  assert.equal(className("gain"), "Gain, newly disturbed");
  assert.equal(className("under-water"), "Under water");
  assert.equal(noteOf("true-colour"), null);
});

test("what the server says of its colours goes before what the page knows", () => {
  const scale: TileLegend = { type: "scale", range: [0, 2], colours: ["#000000", "#ffffff"] };
  assert.equal(legendOf("ndvi", { legend: scale }), scale);
  assert.equal(legendOf("ndvi", { name: "Vegetation" }), DRAWN.ndvi);
  assert.equal(legendOf("true-colour", null), null);
  const broken = [{ type: "scale" }, { ...scale, range: [0] }, { ...scale, colours: ["red", "url(x)"] }, { type: "classes", classes: [] }, { type: "pie" }, 7, null];
  for (const legend of broken) assert.equal(legendOf("bsi", { legend } as unknown as TileJson), DRAWN.bsi, JSON.stringify(legend));
});
