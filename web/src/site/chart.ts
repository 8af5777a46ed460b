/** The timeline with uPlot: verdicts with whiskers and limits, gain and loss, or indices. */

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Timeline, TimelinePoint } from "../api/types.ts";
import { short } from "../format.ts";
import { SHAPES } from "../verdict.ts";
import type { Pair } from "./pair.ts";

export type Quantity = "area" | "change" | "ndvi" | "bsi" | "ndwi";

interface Handlers {
  pick(observation: string): void;
  hover(point: TimelinePoint | null): void;
}

const HEIGHT_PX = 210;
const DAY_S = 86_400;

const day = (date: string): number => Date.parse(`${date}T00:00:00Z`) / 1000;
const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Custom properties with `light-dark()` as the browser resolves them; canvases do not. */
function palette(place: HTMLElement): Record<string, string> {
  const probe = document.createElement("span");
  place.append(probe);
  const names = ["text", "faint", "line", "surface", "accent", "gain", "loss", "within", "possible", "exceeded", "blind", "no-limit"];
  const resolved = Object.fromEntries(
    names.map((name) => {
      probe.style.color = `var(--${name})`;
      return [name, getComputedStyle(probe).color];
    }),
  );
  probe.remove();
  return resolved;
}

const INK: Record<TimelinePoint["verdict"], string> = {
  within: "within",
  "possible-exceedance": "possible",
  exceeded: "exceeded",
  "not-assessable": "blind",
  "no-limit": "no-limit",
};

export class Chart {
  readonly #place: HTMLElement;
  readonly #timeline: Timeline;
  readonly #quantity: Quantity;
  readonly #plot: uPlot;
  readonly #sizes: ResizeObserver;
  #pair: Pair = { before: null, after: null };
  #ink: Record<string, string>;

