//! Land cover outside mines: [`Landscape`] gives the reflectance of a point.
//!
//! Covers are blended from the ground up, each with its share of the pixel: soil and rock, plants, fields and
//! clear-cuts, water, towns, roads, snow.

use super::Region;
use super::moment::Moment;
use super::parcels::parcel;
use super::season::Season;
use super::settlement::{PAVED, Roads, Town};
use super::spectra::{self, Lithology, Spectrum, cover, mix, scaled};
use super::terrain::Terrain;
use minesegsat_core::noise::{Dice, Noise, smoothstep, unit_of};

/// A point and the terrain there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) col: i32,
    pub(super) row: i32,
    /// Index of the pixel.
    pub(super) pixel: usize,
    /// Relative height: 0 lowest, 1 highest ground of the scene.
    pub(super) height: f32,
    /// Slope in metres per metre.
    pub(super) slope: f32,
    /// North-facing component of the slope, -1 to 1.
    pub(super) north: f32,
}

/// The landscape without mines.
pub(super) struct Landscape<'a> {
    pub(super) region: Region,
    pub(super) terrain: &'a Terrain,
    pub(super) towns: &'a [Town],
    pub(super) roads: &'a Roads,
    pub(super) season: Season,
    pub(super) moment: Moment,
    rocks: [Lithology; 3],
    zones: Noise,
    stands: Noise,
    fine: Noise,
    fields: Noise,
    cuts: Noise,
    farm: Noise,
    water: Noise,
    /// Random number of the moment for the level and the colour of waters.
    waters: u32,
}

impl<'a> Landscape<'a> {
    pub(super) fn new(
        seed: u64,
        region: Region,
        terrain: &'a Terrain,
        towns: &'a [Town],
        roads: &'a Roads,
        season: Season,
        moment: Moment,
    ) -> Self {
        let rocks = match region {
            Region::Boreal => [spectra::GRANITE, spectra::BASALT, spectra::LIMESTONE],
            Region::Arid => [spectra::SANDSTONE, spectra::BASALT, spectra::GRANITE],
            Region::Tropical => [spectra::LATERITE, spectra::IRONSTONE, spectra::GRANITE],
        };
        let noise = |name| Noise::new(seed, name);
        let waters = Dice::new(seed, &format!("waters {}", moment.name)).bits() as u32;
        Self {
            region,
            terrain,
            towns,
            roads,
            season,
            moment,
            rocks,
            zones: noise("zones"),
            stands: noise("stands"),
            fine: noise("fine"),
            fields: noise("fields"),
            cuts: noise("cuts"),
            farm: noise("farm"),
            water: noise("water"),
            waters,
        }
    }

    /// Depth of the water of the lake at a pixel in metres; negative on land. Three lakes in ten are reservoirs, whose level falls by
    /// up to 3 m and leaves their bed bare.
    pub(super) fn lake_depth(&self, pixel: usize) -> f32 {
        self.shore_depth(pixel) - self.drawdown(self.terrain.lake_id[pixel])
    }

    /// Depth of a pixel below the shore of a full lake, in metres.
    fn shore_depth(&self, pixel: usize) -> f32 {
        self.terrain.lake[pixel] + 0.35 * self.season.water_level
    }

    fn drawdown(&self, lake: u32) -> f32 {
        if unit_of(lake, 3) < 0.3 { 3.0 * unit_of(lake ^ self.waters, 4) } else { 0.0 }
    }

    /// Share of mud in the colour of a water: after rain or in wind, one water in six is opaque with it.
    fn mud(&self, water: u32) -> f32 {
        smoothstep(0.8, 0.97, unit_of(water ^ self.waters, 5))
    }

