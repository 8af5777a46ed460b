/** The map: all sites, one site on two dates, predictions. Loaded after the page is drawn, as MapLibre is most of its weight. */

import type { FeatureCollection, Position as Corner } from "geojson";
import { AttributionControl, LngLatBounds, Map, Marker, NavigationControl, Popup, ScaleControl, setWorkerUrl, type GeoJSONSource } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import "maplibre-gl/dist/maplibre-gl.css";
import { fail } from "../announce.ts";
import { address, api } from "../api/client.ts";
import { authorization } from "../api/token.ts";
import type { Bbox, Prediction, ServerInfo, Site, SiteDetail } from "../api/types.ts";
import { h } from "../dom.ts";
import { hectares, positionText } from "../format.ts";
import type { Pair } from "../site/pair.ts";
import type { Entry } from "../sites/filter.ts";
import type { Position } from "../sites/position.ts";
import { badge, heading } from "../verdict.ts";
import type { Store } from "../view/store.ts";
import type { View } from "../view/view.ts";
import { t } from "../words.ts";
import { boxFeature, drawBox } from "./box.ts";
import { changesOf } from "./changes.ts";
import { editCorners, type CornerEditing } from "./corners.ts";
import { addSiteImages, dropImages, resolveImages } from "./icons.ts";
import { land } from "./land.ts";
import { DARK, LIGHT, type Palette } from "./palette.ts";
import { Pane } from "./pane.ts";
import { drawPolygon, type Drawing } from "./polygon.ts";
import { NOTHING, severity, style } from "./style.ts";
import { PrintButton, printable, type Printed } from "./print.ts";
import { Swipe } from "./swipe.ts";

export interface MapActions {
  open(site: string): void;
  /** Since when the gain and loss that are drawn are; none if none are. */
  changesSince(date: string | null): void;
}

interface Shown {
  site: SiteDetail | null;
  pair: Pair;
  prediction: Prediction | null;
}

/** What of a view the maps are drawn from; sites and dates come by `show`. */
const DRAWN = ["compare", "picture", "pictureOpacity", "overlay", "overlayOpacity", "outlines"] as const;

const PADDING_PX = 48;
const SITE_MAX_ZOOM = 16;
/** Where a mine is as large as the map. */
const POSITION_ZOOM = 12;

export class SiteMap {
  readonly #place: HTMLElement;
  readonly #store: Store;
  readonly #actions: MapActions;
  readonly #basemap: ServerInfo["basemap"];
  readonly #main: Pane;
  readonly #swipe: Swipe;
  readonly #beforePlace: HTMLElement;
  readonly #ready: Promise<void>;
  #before: { pane: Pane; ready: Promise<unknown> } | null = null;
  #palette: Palette;
  #shown: Shown = { site: null, pair: { before: null, after: null }, prediction: null };
  #loading = new AbortController();
  #land = NOTHING;
  #following = false;
  #isEditing = false;
  #mark: Marker | null = null;

