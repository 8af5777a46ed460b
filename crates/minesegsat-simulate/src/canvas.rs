//! What stays the same at all stages of a mine: [`Canvas`], with the lattice, water, and the warped coordinates of its parts.
//! Noise warps the shapes, and takes most of the time of drawing a mine; so it is computed once.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::field::Field;
use super::mines::{Blob, Dump, MinePart, Pond, Site, Yard};
use super::stage::Stage;
use super::terrain::{PIXEL_M, Terrain, sample};
use minesegsat_core::noise::Noise;

/// A pair of numbers at every node of a lattice, or of a window of it.
type Pairs = Vec<(f32, f32)>;

/// The lattice of a mine, and its parts without their sizes.
pub(super) struct Canvas<'a> {
    pub(super) site: &'a Site,
    terrain: &'a Terrain,
    noise: Noise,
    /// A field whose nodes all lie outside.
    pub(super) blank: Field,
    /// Distance from water in metres, which limits all parts.
    pub(super) bounds: Field,
    /// Distance inside the edge of the scene in metres.
    pub(super) edge: Field,
    pit: Vec<WarpedBlob>,
    /// In the order of the satellites of the history.
    satellites: Vec<WarpedBlob>,
    dumps: Vec<Vec<WarpedBlob>>,
    /// Noise of the front of reclaimed land, for each dump.
    fronts: Vec<OnceLock<Vec<f32>>>,
    pond: OnceLock<Pairs>,
    pad: OnceLock<Pairs>,
    mill: OnceLock<Pairs>,
    /// The parts at the last stage, if there is one; see [`Canvas::fixed_parts`].
    pub(super) last: Option<Vec<(MinePart, Field)>>,
}

/// An ellipse in the warped coordinates of the nodes around it.
struct WarpedBlob {
    blob: Blob,
    /// First column and row, and number of columns.
    window: (usize, usize, usize),
    /// Coordinates along and across the long axis.
    axes: Pairs,
}

impl<'a> Canvas<'a> {
    /// The canvas for stages up to `largest`. With `last`, parts keep clear of each other's extent at the largest stage.
    pub(super) fn new(site: &'a Site, terrain: &'a Terrain, largest: &Stage, has_last: bool) -> Self {
        let extent = terrain.size as f32 * PIXEL_M;
        let step = if site.reach < 4500.0 { 5.0 } else { 10.0 };
        // Nodes lie between pixel centres, so that outlines on level ground do not run through pixel centres.
        let x0 = f64::from(((site.x - site.reach).max(-40.0) / 10.0).floor() * 10.0) + 2.5;
        let y0 = f64::from(((site.y - site.reach).max(-40.0) / 10.0).floor() * 10.0) + 2.5;
        let count = |from: f64, centre: f32| {
            ((f64::from((centre + site.reach).min(extent + 40.0)) - from) / step).ceil().max(2.0) as usize + 1
        };
        let blank = Field::new(x0, y0, step, count(x0, site.x), count(y0, site.y));
        let drawn = |f: &(dyn Fn(f32, f32) -> f32 + Sync)| {
            let mut field = blank.clone();
            field.fill(f);
            field
        };
        // Water limits all parts, except that brooks are diverted and lakes reach up to dams.
        let bounds = drawn(&|x, y| {
            let lake = -sample(&terrain.lake, terrain.size, x, y) / 0.08 - 15.0;
            let river = sample(&terrain.river, terrain.size, x, y) - 25.0;
            let width = terrain.river_width[terrain.pixel(x, y)];
            lake.min(if width > 6.0 { river } else { f32::MAX })
        });
        let edge = drawn(&|x, y| x.min(y).min(extent - x).min(extent - y));

        let noise = Noise::new(site.seed, "shapes");
        let warped = |blobs: &[Blob], size: f32| -> Vec<WarpedBlob> {
            blobs.iter().map(|blob| WarpedBlob::new(noise, *blob, size, &blank)).collect()
        };
        let satellites = site.history.as_ref().map_or(&[][..], |history| history.satellites.as_slice());
        let mut canvas = Self {
            site,
            terrain,
            noise,
            pit: warped(&site.pit, largest.pit),
            satellites: satellites
                .iter()
                .zip(&largest.satellites)
                .map(|(satellite, stage)| WarpedBlob::new(noise, satellite.blob, stage.size, &blank))
                .collect(),
            dumps: site.dumps.iter().zip(&largest.dumps).map(|(dump, stage)| warped(&dump.lobes, stage.size)).collect(),
            fronts: site.dumps.iter().map(|_| OnceLock::new()).collect(),
            pond: OnceLock::new(),
            pad: OnceLock::new(),
            mill: OnceLock::new(),
            last: None,
            blank,
            bounds,
            edge,
        };
        canvas.last = has_last.then(|| canvas.fixed_parts(largest));
        canvas
    }

