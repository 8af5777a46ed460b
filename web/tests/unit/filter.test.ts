import assert from "node:assert/strict";
import { test } from "node:test";
import type { Site, Verdict } from "../../src/api/types.ts";
import { chosen, counts, entries, shareUsed } from "../../src/sites/filter.ts";
import { windowOf } from "../../src/sites/window.ts";

function site(id: string, name: string, verdict: Verdict | null, ha = 10, more: Partial<Site> = {}): Site {
  const area = verdict === "not-assessable" ? null : { ha, lower_ha: ha - 1, upper_ha: ha + 1 };
  const last = verdict && { date: "2024-07-11", area, mapped_ha: area && ha, assumed_ha: area && 0, verdict };
  return { id, name, operator: "Minera del Valle", commodity: "gold", status: "active", bbox: [0, 0, 1, 1], permit: "P-1", limit_ha: 20, observations: verdict ? 1 : 0, last, ...more };
}

const all = entries([
  site("a", "Site 10", "within"),
  site("b", "Site 9", "exceeded", 30),
  site("c", "Río Pardo", "not-assessable"),
  site("d", "Álamo", null),
  site("e", "Beta", "no-limit", 99, { limit_ha: null, permit: null, operator: null }),
  site("f", "Gamma", "possible-exceedance", 20),
]);
const ids = (list: typeof all): string => list.map((entry) => entry.site.id).join("");

test("what needs attention comes first", () => {
  assert.equal(ids(chosen(all, { query: "", verdicts: [], order: "attention" })), "bfcdea");
});

test("names are ordered as people count, without accents", () => {
  assert.equal(ids(chosen(all, { query: "", verdicts: [], order: "name" })), "defcba");
});

test("the share of the limit orders sites, and those without one come last", () => {
  assert.equal(ids(chosen(all, { query: "", verdicts: [], order: "used" })).slice(0, 3), "bfa");
  assert.equal(shareUsed(all.find((entry) => entry.site.id === "e")!.site), null);
});

test("every word must occur, in any field, whatever its case and accents", () => {
  assert.equal(ids(chosen(all, { query: "rio VALLE", verdicts: [], order: "name" })), "c");
  assert.equal(ids(chosen(all, { query: "p-1 gold", verdicts: ["within", "unseen"], order: "name" })), "da");
  assert.equal(chosen(all, { query: "nothing", verdicts: [], order: "name" }).length, 0);
});

test("a position finds the sites around it, in both orders of its numbers", () => {
  const far = entries([site("x", "X", null, 10, { bbox: [-54.4, -6.2, -54.3, -6.1] }), site("y", "Y", null, 10, { bbox: [-54.4, -8, -54.3, -7.9] })]);
  for (const query of ["-6.1 -54.35", "-54.35 -6.1", "6.1 S 54.35 W"]) assert.equal(ids(chosen(far, { query, verdicts: [], order: "name" })), "x", query);
  assert.equal(chosen(far, { query: "6.1 N 54.35 W", verdicts: [], order: "name" }).length, 0);
});

test("a position finds a site across the antimeridian, on both sides", () => {
  const fiji = entries([site("x", "X", null, 10, { bbox: [178, -18, -178, -16] })]);
  const found = (query: string): string => ids(chosen(fiji, { query, verdicts: [], order: "name" }));
  for (const query of ["16.2 S 178.1 E", "16.2 S 178.1 W", "17 S 180 E", "17 S 180 W"]) assert.equal(found(query), "x", query);
  for (const query of ["17 S 177 E", "17 S 177 W", "17 S 0 E"]) assert.equal(found(query), "", query);
});

test("verdicts are counted, a site without an observation as unseen", () => {
  assert.deepEqual(counts(all), { exceeded: 1, "possible-exceedance": 1, "not-assessable": 1, unseen: 1, "no-limit": 1, within: 1 });
});

test("only the rows in sight and a few more are drawn", () => {
  assert.deepEqual(windowOf(0, 700, 70, 10_000, 5), { start: 0, end: 15 });
  assert.deepEqual(windowOf(70_000, 700, 70, 10_000, 5), { start: 995, end: 1015 });
  assert.deepEqual(windowOf(699_300, 700, 70, 10_000, 5), { start: 9985, end: 10_000 });
  assert.deepEqual(windowOf(5000, 700, 70, 3, 5), { start: 3, end: 3 });
});
