/** Report, evidence pack and exports. */

import { announce, fail } from "../announce.ts";
import { address, paths, request } from "../api/client.ts";
import { token } from "../api/token.ts";
import type { Observation, SiteDetail } from "../api/types.ts";
import { h } from "../dom.ts";
import { day } from "../format.ts";
import { language, locale, t } from "../words.ts";
import { fileName } from "./file_name.ts";

/** Formats of the disturbed land of a site, with the ends of their files. */
const LAND = { gpkg: "GeoPackage", geojson: "GeoJSON", shp: "Shapefile", kml: "KML", csv: "CSV", xlsx: "XLSX" } as const;

export function downloads(site: SiteDetail, observation: Observation | null): HTMLElement {
  const evidence = observation
    ? download(t("evidence-pack", { day: day(observation.date) }), paths.evidence(site.id, observation.id, locale()), `${site.id}-${observation.id}-evidence.zip`)
    : null;
  return h(
    "div",
    {},
    h(
      "div",
      { class: "downloads", role: "group", "aria-label": t("downloads") },
      report(site),
      download(t("report-pdf"), paths.reportPdf(site.id, locale()), `${site.id}.pdf`),
      evidence,
    ),
    more(site, observation),
  );
}

/** Whether the files for other programs are shown: another date leaves them so. */
let moreIsOpen = false;

/** Files for other programs, by what they hold. */
function more(site: SiteDetail, observation: Observation | null): HTMLElement {
  const group = (title: string, ...buttons: (HTMLElement | null)[]) =>
    h("div", {}, h("p", { class: "small faint" }, title), h("div", { class: "downloads", role: "group", "aria-label": title }, ...buttons));
  const land = Object.entries(LAND).map(([format, name]) => download(name, paths.land(site.id, format), `${site.id}_land.${format}`));
  const raster = (name: "mask" | "probability" | "change" | "onset" | "state", of: Observation) =>
    download(t(`raster-${name}`), paths.file(site.id, of.id, `${name}.tif`), `${site.id}-${of.id}-${name}.tif`);
  const details = h(
    "details",
    { class: "more-files", open: moreIsOpen },
    h("summary", {}, t("more-files")),
    observation ? group(t("files-of-land"), ...land) : null,
    observation
      ? group(
          t("files-of-day", { day: day(observation.date) }),
          raster("mask", observation),
          raster("probability", observation),
          observation.compared_with ? raster("change", observation) : null,
          observation.layers.includes("onset") ? raster("onset", observation) : null,
          observation.layers.includes("onset") ? raster("state", observation) : null,
        )
      : null,
    group(
      t("files-of-site"),
      download("GeoJSON", paths.export(site.id, "geojson"), `${site.id}.geojson`),
      download("GeoPackage", paths.export(site.id, "gpkg"), `${site.id}.gpkg`),
    ),
  );
  details.addEventListener("toggle", () => {
    moreIsOpen = details.open;
  });
  return details;
}

/** In a tab of its own; with a token as a file, as links cannot send one. */
function report(site: SiteDetail): HTMLElement {
  const path = paths.report(site.id, locale());
  if (token()) return download(t("report"), path, `${site.id}.html`, "text/html");
  return h("a", { class: "button", href: address(path), target: "_blank", rel: "noopener", hreflang: language() }, t("report"), h("span", { class: "hidden" }, ` ${t("opens-in-tab")}`));
}

/** By `fetch` and not as a link, so that what the server refuses is said here in its words. */
function download(label: string, path: string, name: string, accept = "*/*"): HTMLElement {
  const button = h("button", { type: "button" }, label);
  button.addEventListener("click", async () => {
    button.setAttribute("aria-busy", "true");
    try {
      const response = await request(path, { headers: { accept } });
      save(await response.blob(), fileName(response.headers.get("content-disposition")) ?? name);
      announce(t("downloaded", { what: label }));
    } catch (error) {
      fail(label, error);
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
  return button;
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  // The download has begun by then; at once would cut it short in some browsers.
  window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
