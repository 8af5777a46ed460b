//! Shapes of mines in a year: [`draw`] makes a field per part, and [`MineLayer`] draws them on the 10 m grid.

use geo::MultiPolygon;

use super::contour::outlines;
use super::field::Field;
use super::mines::{Blob, Dump, MinePart, Pond, Site, Yard};
use super::terrain::{PIXEL_M, Terrain, sample};
use minesegsat_core::noise::{Noise, smoothstep};

/// Smaller pieces of a part are dropped, in square metres.
const MIN_PIECE_M2: f64 = 600.0;
/// Reach of dust and tracks around a mine in metres.
const HALO_M: f32 = 160.0;

/// A part of a mine in a year.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) part: MinePart,
    /// Outline in metres from the upper left corner of the scene, y downwards.
    pub(super) outline: MultiPolygon<f64>,
    field: Field,
}

/// The parts of a mine in a year, and the reclaimed areas of its dumps.
pub(super) struct Drawn {
    pub(super) shapes: Vec<Shape>,
    reclaimed: Field,
    /// Dumps including their reclaimed areas.
    dumps: Field,
}

/// Draws a mine in a year; `None` before it opens.
pub(super) fn draw(site: &Site, terrain: &Terrain, year: i16) -> Option<Drawn> {
    let scale = site.scale(year)?;
    let noise = Noise::new(site.seed, "shapes");
    let extent = terrain.size as f32 * PIXEL_M;
    let step = if site.reach < 4500.0 { 5.0 } else { 10.0 };
    // Nodes lie between pixel centres, so that outlines on level ground do not run through pixel centres.
    let x0 = f64::from(((site.x - site.reach).max(-40.0) / 10.0).floor() * 10.0) + 2.5;
    let y0 = f64::from(((site.y - site.reach).max(-40.0) / 10.0).floor() * 10.0) + 2.5;
    let count = |from: f64, centre: f32| {
        ((f64::from((centre + site.reach).min(extent + 40.0)) - from) / step).ceil().max(2.0) as usize + 1
    };
    let (width, height) = (count(x0, site.x), count(y0, site.y));
    let blank = Field::new(x0, y0, step, width, height);
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

    let mut fields: Vec<(MinePart, Field)> = Vec::new();
    let pit = drawn(&|x, y| blobs(noise, &site.pit, scale, x, y));
    fields.push((MinePart::Pit, pit));
    if let Some(pond) = &site.pond {
        let mut field = drawn(&|x, y| pond_field(noise, pond, terrain, scale, x, y));
        field.subtract(&fields[0].1, 45.0);
        clip(&mut field, &bounds);
        field.drop_small(1, true);
        fields.push((MinePart::TailingsPond, field));
    }
    for (part, yard) in [(MinePart::HeapLeachPad, &site.pad), (MinePart::Mill, &site.mill)] {
        if let Some(yard) = yard {
            let grown = if part == MinePart::HeapLeachPad { scale } else { 1.0 };
            let mut field = drawn(&|x, y| yard_field(noise, yard, grown, x, y));
            for (_, other) in &fields {
                field.subtract(other, 25.0);
            }
            fields.push((part, field));
        }
    }
    let (mut dumps, mut waste, mut reclaimed) = (blank.clone(), blank.clone(), blank.clone());
    for dump in &site.dumps {
        let grown = if dump.is_active { scale } else { scale.min(1.0) };
        let mut field = drawn(&|x, y| blobs(noise, &dump.lobes, grown, x, y));
        for (_, other) in &fields {
            field.subtract(other, 18.0);
        }
        clip(&mut field, &bounds);
        let green = drawn(&|x, y| reclaimed_field(noise, dump, year, x, y));
        for i in 0..field.values.len() {
            let (f, g) = (field.values[i], green.values[i]);
            dumps.values[i] = dumps.values[i].max(f);
            waste.values[i] = waste.values[i].max(f.min(-g));
        }
    }
    for i in 0..dumps.values.len() {
        reclaimed.values[i] = dumps.values[i].min(-waste.values[i]);
    }
    if !site.dumps.is_empty() {
        fields.push((MinePart::WasteRock, waste));
    }
    let mut roads = blank.clone();
    for (line, half) in &site.roads {
        roads.stamp_line(line, *half, half + 30.0);
    }
    for (_, other) in &fields {
        roads.subtract(other, 0.0);
    }
    roads.subtract(&reclaimed, 0.0);
    fields.push((MinePart::HaulRoad, roads));

    let smallest = (MIN_PIECE_M2 / (step * step)).ceil() as usize;
    let shapes = fields
        .into_iter()
        .filter_map(|(part, mut field)| {
            clip(&mut field, &bounds);
            field.drop_small(smallest, false);
            // The scene's edge cuts outlines but not the drawn surface: benches continue across it.
            let mut inside = field.clone();
            clip(&mut inside, &edge);
            let outline = outlines(&inside, 0.0);
            (!outline.0.is_empty()).then_some(Shape { part, outline, field })
        })
        .collect();
    Some(Drawn { shapes, reclaimed, dumps })
}

