/** Adds and edits sites, and adds permits. It shows what another person has changed meanwhile, and does not overwrite it. */

import { announce, told } from "../announce.ts";
import { api } from "../api/client.ts";
import { Problem } from "../api/problem.ts";
import type { Outline, SiteDetail } from "../api/types.ts";
import { lacking } from "../caller.ts";
import { h, literals, newId } from "../dom.ts";
import { withToken } from "../jobs/token.ts";
import { t } from "../words.ts";
import { checkedPermit, siteErrors, type Errors, type FieldName, type Fields } from "./form.ts";
import { isOutline } from "./outline.ts";
import { OutlineField, type OutlineActions, type Start } from "./outline_field.ts";

export interface EditorActions extends OutlineActions {
  /** A site was added, or changed. */
  saved(site: SiteDetail, isNew: boolean): Promise<void>;
  close(): void;
}

type Task =
  | { kind: "add" }
  | { kind: "edit"; site: SiteDetail }
  /** With `force` the permit is stored even if verdicts change. */
  | { kind: "permit"; site: SiteDetail; force?: boolean };

export class EditorPanel {
  readonly element = h("section", { class: "editor", "aria-labelledby": "editor-heading", hidden: true });
  readonly #actions: EditorActions;
  readonly #stage: HTMLElement;
  readonly #inputs = new Map<FieldName, HTMLInputElement>();
  readonly #errors = new Map<FieldName, HTMLElement>();
  readonly #problem = h("div", { class: "problem-box", role: "alert", hidden: true });
  readonly #step = h("p", { class: "next-step", role: "status", id: "editor-step" });
  #task: Task | null = null;
  #field: OutlineField | null = null;
  #supersede: HTMLInputElement | null = null;
  #save: HTMLButtonElement | null = null;
  #isChanged = false;
  #hasMap = true;

  /** `stage` holds the map. */
  constructor(stage: HTMLElement, actions: EditorActions) {
    this.#stage = stage;
    this.#actions = actions;
  }

  get isOpen(): boolean {
    return this.#task !== null;
  }

  withoutMap(): void {
    this.#hasMap = false;
    this.#field?.withoutMap();
  }

  add(): void {
    this.#open({ kind: "add" });
  }

  edit(site: SiteDetail): void {
    this.#open({ kind: "edit", site });
  }

  permit(site: SiteDetail): void {
    this.#open({ kind: "permit", site });
  }

