/** The outline of a site or a permit: drawn on the map, or taken from a file; its corners can be moved. Says what to do next. */

import type { FeatureCollection, Position } from "geojson";
import { announce } from "../announce.ts";
import type { Outline } from "../api/types.ts";
import { debounced, h, literals } from "../dom.ts";
import { hectares, number, positionText } from "../format.ts";
import type { CornerControls, CornerEditing } from "../map/corners.ts";
import { LEAST_CORNERS } from "../map/least_corners.ts";
import type { Drawing } from "../map/polygon.ts";
import { t } from "../words.ts";
import { Corners, MOST_CORNERS } from "./corners.ts";
import { area_ha, checkFile, outlineOf, polygonOf } from "./outline.ts";

const REST_MS = 300;

export interface OutlineActions {
  draw(drawing: Drawing, signal: AbortSignal): Promise<Position[] | null>;
  /** Moves the corners of an outline on the map; whether the changes are kept. */
  editCorners(editing: CornerEditing, signal: AbortSignal): Promise<boolean>;
  /** Shows an outline on the map; `turn` makes the map turn to it. */
  show(outline: Outline | null, turn: boolean): void;
}

/** An outline to start from. */
export interface Start {
  words: string;
  outline: Outline;
}

export class OutlineField {
  readonly element: HTMLElement;
  /** Lies over the map while an outline is drawn. */
  readonly banner: HTMLElement;
  readonly #actions: OutlineActions;
  readonly #changed: (name: string | null, isOther: boolean) => void;
  readonly #draw = h("button", { type: "button", id: "draw-outline" }, t("outline-draw"));
  readonly #file = h("input", { type: "file", id: "outline-file", accept: ".geojson,.json,application/geo+json", hidden: true });
  readonly #move = h("button", { type: "button", id: "move-corners", hidden: true }, t("outline-corners"));
  readonly #choose = h("button", { type: "button", id: "choose-outline" }, t("outline-file"));
  readonly #state = h("p", { class: "small", id: "outline-state" });
  readonly #problem = h("p", { class: "problem", role: "alert", hidden: true });
  readonly #hint = h("p", { role: "status" });
  readonly #undo = h("button", { type: "button" });
  readonly #finish = h("button", { type: "button", class: "primary" });
  readonly #cancel = h("button", { type: "button" }, t("cancel"));
  readonly #tools: HTMLElement;
  readonly #none: string;
  #hasMap = true;
  #controls: CornerControls | null = null;
  #outline: Outline | null;
  #drawing: AbortController | null = null;