    /// A part without its neighbours; `None` if the mine has no such part.
    pub(super) fn alone(&self, part: MinePart, stage: &Stage) -> Option<Field> {
        match part {
            MinePart::Pit => {
                let mut field = self.blobs(&self.pit, stage.pit);
                for (satellite, now) in self.satellites.iter().zip(&stage.satellites).filter(|(_, now)| now.size > 0.0)
                {
                    satellite.stamp(now.size, &mut field);
                }
                Some(field)
            }
            MinePart::TailingsPond => self.site.pond.as_ref().map(|pond| self.pond(pond, stage.pond)),
            MinePart::HeapLeachPad => self.site.pad.as_ref().map(|pad| self.yard(pad, &self.pad, stage.pad)),
            MinePart::Mill => self.site.mill.as_ref().map(|mill| self.yard(mill, &self.mill, stage.mill)),
            MinePart::WasteRock | MinePart::HaulRoad => None,
        }
    }

    /// The parts other than dumps and roads at a stage. Each keeps clear of the ones before it.
    pub(super) fn fixed_parts(&self, stage: &Stage) -> Vec<(MinePart, Field)> {
        let mut fields: Vec<(MinePart, Field)> = Vec::new();
        let gaps = [MinePart::Pit, MinePart::TailingsPond, MinePart::HeapLeachPad, MinePart::Mill].into_iter();
        for (part, gap_m) in gaps.zip([0.0, 45.0, 25.0, 25.0]) {
            let Some(mut field) = self.alone(part, stage) else { continue };
            for (_, other) in &fields {
                field.subtract(other, gap_m);
            }
            if part == MinePart::TailingsPond {
                field.clip(&self.bounds);
                field.drop_small(1, true);
            }
            fields.push((part, field));
        }
        fields
    }

    /// A dump without its neighbours.
    pub(super) fn dump(&self, index: usize, size: f32) -> Field {
        self.blobs(&self.dumps[index], size)
    }

    /// Union of warped ellipses, as distance inside the edge in metres.
    fn blobs(&self, blobs: &[WarpedBlob], size: f32) -> Field {
        let mut field = self.blank.clone();
        field.values.fill(-1e4);
        for blob in blobs {
            blob.stamp(size, &mut field);
        }
        field
    }

    /// Field of the reclaimed area of a dump: above 0 behind a ragged front.
    pub(super) fn reclaimed(&self, index: usize, dump: &Dump, share: f32) -> Field {
        let mut field = self.blank.clone();
        if share <= 0.0 {
            field.values.fill(-1e4);
            return field;
        }
        let main = &dump.lobes[0];
        let r = 1.6 * main.radius;
        let front = self.fronts[index].get_or_init(|| {
            let noise = self.noise;
            self.blank.at_nodes(|x, y| 0.3 * r * noise.fbm(x / (0.7 * r) + 40.0, y / (0.7 * r), 4, 0.55))
        });
        field.fill_with(front, |x, y, front| {
            let along = (x - main.x) * dump.from.cos() + (y - main.y) * dump.from.sin();
            along - r * (1.0 - 2.0 * share) + front
        });
        field
    }

    fn pond(&self, pond: &Pond, size: f32) -> Field {
        let (noise, terrain) = (self.noise, self.terrain);
        let is_near = |x: f32, y: f32| (x - pond.x).hypot(y - pond.y) <= 4.0 * pond.radius;
        let warp = self.pond.get_or_init(|| {
            self.blank.at_nodes(|x, y| {
                if is_near(x, y) { noise.vector(x / 90.0 + 3.0, y / 90.0, 2) } else { Default::default() }
            })
        });
        let mut field = self.blank.clone();
        field.fill_with(warp, |x, y, (wx, wy)| {
            let (dx, dy) = (x - pond.x, y - pond.y);
            let distance = dx.hypot(dy);
            if !is_near(x, y) || size <= 0.0 {
                return -1e4;
            }
            match pond.crest_m {
                Some(crest) => {
                    // The crest rises as the pond fills: by 60 m times the growth of lengths.
                    let crest = crest + 60.0 * (size - 1.0);
                    let below = (crest - terrain.elevation_at(x, y)) / 0.10;
                    // The dam is slightly bent.
                    let across = dy * pond.axis.cos() - dx * pond.axis.sin();
                    let along = dx * pond.axis.cos() + dy * pond.axis.sin() + 2.0 * wx;
                    let dam = along + 0.035 * across * across / pond.radius;
                    below.min(dam).min(2.4 * pond.radius - distance)
                }
                None => pond
                    .sides
                    .iter()
                    .map(|&(angle, away)| {
                        pond.radius * away * size - (dx + 2.0 * wx) * angle.cos() - (dy + 2.0 * wy) * angle.sin()
                    })
                    .fold(1.25 * pond.radius * size - distance, f32::min),
            }
        });
        field
    }

