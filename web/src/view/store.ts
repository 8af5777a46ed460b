/** The view, who listens to it, and the link that follows it. */

import { decode, encode } from "./hash.ts";
import type { View } from "./view.ts";

type Listener = (view: View, before: View) => void;

/** Browsers refuse too many changes of the address in a short time; Safari takes 100 in 30 s. */
const ADDRESS_PAUSE_MS = 350;

export class Store {
  #view: View;
  #listeners: Listener[] = [];
  #timer = 0;

  constructor(hash: string) {
    this.#view = decode(hash);
    // The address of another step must not be overwritten with what was seen before it. `popstate` comes before any timer.
    for (const event of ["popstate", "hashchange"]) {
      window.addEventListener(event, () => {
        window.clearTimeout(this.#timer);
        this.#set(decode(location.hash));
      });
    }
  }

  get view(): View {
    return this.#view;
  }

  /** Changes the view; `step` makes it one that the browser's back button undoes. */
  update(change: Partial<View>, { step = false } = {}): void {
    if (step) {
      this.write();
      this.#set({ ...this.#view, ...change });
      window.clearTimeout(this.#timer);
      history.pushState(null, "", this.link());
      return;
    }
    this.#set({ ...this.#view, ...change });
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.write(), ADDRESS_PAUSE_MS);
  }

  listen(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** The address that shows what is seen now. */
  link(): string {
    const hash = encode(this.#view);
    return location.pathname + location.search + (hash ? `#${hash}` : "");
  }

  #set(view: View): void {
    const before = this.#view;
    this.#view = view;
    for (const listener of this.#listeners) listener(view, before);
  }

  /** Writes the address now. */
  write(): void {
    window.clearTimeout(this.#timer);
    history.replaceState(null, "", this.link());
  }
}
