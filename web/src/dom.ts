/** Elements without a framework. */

import { language } from "./words.ts";

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, unknown>;

function append(element: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

function assign(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on") && typeof value === "function") {
      element.addEventListener(name.slice(2), value as EventListener);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
}

/** `h("p", { class: "faint" }, "text")`; `on...` attributes are listeners. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  assign(element, attributes);
  append(element, children);
  return element;
}

/** Text with `literals` in backticks as code. */
export function literals(text: string): Node[] {
  return text.split("`").map((part, i) => (i % 2 === 1 ? h("code", {}, part) : document.createTextNode(part)));
}

/** Words of the server or the register, which are English, so marked in pages of other languages. */
export function english(text: string): Node[] {
  return language() === "en" ? literals(text) : [h("span", { lang: "en" }, ...literals(text))];
}

/** As `h`, for SVG. */
export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  assign(element, attributes);
  append(element, children);
  return element;
}

export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element \`${id}\``);
  return element;
}

/** Calls `task` once calls have paused for `pause_ms`. */
export function debounced(task: () => void, pause_ms: number): () => void {
  let timer = 0;
  return () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(task, pause_ms);
  };
}

let serial = 0;

/** A new id, for labels and descriptions. */
export function newId(stem: string): string {
  serial += 1;
  return `${stem}-${serial}`;
}
