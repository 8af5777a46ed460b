/** Positions that are typed into the search. */

/** A latitude of 90 at most, in degrees. */
export interface Position {
  lat: number;
  lon: number;
}

/** `order` says how a pair of plain numbers was read; none where letters or sizes leave one reading only. */
export interface Reading extends Position {
  order: "lat-lon" | "lon-lat" | null;
}

/** Letters of the sides of the world in the languages of the page: `O` is ouest and oeste, `L` is leste. */
const SIDES: Record<string, { axis: "lat" | "lon"; sign: 1 | -1 }> = {
  N: { axis: "lat", sign: 1 },
  S: { axis: "lat", sign: -1 },
  E: { axis: "lon", sign: 1 },
  L: { axis: "lon", sign: 1 },
  W: { axis: "lon", sign: -1 },
  O: { axis: "lon", sign: -1 },
};

/** All positions that the text may mean: none, one, or two if the order of two numbers is not known. */
export function positions(text: string): Reading[] {
  const plain = decimalPoints(text.trim().toUpperCase().replaceAll("−", "-"));
  return /[NSEWLO]/.test(plain) ? lettered(plain) : numbered(plain);
}

/** Commas between digits are decimal marks, if something else parts the two numbers: `-6,1 -54,35`. */
function decimalPoints(text: string): string {
  const isParted = /[\s;]/.test(text.replace(/([NSEWLO°'"′″])\s+|\s+([NSEWLO°'"′″])/g, "$1$2"));
  return text.includes(".") || !isParted ? text : text.replace(/(\d),(?=\d)/g, "$1.");
}

const NUMBER = "[+-]?\\d{1,3}(?:\\.\\d+)?";
const PAIR = new RegExp(`^(${NUMBER})°?\\s*[\\s,;]\\s*(${NUMBER})°?$`);

function numbered(text: string): Reading[] {
  const found = PAIR.exec(text);
  if (!found) return [];
  const [a, b] = [Number(found[1]), Number(found[2])];
  const readings: Reading[] = [];
  if (fits({ lat: a, lon: b })) readings.push({ lat: a, lon: b, order: "lat-lon" });
  if (a !== b && fits({ lat: b, lon: a })) readings.push({ lat: b, lon: a, order: "lon-lat" });
  return readings.length === 1 ? readings.map((reading) => ({ ...reading, order: null })) : readings;
}

/** Degrees, minutes and seconds; a letter before or after. */
const ANGLE = `(\\d{1,3}(?:\\.\\d+)?)\\s*°?\\s*(?:(\\d{1,2}(?:\\.\\d+)?)\\s*['′]\\s*)?(?:(\\d{1,2}(?:\\.\\d+)?)\\s*(?:["″]|'')\\s*)?`;
const SIDE = "([NSEWLO])";
const AFTER = new RegExp(`^${ANGLE}\\s*${SIDE}\\s*[,;]?\\s*${ANGLE}\\s*${SIDE}$`);
const BEFORE = new RegExp(`^${SIDE}\\s*${ANGLE}\\s*[,;]?\\s*${SIDE}\\s*${ANGLE}$`);

function lettered(text: string): Reading[] {
  const after = AFTER.exec(text);
  const before = BEFORE.exec(text);
  const halves = after
    ? [angle(after[4], after.slice(1, 4)), angle(after[8], after.slice(5, 8))]
    : before
      ? [angle(before[1], before.slice(2, 5)), angle(before[5], before.slice(6, 9))]
      : [];
  const lat = halves.find((half) => half?.axis === "lat")?.degrees;
  const lon = halves.find((half) => half?.axis === "lon")?.degrees;
  if (lat === undefined || lon === undefined || !fits({ lat, lon })) return [];
  return [{ lat, lon, order: null }];
}

function angle(letter: string | undefined, parts: (string | undefined)[]): { axis: "lat" | "lon"; degrees: number } | null {
  const side = SIDES[letter ?? ""];
  const [degrees = 0, minutes = 0, seconds = 0] = parts.map((part) => Number(part ?? 0));
  if (!side || minutes >= 60 || seconds >= 60) return null;
  return { axis: side.axis, degrees: side.sign * (degrees + minutes / 60 + seconds / 3600) };
}

const fits = ({ lat, lon }: Position): boolean => Math.abs(lat) <= 90 && Math.abs(lon) <= 180;

/** Between two positions, on a sphere of the mean radius of the earth (haversine). */
export function distance_km(a: Position, b: Position): number {
  const rad = Math.PI / 180;
  const [dLat, dLon] = [(b.lat - a.lat) * rad, (b.lon - a.lon) * rad];
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(dLon / 2) ** 2;
  return 2 * 6371.0088 * Math.asin(Math.min(1, Math.sqrt(h)));
}
