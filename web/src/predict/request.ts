/** What is asked of a prediction, checked before it is sent. */

import type { Bbox, PredictRequest } from "../api/types.ts";

export interface Fields {
  west: string;
  south: string;
  east: string;
  north: string;
  from: string;
  to: string;
  maxCloud: string;
}

export type FieldName = keyof Fields;

export type Checked = { request: PredictRequest } | { errors: Partial<Record<FieldName, string>> };

const DATE = /^\d{4}-\d{2}-\d{2}$/;

export function checked(fields: Fields): Checked {
  const errors: Partial<Record<FieldName, string>> = {};
  const degrees = (name: "west" | "south" | "east" | "north", most: number): number => {
    const value = fields[name].trim() === "" ? Number.NaN : Number(fields[name]);
    if (!(Math.abs(value) <= most)) errors[name] = `Degrees from −${most} to ${most}`;
    return value;
  };
  const bbox: Bbox = [degrees("west", 180), degrees("south", 90), degrees("east", 180), degrees("north", 90)];
  if (!errors.west && !errors.east && bbox[2] <= bbox[0]) errors.east = "Must lie east of the western edge";
  if (!errors.south && !errors.north && bbox[3] <= bbox[1]) errors.north = "Must lie north of the southern edge";
  for (const name of ["from", "to"] as const) {
    if (!DATE.test(fields[name])) errors[name] = "A date as in 2024-07-31";
  }
  if (!errors.from && !errors.to && fields.to < fields.from) errors.to = "Must not lie before the first day";
  const maxCloud = fields.maxCloud.trim() === "" ? null : Number(fields.maxCloud);
  if (maxCloud !== null && !(maxCloud >= 0 && maxCloud <= 100)) errors.maxCloud = "Percent from 0 to 100";
  if (Object.keys(errors).length > 0) return { errors };
  return { request: { bbox, from: fields.from, to: fields.to, ...(maxCloud !== null && { max_cloud: maxCloud }) } };
}
