/** Requests to the server. Paths are relative to the page, so that a reverse proxy may add a prefix. */

import type { FeatureCollection } from "geojson";
import { problemOf } from "./problem.ts";
import { authorization } from "./token.ts";
import type { Caller, ChangedSite, Job, MonitorRequest, NewPermit, NewSite, Permit, PredictRequest, Prediction, ServerInfo, Site, SiteDetail, TileJson, Timeline } from "./types.ts";

const part = encodeURIComponent;

/** An absolute address; what stands in braces stays as it is, for templates of tiles. */
export function address(path: string): string {
  const base = document.baseURI.replace(/[?#].*$/, "");
  return new URL(path, base).href.replaceAll("%7B", "{").replaceAll("%7D", "}");
}

/** The answer, or a `Problem`. */
export async function request(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = { accept: "application/json", ...authorization(), ...(options.headers as Record<string, string>) };
  const response = await fetch(address(path), { ...options, headers });
  if (response.ok) return response;
  const body: unknown = await response.json().catch(() => null);
  throw problemOf(response.status, response.statusText, body);
}

async function json<T>(path: string, options: RequestInit = {}): Promise<T> {
  return (await (await request(path, options)).json()) as T;
}

const send = <T>(method: "POST" | "PATCH", path: string, body: unknown): Promise<T> =>
  json<T>(path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

const site = (id: string): string => `api/sites/${part(id)}`;
const observation = (id: string, observation: string): string => `${site(id)}/observations/${part(observation)}`;

export const api = {
  info: () => json<ServerInfo>("api"),
  me: () => json<Caller>("api/me"),
  sites: async () => (await json<{ sites: Site[] }>("api/sites")).sites,
  site: (id: string, signal: AbortSignal) => json<SiteDetail>(site(id), { signal }),
  timeline: (id: string, signal: AbortSignal) => json<Timeline>(`${site(id)}/timeline`, { signal }),
  polygons: (id: string, of: string, signal: AbortSignal) =>
    json<FeatureCollection>(`${observation(id, of)}/polygons`, { signal }),
  changes: (id: string, of: string, signal: AbortSignal) =>
    json<FeatureCollection>(`${observation(id, of)}/changes`, { signal }),
  predictions: async () => (await json<{ predictions: Prediction[] }>("api/predictions")).predictions,
  predictionPolygons: (name: string, signal: AbortSignal) =>
    json<FeatureCollection>(`api/predictions/${part(name)}/polygons`, { signal }),
  tileJson: (path: string) => json<TileJson>(path),
  jobs: async () => (await json<{ jobs: Job[] }>("api/jobs")).jobs,
  job: (id: string) => json<Job>(`api/jobs/${part(id)}`),
  predict: (body: PredictRequest) => send<Job>("POST", "api/predict", body),
  monitor: (body: MonitorRequest) => send<Job>("POST", "api/monitor", body),
  addSite: (body: NewSite) => send<SiteDetail>("POST", "api/sites", body),
  editSite: (id: string, body: ChangedSite) => send<SiteDetail>("PATCH", site(id), body),
  /** With `force` also a site with observations. */
  removeSite: (id: string, revision: string, force: boolean) =>
    json<{ permits: number; observations: number }>(`${site(id)}?${new URLSearchParams({ revision, force: String(force) }).toString()}`, { method: "DELETE" }),
  addPermit: (id: string, body: NewPermit) => send<SiteDetail>("POST", `${site(id)}/permits`, body),
  /** With `force` even if verdicts of stored observations change. */
  removePermit: (id: string, revision: string, { number, valid_from }: Permit, force: boolean) =>
    json<SiteDetail>(`${site(id)}/permits?${new URLSearchParams({ revision, number, valid_from, force: String(force) }).toString()}`, { method: "DELETE" }),
  removePrediction: (name: string) => request(`api/predictions/${part(name)}`, { method: "DELETE" }),
  cancel: (id: string) => request(`api/jobs/${part(id)}`, { method: "DELETE" }),
};

export const paths = {
  /** `locale` is a language, with the region whose numbers are written. */
  report: (id: string, locale: string) => `${site(id)}/report?lang=${part(locale)}`,
  reportPdf: (id: string, locale: string) => `${site(id)}/report?format=pdf&lang=${part(locale)}`,
  evidence: (id: string, of: string, locale: string) => `${site(id)}/evidence/${part(of)}?lang=${part(locale)}`,
  land: (id: string, format: string) => `${site(id)}/export?what=land&format=${format}`,
  file: (id: string, of: string, name: string) => `${site(id)}/observations/${part(of)}/files/${name}`,
  export: (id: string, format: "geojson" | "gpkg") => `${site(id)}/export?format=${format}`,
  jobEvents: (id: string) => `api/jobs/${part(id)}/events`,
};

const scale = (): number => (window.devicePixelRatio > 1 ? 2 : 1);

const template = (layer: string): string => address(`${layer}/{z}/{x}/{y}.png?scale=${scale()}`);

/** Folders of the tiles of a map. */
export const maps = {
  observation: (id: string, of: string) => `tiles/sites/${part(id)}/${part(of)}`,
  prediction: (name: string) => `tiles/predictions/${part(name)}`,
};

/** Templates of tiles, 256 points wide on every screen. */
export const tiles = {
  observation: (id: string, of: string, layer: string) => template(`${maps.observation(id, of)}/${layer}`),
  prediction: (name: string, layer: string) => template(`${maps.prediction(name)}/${layer}`),
};
