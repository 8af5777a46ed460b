/** Numbers, with the marks of the reader's language. */

import type { Area, Bbox } from "./api/types.ts";
import { language, locale, t, type Language } from "./words.ts";

/** Stands where there is nothing to say. */
export const NONE = "–";

type Maybe = number | null | undefined;

const known = (value: Maybe): value is number => typeof value === "number" && Number.isFinite(value);

const writers = new Map<string, Intl.NumberFormat>();

/** As reports write numbers: 1138.7 and 11,387.0, a minus sign as wide as a plus sign, none before a zero, no line break before a unit. */
function written(value: number, options: Intl.NumberFormatOptions): string {
  const key = `${locale()} ${JSON.stringify(options)}`;
  const writer = writers.get(key) ?? new Intl.NumberFormat(locale(), { signDisplay: "negative", useGrouping: "min2", ...options });
  writers.set(key, writer);
  return writer.format(value).replace("-", "−").replaceAll(" ", "\u00a0");
}

/** A dash where there is no number. */
export const number = (value: Maybe, digits: number): string =>
  known(value) ? written(value, { minimumFractionDigits: digits, maximumFractionDigits: digits }) : NONE;

/** Two decimals at most, and none that say nothing. */
export const short = (value: number): string => written(value, { maximumFractionDigits: 2 });

/** Hectares without the unit. */
export const ha = (value: Maybe): string => number(value, 1);

/** Hectares with the unit, or a dash. */
export const hectares = (value: Maybe): string =>
  known(value) ? written(value, { style: "unit", unit: "hectare", minimumFractionDigits: 1, maximumFractionDigits: 1 }) : NONE;

/** Both ends of the interval of an area, without the unit. */
export const interval = (area: Area): string => t("from-to", { from: ha(area.lower_ha), to: ha(area.upper_ha) });

/** The interval of an area with its unit, and with its confidence level if that is known. */
export function intervalAt(area: Area, level_percent: number | null): string {
  const ends = { from: ha(area.lower_ha), to: ha(area.upper_ha) };
  return level_percent ? t("interval-at-level", { ...ends, level: levelOf(level_percent) }) : t("interval", ends);
}

/** With a space before the sign in all languages, as the sentences of the register and the reports have it (ISO 80000-1). */
const percentSign = (text: string): string => `${text}\u00a0%`;

/** A share, 1 for all. */
export const percent = (share: Maybe, digits = 1): string => (known(share) ? percentSign(number(share * 100, digits)) : NONE);

/** A level of confidence, with decimals only if there are some. */
export const levelOf = (percent: number): string => percentSign(written(percent, { maximumFractionDigits: 4 }));

/** A share without decimals that say nothing. */
export const shortPercent = (share: number): string => percentSign(written(share * 100, { maximumFractionDigits: 0 }));

/** `4.2 ha` as `+4.2 ha` or `−4.2 ha`; zero without a sign. What was seen below the noise floor is said. */
export function change(value: Maybe, sign: "+" | "−", seen?: Maybe, floor?: Maybe): string {
  if (value === 0 && known(seen) && known(floor) && Number(seen.toFixed(1)) !== 0) {
    return t("change-below-noise", { change: sign + hectares(seen), floor: hectares(floor) });
  }
  const text = hectares(value);
  return known(value) && Number(value.toFixed(1)) !== 0 ? sign + text : text;
}

/** What the first of a month is called where it has a name of its own. */
const FIRST: Partial<Record<Language, string>> = { fr: "1er", pt: "1º" };

/** A date in a sentence: `11 juillet 2024`, but `2024-07-11` in English, as the sentences of the register have it. */
export function day(date: string): string {
  if (language() === "en") return date;
  const text = new Intl.DateTimeFormat(locale(), { dateStyle: "long", timeZone: "UTC" }).format(new Date(`${date}T00:00:00Z`));
  return text.replace(/^1(?= )/, FIRST[language()] ?? "1");
}

/** Degrees for a field, which `numberOf` reads. */
export const degrees = (value: number): string => written(value, { maximumFractionDigits: 5, useGrouping: false });

/** A position with the letters of the language, latitude first. */
export const positionText = ({ lat, lon }: { lat: number; lon: number }): string =>
  t("position", {
    lat: degrees(Math.abs(lat)),
    "lat-side": t(lat < 0 ? "side-south" : "side-north"),
    lon: degrees(Math.abs(lon)),
    "lon-side": t(lon < 0 ? "side-west" : "side-east"),
  });

/** A number as it is typed: with a point or a comma, and with any minus sign. */
export function numberOf(text: string): number {
  const plain = text.trim().replace("−", "-").replace(",", ".");
  return plain === "" ? Number.NaN : Number(plain);
}

/** Extent of a box in km², on a sphere of the mean radius of the earth (IUGG, 6371.0088 km). */
export function boxArea_km2([west, south, east, north]: Bbox): number {
  const rad = Math.PI / 180;
  const radius_km = 6371.0088;
  return radius_km * radius_km * (east - west) * rad * (Math.sin(north * rad) - Math.sin(south * rad));
}
