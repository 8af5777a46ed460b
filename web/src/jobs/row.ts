/** A job with its progress, and a button that cancels it. */

import { fail } from "../announce.ts";
import { api } from "../api/client.ts";
import type { Job } from "../api/types.ts";
import { english, h, literals } from "../dom.ts";
import { shortPercent } from "../format.ts";
import { language, t } from "../words.ts";
import { isOver, isServed, stateWords } from "./job.ts";
import { needing } from "../caller.ts";
import { withToken } from "./token.ts";

export interface RowText {
  title: string;
  /** What it does at the moment. */
  words?: (job: Job) => string;
  /** What can be done with it at its end, before it is dismissed. */
  done?: (job: Job) => HTMLButtonElement | null;
}

export class JobRow {
  readonly element: HTMLElement;
  readonly #text: RowText;
  readonly #bar: HTMLProgressElement;
  readonly #words = h("p", { class: "small" });
  readonly #buttons = h("div", { class: "buttons" });
  readonly #following = new AbortController();
  #job: Job;

  constructor(job: Job, text: RowText, tag: "li" | "div" = "li") {
    this.#job = job;
    this.#text = text;
    this.#bar = h("progress", { max: "1", "aria-label": t("job-progress", { title: text.title }) });
    this.element = h(
      tag,
      { class: "job panel" },
      h("p", { class: "job-title" }, text.title, h("span", { class: "faint small" }, ` ${started(job)}`)),
      this.#bar,
      this.#words,
      this.#buttons,
    );
    this.show(job);
  }

  get job(): Job {
    return this.#job;
  }

  get title(): string {
    return this.#text.title;
  }

  /** Aborts when the row is gone. */
  get signal(): AbortSignal {
    return this.#following.signal;
  }

  show(job: Job): void {
    // Not at every state, as the button may have the focus.
    const changed = isOver(job) !== isOver(this.#job) || this.#buttons.childElementCount === 0;
    this.#job = job;
    this.element.dataset["state"] = job.state;
    if (job.progress === null || job.state === "queued") this.#bar.removeAttribute("value");
    else this.#bar.value = job.progress;
    this.#bar.hidden = isOver(job);
    const percent = job.progress === null || job.state !== "running" ? "" : `${shortPercent(job.progress)} · `;
    this.#say([percent, ...this.#doing(job)], job.state === "failed");
    if (changed) this.#showButtons(job);
  }

  /** The server no longer tells about the job. */
  lost(message: readonly (Node | string)[]): void {
    this.#bar.hidden = true;
    this.#say(message, true);
    this.#buttons.replaceChildren(this.#dismiss());
  }

  remove(): void {
    this.#following.abort();
    this.element.remove();
  }

  #doing(job: Job): (Node | string)[] {
    const text = (this.#text.words ?? stateWords)(job);
    if (language() === "en" || !isServed(job, text)) return literals(text);
    return [`${t(`job-${job.state}`)} · `, ...english(text)];
  }

  #say(words: readonly (Node | string)[], isProblem: boolean): void {
    this.#words.replaceChildren(...words);
    this.#words.classList.toggle("problem", isProblem);
  }

  #showButtons(job: Job): void {
    if (!isOver(job)) {
      const cancel = needing("order", h("button", { type: "button" }, t("cancel")));
      cancel.addEventListener("click", () => void withToken("order", () => api.cancel(job.id)).catch((error: unknown) => fail(t("job-cancelling"), error)));
      this.#buttons.replaceChildren(cancel);
      return;
    }
    const more = job.state === "done" ? this.#text.done?.(job) : null;
    this.#buttons.replaceChildren(...(more ? [more] : []), this.#dismiss());
  }

  #dismiss(): HTMLElement {
    const dismiss = h("button", { type: "button" }, t("dismiss"));
    dismiss.addEventListener("click", () => this.remove());
    return dismiss;
  }
}

function started(job: Job): string {
  return job.created.slice(0, 16).replace("T", " ");
}
