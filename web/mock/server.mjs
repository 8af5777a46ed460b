// The contract of `minesegsat serve` with made-up data, and the built page: for development and for the tests.
// node mock/server.mjs [--port N] [--sites N] [--token SECRET] [--users] [--reading-needs-token] [--no-jobs] [--no-key]
// With --users the tokens `read`, `order` and `register` are those of users with these roles.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bboxAround, blob, observedAgain, sites as makeSites } from "./sites.mjs";
import { ONSETS, SCALES, tile } from "./tiles.mjs";

const DIST = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "dist");
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json" };

/** The strictest policy that the page works under; the server may send it as it is. */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; worker-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/** Starts it; `close` ends it. */
export async function start({ port = 0, sites: count, token = null, users = {}, readingNeedsToken = false, jobsEnabled = true, writingEnabled = true, hasKey = true, delay_ms = 0 } = {}) {
  const state = { sites: new Map(makeSites(count).map((site) => [site.summary.id, site])), jobs: new Map(), looked: new Set(), predictions: [], serial: 0 };
  const options = { token, users, readingNeedsToken, jobsEnabled, writingEnabled, hasKey };
  state.predictions.push(prediction("larch-creek-2024", [-76.36, 44.69, -76.26, 44.75]));
  const server = createServer((request, response) => {
    const answer = () =>
      handle(state, options, request, response).catch((error) => {
        console.error(error);
        problem(response, request, 500, "Internal Server Error", error.message);
      });
    if (delay_ms > 0 && request.url.startsWith("/api")) setTimeout(answer, delay_ms);
    else void answer();
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

function prediction(name, bounds) {
  return { name, date: "2024-07-02", scene: "S2B_MSIL2A_20240702T153819_N0510_R011_T18TVQ", area_ha: 158.3, cloud_cover_percent: 3.4, created: "2024-07-05T09:30:00Z", bounds, layers: ["true-colour", "false-colour", "probability", "mask"], min_zoom: 8, max_zoom: 15 };
}

async function handle(state, options, request, response) {
  const url = new URL(request.url, "http://localhost");
  const parts = url.pathname.split("/").filter(Boolean).map(decodeURIComponent);
  const isData = parts[0] === "api" || parts[0] === "tiles";
  const refused = isData && refusal(options, request, parts);
  if (refused) return problem(response, request, ...refused);
  if (parts[0] === "api") return api(state, options, parts.slice(1), url, request, response);
  if (parts[0] === "tiles") return tiles(state, options, parts.slice(1), url, request, response);
  return page(url, request, response);
}

/** Users of the tests, by their tokens. */
export const USERS = { read: { name: "Ana", role: "read" }, order: { name: "Bo", role: "order" }, register: { name: "Chi", role: "register" } };
const ROLES = ["read", "order", "register"];
const UNKNOWN = { name: null, role: null };

/** Who sends a request; none if the token is wrong. */
function callerOf({ token, users }, request) {
  const given = request.headers.authorization;
  if (given === undefined) return UNKNOWN;
  if (token !== null && given === `Bearer ${token}`) return { name: null, role: "register" };
  return users[given.replace("Bearer ", "")] ?? null;
}

/** The role that a request needs, as the server has it. */
function neededRole(method, [, what]) {
  if (!["POST", "PATCH", "DELETE"].includes(method)) return null;
  return what === "sites" ? "register" : "order";
}

/** Status, title and detail if the caller may not do this. */
function refusal(options, request, parts) {
  const hasUsers = Object.keys(options.users).length > 0;
  if (options.token === null && !hasUsers) return null;
  const needed = neededRole(request.method, parts) ?? (options.readingNeedsToken ? "read" : null);
  if (needed === null && parts[1] !== "me") return null;
  const caller = callerOf(options, request);
  if (caller === null) return [401, "Unauthorized", "wrong token"];
  if (needed === null) return null;
  if (caller.role === null) return [401, "Unauthorized", `this needs the header \`Authorization: Bearer TOKEN\`, with a token of the role \`${needed}\``];
  if (ROLES.indexOf(caller.role) >= ROLES.indexOf(needed)) return null;
  return [403, "Forbidden", `this needs the role \`${needed}\`, and user \`${caller.name}\` has the role \`${caller.role}\``];
}

async function api(state, options, parts, url, request, response) {
  const [what, id, sub, of, kind] = parts;
  if (what === undefined) {
    return json(response, { name: "minesegsat", version: "0.0.0", workspace: "mock", jobs_enabled: options.jobsEnabled, writing_enabled: options.writingEnabled, users_enabled: Object.keys(options.users).length > 0, token_required_for_writing: options.token !== null || Object.keys(options.users).length > 0, token_required_for_reading: options.readingNeedsToken, evidence_enabled: options.hasKey, basemap: null });
  }
  if (what === "me") return json(response, callerOf(options, request) ?? UNKNOWN);
  if (what === "sites" && id === undefined && request.method === "POST") return edit(request, response, (asked) => addSite(state, asked), 201);
  if (what === "sites" && id === undefined) return json(response, { sites: [...state.sites.values()].map((site) => site.summary) });
  if (what === "sites") {
    const site = state.sites.get(id);
    if (!site) return problem(response, request, 404, "Not Found", `site \`${id}\` is not in the register`);
    if (sub === undefined && request.method === "PATCH") return edit(request, response, (asked) => editSite(site, asked));
    if (sub === undefined && request.method === "DELETE") return removeSite(state, site, Object.fromEntries(url.searchParams), request, response);
    if (sub === undefined) return json(response, siteJson(site));
    if (sub === "permits" && request.method === "POST") return edit(request, response, (asked) => addPermit(site, asked));
    if (sub === "permits" && request.method === "DELETE") return edit(request, response, () => removePermit(site, Object.fromEntries(url.searchParams)));
    if (sub === "timeline") return json(response, timeline(site));
    if (sub === "report" && url.searchParams.get("format") === "pdf") {
      response.setHeader("content-disposition", `attachment; filename="${id}.pdf"`);
      return send(response, 200, "application/pdf", Buffer.from("%PDF-1.7\n"));
    }
    if (sub === "report") return send(response, 200, "text/html; charset=utf-8", `<!doctype html><title>${site.summary.name}</title><h1>${site.summary.name}</h1>`);
    if (sub === "export") return exported(site, url.searchParams.get("what"), url.searchParams.get("format"), response);
    const observation = site.observations.find((o) => o.id === of);
    if (!observation) return problem(response, request, 404, "Not Found", `site \`${id}\` has no observation \`${of}\``);
    if (sub === "evidence") {
      if (!options.hasKey) return problem(response, request, 409, "Conflict", "packs are signed, and the server was started without a key: start it with `--key KEY`");
      response.setHeader("content-disposition", `attachment; filename="${id}-${of}.zip"`);
      return send(response, 200, "application/zip", Buffer.from("504b0506000000000000000000000000000000000000", "hex"));
    }
    if (sub === "observations" && kind === "files") {
      response.setHeader("content-disposition", `attachment; filename="${id}-${of}_${parts[5]}"`);
      return send(response, 200, "image/tiff", Buffer.from("II*\0"));
    }
    if (sub === "observations" && kind === "polygons") return json(response, polygons(site, observation));
    if (sub === "observations" && kind === "changes") return json(response, changes(site, observation));
  }
  if (what === "predictions" && id === undefined) return json(response, { predictions: state.predictions });
  if (what === "predictions") {
    const found = state.predictions.find((p) => p.name === id);
    if (!found) return problem(response, request, 404, "Not Found", `prediction \`${id}\` is not in the workspace`);
    if (request.method === "DELETE") {
      state.predictions.splice(state.predictions.indexOf(found), 1);
      response.writeHead(204);
      return response.end();
    }
    const [west, south, east, north] = found.bounds;
    return json(response, collection([{ geometry: blob((west + east) / 2, (south + north) / 2, found.area_ha, 5), properties: { kind: "disturbed", area_ha: found.area_ha } }]));
  }
  if (what === "monitor" && request.method === "POST") return monitor(state, options, await body(request), request, response);
  if (what === "predict" && request.method === "POST") return predict(state, options, await body(request), request, response);
  if (what === "jobs") return jobs(state, id, sub, request, response);
  return problem(response, request, 404, "Not Found", `\`${url.pathname}\` is nothing of this server; expected one of /api/sites, /api/predictions, /api/jobs`);
}

const MOST_BYTES = 4 << 20;

class Refusal extends Error {
  constructor(status, title, detail) {
    super(detail);
    Object.assign(this, { status, title });
  }
}

/** Identity of what editors change. */
const revisionOf = (site) => createHash("sha256").update(JSON.stringify([site.summary.name, site.summary.operator, site.summary.commodity, site.boundary, site.permits])).digest("hex").slice(0, 16);

const siteJson = (site) => ({ ...site.summary, revision: revisionOf(site), boundary: site.boundary, permits: site.permits, corrections: site.corrections, observations: site.observations });

/** Answers with the changed site, or with why it was not changed. */
async function edit(request, response, change, status = 200) {
  try {
    return json(response, siteJson(change(request.method === "DELETE" ? null : await body(request))), "application/json", status);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return problem(response, request, error.status, error.title, error.message);
  }
}

const refuse = (detail) => new Refusal(400, "Bad Request", detail);

function checkRevision(site, seen) {
  if (seen !== revisionOf(site)) throw new Refusal(409, "Conflict", `site \`${site.summary.id}\` has changed since you read it, so nothing was stored; read it again, and repeat the change`);
}

function checkOutline(geometry) {
  if (!["Polygon", "MultiPolygon"].includes(geometry?.type)) throw refuse("geometry is not accepted: a Polygon or MultiPolygon of GeoJSON in longitude and latitude");
}

function boundsOf(geometry) {
  const positions = geometry.coordinates.flat(geometry.type === "Polygon" ? 1 : 2);
  const [lons, lats] = [0, 1].map((axis) => positions.map((position) => position[axis]));
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
}

function addSite(state, { properties, geometry }) {
  checkOutline(geometry);
  const { name, operator, commodity } = properties;
  const made = name.normalize("NFD").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  const id = properties.id || [made, `${made}-2`, `${made}-3`].find((id) => !state.sites.has(id));
  if (state.sites.has(id)) throw new Refusal(409, "Conflict", `the register has a site \`${id}\` already: edit it, or give the new site another id`);
  const bbox = boundsOf(geometry);
  const site = { summary: { id, name, operator: operator || null, commodity: commodity || null, status: "active", bbox, permit: null, limit_ha: null, observations: 0, last: null }, boundary: geometry, permits: [], corrections: [], observations: [] };
  state.sites.set(id, site);
  return site;
}

function editSite(site, { revision, geometry, ...values }) {
  checkRevision(site, revision);
  if (geometry) {
    checkOutline(geometry);
    site.boundary = geometry;
    site.summary.bbox = boundsOf(geometry);
  }
  for (const [name, value] of Object.entries(values)) site.summary[name] = value || null;
  return site;
}

function removeSite(state, site, { revision, force }, request, response) {
  const { id, observations } = site.summary;
  if (revision !== revisionOf(site)) return problem(response, request, 409, "Conflict", `site \`${id}\` has changed since you read it, so nothing was stored; read it again, and repeat the change`);
  if (observations > 0 && force !== "true") return problem(response, request, 409, "Conflict", `site \`${id}\` is not removed: it has ${observations} observations, which would be lost; \`force=true\` removes them too`);
  state.sites.delete(id);
  return json(response, { permits: site.permits.length, observations });
}

/** A change of a permit that holds on days with observations is announced first. */
function askBeforeJudgingAgain(site, permits, force) {
  const holds = ({ date }) => permits.some((permit) => permit.valid_from <= date && (permit.valid_to === null || date <= permit.valid_to));
  const judged = site.observations.filter((one) => one.area && holds(one));
  if (!judged.length || String(force) === "true") return;
  const lines = judged.map((one) => `site \`${site.summary.id}\` on ${one.date}: ${one.verdict} -> another verdict`);
  throw new Refusal(428, "Precondition Required", `nothing was stored, because verdicts would change: ${lines.join("; ")}; \`force\` stores it`);
}

function addPermit(site, { revision, supersede, force, ...asked }) {
  checkRevision(site, revision);
  const permit = { valid_to: null, limit_ha: null, polygon: null, document: null, ...asked };
  const open = site.permits.find((one) => one.valid_to === null && one.valid_from < permit.valid_from);
  if (open && !supersede) throw refuse(`site \`${site.summary.id}\` is not accepted: permits \`${open.number}\` and \`${permit.number}\` overlap in time; on each day only one may hold`);
  askBeforeJudgingAgain(site, [permit], force);
  if (open) open.valid_to = new Date(Date.parse(permit.valid_from) - 86_400_000).toISOString().slice(0, 10);
  site.permits.push(permit);
  Object.assign(site.summary, { permit: permit.number, limit_ha: permit.limit_ha });
  return site;
}

function removePermit(site, { revision, number, valid_from, force }) {
  checkRevision(site, revision);
  const isRemoved = (permit) => permit.number === number && (!valid_from || permit.valid_from === valid_from);
  askBeforeJudgingAgain(site, site.permits.filter(isRemoved), force);
  site.permits = site.permits.filter((permit) => !isRemoved(permit));
  return site;
}

function timeline(site) {
  return {
    site: site.summary.id,
    limits: site.permits.filter((p) => p.limit_ha !== null).map((p) => ({ from: p.valid_from, to: p.valid_to, limit_ha: p.limit_ha, permit: p.number })),
    points: site.observations.map((o, i) => ({
      observation: o.id,
      date: o.date,
      area: o.area,
      verdict: o.verdict,
      share_assessed: o.share_assessed,
      gain_ha: o.gain_ha,
      loss_ha: o.loss_ha,
      seen_change: o.seen_change,
      indices: o.area ? { inside: { ndvi: 0.16 + 0.03 * Math.sin(i), bsi: 0.18 - 0.02 * Math.cos(i), ndwi: -0.12 }, around: { ndvi: 0.62 + 0.09 * Math.sin(i * 2), bsi: -0.2, ndwi: -0.5 } } : null,
    })),
  };
}

const collection = (features) => ({ type: "FeatureCollection", features: features.map((feature) => ({ type: "Feature", ...feature })) });

function polygons(site, o) {
  if (!o.area) return collection([]);
  return collection([{ geometry: blob(site.lon, site.lat, o.area.ha, site.seed), properties: { kind: "disturbed", area_ha: o.area.ha } }]);
}

function changes(site, o) {
  if (!o.compared_with) return collection([]);
  const [west, , east] = bboxAround(site.lon, site.lat, Math.sqrt((o.area?.ha ?? 1) / 100 / Math.PI) * 0.95);
  const patch = (kind, lon, lat, area_ha) => ({ geometry: blob(lon, lat, Math.max(area_ha, 0.4), site.seed + 7, 18), properties: { kind, area_ha, since: o.compared_with } });
  return collection([patch("gain", east, site.lat, o.gain_ha), patch("loss", west, site.lat, o.loss_ha)]);
}

function exported(site, what, format, response) {
  response.setHeader("content-disposition", `attachment; filename="${site.summary.id}${what === "land" ? "_land" : ""}.${format}"`);
  if (what === "land") return send(response, 200, "application/octet-stream", Buffer.from(format));
  if (format === "geojson") return json(response, collection([{ geometry: site.boundary, properties: { id: site.summary.id } }]), "application/geo+json");
  return send(response, 200, "application/geopackage+sqlite3", Buffer.from("SQLite format 3\0"));
}

/** Sites where looking goes wrong, in the words of the program, and one that nobody has photographed since. */
const CATALOGUE = "the catalogue at https://catalogue.example/v1 answered with 503 Service Unavailable";
const LOOKS = { "white-hollow": "nothing new", "tarkwa-north": "the site fails", "lausitz-sued": "the job fails" };

function predict(state, options, asked, request, response) {
  if (!options.jobsEnabled) return noJobs(request, response);
  const [west, south, east, north] = asked.bbox ?? [];
  if ((east - west) * (north - south) > 4) {
    return problem(response, request, 422, "Unprocessable Content", `the box has ${((east - west) * (north - south)).toFixed(1)} square degrees: at most 4 are accepted`);
  }
  const steps = ["searching for scenes", "reading bands", "reading bands", "mapping patches", "mapping patches", "mapping patches", "writing polygons"];
  const job = order(state, "predict", asked, steps, () => {
    const name = `prediction-${state.serial}`;
    state.predictions.unshift(prediction(name, asked.bbox));
    return { state: "done", result: { prediction: name } };
  });
  return accepted(response, job);
}

function monitor(state, options, asked, request, response) {
  if (!options.jobsEnabled) return noJobs(request, response);
  const other = Object.keys(asked).find((name) => !["sites", "since", "catalogue"].includes(name));
  if (other) return problem(response, request, 400, "Bad Request", `Failed to deserialize the JSON body into the target type: unknown field \`${other}\``);
  const unknown = asked.sites?.find((id) => !state.sites.has(id));
  if (unknown) return problem(response, request, 400, "Bad Request", `site \`${unknown}\` is not accepted: the ids of sites that \`/api/sites\` lists`);
  const ids = asked.sites?.length ? asked.sites : [...state.sites.keys()];
  const steps = ids.slice(0, 3).flatMap((id, i) => ["", ": fetching 2024-12-29", ": mapping 2024-12-29", ": mapping 2024-12-29", ": comparing 2024-12-29"].map((what) => `${i + 1}/${ids.length} ${id}${what}`));
  const job = order(state, "monitor", asked, [...steps, "telling"], () => {
    if (ids.some((id) => LOOKS[id] === "the job fails") && ids.length === 1) return { state: "failed", error: CATALOGUE };
    const fails = ids.filter((id) => LOOKS[id]?.endsWith("fails"));
    const found = ids.filter((id) => !LOOKS[id] && !state.looked.has(id));
    for (const id of found) {
      state.looked.add(id);
      state.sites.set(id, observedAgain(state.sites.get(id)));
    }
    const failures = fails.map((site) => ({ site, error: CATALOGUE }));
    return { state: "done", result: { sites: ids.length, observations: found.length, nothing_new: ids.length - found.length - fails.length, findings: 0, failures, alerts_delivered: 0 } };
  });
  return accepted(response, job);
}

const noJobs = (request, response) => problem(response, request, 409, "Conflict", "this server runs no jobs; start it with a model: `minesegsat serve --model DIR --token TOKEN`");

/** A job that says these things one after the other; `end` says what came out. */
function order(state, kind, asked, steps, end) {
  state.serial += 1;
  const id = state.serial.toString(16).padStart(16, "0");
  const job = { id, kind, state: "queued", progress: null, message: "", created: new Date().toISOString(), started: null, finished: null, request: asked, result: null, error: null };
  const entry = { job, listeners: new Set() };
  state.jobs.set(id, entry);
  const change = (fields) => {
    if (job.state === "cancelled") return;
    Object.assign(job, fields);
    for (const tell of entry.listeners) tell();
  };
  steps.forEach((message, i) => setTimeout(() => change({ state: "running", started: job.created, progress: i === 0 ? null : i / steps.length, message }), 250 * (i + 1)));
  setTimeout(() => {
    if (job.state !== "cancelled") change({ progress: 1, message: "", finished: new Date().toISOString(), ...end() });
  }, 250 * (steps.length + 1));
  return job;
}

function accepted(response, job) {
  response.setHeader("location", `/api/jobs/${job.id}`);
  return json(response, job, "application/json", 202);
}

function jobs(state, id, sub, request, response) {
  if (id === undefined) return json(response, { jobs: [...state.jobs.values()].map((entry) => entry.job).reverse() });
  const entry = state.jobs.get(id);
  if (!entry) return problem(response, request, 404, "Not Found", `there is no job \`${id}\`; \`/api/jobs\` lists them`);
  if (request.method === "DELETE") {
    if (["done", "failed", "cancelled"].includes(entry.job.state)) return problem(response, request, 409, "Conflict", `job \`${id}\` is over: it is ${entry.job.state}`);
    Object.assign(entry.job, { state: "cancelled", message: "", finished: new Date().toISOString() });
    for (const tell of entry.listeners) tell();
    return json(response, entry.job);
  }
  if (sub !== "events") return json(response, entry.job);
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  const tell = () => {
    response.write(`event: job\ndata: ${JSON.stringify(entry.job)}\n\n`);
    if (["done", "failed", "cancelled"].includes(entry.job.state)) response.end();
  };
  entry.listeners.add(tell);
  response.on("close", () => entry.listeners.delete(tell));
  tell();
}

const TITLES = {
  "true-colour": "True colour (B04 B03 B02)",
  "false-colour": "False colour (B08 B04 B03)",
  swir: "Short-wave infrared (B12 B8A B04)",
  ndvi: "Vegetation (NDVI)",
  bsi: "Bare soil (BSI)",
  ndwi: "Open water (NDWI)",
  probability: "Probability of mining-disturbed land",
  mask: "Mining-disturbed land",
  change: "Gain and loss of mining-disturbed land",
  onset: "Date on which land became disturbed",
};

/** As the server draws them. */
const RANGES = { ndvi: [-0.2, 0.9], bsi: [-0.5, 0.5], ndwi: [-0.8, 0.8], probability: [0, 1] };
const NOT_ASSESSABLE = { name: "not-assessable", title: "Not assessable: cloud, shadow or no data", colour: "#9696965a", stripes: "#464646be" };
const CLASSES = {
  mask: [{ name: "disturbed", title: "Disturbed land", colour: "#ffd60aaa" }, NOT_ASSESSABLE],
  change: [
    { name: "gain", title: "Gain", colour: "#e66101e6" },
    { name: "loss", title: "Loss", colour: "#5e3c99e6" },
    { name: "stable", title: "Disturbed on both dates", colour: "#d9c56b82" },
    NOT_ASSESSABLE,
  ],
};

function tileJson(map, layer, url, since) {
  const legend = layer === "onset" ? { type: "dates", range: [since, map.date], colours: ONSETS } : SCALES[layer] ? { type: "scale", range: RANGES[layer], colours: SCALES[layer] } : CLASSES[layer.replace("-since-first", "")] && { type: "classes", classes: CLASSES[layer.replace("-since-first", "")] };
  const template = `${url.pathname.replace(/tilejson\.json$/, "{z}/{x}/{y}.png")}${url.search}`;
  return {
    tilejson: "3.0.0",
    name: TITLES[layer],
    attribution: "Contains modified Copernicus Sentinel data",
    tiles: [template],
    bounds: map.bounds,
    minzoom: map.min_zoom,
    maxzoom: map.max_zoom,
    ...(legend && { legend }),
  };
}

function tiles(state, options, parts, url, request, response) {
  const match = /^(?:sites\/([^/]+)\/([^/]+)|predictions\/([^/]+))\/([a-z-]+)\/(?:(\d+)\/(\d+)\/(\d+)\.png|tilejson\.json)$/.exec(parts.join("/"));
  const site = match && state.sites.get(match[1]);
  const found = match && state.predictions.find((p) => p.name === match[3]);
  const i = site ? site.observations.findIndex((o) => o.id === match[2]) : -1;
  if (!match || (i < 0 && !found)) return problem(response, request, 404, "Not Found", `\`${url.pathname}\` is no tile`);
  const map = site ? site.observations[i] : found;
  if (!map.layers.includes(match[4])) return problem(response, request, 404, "Not Found", `this map has no layer \`${match[4]}\`; it has ${map.layers.map((layer) => `\`${layer}\``).join(", ")}`);
  if (match[5] === undefined) return json(response, tileJson(map, match[4], url, site?.observations[0].date));
  const [z, x, y] = match.slice(5).map(Number);
  const scale = url.searchParams.get("scale") === "2" ? 2 : 1;
  const ground = site
    ? { lon: site.lon, lat: site.lat, area_ha: site.observations[i].area?.ha, before_ha: site.observations[i - 1]?.area?.ha, first_ha: site.observations[0].area?.ha, seed: site.seed }
    : { lon: (found.bounds[0] + found.bounds[2]) / 2, lat: (found.bounds[1] + found.bounds[3]) / 2, area_ha: found.area_ha, seed: 5 };
  response.setHeader("cache-control", "max-age=3600");
  return send(response, 200, "image/png", tile(ground, match[4], z, x, y, scale));
}

async function page(url, request, response) {
  const name = url.pathname === "/" ? "index.html" : url.pathname.slice(1);
  const file = path.join(DIST, path.normalize(name));
  if (!file.startsWith(DIST) || !(await stat(file).then((s) => s.isFile(), () => false))) {
    return problem(response, request, 404, "Not Found", `\`${url.pathname}\` is nothing of this server`);
  }
  response.writeHead(200, {
    "content-type": TYPES[path.extname(file)] ?? "application/octet-stream",
    "cache-control": name.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache",
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
  });
  createReadStream(file).pipe(response);
}

