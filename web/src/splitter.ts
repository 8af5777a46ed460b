/** On narrow screens the map lies above the panel; this moves the border between them. */

import { shortPercent } from "./format.ts";
import { t } from "./words.ts";

const LEAST = 10;
const MOST = 85;
const START = 47;

export function splitter(handle: HTMLElement): void {
  const area = handle.parentElement;
  let at = START;
  const set = (percent: number): void => {
    at = Math.round(Math.min(Math.max(percent, LEAST), MOST));
    area?.style.setProperty("--map-height", `${at}%`);
    handle.setAttribute("aria-valuenow", String(at));
    handle.setAttribute("aria-valuetext", t("map-share", { share: shortPercent(at / 100) }));
  };
  handle.addEventListener("pointerdown", (event) => handle.setPointerCapture(event.pointerId));
  handle.addEventListener("pointermove", (event) => {
    const box = handle.hasPointerCapture(event.pointerId) ? area?.getBoundingClientRect() : undefined;
    if (box) set(((event.clientY - box.top) / box.height) * 100);
  });
  handle.addEventListener("keydown", (event) => {
    const steps: Record<string, number> = { ArrowUp: -5, ArrowDown: 5, Home: -100, End: 100 };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    set(at + step);
  });
  set(START);
}