fn clip(field: &mut Field, bounds: &Field) {
    field.values.iter_mut().zip(&bounds.values).for_each(|(f, b)| *f = f.min(*b));
}

/// Union of warped ellipses, as distance inside the edge in metres.
fn blobs(noise: Noise, blobs: &[Blob], scale: f32, x: f32, y: f32) -> f32 {
    blobs
        .iter()
        .map(|blob| {
            let r = blob.radius;
            if (x - blob.x).hypot(y - blob.y) > 4.0 * r * scale + 200.0 {
                return -1e4;
            }
            // Large bays, then smaller ones, then a ragged edge.
            let (ax, ay) = noise.vector(x / (1.05 * r), y / (1.05 * r), 2);
            let (bx, by) = noise.vector(x / (0.33 * r) + 9.0, y / (0.33 * r), 2);
            let (cx, cy) = noise.vector(x / 55.0, y / 55.0 + 5.0, 2);
            let ragged = 4.0_f32.min(0.04 * r);
            let dx = x + 0.28 * r * ax + 0.085 * r * bx + ragged * cx - blob.x;
            let dy = y + 0.28 * r * ay + 0.085 * r * by + ragged * cy - blob.y;
            let (s, c) = blob.angle.sin_cos();
            let long = blob.stretch.sqrt();
            let (u, v) = ((dx * c + dy * s) / long, (dy * c - dx * s) * long);
            r * scale - u.hypot(v)
        })
        .fold(-1e4, f32::max)
}

/// Field of the reclaimed area of a dump: above 0 behind a ragged front.
fn reclaimed_field(noise: Noise, dump: &Dump, year: i16, x: f32, y: f32) -> f32 {
    let share = (dump.reclaimed.0 + dump.reclaimed.1 * f32::from(year - 2021)).clamp(0.0, 0.95);
    if dump.reclaimed.1 == 0.0 || share <= 0.0 {
        return -1e4;
    }
    let main = &dump.lobes[0];
    let r = 1.6 * main.radius;
    let along = (x - main.x) * dump.from.cos() + (y - main.y) * dump.from.sin();
    along - r * (1.0 - 2.0 * share) + 0.3 * r * noise.fbm(x / (0.7 * r) + 40.0, y / (0.7 * r), 4, 0.55)
}

fn pond_field(noise: Noise, pond: &Pond, terrain: &Terrain, scale: f32, x: f32, y: f32) -> f32 {
    let (dx, dy) = (x - pond.x, y - pond.y);
    let distance = dx.hypot(dy);
    if distance > 4.0 * pond.radius {
        return -1e4;
    }
    let (wx, wy) = noise.vector(x / 90.0 + 3.0, y / 90.0, 2);
    match pond.crest_m {
        Some(crest) => {
            // The crest rises as the pond fills: by 60 m times the growth of lengths.
            let crest = crest + 60.0 * (scale - 1.0);
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
                pond.radius * away * scale - (dx + 2.0 * wx) * angle.cos() - (dy + 2.0 * wy) * angle.sin()
            })
            .fold(1.25 * pond.radius * scale - distance, f32::min),
    }
}

fn yard_field(noise: Noise, yard: &Yard, scale: f32, x: f32, y: f32) -> f32 {
    let (wx, wy) = noise.vector(x / 70.0 + 60.0, y / 70.0, 2);
    let (u, v) = yard.local(x + 4.0 * wx, y + 4.0 * wy);
    let (a, b) = (yard.half.0 * scale - u.abs(), yard.half.1 * scale - v.abs());
    // Rounded corners.
    let round = 0.12 * yard.half.1;
    let inner = a.min(b);
    if a < round && b < round { round - (round - a).hypot(round - b) } else { inner }
}

/// All mines of a year on the 10 m grid; arrays are row-major `[size, size]`.
#[derive(Debug)]
pub(super) struct MineLayer {
    /// Value of the part that covers most of a pixel, or else of the nearest part; 0 far from mines.
    pub(super) part: Vec<u8>,
    /// Share of the pixel covered by mines, 0 to 1.
    pub(super) cover: Vec<f32>,
    /// Index of that part's site.
    pub(super) site: Vec<u8>,
    /// Distance inside that part in metres; below 0 outside, up to the reach of dust.
    pub(super) inset: Vec<f32>,
    /// Height change of the ground by the mine in metres.
    pub(super) lift: Vec<f32>,
    /// Share of the pixel covered by reclaimed dump, 0 to 1.
    pub(super) reclaimed: Vec<f32>,
}

impl MineLayer {
    pub(super) fn new(size: usize) -> Self {
        let pixels = size * size;
        Self {
            part: vec![0; pixels],
            cover: vec![0.0; pixels],
            site: vec![0; pixels],
            inset: vec![-HALO_M; pixels],
            lift: vec![0.0; pixels],
            reclaimed: vec![0.0; pixels],
        }
    }

