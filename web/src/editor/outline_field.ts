/** The outline of a site or a permit: drawn on the map, or taken from a file. Says what to do next. */

import type { FeatureCollection, Position } from "geojson";
import { announce } from "../announce.ts";
import type { Outline } from "../api/types.ts";
import { h, literals } from "../dom.ts";
import { hectares } from "../format.ts";
import type { Drawing } from "../map/polygon.ts";
import { t } from "../words.ts";
import { area_ha, checkFile, outlineOf, polygonOf } from "./outline.ts";

/** As `LEAST_CORNERS` of the map, which is loaded later. */
const LEAST_CORNERS = 3;

export interface OutlineActions {
  draw(drawing: Drawing, signal: AbortSignal): Promise<Position[] | null>;
  /** Shows an outline on the map; `turn` makes the map turn to it. */
  show(outline: Outline | null, turn: boolean): void;
}

export class OutlineField {
  readonly element: HTMLElement;
  /** Lies over the map while an outline is drawn. */
  readonly banner: HTMLElement;
  readonly #actions: OutlineActions;
  readonly #changed: (name: string | null) => void;
  readonly #draw = h("button", { type: "button", id: "draw-outline" }, t("outline-draw"));
  readonly #file = h("input", { type: "file", id: "outline-file", accept: ".geojson,.json,application/geo+json", hidden: true });
  readonly #choose = h("button", { type: "button", id: "choose-outline" }, t("outline-file"));
  readonly #state = h("p", { class: "small", id: "outline-state" });
  readonly #problem = h("p", { class: "problem", role: "alert", hidden: true });
  readonly #hint = h("p", { role: "status" });
  readonly #undo = h("button", { type: "button" }, t("draw-undo"));
  readonly #finish = h("button", { type: "button", class: "primary" }, t("draw-finish"));
  readonly #none: string;
  #outline: Outline | null;
  #drawing: AbortController | null = null;

  /** `none` says what it means that there is no outline; `changed` gets the name that a file states. */
  constructor(actions: OutlineActions, outline: Outline | null, none: string, changed: (name: string | null) => void) {
    this.#actions = actions;
    this.#outline = outline;
    this.#none = none;
    this.#changed = changed;
    this.#draw.addEventListener("click", () => void this.#toggle());
    this.#choose.addEventListener("click", () => this.#file.click());
    this.#file.addEventListener("change", () => {
      const [file] = this.#file.files ?? [];
      if (file) void this.read(file);
      this.#file.value = "";
    });
    const cancel = h("button", { type: "button" }, t("cancel"));
    cancel.addEventListener("click", () => this.leave());
    this.banner = h("div", { class: "draw-banner", hidden: true }, this.#hint, h("div", { class: "buttons" }, this.#undo, this.#finish, cancel));
    this.element = h(
      "fieldset",
      { class: "outline-field" },
      h("legend", {}, t("outline-boundary-of")),
      h("div", { class: "buttons" }, this.#draw, this.#choose, this.#file),
      this.#state,
      this.#problem,
      h("p", { class: "small faint" }, ...literals(t("outline-formats"))),
    );
    this.#say();
  }

  get outline(): Outline | null {
    return this.#outline;
  }

  get isDrawing(): boolean {
    return this.#drawing !== null;
  }

  /** Without a map outlines come from files. */
  withoutMap(): void {
    this.#draw.hidden = true;
  }

  /** Ends drawing. */
  leave(): void {
    this.#drawing?.abort();
  }

  focus(): void {
    (this.#draw.hidden ? this.#choose : this.#draw).focus();
  }

  /** Takes the polygons of a file, or says why it does not. */
  async read(file: File): Promise<void> {
    this.leave();
    this.#refuse("");
    try {
      checkFile(file);
      const { outline, polygons, others, name } = outlineOf(await file.text());
      this.#set(outline, name);
      const notes = [t("outline-read", { name: file.name, count: polygons }), others > 0 ? t("outline-others", { count: others }) : null];
      this.#state.textContent = [this.#state.textContent, ...notes.filter(Boolean)].join(" ");
      announce(this.#state.textContent);
    } catch (error) {
      this.#refuse(error instanceof Error ? error.message : String(error));
    }
  }

  /** Says why the outline cannot be taken; an empty text takes it back. */
  #refuse(reason: string): void {
    this.#problem.hidden = reason === "";
    this.#problem.replaceChildren(...literals(reason));
  }

  async #toggle(): Promise<void> {
    if (this.#drawing) {
      this.leave();
      return;
    }
    this.#refuse("");
    const drawing = new AbortController();
    this.#drawing = drawing;
    this.#actions.show(null, false);
    this.#draw.textContent = t("box-stop");
    this.#draw.setAttribute("aria-pressed", "true");
    this.banner.hidden = false;
    const corners = await this.#actions
      .draw(
        {
          corners: (count) => this.#count(count),
          controls: ({ undo, finish }) => {
            this.#undo.onclick = undo;
            this.#finish.onclick = finish;
          },
        },
        drawing.signal,
      )
      .catch((error: unknown) => {
        this.#refuse(error instanceof Error ? error.message : String(error));
        return null;
      });
    this.#drawing = null;
    this.banner.hidden = true;
    this.#draw.textContent = t("outline-draw");
    this.#draw.removeAttribute("aria-pressed");
    if (corners) this.#set(polygonOf(corners), null);
    else if (this.element.isConnected) {
      this.#actions.show(this.#outline, false);
      this.#draw.focus({ preventScroll: true });
    }
  }

  #count(count: number): void {
    this.#undo.disabled = count === 0;
    this.#finish.disabled = count < LEAST_CORNERS;
    const [words, keys] = count === 0 ? [t("draw-first"), t("draw-first-keys")] : count < LEAST_CORNERS ? [t("draw-next", { count }), ""] : [t("draw-more", { count }), t("draw-more-keys")];
    // A phone has no keys, and little room.
    this.#hint.replaceChildren(words, h("span", { class: "keys" }, ` ${keys}`));
  }

  #set(outline: Outline, name: string | null): void {
    this.#outline = outline;
    this.#actions.show(outline, true);
    this.#say();
    this.#changed(name);
  }

  #say(): void {
    this.#state.textContent = this.#outline ? t("outline-area", { area: hectares(area_ha(this.#outline)) }) : this.#none;
  }
}

export const draftOf = (outline: Outline | null): FeatureCollection => ({
  type: "FeatureCollection",
  features: outline ? [{ type: "Feature", properties: {}, geometry: outline }] : [],
});
