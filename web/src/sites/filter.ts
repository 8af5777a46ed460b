/** Which sites are shown, and in which order. */

import type { Site } from "../api/types.ts";
import { STANDINGS, type Standing } from "../verdict.ts";
import type { Order } from "../view/view.ts";
import { locale } from "../words.ts";
import { distance_km, positions, type Position } from "./position.ts";

/** Sites whose middle is nearer than this to a position that is searched for are shown. */
export const NEAR_KM = 25;

/** A site with what is searched in it. */
export interface Entry {
  site: Site;
  standing: Standing;
  text: string;
  /** Place in the order of names. */
  rank: number;
}

export interface Wish {
  query: string;
  /** None stands for all. */
  verdicts: readonly Standing[];
  order: Order;
}

export const standing = (site: Site): Standing => site.last?.verdict ?? "unseen";

/** In the order of their names, so that comparing letters is done once and not with every filter. */
export function entries(sites: readonly Site[]): Entry[] {
  const names = new Intl.Collator(locale(), { numeric: true, sensitivity: "base" });
  const sorted = [...sites].sort((a, b) => names.compare(a.name, b.name));
  return sorted.map((site, rank) => ({
    site,
    standing: standing(site),
    text: folded([site.name, site.id, site.operator, site.commodity, site.permit].filter(Boolean).join(" ")),
    rank,
  }));
}

/** Those in which every word of the query occurs, or that lie near the position that it means, and whose verdict is wished for. */
export function chosen(all: readonly Entry[], wish: Wish): Entry[] {
  const words = folded(wish.query).split(/\s+/).filter(Boolean);
  const places = positions(wish.query);
  const fits = (entry: Entry): boolean =>
    (wish.verdicts.length === 0 || wish.verdicts.includes(entry.standing)) &&
    (words.every((word) => entry.text.includes(word)) || places.some((place) => isNear(entry.site, place)));
  return all.filter(fits).sort(ORDER[wish.order]);
}

function isNear({ bbox: [west, south, right, north] }: Site, place: Position): boolean {
  // Across the antimeridian the western edge has the larger longitude.
  const east = right < west ? right + 360 : right;
  const lon = place.lon < west ? place.lon + 360 : place.lon;
  const holds = west <= lon && lon <= east && south <= place.lat && place.lat <= north;
  return holds || distance_km(place, { lat: (south + north) / 2, lon: (west + east) / 2 }) < NEAR_KM;
}

/** How many have each verdict. */
export function counts(all: readonly Entry[]): Record<Standing, number> {
  const counts = Object.fromEntries(STANDINGS.map((name) => [name, 0])) as Record<Standing, number>;
  for (const entry of all) counts[entry.standing] += 1;
  return counts;
}

/** Disturbed land as a share of the limit, 1 for all of it. */
export function shareUsed(site: Site): number | null {
  const area_ha = site.last?.area?.ha;
  return area_ha === undefined || !site.limit_ha ? null : area_ha / site.limit_ha;
}

/** Without case and accents. */
function folded(text: string): string {
  return text.normalize("NFD").replace(/\p{Mn}/gu, "").toLowerCase();
}

const byName = (a: Entry, b: Entry): number => a.rank - b.rank;
const most = (a: number | null, b: number | null): number => (b ?? -1) - (a ?? -1);
// Dates compare as text, and far quicker than with `localeCompare`.
const latest = (a: string, b: string): number => (a === b ? 0 : a < b ? 1 : -1);

const ORDER: Record<Order, (a: Entry, b: Entry) => number> = {
  name: byName,
  attention: (a, b) => STANDINGS.indexOf(a.standing) - STANDINGS.indexOf(b.standing) || byName(a, b),
  used: (a, b) => most(shareUsed(a.site), shareUsed(b.site)) || byName(a, b),
  date: (a, b) => latest(a.site.last?.date ?? "", b.site.last?.date ?? "") || byName(a, b),
};