    /// Native rock at a point.
    pub(super) fn rock(&self, x: f32, y: f32) -> (Spectrum, Spectrum) {
        let n = self.zones.fbm(x / 4200.0, y / 4200.0, 4, 0.5);
        let [a, b, c] = &self.rocks;
        let (ab, bc) = (smoothstep(-0.35, -0.15, n), smoothstep(0.45, 0.6, n));
        let of = |f: fn(&Lithology) -> &Spectrum| mix(&mix(f(a), f(b), ab), f(c), bc);
        (of(|l| &l.fresh), of(|l| &l.weathered))
    }

    /// Reflectance of a point under even light, level and without snow.
    pub(super) fn surface(&self, spot: &Spot) -> Spectrum {
        let (x, y) = (spot.x, spot.y);
        let grain = 1.0 + 0.035 * self.fine.normal(spot.col, spot.row);
        let mut out = match self.region {
            Region::Boreal => self.boreal(spot),
            Region::Arid => self.arid(spot),
            Region::Tropical => self.tropical(spot),
        };
        self.lay_town(spot, &mut out);
        self.lay_water(spot, &mut out);
        let road = f32::from(self.roads.cover[spot.pixel]) / 255.0;
        if road > 0.0 {
            let (fresh, weathered) = self.rock(x, y);
            let surface = if self.roads.kind[spot.pixel] == PAVED {
                spectra::ASPHALT
            } else {
                scaled(&mix(&fresh, &weathered, 0.7), 1.12)
            };
            cover(&mut out, &surface, road * 0.9);
        }
        scaled(&out, grain)
    }

    /// Reflectance of grass in the season, for reclaimed land.
    pub(super) fn sown_grass(&self, spot: &Spot) -> Spectrum {
        self.grass(spot, 0.15)
    }

    /// Brightness of a canopy: crowns, stands and their shadows.
    fn canopy(&self, spot: &Spot, roughness: f32) -> f32 {
        let crowns = self.fine.normal(spot.col + 7919, spot.row);
        let clumps = self.stands.fbm(spot.x / 75.0, spot.y / 75.0, 2, 0.6);
        let stand = self.stands.fbm(spot.x / 520.0 + 11.0, spot.y / 520.0, 3, 0.55);
        1.0 + roughness * (0.075 * crowns + 0.10 * clumps + 0.07 * stand)
    }

    /// Random number of the stand of trees, or other uniform area, at a point.
    fn stand(&self, x: f32, y: f32, size: f32) -> u32 {
        let (wx, wy) = self.stands.vector(x / (0.5 * size), y / (0.5 * size), 3);
        self.stands.patch(x / size + 0.32 * wx, y / size + 0.32 * wy)
    }

    fn grass(&self, spot: &Spot, wet: f32) -> Spectrum {
        let n = self.stands.fbm(spot.x / 260.0 + 33.0, spot.y / 260.0, 4, 0.6);
        let green = (self.season.green + 0.3 * wet + 0.22 * n).clamp(0.0, 1.0);
        scaled(&mix(&spectra::DRY_GRASS, &spectra::GRASS, green), 1.0 + 0.09 * n)
    }

    fn deciduous(&self) -> Spectrum {
        mix(&spectra::LEAFLESS, &spectra::DECIDUOUS, self.season.leaves)
    }

    /// Broken rock on slopes too steep for plants, with gullies.
    fn rocks_of(&self, spot: &Spot) -> Spectrum {
        let (fresh, weathered) = self.rock(spot.x, spot.y);
        let n = self.fine.fbm(spot.x / 90.0, spot.y / 90.0, 4, 0.6);
        scaled(&mix(&weathered, &fresh, (0.45 + 0.5 * n).clamp(0.0, 1.0)), 1.0 + 0.16 * n)
    }

