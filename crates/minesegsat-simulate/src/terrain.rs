//! Terrain on the 10 m grid ([`Terrain`]): heights from uplift and water erosion, rivers and lakes.
//!
//! Noise uplifts a coarse lattice, and rivers erode it by the stream power law. The law is solved implicitly from the
//! outlets upwards (Braun, Willett 2013, "A very efficient O(n), implicit and parallel method to solve the stream power
//! equation"). Then valleys get floors and hollows become lakes. The result is resampled through a warp and roughened,
//! so that the lattice does not remain visible.

use rayon::prelude::*;

use super::Region;
use super::hydrology::{Drainage, neighbours, smooth_line, trace_rivers};
use minesegsat_core::noise::{Dice, Noise, smoothstep};

/// Width in metres of the computed margin around the scene.
const MARGIN_M: f32 = 1500.0;
/// Maximum stored distance from a river bank in metres.
pub(super) const NEAR_RIVER_M: f32 = 90.0;
/// Pixel size of the grid in metres.
pub(super) const PIXEL_M: f32 = 10.0;

/// Terrain parameters of a region.
struct Style {
    /// Uplift per time step in metres.
    uplift: f32,
    /// Erodibility per time step.
    erodibility: f32,
    steps: usize,
    smoothing: usize,
    /// Noise threshold that sets the share of uplifted land.
    ranges: f32,
    /// Amplitude of the fine roughness in metres.
    roughness: f32,
    /// Threshold of the noise that makes hollows. Lower values give more lakes.
    hollows: f32,
    /// Catchment area in km2 at which a channel begins.
    channel_km2: f32,
    /// Channel width in metres per square root of the catchment area in km2.
    width: f32,
    /// Range of the catchment area outside the scene of the largest river, in km2.
    inflow_km2: (f32, f32),
}

const fn style(region: Region) -> Style {
    match region {
        Region::Boreal => Style {
            uplift: 30.0,
            erodibility: 4.6,
            steps: 22,
            smoothing: 3,
            ranges: 0.0,
            roughness: 9.0,
            hollows: 0.34,
            channel_km2: 3.5,
            width: 1.8,
            inflow_km2: (150.0, 1800.0),
        },
        Region::Arid => Style {
            uplift: 34.0,
            erodibility: 4.0,
            steps: 22,
            smoothing: 1,
            ranges: 0.45,
            roughness: 10.0,
            hollows: 1.6,
            channel_km2: 0.9,
            width: 2.2,
            inflow_km2: (0.0, 60.0),
        },
        Region::Tropical => Style {
            uplift: 28.0,
            erodibility: 3.8,
            steps: 24,
            smoothing: 3,
            ranges: -0.1,
            roughness: 7.0,
            hollows: 0.75,
            channel_km2: 2.0,
            width: 1.7,
            inflow_km2: (60.0, 2500.0),
        },
    }
}

/// The ground of a scene at its 10 m pixels, row-major `[size, size]`, y downwards.
#[derive(Debug)]
pub(super) struct Terrain {
    pub(super) size: usize,
    /// Elevation in metres.
    pub(super) elevation: Vec<f32>,
    /// Height in metres above the channel that the pixel drains to.
    pub(super) above_channel: Vec<f32>,
    /// Depth below the lake level in metres; below 0 on land, far below 0 away from lakes.
    pub(super) lake: Vec<f32>,
    /// Number of the lake, constant within each lake.
    pub(super) lake_id: Vec<u32>,
    /// Distance to the bank of a river in metres: below 0 in the river, at most [`NEAR_RIVER_M`].
    pub(super) river: Vec<f32>,
    /// Width of that river in metres.
    pub(super) river_width: Vec<f32>,
    /// Minimum and maximum elevation in metres.
    pub(super) range: (f32, f32),
    /// The coarse lattice, used for paths.
    pub(super) lattice: Lattice,
}

/// A coarse square lattice over the scene and its margin.
#[derive(Debug, Clone)]
pub(super) struct Lattice {
    pub(super) n: usize,
    pub(super) cell: f32,
    /// Coordinate of the first cell's centre.
    pub(super) origin: f32,
}

