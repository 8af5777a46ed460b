/** The line that divides the map: before on its left, after on its right. A slider for the keyboard, a handle for the rest. */

import { h, s } from "../dom.ts";
import { shortPercent } from "../format.ts";
import { t } from "../words.ts";

export class Swipe {
  readonly element: HTMLElement;
  readonly #handle: HTMLElement;
  readonly #dates = { before: h("span", { class: "swipe-date before" }), after: h("span", { class: "swipe-date after" }) };
  readonly #moved: (percent: number) => void;
  #at = 50;

  constructor(moved: (percent: number) => void) {
    this.#moved = moved;
    this.#handle = h(
      "div",
      {
        class: "swipe-handle",
        id: "swipe",
        role: "slider",
        tabindex: "0",
        "aria-label": t("divider"),
        "aria-orientation": "horizontal",
        "aria-valuemin": "0",
        "aria-valuemax": "100",
      },
      s("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: "M9 6l-6 6l6 6M15 6l6 6l-6 6" })),
    );
    this.element = h("div", { class: "swipe", hidden: true }, this.#dates.before, this.#dates.after, this.#handle);
    this.#handle.addEventListener("pointerdown", (event) => this.#handle.setPointerCapture(event.pointerId));
    this.#handle.addEventListener("pointermove", (event) => {
      if (this.#handle.hasPointerCapture(event.pointerId)) this.#drag(event);
    });
    this.#handle.addEventListener("keydown", (event) => this.#key(event));
  }

  /** `dates` of both sides; none hides it. */
  show(dates: { before: string; after: string } | null): void {
    this.element.hidden = dates === null;
    this.#dates.before.textContent = dates?.before ?? "";
    this.#dates.after.textContent = dates?.after ?? "";
  }

  move(percent: number): void {
    this.#at = percent;
    this.#handle.setAttribute("aria-valuenow", String(Math.round(percent)));
    this.#handle.setAttribute("aria-valuetext", t("divider-at", { before: shortPercent(percent / 100), after: shortPercent(1 - percent / 100) }));
  }

  #drag(event: PointerEvent): void {
    const box = this.element.parentElement?.getBoundingClientRect();
    if (box) this.#moved(clamp(((event.clientX - box.left) / box.width) * 100));
  }

  #key(event: KeyboardEvent): void {
    const steps: Record<string, number> = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2, PageDown: -10, PageUp: 10, Home: -100, End: 100 };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.#moved(clamp(this.#at + step));
  }
}

/** Tenths of a percent are enough, and short in a link. */
function clamp(percent: number): number {
  return Math.round(Math.min(Math.max(percent, 0), 100) * 10) / 10;
}