    fn boreal(&self, spot: &Spot) -> Spectrum {
        let &Spot { x, y, height, slope, north, .. } = spot;
        let above = self.terrain.above_channel[spot.pixel];
        let n = self.stands.fbm(x / 1100.0, y / 1100.0, 5, 0.55);
        let fine = self.stands.fbm(x / 160.0, y / 160.0 + 20.0, 3, 0.6);

        let mut out = self.grass(spot, 0.2);
        let (_, weathered) = self.rock(x, y);
        cover(&mut out, &mix(&spectra::BROWN_SOIL, &weathered, 0.4), 0.12);
        // Trees grow up to a ragged tree line; deciduous trees on warm and young ground.
        let line = 0.80 + 0.07 * n + 0.05 * fine - 0.04 * north;
        let trees = smoothstep(line + 0.05, line - 0.07, height) * smoothstep(-1.25, -0.7, n + 0.5 * fine);
        let young = unit_of(self.stand(x, y, 620.0), 7);
        let leafy = smoothstep(0.15, 0.6, 0.55 * n - 0.35 * north - 0.5 * height + 0.5 * young + 0.25 * fine);
        let conifer = scaled(&spectra::CONIFER, 0.9 + 0.35 * unit_of(self.stand(x, y, 430.0), 11));
        let forest = scaled(&mix(&conifer, &self.deciduous(), 0.85 * leafy), self.canopy(spot, 1.0));
        cover(&mut out, &forest, trees * 0.96);
        // Old burns: standing dead wood over grass and herbs.
        let burn = smoothstep(0.62, 0.72, self.zones.fbm(x / 2600.0 + 400.0, y / 2600.0, 4, 0.55));
        if burn > 0.0 {
            let burnt =
                scaled(&mix(&spectra::LEAFLESS, &self.grass(spot, 0.1), 0.45 + 0.3 * fine), self.canopy(spot, 1.0));
            cover(&mut out, &burnt, burn * trees * 0.85);
        }
        // Bogs on wet, level ground.
        let bog = smoothstep(9.0, 3.0, above)
            * smoothstep(0.06, 0.02, slope)
            * smoothstep(0.05, 0.3, self.water.fbm(x / 520.0, y / 520.0, 4, 0.55));
        let sedge = scaled(&mix(&spectra::WETLAND, &self.grass(spot, 0.3), 0.35 + 0.3 * fine), 1.0 + 0.12 * fine);
        cover(&mut out, &sedge, bog * 0.95);
        self.lay_cuttings(spot, trees * (1.0 - bog) * smoothstep(0.55, 0.35, slope), &mut out);
        // Rock above the tree line and on cliffs, first in gullies.
        let bare = smoothstep(line, line + 0.16, height + 0.06 * fine) * smoothstep(-0.6, 0.4, n + 1.6 * slope)
            + smoothstep(0.62, 0.85, slope + 0.12 * fine);
        cover(&mut out, &self.rocks_of(spot), bare.clamp(0.0, 1.0) * 0.92);
        self.lay_farms(spot, 0.35, &mut out);
        out
    }

