//! Locations and parts of mines ([`Site`]), planned once per seed. [`shapes`](super::shapes) draws them at a
//! [`Stage`](super::stage::Stage).
//!
//! Areas of mines follow a log-normal distribution, as in global inventories (Maus et al. 2020, "A global-scale data
//! set of mining areas", Scientific Data 7: median 0.4 km2, mean 2.7 km2 with a long tail).

use std::f32::consts::{PI, TAU};

use serde::Serialize;

use super::Region;
use super::history::History;
use super::spectra::{self, Lithology};
use super::terrain::{PIXEL_M, Terrain};
use minesegsat_core::noise::Dice;

/// A part of a mine by function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum MinePart {
    /// Open pit, with its benches.
    Pit = 1,
    /// Waste rock dump.
    WasteRock = 2,
    /// Tailings pond with dam, beach and water.
    TailingsPond = 3,
    /// Heap leach pad.
    HeapLeachPad = 4,
    /// Mill, stockpiles and yards.
    Mill = 5,
    /// Haul road.
    HaulRoad = 6,
}

impl MinePart {
    /// All parts, sorted by value.
    pub const ALL: [Self; 6] =
        [Self::Pit, Self::WasteRock, Self::TailingsPond, Self::HeapLeachPad, Self::Mill, Self::HaulRoad];

    /// Value in the raster of parts.
    pub const fn value(self) -> u8 {
        self as u8
    }

    /// Name in attributes: `waste-rock`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pit => "pit",
            Self::WasteRock => "waste-rock",
            Self::TailingsPond => "tailings-pond",
            Self::HeapLeachPad => "heap-leach-pad",
            Self::Mill => "mill",
            Self::HaulRoad => "haul-road",
        }
    }
}

/// A commodity, its rock, and the area shares of the parts of its mines.
#[derive(Debug)]
struct Profile {
    commodity: &'static str,
    ore: &'static Lithology,
    host: &'static Lithology,
    /// Shares of pit, waste rock, tailings pond and heap leach pad; the rest is mill.
    shares: [f32; 4],
    /// Mean area relative to other commodities.
    size: f32,
}

const BOREAL: [Profile; 5] = [
    Profile {
        commodity: "gold",
        ore: &spectra::GRANITE,
        host: &spectra::BASALT,
        shares: [0.27, 0.38, 0.28, 0.0],
        size: 0.9,
    },
    Profile {
        commodity: "copper",
        ore: &spectra::GRANITE,
        host: &spectra::GRANITE,
        shares: [0.25, 0.33, 0.36, 0.0],
        size: 1.5,
    },
    Profile {
        commodity: "coal",
        ore: &spectra::COAL,
        host: &spectra::SANDSTONE,
        shares: [0.38, 0.49, 0.06, 0.0],
        size: 1.4,
    },
    Profile {
        commodity: "zinc",
        ore: &spectra::BASALT,
        host: &spectra::LIMESTONE,
        shares: [0.25, 0.3, 0.35, 0.0],
        size: 0.6,
    },
    Profile {
        commodity: "limestone",
        ore: &spectra::LIMESTONE,
        host: &spectra::LIMESTONE,
        shares: [0.62, 0.26, 0.0, 0.0],
        size: 0.35,
    },
];
const ARID: [Profile; 5] = [
    Profile {
        commodity: "gold",
        ore: &spectra::SANDSTONE,
        host: &spectra::GRANITE,
        shares: [0.27, 0.35, 0.15, 0.17],
        size: 1.0,
    },
    Profile {
        commodity: "copper",
        ore: &spectra::GRANITE,
        host: &spectra::SANDSTONE,
        shares: [0.26, 0.33, 0.23, 0.12],
        size: 1.7,
    },
    Profile {
        commodity: "gold",
        ore: &spectra::BASALT,
        host: &spectra::SANDSTONE,
        shares: [0.3, 0.38, 0.0, 0.26],
        size: 0.7,
    },
    Profile {
        commodity: "iron",
        ore: &spectra::IRONSTONE,
        host: &spectra::IRONSTONE,
        shares: [0.4, 0.38, 0.14, 0.0],
        size: 1.2,
    },
    Profile {
        commodity: "limestone",
        ore: &spectra::LIMESTONE,
        host: &spectra::SANDSTONE,
        shares: [0.6, 0.28, 0.0, 0.0],
        size: 0.4,
    },
];
const TROPICAL: [Profile; 5] = [
    Profile {
        commodity: "iron",
        ore: &spectra::IRONSTONE,
        host: &spectra::LATERITE,
        shares: [0.33, 0.34, 0.27, 0.0],
        size: 1.4,
    },
    Profile {
        commodity: "bauxite",
        ore: &spectra::LATERITE,
        host: &spectra::LATERITE,
        shares: [0.5, 0.12, 0.3, 0.0],
        size: 1.3,
    },
    Profile {
        commodity: "nickel",
        ore: &spectra::LATERITE,
        host: &spectra::BASALT,
        shares: [0.5, 0.26, 0.17, 0.0],
        size: 1.0,
    },
    Profile {
        commodity: "gold",
        ore: &spectra::GRANITE,
        host: &spectra::LATERITE,
        shares: [0.28, 0.34, 0.31, 0.0],
        size: 0.7,
    },
    Profile {
        commodity: "kaolin",
        ore: &spectra::LIMESTONE,
        host: &spectra::LATERITE,
        shares: [0.45, 0.25, 0.22, 0.0],
        size: 0.5,
    },
];