impl Lattice {
    fn new(size: usize) -> Self {
        let extent = size as f32 * PIXEL_M + 2.0 * MARGIN_M;
        let cell = (extent / 640.0).max(60.0);
        Self { n: (extent / cell).ceil() as usize, cell, origin: -MARGIN_M + 0.5 * cell }
    }

    /// Centre of a cell.
    pub(super) fn centre(&self, i: usize) -> (f32, f32) {
        (self.origin + (i % self.n) as f32 * self.cell, self.origin + (i / self.n) as f32 * self.cell)
    }

    /// Index of the cell at a point.
    pub(super) fn cell_at(&self, x: f32, y: f32) -> usize {
        let index = |v: f32| (((v - self.origin) / self.cell).round().max(0.0) as usize).min(self.n - 1);
        index(y) * self.n + index(x)
    }

    /// Bilinear interpolation.
    fn linear(&self, values: &[f32], x: f32, y: f32) -> f32 {
        let (u, v) = ((x - self.origin) / self.cell, (y - self.origin) / self.cell);
        let (u, v) = (u.clamp(0.0, (self.n - 2) as f32), v.clamp(0.0, (self.n - 2) as f32));
        let (c, r) = (u as usize, v as usize);
        let (tx, ty) = ((u - c as f32).min(1.0), (v - r as f32).min(1.0));
        let i = r * self.n + c;
        let line = |i: usize| values[i] + (values[i + 1] - values[i]) * tx;
        line(i) + (line(i + self.n) - line(i)) * ty
    }

    /// Cubic B-spline: smooth to the second derivative, so that shading shows no lattice.
    fn spline(&self, values: &[f32], x: f32, y: f32) -> f32 {
        let weights = |t: f32| {
            let s = 1.0 - t;
            [
                s * s * s / 6.0,
                (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0,
                (3.0 * s * s * s - 6.0 * s * s + 4.0) / 6.0,
                t * t * t / 6.0,
            ]
        };
        let last = (self.n - 3) as f32;
        let u = ((x - self.origin) / self.cell).clamp(1.0, last);
        let v = ((y - self.origin) / self.cell).clamp(1.0, last);
        let (c, r) = (u as usize, v as usize);
        let (wx, wy) = (weights(u - c as f32), weights(v - r as f32));
        (0..4)
            .map(|j| {
                let line = &values[(r + j - 1) * self.n + c - 1..][..4];
                wy[j] * (line[0] * wx[0] + line[1] * wx[1] + line[2] * wx[2] + line[3] * wx[3])
            })
            .sum()
    }
}

/// Warp from the fine grid to the coarse lattice.
#[derive(Clone, Copy)]
struct Warp {
    noise: Noise,
    cell: f32,
}

impl Warp {
    fn apply(self, x: f32, y: f32) -> (f32, f32) {
        let (a, b) = self.noise.vector(x / (8.0 * self.cell), y / (8.0 * self.cell), 2);
        let (c, d) = self.noise.vector(x / (46.0 * self.cell) + 5.0, y / (46.0 * self.cell), 2);
        (x + self.cell * (0.75 * a + 3.4 * c), y + self.cell * (0.75 * b + 3.4 * d))
    }

