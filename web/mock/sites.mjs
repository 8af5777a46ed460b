// Made-up sites of every kind. Nothing here is a real mine.

const KM_PER_DEGREE = 111.32;
const LAYERS = ["true-colour", "false-colour", "swir", "ndvi", "bsi", "ndwi", "probability", "mask", "change", "change-since-first"];

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function bboxAround(lon, lat, half_km) {
  const dy = half_km / KM_PER_DEGREE;
  const dx = dy / Math.cos((lat * Math.PI) / 180);
  return [lon - dx, lat - dy, lon + dx, lat + dy];
}

/** An irregular outline of that area. */
export function blob(lon, lat, area_ha, seed, corners = 40) {
  const next = random(seed);
  const phases = [next(), next(), next()].map((p) => p * 6.283);
  const radius_km = Math.sqrt(area_ha / 100 / Math.PI);
  const ring = Array.from({ length: corners }, (_, i) => {
    const angle = (i / corners) * 2 * Math.PI;
    const r = radius_km * (1 + 0.18 * Math.sin(2 * angle + phases[0]) + 0.12 * Math.sin(3 * angle + phases[1]) + 0.06 * Math.sin(7 * angle + phases[2]));
    const dy = (r * Math.sin(angle)) / KM_PER_DEGREE;
    return [lon + (r * Math.cos(angle)) / (KM_PER_DEGREE * Math.cos((lat * Math.PI) / 180)), lat + dy];
  });
  return { type: "Polygon", coordinates: [[...ring, ring[0]]] };
}

function verdictOf(area, limit_ha) {
  if (!area) return "not-assessable";
  if (limit_ha === null) return "no-limit";
  if (area.upper_ha <= limit_ha) return "within";
  return area.lower_ha > limit_ha ? "exceeded" : "possible-exceedance";
}

const STATEMENTS = {
  within: (o) => `${o.area.ha.toFixed(1)} ha are disturbed, at most ${o.area.upper_ha.toFixed(1)} ha; permit ${o.permit} allows ${o.limit_ha.toFixed(1)} ha.`,
  "possible-exceedance": (o) => `${o.area.ha.toFixed(1)} ha are disturbed (${o.area.lower_ha.toFixed(1)} to ${o.area.upper_ha.toFixed(1)} ha); permit ${o.permit} allows ${o.limit_ha.toFixed(1)} ha, which lies inside the interval.`,
  exceeded: (o) => `${o.area.ha.toFixed(1)} ha are disturbed, at least ${o.area.lower_ha.toFixed(1)} ha; permit ${o.permit} allows ${o.limit_ha.toFixed(1)} ha.`,
  "not-assessable": (o) => `Only ${(o.share_assessed * 100).toFixed(1)} % of the site could be seen.`,
  "no-limit": (o) => `${o.area.ha.toFixed(1)} ha are disturbed; no limit is known for that day.`,
};

const NOISE_FLOOR_HA = 1.5;