  /** A file that was dropped on the page: the outline of what is edited, or of a new site. */
  drop(file: File): void {
    if (!this.#task) this.add();
    void this.#field?.read(file);
  }

  /** Whether what was filled in may be lost; asks for it. */
  mayLeave(): boolean {
    return !this.#task || (!this.#isChanged && !this.#field?.isDrawing) || window.confirm(t("editor-leave"));
  }

  leave(): void {
    this.#field?.leave();
    this.#field?.banner.remove();
    this.#field = null;
    if (this.#task) this.#actions.show(null, false);
    this.#task = null;
    this.element.hidden = true;
    this.element.replaceChildren();
  }

  #open(task: Task): void {
    this.leave();
    this.#task = task;
    this.#isChanged = false;
    this.#inputs.clear();
    this.#errors.clear();
    this.#refuse();
    const outline = task.kind === "edit" && isOutline(task.site.boundary) ? task.site.boundary : null;
    const none = task.kind === "permit" ? t("outline-none-permit") : t("outline-none");
    const field = new OutlineField(this.#actions, outline, none, starts(task), (name, isOther) => this.#outlined(name, isOther));
    if (!this.#hasMap) field.withoutMap();
    this.#field = field;
    this.#stage.append(field.banner);
    this.element.replaceChildren(h("h1", { id: "editor-heading", tabindex: "-1" }, heading(task)), this.#step, this.#form(task, field));
    this.element.hidden = false;
    if (outline) this.#actions.show(outline, false);
    this.#say();
    this.element.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
    this.element.scrollTop = 0;
  }

  #form(task: Task, field: OutlineField): HTMLFormElement {
    const cancel = h("button", { type: "button", id: "editor-cancel" }, t("cancel"));
    cancel.addEventListener("click", () => this.mayLeave() && this.#actions.close());
    this.#save = h("button", { type: "submit", class: "primary", id: "editor-save" }, t(task.kind === "permit" ? "permit-add" : "editor-save"));
    const form = h(
      "form",
      { class: "panel", id: "editor-form", novalidate: true },
      ...(task.kind === "permit" ? this.#permitFields(task.site) : [field.element, ...this.#siteFields(task)]),
      task.kind === "permit" ? field.element : null,
      this.#problem,
      h("div", { class: "buttons" }, this.#save, cancel),
    );
    form.addEventListener("input", () => {
      this.#isChanged = true;
      this.#say();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#send();
    });
    return form;
  }

  #siteFields(task: Task): HTMLElement[] {
    const site = task.kind === "add" ? null : task.site;
    return [
      this.#input("name", t("editor-name"), { value: site?.name ?? "", required: true }),
      this.#input("operator", t("editor-operator"), { value: site?.operator ?? "" }),
      this.#input("commodity", t("editor-commodity"), { value: site?.commodity ?? "" }),
      ...(site ? [] : [this.#input("id", t("editor-id"), { placeholder: t("editor-id-hint") })]),
    ];
  }

  #permitFields(site: SiteDetail): HTMLElement[] {
    const open = site.permits.find((permit) => permit.valid_to === null);
    this.#supersede = open ? h("input", { type: "checkbox", id: "supersede", checked: true }) : null;
    return [
      this.#input("number", t("permit-field-number"), { required: true }),
      h("div", { class: "row" }, this.#input("valid-from", t("permit-field-from"), { type: "date", required: true }), this.#input("valid-to", t("permit-field-to"), { type: "date" })),
      this.#input("limit", t("permit-field-limit"), { inputmode: "decimal" }),
      ...(open && this.#supersede ? [h("label", { class: "check" }, this.#supersede, t("permit-supersede", { permit: open.number }))] : []),
    ];
  }

  #input(name: FieldName, words: string, attributes: Record<string, unknown>): HTMLElement {
    const id = `editor-${name}`;
    const error_id = newId("error");
    const input = h("input", { id, name, type: "text", autocomplete: "off", "aria-describedby": error_id, ...attributes });
    const error = h("span", { class: "field-error", id: error_id });
    this.#inputs.set(name, input);
    this.#errors.set(name, error);
    return h("div", { class: "field" }, h("label", { for: id }, words), input, error);
  }

  /** The outline is there, is another one, or is a moved one. */
  #outlined(name: string | null, isOther: boolean): void {
    this.#isChanged = true;
    const input = this.#inputs.get("name");
    if (input && input.value === "" && name) input.value = name;
    this.#say();
    if (input && isOther && this.#task?.kind === "add") input.focus({ preventScroll: true });
  }

  /** What to do next. */
  #say(): void {
    const task = this.#task;
    if (!task) return;
    const hasName = (this.#inputs.get("name")?.value.trim() ?? "") !== "";
    const step =
      task.kind === "edit" ? t("step-edit") : task.kind === "permit" ? t("step-permit") : !this.#field?.outline ? t("step-outline") : hasName ? t("step-save") : t("step-name");
    // Said again only if it is another one.
    if (this.#step.textContent !== step) this.#step.textContent = step;
  }

  async #send(): Promise<void> {
    const task = this.#task;
    if (!task || this.#save?.getAttribute("aria-busy")) return;
    this.#field?.leave();
    const send = this.#request(task);
    if (!send) return;
    this.#refuse();
    this.#save?.setAttribute("aria-busy", "true");
    try {
      const site = await withToken("register", send, (error) => this.#refuse(...told(error)));
      if (task !== this.#task) return;
      announce(t("editor-saved", { name: site.name }));
      this.leave();
      await this.#actions.saved(site, task.kind === "add");
    } catch (error) {
      if (task === this.#task) await this.#refused(task, error);
    } finally {
      this.#save?.removeAttribute("aria-busy");
    }
  }

  /** What is sent; none if a field needs another value, which is said at the field. */
  #request(task: Task): (() => Promise<SiteDetail>) | null {
    const fields = Object.fromEntries([...this.#inputs].map(([name, input]) => [name, input.value])) as Fields;
    const outline = this.#field?.outline ?? null;
    if (task.kind === "permit") {
      const outcome = checkedPermit(fields);
      if (!this.#mark("errors" in outcome ? outcome.errors : {}) || "errors" in outcome) return null;
      const more = { ...(outline && { polygon: outline }), ...(this.#supersede?.checked && { supersede: true }), ...(task.force && { force: true }) };
      return () => api.addPermit(task.site.id, { ...outcome.permit, ...more, revision: task.site.revision });
    }
    if (!this.#mark(siteErrors(fields))) return null;
    const text = (name: FieldName): string => fields[name]?.trim() ?? "";
    if (task.kind === "edit") {
      const isOther = outline !== null && outline !== (task.site.boundary as Outline | null);
      // Only what was edited: another person may have changed the rest.
      const edited = (["name", "operator", "commodity"] as const).filter((name) => text(name) !== (task.site[name] ?? ""));
      const values = Object.fromEntries(edited.map((name) => [name, text(name)]));
      return () => api.editSite(task.site.id, { revision: task.site.revision, ...values, ...(isOther && { geometry: outline }) });
    }
    if (!outline) {
      this.#refuse(t("step-outline"));
      this.#field?.focus();
      return null;
    }
    const given = (name: "id" | "operator" | "commodity"): Record<string, string> => (text(name) ? { [name]: text(name) } : {});
    return () => api.addSite({ type: "Feature", properties: { name: text("name"), ...given("id"), ...given("operator"), ...given("commodity") }, geometry: outline });
  }

  /** Whether all fields are as they can be. */
  #mark(errors: Errors): boolean {
    for (const [name, input] of this.#inputs) {
      const error = this.#errors.get(name);
      if (error) error.textContent = errors[name] ?? "";
      if (errors[name]) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
    const first = [...this.#inputs.keys()].find((name) => errors[name]);
    if (first) {
      this.#inputs.get(first)?.focus();
      announce(t("editor-not-saved"));
    }
    return !first;
  }

  async #refused(task: Task, error: unknown): Promise<void> {
    const status = error instanceof Problem ? error.status : 0;
    if (status === 409 && task.kind !== "add") await this.#conflict(task);
    else if (status === 428 && task.kind === "permit") this.#judgesAgain(task, error);
    else if (status === 409) this.#refuse(t("editor-id-taken"));
    else if (status === 413) this.#refuse(t("editor-too-large"));
    else if (status === 403) this.#refuse(...literals(lacking("register") ?? t("editor-read-only")));
    else if (status === 404) this.#refuse(t("editor-gone"));
    else this.#refuse(...told(error));
  }

  /** The permit would change verdicts: says which, and lets the editor choose. */
  #judgesAgain(task: Extract<Task, { kind: "permit" }>, error: unknown): void {
    const store = h("button", { type: "button", id: "store-anyway" }, t("permit-store-anyway"));
    store.addEventListener("click", () => {
      task.force = true;
      void this.#send().finally(() => (task.force = false));
    });
    this.#refuse(h("p", {}, t("permit-judges-again")), h("p", { class: "small" }, ...told(error)), h("div", { class: "buttons" }, store));
  }

  /** Somebody else changed the site: says what, and lets the editor choose. */
  async #conflict(task: Exclude<Task, { kind: "add" }>): Promise<void> {
    let now: SiteDetail;
    try {
      now = await api.site(task.site.id, new AbortController().signal);
    } catch (error) {
      this.#refuse(...told(error));
      return;
    }
    if (task !== this.#task) return;
    const theirs = h("button", { type: "button", id: "take-theirs" }, t("conflict-theirs"));
    theirs.addEventListener("click", () => this.#open({ ...task, site: now }));
    const mine = h("button", { type: "button", id: "keep-mine" }, t("conflict-mine"));
    mine.addEventListener("click", () => {
      task.site = { ...task.site, revision: now.revision };
      void this.#send();
    });
    this.#refuse(h("p", {}, t("conflict")), h("ul", { class: "small" }, ...differences(task.site, now).map((line) => h("li", {}, line))), h("div", { class: "buttons" }, theirs, mine));
  }

  #refuse(...words: (Node | string)[]): void {
    this.#problem.hidden = words.length === 0;
    this.#problem.replaceChildren(...words);
  }
}

/** Outlines that the one of a new permit can start from. */
function starts(task: Task): Start[] {
  if (task.kind !== "permit") return [];
  const { boundary, permits } = task.site;
  const last = permits.findLast(({ polygon }) => isOutline(polygon));
  return [
    ...(isOutline(boundary) ? [{ words: t("outline-take-site"), outline: boundary }] : []),
    ...(last && isOutline(last.polygon) ? [{ words: t("outline-take-permit", { permit: last.number }), outline: last.polygon }] : []),
  ];
}

function heading(task: Task): string {
  if (task.kind === "add") return t("site-add");
  return task.kind === "edit" ? t("site-edit-of", { name: task.site.name }) : t("permit-add-to", { name: task.site.name });
}

/** What has changed, with its value now where it is a text. */
function differences(seen: SiteDetail, now: SiteDetail): string[] {
  const lines: string[] = [];
  for (const name of ["name", "operator", "commodity", "status"] as const) {
    if (seen[name] !== now[name]) lines.push(t("conflict-value", { what: t(`editor-${name}`), value: now[name] ?? "–" }));
  }
  if (JSON.stringify(seen.boundary) !== JSON.stringify(now.boundary)) lines.push(t("conflict-outline"));
  if (JSON.stringify(seen.permits) !== JSON.stringify(now.permits)) lines.push(t("conflict-permits"));
  return lines;
}
