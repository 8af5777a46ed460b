/** The page of a site: verdict, figures, chart, tables, downloads. */

import { fail } from "../announce.ts";
import type { Observation, ServerInfo, SiteDetail, Timeline } from "../api/types.ts";
import { h, literals } from "../dom.ts";
import { change, hectares, interval, number, percent } from "../format.ts";
import { heading, icon, isExceedance, meaning, REVISION, type Standing, label } from "../verdict.ts";
import { downloads } from "./downloads.ts";
import { Look } from "./look.ts";
import type { Pair } from "./pair.ts";
import { observationsTable, permitsTable, scenesTable } from "./tables.ts";
import { TimelinePanel } from "./timeline.ts";

export interface SiteActions {
  close(): void;
  retry(): void;
  /** Shows an observation as the later one. */
  select(observation: string): void;
  /** Shows what is new of the site. */
  renew(site: string): Promise<void>;
}

export class SitePanel {
  readonly element = h("section", { class: "site", "aria-labelledby": "site-heading" });
  readonly #actions: SiteActions;
  readonly #timeline: TimelinePanel;
  readonly #look: Look;
  #verdict: HTMLElement | null = null;
  #observations: HTMLElement | null = null;
  #downloads: HTMLElement | null = null;

  constructor(actions: SiteActions) {
    this.#actions = actions;
    this.#timeline = new TimelinePanel((id) => actions.select(id));
    this.#look = new Look((site) => actions.renew(site));
  }

  set(info: ServerInfo): void {
    this.#look.set(info);
  }

  /** The site is closed. */
  leave(): void {
    this.#look.leave();
  }

  loading(name: string): void {
    this.element.replaceChildren(
      ...this.#head(name, "Loading"),
      h("div", { class: "skeleton", "aria-hidden": "true" }, ...[7, 4, 10].map((rem) => bone(rem))),
    );
  }