  constructor(place: HTMLElement, timeline: Timeline, quantity: Quantity, handlers: Handlers) {
    this.#place = place;
    this.#timeline = timeline;
    this.#quantity = quantity;
    this.#ink = palette(place);
    const { points } = timeline;
    this.#plot = new uPlot(this.#options(handlers), this.#data(), place);
    this.#plot.over.addEventListener("click", () => {
      const index = this.#plot.cursor.idx;
      const point = typeof index === "number" ? points[index] : undefined;
      if (point) handlers.pick(point.observation);
    });
    this.#sizes = new ResizeObserver(() => this.#plot.setSize({ width: place.clientWidth, height: HEIGHT_PX }));
    this.#sizes.observe(place);
  }

  select(pair: Pair): void {
    this.#pair = pair;
    this.#plot.redraw(false);
  }

  repaint(): void {
    this.#ink = palette(this.#place);
    this.#plot.redraw(false, true);
  }

  destroy(): void {
    this.#sizes.disconnect();
    this.#plot.destroy();
  }

  #data(): uPlot.AlignedData {
    const { points } = this.#timeline;
    const x = points.map((point) => day(point.date));
    if (this.#quantity === "area") {
      const of = (part: "ha" | "lower_ha" | "upper_ha") => points.map((point) => point.area?.[part] ?? null);
      return [x, of("ha"), of("lower_ha"), of("upper_ha")];
    }
    if (this.#quantity === "change") {
      return [x, points.map((point) => point.gain_ha), points.map((point) => (point.loss_ha === null ? null : -point.loss_ha))];
    }
    const quantity = this.#quantity;
    const of = (where: "inside" | "around") => points.map((point) => point.indices?.[where][quantity] ?? null);
    return [x, of("inside"), of("around")];
  }

  #options(handlers: Handlers): uPlot.Options {
    const ink = (name: string) => () => this.#ink[name] ?? colour("--text");
    const invisible: uPlot.Series = { show: true, stroke: "transparent", width: 0, points: { show: false } };
    const series: Record<"area" | "change" | "index", uPlot.Series[]> = {
      area: [{ stroke: ink("faint"), width: 1, points: { show: false }, spanGaps: true }, invisible, invisible],
      change: [invisible, invisible],
      index: [
        { stroke: ink("accent"), width: 2, spanGaps: true, points: { show: true, size: 6, fill: ink("accent") } },
        { stroke: ink("faint"), width: 1.5, dash: [5, 4], spanGaps: true, points: { show: false } },
      ],
    };
    const kind = this.#quantity === "area" || this.#quantity === "change" ? this.#quantity : "index";
    const axis: uPlot.Axis = {
      stroke: ink("faint"),
      grid: { stroke: ink("line"), width: 1 },
      ticks: { show: false },
      font: '12px system-ui, "Noto Sans", "DejaVu Sans", sans-serif',
    };
    return {
      width: Math.max(this.#place.clientWidth, 200),
      height: HEIGHT_PX,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      legend: { show: false },
      padding: [10, 12, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: { x: { range: () => this.#days() }, y: { range: (_, low, high) => this.#range(low, high) } },
      axes: [
        { ...axis, space: 56, size: 30, values: (_, splits, __, ___, step) => splits.map((at) => tick(at, step)) },
        {
          ...axis,
          size: 52,
          space: 32,
          label: kind === "index" ? "" : "ha",
          labelSize: kind === "index" ? 0 : 14,
          labelFont: axis.font ?? "12px sans-serif",
          labelGap: -2,
          values: (_, splits) => splits.map(short),
        },
      ],
      series: [{}, ...series[kind]],
      hooks: {
        drawAxes: [(plot) => this.#selection(plot)],
        draw: [(plot) => this.#draw(plot)],
        setCursor: [
          (plot) => {
            const index = plot.cursor.idx;
            const inside = (plot.cursor.left ?? -1) >= 0;
            handlers.hover(inside && typeof index === "number" ? (this.#timeline.points[index] ?? null) : null);
          },
        ],
      },
    };
  }

  /** All dates with a little room, so that marks at the edges are not cut. */
  #days(): [number, number] {
    const days = this.#timeline.points.map((point) => day(point.date));
    const [low, high] = [Math.min(...days), Math.max(...days)];
    const room = Math.max((high - low) * 0.05, 20 * DAY_S);
    return [low - room, high + room];
  }

  /** From zero, unless that would leave most of the chart empty; limits are always in sight. */
  #range(low: number | null, high: number | null): [number, number] {
    const values = [low, high].filter((value): value is number => value !== null && Number.isFinite(value));
    if (this.#quantity === "area") values.push(...this.#limits().map((limit) => limit.ha));
    if (this.#quantity === "change") values.push(0);
    if (values.length === 0) return [0, 1];
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const room = (most - least || Math.abs(most) || 1) * 0.14;
    if (this.#quantity !== "area") return [least - room, most + room];
    return [least > 0.6 * most ? Math.max(least - 2 * room, 0) : 0, most + room];
  }

  #limits(): { ha: number; from: number; to: number }[] {
    const [low, high] = this.#days();
    return this.#timeline.limits
      .map((limit) => ({
        ha: limit.limit_ha,
        from: Math.max(day(limit.from), low),
        // A permit holds through its last day.
        to: Math.min(limit.to === null ? high : day(limit.to) + DAY_S, high),
      }))
      .filter((limit) => limit.to > limit.from);
  }

  #selection(plot: uPlot): void {
    const { ctx, bbox } = plot;
    ctx.save();
    for (const [observation, dash] of [[this.#pair.before, [3, 4]], [this.#pair.after, []]] as const) {
      if (!observation) continue;
      const x = plot.valToPos(day(observation.date), "x", true);
      ctx.strokeStyle = this.#ink["accent"] ?? "";
      ctx.lineWidth = 2 * devicePixelRatio;
      ctx.setLineDash(dash.map((length) => length * devicePixelRatio));
      line(ctx, x, bbox.top, x, bbox.top + bbox.height);
    }
    ctx.restore();
  }

  #draw(plot: uPlot): void {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left - 8, bbox.top - 8, bbox.width + 16, bbox.height + 16);
    ctx.clip();
    if (this.#quantity === "area") {
      this.#drawLimits(plot);
      this.#drawAreas(plot);
    } else if (this.#quantity === "change") {
      this.#drawChanges(plot);
    }
    ctx.restore();
  }

  #drawLimits(plot: uPlot): void {
    const { ctx } = plot;
    ctx.strokeStyle = this.#ink["text"] ?? "";
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.setLineDash([8 * devicePixelRatio, 4 * devicePixelRatio]);
    for (const { ha, from, to } of this.#limits()) {
      const y = plot.valToPos(ha, "y", true);
      line(ctx, plot.valToPos(from, "x", true), y, plot.valToPos(to, "x", true), y);
    }
    ctx.setLineDash([]);
  }

  #drawAreas(plot: uPlot): void {
    const { ctx } = plot;
    const unit = devicePixelRatio;
    for (const point of this.#timeline.points) {
      const x = plot.valToPos(day(point.date), "x", true);
      if (point.area) {
        const [low, high] = [plot.valToPos(point.area.lower_ha, "y", true), plot.valToPos(point.area.upper_ha, "y", true)];
        ctx.strokeStyle = this.#ink["text"] ?? "";
        ctx.lineWidth = 1.5 * unit;
        line(ctx, x, low, x, high);
        line(ctx, x - 4 * unit, low, x + 4 * unit, low);
        line(ctx, x - 4 * unit, high, x + 4 * unit, high);
      }
      const y = point.area ? plot.valToPos(point.area.ha, "y", true) : plot.bbox.top + plot.bbox.height - 8 * unit;
      this.#mark(ctx, point.area ? point.verdict : "not-assessable", x, y, 5.5 * unit);
    }
  }

  #mark(ctx: CanvasRenderingContext2D, verdict: TimelinePoint["verdict"], x: number, y: number, radius: number): void {
    const { path, open } = SHAPES[verdict];
    const ink = this.#ink[INK[verdict]] ?? "";
    ctx.save();
    ctx.translate(x, y);
    ctx.scale(radius, radius);
    const shape = new Path2D(path);
    ctx.lineJoin = "round";
    ctx.strokeStyle = this.#ink["surface"] ?? "";
    ctx.lineWidth = open ? 0.9 : 0.5;
    ctx.stroke(shape);
    ctx.lineWidth = 0.4;
    if (open) ctx.strokeStyle = ink;
    ctx.fillStyle = ink;
    if (open) ctx.stroke(shape);
    else ctx.fill(shape);
    ctx.restore();
  }

  #drawChanges(plot: uPlot): void {
    const { ctx } = plot;
    const zero = plot.valToPos(0, "y", true);
    const half = 4 * devicePixelRatio;
    ctx.strokeStyle = this.#ink["faint"] ?? "";
    ctx.lineWidth = devicePixelRatio;
    line(ctx, plot.bbox.left, zero, plot.bbox.left + plot.bbox.width, zero);
    for (const point of this.#timeline.points) {
      const x = plot.valToPos(day(point.date), "x", true);
      for (const [value, ink] of [[point.gain_ha, "gain"], [point.loss_ha === null ? null : -point.loss_ha, "loss"]] as const) {
        if (!value) continue;
        const y = plot.valToPos(value, "y", true);
        ctx.fillStyle = this.#ink[ink] ?? "";
        ctx.fillRect(x - half, Math.min(y, zero), 2 * half, Math.abs(y - zero));
      }
    }
  }
}

function line(ctx: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}

/** `2024` where a tick is a year, else `2024-07` or `07-10`. */
function tick(at_s: number, step_s: number): string {
  const date = new Date(at_s * 1000).toISOString();
  if (step_s >= 360 * DAY_S) return date.slice(0, 4);
  return step_s >= 27 * DAY_S ? date.slice(0, 7) : date.slice(5, 10);
}
