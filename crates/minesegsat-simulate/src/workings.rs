//! Appearance of mines: [`Workings`] gives the reflectance of a point in a part of a mine.

use super::mines::{MinePart, Pond, Site};
use super::parcels::parcel;
use super::shapes::{bench_run, bent_inset};
use super::spectra::{self, Lithology, Spectrum, cover, mix, scaled};
use minesegsat_core::noise::{Noise, smoothstep, unit, unit_of};

/// Reflectance factor of broken ground, which shades itself and is damp.
const ROUGH: f32 = 0.75;

/// Appearance of one site.
pub(super) struct Workings {
    site: Site,
    /// Number of the leach cycle: other cells are under leach in another one.
    leach: u32,
    noise: Noise,
    blocks: Noise,
    /// Random numbers for the colours of this site, 0 to 1.
    taste: [f32; 6],
}

impl Workings {
    pub(super) fn new(site: &Site, leach: u32) -> Self {
        let noise = Noise::new(site.seed, "workings");
        let taste = std::array::from_fn(|k| unit(noise.cell(k as i32, 77)));
        let rough = |rock: &Lithology| Lithology {
            fresh: scaled(&rock.fresh, ROUGH),
            weathered: scaled(&rock.weathered, ROUGH),
            fines: scaled(&rock.fines, ROUGH),
        };
        let blocks = Noise::new(site.seed, "blocks");
        let site = Site { ore: rough(&site.ore), host: rough(&site.host), ..site.clone() };
        Self { site, leach, noise, blocks, taste }
    }

    /// Reflectance `inset` metres inside a part; `country` is the reflectance of the ground without the mine.
    pub(super) fn surface(&self, part: u8, inset: f32, x: f32, y: f32, country: &Spectrum) -> Spectrum {
        match part {
            p if p == MinePart::Pit.value() => self.pit(inset, x, y),
            p if p == MinePart::WasteRock.value() => self.waste(inset, x, y),
            p if p == MinePart::TailingsPond.value() => self.pond(inset, x, y),
            p if p == MinePart::HeapLeachPad.value() => self.pad(inset, x, y),
            p if p == MinePart::Mill.value() => self.mill(inset, x, y),
            p if p == MinePart::HaulRoad.value() => self.road(x, y),
            _ => *country,
        }
    }

    /// Rock of the site: bands of ore and host rock along the strike, weathered near the original surface.
    fn rock(&self, depth: f32, x: f32, y: f32) -> Spectrum {
        let site = &self.site;
        let strike = site.pit[0].angle;
        let along = x * strike.cos() + y * strike.sin();
        let across = y * strike.cos() - x * strike.sin();
        let veins = self.noise.fbm(across / 130.0, along / 620.0, 4, 0.6);
        let fresh = mix(&site.host.fresh, &site.ore.fresh, smoothstep(-0.25, 0.35, veins + 0.5 * depth - 0.2));
        let oxide = mix(&site.host.weathered, &site.ore.weathered, smoothstep(-0.3, 0.4, veins));
        let patches = self.noise.fbm(x / 210.0 + 8.0, y / 210.0, 4, 0.6);
        scaled(&mix(&oxide, &fresh, smoothstep(-0.4, 0.5, 1.3 * depth - 0.35 + 0.75 * patches)), 1.0 + 0.12 * veins)
    }

    /// Brightness of broken ground at the finest scales.
    fn rubble(&self, x: f32, y: f32, strength: f32) -> f32 {
        1.0 + strength
            * (0.6 * self.noise.fbm(x / 38.0, y / 38.0, 2, 0.7) + self.noise.fbm(x / 140.0, y / 140.0, 2, 0.6))
    }

    fn pit(&self, inset: f32, x: f32, y: f32) -> Spectrum {
        let site = &self.site;
        let r = site.pit[0].radius;
        let depth = (inset / (0.55 * r)).clamp(0.0, 1.0);
        let run = bench_run(site);
        let bent = bent_inset(site, inset, x, y).max(0.0);
        let step = (bent / run).fract();
        // Berms are dusty and bright, faces fresh and in their own shade.
        let face = smoothstep(0.42, 0.6, step) * smoothstep(1.0, 0.9, step);
        let rock = self.rock(depth, x, y);
        let dust = mix(&site.host.fines, &site.ore.fines, 0.5);
        let mut out = scaled(&mix(&rock, &dust, 0.26 * (1.0 - face)), 1.03 - 0.13 * face);
        out = scaled(&out, self.rubble(x, y, 0.10));
        // A ramp winds down.
        let turn = (y - site.y).atan2(x - site.x) / std::f32::consts::TAU + self.taste[0];
        let ramp = (inset / (3.2 * run) - turn).rem_euclid(1.0);
        let on_ramp = smoothstep(0.0, 0.05, ramp) * smoothstep(0.26, 0.19, ramp) * smoothstep(15.0, 40.0, inset);
        cover(&mut out, &scaled(&dust, 1.06), 0.5 * on_ramp);
        // The floor, and water on it.
        let sump = smoothstep(
            0.02,
            0.08,
            inset / r - if site.pit_lake { 0.6 } else { 0.85 } + 0.07 * self.noise.fbm(x / 160.0, y / 160.0, 3, 0.5),
        );
        if self.taste[1] < 0.4 || site.pit_lake {
            cover(&mut out, &self.process_water(0.8), sump);
        }
        out
    }