async function body(request) {
  let text = "";
  for await (const part of request) {
    text += part;
    if (text.length > MOST_BYTES) throw new Refusal(413, "Content Too Large", `the body is too large: this server accepts at most ${MOST_BYTES / 1024} KiB`);
  }
  return JSON.parse(text);
}

function send(response, status, type, data) {
  response.writeHead(status, { "content-type": type });
  response.end(data);
}

function json(response, data, type = "application/json", status = 200) {
  send(response, status, type, JSON.stringify(data));
}

function problem(response, request, status, title, detail) {
  json(response, { type: "about:blank", title, status, detail, instance: request.url, request_id: "mock" }, "application/problem+json", status);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { port: { type: "string", default: "8787" }, sites: { type: "string" }, token: { type: "string" }, users: { type: "boolean" }, "reading-needs-token": { type: "boolean" }, "no-jobs": { type: "boolean" }, "no-key": { type: "boolean" } },
  });
  const { url } = await start({
    port: Number(values.port),
    ...(values.sites !== undefined && { sites: Number(values.sites) }),
    token: values.token ?? null,
    users: values.users ? USERS : {},
    readingNeedsToken: values["reading-needs-token"] ?? false,
    jobsEnabled: !values["no-jobs"],
    hasKey: !values["no-key"],
  });
  console.log(`mock of minesegsat serve: ${url}`);
}
