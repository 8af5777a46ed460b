/** Colours of the map. Gain and loss are ends of a scale that colour-blind people can tell apart (ColorBrewer PuOr). */

import type { Standing } from "../verdict.ts";

export interface Palette {
  sea: string;
  land: string;
  coast: string;
  grid: string;
  ink: string;
  paper: string;
  line: string;
  standing: Record<Standing, string>;
}

export const GAIN = "#e66101";
export const LOSS = "#5e3c99";
export const DISTURBED = "#ffd84a";

export const LIGHT: Palette = {
  sea: "#e9eceb",
  land: "#f8f8f5",
  coast: "#c3c8c6",
  grid: "#dde1e0",
  ink: "#1c1d1f",
  paper: "#ffffff",
  line: "#b9bcbb",
  standing: {
    within: "#00705a",
    "possible-exceedance": "#a85800",
    exceeded: "#a3123a",
    "not-assessable": "#5a5d61",
    "no-limit": "#2f57ad",
    unseen: "#5a5d61",
  },
};

export const DARK: Palette = {
  sea: "#121517",
  land: "#1f2327",
  coast: "#3d444a",
  grid: "#23282c",
  ink: "#ececea",
  paper: "#1f2226",
  line: "#4a5157",
  standing: {
    within: "#4fd1a5",
    "possible-exceedance": "#ffb347",
    exceeded: "#ff8299",
    "not-assessable": "#a8acb1",
    "no-limit": "#93b4ff",
    unseen: "#a8acb1",
  },
};