/// An ellipse, the base of a warped shape.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blob {
    pub(super) x: f32,
    pub(super) y: f32,
    /// Radius of the circle of the same area.
    pub(super) radius: f32,
    /// Ratio of the long to the short axis.
    pub(super) stretch: f32,
    /// Direction of the long axis.
    pub(super) angle: f32,
    /// Shift of the centre as the ellipse grows, in radii of growth along and across the long axis: shorter than 1, so that
    /// an ellipse contains the smaller ones.
    pub(super) lean: (f32, f32),
}

/// A waste rock dump, partly reclaimed.
#[derive(Debug, Clone)]
pub(super) struct Dump {
    pub(super) lobes: Vec<Blob>,
    /// Whether the dump still grows.
    pub(super) is_active: bool,
    /// Reclaimed share in 2021, and its increase per year.
    pub(super) reclaimed: (f32, f32),
    /// Direction from which reclamation advances.
    pub(super) from: f32,
    pub(super) height_m: f32,
}

/// A tailings pond: behind a dam across a valley, or within a ring of dykes.
#[derive(Debug, Clone)]
pub(super) struct Pond {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) radius: f32,
    /// Direction from the dam, where tailings come in, to the water.
    pub(super) axis: f32,
    /// Height of the dam's crest in metres; `None` for a ring of dykes.
    pub(super) crest_m: Option<f32>,
    /// Directions and relative distances of the sides of a ring.
    pub(super) sides: Vec<(f32, f32)>,
    /// Share of the pond under water.
    pub(super) water: f32,
}

/// A rectangular part of a mine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Yard {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) half: (f32, f32),
    pub(super) angle: f32,
}

impl Yard {
    /// Position in the yard's own axes.
    pub(super) fn local(&self, x: f32, y: f32) -> (f32, f32) {
        let (s, c) = self.angle.sin_cos();
        let (dx, dy) = (x - self.x, y - self.y);
        (dx * c + dy * s, dy * c - dx * s)
    }
}