    /// The point whose warped position is `(x, y)`.
    fn invert(self, x: f32, y: f32) -> (f32, f32) {
        (0..9).fold((x, y), |(px, py), _| {
            let (qx, qy) = self.apply(px, py);
            (px + x - qx, py + y - qy)
        })
    }
}

impl Terrain {
    /// Creates the terrain of a seed.
    pub(super) fn new(seed: u64, region: Region, size: usize) -> Self {
        let style = style(region);
        let lattice = Lattice::new(size);
        let coarse = Coarse::new(seed, region, &style, &lattice);
        let warp = Warp { noise: Noise::new(seed, "warp"), cell: lattice.cell };
        let detail = Noise::new(seed, "detail");

        let pixels = size * size;
        let (mut elevation, mut above_channel) = (vec![0.0; pixels], vec![0.0; pixels]);
        let (mut lake, mut lake_id) = (vec![0.0; pixels], vec![0; pixels]);
        elevation
            .par_chunks_mut(size)
            .zip(above_channel.par_chunks_mut(size))
            .zip(lake.par_chunks_mut(size))
            .zip(lake_id.par_chunks_mut(size))
            .enumerate()
            .for_each(|(row, (((elevation, above_channel), lake), lake_id))| {
                let y = (row as f32 + 0.5) * PIXEL_M;
                for col in 0..size {
                    let x = (col as f32 + 0.5) * PIXEL_M;
                    let (u, v) = warp.apply(x, y);
                    let height = lattice.spline(&coarse.z, u, v);
                    let above = lattice.linear(&coarse.above_channel, u, v).max(0.0);
                    let steep = smoothstep(3.0, 60.0, above);
                    let rough = style.roughness * steep * detail.fbm(x / 330.0, y / 330.0, 5, 0.46)
                        + (0.25 + 0.5 * steep) * detail.fbm(x / 60.0, y / 60.0, 2, 0.6);
                    let level = lattice.linear(&coarse.lake_level, u, v);
                    let in_lake = lattice.spline(&coarse.lake_share, u, v);
                    let shore = 0.7 * detail.fbm(x / 170.0 + 7.0, y / 170.0, 3, 0.5);
                    // Away from lakes, the lake level is far below the ground. On level ground the bed limits a lake,
                    // not the height.
                    let bed = 7.0 * (in_lake - 0.45 + 0.16 * shore);
                    let depth = if level < -1e4 { -1e3 } else { (level - height - shore).min(bed) };
                    lake[col] = depth;
                    lake_id[col] = minesegsat_core::noise::hash(level.to_bits());
                    elevation[col] = if depth > 0.0 { level } else { height + rough * smoothstep(0.0, 4.0, -depth) };
                    above_channel[col] = above;
                }
            });
        let range = elevation.iter().fold((f32::MAX, f32::MIN), |(a, b), &z| (a.min(z), b.max(z)));
        let mut terrain = Self {
            size,
            elevation,
            above_channel,
            lake,
            lake_id,
            river: vec![NEAR_RIVER_M; pixels],
            river_width: vec![0.0; pixels],
            range,
            lattice,
        };
        terrain.lay_rivers(seed, region, &style, &coarse, warp);
        terrain
    }

    fn lay_rivers(&mut self, seed: u64, region: Region, style: &Style, coarse: &Coarse, warp: Warp) {
        let bends = Noise::new(seed, "meanders");
        let is_river = |i: usize| coarse.area_km2[i] >= style.channel_km2;
        for path in trace_rivers(&coarse.drainage, is_river) {
            let line: Vec<[f32; 3]> = path
                .iter()
                .map(|&i| {
                    let (x, y) = self.lattice.centre(i as usize);
                    let (x, y) = warp.invert(x, y);
                    let base = if region == Region::Arid { 3.0 } else { 1.0 };
                    [x, y, base + style.width * coarse.area_km2[i as usize].sqrt()]
                })
                .collect();
            // Meanders are about eleven channel widths long (Leopold, Wolman 1960) and lie on valley floors.
            let bent = |p: [f32; 3]| {
                let length = 11.0 * p[2].max(9.0);
                let (a, b) = bends.vector(p[0] / (0.8 * length), p[1] / (0.8 * length), 1);
                let room = if region == Region::Arid { 0.12 } else { 0.3 };
                [
                    p[0] + room * length * a,
                    p[1] + room * length * b,
                    p[2] * (1.0 + 0.25 * bends.at(p[0] / 170.0, p[1] / 170.0)),
                ]
            };
            let fine = smooth_line(line, 2).into_iter().map(bent).collect();
            self.stamp_river(&smooth_line(fine, 2));
        }
    }

    /// Updates the distance to the river bank along a polyline of x, y and width.
    fn stamp_river(&mut self, line: &[[f32; 3]]) {
        let size = self.size;
        for pair in line.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            for_pixels_near(size, (a, b), a[2].max(b[2]) / 2.0 + NEAR_RIVER_M, |i, distance, t| {
                let width = a[2] + (b[2] - a[2]) * t;
                let to_bank = distance - width / 2.0;
                if to_bank < self.river[i] {
                    self.river[i] = to_bank;
                    self.river_width[i] = width;
                }
            });
        }
    }

