/** What a screen reader is told, and what went wrong, at one place of the page. */

import { byId, english, h, literals } from "./dom.ts";
import { Problem, words } from "./api/problem.ts";
import { language, t } from "./words.ts";

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

/** A failure for the page; in other languages than English it is said that the words are the server's. */
export function told(error: unknown): Node[] {
  return error instanceof Problem ? served(words(error)) : literals(words(error));
}

/** Words of the server, which are English. */
export function served(text: string): Node[] {
  return language() === "en" ? english(text) : [document.createTextNode(`${t("server-says")} `), ...english(text)];
}

/** Shows a failure until it is closed. */
export function fail(what: string, error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  const message = h("p", {}, t("failure-of", { what }), " ", ...(error instanceof Problem ? english(words(error)) : literals(words(error))));
  const close = h("button", { type: "button", class: "plain", "aria-label": t("close-message") }, "×");
  const note = h("div", { class: "toast" }, message, close);
  close.addEventListener("click", () => note.remove());
  const toasts = byId("toasts");
  for (const old of toasts.querySelectorAll(".toast")) {
    if (old.querySelector("p")?.textContent === message.textContent) old.remove();
  }
  toasts.append(note);
}
