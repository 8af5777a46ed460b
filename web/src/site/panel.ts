/** The page of a site: verdict, figures, chart, tables, downloads. */

import { fail, told } from "../announce.ts";
import type { Observation, Permit, ServerInfo, SiteDetail, Timeline } from "../api/types.ts";
import { needing, roleNote, showRoles } from "../caller.ts";
import { english, h, literals } from "../dom.ts";
import { change, day, hectares, intervalAt, NONE, percent } from "../format.ts";
import { heading, icon, isExceedance, meaning, type Standing, label } from "../verdict.ts";
import { language, t } from "../words.ts";
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
  edit(site: SiteDetail): void;
  addPermit(site: SiteDetail): void;
  withdraw(site: SiteDetail, permit: Permit): Promise<void>;
  remove(site: SiteDetail): Promise<void>;
}

export class SitePanel {
  readonly element = h("section", { class: "site", "aria-labelledby": "site-heading" });
  readonly #actions: SiteActions;
  readonly #timeline: TimelinePanel;
  readonly #look: Look;
  #verdict: HTMLElement | null = null;
  #observations: HTMLElement | null = null;
  #downloads: HTMLElement | null = null;
  #isWritable = false;

  constructor(actions: SiteActions) {
    this.#actions = actions;
    this.#timeline = new TimelinePanel((id) => actions.select(id));
    this.#look = new Look((site) => actions.renew(site));
  }

  set(info: ServerInfo): void {
    this.#look.set(info);
    this.#isWritable = info.writing_enabled ?? false;
  }

  /** The site is closed. */
  leave(): void {
    this.#look.leave();
  }

  loading(name: string): void {
    this.element.replaceChildren(
      ...this.#head(name, t("loading")),
      h("div", { class: "skeleton", "aria-hidden": "true" }, ...[7, 4, 10].map((rem) => bone(rem))),
    );
  }

