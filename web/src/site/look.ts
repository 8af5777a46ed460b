/** Looks for new scenes of a site: a job of the server, which is ordered, followed and cancelled here. */

import { announce, fail, served, told } from "../announce.ts";
import { api } from "../api/client.ts";
import { Problem } from "../api/problem.ts";
import type { Job, ServerInfo, SiteDetail } from "../api/types.ts";
import { needing, roleNote } from "../caller.ts";
import { h } from "../dom.ts";
import { follow, isOver } from "../jobs/job.ts";
import { JobRow } from "../jobs/row.ts";
import { order } from "../jobs/token.ts";
import { t } from "../words.ts";
import { doing, outcome, runningFor } from "./look_words.ts";

export class Look {
  readonly element: HTMLElement;
  readonly #found: (site: string) => Promise<void>;
  readonly #button = needing("order", h("button", { type: "button", id: "look" }, t("look")));
  readonly #said = h("p", { class: "small", id: "look-outcome" });
  readonly #place = h("div");
  #info: ServerInfo | null = null;
  #site: SiteDetail | null = null;
  #row: JobRow | null = null;

  /** `found` loads the site with what is new. */
  constructor(found: (site: string) => Promise<void>) {
    this.#found = found;
    this.#button.addEventListener("click", () => void this.#order());
    this.element = h("div", { class: "look", hidden: true }, h("div", { class: "look-line" }, this.#button, this.#said), roleNote("order"), this.#place);
  }

  set(info: ServerInfo): void {
    this.#info = info;
    this.element.hidden = !info.jobs_enabled;
  }

  show(site: SiteDetail): void {
    const isOther = site.id !== this.#site?.id;
    this.#site = site;
    if (!isOther) return;
    this.#idle();
    if (this.#info?.jobs_enabled) void this.#resume(site.id);
  }

  /** No site is open: a job goes on, and is found again when its site is. */
  leave(): void {
    this.#site = null;
    this.#idle();
  }

  async #order(): Promise<void> {
    const site = this.#site?.id;
    if (site === undefined || this.#button.getAttribute("aria-busy")) return;
    this.#button.setAttribute("aria-busy", "true");
    try {
      const job = await order(this.#info, () => api.monitor({ sites: [site] }));
      if (!job || this.#site?.id !== site) return;
      announce(t("look-started"));
      this.#follow(job);
    } catch (error) {
      if (this.#site?.id === site) this.#say(told(error), true);
    } finally {
      this.#button.removeAttribute("aria-busy");
    }
  }

  /** A job that was ordered before this page was opened. */
  async #resume(site: string): Promise<void> {
    try {
      const job = runningFor(site, await api.jobs());
      if (job && this.#site?.id === site && !this.#row) this.#follow(job);
    } catch (error) {
      if (!(error instanceof Problem && error.status === 401)) fail(t("jobs-list"), error);
    }
  }

  #follow(job: Job): void {
    const row = new JobRow(job, { title: t("looking"), words: doing }, "div");
    const hadFocus = this.#hasFocus();
    this.#row = row;
    this.#place.replaceChildren(row.element);
    this.#button.hidden = true;
    this.#say([]);
    if (hadFocus) row.element.querySelector("button")?.focus();
    const changed = (now: Job): void => {
      if (row !== this.#row) return;
      if (isOver(now)) void this.#over(now);
      else row.show(now);
    };
    follow(job.id, changed, row.signal).catch((error: unknown) => {
      if (row !== this.#row) return;
      this.#idle();
      this.#say(told(error), true);
    });
  }

  async #over(job: Job): Promise<void> {
    const site = this.#site;
    if (!site) return;
    const { text, isProblem, isNew } = outcome(job, site, site.observations.at(-1)?.date ?? null);
    const hadFocus = this.#hasFocus();
    this.#idle();
    this.#say(isProblem ? served(text) : [text], isProblem);
    if (hadFocus) this.#button.focus();
    if (isNew) await this.#found(site.id);
    announce(text);
  }

  #idle(): void {
    this.#row?.remove();
    this.#row = null;
    this.#button.hidden = false;
    this.#say([]);
  }

  #hasFocus(): boolean {
    return this.element.contains(document.activeElement);
  }

  #say(words: readonly (Node | string)[], isProblem = false): void {
    this.#said.replaceChildren(...words);
    this.#said.classList.toggle("problem", isProblem);
  }
}
