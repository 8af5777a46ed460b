/** Runs a prediction on a box of the map, follows jobs, and lists the predictions of the workspace. */

import { announce, fail, told } from "../announce.ts";
import { api } from "../api/client.ts";
import { Problem } from "../api/problem.ts";
import type { Bbox, Job, Prediction, ServerInfo } from "../api/types.ts";
import { needing, roleNote } from "../caller.ts";
import { h, literals, newId } from "../dom.ts";
import { boxArea_km2, degrees, numberOf, hectares, number, percent, positionText } from "../format.ts";
import { follow, isOver, stateWords } from "../jobs/job.ts";
import { JobRow } from "../jobs/row.ts";
import { order, withToken } from "../jobs/token.ts";
import type { Store } from "../view/store.ts";
import { language, t } from "../words.ts";
import { checked, type FieldName, type Fields } from "./request.ts";

export interface PredictActions {
  /** The box that somebody draws on the map; none if they give up. */
  draw(signal: AbortSignal): Promise<Bbox | null>;
  extent(): Promise<Bbox>;
  showBox(bbox: Bbox | null): void;
  open(prediction: Prediction): void;
}

const EDGES = ["west", "south", "east", "north"] as const;
const WORDS: Record<FieldName, string> = {
  west: "field-west",
  south: "field-south",
  east: "field-east",
  north: "field-north",
  from: "field-from",
  to: "field-to",
  maxCloud: "field-max-cloud",
};

export class PredictPanel {
  readonly element: HTMLElement;
  readonly #store: Store;
  readonly #actions: PredictActions;
  readonly #form: HTMLFormElement;
  readonly #inputs = {} as Record<FieldName, HTMLInputElement>;
  readonly #errors = {} as Record<FieldName, HTMLElement>;
  readonly #size = h("p", { class: "small faint", id: "box-size" }, t("box-none"));
  readonly #draw = h("button", { type: "button", id: "draw-box" }, t("box-draw"));
  readonly #pick = h("div", { class: "buttons" });
  readonly #problem = h("p", { class: "problem", role: "alert", hidden: true });
  readonly #off = h("p", { class: "panel", hidden: true }, ...literals(t("predictions-off")));
  readonly #jobs = h("ul", { class: "jobs", "aria-label": t("jobs") });
  readonly #list = h("div", { class: "predictions" });
  readonly #rows = new Map<string, JobRow>();
  #info: ServerInfo | null = null;
  #predictions: Prediction[] = [];
  #drawing: AbortController | null = null;

  constructor(store: Store, actions: PredictActions) {
    this.#store = store;
    this.#actions = actions;
    this.#form = this.#makeForm();
    this.element = h(
      "section",
      { class: "predict", "aria-labelledby": "predict-heading" },
      h("h1", { id: "predict-heading", tabindex: "-1" }, t("predictions")),
      h("p", { class: "lead" }, t("predictions-lead")),
      this.#form,
      this.#off,
      this.#jobs,
      h("h2", {}, t("predictions-here")),
      this.#list,
    );
    store.listen((view, before) => {
      if (view.prediction !== before.prediction) this.#drawList();
    });
  }

  get predictions(): readonly Prediction[] {
    return this.#predictions;
  }

  set(info: ServerInfo): void {
    this.#info = info;
    this.#form.hidden = !info.jobs_enabled;
    this.#off.hidden = info.jobs_enabled;
    this.#list.replaceChildren(h("p", { class: "faint" }, t("loading")));
    void this.refresh();
    if (info.jobs_enabled) void this.#resume();
  }

  async refresh(): Promise<void> {
    try {
      this.#predictions = await api.predictions();
      this.#drawList();
    } catch (error) {
      this.#list.replaceChildren(h("p", { class: "problem" }, ...told(error)));
    }
  }

  /** Without a map the edges are typed. */
  withoutMap(): void {
    this.#pick.hidden = true;
  }

  /** Ends drawing when the page turns to something else. */
  leave(): void {
    this.#drawing?.abort();
  }