  constructor(place: HTMLElement, store: Store, basemap: ServerInfo["basemap"], isDark: boolean, actions: MapActions) {
    setWorkerUrl(address(workerUrl));
    this.#place = place;
    this.#store = store;
    this.#actions = actions;
    this.#basemap = basemap;
    this.#palette = isDark ? DARK : LIGHT;
    const mainPlace = h("div", { class: "pane" });
    this.#beforePlace = h("div", { class: "pane pane-before", hidden: true, inert: true });
    this.#swipe = new Swipe((divider) => store.update({ divider }));
    place.prepend(mainPlace, this.#beforePlace, this.#swipe.element);
    this.#main = new Pane(this.#map(mainPlace, true));
    const { map } = this.#main;
    map.addControl(new NavigationControl({ showCompass: false }), "top-left");
    map.addControl(new PrintButton(), "top-left");
    printable(() => this.#printed());
    map.addControl(new ScaleControl({ maxWidth: 120 }), "bottom-left");
    map.addControl(new AttributionControl({ compact: true }), "bottom-right");
    map.once("load", () => foldAttribution(mainPlace));
    map.getCanvas().setAttribute("aria-label", t("map-help"));
    this.#ready = new Promise((resolve) => map.once("style.load", () => resolve()));
    this.#prepare(map);
    this.#watch(map);
    void land().then(
      (data) => this.#whenReady(() => {
        this.#land = data;
        this.#main.set("land", data);
        const { pane, ready } = this.#before ?? {};
        void ready?.then(() => pane?.set("land", data));
      }),
      (error: unknown) => fail(t("coastlines"), error),
    );
    store.listen((view, before) => this.#viewed(view, before));
  }

  /** All sites that the filter leaves. */
  sites(entries: readonly Entry[]): void {
    const features = entries.map(({ site, standing }) => ({
      type: "Feature" as const,
      properties: { id: site.id, standing, severity: severity(standing), name: site.name },
      geometry: { type: "Point" as const, coordinates: centre(site.bbox) },
    }));
    this.#whenReady(() => this.#main.set("sites", { type: "FeatureCollection", features }));
  }

  show(shown: Shown): void {
    const last = this.#shown;
    this.#shown = shown;
    this.#whenReady(() => {
      if (shown.site !== last.site || shown.pair.before !== last.pair.before || shown.pair.after !== last.pair.after || shown.prediction !== last.prediction) {
        this.#load();
      }
      this.#draw();
    });
  }

  fit(bbox: Bbox, { maxZoom = SITE_MAX_ZOOM, animate = true } = {}): void {
    // What appeared beside the map just now may have taken room from it.
    this.#main.map.resize();
    const [west, south, east, north] = bbox;
    this.#main.map.fitBounds([[west, south], [east, north]], { padding: this.#padding(), maxZoom, animate, duration: 900 });
  }

  fitAll(sites: readonly Site[], animate = true): void {
    const bounds = new LngLatBounds();
    for (const { bbox } of sites) bounds.extend(centre(bbox));
    if (!bounds.isEmpty()) this.fit([bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()], { maxZoom: 10, animate });
  }

  /** Flies to a position and marks it; none takes the mark away. */
  goTo(position: Position | null): void {
    this.#mark?.remove();
    this.#mark = null;
    if (!position) return;
    const element = h("div", { class: "position-mark", role: "img", "aria-label": t("position-mark", { position: positionText(position) }) });
    this.#mark = new Marker({ element }).setLngLat([position.lon, position.lat]).addTo(this.#main.map);
    this.#main.map.flyTo({ center: [position.lon, position.lat], zoom: Math.max(this.#main.map.getZoom(), POSITION_ZOOM) });
  }

  /** What is seen, west, south, east, north. */
  extent(): Bbox {
    const bounds = this.#main.map.getBounds();
    const round = (degrees: number): number => Number(degrees.toFixed(5));
    return [round(bounds.getWest()), round(bounds.getSouth()), round(bounds.getEast()), round(bounds.getNorth())];
  }

  box(bbox: Bbox | null): void {
    this.#whenReady(() => this.#main.set("box", boxFeature(bbox)));
  }

  drawBox(signal: AbortSignal): Promise<Bbox | null> {
    return drawBox(this.#main.map, (bbox) => this.box(bbox), signal);
  }

  /** The corners of an outline that the user draws; none if the user gives up. */
  drawPolygon(drawing: Drawing, signal: AbortSignal): Promise<Corner[] | null> {
    return drawPolygon(this.#main.map, (data) => this.draft(data), drawing, signal);
  }

  /** Lasts until the corners of an outline are moved; whether the changes are kept. */
  editCorners(editing: CornerEditing, signal: AbortSignal): Promise<boolean> {
    return editCorners(this.#main.map, (data) => this.draft(data), editing, signal);
  }

  /** While an outline is edited, one map shows it whole. */
  editing(isEditing: boolean): void {
    if (isEditing === this.#isEditing) return;
    this.#isEditing = isEditing;
    this.#whenReady(() => this.#draw());
  }

  /** What is being edited. */
  draft(data: FeatureCollection): void {
    this.#whenReady(() => this.#main.set("box", data));
  }

  recolour(isDark: boolean): void {
    this.#palette = isDark ? DARK : LIGHT;
    this.#whenReady(() => {
      for (const { map } of [this.#main, this.#before?.pane].filter((pane) => pane !== undefined)) {
        map.setPaintProperty("sea", "background-color", this.#palette.sea);
        map.setPaintProperty("land", "fill-color", this.#palette.land);
        map.setPaintProperty("coast", "line-color", this.#palette.coast);
        map.setPaintProperty("grid", "line-color", this.#palette.grid);
        addSiteImages(map, this.#palette);
        dropImages(map);
      }
    });
  }

  #printed(): Printed {
    const { view } = this.#store;
    const { site, pair, prediction } = this.#shown;
    const { before, after } = pair;
    const comparing = this.#comparing();
    return {
      place: this.#place,
      main: this.#main.map,
      before: comparing ? (this.#before?.pane.map ?? null) : null,
      dates: after && site ? { before: comparing && before ? before.date : "", after: after.date } : null,
      site: site && { name: site.name, line: [site.operator, after && heading(after.verdict), after?.area && hectares(after.area.ha)].filter(Boolean).join(" · ") },
      prediction: prediction?.name ?? null,
      view,
    };
  }

  #map(container: HTMLElement, interactive: boolean): Map {
    const { camera } = this.#store.view;
    return new Map({
      container,
      style: style(this.#palette, this.#basemap),
      interactive,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      maxPitch: 0,
      renderWorldCopies: true,
      center: camera ? [camera.lon, camera.lat] : [0, 20],
      zoom: camera?.zoom ?? 1,
      // Our own tiles may need the token; nobody else gets it.
      transformRequest: (url) => (url.startsWith(address("tiles/")) ? { url, headers: authorization() } : { url }),
      canvasContextAttributes: { antialias: false },
      locale: {
        "Map.Title": t("map"),
        "NavigationControl.ZoomIn": t("zoom-in"),
        "NavigationControl.ZoomOut": t("zoom-out"),
        "AttributionControl.ToggleAttribution": t("attribution-toggle"),
      },
    });
  }

  #prepare(map: Map): void {
    resolveImages(map, () => this.#palette);
    map.once("style.load", () => addSiteImages(map, this.#palette));
    map.touchZoomRotate.disableRotation();
    map.keyboard.disableRotation();
    // A tile that is not there is nothing to tell: pictures end where the scene ends.
    map.on("error", (event) => console.debug(event.error.message));
  }

  #whenReady(task: () => void): void {
    void this.#ready.then(task);
  }

  #watch(map: Map): void {
    map.on("move", () => {
      this.#before?.pane.map.jumpTo({ center: map.getCenter(), zoom: map.getZoom(), bearing: map.getBearing() });
    });
    map.on("moveend", () => {
      if (this.#following) return;
      const { lng, lat } = map.getCenter().wrap();
      this.#store.update({ camera: { zoom: map.getZoom(), lat, lon: lng } });
    });
    const isDrawing = (): boolean => map.getCanvasContainer().matches(".drawing, .cornering");
    map.on("click", "clusters", async (event) => {
      if (isDrawing()) return;
      const feature = event.features?.[0];
      if (feature?.geometry.type !== "Point") return;
      const source = map.getSource<GeoJSONSource>("sites");
      const zoom = await source?.getClusterExpansionZoom(Number(feature.properties["cluster_id"]));
      const [lon, lat] = feature.geometry.coordinates;
      if (zoom !== undefined && lon !== undefined && lat !== undefined) map.easeTo({ center: [lon, lat], zoom: zoom + 0.2 });
    });
    map.on("click", "sites", (event) => {
      const id: unknown = event.features?.[0]?.properties["id"];
      if (typeof id === "string" && !isDrawing()) this.#actions.open(id);
    });
    const popup = new Popup({ closeButton: false, closeOnClick: false, offset: 14, className: "tip" });
    for (const layer of ["clusters", "sites"]) {
      map.on("mouseenter", layer, (event) => {
        map.getCanvas().style.cursor = "pointer";
        const feature = event.features?.[0];
        if (layer === "sites" && feature?.geometry.type === "Point") {
          const [lon, lat] = feature.geometry.coordinates;
          popup
            .setLngLat([lon ?? 0, lat ?? 0])
            .setDOMContent(h("div", {}, h("b", {}, String(feature.properties["name"])), h("br"), badge(feature.properties["standing"])))
            .addTo(map);
        }
      });
      map.on("mouseleave", layer, () => {
        map.getCanvas().style.cursor = "";
        popup.remove();
      });
    }
  }

  /** Follows a link or the back button. */
  #viewed(view: View, before: View): void {
    const { map } = this.#main;
    const moved = view.camera && view.camera !== before.camera ? view.camera : null;
    if (moved) {
      const at = map.getCenter();
      const same = Math.abs(at.lat - moved.lat) < 2e-5 && Math.abs(at.wrap().lng - moved.lon) < 2e-5 && Math.abs(map.getZoom() - moved.zoom) < 0.01;
      if (!same) {
        this.#following = true;
        map.jumpTo({ center: [moved.lon, moved.lat], zoom: moved.zoom });
        this.#following = false;
      }
    }
    if (view.divider !== before.divider) this.#divide();
    if (!DRAWN.some((name) => view[name] !== before[name])) return;
    this.#whenReady(() => {
      if (view.compare !== before.compare) this.#load();
      this.#draw();
    });
  }

  #draw(): void {
    const { view } = this.#store;
    const { site, pair, prediction } = this.#shown;
    const { before, after } = pair;
    const comparing = this.#comparing();
    this.#main.draw({ site, observation: after, prediction }, view);
    // The mark of the open site would hide its middle.
    for (const layer of ["sites", "site-names"]) {
      this.#main.map.setFilter(layer, ["all", ["!", ["has", "point_count"]], ["!=", ["get", "id"], site?.id ?? ""]]);
    }
    this.#swipe.show(comparing && before && after ? { before: before.date, after: after.date } : null);
    this.#divide();
    const wasHidden = this.#beforePlace.hidden;
    this.#beforePlace.hidden = !comparing;
    if (!comparing) return;
    const { pane, ready } = this.#beforePane();
    // The page may have another size than when it was hidden; at any other time this would draw all of it again for nothing.
    if (wasHidden) pane.map.resize();
    void ready.then(() => {
      if (this.#shown.site !== site) return;
      const { view } = this.#store;
      // The later map holds the onsets of the earlier one, whose colours would stand for other dates than the legend says.
      pane.draw({ site, observation: this.#shown.pair.before, prediction: null }, view.overlay === "onset" ? { ...view, overlay: "none" } : view);
    });
  }

  #comparing(): boolean {
    const { site, pair } = this.#shown;
    return !this.#isEditing && this.#store.view.compare && site !== null && pair.before !== null && pair.after !== null;
  }

  /** Moves the line alone: no map is drawn again. */
  #divide(): void {
    const { divider } = this.#store.view;
    this.#swipe.move(divider);
    this.#place.style.setProperty("--divider", `${divider}%`);
  }

  /** The map on the left, made when it is first needed. */
  #beforePane(): { pane: Pane; ready: Promise<unknown> } {
    if (!this.#before) {
      const map = this.#map(this.#beforePlace, false);
      this.#prepare(map);
      map.getCanvas().tabIndex = -1;
      const { map: main } = this.#main;
      map.jumpTo({ center: main.getCenter(), zoom: main.getZoom() });
      const pane = new Pane(map);
      const ready = new Promise((resolve) => map.once("style.load", resolve)).then(() => pane.set("land", this.#land));
      this.#before = { pane, ready };
    }
    return this.#before;
  }

  /** Outlines of what is shown now. */
  #load(): void {
    this.#loading.abort();
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    const { site, pair, prediction } = this.#shown;
    const { after, before } = pair;
    this.#main.place(site, after);
    if (!site || !after) {
      this.#main.set("disturbed", NOTHING);
      this.#main.set("changes", NOTHING);
      this.#actions.changesSince(null);
    } else {
      void this.#fetch(api.polygons(site.id, after.id, signal), (data) => this.#main.set("disturbed", data), t("outlines-of-disturbed"), signal);
      void this.#fetch(
        api.changes(site.id, after.id, signal),
        (data) => {
          const { features, since } = changesOf(data, pair);
          this.#main.set("changes", features);
          if (this.#before) void this.#before.ready.then(() => !signal.aborted && this.#before?.pane.set("changes", features));
          this.#actions.changesSince(features.features.length > 0 ? since : null);
        },
        t("gain-and-loss"),
        signal,
      );
    }
    if (site && before && this.#store.view.compare) {
      const { pane, ready } = this.#beforePane();
      void ready.then(() => !signal.aborted && pane.place(site, before));
      void this.#fetch(
        Promise.all([api.polygons(site.id, before.id, signal), ready]),
        ([data]) => pane.set("disturbed", data),
        t("outlines-of-disturbed"),
        signal,
      );
    }
    if (prediction) {
      void this.#fetch(api.predictionPolygons(prediction.name, signal), (data) => this.#main.set("prediction", data), t("prediction-polygons"), signal);
    } else {
      this.#main.set("prediction", NOTHING);
    }
  }

  async #fetch<T>(data: Promise<T>, use: (data: T) => void, what: string, signal: AbortSignal): Promise<void> {
    try {
      const loaded = await data;
      if (!signal.aborted) use(loaded);
    } catch (error) {
      if (!signal.aborted) fail(what, error);
    }
  }

  /** Room for what lies over the map, where there is enough of it. */
  #padding(): { top: number; right: number; bottom: number; left: number } {
    const { clientWidth, clientHeight } = this.#place;
    const least = Math.min(PADDING_PX, clientWidth / 8, clientHeight / 8);
    const box = (selector: string): DOMRect | undefined => document.querySelector(selector)?.getBoundingClientRect();
    const side = box(".layers")?.width ?? 0;
    const dates = box(".dates");
    const { top, bottom } = this.#place.getBoundingClientRect();
    const foot = dates?.height ? Math.max(bottom - dates.top, 0) : 0;
    // Over the upper part of a wide map, and the lower part of a narrow one.
    const banner = box(".draw-banner:not([hidden])");
    const isAtFoot = banner && banner.top - top > bottom - banner.bottom;
    if (banner && isAtFoot) return { top: least, left: least, right: least, bottom: bottom - banner.top + least / 2 };
    return {
      top: banner && banner.bottom - top < clientHeight / 3 ? banner.bottom - top + least / 2 : least,
      left: least,
      right: side < clientWidth / 3 ? least + side : least,
      bottom: foot < clientHeight / 3 ? least + foot : least,
    };
  }
}

/** Where the map is narrow, whose data these are stands behind the button from the start. */
function foldAttribution(place: HTMLElement): void {
  const attribution = place.querySelector(".maplibregl-ctrl-attrib");
  if (place.clientWidth >= 640 || !attribution) return;
  attribution.classList.remove("maplibregl-compact-show");
  attribution.removeAttribute("open");
}

function centre([west, south, east, north]: Bbox): [number, number] {
  return [(west + east) / 2, (south + north) / 2];
}