    fn arid(&self, spot: &Spot) -> Spectrum {
        let &Spot { x, y, height, slope, north, .. } = spot;
        let above = self.terrain.above_channel[spot.pixel];
        let n = self.stands.fbm(x / 900.0, y / 900.0, 5, 0.55);
        let fine = self.stands.fbm(x / 120.0, y / 120.0, 3, 0.6);
        let (_, weathered) = self.rock(x, y);

        // Alluvial fans: older surfaces have darker varnish.
        let age = smoothstep(-0.7, 0.7, self.zones.fbm(x / 1500.0 + 9.0, y / 1500.0, 5, 0.6));
        let washed = self.fine.ridged(x / 260.0 + 0.3 * n, y / 260.0, 3);
        let red = self.zones.fbm(x / 2600.0 + 77.0, y / 2600.0, 4, 0.55);
        let soil = mix(
            &mix(&spectra::PALE_SOIL, &spectra::BROWN_SOIL, (0.3 + 0.45 * red).clamp(0.0, 1.0)),
            &weathered,
            0.25 + 0.35 * age,
        );
        let mut out = scaled(&soil, 1.0 - 0.3 * age + 0.07 * fine + 0.16 * smoothstep(0.7, 1.0, washed) * (1.0 - age));
        // Bushes, denser higher up and on shaded slopes; then small trees.
        let bushes = (0.16 + 0.3 * height + 0.12 * north + 0.13 * n + 0.09 * fine).clamp(0.03, 0.6);
        cover(&mut out, &scaled(&spectra::DESERT_SHRUB, 1.0 + 0.1 * fine), bushes);
        cover(&mut out, &spectra::DRY_GRASS, (0.1 + 0.1 * n).clamp(0.0, 0.3));
        let woods =
            smoothstep(0.5, 0.75, height + 0.1 * n + 0.12 * north) * smoothstep(-0.15, 0.35, fine + 0.5 * north) * 0.55;
        cover(&mut out, &scaled(&spectra::CONIFER, 1.15), woods);
        // Rock in the ranges.
        let bare = smoothstep(0.16, 0.42, slope + 0.06 * fine + 0.04 * n);
        cover(&mut out, &self.rocks_of(spot), bare * 0.88);
        // Dry lakes at the lowest points of the plain, with rings of salt.
        let basin =
            smoothstep(0.03, 0.022, height + 0.008 * n) * smoothstep(7.0, 4.0, above) * smoothstep(0.04, 0.02, slope);
        if basin > 0.0 {
            let salt = self.water.fbm(x / 700.0, y / 700.0, 5, 0.6);
            let crust = mix(&spectra::PALE_SOIL, &spectra::PLAYA, (0.55 + 0.6 * salt).clamp(0.0, 1.0));
            cover(&mut out, &scaled(&crust, 1.0 + 0.05 * fine), basin * smoothstep(-0.3, -0.15, salt));
        }
        self.lay_farms(spot, 0.2, &mut out);
        out
    }

    fn tropical(&self, spot: &Spot) -> Spectrum {
        let &Spot { x, y, height, slope, .. } = spot;
        let above = self.terrain.above_channel[spot.pixel];
        let n = self.stands.fbm(x / 1300.0, y / 1300.0, 5, 0.55);
        let fine = self.stands.fbm(x / 130.0, y / 130.0, 3, 0.6);

        let forest = scaled(&spectra::RAIN_FOREST, self.canopy(spot, 1.15));
        let regrowth = scaled(&spectra::REGROWTH, self.canopy(spot, 0.8));
        let mut out = mix(&forest, &regrowth, smoothstep(0.35, 0.8, n + 0.35 * fine));
        // Iron plateaus carry no trees.
        let plateau = smoothstep(0.80, 0.9, height + 0.05 * n) * smoothstep(0.4, 0.2, slope);
        let (_, weathered) = self.rock(x, y);
        let scrub = mix(&weathered, &self.grass(spot, 0.0), (0.6 + 0.35 * fine).clamp(0.15, 0.9));
        cover(&mut out, &scrub, plateau * 0.85);
        let bare = smoothstep(0.7, 0.95, slope + 0.15 * fine);
        cover(&mut out, &self.rocks_of(spot), bare * 0.8);

        // Land is cleared in parcels, least along streams and on steep slopes. Each parcel has its own use and age.
        let cleared = self.farm.fbm(x / 5200.0, y / 5200.0, 3, 0.5) + 0.35;
        if cleared > -0.25 {
            let (wx, wy) = self.fields.vector(x / 700.0, y / 700.0, 3);
            let angle = self.farm_angle(x, y);
            let plot = parcel(self.fields, x + 55.0 * wx, y + 55.0 * wy, angle, 2600.0, 620.0);
            let use_of = unit_of(plot.id, 1);
            let is_open = use_of < smoothstep(-0.25, 0.75, cleared) * 0.8;
            if is_open {
                let edge = smoothstep(-2.0, 10.0, plot.inset + 7.0 * fine);
                let kept = smoothstep(2.2, 5.0, above + fine) * smoothstep(0.5, 0.3, slope);
                let pasture = self.pasture(spot, plot.id, fine);
                cover(&mut out, &pasture, edge * kept * 0.97 * (1.0 - 0.8 * plateau));
            }
        }
        out
    }