/// One mine.
#[derive(Debug, Clone)]
pub(super) struct Site {
    /// Number of the mine, starting at 1.
    pub(super) id: u16,
    pub(super) commodity: &'static str,
    pub(super) ore: Lithology,
    pub(super) host: Lithology,
    pub(super) x: f32,
    pub(super) y: f32,
    /// All parts lie within this distance of the centre, in metres.
    pub(super) reach: f32,
    pub(super) pit: Vec<Blob>,
    pub(super) dumps: Vec<Dump>,
    pub(super) pond: Option<Pond>,
    pub(super) pad: Option<Yard>,
    pub(super) mill: Option<Yard>,
    /// Polylines of the roads, each with half its width in metres.
    pub(super) roads: Vec<(Vec<(f32, f32)>, f32)>,
    /// Growth of lengths per year.
    pub(super) growth: f32,
    /// First year in which the mine exists.
    pub(super) opens: i16,
    /// Whether the pit has filled with water.
    pub(super) pit_lake: bool,
    pub(super) seed: u64,
    /// How the mine changes from day to day; `None` if it is simulated by years.
    pub(super) history: Option<History>,
}

/// Plans the locations of mines and their parts.
pub(super) struct Planner<'a> {
    seed: u64,
    region: Region,
    terrain: &'a Terrain,
    extent: f32,
    /// Occupied circles: x, y, radius in metres.
    pub(super) taken: Vec<(f32, f32, f32)>,
    /// Number of the mine that occupies each of them; 0 for towns.
    pub(super) owners: Vec<u16>,
}

impl<'a> Planner<'a> {
    /// Creates a planner. Mines keep away from `towns`: x, y, radius in metres.
    pub(super) fn new(seed: u64, region: Region, terrain: &'a Terrain, towns: Vec<(f32, f32, f32)>) -> Self {
        let owners = vec![0; towns.len()];
        Self { seed, region, terrain, extent: terrain.size as f32 * PIXEL_M, taken: towns, owners }
    }

    /// Plans mines with a total area of about 4 % of the scene. With `count`, plans that number of mines of the usual
    /// sizes, but with a total of at most a seventh of the scene.
    pub(super) fn sites(&mut self, count: Option<usize>) -> Vec<Site> {
        const MEAN_M2: f32 = 1.35e6;
        let mut dice = Dice::new(self.seed, "sites");
        let scene_m2 = self.extent * self.extent;
        let target = 0.055 * scene_m2 * (0.22 * dice.normal()).exp();
        let number = count.unwrap_or_else(|| (target / MEAN_M2).round().max(1.0) as usize);
        let profiles = match self.region {
            Region::Boreal => &BOREAL,
            Region::Arid => &ARID,
            Region::Tropical => &TROPICAL,
        };
        let mut plans: Vec<(&Profile, f32)> = (0..number)
            .map(|_| {
                let profile = dice.pick(profiles);
                (profile, profile.size * 0.6 * MEAN_M2 * (1.0 * dice.normal()).clamp(-2.4, 1.9).exp())
            })
            .collect();
        let sum: f32 = plans.iter().map(|p| p.1).sum();
        let factor = if count.is_none() { target / sum.max(1.0) } else { (0.14 * scene_m2 / sum.max(1.0)).min(1.0) };
        for plan in &mut plans {
            plan.1 = (plan.1 * factor).clamp(2.0e4, (0.09 * scene_m2).min(1.6e7));
        }
        // The largest mines are placed first, because they need most room.
        plans.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut sites = Vec::new();
        for (k, (profile, area)) in plans.into_iter().enumerate() {
            if let Some(site) = self.site(k as u16 + 1, profile, area) {
                sites.push(site);
            }
        }
        sites
    }

    fn site(&mut self, id: u16, profile: &Profile, area: f32) -> Option<Site> {
        let seed = self.seed ^ (u64::from(id) << 40);
        let mut dice = Dice::new(seed, "mine");
        let mut area = area;
        // Mines shrink if there is no room.
        for _ in 0..40 {
            let radius = 1.25 * (area / PI).sqrt();
            if let Some((x, y)) = self.best_place(&mut dice, radius) {
                return Some(self.lay_out(id, profile, area, (x, y), seed, &mut dice));
            }
            area *= 0.8;
        }
        None
    }

