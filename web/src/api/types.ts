/** What `minesegsat serve` answers. Areas in hectares, dates `YYYY-MM-DD`, coordinates in longitude and latitude (CRS84). */

import type { Geometry, MultiPolygon, Polygon } from "geojson";

export type Verdict = "within" | "possible-exceedance" | "exceeded" | "not-assessable" | "no-limit";

/** West, south, east, north. */
export type Bbox = [number, number, number, number];

export interface Area {
  ha: number;
  lower_ha: number;
  upper_ha: number;
}

export interface ServerInfo {
  name: string;
  version: string;
  workspace: string;
  jobs_enabled: boolean;
  /** Whether the server can be written to. */
  writing_enabled?: boolean;
  token_required_for_writing: boolean;
  token_required_for_reading?: boolean;
  basemap: { tiles: string; attribution: string | null } | null;
}

export type Role = "read" | "order" | "register";

/** Both are `null` for a caller without a token; the token of the server has no name. */
export interface Caller {
  name: string | null;
  role: Role | null;
}

export interface Site {
  id: string;
  name: string;
  operator: string | null;
  commodity: string | null;
  status: string | null;
  bbox: Bbox;
  permit: string | null;
  limit_ha: number | null;
  observations: number;
  last: { date: string; area: Area | null; mapped_ha: number | null; assumed_ha: number | null; verdict: Verdict } | null;
}

export interface Permit {
  number: string;
  valid_from: string;
  valid_to: string | null;
  limit_ha: number | null;
  document: string | null;
  polygon: Geometry | null;
}

export interface SceneRecord {
  id: string;
  cloud_cover_percent: number | null;
  processing_baseline: string | null;
  offset_decision: string | null;
}

/** Layers of tiles. */
export const PICTURES = ["true-colour", "false-colour", "swir", "ndvi", "bsi", "ndwi"] as const;
export const OVERLAYS = ["probability", "mask", "change", "change-since-first", "onset"] as const;
export type Picture = (typeof PICTURES)[number];
export type Overlay = (typeof OVERLAYS)[number];
export type Layer = Picture | Overlay;

export interface LegendClass {
  name: string;
  /** `#rrggbb` or `#rrggbbaa`. */
  colour: string;
  /** Of stripes over the colour. */
  stripes?: string | null;
}

/** Colours of a scale, of numbers or dates, stand at equal distances and are joined linearly; what lies beyond an end has its colour. */
export type TileLegend =
  | { type: "scale"; range: [number, number]; colours: string[] }
  | { type: "dates"; range: [string, string]; colours: string[] }
  | { type: "classes"; classes: LegendClass[] };

export interface TileJson {
  name?: string;
  legend?: TileLegend;
}

/** Something with tiles. */
export interface Drawable {
  layers: string[];
  bounds: Bbox | null;
  min_zoom: number;
  max_zoom: number;
}

export interface Correction {
  /** Id of the observation. */
  observation: string;
  replaced: string;
  reason: string;
  /** The user who changed the permit, if known. */
  editor?: string | null;
  verdict: Verdict;
}

export interface SeenChange {
  gain_ha: number;
  loss_ha: number;
  noise_floor_ha: number;
}

/** What an area is made of: `area` is `estimated` and `assumed_ha` together. */
export interface AreaParts {
  mapped_ha: number;
  estimated: Area;
  assumed_ha: number;
  inside_permit_ha: number | null;
  outside_site_ha: number;
}

export interface Observation extends Drawable {
  id: string;
  date: string;
  scenes: string[];
  area: Area | null;
  confidence_level_percent: number | null;
  /** Over the whole outline of the site. */
  share_assessed: number | null;
  share_beyond_map?: number | null;
  /** Of the seen pixels, where the map of this date and all dates together disagree. */
  share_disagreeing?: number | null;
  /** Of the outline. */
  share_in_other_sites?: number | null;
  compared_with: string | null;
  gain_ha: number | null;
  loss_ha: number | null;
  /** Change as it was seen, also below the noise floor. */
  seen_change?: SeenChange | null;
  parts?: AreaParts | null;
  outside_permit_ha: number | null;
  permit: string | null;
  limit_ha: number | null;
  verdict: Verdict;
  statement: string | null;
  warnings: string[];
  scene_records: SceneRecord[];
}

export interface SiteDetail extends Omit<Site, "observations"> {
  /** A change of the site names the one that its editor has seen. */
  revision: string;
  boundary: Geometry | null;
  permits: Permit[];
  /** Verdicts that were replaced when permits changed. */
  corrections?: Correction[];
  /** Oldest first. */
  observations: Observation[];
}

export interface Indices {
  ndvi: number | null;
  bsi: number | null;
  ndwi: number | null;
}

export interface TimelinePoint {
  observation: string;
  date: string;
  area: Area | null;
  verdict: Verdict;
  share_assessed: number | null;
  gain_ha: number | null;
  loss_ha: number | null;
  seen_change?: SeenChange | null;
  indices: { inside: Indices; around: Indices } | null;
}

export interface Timeline {
  site: string;
  limits: { from: string; to: string | null; limit_ha: number; permit: string }[];
  points: TimelinePoint[];
}

export interface PredictRequest {
  bbox: Bbox;
  from: string;
  to: string;
  max_cloud?: number;
}

export interface MonitorRequest {
  /** None stands for all. */
  sites?: string[];
  since?: string;
}

export type JobState = "queued" | "running" | "done" | "failed" | "cancelled";

/** `prediction` of a prediction; the rest of a look at sites. */
export interface JobResult {
  prediction?: string;
  /** Sites that were looked at. */
  sites?: number;
  /** New ones, at all of the sites. */
  observations?: number;
  /** Sites without a new scene. */
  nothing_new?: number;
  /** Sites that could not be looked at, and why. */
  failures?: { site: string; error: string }[];
}

export interface Job {
  id: string;
  kind: "predict" | "monitor";
  state: JobState;
  /** 0 to 1. */
  progress: number | null;
  message: string | null;
  created: string;
  started: string | null;
  finished: string | null;
  request: Record<string, unknown>;
  result: JobResult | null;
  error: string | null;
}

export interface Prediction extends Drawable {
  name: string;
  date: string | null;
  scene: string | null;
  area_ha: number | null;
  cloud_cover_percent?: number | null;
  created?: string | null;
}

export type Outline = Polygon | MultiPolygon;

/** A GeoJSON feature. */
export interface NewSite {
  type: "Feature";
  properties: { id?: string; name: string; operator?: string; commodity?: string };
  geometry: Outline;
}

/** What is left out stays as it is; an empty text removes operator or commodity. */
export interface ChangedSite {
  revision: string;
  name?: string;
  operator?: string;
  commodity?: string;
  geometry?: Outline;
}

export interface NewPermit {
  revision: string;
  number: string;
  valid_from: string;
  valid_to?: string;
  limit_ha?: number;
  polygon?: Outline;
  /** An open-ended permit before it ends on the day before. */
  supersede?: boolean;
  /** Even if verdicts of stored observations change. */
  force?: boolean;
}