    /// Reflectance of cleared land in the tropics by its use.
    fn pasture(&self, spot: &Spot, id: u32, fine: f32) -> Spectrum {
        let kind = unit_of(id, 2);
        // Some parcels change from year to year.
        let now = unit_of(id ^ (self.moment.year as u32).wrapping_mul(0x9E37), 3);
        let soil = mix(&spectra::CLEARED_SOIL, &spectra::RED_SOIL, unit_of(id, 4));
        let tone = 0.88 + 0.24 * unit_of(id, 5) + 0.07 * fine;
        let surface = if kind < 0.62 {
            let trees = smoothstep(0.7, 1.1, fine + 0.6 * unit_of(id, 6));
            let grazed = mix(&self.grass(spot, 0.25), &soil, 0.28 * unit_of(id, 7));
            mix(&grazed, &spectra::REGROWTH, trees * 0.8)
        } else if kind < 0.76 {
            // Fields, under the plough or green.
            if now < 0.45 { soil } else { mix(&spectra::CROP, &soil, 0.6 * (now - 0.45)) }
        } else if kind < 0.86 {
            // Planted trees in even blocks.
            scaled(&spectra::REGROWTH, 0.78 + 0.1 * unit_of(id, 8))
        } else {
            mix(&spectra::REGROWTH, &self.grass(spot, 0.3), (0.4 + 0.5 * fine).clamp(0.0, 1.0))
        };
        scaled(&surface, tone)
    }

    /// Orientation of fields, constant over some kilometres.
    fn farm_angle(&self, x: f32, y: f32) -> f32 {
        let (wx, wy) = self.farm.vector(x / 3000.0, y / 3000.0, 2);
        unit_of(self.farm.patch(x / 6000.0 + 0.3 * wx, y / 6000.0 + 0.3 * wy), 1) * 1.57
    }

    /// Adds clear-cuts of all ages, in blocks.
    fn lay_cuttings(&self, spot: &Spot, forest: f32, out: &mut Spectrum) {
        let zone = self.cuts.fbm(spot.x / 4000.0, spot.y / 4000.0, 3, 0.5) + 0.15;
        if forest <= 0.02 || zone < 0.0 {
            return;
        }
        let (wx, wy) = self.cuts.vector(spot.x / 420.0, spot.y / 420.0, 3);
        let block = parcel(self.cuts, spot.x + 42.0 * wx, spot.y + 42.0 * wy, 0.6, 2100.0, 560.0);
        let cut_in = 1985.0 + 60.0 * unit_of(block.id, 1);
        let age = self.moment.years - cut_in;
        if unit_of(block.id, 2) > smoothstep(0.0, 0.5, zone) * 0.75 || age < 0.0 {
            return;
        }
        let edge = smoothstep(14.0, 24.0, block.inset + 5.0 * self.cuts.at(spot.x / 60.0, spot.y / 60.0));
        let fine = self.stands.fbm(spot.x / 70.0, spot.y / 70.0, 3, 0.6);
        let soil = mix(&spectra::BROWN_SOIL, &spectra::DRY_GRASS, 0.4 + 0.3 * fine);
        let slash = mix(&soil, &spectra::LEAFLESS, (0.35 + 0.3 * fine).clamp(0.0, 1.0));
        let herbs = self.grass(spot, 0.25);
        let young = mix(&self.deciduous(), &spectra::CONIFER, 0.45);
        let now = if age < 12.0 {
            mix(&slash, &herbs, smoothstep(0.5, 9.0, age))
        } else {
            mix(&herbs, &young, smoothstep(12.0, 30.0, age))
        };
        cover(out, &scaled(&now, 1.0 + 0.1 * fine), edge * forest * smoothstep(48.0, 30.0, age));
        // Skid trails and landings.
        let trail =
            smoothstep(0.9, 1.0, self.cuts.ridged(spot.x / 120.0, spot.y / 120.0, 1)) * smoothstep(9.0, 2.0, age);
        cover(out, &spectra::BROWN_SOIL, 0.4 * trail * edge * forest);
    }

