/** Loads the site that the view names, and its timeline. */

import { api } from "../api/client.ts";
import type { SiteDetail, Timeline } from "../api/types.ts";

export interface LoaderEvents {
  loading(id: string): void;
  loaded(site: SiteDetail, isAgain: boolean): void;
  failed(id: string, error: unknown): void;
  timeline(timeline: Timeline): void;
  timelineFailed(error: unknown): void;
}

export class SiteLoader {
  readonly #events: LoaderEvents;
  #running = new AbortController();

  constructor(events: LoaderEvents) {
    this.#events = events;
  }

  stop(): void {
    this.#running.abort();
  }

  /** `again` leaves what is shown of the site until it has come. */
  async load(id: string, { again = false } = {}): Promise<void> {
    this.#running.abort();
    this.#running = new AbortController();
    const { signal } = this.#running;
    if (!again) this.#events.loading(id);
    const timeline = api.timeline(id, signal);
    // Is looked at below; a failure before that is no unhandled one.
    timeline.catch(() => undefined);
    try {
      const site = await api.site(id, signal);
      if (signal.aborted) return;
      this.#events.loaded(site, again);
      if (site.observations.length === 0) return;
    } catch (error) {
      if (!signal.aborted) this.#events.failed(id, error);
      return;
    }
    try {
      const loaded = await timeline;
      if (!signal.aborted) this.#events.timeline(loaded);
    } catch (error) {
      if (!signal.aborted) this.#events.timelineFailed(error);
    }
  }
}
