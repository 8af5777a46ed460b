/** What the page shows, as far as a link holds it. */

import type { Overlay, Picture } from "../api/types.ts";
import type { Standing } from "../verdict.ts";

export interface Camera {
  zoom: number;
  lat: number;
  lon: number;
}

export const TABS = ["sites", "predictions"] as const;
export type Tab = (typeof TABS)[number];

export const OUTLINES = ["disturbed", "gain", "loss", "permit", "boundary"] as const;
export type Outline = (typeof OUTLINES)[number];

export const ORDERS = ["attention", "used", "date", "name"] as const;
export type Order = (typeof ORDERS)[number];

export interface View {
  camera: Camera | null;
  tab: Tab;
  site: string | null;
  /** Observations on the left and on the right; none stands for the one before and for the last one. */
  before: string | null;
  after: string | null;
  compare: boolean;
  /** Where the swipe divides the map, in percent from the left. */
  divider: number;
  picture: Picture | "none";
  /** 0 to 100. */
  pictureOpacity: number;
  overlay: Overlay | "none";
  overlayOpacity: number;
  outlines: readonly Outline[];
  query: string;
  /** None stands for all. */
  verdicts: readonly Standing[];
  order: Order;
  prediction: string | null;
}

export const START: View = {
  camera: null,
  tab: "sites",
  site: null,
  before: null,
  after: null,
  compare: true,
  divider: 50,
  picture: "true-colour",
  pictureOpacity: 100,
  overlay: "none",
  overlayOpacity: 70,
  outlines: OUTLINES,
  query: "",
  verdicts: [],
  order: "attention",
  prediction: null,
};