    /// Bilinearly interpolated elevation; constant beyond the edge.
    pub(super) fn elevation_at(&self, x: f32, y: f32) -> f32 {
        sample(&self.elevation, self.size, x, y)
    }

    /// Index of the pixel at a point; beyond the edge, the nearest pixel.
    pub(super) fn pixel(&self, x: f32, y: f32) -> usize {
        let index = |v: f32| ((v / PIXEL_M).max(0.0) as usize).min(self.size - 1);
        index(y) * self.size + index(x)
    }

    /// Slope at a point over 60 m, in metres per metre.
    pub(super) fn slope_at(&self, x: f32, y: f32) -> f32 {
        let dx = self.elevation_at(x + 30.0, y) - self.elevation_at(x - 30.0, y);
        let dy = self.elevation_at(x, y + 30.0) - self.elevation_at(x, y - 30.0);
        dx.hypot(dy) / 60.0
    }

    /// Whether a lake or river lies within `margin` metres of a point.
    pub(super) fn is_wet(&self, x: f32, y: f32, margin: f32) -> bool {
        let i = self.pixel(x, y);
        self.lake[i] > -0.5 || (self.river[i] < margin && self.river_width[i] > 6.0)
    }
}

/// Bilinear interpolation between pixel centres of a square layer; constant beyond the edge.
pub(super) fn sample(layer: &[f32], size: usize, x: f32, y: f32) -> f32 {
    let last = (size - 1) as f32;
    let u = (x / PIXEL_M - 0.5).clamp(0.0, last);
    let v = (y / PIXEL_M - 0.5).clamp(0.0, last);
    let (c, r) = ((u as usize).min(size - 2), (v as usize).min(size - 2));
    let (tx, ty) = (u - c as f32, v - r as f32);
    let i = r * size + c;
    let line = |i: usize| layer[i] + (layer[i + 1] - layer[i]) * tx;
    line(i) + (line(i + size) - line(i)) * ty
}

/// Calls `f(pixel, distance, position)` for the pixels of a square grid whose centres lie within `reach` metres of a
/// segment. `position` runs from 0 to 1 along the segment.
pub(super) fn for_pixels_near(
    size: usize,
    (a, b): ([f32; 3], [f32; 3]),
    reach: f32,
    mut f: impl FnMut(usize, f32, f32),
) {
    let span = |a: f32, b: f32| {
        let from = ((a.min(b) - reach) / PIXEL_M - 0.5).ceil().max(0.0) as usize;
        let to = (((a.max(b) + reach) / PIXEL_M - 0.5).floor() + 1.0).clamp(0.0, size as f32) as usize;
        from..to
    };
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let length2 = (dx * dx + dy * dy).max(1e-6);
    for row in span(a[1], b[1]) {
        let y = (row as f32 + 0.5) * PIXEL_M - a[1];
        for col in span(a[0], b[0]) {
            let x = (col as f32 + 0.5) * PIXEL_M - a[0];
            let t = ((x * dx + y * dy) / length2).clamp(0.0, 1.0);
            let distance = (x - t * dx).hypot(y - t * dy);
            if distance <= reach {
                f(row * size + col, distance, t);
            }
        }
    }
}

/// Layers of the coarse lattice.
struct Coarse {
    z: Vec<f32>,
    above_channel: Vec<f32>,
    /// Level of the lake at or next to a cell; -1e6 away from lakes.
    lake_level: Vec<f32>,
    /// 1 in lakes, 0 elsewhere.
    lake_share: Vec<f32>,
    area_km2: Vec<f32>,
    drainage: Drainage,
}