    /// Finds a free location for a mine, preferably on hills.
    fn best_place(&self, dice: &mut Dice, radius: f32) -> Option<(f32, f32)> {
        let margin = (0.75 * radius).min(0.3 * self.extent);
        let mut best: Option<(f32, (f32, f32))> = None;
        for _ in 0..60 {
            let (x, y) = (dice.range(margin, self.extent - margin), dice.range(margin, self.extent - margin));
            let near = self.taken.iter().any(|&(a, b, r)| (x - a).hypot(y - b) < (r + radius) * 1.02);
            if near || self.terrain.is_wet(x, y, 60.0) {
                continue;
            }
            let slope = self.terrain.slope_at(x, y);
            let score = (slope - 0.18).abs() + 0.15 * dice.unit();
            if best.is_none_or(|(lowest, _)| score < lowest) {
                best = Some((score, (x, y)));
            }
        }
        best.map(|b| b.1)
    }

    /// Finds a level, dry and free location for a part of radius `r` beside another part.
    pub(super) fn beside(&self, dice: &mut Dice, parts: &[(f32, f32, f32)], r: f32, low: f32) -> Option<(f32, f32)> {
        let (x0, y0, r0) = parts[0];
        let mut best: Option<(f32, (f32, f32))> = None;
        for _ in 0..70 {
            let angle = dice.range(0.0, TAU);
            let away = (r0 + r) * 0.84 + 10.0 + dice.unit().powi(2) * 1.3 * (r0 + r);
            let (x, y) = (x0 + away * angle.cos(), y0 + away * angle.sin());
            let inside = |v: f32| (0.5 * r..self.extent - 0.5 * r).contains(&v);
            let overlaps = |&(a, b, q): &(f32, f32, f32)| (x - a).hypot(y - b) < (r + q) * 0.78 + 8.0;
            let around = (0..8).map(|k| k as f32 * TAU / 8.0);
            let wet =
                around.clone().filter(|a| self.terrain.is_wet(x + 0.8 * r * a.cos(), y + 0.8 * r * a.sin(), 25.0));
            let wet = wet.count() as f32 + if self.terrain.is_wet(x, y, 25.0) { 3.0 } else { 0.0 };
            if !inside(x) || !inside(y) || parts.iter().any(overlaps) || self.taken.iter().any(overlaps) || wet > 2.0 {
                continue;
            }
            let rise = self.terrain.elevation_at(x, y) - self.terrain.elevation_at(x0, y0);
            let score = self.terrain.slope_at(x, y) * 2.0 + away / (r0 + r) * 0.5 + 0.3 * wet + low * rise / (r0 + r);
            if best.is_none_or(|(lowest, _)| score < lowest) {
                best = Some((score, (x, y)));
            }
        }
        best.map(|b| b.1)
    }

