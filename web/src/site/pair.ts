/** Which two observations of a site are compared. */

import type { Observation, SiteDetail } from "../api/types.ts";

export interface Pair {
  before: Observation | null;
  after: Observation | null;
}

/**
 * What a link asks for, else the last observation and the one before it. The earlier one is always on the left, and never the same one
 * twice.
 */
export function pairOf(site: SiteDetail, wish: { before: string | null; after: string | null }): Pair {
  const all = site.observations;
  const indexOf = (id: string | null): number => all.findIndex((observation) => observation.id === id);
  let after = indexOf(wish.after);
  if (after < 0) after = all.length - 1;
  let before = indexOf(wish.before);
  if (before < 0 || before >= after) before = after - 1;
  return { before: all[before] ?? null, after: all[after] ?? null };
}

/** Moves one of the two to `index`; the other gives way. */
export function moved(site: SiteDetail, pair: Pair, which: "before" | "after", index: number): { before: string | null; after: string } | null {
  const all = site.observations;
  if (all.length === 0) return null;
  const at = (observation: Observation | null): number => (observation ? all.indexOf(observation) : -1);
  let before = which === "before" ? index : at(pair.before);
  let after = which === "after" ? index : at(pair.after);
  if (which === "before") {
    before = Math.min(before, all.length - 2);
    after = Math.max(after, before + 1);
  } else {
    before = Math.min(before, after - 1);
  }
  const right = all[after];
  return right ? { before: all[before]?.id ?? null, after: right.id } : null;
}