impl Coarse {
    fn new(seed: u64, region: Region, style: &Style, lattice: &Lattice) -> Self {
        let Lattice { n, cell, .. } = *lattice;
        let mut dice = Dice::new(seed, "terrain");
        let noise = Noise::new(seed, "uplift");
        let cells = n * n;
        // Rivers leave through the downhill part of the border.
        let downhill = dice.range(0.0, std::f32::consts::TAU);
        let (east, south) = (downhill.cos(), downhill.sin());
        let half = n as f32 / 2.0;
        let towards = |i: usize| ((i % n) as f32 - half) * east + ((i / n) as f32 - half) * south;
        let on_border = |i: usize| i.is_multiple_of(n) || i / n == 0 || i % n == n - 1 || i / n == n - 1;
        let lowest = (0..cells).map(towards).fold(f32::MIN, f32::max);
        let outlets: Vec<bool> = (0..cells).map(|i| on_border(i) && towards(i) > 0.72 * lowest).collect();
        let strike = dice.range(-0.5, 0.5);

        let place: Vec<(f32, f32)> = (0..cells).map(|i| lattice.centre(i)).collect();
        let lift: Vec<f32> = place
            .par_iter()
            .map(|&(x, y)| {
                let (wx, wy) = noise.vector(x / 6000.0, y / 6000.0, 2);
                let (x, y) = (x + 1800.0 * wx, y + 1800.0 * wy);
                // In arid regions, ranges are elongated along their strike.
                let (along, across) = (y * strike.cos() - x * strike.sin(), x * strike.cos() + y * strike.sin());
                let stretch = if region == Region::Arid { 2.2 } else { 1.3 };
                let field = noise.fbm(across / 5200.0, along / (5200.0 * stretch), 3, 0.5);
                let lifted = smoothstep(style.ranges - 0.75, style.ranges + 0.65, field);
                style.uplift * (0.06 + 1.3 * lifted * lifted)
            })
            .collect();
        let hard: Vec<f32> =
            place.par_iter().map(|&(x, y)| (0.7 * noise.fbm(x / 2600.0 + 50.0, y / 2600.0, 3, 0.5)).exp()).collect();
        let mut z: Vec<f32> = (0..cells)
            .map(|i| {
                let (x, y) = place[i];
                60.0 + 38.0 * noise.fbm(x / 4200.0, y / 4200.0 + 90.0, 6, 0.5) - towards(i) * cell * 0.0022
            })
            .collect();

        let inflow = dice.range(style.inflow_km2.0, style.inflow_km2.1) * dice.unit();
        let cell_km2 = cell * cell * 1e-6;
        let mut own = vec![cell_km2; cells];
        let mut drainage = Drainage::new(n, &z, &outlets, 1e-3);
        // The inflowing river enters at the lowest point of the upper border.
        let inlet = (0..cells)
            .filter(|&i| on_border(i) && towards(i) < -0.35 * lowest)
            .min_by(|&a, &b| (z[a] + lift[a] * 4.0).total_cmp(&(z[b] + lift[b] * 4.0)));
        if let Some(inlet) = inlet {
            own[inlet] += inflow;
        }
        for _ in 0..style.steps {
            let area = drainage.accumulate(own.clone());
            z.copy_from_slice(&drainage.filled);
            for &i in &drainage.order {
                let i = i as usize;
                let to = drainage.receiver[i] as usize;
                if to == i {
                    continue;
                }
                let diagonal = i.abs_diff(to) != 1 && i.abs_diff(to) != n;
                let distance = if diagonal { std::f32::consts::SQRT_2 } else { 1.0 };
                let cut = style.erodibility / hard[i] * area[i].powf(0.45) / distance * (60.0 / cell);
                let risen = (z[i] + lift[i] + cut * z[to]) / (1.0 + cut);
                // Slopes slide if they are steeper than the angle of repose of rock debris.
                z[i] = risen.clamp(z[to], z[to] + 0.72 * distance * cell);
            }
            drainage = Drainage::new(n, &z, &outlets, 1e-3);
        }
        for _ in 0..style.smoothing {
            z = smoothed(n, &z);
        }
        let drainage = Drainage::new(n, &z, &outlets, 1e-3);
        let area = drainage.accumulate(own.clone());
        let above = above_channel(&drainage, &z, &area, style.channel_km2);
        // Valleys get floors, which are wider along large rivers.
        for i in 0..cells {
            let (h, area) = above[i];
            let floor = 4.0 + 2.4 * area.sqrt().min(20.0);
            z[i] += h * h / (h + floor) - h;
        }
        // Valley floors may leave hollows where they meet. They are filled, because lakes are created separately.
        z = Drainage::new(n, &z, &outlets, 1e-3).filled;
        let hollows = Noise::new(seed, "hollows");
        for i in 0..cells {
            let (x, y) = place[i];
            let depth = (hollows.fbm(x / 1500.0, y / 1500.0, 4, 0.55) - style.hollows).max(0.0);
            z[i] -= 60.0 * depth * smoothstep(90.0, 15.0, above[i].0);
        }
        let (lake_level, lake_share) = fill_lakes(n, cell, &mut z, &outlets);
        let drainage = Drainage::new(n, &z, &outlets, 1e-3);
        let area_km2 = drainage.accumulate(own);
        let above_channel =
            above_channel(&drainage, &z, &area_km2, style.channel_km2).into_iter().map(|(h, _)| h).collect();
        Self { z, above_channel, lake_level, lake_share, area_km2, drainage }
    }
}

