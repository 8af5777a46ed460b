/** The view as the fragment of a link. What is as at the start is left out; what is not understood is ignored. */

import { OVERLAYS, PICTURES } from "../api/types.ts";
import { STANDINGS } from "../verdict.ts";
import { ORDERS, OUTLINES, START, TABS, type Camera, type View } from "./view.ts";

export function encode(view: View): string {
  const fields: [string, string | null][] = [
    ["map", view.camera && camera(view.camera)],
    ["tab", view.tab === START.tab ? null : view.tab],
    ["site", view.site],
    ["before", view.before],
    ["after", view.after],
    ["compare", view.compare === START.compare ? null : view.compare ? "on" : "off"],
    ["divider", differing(view, "divider")],
    ["picture", differing(view, "picture")],
    ["picture-opacity", differing(view, "pictureOpacity")],
    ["overlay", differing(view, "overlay")],
    ["overlay-opacity", differing(view, "overlayOpacity")],
    ["outlines", view.outlines.length === OUTLINES.length ? null : view.outlines.join(",") || "none"],
    ["q", view.query || null],
    ["verdicts", view.verdicts.join(",") || null],
    ["order", differing(view, "order")],
    ["prediction", view.prediction],
  ];
  return fields
    .filter((field): field is [string, string] => field[1] !== null)
    .map(([name, value]) => `${name}=${escaped(value)}`)
    .join("&");
}

export function decode(hash: string): View {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const text = (name: string): string | null => fields.get(name) || null;
  const outlines = text("outlines");
  return {
    camera: cameraOf(text("map")),
    tab: one(TABS, text("tab")) ?? START.tab,
    site: text("site"),
    before: text("before"),
    after: text("after"),
    compare: text("compare") === null ? START.compare : text("compare") !== "off",
    divider: percent(text("divider")) ?? START.divider,
    picture: one([...PICTURES, "none"] as const, text("picture")) ?? START.picture,
    pictureOpacity: percent(text("picture-opacity")) ?? START.pictureOpacity,
    overlay: one([...OVERLAYS, "none"] as const, text("overlay")) ?? START.overlay,
    overlayOpacity: percent(text("overlay-opacity")) ?? START.overlayOpacity,
    outlines: outlines === null ? START.outlines : some(OUTLINES, outlines),
    query: text("q") ?? "",
    verdicts: some(STANDINGS, text("verdicts") ?? ""),
    order: one(ORDERS, text("order")) ?? START.order,
    prediction: text("prediction"),
  };
}

/** Five decimals of a degree are a metre. */
function camera({ zoom, lat, lon }: Camera): string {
  return [zoom.toFixed(2), lat.toFixed(5), lon.toFixed(5)].join("/");
}

function cameraOf(value: string | null): Camera | null {
  const parts = (value ?? "").split("/");
  const [zoom, lat, lon] = parts.map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (parts.length !== 3 || zoom === undefined || lat === undefined || lon === undefined) return null;
  const fits = zoom >= 0 && zoom <= 24 && Math.abs(lat) <= 90 && Math.abs(lon) <= 360;
  return fits ? { zoom, lat, lon } : null;
}

function differing<K extends keyof View>(view: View, name: K): string | null {
  return view[name] === START[name] ? null : String(view[name]);
}

function percent(value: string | null): number | null {
  const number = value === null ? Number.NaN : Number(value);
  return number >= 0 && number <= 100 ? number : null;
}

function one<T extends string>(accepted: readonly T[], value: string | null): T | null {
  return accepted.find((name) => name === value) ?? null;
}

function some<T extends string>(accepted: readonly T[], value: string): T[] {
  const given = value.split(",");
  return accepted.filter((name) => given.includes(name));
}

/** Commas and slashes stay readable. */
function escaped(value: string): string {
  return encodeURIComponent(value).replaceAll("%2C", ",").replaceAll("%2F", "/");
}