    fn yard(&self, yard: &Yard, axes: &OnceLock<Pairs>, size: f32) -> Field {
        let mut field = self.blank.clone();
        if size <= 0.0 {
            field.values.fill(-1e4);
            return field;
        }
        let noise = self.noise;
        let axes = axes.get_or_init(|| {
            self.blank.at_nodes(|x, y| {
                let (wx, wy) = noise.vector(x / 70.0 + 60.0, y / 70.0, 2);
                yard.local(x + 4.0 * wx, y + 4.0 * wy)
            })
        });
        field.fill_with(axes, |_, _, (u, v)| {
            let (a, b) = (yard.half.0 * size - u.abs(), yard.half.1 * size - v.abs());
            // Rounded corners.
            let round = 0.12 * yard.half.1;
            let inner = a.min(b);
            if a < round && b < round { round - (round - a).hypot(round - b) } else { inner }
        });
        field
    }
}

impl WarpedBlob {
    /// Nodes further away from the centre lie outside, in metres.
    fn reach(blob: &Blob, size: f32) -> f32 {
        4.0 * blob.radius * size + 200.0
    }

    fn new(noise: Noise, blob: Blob, largest: f32, lattice: &Field) -> Self {
        let reach = f64::from(Self::reach(&blob, largest)) + lattice.step;
        let span = |centre: f32, from: f64, count: usize| {
            let node = |at: f64| ((at - from) / lattice.step).floor().clamp(0.0, count as f64) as usize;
            (node(f64::from(centre) - reach), node(f64::from(centre) + reach + lattice.step))
        };
        let (left, right) = span(blob.x, lattice.x0, lattice.width);
        let (top, bottom) = span(blob.y, lattice.y0, lattice.height);
        let columns = right - left;
        let mut axes = vec![(0.0, 0.0); columns * (bottom - top)];
        axes.par_chunks_mut(columns.max(1)).zip(top..bottom).for_each(|(line, row)| {
            for (axes, col) in line.iter_mut().zip(left..) {
                let (x, y) = lattice.node(col, row);
                if (x - blob.x).hypot(y - blob.y) > Self::reach(&blob, largest) {
                    continue;
                }
                // Large bays, then smaller ones, then a ragged edge.
                let r = blob.radius;
                let (ax, ay) = noise.vector(x / (1.05 * r), y / (1.05 * r), 2);
                let (bx, by) = noise.vector(x / (0.33 * r) + 9.0, y / (0.33 * r), 2);
                let (cx, cy) = noise.vector(x / 55.0, y / 55.0 + 5.0, 2);
                let ragged = 4.0_f32.min(0.04 * r);
                let dx = x + 0.28 * r * ax + 0.085 * r * bx + ragged * cx - blob.x;
                let dy = y + 0.28 * r * ay + 0.085 * r * by + ragged * cy - blob.y;
                let (s, c) = blob.angle.sin_cos();
                let long = blob.stretch.sqrt();
                *axes = ((dx * c + dy * s) / long, (dy * c - dx * s) * long);
            }
        });
        Self { blob, window: (left, top, columns), axes }
    }

    /// Raises a field to the distance inside the ellipse at a size.
    fn stamp(&self, size: f32, field: &mut Field) {
        let (left, top, columns) = self.window;
        if columns == 0 {
            return;
        }
        let (blob, r) = (&self.blob, self.blob.radius);
        let reach = Self::reach(blob, size);
        let ahead = r * (size - 1.0).max(0.0);
        for (line, row) in self.axes.chunks(columns).zip(top..) {
            for (&(u, v), col) in line.iter().zip(left..) {
                let (x, y) = field.node(col, row);
                if (x - blob.x).hypot(y - blob.y) > reach {
                    continue;
                }
                let inset = r * size - (u - blob.lean.0 * ahead).hypot(v - blob.lean.1 * ahead);
                let value = &mut field.values[row * field.width + col];
                *value = value.max(inset);
            }
        }
    }
}