  /**
   * `none` says what it means that there is no outline. `changed` gets the name that a file states, and whether the outline is another
   * one and not a moved one.
   */
  constructor(actions: OutlineActions, outline: Outline | null, none: string, starts: readonly Start[], changed: (name: string | null, isOther: boolean) => void) {
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
    this.#move.addEventListener("click", () => void this.#moveCorners());
    const tool = (button: HTMLButtonElement, act: (controls: CornerControls) => void): HTMLButtonElement => {
      button.addEventListener("click", () => this.#controls && act(this.#controls));
      return button;
    };
    const arrow = (words: string, sign: string): HTMLButtonElement => h("button", { type: "button", "aria-label": words, title: words }, sign);
    this.#tools = h(
      "div",
      { class: "corner-tools", hidden: true },
      tool(arrow(t("corner-previous"), "←"), (controls) => controls.select(-1)),
      tool(arrow(t("corner-next"), "→"), (controls) => controls.select(1)),
      tool(h("button", { type: "button" }, ...signed("+", t("corner-add"))), (controls) => controls.add()),
      tool(h("button", { type: "button" }, ...signed("−", t("corner-remove"))), (controls) => controls.remove()),
    );
    this.banner = h("div", { class: "draw-banner", hidden: true }, this.#hint, h("div", { class: "buttons" }, this.#tools, this.#undo, this.#finish, this.#cancel));
    const taken = starts.map(({ words, outline }) => {
      const take = h("button", { type: "button", "data-start": "" }, words);
      take.addEventListener("click", () => {
        this.leave();
        this.#refuse("");
        this.#set(outline, null);
        announce(this.#state.textContent ?? "");
      });
      return take;
    });
    this.element = h(
      "fieldset",
      { class: "outline-field" },
      h("legend", {}, t("outline-boundary-of")),
      h("div", { class: "buttons" }, this.#draw, this.#move, this.#choose, this.#file, ...taken),
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
    this.#hasMap = false;
    this.#say();
  }

  /** Ends drawing; corners stay where they were moved to. */
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
      // The user may have begun to draw while the file was read.
      this.leave();
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
    this.#actions.show(null, false);
    const drawing = this.#begin(this.#draw, t("draw-undo"), t("draw-finish"));
    this.#draw.textContent = t("box-stop");
    this.#cancel.onclick = () => this.leave();
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
    this.#draw.textContent = t("outline-draw");
    this.#end(this.#draw);
    if (corners) this.#set(polygonOf(corners), null);
    else if (this.element.isConnected) {
      this.#actions.show(this.#outline, false);
      this.#draw.focus({ preventScroll: true });
    }
  }

  /** Something is drawn or moved on the map, which `button` ends. */
  #begin(button: HTMLButtonElement, undo: string, finish: string): AbortController {
    const drawing = new AbortController();
    this.#drawing = drawing;
    button.setAttribute("aria-pressed", "true");
    for (const other of [this.#draw, this.#move]) other.disabled = other !== button;
    this.#undo.replaceChildren(...signed("↶", undo));
    document.body.classList.add("outlining");
    this.#finish.textContent = finish;
    this.banner.hidden = false;
    return drawing;
  }

  #end(button: HTMLButtonElement): void {
    this.#drawing = null;
    this.banner.hidden = true;
    document.body.classList.remove("outlining");
    button.removeAttribute("aria-pressed");
    for (const each of [this.#draw, this.#move]) each.disabled = false;
  }

  /** Moves corners of the outline on the map until the user is done, or gives up and has the outline as it was. */
  async #moveCorners(): Promise<void> {
    if (this.#drawing) {
      this.leave();
      return;
    }
    const before = this.#outline;
    if (!before) return;
    this.#refuse("");
    const corners = new Corners(before);
    if (corners.count > MOST_CORNERS) {
      this.#refuse(t("corners-too-many", { count: number(corners.count, 0), most: number(MOST_CORNERS, 0) }));
      return;
    }
    const moving = this.#begin(this.#move, t("corner-undo"), t("corner-done"));
    this.#tools.hidden = false;
    this.#hint.replaceChildren(t("corners-help"), " ", t("corners-touch"), h("span", { class: "keys" }, ` ${t("corners-keys")}`));
    this.#actions.show(before, true);
    const name = (): string => {
      const [lon = 0, lat = 0] = corners.at(corners.selected);
      return t("corner-of", { number: corners.selected + 1, count: corners.count, position: positionText({ lat, lon }) });
    };
    // While a corner is dragged, only once it rests.
    const say = debounced(() => this.#controls && announce(name()), REST_MS);
    const changed = (): void => {
      this.#undo.disabled = !corners.isChanged;
      if (corners.outline !== this.#outline) {
        this.#outline = corners.outline;
        this.#say();
        this.#changed(null, false);
      }
      say();
    };
    const controls = (given: CornerControls): void => {
      this.#controls = given;
      this.#undo.onclick = given.undo;
      this.#finish.onclick = () => given.finish(true);
      this.#cancel.onclick = () => given.finish(false);
    };
    const isKept = await this.#actions.editCorners({ corners, changed, controls, name, refused: () => announce(t("corner-least")) }, moving.signal).catch((error: unknown) => {
      this.#refuse(error instanceof Error ? error.message : String(error));
      return true;
    });
    this.#controls = null;
    this.#tools.hidden = true;
    this.#end(this.#move);
    if (!isKept) {
      this.#outline = before;
      this.#say();
    }
    if (!this.element.isConnected) return;
    this.#actions.show(this.#outline, false);
    this.#move.focus({ preventScroll: true });
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
    this.#changed(name, true);
  }

  #say(): void {
    this.#move.hidden = this.#outline === null || !this.#hasMap;
    this.#state.textContent = this.#outline ? t("outline-area", { area: hectares(area_ha(this.#outline)) }) : this.#none;
  }
}

/** A sign, which stands for the words where there is little room. */
function signed(sign: string, words: string): HTMLElement[] {
  return [h("span", { class: "sign", "aria-hidden": "true" }, sign), h("span", { class: "words" }, words)];
}

export const draftOf = (outline: Outline | null): FeatureCollection => ({
  type: "FeatureCollection",
  features: outline ? [{ type: "Feature", properties: {}, geometry: outline }] : [],
});