/** Observations from 2019 on; `blind` ones saw too little. */
function observations(plan, seed) {
  const next = random(seed);
  const made = [];
  plan.areas.forEach((ha, i) => {
    const date = plan.dates[i];
    const isBlind = ha === null;
    const half = isBlind ? 0 : ha * 0.045 + 1.2;
    const area = isBlind ? null : { ha, lower_ha: ha - half, upper_ha: ha + half };
    const held = plan.permits.find((p) => p.valid_from <= date && (p.valid_to === null || date <= p.valid_to));
    const before = made.filter((o) => o.area).at(-1);
    const grown = before && area ? ha - before.area.ha : null;
    const key = Math.floor(next() * 0xffffffff).toString(16).padStart(8, "0");
    const o = {
      id: `${date}-${key}`,
      date,
      scenes: [`S2A_MSIL2A_${date.replaceAll("-", "")}T153621_N0400_R068_T18SVH`],
      area,
      confidence_level_percent: 90,
      share_assessed: isBlind ? 0.31 : 0.96 + 0.04 * next(),
      compared_with: before ? before.date : null,
      gain_ha: grown === null ? null : Math.max(grown, 0) + 0.8 * next(),
      loss_ha: grown === null ? null : Math.max(-grown, 0) + 0.6 * next(),
      parts: isBlind ? null : { mapped_ha: ha * 0.97, estimated: { ha: ha * 0.98, lower_ha: ha * 0.98 - half, upper_ha: ha * 0.98 + half }, assumed_ha: ha * 0.02, inside_permit_ha: null, outside_site_ha: i % 4 === 0 ? 0.6 : 0 },
      outside_permit_ha: isBlind || !held ? null : Math.max(0, ha - (held.limit_ha ?? Infinity)) * 0.4,
      permit: held ? held.number : null,
      limit_ha: held ? held.limit_ha : null,
      warnings: i === 3 ? ["The dates are 61 days of the year apart: vegetation may differ"] : [],
      scene_records: [{ id: `S2A_MSIL2A_${date.replaceAll("-", "")}T153621_N0400_R068_T18SVH`, cloud_cover_percent: isBlind ? 71.4 : Number((next() * 12).toFixed(1)), processing_baseline: date < "2022-01-25" ? "03.01" : "04.00", offset_decision: date < "2022-01-25" ? "no offset: baseline before 04.00" : "offset of −1000 taken out" }],
      // Without a series the first one has no onsets.
      layers: before ? [...LAYERS, "onset"] : LAYERS,
      share_disagreeing: before && area ? 0.012 + 0.004 * (i % 5) : null,
      share_in_other_sites: plan.id === "tarkwa-north" ? 0.12 : 0,
      bounds: plan.bbox,
      min_zoom: 9,
      max_zoom: 15,
    };
    o.seen_change = grown === null ? null : { gain_ha: o.gain_ha, loss_ha: o.loss_ha, noise_floor_ha: NOISE_FLOOR_HA };
    for (const change of ["gain_ha", "loss_ha"]) if (o[change] !== null && o[change] <= NOISE_FLOOR_HA) o[change] = 0;
    o.verdict = verdictOf(area, o.limit_ha);
    o.statement = STATEMENTS[o.verdict](o);
    made.push(o);
  });
  return made;
}

const dates = (n) => Array.from({ length: n }, (_, i) => new Date(Date.UTC(2019, 5, 20) + i * 168 * 86_400_000).toISOString().slice(0, 10));
const ramp = (n, from, to) => Array.from({ length: n }, (_, i) => from + ((to - from) * i) / Math.max(n - 1, 1) + Math.sin(i * 1.7) * (to - from) * 0.03);

const permit = (number, valid_from, valid_to, limit_ha, share = 1) => ({ number, valid_from, valid_to, limit_ha, share, document: `${number}.pdf` });

const PLANS = [
  { id: "larch-creek", name: "Larch Creek quarry", operator: "Northern Aggregates", commodity: "limestone", lon: -76.31, lat: 44.72, areas: ramp(12, 96, 161), permits: [permit("P-2018-014", "2018-01-01", "2021-12-31", 120), permit("P-2022-003", "2022-01-01", null, 145)] },
  { id: "white-hollow", name: "White Hollow pit", operator: "Hollow Sand and Gravel", commodity: "gravel", lon: -81.02, lat: 43.4, areas: ramp(8, 52, 79), permits: [permit("P-2017-102", "2017-05-01", null, 80)] },
  { id: "cerro-azul", name: "Cerro Azul", operator: "Minera del Valle", commodity: "copper", lon: -69.1, lat: -24.2, areas: ramp(10, 310, 420), permits: [permit("RCA-88", "2015-01-01", null, 600)] },
  { id: "rio-pardo", name: "Río Pardo alluvial", operator: "Cooperativa Río Pardo", commodity: "gold", lon: -70.6, lat: -12.8, areas: [41, 55, null, 72, 90, null], permits: [permit("MDD-7", "2019-01-01", null, 60)] },
  { id: "tarkwa-north", name: "Tarkwa North", operator: "Ankobra Mining", commodity: "gold", lon: -1.98, lat: 5.34, areas: ramp(5, 120, 150), permits: [] },
  { id: "kalgoor-east", name: "Kalgoor East", operator: "Eastern Goldfields", commodity: "nickel", lon: 121.6, lat: -30.7, areas: [], permits: [permit("M26-100", "2020-01-01", null, 210)] },
  { id: "lausitz-sued", name: "Lausitz Süd", operator: "Lausitzer Tagebau", commodity: "lignite", lon: 14.3, lat: 51.5, areas: [288], permits: [permit("HBP-2019", "2019-01-01", null, 300)] },
];