    fn lay_out(&mut self, id: u16, profile: &Profile, area: f32, at: (f32, f32), seed: u64, dice: &mut Dice) -> Site {
        let (x, y) = at;
        let strike = dice.range(0.0, PI);
        let is_small = area < 3.0e5;
        let mut shares = profile.shares;
        if is_small {
            shares = [0.6, 0.32, 0.0, 0.0];
        }
        let radius = |share: f32| (share * area / PI).sqrt();
        let blob = |dice: &mut Dice, x: f32, y: f32, radius: f32, angle: f32| Blob {
            x,
            y,
            radius,
            stretch: dice.range(1.1, 2.3),
            angle: angle + 0.35 * dice.normal(),
            lean: (0.0, 0.0),
        };

        // The pit: one to three lobes along the strike of the ore.
        let r = radius(shares[0]);
        let lobes = if r < 120.0 { 1 } else { 1 + (dice.unit() * 2.6) as usize };
        let mut pit = vec![blob(dice, x, y, r * if lobes == 1 { 1.0 } else { 0.82 }, strike)];
        for k in 1..lobes {
            let side = if k == 1 { 1.0 } else { -1.0 };
            let away = r * dice.range(0.7, 1.15) * side;
            let (a, b) = (strike + 0.3 * dice.normal(), r * dice.range(0.42, 0.65));
            pit.push(blob(dice, x + away * a.cos(), y + away * a.sin(), b, strike));
        }
        let mut parts = vec![(x, y, r * if lobes == 1 { 1.1 } else { 1.3 })];

        // Tailings ponds lie low; other parts lie on level ground.
        let pond = (shares[2] > 0.0).then(|| radius(shares[2])).and_then(|r| {
            let (px, py) = self.beside(dice, &parts, r, 1.6)?;
            parts.push((px, py, r));
            Some(self.pond(dice, px, py, r))
        });
        let yard = |dice: &mut Dice, parts: &mut Vec<(f32, f32, f32)>, share: f32, longest: f32| {
            let r = radius(share);
            let (x, y) = self.beside(dice, parts, r, 0.0)?;
            parts.push((x, y, r * 1.1));
            let long = dice.range(1.1, longest).sqrt() * 0.89;
            Some(Yard { x, y, half: (r * long, r * 0.79 / long), angle: dice.range(0.0, PI) })
        };
        let pad = (shares[3] > 0.0).then(|| yard(dice, &mut parts, shares[3], 2.2)).flatten();
        let rest = (1.0 - shares.iter().sum::<f32>()).clamp(0.025, 0.1);
        let has_mill = !is_small || dice.chance(0.5);
        let mill = has_mill.then(|| yard(dice, &mut parts, rest, 1.8)).flatten();

        let count = if is_small { 1 } else { 1 + (dice.unit() * 2.5) as usize };
        let mut dumps = Vec::new();
        let mut left = shares[1];
        for k in 0..count {
            let share = if k + 1 == count { left } else { left * dice.range(0.35, 0.65) };
            left -= share;
            let r = radius(share);
            let Some((dx, dy)) = self.beside(dice, &parts, r, -0.2) else { continue };
            parts.push((dx, dy, r * 0.95));
            // Dumps are tipped along the slope: lobes side by side.
            let contour = self.contour_direction(dx, dy);
            let mut lobes = vec![blob(dice, dx, dy, r * 0.88, contour)];
            for _ in 0..2 {
                let (a, d) = (contour + 0.6 * dice.normal(), r * dice.range(-0.75, 0.75));
                let b = r * dice.range(0.45, 0.65);
                lobes.push(blob(dice, dx + d * a.cos(), dy + d * a.sin(), b, contour));
            }
            let reclaimed = if dice.chance(0.55) { (dice.range(0.0, 0.4), dice.range(0.03, 0.12)) } else { (0.0, 0.0) };
            dumps.push(Dump {
                lobes,
                is_active: k == 0 || dice.chance(0.4),
                reclaimed,
                from: dice.range(0.0, TAU),
                height_m: (0.11 * r).clamp(8.0, 48.0),
            });
        }

        // Haul roads lead from the rim of the pit to all other parts.
        let half = if is_small { 7.0 } else { dice.range(9.0, 13.0) };
        let from = parts[0];
        let mut goals: Vec<(f32, f32)> = dumps.iter().map(|d| (d.lobes[0].x, d.lobes[0].y)).collect();
        goals.extend(mill.iter().map(|m| (m.x, m.y)));
        goals.extend(pad.iter().map(|p| (p.x, p.y)));
        let mut roads: Vec<(Vec<(f32, f32)>, f32)> =
            goals.into_iter().map(|to| (winding(dice, (from.0, from.1), to), half)).collect();
        if let (Some(mill), Some(pond)) = (&mill, &pond) {
            roads.push((winding(dice, (mill.x, mill.y), (pond.x, pond.y)), half * 0.8));
        }

        let reach = parts.iter().map(|&(a, b, q)| (a - x).hypot(b - y) + 1.9 * q).fold(0.0, f32::max) + 150.0;
        let closed = dice.chance(0.18);
        let opens = if dice.chance(0.12) { 2018 + (dice.unit() * 9.0) as i16 } else { 1990 };
        self.taken.extend(parts.iter().map(|&(a, b, q)| (a, b, q * 1.25)));
        self.owners.resize(self.taken.len(), id);
        Site {
            id,
            commodity: profile.commodity,
            ore: *profile.ore,
            host: *profile.host,
            x,
            y,
            reach,
            pit,
            dumps,
            pond,
            pad,
            mill,
            roads,
            growth: if closed { 0.0 } else { dice.range(0.005, 0.06) },
            opens,
            pit_lake: dice.chance(if closed { 0.9 } else { 0.25 }),
            seed,
            history: None,
        }
    }