  failed(name: string, error: unknown): void {
    const retry = h("button", { type: "button" }, t("try-again"));
    retry.addEventListener("click", () => this.#actions.retry());
    this.element.replaceChildren(
      ...this.#head(name, ""),
      h("div", { class: "empty", role: "alert" }, h("p", { class: "empty-heading" }, t("site-failed")), h("p", {}, ...told(error)), retry),
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
      ...(has ? [h("h2", {}, t("over-time")), this.#timeline.element, h("h2", {}, t("observations")), this.#observations] : []),
      h("h2", {}, t("permits")),
      site.permits.length ? permitsTable(site, this.#isWritable ? (permit) => void this.#actions.withdraw(site, permit) : null) : h("p", { class: "faint" }, t("no-permit")),
      ...this.#changes(site),
      ...(has ? [h("h2", {}, t("scenes")), scenesTable(site.observations)] : []),
      h("h2", {}, t("how-to-read")),
      h("p", { class: "small faint" }, t("how-to-read-text")),
    );
    // The search for scenes is made once, and was not on the page when the caller became known.
    showRoles(this.element);
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
    this.#timeline.show(timeline).catch((error: unknown) => fail(t("chart"), error));
  }

  timelineFailed(error: unknown): void {
    this.#timeline.failed(error);
  }

  focus(): void {
    this.element.querySelector<HTMLElement>("#site-heading")?.focus({ preventScroll: true });
  }

  /** Colours of the chart, after a change between light and dark. */
  repaint(): void {
    this.#timeline.repaint();
  }

  #changes(site: SiteDetail): Node[] {
    if (!this.#isWritable) return [];
    const [permit, edit, remove] = [
      h("button", { type: "button", id: "add-permit" }, t("permit-add")),
      h("button", { type: "button", id: "edit-site" }, t("site-edit")),
      h("button", { type: "button", id: "remove-site" }, t("site-remove")),
    ].map((button) => needing("register", button));
    permit?.addEventListener("click", () => this.#actions.addPermit(site));
    edit?.addEventListener("click", () => this.#actions.edit(site));
    remove?.addEventListener("click", () => void this.#actions.remove(site));
    return [h("div", { class: "buttons changes" }, permit, edit, remove), roleNote("register")];
  }

  #head(name: string, line: string): Node[] {
    const back = h("button", { type: "button", class: "plain back", id: "back" }, t("all-sites"));
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
  const dated = observation && (isLast ? t("last-observation", { date: observation.date }) : observation.date);
  // The sentence of the register is English. In other languages it stands below one from the same numbers.
  const record = language() === "en" ? null : observation?.statement;
  const isSaid = language() === "en" && /revision/i.test(observation?.statement ?? "");
  const box = h(
    "div",
    { class: `verdict ${standing}`, id: "verdict" },
    icon(standing),
    h(
      "div",
      {},
      h("p", { class: "heading" }, heading(standing)),
      dated ? h("p", { class: "small" }, dated) : null,
      h("p", {}, observation ? statement(observation) : meaning(standing)),
      isExceedance(standing) && !isSaid ? h("p", { class: "small" }, t("revision-may-be-missing")) : null,
      record ? h("p", { class: "small faint record" }, t("record-text"), " ", ...english(record)) : null,
    ),
  );
  if (!observation) return [box, h("p", { class: "small faint" }, ...literals(t("monitor-looks")))];
  const corrected = (site.corrections ?? []).filter((one) => one.observation === observation.id);
  const notes = corrected.map((one) => [
    `${t("corrected", { day: day(one.replaced.slice(0, 10)), verdict: label(one.verdict) })} `,
    ...english(`${one.reason}.`),
    ...(one.editor ? [` ${t("corrected-by", { name: one.editor })}`] : []),
  ]);
  return [box, ...listed(t("corrections"), notes), figures(observation), ...listed(t("warnings"), observation.warnings.map(english))];
}

/** What was found, in one sentence: that of the register, or in other languages one from its numbers. */
function statement(o: Observation): string {
  if (language() === "en") return o.statement || meaning(o.verdict);
  const { date, verdict, area, permit, limit_ha } = o;
  if (verdict === "not-assessable") return o.share_assessed === null ? meaning(verdict) : t("verdict-not-assessable-statement", { day: day(date), share: percent(o.share_assessed) });
  if (!area || (verdict !== "no-limit" && limit_ha === null)) return meaning(verdict);
  return t(`verdict-${verdict}-statement`, {
    day: day(date),
    area: hectares(area.ha),
    interval: intervalAt(area, o.confidence_level_percent),
    limit: hectares(limit_ha),
    permit: permit ?? NONE,
  });
}

function figures(o: Observation): HTMLElement {
  const floor_ha = o.seen_change?.noise_floor_ha;
  const changed = (name: string, sign: "+" | "−", value: number | null, seen: number | undefined): [string, string, string | null] => {
    const isNoise = value === 0 && seen !== undefined && Number(seen.toFixed(1)) !== 0;
    const since = o.compared_with && value !== null ? t("since", { day: day(o.compared_with) }) : null;
    const notes = [isNoise ? t("below-noise", { floor: hectares(floor_ha) }) : null, since];
    return [name, change(isNoise ? seen : value, sign), notes.filter(Boolean).join(" · ") || null];
  };
  const rows: [string, string, string | null][] = [
    [t("disturbed-land"), hectares(o.area?.ha), o.area ? intervalAt(o.area, o.confidence_level_percent) : null],
    [t("mapped"), hectares(o.parts?.mapped_ha), o.parts ? t("mapped-note") : null],
    [t("assumed"), hectares(o.parts?.assumed_ha), o.parts ? t("assumed-note") : null],
    [t("limit"), hectares(o.limit_ha), o.permit ? t("permit-number", { permit: o.permit }) : null],
    changed(t("gain"), "+", o.gain_ha, o.seen_change?.gain_ha),
    changed(t("loss"), "−", o.loss_ha, o.seen_change?.loss_ha),
    [t("outside-permit"), hectares(o.outside_permit_ha), t("outside-permit-note")],
    [t("outside-site"), hectares(o.parts?.outside_site_ha), t("outside-site-note")],
    [t("seen-share"), percent(o.share_assessed), o.share_beyond_map ? t("beyond-scenes", { share: percent(o.share_beyond_map) }) : null],
    [t("disagrees-with-dates"), percent(o.share_disagreeing), t("disagrees-note")],
  ];
  if (o.share_in_other_sites) rows.push([t("shared-outline"), percent(o.share_in_other_sites), t("shared-note")]);
  return h(
    "dl",
    { class: "tiles" },
    ...rows.map(([name, value, note]) =>
      h("div", { class: "tile" }, h("dt", {}, name), h("dd", { class: "value" }, value), note ? h("dd", { class: "small faint" }, note) : null),
    ),
  );
}

function listed(label: string, notes: readonly (Node | string)[][]): Node[] {
  if (notes.length === 0) return [];
  return [h("ul", { class: "notes", "aria-label": label }, ...notes.map((note) => h("li", {}, ...note)))];
}