    fn process_water(&self, depth: f32) -> Spectrum {
        let green = mix(&spectra::GREEN_WATER, &spectra::TURQUOISE_WATER, self.taste[2]);
        mix(&mix(&spectra::TURBID_WATER, &self.site.ore.fines, 0.06), &green, depth.clamp(0.0, 1.0))
    }

    fn waste(&self, inset: f32, x: f32, y: f32) -> Spectrum {
        let site = &self.site;
        // Loads dumped at the same time form tongues.
        let (wx, wy) = self.noise.vector(x / 260.0, y / 260.0, 3);
        let load = self.blocks.patch(x / 190.0 + 0.6 * wx, y / 150.0 + 0.6 * wy);
        let fresh = mix(&site.host.fresh, &site.ore.fresh, 0.3 * unit_of(load, 1));
        let age = (0.35 + 0.45 * self.taste[3] + 0.9 * (unit_of(load, 2) - 0.5)).clamp(0.0, 1.0);
        let mut out = mix(&fresh, &mix(&site.host.weathered, &site.ore.weathered, 0.3), age);
        // Slopes between the lifts are coarser and darker than the tops, where trucks drive.
        let step = (inset / 46.0).fract();
        let lifts = site.dumps.iter().map(|d| d.height_m).fold(0.0, f32::max) / 13.0;
        let slope = smoothstep(0.45, 0.65, step) * smoothstep(46.0 * lifts + 46.0, 46.0 * lifts, inset);
        let dust = mix(&site.host.fines, &site.host.weathered, 0.4);
        out = scaled(&mix(&out, &dust, 0.3 * (1.0 - slope)), 1.02 - 0.1 * slope);
        // Weeds grow on old parts.
        let weeds = smoothstep(0.2, 0.8, self.noise.fbm(x / 170.0 + 4.0, y / 170.0, 4, 0.6) + age - 0.55);
        cover(&mut out, &spectra::DRY_GRASS, 0.3 * weeds);
        let track = smoothstep(0.93, 1.0, self.noise.ridged(x / 170.0, y / 170.0 + 3.0, 1));
        cover(&mut out, &scaled(&dust, 1.1), 0.4 * track);
        scaled(&out, (0.92 + 0.16 * unit_of(load, 3)) * self.rubble(x, y, 0.13))
    }

    fn pond(&self, inset: f32, x: f32, y: f32) -> Spectrum {
        let Some(pond) = &self.site.pond else { return self.site.ore.fines };
        let site = &self.site;
        let along = (x - pond.x) * pond.axis.cos() + (y - pond.y) * pond.axis.sin();
        let span = if pond.crest_m.is_some() { 1.9 * pond.radius } else { 2.0 * pond.radius };
        let from_dam = if pond.crest_m.is_some() { along / span } else { along / span + 0.5 };
        let n = self.noise.fbm(x / 240.0, y / 240.0, 5, 0.55);
        // Tailings spread in fans from the dam: dry and bright, then wet, then under water.
        let fans = self.noise.fbm(x / 420.0 + 5.0, y / 90.0, 4, 0.6);
        let dry = mix(&site.ore.fines, &site.host.fines, 0.55 * self.taste[4]);
        let wet = scaled(&dry, 0.58);
        let wetness = smoothstep(-0.35, 0.25, from_dam - (0.72 - pond.water) + 0.16 * n + 0.08 * fans);
        let mut out = scaled(&mix(&dry, &wet, wetness), 1.0 + 0.05 * fans);
        let deep = from_dam - (1.0 - pond.water) + 0.12 * n;
        let water = self.process_water(smoothstep(0.03, 0.32, deep));
        cover(&mut out, &water, smoothstep(-0.008, 0.012, deep));
        // The dam or the dykes: rock, with a road on the crest.
        let bank = if Self::is_dam(pond, along) {
            62.0
        } else if pond.crest_m.is_some() {
            9.0
        } else {
            34.0
        };
        let wall = smoothstep(bank + 4.0, bank - 4.0, inset);
        let mut rock = mix(&site.host.weathered, &site.host.fresh, 0.4);
        cover(&mut rock, &scaled(&site.host.fines, 1.05), 0.5 * smoothstep(6.0, 2.0, (inset - 0.8 * bank).abs()));
        cover(&mut out, &scaled(&rock, self.rubble(x, y, 0.06)), wall);
        out
    }

    fn is_dam(pond: &Pond, along: f32) -> bool {
        pond.crest_m.is_some() && along < 0.25 * pond.radius
    }

