/** Tables of a site's page: observations (what the chart shows, in numbers), permits and scenes. */

import type { Observation, Permit, SiteDetail } from "../api/types.ts";
import { needing } from "../caller.ts";
import { english, h, newId } from "../dom.ts";
import { NONE, change, ha, hectares, interval, levelOf, percent } from "../format.ts";
import { badge } from "../verdict.ts";
import { t } from "../words.ts";

function table(caption: string, heads: readonly (string | { words: string })[], rows: readonly Node[]): HTMLElement {
  const id = newId("caption");
  return h(
    "div",
    { class: "scroll", role: "region", "aria-labelledby": id, tabindex: "0" },
    h(
      "table",
      {},
      h("caption", { class: "hidden", id }, caption),
      h("thead", {}, h("tr", {}, ...heads.map(column))),
      h("tbody", {}, ...rows),
    ),
  );
}

/** Columns of words stand to the left, those of numbers to the right. */
function column(head: string | { words: string }): HTMLElement {
  return typeof head === "string" ? h("th", { scope: "col" }, head) : h("th", { scope: "col", class: "words" }, head.words);
}

/** Newest first; the date of each shows it on the map. */
export function observationsTable(site: SiteDetail, selected: string | null, select: (id: string) => void): HTMLElement {
  const rows = [...site.observations].reverse().map((o) => {
    const current = o.id === selected;
    const date = h("button", { type: "button", class: "link", "aria-current": current ? "true" : null, "data-observation": o.id }, o.date);
    date.addEventListener("click", () => select(o.id));
    return h(
      "tr",
      { class: current ? "current" : null },
      h("th", { scope: "row" }, date),
      h("td", { class: "words" }, badge(o.verdict)),
      h("td", {}, o.area ? ha(o.area.ha) : NONE),
      h("td", {}, o.area ? interval(o.area) : NONE),
      h("td", {}, ha(o.limit_ha)),
      h("td", {}, change(o.gain_ha, "+", o.seen_change?.gain_ha, o.seen_change?.noise_floor_ha)),
      h("td", {}, change(o.loss_ha, "−", o.seen_change?.loss_ha, o.seen_change?.noise_floor_ha)),
      h("td", {}, percent(o.share_assessed)),
      h("td", {}, percent(o.share_disagreeing)),
    );
  });
  const level = site.observations.at(-1)?.confidence_level_percent;
  const interval_head = level ? t("interval-at-level-ha", { level: levelOf(level) }) : t("interval-ha");
  return table(
    t("observations-caption"),
    [t("date"), { words: t("verdict") }, t("disturbed-ha"), interval_head, t("limit-ha"), t("gain"), t("loss"), t("seen"), t("disagrees")],
    rows,
  );
}

/** `withdraw` stands at each permit, if there is one. */
export function permitsTable(site: SiteDetail, withdraw: ((permit: Permit) => void) | null): HTMLElement {
  const rows = site.permits.map((permit) => {
    const button = withdraw && needing("register", h("button", { type: "button", class: "link", "aria-label": t("permit-withdraw-of", { permit: permit.number }) }, t("permit-withdraw")));
    button?.addEventListener("click", () => withdraw?.(permit));
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, permit.number),
      h("td", {}, hectares(permit.limit_ha)),
      h("td", {}, permit.valid_from),
      h("td", {}, permit.valid_to ?? t("open-ended")),
      h("td", { class: "words" }, permit.document ?? NONE),
      button && h("td", {}, button),
    );
  });
  return table(t("permits-caption"), [t("permit"), t("limit"), t("from"), t("to"), { words: t("document") }, ...(withdraw ? [t("permit-change")] : [])], rows);
}

export function scenesTable(observations: readonly Observation[]): HTMLElement {
  const rows = [...observations].reverse().flatMap((o) => {
    const records = o.scene_records.length
      ? o.scene_records
      : o.scenes.map((id) => ({ id, cloud_cover_percent: null, processing_baseline: null, offset_decision: null }));
    return records.map((scene) =>
      h(
        "tr",
        {},
        h("td", {}, o.date),
        h("th", { scope: "row", class: "words id" }, scene.id),
        h("td", {}, scene.cloud_cover_percent === null ? NONE : percent(scene.cloud_cover_percent / 100)),
        h("td", {}, scene.processing_baseline ?? NONE),
        h("td", { class: "words" }, ...(scene.offset_decision ? english(scene.offset_decision) : [NONE])),
      ),
    );
  });
  return table(t("scenes-caption"), [t("date"), { words: t("scene") }, t("cloud-cover"), t("baseline"), { words: t("offset") }], rows);
}