function build(plan, seed) {
  const most = Math.max(...plan.areas.filter((ha) => ha !== null), plan.permits[0]?.limit_ha ?? 100);
  const half_km = Math.sqrt(most / 100) * 0.95;
  const bbox = bboxAround(plan.lon, plan.lat, half_km);
  const made = observations({ ...plan, bbox, dates: dates(plan.areas.length) }, seed);
  const last = made.at(-1);
  const held = plan.permits.at(-1);
  const [west, south, east, north] = bboxAround(plan.lon, plan.lat, half_km * 0.8);
  return {
    summary: {
      id: plan.id,
      name: plan.name,
      operator: plan.operator,
      commodity: plan.commodity,
      status: "active",
      bbox: [west, south, east, north],
      permit: held ? held.number : null,
      limit_ha: held ? held.limit_ha : null,
      observations: made.length,
      last: last ? { date: last.date, area: last.area, mapped_ha: last.parts?.mapped_ha ?? null, assumed_ha: last.parts?.assumed_ha ?? null, verdict: last.verdict } : null,
    },
    boundary: { type: "Polygon", coordinates: [[[west, south], [east, south], [east, north], [west, north], [west, south]]] },
    permits: plan.permits.map(({ share, ...rest }) => ({ ...rest, polygon: blob(plan.lon, plan.lat, (rest.limit_ha ?? 100) * 1.25, seed + 99, 14) })),
    observations: made,
    // The last verdict of the first site was another one, until its permit was revised.
    corrections: plan.id !== "larch-creek" ? [] : [
      { observation: made.at(-1).id, date: made.at(-1).date, replaced: "2024-11-05T08:12:00Z", verdict: "within", reason: "permit P-2022-003 now has a limit of 145.0 ha instead of a limit of 170.0 ha", editor: "Chi" },
    ],
    lon: plan.lon,
    lat: plan.lat,
    seed,
    plan,
  };
}

/** The same site with one more observation. */
export function observedAgain({ plan, seed }) {
  const last = plan.areas.findLast((ha) => ha !== null) ?? 120;
  return build({ ...plan, areas: [...plan.areas, last * 1.08] }, seed);
}

/** As many as asked for: the ones above, then copies of them around the world. */
export function sites(count = PLANS.length) {
  const next = random(20240711);
  const commodities = ["gold", "copper", "sand", "granite", "iron", "lignite"];
  return Array.from({ length: count }, (_, i) => {
    const plan = PLANS[i];
    if (plan) return build(plan, i + 1);
    const n = Math.floor(next() * 4);
    const limit = 40 + next() * 300;
    return build(
      {
        id: `site-${i}`,
        name: `Site ${i} ${commodities[i % 6]}`,
        operator: `Operator ${i % 97}`,
        commodity: commodities[i % 6],
        lon: -120 + next() * 260,
        lat: -45 + next() * 105,
        areas: Array.from({ length: n }, () => (next() < 0.1 ? null : limit * (0.4 + next() * 0.8))),
        permits: next() < 0.15 ? [] : [permit(`P-${i}`, "2018-01-01", null, limit)],
      },
      i + 1,
    );
  });
}
