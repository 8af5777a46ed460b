/** Report, evidence pack and exports. */

import { announce, fail } from "../announce.ts";
import { address, paths, request } from "../api/client.ts";
import { token } from "../api/token.ts";
import type { Observation, SiteDetail } from "../api/types.ts";
import { h } from "../dom.ts";
import { day } from "../format.ts";
import { t } from "../words.ts";
import { fileName } from "./file_name.ts";

export function downloads(site: SiteDetail, observation: Observation | null): HTMLElement {
  const evidence = observation
    ? download(t("evidence-pack", { day: day(observation.date) }), paths.evidence(site.id, observation.id), `${site.id}-${observation.id}-evidence.zip`)
    : null;
  return h(
    "div",
    { class: "downloads", role: "group", "aria-label": t("downloads") },
    report(site),
    evidence,
    download("GeoJSON", paths.export(site.id, "geojson"), `${site.id}.geojson`),
    download("GeoPackage", paths.export(site.id, "gpkg"), `${site.id}.gpkg`),
  );
}

/** In a tab of its own; with a token as a file, as links cannot send one. */
function report(site: SiteDetail): HTMLElement {
  const path = paths.report(site.id);
  if (token()) return download(t("report"), path, `${site.id}.html`, "text/html");
  return h("a", { class: "button", href: address(path), target: "_blank", rel: "noopener", hreflang: "en" }, t("report"), h("span", { class: "hidden" }, ` ${t("opens-in-tab")}`));
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