    fn pad(&self, inset: f32, x: f32, y: f32) -> Spectrum {
        let Some(pad) = &self.site.pad else { return self.site.ore.fines };
        let site = &self.site;
        let (u, v) = pad.local(x, y);
        let cells = parcel(self.blocks, u, v, 0.0, 420.0, 120.0);
        // Cells under leach are wet.
        let under_leach = unit_of(cells.id ^ self.leach, 1) < 0.35;
        let ore = mix(&site.ore.weathered, &site.ore.fines, 0.5);
        let tone = if under_leach { 0.68 } else { 0.92 + 0.2 * unit_of(cells.id, 2) };
        let mut out = scaled(&mix(&ore, &site.ore.fresh, 0.4 * unit_of(cells.id, 3)), tone);
        cover(&mut out, &scaled(&ore, 1.15), 0.5 * smoothstep(8.0, 3.0, cells.inset));
        let step = (inset / 30.0).fract();
        let lift = smoothstep(0.5, 0.7, step) * smoothstep(110.0, 80.0, inset);
        out = scaled(&out, (1.0 - 0.18 * lift) * self.rubble(x, y, 0.035));
        // Solution ponds with black liners at one end.
        let end = pad.half.0 - u;
        if end < 62.0 && end > 14.0 && v.abs() < 0.6 * pad.half.1 {
            let pond = smoothstep(14.0, 22.0, end)
                * smoothstep(62.0, 54.0, end)
                * smoothstep(6.0, 12.0, (v.rem_euclid(78.0) - 3.0).min(75.0 - v.rem_euclid(78.0)));
            let filled = if unit_of(cells.id, 4) < 0.6 { self.process_water(1.0) } else { spectra::LINER };
            cover(&mut out, &mix(&filled, &spectra::LINER, 0.3), pond);
        }
        out
    }

    fn mill(&self, inset: f32, x: f32, y: f32) -> Spectrum {
        let Some(mill) = &self.site.mill else { return self.site.host.fines };
        let site = &self.site;
        let (u, v) = mill.local(x, y);
        let ground = scaled(&mix(&site.host.fines, &site.host.weathered, 0.5), 0.92);
        let mut out = scaled(&ground, self.rubble(x, y, 0.07));
        let plot = parcel(self.blocks, u, v, 0.0, 260.0, 58.0);
        let kind = unit_of(plot.id, 1);
        let (a, b) = (plot.local.0 * plot.half.0, plot.local.1 * plot.half.1);
        let inner = smoothstep(3.0, 11.0, plot.inset) * smoothstep(6.0, 22.0, inset);
        if kind < 0.17 {
            let roof = if unit_of(plot.id, 2) < 0.5 { spectra::METAL_ROOF } else { spectra::WHITE_ROOF };
            cover(&mut out, &scaled(&roof, 0.8 + 0.3 * unit_of(plot.id, 3)), 0.85 * inner);
        } else if kind < 0.23 {
            // Thickeners are round.
            let radius = 0.8 * plot.half.0.min(plot.half.1);
            let tank = smoothstep(4.0, -4.0, a.hypot(b) - radius);
            cover(&mut out, &self.process_water(0.2), tank);
        } else if kind < 0.45 {
            // Stockpiles.
            let pile = smoothstep(1.0, 0.6, plot.local.0.hypot(plot.local.1));
            cover(&mut out, &mix(&site.ore.fresh, &site.ore.fines, 0.3), pile);
        } else if kind < 0.53 {
            cover(&mut out, &spectra::CONCRETE, 0.6 * inner);
        } else if kind < 0.6 {
            cover(&mut out, &spectra::ASPHALT, 0.7 * inner);
        }
        out
    }

    fn road(&self, x: f32, y: f32) -> Spectrum {
        let site = &self.site;
        let dust = mix(&site.host.fines, &site.host.weathered, 0.45);
        scaled(&dust, 0.98 * self.rubble(x, y, 0.03))
    }

    /// Reflectance of a dump reclaimed with grass and young trees; `country` is the reflectance of the vegetation
    /// around it.
    pub(super) fn reclaimed(&self, x: f32, y: f32, grass: &Spectrum, country: &Spectrum) -> Spectrum {
        let n = self.noise.fbm(x / 130.0 + 70.0, y / 130.0, 4, 0.6);
        let soil = mix(&self.site.host.weathered, &spectra::BROWN_SOIL, 0.5);
        let mut out = mix(&soil, grass, (0.72 + 0.3 * n).clamp(0.2, 0.95));
        cover(&mut out, country, (0.22 + 0.25 * n).clamp(0.0, 0.5));
        out
    }

    /// Adds dust and tracks around a mine to the reflectance of the ground.
    pub(super) fn dust(&self, inset: f32, x: f32, y: f32, out: &mut Spectrum) {
        let near = (inset / 45.0).exp();
        let n = self.noise.fbm(x / 110.0 + 20.0, y / 110.0, 4, 0.6);
        let dust = mix(&self.site.host.fines, &self.site.host.weathered, 0.6);
        cover(out, &dust, (near * (0.22 + 0.4 * n)).clamp(0.0, 0.45));
    }
}
