/** The list of sites: only the rows in sight are in the page, so ten thousand are as quick as ten. */

import { h } from "../dom.ts";
import { ha, hectares, NONE } from "../format.ts";
import { icon, isExceedance, label } from "../verdict.ts";
import { t } from "../words.ts";
import { shareUsed, type Entry } from "./filter.ts";
import { windowOf } from "./window.ts";

/** As `.site-row` has it in the style. */
const ROW_PX = 68;

export class SiteList {
  readonly element: HTMLElement;
  readonly #sizer = h("div", { class: "site-rows", role: "presentation" });
  readonly #open: (id: string) => void;
  #entries: Entry[] = [];
  #active = 0;
  #frame = 0;

  constructor(open: (id: string) => void) {
    this.#open = open;
    this.element = h("div", { id: "site-list", class: "site-list", role: "listbox", tabindex: "0", "aria-label": t("sites") }, this.#sizer);
    this.element.addEventListener("scroll", () => this.#later(), { passive: true });
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.#sizer.addEventListener("click", (event) => {
      const row = (event.target as Element).closest<HTMLElement>("[data-index]");
      if (row) this.#choose(Number(row.dataset["index"]));
    });
    new ResizeObserver(() => this.#later()).observe(this.element);
  }

  show(entries: Entry[]): void {
    this.#entries = entries;
    this.#active = Math.min(this.#active, Math.max(entries.length - 1, 0));
    this.#sizer.style.height = `${entries.length * ROW_PX}px`;
    this.#draw();
  }

  /** Puts the keyboard back on a site, after its page was closed. */
  focus(id: string | null): void {
    const index = this.#entries.findIndex((entry) => entry.site.id === id);
    if (index >= 0) this.#go(index);
    this.element.focus({ preventScroll: true });
  }

  top(): void {
    this.#active = 0;
    this.element.scrollTop = 0;
  }

  #later(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    const { start, end } = windowOf(this.element.scrollTop, this.element.clientHeight, ROW_PX, this.#entries.length);
    const rows = this.#entries.slice(start, end).map((entry, i) => this.#row(entry, start + i));
    // The active row is in the page wherever the list is scrolled to: the listbox refers to it.
    const active = this.#entries[this.#active];
    if (active && (this.#active < start || this.#active >= end)) rows.push(this.#row(active, this.#active));
    this.#sizer.replaceChildren(...rows);
    if (active) this.element.setAttribute("aria-activedescendant", `site-row-${this.#active}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  #row({ site, standing }: Entry, index: number): HTMLElement {
    const used = shareUsed(site);
    const star = isExceedance(standing) ? "*" : "";
    const area = site.last?.area ? ha(site.last.area.ha) : NONE;
    const of = site.limit_ha === null ? "ha" : t("of-limit", { limit: hectares(site.limit_ha) });
    const row = h(
      "div",
      {
        id: `site-row-${index}`,
        class: "site-row",
        role: "option",
        "data-index": index,
        "data-site": site.id,
        "aria-selected": index === this.#active ? "true" : "false",
        "aria-setsize": this.#entries.length,
        "aria-posinset": index + 1,
      },
      icon(standing),
      h(
        "span",
        { class: "site-words" },
        h("span", { class: "site-name" }, site.name),
        h("span", { class: "site-line" }, label(standing) + star, site.last ? ` · ${site.last.date}` : ""),
        h("span", { class: "site-line faint" }, [site.operator, site.commodity].filter(Boolean).join(" · ") || site.id),
      ),
      h(
        "span",
        { class: "site-area" },
        site.last || site.limit_ha !== null ? h("span", { class: "site-ha" }, area) : null,
        site.last || site.limit_ha !== null ? h("span", { class: "site-line faint" }, of) : null,
        used === null ? null : gauge(used),
      ),
    );
    row.style.transform = `translateY(${index * ROW_PX}px)`;
    return row;
  }

  #key(event: KeyboardEvent): void {
    const page = Math.max(Math.floor(this.element.clientHeight / ROW_PX) - 1, 1);
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.#entries.length,
      End: this.#entries.length,
    };
    const step = steps[event.key];
    if (step !== undefined) this.#go(this.#active + step);
    else if (event.key === "Enter" || event.key === " ") this.#choose(this.#active);
    else return;
    event.preventDefault();
  }

  #go(index: number): void {
    if (this.#entries.length === 0) return;
    this.#active = Math.min(Math.max(index, 0), this.#entries.length - 1);
    const top = this.#active * ROW_PX;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + ROW_PX > scrollTop + clientHeight) this.element.scrollTop = top + ROW_PX - clientHeight;
    this.#draw();
  }

  #choose(index: number): void {
    const entry = this.#entries[index];
    if (!entry) return;
    this.#active = index;
    this.#open(entry.site.id);
  }
}

/** Disturbed land as a share of the limit; the numbers beside it say the same. */
function gauge(used: number): HTMLElement {
  const fill = h("span", { class: "gauge-fill" });
  fill.style.width = `${Math.min(used, 1) * 100}%`;
  return h("span", { class: used > 1 ? "gauge over" : "gauge", "aria-hidden": "true" }, fill);
}
