/** What a screen reader is told, and what went wrong, at one place of the page. */

import { byId, h, literals } from "./dom.ts";
import { words } from "./api/problem.ts";

/** Says `message` once; the same message is said again. */
export function announce(message: string): void {
  const region = byId("live");
  region.textContent = "";
  window.setTimeout(() => {
    region.textContent = message;
  }, 50);
}

/** Takes away what went wrong on what is no longer shown. */
export function clearFailures(): void {
  byId("toasts").replaceChildren();
}

/** Shows a failure until it is closed. */
export function fail(what: string, error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  const message = `${what}: ${words(error)}`;
  const close = h("button", { type: "button", class: "plain", "aria-label": "Close this message" }, "×");
  const note = h("div", { class: "toast" }, h("p", {}, ...literals(message)), close);
  close.addEventListener("click", () => note.remove());
  const toasts = byId("toasts");
  for (const old of toasts.querySelectorAll(".toast")) {
    if (old.querySelector("p")?.textContent === message.replaceAll("`", "")) old.remove();
  }
  toasts.append(note);
}