    /// Adds fields on level ground near water.
    fn lay_farms(&self, spot: &Spot, share: f32, out: &mut Spectrum) {
        let &Spot { x, y, slope, .. } = spot;
        let above = self.terrain.above_channel[spot.pixel];
        if slope > 0.3 || above > 120.0 {
            return;
        }
        let angle = self.farm_angle(x, y);
        let fine = self.stands.fbm(x / 90.0, y / 90.0, 3, 0.6);
        let field = if self.region == Region::Arid {
            parcel(self.fields, x, y, 0.0, 1640.0, 900.0)
        } else {
            parcel(self.fields, x, y, angle, 1700.0, 480.0)
        };
        // The ground at its centre decides whether a whole parcel is a field.
        let (u, v) = (field.local.0 * field.half.0, field.local.1 * field.half.1);
        let (sin, cos) = if self.region == Region::Arid { (0.0, 1.0) } else { angle.sin_cos() };
        let (cx, cy) = (x - u * cos + v * sin, y - u * sin - v * cos);
        let zone = self.farm.fbm(cx / 4600.0 + 70.0, cy / 4600.0, 3, 0.5) + share - 0.55 + 0.25 * unit_of(field.id, 10);
        let middle = self.terrain.pixel(cx, cy);
        if zone < 0.0 || self.terrain.slope_at(cx, cy) > 0.09 || self.terrain.above_channel[middle] > 60.0 {
            return;
        }
        // Hedges and scrub remain between fields, and some parcels are not farmed.
        if unit_of(field.id, 9) > 0.8 {
            return;
        }
        let mut edge = smoothstep(3.0, 13.0, field.inset);
        if self.region == Region::Arid && unit_of(field.id, 8) < 0.75 {
            // Centre-pivot irrigation: circular fields.
            let radius = field.half.0.min(field.half.1);
            edge = smoothstep(0.0, 10.0, 0.96 * radius - u.hypot(v));
        }
        let now = unit_of(field.id ^ (self.moment.year as u32).wrapping_mul(0x51ED), 3);
        let stage = (self.season.crops + 0.5 * unit_of(field.id, 4) - 0.25).clamp(0.0, 1.0);
        let soil = mix(&spectra::BROWN_SOIL, &spectra::DARK_SOIL, unit_of(field.id, 5));
        let soil = if self.region == Region::Arid { mix(&soil, &spectra::PALE_SOIL, 0.6) } else { soil };
        let surface = if now < 0.22 {
            // Ploughed: as bare as a mine.
            scaled(&soil, 0.8 + 0.3 * unit_of(field.id, 6))
        } else if now < 0.6 {
            mix(&spectra::CROP, &spectra::STUBBLE, smoothstep(0.45, 0.95, stage))
        } else {
            self.grass(spot, 0.3)
        };
        cover(out, &scaled(&surface, 0.92 + 0.16 * unit_of(field.id, 7) + 0.05 * fine), edge * 0.97);
    }