/// Per cell: metres above the channel that it drains to, and that channel's catchment.
fn above_channel(drainage: &Drainage, z: &[f32], area: &[f32], channel_km2: f32) -> Vec<(f32, f32)> {
    let mut channel: Vec<(f32, f32)> = z.iter().zip(area).map(|(&z, &a)| (z, a)).collect();
    for &i in &drainage.order {
        let (i, to) = (i as usize, drainage.receiver[i as usize] as usize);
        if area[i] < channel_km2 && to != i {
            channel[i] = channel[to];
        }
    }
    channel.iter().zip(z).map(|(&(low, area), &z)| ((z - low).max(0.0), area)).collect()
}

/// Mean of a cell, counted twice, and its neighbours.
fn smoothed(n: usize, z: &[f32]) -> Vec<f32> {
    (0..n * n)
        .into_par_iter()
        .map(|i| {
            let (sum, weight) = neighbours(n, i)
                .fold((4.0 * z[i], 4.0), |(sum, weight), (j, d)| (sum + z[j] / (d * d), weight + 1.0 / (d * d)));
            sum / weight
        })
        .collect()
}

/// Keeps hollows between a minimum and a maximum size as lakes and fills the others. Returns the level of lakes in and
/// around their cells, and 1 for lake cells.
fn fill_lakes(n: usize, cell: f32, z: &mut [f32], outlets: &[bool]) -> (Vec<f32>, Vec<f32>) {
    let level = Drainage::new(n, z, outlets, 0.0).filled;
    let mut lake_level = vec![-1e6_f32; z.len()];
    let mut seen = vec![false; z.len()];
    let (smallest, largest) = (6.0 * 3600.0 / (cell * cell), 0.05 * z.len() as f32);
    for start in 0..z.len() {
        if seen[start] || level[start] - z[start] < 0.3 {
            continue;
        }
        let mut cells = vec![start];
        seen[start] = true;
        let mut at = 0;
        while at < cells.len() {
            for (j, _) in neighbours(n, cells[at]) {
                if !seen[j] && level[j] - z[j] >= 0.3 {
                    seen[j] = true;
                    cells.push(j);
                }
            }
            at += 1;
        }
        let is_lake = (smallest..largest).contains(&(cells.len() as f32));
        for &i in &cells {
            if is_lake {
                lake_level[i] = level[i];
            } else {
                z[i] = level[i];
            }
        }
    }
    let lake_share = lake_level.iter().map(|&level| if level > -1e5 { 1.0 } else { 0.0 }).collect();
    // The level extends around a lake, so that the shore can lie between cells.
    for _ in 0..3 {
        let grown: Vec<f32> = (0..z.len())
            .map(|i| {
                neighbours(n, i).fold(lake_level[i], |best, (j, _)| if best > -1e5 { best } else { lake_level[j] })
            })
            .collect();
        lake_level = grown;
    }
    (lake_level, lake_share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_has_relief_rivers_and_finite_heights() {
        for region in Region::ALL {
            let terrain = Terrain::new(3, region, 192);
            assert!(terrain.elevation.iter().all(|z| z.is_finite()));
            let (low, high) = terrain.range;
            assert!(high - low > 20.0 && high - low < 2500.0, "{region:?} {low} {high}");
            assert!(terrain.river.iter().any(|&d| d < 0.0), "{region:?} has a river");
        }
    }
}
