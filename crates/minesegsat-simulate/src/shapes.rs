//! Shapes of mines at a [`Stage`]: [`draw`] makes a field per part, and [`MineLayer`] draws them on the 10 m grid.

use geo::{BooleanOps, MultiPolygon};

use super::canvas::Canvas;
use super::contour::outlines;
use super::field::Field;
use super::history::SATELLITE_ROAD_HALF_M;
use super::mines::{MinePart, Site};
use super::stage::Stage;
use super::terrain::{PIXEL_M, Terrain};
use minesegsat_core::noise::{Noise, smoothstep};

/// Smaller pieces of a part are dropped, in square metres.
const MIN_PIECE_M2: f64 = 600.0;
/// Reach of dust and tracks around a mine in metres.
const HALO_M: f32 = 160.0;

/// A part of a mine at a moment.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) part: MinePart,
    /// Outline in metres from the upper left corner of the scene, y downwards.
    pub(super) outline: MultiPolygon<f64>,
    field: Field,
}

/// The parts of a mine at a moment, and the reclaimed areas of its dumps.
pub(super) struct Drawn {
    pub(super) shapes: Vec<Shape>,
    reclaimed: Field,
    /// Dumps including their reclaimed areas.
    dumps: Field,
}

/// Draws a mine at a stage. Its parts keep clear of each other: of their extent at that stage, or at the last one if the canvas
/// has one. With a last stage, the union of all parts never shrinks as the stage advances, except for reclaimed land.
pub(super) fn draw(canvas: &Canvas<'_>, stage: &Stage) -> Drawn {
    let Canvas { site, blank, bounds, edge, last, .. } = canvas;
    let mut fields = last.clone().unwrap_or_else(|| canvas.fixed_parts(stage));
    let (mut dumps, mut waste, mut reclaimed) = (blank.clone(), blank.clone(), blank.clone());
    for (index, (dump, now)) in site.dumps.iter().zip(&stage.dumps).enumerate() {
        let mut field = canvas.dump(index, now.size);
        for (_, other) in &fields {
            field.subtract(other, 18.0);
        }
        field.clip(bounds);
        let green = canvas.reclaimed(index, dump, now.reclaimed);
        for i in 0..field.values.len() {
            let (f, g) = (field.values[i], green.values[i]);
            dumps.values[i] = dumps.values[i].max(f);
            waste.values[i] = waste.values[i].max(f.min(-g));
        }
    }
    for i in 0..dumps.values.len() {
        reclaimed.values[i] = dumps.values[i].min(-waste.values[i]);
    }
    if last.is_some() {
        for (part, field) in &mut fields {
            if let Some(now) = canvas.alone(*part, stage) {
                field.clip(&now);
            }
        }
    }
    if !site.dumps.is_empty() {
        fields.push((MinePart::WasteRock, waste));
    }
    let mut roads = blank.clone();
    for ((line, half), built) in site.roads.iter().zip(&stage.roads) {
        roads.stamp_line(beginning(line, *built), *half, half + 30.0);
    }
    let satellites = site.history.iter().flat_map(|history| &history.satellites);
    for (satellite, now) in satellites.zip(&stage.satellites) {
        let half = SATELLITE_ROAD_HALF_M;
        roads.stamp_line(beginning(&satellite.road, now.road), half, half + 30.0);
    }
    let whole_roads = last.is_some().then(|| roads.clone());
    for (_, other) in &fields {
        roads.subtract(other, 0.0);
    }
    roads.subtract(&reclaimed, 0.0);
    fields.push((MinePart::HaulRoad, roads));

    let smallest = (MIN_PIECE_M2 / (blank.step * blank.step)).ceil() as usize;
    let outline_of = |field: &Field| {
        // The scene's edge cuts outlines but not the drawn surface: benches continue across it.
        let mut inside = field.clone();
        inside.clip(edge);
        outlines(&inside, 0.0)
    };
    let mut shapes: Vec<Shape> = Vec::new();
    for (part, mut field) in fields {
        field.clip(bounds);
        let outline = match &whole_roads {
            Some(whole) if part == MinePart::HaulRoad => {
                let mut whole = whole.clone();
                whole.clip(bounds);
                whole.drop_small(smallest, false);
                // Polygons are subtracted, because fields would leave gaps beside parts that have just reached the road.
                let others = shapes.iter().map(|shape| shape.outline.clone()).chain([outline_of(&reclaimed)]);
                others.fold(outline_of(&whole), |road, other| road.difference(&other))
            }
            _ => {
                field.drop_small(smallest, false);
                outline_of(&field)
            }
        };
        if !outline.0.is_empty() {
            shapes.push(Shape { part, outline, field });
        }
    }
    Drawn { shapes, reclaimed, dumps }
}

/// The first `share` of a line, in whole segments.
fn beginning(line: &[(f32, f32)], share: f32) -> &[(f32, f32)] {
    let segments = (line.len().saturating_sub(1) as f32 * share).ceil() as usize;
    &line[..(segments + 1).min(line.len())]
}

/// All mines at a moment on the 10 m grid; arrays are row-major `[size, size]`.
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
