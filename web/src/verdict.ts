/** How a verdict looks: a shape, a colour and words, so that it is told without the colour. The same as in the report's `sign.rs`. */

import type { Verdict } from "./api/types.ts";
import { h, s } from "./dom.ts";
import { t } from "./words.ts";

/** What a site can be; `unseen` has no observation. */
export type Standing = Verdict | "unseen";

/** What needs attention first. */
export const STANDINGS: readonly Standing[] = [
  "exceeded",
  "possible-exceedance",
  "not-assessable",
  "unseen",
  "no-limit",
  "within",
];

export const isStanding = (text: string): text is Standing => (STANDINGS as readonly string[]).includes(text);
export const label = (standing: Standing): string => t(`verdict-${standing}`);
export const heading = (standing: Standing): string => t(`verdict-${standing}-heading`);
export const meaning = (standing: Standing): string => t(`verdict-${standing}-meaning`);
export const isExceedance = (standing: Standing): boolean =>
  standing === "exceeded" || standing === "possible-exceedance";

/** Its outline about the origin, of radius 1, as an SVG path; open shapes are stroked, the others filled. */
export const SHAPES: Record<Standing, { path: string; open: boolean }> = {
  within: { path: "M0.9 0A0.9 0.9 0 1 1 -0.9 0A0.9 0.9 0 1 1 0.9 0Z", open: false },
  "possible-exceedance": { path: "M0 -1.15L1.15 0.85L-1.15 0.85Z", open: false },
  exceeded: {
    path: "M-0.42 -1L0.42 -1L1 -0.42L1 0.42L0.42 1L-0.42 1L-1 0.42L-1 -0.42Z",
    open: false,
  },
  "not-assessable": { path: "M-0.75 -0.75L0.75 0.75M-0.75 0.75L0.75 -0.75", open: true },
  "no-limit": { path: "M0.8 0A0.8 0.8 0 1 1 -0.8 0A0.8 0.8 0 1 1 0.8 0Z", open: true },
  unseen: { path: "M-0.75 -0.75H0.75V0.75H-0.75Z", open: true },
};

const GLYPHS: Partial<Record<Standing, string>> = {
  within: "M8 12.3l2.7 2.8L16 9.4",
  "possible-exceedance": "M12 9v5M12 17v.2",
  exceeded: "M12 7v6.2M12 16.8v.2",
};

/** Its shape beside text: for eyes only, as words stand beside it. */
export function icon(standing: Standing): SVGSVGElement {
  const shape = SHAPES[standing];
  const glyph = GLYPHS[standing];
  return s(
    "svg",
    { class: `icon ${standing}`, viewBox: "0 0 24 24", "aria-hidden": "true" },
    s("path", {
      class: shape.open ? "mark open" : "mark",
      d: shape.path,
      transform: "translate(12 12) scale(9.5)",
      "vector-effect": "non-scaling-stroke",
    }),
    glyph ? s("path", { class: "glyph", d: glyph }) : null,
  );
}

/** Icon and words. */
export function badge(standing: Standing): HTMLElement {
  return h("span", { class: "badge" }, icon(standing), label(standing));
}
