/** Marks of sites and of clusters, drawn here: the map needs no sprite and no font from anywhere. */

import type { Map } from "maplibre-gl";
import { SHAPES, STANDINGS, type Standing } from "../verdict.ts";
import type { Palette } from "./palette.ts";

const RATIO = 2;

export const siteImage = (standing: Standing): string => `site/${standing}`;

/** All marks, again after a change of colours. */
export function addSiteImages(map: Map, palette: Palette): void {
  for (const standing of STANDINGS) put(map, siteImage(standing), siteMark(standing, palette));
}

/** The name of a site beside its mark: the map places these images so that they do not lie over each other. */
export const LABEL = "label/";

/** `cluster/SEVERITY/COUNT` and `label/NAME` are drawn when the map first asks for them. */
export function resolveImages(map: Map, palette: () => Palette): void {
  map.setMissingStyleImageResolver((id) => {
    if (id.startsWith(LABEL)) {
      put(map, id, label(id.slice(LABEL.length), palette()));
      return;
    }
    const [kind, severity, count] = id.split("/");
    const standing = STANDINGS[STANDINGS.length - 1 - Number(severity)];
    if (kind === "cluster" && standing && count) put(map, id, clusterMark(standing, count, palette()));
  });
}

/** Images of clusters and names in the old colours; the map asks for them again. */
export function dropImages(map: Map): void {
  for (const id of map.listImages()) if (id.startsWith("cluster/") || id.startsWith(LABEL)) map.removeImage(id);
}

function put(map: Map, id: string, image: ImageData): void {
  if (map.hasImage(id)) map.removeImage(id);
  map.addImage(id, image, { pixelRatio: RATIO });
}

function canvas(width: number, height: number): CanvasRenderingContext2D {
  const element = document.createElement("canvas");
  element.width = width * RATIO;
  element.height = height * RATIO;
  const context = element.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser cannot draw on a canvas");
  context.scale(RATIO, RATIO);
  return context;
}

function pixels(context: CanvasRenderingContext2D): ImageData {
  return context.getImageData(0, 0, context.canvas.width, context.canvas.height);
}

function mark(context: CanvasRenderingContext2D, standing: Standing, x: number, y: number, radius: number, palette: Palette): void {
  const { path, open } = SHAPES[standing];
  const shape = new Path2D(path);
  context.save();
  context.translate(x, y);
  context.scale(radius, radius);
  context.lineJoin = "round";
  context.lineCap = "round";
  context.strokeStyle = palette.paper;
  context.lineWidth = open ? 0.95 : 0.55;
  context.stroke(shape);
  if (open) {
    context.strokeStyle = palette.standing[standing];
    context.lineWidth = 0.45;
    context.stroke(shape);
  } else {
    context.fillStyle = palette.standing[standing];
    context.fill(shape);
  }
  context.restore();
}

function siteMark(standing: Standing, palette: Palette): ImageData {
  const context = canvas(26, 26);
  mark(context, standing, 13, 13, 8, palette);
  return pixels(context);
}

const font = '600 12px system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif';
/** Longer names are cut. */
const LABEL_LETTERS = 32;

/** Letters with a rim, so that they are read on any picture. */
function label(name: string, palette: Palette): ImageData {
  const text = name.length > LABEL_LETTERS ? `${name.slice(0, LABEL_LETTERS - 1)}…` : name;
  const measured = canvas(1, 1);
  measured.font = font;
  const context = canvas(Math.ceil(measured.measureText(text).width) + 8, 20);
  context.font = font;
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = 3.5;
  context.strokeStyle = palette.paper;
  context.strokeText(text, 4, 10.5);
  context.fillStyle = palette.ink;
  context.fillText(text, 4, 10.5);
  return pixels(context);
}

/** A pill with the worst verdict in it and how many sites there are. */
function clusterMark(worst: Standing, count: string, palette: Palette): ImageData {
  const text_px = count.length * 7.6;
  const width = Math.ceil(34 + text_px);
  const context = canvas(width, 28);
  context.beginPath();
  context.roundRect(2, 2, width - 4, 24, 12);
  context.fillStyle = palette.paper;
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = palette.standing[worst];
  context.stroke();
  mark(context, worst, 15, 14.5, 5.5, palette);
  context.font = font;
  context.fillStyle = palette.ink;
  context.textBaseline = "middle";
  context.textAlign = "center";
  context.fillText(count, (24 + width - 6) / 2, 14.5);
  return pixels(context);
}