  failed(name: string, message: string): void {
    const retry = h("button", { type: "button" }, "Try again");
    retry.addEventListener("click", () => this.#actions.retry());
    this.element.replaceChildren(
      ...this.#head(name, ""),
      h("div", { class: "empty", role: "alert" }, h("p", { class: "empty-heading" }, "This site cannot be shown"), h("p", {}, ...literals(message)), retry),
    );
  }

  show(site: SiteDetail, pair: Pair): void {
    const facts = [site.operator, site.commodity, site.status].filter(Boolean).join(" · ");
    this.#verdict = h("div");
    this.#observations = h("div");
    this.#downloads = h("div");
    const has = site.observations.length > 0;
    this.#look.show(site);
    this.element.replaceChildren(
      ...this.#head(site.name, facts || site.id),
      this.#verdict,
      this.#downloads,
      this.#look.element,
      ...(has ? [h("h2", {}, "Over time"), this.#timeline.element, h("h2", {}, "Observations"), this.#observations] : []),
      h("h2", {}, "Permits"),
      site.permits.length ? permitsTable(site) : h("p", { class: "faint" }, "No permit is in the register, so no limit is known."),
      ...(has ? [h("h2", {}, "Scenes"), scenesTable(site.observations)] : []),
      h("h2", {}, "How to read this"),
      h("p", { class: "small faint" }, `The maps show disturbed land and not who is responsible for it. An exceedance is a reason to look closer, and no proof of a breach: ${REVISION.charAt(0).toLowerCase()}${REVISION.slice(1)} The report says how the numbers were made.`),
    );
    this.select(site, pair);
  }

  /** What follows the chosen dates. */
  select(site: SiteDetail, pair: Pair): void {
    this.#verdict?.replaceChildren(...verdictOf(site, pair.after));
    this.#downloads?.replaceChildren(downloads(site, pair.after));
    // Keeps the keyboard where it was: the table is made anew.
    const focused = this.#observations?.contains(document.activeElement) ? document.activeElement?.getAttribute("data-observation") : null;
    this.#observations?.replaceChildren(observationsTable(site, pair.after?.id ?? null, (id) => this.#actions.select(id)));
    if (focused) this.#observations?.querySelector<HTMLElement>(`[data-observation="${CSS.escape(focused)}"]`)?.focus();
    this.#timeline.select(pair);
  }

  /** The same site, with what is new: the keyboard and what is in sight stay where they are. */
  renew(site: SiteDetail, pair: Pair): void {
    const { element } = this;
    const { scrollTop } = element;
    const focused = element.contains(document.activeElement) ? (document.activeElement as HTMLElement) : null;
    this.show(site, pair);
    element.scrollTop = scrollTop;
    if (focused?.isConnected) focused.focus({ preventScroll: true });
    else if (focused) this.focus();
  }

  timeline(timeline: Timeline): void {
    this.#timeline.show(timeline).catch((error: unknown) => fail("The chart", error));
  }

  timelineFailed(message: string): void {
    this.#timeline.failed(message);
  }

  focus(): void {
    this.element.querySelector<HTMLElement>("#site-heading")?.focus({ preventScroll: true });
  }

  /** Colours of the chart, after a change between light and dark. */
  repaint(): void {
    this.#timeline.repaint();
  }

  #head(name: string, line: string): Node[] {
    const back = h("button", { type: "button", class: "plain back", id: "back" }, "← All sites");
    back.addEventListener("click", () => this.#actions.close());
    return [back, h("h1", { id: "site-heading", tabindex: "-1" }, name), h("p", { class: "lead" }, line)];
  }
}

function bone(rem: number): HTMLElement {
  const element = h("div", { class: "bone" });
  element.style.height = `${rem}rem`;
  return element;
}

function verdictOf(site: SiteDetail, observation: Observation | null): Node[] {
  const standing: Standing = observation?.verdict ?? "unseen";
  const isLast = observation === site.observations.at(-1);
  const day = observation ? `${observation.date}${isLast ? ", the last observation" : ""}` : null;
  const box = h(
    "div",
    { class: `verdict ${standing}`, id: "verdict" },
    icon(standing),
    h(
      "div",
      {},
      h("p", { class: "heading" }, heading(standing)),
      day ? h("p", { class: "small" }, day) : null,
      h("p", {}, observation?.statement || meaning(standing)),
      isExceedance(standing) && !/revision/i.test(observation?.statement ?? "") ? h("p", { class: "small" }, REVISION) : null,
    ),
  );
  if (!observation) return [box, h("p", { class: "small faint" }, ...literals("`minesegsat monitor run` looks for scenes of it."))];
  const corrected = (site.corrections ?? []).filter((one) => one.observation === observation.id);
  const notes = corrected.map((one) => `Judged again on ${one.replaced.slice(0, 10)}: until then ${label(one.verdict)}; ${one.reason}.`);
  return [box, ...listed("Corrections", notes), figures(observation), ...listed("Warnings", observation.warnings)];
}

function figures(o: Observation): HTMLElement {
  const level = o.confidence_level_percent;
  const floor_ha = o.seen_change?.noise_floor_ha;
  const changed = (name: string, sign: "+" | "−", value: number | null, seen: number | undefined): [string, string, string | null] => {
    const isNoise = value === 0 && seen !== undefined && Number(seen.toFixed(1)) !== 0;
    const since = o.compared_with && value !== null ? `since ${o.compared_with}` : null;
    return isNoise ? [name, change(seen, sign), `below the noise of ${hectares(floor_ha)}${since ? `; ${since}` : ""}`] : [name, change(value, sign), since];
  };
  const rows: [string, string, string | null][] = [
    ["Disturbed land", hectares(o.area?.ha), o.area ? `${level ? `${number(level, 0)} % interval ` : ""}${interval(o.area)} ha` : null],
    ["Mapped", hectares(o.parts?.mapped_ha), o.parts ? "whole pixels of the mask" : null],
    ["Assumed", hectares(o.parts?.assumed_ha), o.parts ? "in the unseen part" : null],
    ["Limit", hectares(o.limit_ha), o.permit ? `permit ${o.permit}` : null],
    changed("Gain", "+", o.gain_ha, o.seen_change?.gain_ha),
    changed("Loss", "−", o.loss_ha, o.seen_change?.loss_ha),
    ["Outside the permit", hectares(o.outside_permit_ha), "mapped inside the site"],
    ["Outside the site", hectares(o.parts?.outside_site_ha), "mapped, in one piece with land inside"],
    ["Seen of the site", percent(o.share_assessed), o.share_beyond_map ? `${percent(o.share_beyond_map)} beyond the scenes` : null],
  ];
  return h(
    "dl",
    { class: "tiles" },
    ...rows.map(([name, value, note]) =>
      h("div", { class: "tile" }, h("dt", {}, name), h("dd", { class: "value" }, value), note ? h("dd", { class: "small faint" }, note) : null),
    ),
  );
}

function listed(label: string, notes: readonly string[]): Node[] {
  if (notes.length === 0) return [];
  return [h("ul", { class: "notes", "aria-label": label }, ...notes.map((note) => h("li", {}, ...literals(note))))];
}