  #makeForm(): HTMLFormElement {
    const today = new Date();
    const before = new Date(today.getTime() - 60 * 86_400_000);
    const iso = (date: Date): string => date.toISOString().slice(0, 10);
    const extent = h("button", { type: "button", id: "use-extent" }, t("box-extent"));
    extent.addEventListener("click", () => void this.#actions.extent().then((bbox) => this.#setBox(bbox)));
    this.#draw.addEventListener("click", () => void this.#drawBox());
    this.#pick.append(this.#draw, extent);
    const form = h(
      "form",
      { class: "panel", id: "predict-form", novalidate: true },
      this.#pick,
      h("fieldset", { class: "edges" }, h("legend", {}, t("box-degrees")), ...EDGES.map((name) => this.#field(name, { type: "text", inputmode: "decimal" }))),
      this.#size,
      h(
        "div",
        { class: "row" },
        this.#field("from", { type: "date", value: iso(before) }),
        this.#field("to", { type: "date", value: iso(today) }),
        this.#field("maxCloud", { type: "text", inputmode: "decimal", value: "20" }),
      ),
      this.#problem,
      h("div", { class: "buttons" }, needing("order", h("button", { type: "submit", class: "primary" }, t("prediction-run")))),
      roleNote("order"),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#run();
    });
    return form;
  }

  #field(name: FieldName, attributes: Record<string, unknown>): HTMLElement {
    const id = `field-${name}`;
    const error_id = newId("error");
    const input = h("input", { id, name, autocomplete: "off", "aria-describedby": error_id, ...attributes });
    const error = h("span", { class: "field-error", id: error_id });
    input.addEventListener("change", () => this.#boxChanged());
    this.#inputs[name] = input;
    this.#errors[name] = error;
    return h("div", { class: "field" }, h("label", { for: id }, t(WORDS[name])), input, error);
  }

  async #drawBox(): Promise<void> {
    if (this.#drawing) {
      this.#drawing.abort();
      return;
    }
    this.#drawing = new AbortController();
    this.#draw.textContent = t("box-stop");
    this.#draw.setAttribute("aria-pressed", "true");
    document.body.classList.add("drawing-box");
    announce(t("box-help"));
    const bbox = await this.#actions.draw(this.#drawing.signal).catch((error: unknown) => {
      fail(t("box-drawing"), error);
      return null;
    });
    this.#drawing = null;
    this.#draw.textContent = t("box-draw");
    this.#draw.removeAttribute("aria-pressed");
    document.body.classList.remove("drawing-box");
    if (bbox) this.#setBox(bbox);
    else this.#boxChanged();
    this.#draw.focus({ preventScroll: true });
  }

  #setBox(bbox: Bbox): void {
    EDGES.forEach((name, i) => {
      this.#inputs[name].value = degrees(bbox[i] ?? 0);
    });
    this.#boxChanged();
    announce(this.#size.textContent ?? "");
  }

  #boxChanged(): void {
    const bbox = EDGES.map((name) => numberOf(this.#inputs[name].value)) as Bbox;
    const isBox = bbox.every(Number.isFinite) && bbox[0] < bbox[2] && bbox[1] < bbox[3];
    this.#size.textContent = isBox ? t("box-size", { area: extent(boxArea_km2(bbox)) }) : t("box-none");
    this.#actions.showBox(isBox ? bbox : null);
  }

  async #run(): Promise<void> {
    this.#problem.hidden = true;
    const fields = Object.fromEntries(Object.entries(this.#inputs).map(([name, input]) => [name, input.value])) as unknown as Fields;
    const outcome = checked(fields);
    const errors = "errors" in outcome ? outcome.errors : {};
    for (const name of Object.keys(this.#inputs) as FieldName[]) {
      this.#errors[name].textContent = errors[name] ?? "";
      this.#inputs[name].toggleAttribute("aria-invalid", errors[name] !== undefined);
      if (errors[name]) this.#inputs[name].setAttribute("aria-invalid", "true");
    }
    if ("errors" in outcome) {
      const first = (Object.keys(this.#inputs) as FieldName[]).find((name) => outcome.errors[name]);
      if (first) this.#inputs[first].focus();
      announce(t("prediction-not-started"));
      return;
    }
    const button = this.#form.querySelector<HTMLButtonElement>("button[type=submit]");
    button?.setAttribute("aria-busy", "true");
    const refused = (error: unknown): void => {
      this.#problem.replaceChildren(...told(error));
      this.#problem.hidden = false;
    };
    try {
      const job = await order(this.#info, () => api.predict(outcome.request), refused);
      if (!job) return;
      this.#problem.hidden = true;
      announce(t("prediction-started"));
      this.#follow(job);
    } catch (error) {
      refused(error);
    } finally {
      button?.removeAttribute("aria-busy");
    }
  }

  /** Predictions that were started before this page was opened; looks at sites stand on the pages of the sites. */
  async #resume(): Promise<void> {
    try {
      const jobs = await api.jobs();
      for (const job of jobs.filter((job) => job.kind === "predict" && !isOver(job))) this.#follow(job);
    } catch (error) {
      if (!(error instanceof Problem && error.status === 401)) fail(t("jobs-list"), error);
    }
  }

  #follow(job: Job): void {
    if (this.#rows.has(job.id)) return;
    const row = new JobRow(job, { title: t("prediction"), done: ({ result }) => (result?.prediction ? this.#opener(result.prediction) : null) });
    this.#rows.set(job.id, row);
    this.#jobs.prepend(row.element);
    const changed = (now: Job): void => {
      const before = row.job.state;
      row.show(now);
      if (now.state === before || !isOver(now)) return;
      announce(`${row.title}: ${language() === "en" ? stateWords(now) : t(`job-${now.state}`)}`);
      if (now.state === "done") void this.refresh();
    };
    follow(job.id, changed, row.signal).catch((error: unknown) => row.lost(told(error)));
  }

  #opener(name: string): HTMLButtonElement {
    const show = h("button", { type: "button", class: "primary" }, t("prediction-show"));
    show.addEventListener("click", () => void this.#openResult(name));
    return show;
  }

  async #openResult(name: string): Promise<void> {
    if (!this.#predictions.some((prediction) => prediction.name === name)) await this.refresh();
    const prediction = this.#predictions.find((prediction) => prediction.name === name);
    if (prediction) this.#actions.open(prediction);
    else fail(t("prediction-of"), new Error(t("prediction-gone", { name })));
  }

  /** What is known of a prediction that is shown, and its removal. */
  #details(prediction: Prediction): HTMLElement {
    const facts: [string, string | null][] = [
      [t("scene"), prediction.scene],
      [t("date"), prediction.date],
      [t("disturbed-land"), prediction.area_ha === null ? null : hectares(prediction.area_ha)],
      [t("cloud-cover"), prediction.cloud_cover_percent == null ? null : percent(prediction.cloud_cover_percent / 100)],
      [t("prediction-bounds"), prediction.bounds && place(prediction.bounds)],
      [t("prediction-created"), prediction.created?.slice(0, 16).replace("T", " ") ?? null],
    ];
    const remove = needing("order", h("button", { type: "button", "data-remove": prediction.name }, t("prediction-remove")));
    remove.addEventListener("click", () => void this.#remove(prediction, remove));
    return h(
      "div",
      { class: "prediction-details" },
      h("dl", {}, ...facts.flatMap(([name, value]) => (value ? [h("dt", { class: "faint" }, name), h("dd", {}, value)] : []))),
      ...(this.#info?.writing_enabled ? [remove, roleNote("order")] : []),
    );
  }

  async #remove({ name }: Prediction, button: HTMLButtonElement): Promise<void> {
    if (button.getAttribute("aria-busy") || !window.confirm(t("prediction-remove-sure", { name }))) return;
    button.setAttribute("aria-busy", "true");
    try {
      await withToken("order", () => api.removePrediction(name));
      this.#store.update({ prediction: null }, { step: true });
      announce(t("prediction-removed", { name }));
    } catch (error) {
      fail(t("prediction-remove"), error);
    }
    await this.refresh();
  }

  #drawList(): void {
    if (this.#predictions.length === 0) {
      this.#list.replaceChildren(h("p", { class: "faint" }, t("predictions-none")));
      return;
    }
    const rows = this.#predictions.map((prediction) => {
      const isShown = prediction.name === this.#store.view.prediction;
      const button = h(
        "button",
        { type: "button", class: "row-button", "aria-pressed": String(isShown), "data-prediction": prediction.name },
        h("span", { class: "site-name" }, prediction.name),
        h("span", { class: "site-line faint" }, [prediction.date, hectares(prediction.area_ha)].filter(Boolean).join(" · ")),
        prediction.scene ? h("span", { class: "site-line faint" }, prediction.scene) : null,
      );
      const details = isShown ? this.#details(prediction) : null;
      button.addEventListener("click", () => {
        if (this.#store.view.prediction === prediction.name) this.#store.update({ prediction: null }, { step: true });
        else this.#actions.open(prediction);
      });
      return h("li", {}, button, details);
    });
    this.#list.replaceChildren(h("ul", { class: "rows" }, ...rows));
  }
}

function place([west, south, east, north]: Bbox): string {
  return `${positionText({ lat: south, lon: west })} – ${positionText({ lat: north, lon: east })}`;
}

function extent(area_km2: number): string {
  return number(area_km2, area_km2 < 100 ? 1 : 0);
}