    fn lay_town(&self, spot: &Spot, out: &mut Spectrum) {
        for town in self.towns {
            let (dx, dy) = (spot.x - town.x, spot.y - town.y);
            let away = dx.hypot(dy) / town.radius;
            if away > 2.0 {
                continue;
            }
            let (wx, wy) = self.fields.vector(spot.x / 500.0, spot.y / 500.0, 2);
            let built = away + 0.32 * self.farm.fbm(spot.x / 380.0, spot.y / 380.0, 4, 0.55);
            let block = parcel(self.fields, spot.x + 9.0 * wx, spot.y + 9.0 * wy, town.angle, 520.0, 95.0);
            // A block is built on completely or not at all.
            let density = smoothstep(1.25, 0.75, built);
            if density < 0.3 + 0.35 * unit_of(block.id, 1) {
                continue;
            }
            let lot = parcel(self.cuts, spot.x + 9.0 * wx, spot.y + 9.0 * wy, town.angle, 260.0, 27.0);
            let dry = if self.region == Region::Arid { spectra::PALE_SOIL } else { self.grass(spot, 0.1) };
            let is_works = unit_of(block.id, 2) < 0.07;
            let paved = mix(&spectra::ASPHALT, &spectra::CONCRETE, unit_of(block.id, 3) * 0.6);
            let (fresh, weathered) = self.rock(spot.x, spot.y);
            let gravel = scaled(&mix(&fresh, &weathered, 0.5), 1.1);
            let yard = if is_works { mix(&gravel, &paved, unit_of(block.id, 4)) } else { dry };
            let kind = unit_of(lot.id, 5);
            let roof = if is_works {
                if kind < 0.4 { spectra::METAL_ROOF } else { spectra::WHITE_ROOF }
            } else {
                match self.region {
                    Region::Boreal if kind < 0.7 => spectra::SHINGLE_ROOF,
                    Region::Tropical if kind < 0.65 => spectra::TILE_ROOF,
                    _ if kind < 0.85 => spectra::METAL_ROOF,
                    _ => spectra::CONCRETE,
                }
            };
            let mut here = yard;
            let roofs = if is_works { 0.45 } else { 0.3 } * unit_of(lot.id, 6).sqrt() + 0.06;
            cover(&mut here, &scaled(&roof, 0.75 + 0.5 * unit_of(lot.id, 7)), roofs);
            let trees = if self.region == Region::Arid { 0.06 } else { 0.25 } * unit_of(lot.id, 8);
            let tree = if self.region == Region::Tropical { spectra::RAIN_FOREST } else { self.deciduous() };
            cover(&mut here, &tree, trees);
            let street = smoothstep(11.0, 3.0, block.inset);
            let surface = if self.region == Region::Boreal || unit_of(block.id, 8) < 0.5 { paved } else { gravel };
            cover(&mut here, &surface, street * 0.75);
            *out = here;
        }
    }

