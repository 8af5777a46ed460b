/** What is asked of a prediction, checked before it is sent. */

import type { Bbox, PredictRequest } from "../api/types.ts";
import { numberOf } from "../format.ts";
import { t } from "../words.ts";

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
    const value = numberOf(fields[name]);
    if (!(Math.abs(value) <= most)) errors[name] = t("wrong-degrees", { most });
    return value;
  };
  const bbox: Bbox = [degrees("west", 180), degrees("south", 90), degrees("east", 180), degrees("north", 90)];
  if (!errors.west && !errors.east && bbox[2] <= bbox[0]) errors.east = t("wrong-east");
  if (!errors.south && !errors.north && bbox[3] <= bbox[1]) errors.north = t("wrong-north");
  for (const name of ["from", "to"] as const) {
    if (!DATE.test(fields[name])) errors[name] = t("wrong-date");
  }
  if (!errors.from && !errors.to && fields.to < fields.from) errors.to = t("wrong-to");
  const maxCloud = fields.maxCloud.trim() === "" ? null : numberOf(fields.maxCloud);
  if (maxCloud !== null && !(maxCloud >= 0 && maxCloud <= 100)) errors.maxCloud = t("wrong-cloud");
  if (Object.keys(errors).length > 0) return { errors };
  return { request: { bbox, from: fields.from, to: fields.to, ...(maxCloud !== null && { max_cloud: maxCloud }) } };
}