    /// Direction of the contour line at a point.
    fn contour_direction(&self, x: f32, y: f32) -> f32 {
        let t = self.terrain;
        let dx = t.elevation_at(x + 80.0, y) - t.elevation_at(x - 80.0, y);
        let dy = t.elevation_at(x, y + 80.0) - t.elevation_at(x, y - 80.0);
        dy.atan2(dx) + PI / 2.0
    }

    /// Plans a tailings pond: behind a dam if the ground forms a basin, else within a ring of dykes.
    fn pond(&self, dice: &mut Dice, x: f32, y: f32, radius: f32) -> Pond {
        let t = self.terrain;
        let span = 0.6 * radius.max(60.0);
        let dx = t.elevation_at(x + span, y) - t.elevation_at(x - span, y);
        let dy = t.elevation_at(x, y + span) - t.elevation_at(x, y - span);
        let slope = dx.hypot(dy) / (2.0 * span);
        let n = 4 + (dice.unit() * 2.9) as usize;
        let start = dice.range(0.0, TAU);
        let sides = (0..n)
            .map(|k| {
                (start + (k as f32 + 0.24 * dice.normal().clamp(-1.2, 1.2)) * TAU / n as f32, dice.range(0.72, 1.0))
            })
            .collect();
        let water = dice.range(0.12, 0.62);
        let ring = Pond { x, y, radius: radius * 1.02, axis: dice.range(0.0, TAU), crest_m: None, sides, water };
        if slope < 0.02 {
            return ring;
        }
        // The dam stands downhill of the centre. Ground uphill of it and below its crest is filled.
        let axis = dy.atan2(dx);
        let (bx, by) = (x - 0.8 * radius * axis.cos(), y - 0.8 * radius * axis.sin());
        let foot = t.elevation_at(bx, by);
        let wanted = PI * radius * radius;
        let step = radius / 10.0;
        for k in 3..40 {
            let crest = foot + 2.0 * k as f32;
            let full = (-24..=24)
                .flat_map(|i| (-24..=24).map(move |j| (i as f32 * step, j as f32 * step)))
                .filter(|&(dx, dy)| {
                    dx * axis.cos() + dy * axis.sin() > 0.0
                        && dx.hypot(dy) < 2.3 * radius
                        && t.elevation_at(bx + dx, by + dy) < crest
                })
                .count() as f32
                * step
                * step;
            if full > wanted {
                let fits = full < 2.0 * wanted;
                let behind = Pond { x: bx, y: by, axis, crest_m: Some(crest), ..ring.clone() };
                return if fits { behind } else { ring };
            }
        }
        ring
    }
}

/// A winding line between two points.
pub(super) fn winding(dice: &mut Dice, from: (f32, f32), to: (f32, f32)) -> Vec<(f32, f32)> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let bows: [f32; 3] = std::array::from_fn(|_| dice.normal());
    let parts = 40;
    (0..=parts)
        .map(|k| {
            let t = k as f32 / parts as f32;
            let bow = 0.10 * bows[0] * (PI * t).sin()
                + 0.05 * bows[1] * (2.0 * PI * t).sin()
                + 0.03 * bows[2] * (3.0 * PI * t).sin();
            (from.0 + t * dx - bow * dy, from.1 + t * dy + bow * dx)
        })
        .collect()
}
