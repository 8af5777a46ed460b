//! Towns and roads: [`Settlement`].

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Region;
use super::hydrology::{neighbours, smooth_line};
use super::mines::Site;
use super::terrain::{PIXEL_M, Terrain, for_pixels_near};
use minesegsat_core::noise::{Dice, Noise};

/// A town or village.
#[derive(Debug, Clone, Copy)]
pub(super) struct Town {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) radius: f32,
    /// Direction of its streets.
    pub(super) angle: f32,
}

/// Places the towns of a scene on level ground.
pub(super) fn towns(seed: u64, terrain: &Terrain, region: Region) -> Vec<Town> {
    let mut dice = Dice::new(seed, "towns");
    let extent = terrain.size as f32 * PIXEL_M;
    let km2 = extent * extent * 1e-6;
    let per_town = match region {
        Region::Boreal => 110.0,
        Region::Arid => 170.0,
        Region::Tropical => 90.0,
    };
    let number = (km2 / per_town + dice.unit()).floor() as usize;
    let mut towns: Vec<Town> = Vec::new();
    for _ in 0..number {
        let radius = (270.0 * (0.55 * dice.normal()).exp()).clamp(140.0, 850.0);
        let mut best: Option<(f32, Town)> = None;
        for _ in 0..50 {
            let (x, y) = (dice.range(0.0, extent), dice.range(0.0, extent));
            let near = towns.iter().any(|t| (t.x - x).hypot(t.y - y) < 3.0 * (t.radius + radius));
            if near || terrain.is_wet(x, y, 80.0) {
                continue;
            }
            let above = terrain.above_channel[terrain.pixel(x, y)];
            let score = terrain.slope_at(x, y) + 0.002 * above + 0.03 * dice.unit();
            if best.is_none_or(|(lowest, _)| score < lowest) {
                best = Some((score, Town { x, y, radius, angle: dice.range(0.0, 1.57) }));
            }
        }
        towns.extend(best.map(|b| b.1));
    }
    towns
}

/// Value of paved roads.
pub(super) const PAVED: u8 = 1;
pub(super) const UNPAVED: u8 = 2;

/// Roads on the 10 m grid; arrays are row-major `[size, size]`.
#[derive(Debug)]
pub(super) struct Roads {
    /// Share of the pixel covered by road, 0 to 255.
    pub(super) cover: Vec<u8>,
    /// [`PAVED`], [`UNPAVED`] or 0.
    pub(super) kind: Vec<u8>,
}

impl Roads {
    /// Builds roads between towns, across the scene and to mines, and tracks.
    pub(super) fn new(seed: u64, region: Region, terrain: &Terrain, towns: &[Town], sites: &[Site]) -> Self {
        let pixels = terrain.size * terrain.size;
        let mut roads = Self { cover: vec![0; pixels], kind: vec![0; pixels] };
        let mut dice = Dice::new(seed, "roads");
        let mut paths = Paths::new(seed, region, terrain);
        let extent = terrain.size as f32 * PIXEL_M;
        // A highway crosses the scene through the towns.
        let mut stops: Vec<(f32, f32)> = towns.iter().map(|t| (t.x, t.y)).collect();
        let along = dice.range(0.0, std::f32::consts::TAU);
        let key = |p: &(f32, f32)| p.0 * along.cos() + p.1 * along.sin();
        stops.sort_by(|a, b| key(a).total_cmp(&key(b)));
        let half = extent / 2.0;
        let border = |side: f32| (half + side * 1.6 * half * along.cos(), half + side * 1.6 * half * along.sin());
        stops.insert(0, border(-1.0));
        stops.push(border(1.0));
        for pair in stops.windows(2) {
            let path = paths.between(terrain, pair[0], pair[1]);
            roads.stamp(terrain, &path, 10.0, PAVED);
        }
        for site in sites {
            let to = site.mill.as_ref().map_or((site.x, site.y), |m| (m.x, m.y));
            let path = paths.nearest_road(terrain, to);
            let width = if dice.chance(0.4) { (9.0, PAVED) } else { (8.0, UNPAVED) };
            roads.stamp(terrain, &path, width.0, width.1);
        }
        let tracks = (extent * extent * 1e-6 / if region == Region::Arid { 9.0 } else { 12.0 }) as usize;
        for _ in 0..tracks {
            let to = (dice.range(0.0, extent), dice.range(0.0, extent));
            if terrain.is_wet(to.0, to.1, 30.0) || sites.iter().any(|s| (s.x - to.0).hypot(s.y - to.1) < 0.7 * s.reach)
            {
                continue;
            }
            let path = paths.nearest_road(terrain, to);
            roads.stamp(terrain, &path, dice.range(4.0, 6.5), UNPAVED);
        }
        roads
    }

