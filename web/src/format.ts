/** Numbers and words, as the pages of `minesegsat report` write them. */

import type { Area, Bbox } from "./api/types.ts";

/** Stands where there is nothing to say. */
export const NONE = "–";

type Maybe = number | null | undefined;

const known = (value: Maybe): value is number => typeof value === "number" && Number.isFinite(value);

/** A number with a minus sign as wide as a plus sign; a dash where there is none. */
export function number(value: Maybe, digits: number): string {
  if (!known(value)) return NONE;
  const text = value.toFixed(digits);
  return /^-[0.]+$/.test(text) ? text.slice(1) : text.replace("-", "−");
}

/** Hectares without the unit. */
export const ha = (value: Maybe): string => number(value, 1);

/** Hectares with the unit, or a dash. */
export const hectares = (value: Maybe): string => (known(value) ? `${ha(value)} ha` : NONE);

/** Both ends of the interval of an area, without the unit. */
export const interval = (area: Area): string => `${ha(area.lower_ha)} to ${ha(area.upper_ha)}`;

/** A share, 1 for all. */
export const percent = (share: Maybe): string => (known(share) ? `${number(share * 100, 1)} %` : NONE);

/** `4.2 ha` as `+4.2 ha` or `−4.2 ha`; zero without a sign. What was seen below the noise floor is said. */
export function change(value: Maybe, sign: "+" | "−", seen?: Maybe, floor?: Maybe): string {
  if (value === 0 && known(seen) && known(floor) && Number(seen.toFixed(1)) !== 0) {
    return `${sign}${hectares(seen)} seen, below the noise of ${hectares(floor)}`;
  }
  const text = hectares(value);
  return known(value) && Number(value.toFixed(1)) !== 0 ? sign + text : text;
}

export const count = (n: number, one: string, many: string): string => `${thousands(n)} ${n === 1 ? one : many}`;

/** `12 345`, with a thin space. */
export const thousands = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");

/** Extent of a box in km², on a sphere of the mean radius of the earth (IUGG, 6371.0088 km). */
export function boxArea_km2([west, south, east, north]: Bbox): number {
  const rad = Math.PI / 180;
  const radius_km = 6371.0088;
  return radius_km * radius_km * (east - west) * rad * (Math.sin(north * rad) - Math.sin(south * rad));
}