    fn lay_water(&self, spot: &Spot, out: &mut Spectrum) {
        let (x, y, i) = (spot.x, spot.y, spot.pixel);
        let t = self.terrain;
        let (width, level) = (t.river_width[i], self.season.water_level);
        if width > 0.0 {
            let bank = t.river[i] - 0.06 * width * level;
            // Banks of gravel and sand inside bends and between channels. They are wider at low water.
            let spread = match self.region {
                Region::Boreal => 0.75,
                Region::Arid => 0.5,
                Region::Tropical => 0.35,
            };
            let bar = self.water.fbm(x / (3.5 * width).max(60.0), y / (3.5 * width).max(60.0), 3, 0.55);
            let reach = width * (spread * (0.9 * bar + 0.15) - 0.08 * level);
            if reach > 2.0 {
                let share = smoothstep(reach + 5.0, reach - 5.0, bank) * (width / 14.0).min(1.0);
                let (fresh, _) = self.rock(x, y);
                let stones = mix(&mix(&spectra::GRAVEL, &spectra::SAND, 0.3 + 0.4 * bar), &fresh, 0.4);
                let wet = 0.72 + 0.3 * smoothstep(0.0, 25.0, bank);
                cover(out, &scaled(&stones, wet), share * 0.92);
            }
            let share = (0.5 - bank / 10.0).clamp(0.0, 1.0);
            if self.region == Region::Arid {
                // Rivers carry water only after rain; their beds are sand.
                let (_, weathered) = self.rock(x, y);
                let bed = scaled(&mix(&spectra::SAND, &weathered, 0.45), 0.95 + 0.12 * bar);
                cover(out, &bed, share * (width / 10.0).min(1.0));
            } else {
                let silt = match self.region {
                    Region::Tropical => 0.45 + 0.2 * level,
                    _ => 0.18 + 0.12 * level,
                };
                let silt = (silt + 0.15 * (width / 80.0).min(1.0)).clamp(0.0, 1.0);
                let water = mix(&spectra::CLEAR_WATER, &spectra::TURBID_WATER, silt);
                let water = mix(&water, &spectra::MUDDY_WATER, self.mud(0));
                cover(out, &water, share * (width / 10.0).min(1.0));
            }
        }
        let (id, depth) = (t.lake_id[i], self.lake_depth(i));
        let below_shore = self.shore_depth(i);
        if below_shore > -0.25 && depth < 0.25 {
            // The bed that a low reservoir leaves bare: wet mud near the water, dry silt and gravel above it.
            let (_, weathered) = self.rock(x, y);
            let n = self.water.fbm(x / 140.0, y / 140.0, 3, 0.55);
            let dry = smoothstep(-0.2, -1.4, depth);
            let ground = mix(&mix(&spectra::PALE_SOIL, &weathered, 0.5 + 0.4 * n), &spectra::GRAVEL, 0.3);
            cover(out, &scaled(&ground, 0.62 + 0.43 * dry), 0.95 * smoothstep(-0.25, 0.1, below_shore));
        }
        if depth > -2.5 {
            // Each lake has its own colour: clear, green, or pale with rock flour.
            let (a, b) = (unit_of(id, 1), unit_of(id, 2));
            let tint = match self.region {
                Region::Boreal => mix(&spectra::CLEAR_WATER, &spectra::TURQUOISE_WATER, smoothstep(0.72, 0.9, a) * 0.9),
                Region::Arid => mix(&spectra::GREEN_WATER, &spectra::TURBID_WATER, a),
                Region::Tropical => mix(&spectra::GREEN_WATER, &spectra::TURBID_WATER, 0.8 * a),
            };
            let tint = mix(&tint, &spectra::GREEN_WATER, 0.5 * b);
            let shallow = smoothstep(2.2, 0.2, depth);
            let water = mix(&tint, &spectra::TURBID_WATER, 0.3 * shallow);
            let drift = 1.0 + 0.08 * self.water.fbm(x / 900.0, y / 900.0, 3, 0.55);
            let water = mix(&water, &scaled(&spectra::MUDDY_WATER, drift * (0.7 + 0.6 * b)), self.mud(id));
            // Shores that dry out.
            let share = smoothstep(-0.45, -0.15, depth);
            cover(out, &scaled(&spectra::GRAVEL, 0.7), 0.4 * share);
            cover(out, &water, smoothstep(-0.25, 0.2, depth));
        }
    }

    /// Adds ice on water and snow over all covers; traffic clears it from `driven_on` of the pixel.
    pub(super) fn lay_snow(&self, spot: &Spot, driven_on: f32, out: &mut Spectrum) {
        let n = self.stands.fbm(spot.x / 340.0 + 90.0, spot.y / 340.0, 4, 0.6);
        let line = self.season.snow_line - 0.06 * spot.north;
        let depth = spot.height + 0.06 * n - 0.10 * (spot.slope - 0.5).max(0.0) - line;
        let is_lake = self.lake_depth(spot.pixel) >= 0.0;
        if depth <= -0.04 || (is_lake && self.season.ice <= 0.0) {
            return;
        }
        let share = smoothstep(-0.02, 0.07, depth);
        let mut held = 1.0;
        if self.season.is_winter_drawn {
            // Crowns hold little snow and hide the ground below them.
            let leafy = spectra::normalised_difference(out[spectra::NIR], out[spectra::RED]);
            held = (1.0 - 0.72 * smoothstep(0.45, 0.8, leafy)) * (1.0 - 0.7 * driven_on) * (0.9 + 0.1 * n);
            if is_lake {
                held = self.season.ice;
            }
        }
        cover(out, &scaled(&spectra::SNOW, 0.95 + 0.04 * n), share * 0.93 * held);
    }
}