    /// Draws a mine on the grid; `index` is the index of its site.
    pub(super) fn lay(&mut self, terrain: &Terrain, site: &Site, index: u8, drawn: &Drawn) {
        let size = terrain.size;
        let frame = &drawn.reclaimed;
        let span = |from: f64, count: usize| {
            let to = from + (count - 1) as f64 * frame.step;
            (from / 10.0).max(0.0) as usize..((to / 10.0).ceil() as usize).min(size)
        };
        let peaks: Vec<f32> = drawn.shapes.iter().map(|s| s.field.peak().2).collect();
        for row in span(frame.y0, frame.height) {
            let y = (row as f32 + 0.5) * PIXEL_M;
            for col in span(frame.x0, frame.width) {
                let x = (col as f32 + 0.5) * PIXEL_M;
                let i = row * size + col;
                let (mut total, mut best) = (0.0_f32, (-HALO_M, None, 0.0_f32));
                for (k, shape) in drawn.shapes.iter().enumerate() {
                    let Some(inset) = shape.field.value_at(x, y) else { continue };
                    total += covered(&shape.field, inset, x, y);
                    if inset > best.0 {
                        best = (inset, Some(shape.part), peaks[k]);
                    }
                }
                // The distance inside a dump does not depend on its reclaimed area.
                let in_dump = drawn.dumps.value_at(x, y).unwrap_or(0.0);
                let green = frame.value_at(x, y).map_or(0.0, |g| covered(frame, g, x, y));
                if green > self.reclaimed[i] {
                    self.reclaimed[i] = green;
                    self.site[i] = index;
                    self.lift[i] = dump_height(site, in_dump, x, y);
                }
                let (mut inset, Some(part), peak) = best else { continue };
                if inset > self.inset[i] {
                    if part == MinePart::WasteRock && inset > 0.0 {
                        inset = inset.max(in_dump);
                    }
                    self.inset[i] = inset;
                    self.part[i] = part.value();
                    self.site[i] = index;
                    self.cover[i] = total.min(1.0);
                    if inset > 0.0 {
                        self.lift[i] = lift(site, part, inset, peak, terrain, (x, y), i);
                    }
                }
            }
        }
    }
}

/// Share of a pixel that a field covers, from the value and the gradient of the field.
fn covered(field: &Field, value: f32, x: f32, y: f32) -> f32 {
    if value.abs() > 60.0 {
        return if value > 0.0 { 1.0 } else { 0.0 };
    }
    let at = |x, y| field.value_at(x, y).unwrap_or(value);
    let steep = ((at(x + 3.0, y) - at(x - 3.0, y)) / 6.0).hypot((at(x, y + 3.0) - at(x, y - 3.0)) / 6.0);
    (0.5 + value / (PIXEL_M * steep.max(0.25))).clamp(0.0, 1.0)
}

/// Stepped profile: one step of `height` every `run` metres.
pub(super) fn stairs(inset: f32, run: f32, height: f32) -> f32 {
    let steps = inset.max(0.0) / run;
    height * (steps.floor() + smoothstep(0.5, 1.0, steps.fract()))
}

fn dump_height(site: &Site, inset: f32, x: f32, y: f32) -> f32 {
    let highest = site.dumps.iter().map(|d| d.height_m).fold(0.0, f32::max);
    let wave = 3.0 * Noise::new(site.seed, "dump").fbm(x / 120.0, y / 120.0, 3, 0.5);
    stairs(inset, 46.0, 13.0).min(highest) + if inset > 30.0 { wave } else { 0.0 }
}

fn lift(site: &Site, part: MinePart, inset: f32, peak: f32, terrain: &Terrain, at: (f32, f32), i: usize) -> f32 {
    match part {
        MinePart::Pit => {
            let bent = bent_inset(site, inset, at.0, at.1);
            -stairs(bent.min(0.85 * peak), bench_run(site), 9.0)
        }
        MinePart::WasteRock => dump_height(site, inset, at.0, at.1),
        MinePart::TailingsPond => {
            let ground = terrain.elevation[i];
            let crest = site.pond.as_ref().and_then(|p| p.crest_m).unwrap_or(ground + 9.0);
            (crest - ground) * smoothstep(0.0, 35.0, inset)
        }
        MinePart::HeapLeachPad => stairs(inset, 30.0, 9.0).min(27.0),
        MinePart::Mill | MinePart::HaulRoad => 0.0,
    }
}

/// Horizontal distance between the benches of a pit in metres.
pub(super) fn bench_run(site: &Site) -> f32 {
    27.0 + ((site.seed >> 40) & 15) as f32
}

/// Distance inside a pit in metres, warped so that the spacing of benches varies.
pub(super) fn bent_inset(site: &Site, inset: f32, x: f32, y: f32) -> f32 {
    let noise = Noise::new(site.seed, "benches");
    let room = smoothstep(0.0, 60.0, inset);
    inset + room * (17.0 * noise.fbm(x / 150.0, y / 150.0, 2, 0.5) + 26.0 * noise.at(x / 420.0, y / 420.0))
}