    fn stamp(&mut self, terrain: &Terrain, path: &[[f32; 3]], width: f32, kind: u8) {
        for pair in path.windows(2) {
            for_pixels_near(terrain.size, (pair[0], pair[1]), width / 2.0 + PIXEL_M, |i, distance, _| {
                // Share of a pixel that a strip through it covers.
                let covered = (f32::midpoint(width, PIXEL_M) - distance).clamp(0.0, width.min(PIXEL_M)) / PIXEL_M;
                let covered = (covered * 255.0) as u8;
                if covered > self.cover[i] {
                    self.cover[i] = covered;
                    self.kind[i] = kind;
                }
            });
        }
    }
}

/// Cheapest paths on the coarse lattice.
struct Paths {
    /// Cost per metre in each cell.
    cost: Vec<f32>,
    z: Vec<f32>,
    /// Cells that already have a road.
    network: Vec<bool>,
    bends: Noise,
}

impl Paths {
    fn new(seed: u64, region: Region, terrain: &Terrain) -> Self {
        let lattice = &terrain.lattice;
        let wander = Noise::new(seed, "road cost");
        let cells = lattice.n * lattice.n;
        let wet = if region == Region::Arid { 1.0 } else { 14.0 };
        let cost = (0..cells)
            .map(|i| {
                let (x, y) = lattice.centre(i);
                let p = terrain.pixel(x, y);
                let water = if terrain.lake[p] > -0.5 {
                    60.0
                } else if terrain.river[p] < 20.0 {
                    wet
                } else {
                    0.0
                };
                1.0 + water + 0.9 * wander.fbm(x / 900.0, y / 900.0, 3, 0.5).abs()
            })
            .collect();
        let z = (0..cells).map(|i| lattice.centre(i)).map(|(x, y)| terrain.elevation_at(x, y)).collect();
        Self { cost, z, network: vec![false; cells], bends: Noise::new(seed, "road bends") }
    }

    fn between(&mut self, terrain: &Terrain, from: (f32, f32), to: (f32, f32)) -> Vec<[f32; 3]> {
        let goal = terrain.lattice.cell_at(to.0, to.1);
        self.search(terrain, from, |i, _| i == goal)
    }

    /// Cheapest path to the nearest road.
    fn nearest_road(&mut self, terrain: &Terrain, from: (f32, f32)) -> Vec<[f32; 3]> {
        self.search(terrain, from, |i, network| network[i])
    }

    fn search(
        &mut self,
        terrain: &Terrain,
        from: (f32, f32),
        is_goal: impl Fn(usize, &[bool]) -> bool,
    ) -> Vec<[f32; 3]> {
        let lattice = &terrain.lattice;
        let start = lattice.cell_at(from.0, from.1);
        let mut best = vec![f32::INFINITY; self.cost.len()];
        let mut parent = vec![u32::MAX; self.cost.len()];
        // Costs are positive floats, so their bits sort in the same order.
        let mut heap = BinaryHeap::from([Reverse((0_u32, start as u32))]);
        best[start] = 0.0;
        let mut goal = None;
        while let Some(Reverse((bits, i))) = heap.pop() {
            let (so_far, i) = (f32::from_bits(bits), i as usize);
            if so_far > best[i] {
                continue;
            }
            if i != start && is_goal(i, &self.network) {
                goal = Some(i);
                break;
            }
            for (j, distance) in neighbours(lattice.n, i) {
                let slope = (self.z[j] - self.z[i]).abs() / (distance * lattice.cell);
                let climb = 1.0 + (slope / 0.05).powi(2);
                let road = if self.network[j] { 0.3 } else { 1.0 };
                let cost = so_far + distance * road * climb.min(80.0) * (self.cost[i] + self.cost[j]) / 2.0;
                if cost < best[j] {
                    best[j] = cost;
                    parent[j] = i as u32;
                    heap.push(Reverse((cost.to_bits(), j as u32)));
                }
            }
        }
        let mut line = Vec::new();
        let mut at = goal.map_or(u32::MAX, |g| g as u32);
        while at != u32::MAX {
            self.network[at as usize] = true;
            let (x, y) = lattice.centre(at as usize);
            line.push([x, y, 0.0]);
            at = parent[at as usize];
        }
        // Smoothing hides the eight directions of the lattice.
        let smooth = smooth_line(thinned(line), 4);
        let bent = |p: [f32; 3]| {
            let (a, b) = self.bends.vector(p[0] / 420.0, p[1] / 420.0, 2);
            [p[0] + 26.0 * a, p[1] + 26.0 * b, 0.0]
        };
        smooth.into_iter().map(bent).collect()
    }
}

/// Keeps every third point and the ends, so that lines have more directions than the lattice.
fn thinned(line: Vec<[f32; 3]>) -> Vec<[f32; 3]> {
    let last = line.len().saturating_sub(1);
    line.into_iter().enumerate().filter(|(k, _)| k % 3 == 0 || *k == last).map(|(_, p)| p).collect()
}
