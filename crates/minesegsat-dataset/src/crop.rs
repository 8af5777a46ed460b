//! Cuts the network's input out of a sample. [`Turn`] and [`Placement`] map each pixel of the crop to the sample.
//! [`Source::crop`] resamples in one step, so that nothing is interpolated twice or cut off in between.

use std::ops::Range;

use super::augment::{Augmentation, chosen};
use super::sample::OpenSample;
use minesegsat_core::noise::Dice;
use minesegsat_core::{Result, Window};
use minesegsat_scene::BandRadiometry;
use minesegsat_scene::patch::Validity;

/// Orientation and scale of a crop, independent of its position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    /// Matrix from (row, col) of the crop to (row, col) of the sample, both relative to their centres: one of the eight
    /// symmetries of the square.
    square: [[i64; 2]; 2],
    /// Rotation and zoom that do not map the pixel grid onto itself.
    free: Option<RotationZoom>,
}

/// Rotation and zoom. Bands are interpolated bilinearly; classes come from the nearest pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
struct RotationZoom {
    /// Rotation angle in degrees.
    angle: f64,
    /// Pixels of the crop per pixel of the sample.
    zoom: f64,
}

impl Turn {
    const NONE: Self = Self { square: [[1, 0], [0, 1]], free: None };

    /// Draws a random turn.
    pub(super) fn draw(augmentation: &Augmentation, seed: u64) -> Self {
        let mut turn = Self::NONE;
        if chosen(seed, "flip horizontally", augmentation.flip).is_some() {
            turn = turn.flipped_horizontally();
        }
        if chosen(seed, "flip vertically", augmentation.flip).is_some() {
            turn = turn.flipped_vertically();
        }
        if let Some(mut dice) = chosen(seed, "rotate90", augmentation.rotate90) {
            for _ in 0..dice.bits() % 4 {
                turn = turn.quarter();
            }
        }
        let angle = chosen(seed, "rotate", augmentation.rotate)
            .map(|mut dice| augmentation.rotate_degrees * f64::from(dice.range(-1.0, 1.0)));
        // Uniform in the logarithm, so that factors 2 and 1/2 are equally far from 1.
        let [low, high] = augmentation.scale_range.map(f64::ln);
        let zoom = chosen(seed, "scale", augmentation.scale)
            .map(|mut dice| (low + (high - low) * f64::from(dice.unit())).exp());
        if angle.is_some() || zoom.is_some() {
            turn.free = Some(RotationZoom { angle: angle.unwrap_or(0.0), zoom: zoom.unwrap_or(1.0) });
        }
        turn
    }

    fn flipped_horizontally(self) -> Self {
        let [[a, b], [c, d]] = self.square;
        Self { square: [[a, -b], [c, -d]], ..self }
    }

    fn flipped_vertically(self) -> Self {
        let [[a, b], [c, d]] = self.square;
        Self { square: [[-a, b], [-c, d]], ..self }
    }

    /// Adds a quarter turn.
    fn quarter(self) -> Self {
        let [[a, b], [c, d]] = self.square;
        Self { square: [[b, -a], [d, -c]], ..self }
    }
}

/// Affine map from the pixels of a crop to the sample: `row = row[0] + row[1] i + row[2] j` for row `i` and column `j`
/// of the crop, and the same for columns. Pixel centres have integer coordinates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Placement {
    /// Maps to whole pixels, without interpolation.
    Exact { row: [i64; 3], col: [i64; 3] },
    /// Maps to positions between pixels.
    Free { row: [f64; 3], col: [f64; 3] },
}

impl Placement {
    /// Draws a random placement of a crop of `side` pixels on a sample of `size` (width, height). With `target` (row,
    /// col), the crop covers that pixel. A rotated or scaled crop lies inside the sample if it fits, else in the
    /// centre. A crop larger than the sample contains all of it.
    pub(super) fn draw(
        turn: Turn,
        side: usize,
        size: (usize, usize),
        target: Option<(usize, usize)>,
        dice: &mut Dice,
    ) -> Self {
        let [[a, b], [c, d]] = turn.square;
        let Some(RotationZoom { angle, zoom }) = turn.free else {
            let side = side as i64;
            let mut corner = |len: usize, target: Option<usize>| {
                let slack = len as i64 - side;
                let (mut low, mut high) = (slack.min(0), slack.max(0));
                if let Some(target) = target {
                    (low, high) = (low.max(target as i64 - side + 1), high.min(target as i64));
                }
                low + (dice.bits() % (high - low + 1).max(1) as u64) as i64
            };
            let row = corner(size.1, target.map(|(row, _)| row));
            let col = corner(size.0, target.map(|(_, col)| col));
            // Positions are counted from the centre in half pixels, which is exact for odd and even sides.
            let from = |start: i64, i: i64, j: i64| [start + (side - 1) * (1 - i - j) / 2, i, j];
            return Self::Exact { row: from(row, a, b), col: from(col, c, d) };
        };
        let side = side as f64;
        let (sin, cos) = angle.to_radians().sin_cos();
        // Half the side of the axis-aligned square that encloses the crop.
        let reach = side / 2.0 / zoom * (sin.abs() + cos.abs());
        // Maximum distance between target and crop centre at which every rotation still contains the target.
        let near = side / 2.0 / zoom * std::f64::consts::FRAC_1_SQRT_2;
        let mut centre = |len: usize, target: Option<usize>| {
            let middle = len as f64 / 2.0;
            let (low, high) = (reach.min(middle), (len as f64 - reach).max(middle));
            let (from, to) = target.map_or((low, high), |target| {
                let target = target as f64 + 0.5;
                ((target - near).clamp(low, high), (target + near).clamp(low, high))
            });
            from + (to - from) * f64::from(dice.unit()) - 0.5
        };
        let row = centre(size.1, target.map(|(row, _)| row));
        let col = centre(size.0, target.map(|(_, col)| col));
        let [a, b, c, d] = [a, b, c, d].map(|v| v as f64 / zoom);
        let from = |centre: f64, i: f64, j: f64| [centre - (side - 1.0) / 2.0 * (i + j), i, j];
        Self::Free {
            row: from(row, cos * a - sin * c, cos * b - sin * d),
            col: from(col, sin * a + cos * c, sin * b + cos * d),
        }
    }

    /// The window of a sample of `size` (width, height) that a crop of `side` pixels reads.
    pub(super) fn window(&self, side: usize, size: (usize, usize)) -> Window {
        let last = (side - 1) as f64;
        let span = |[start, i, j]: [f64; 3], len: usize| {
            let (low, high) = ((i * last).min(0.0) + (j * last).min(0.0), (i * last).max(0.0) + (j * last).max(0.0));
            let limit = |v: f64| v.clamp(0.0, (len - 1) as f64) as usize;
            // Interpolation needs the next pixel; the other one is for rounding.
            let margin = if matches!(self, Self::Free { .. }) { 1.0 } else { 0.0 };
            let (first, end) =
                (limit((start + low).floor() - margin), limit((start + high).floor() + 2.0 * margin) + 1);
            (first, end - first)
        };
        let (row, col) = match *self {
            Self::Exact { row, col } => (row.map(|v| v as f64), col.map(|v| v as f64)),
            Self::Free { row, col } => (row, col),
        };
        let ((row, height), (col, width)) = (span(row, size.1), span(col, size.0));
        Window::new(col, row, width, height)
    }
}

/// Digital numbers of a window of a sample, `[C, h, w]`.
#[derive(Debug, Clone, PartialEq)]
enum Numbers {
    /// Used if all numbers are integers; takes half the memory.
    U16(Vec<u16>),
    F32(Vec<f32>),
}

/// A sample, or a window of it, before resampling.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Source {
    numbers: Numbers,
    /// Radiometry of each band.
    radiometry: Vec<BandRadiometry>,
    /// `[h, w]`, classes, also under clouds.
    labels: Vec<u8>,
    /// `[h, w]`, [`Validity`] as bytes.
    validity: Vec<u8>,
    /// The window that was read.
    window: Window,
    /// Width and height of the sample.
    size: (usize, usize),
    ignore: u8,
}

/// A crop of a sample before normalisation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Crop {
    /// `[C, side, side]`, reflectance.
    pub(super) data: Vec<f32>,
    /// `[side, side]`, classes; the ignored value marks pixels without a class.
    pub(super) mask: Vec<u8>,
    /// Indices into `mask` of pixels with missing data. Their values in `data` have no meaning.
    pub(super) missing: Vec<u32>,
}

impl Crop {
    /// Copies a rectangle from another crop of the same `side`. `missing` is not updated.
    pub(super) fn paste(&mut self, other: &Self, rows: Range<usize>, columns: Range<usize>, side: usize) {
        for row in rows {
            let line = row * side + columns.start..row * side + columns.end;
            self.mask[line.clone()].copy_from_slice(&other.mask[line.clone()]);
            let planes = self.data.chunks_exact_mut(side * side).zip(other.data.chunks_exact(side * side));
            for (to, from) in planes {
                to[line.clone()].copy_from_slice(&from[line.clone()]);
            }
        }
    }
}

/// Bilinear interpolation of one pixel between four.
struct Tap {
    /// Index of the upper left pixel.
    at: u32,
    /// Wrapping index offset to the right pixel. In the mirrored part it lies to the left.
    right: u32,
    /// Wrapping index offset to the lower pixel.
    below: u32,
    /// Weight of the right pixels.
    x: f32,
    /// Weight of the lower pixels.
    y: f32,
}

impl Source {
    /// Reads a window of a sample.
    pub(super) fn read(open: &OpenSample, window: Window, ignore: u8) -> Result<Self> {
        let patch = open.numbers(window.into())?;
        let whole = patch.data.iter().all(|&v| f32::from(v as u16) == v);
        let numbers =
            if whole { Numbers::U16(patch.data.iter().map(|&v| v as u16).collect()) } else { Numbers::F32(patch.data) };
        Ok(Self {
            numbers,
            radiometry: open.radiometry(),
            labels: open.mask_values(window.into())?,
            validity: patch.validity,
            window,
            size: (open.grid().width, open.grid().height),
            ignore,
        })
    }

    /// Memory use in bytes.
    pub(super) fn bytes(&self) -> usize {
        let numbers = match &self.numbers {
            Numbers::U16(v) => size_of_val(v.as_slice()),
            Numbers::F32(v) => size_of_val(v.as_slice()),
        };
        numbers + self.labels.len() + self.validity.len()
    }

    /// Width and height of the sample.
    pub(super) fn size(&self) -> (usize, usize) {
        self.size
    }

    /// Classes of the window, `[h, w]`.
    pub(super) fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Cuts out a crop of `side` pixels. All of its [`Placement::window`] must lie in the window that was read. Pixels
    /// outside the sample are ignored. Without interpolation they repeat the edge, as in prediction; with interpolation
    /// they mirror it, because rotated edges would give stripes.
    pub(super) fn crop(&self, placement: Placement, side: usize) -> Crop {
        match placement {
            Placement::Exact { row, col } => self.exact(row, col, side),
            Placement::Free { row, col } => self.free(row, col, side),
        }
    }

    /// Index of a pixel of the sample, moved inside, and whether it was outside.
    #[inline]
    fn position(&self, row: i64, col: i64, inside: impl Fn(i64, usize) -> i64) -> (usize, bool) {
        let (r, c) = (inside(row, self.size.1), inside(col, self.size.0));
        let outside = (r, c) != (row, col);
        let Window { col: left, row: top, width, .. } = self.window;
        ((r as usize - top) * width + (c as usize - left), outside)
    }

    fn exact(&self, row: [i64; 3], col: [i64; 3], side: usize) -> Crop {
        let mut from = Vec::with_capacity(side * side);
        let mut classes = Classes::new(self, side);
        for i in 0..side as i64 {
            for j in 0..side as i64 {
                let (row, col) = (row[0] + row[1] * i + row[2] * j, col[0] + col[1] * i + col[2] * j);
                let (at, outside) = self.position(row, col, nearest);
                from.push(at as u32);
                classes.push(at, outside);
            }
        }
        let data = match &self.numbers {
            Numbers::U16(numbers) => self.gather(numbers, &from),
            Numbers::F32(numbers) => self.gather(numbers, &from),
        };
        Crop { data, mask: classes.mask, missing: classes.missing }
    }

    fn gather<T: Copy + Into<f32>>(&self, numbers: &[T], from: &[u32]) -> Vec<f32> {
        let mut data = Vec::with_capacity(self.radiometry.len() * from.len());
        for (radiometry, plane) in self.radiometry.iter().zip(numbers.chunks_exact(self.window.len())) {
            data.extend(from.iter().map(|&at| radiometry.reflectance(plane[at as usize].into())));
        }
        data
    }

    fn free(&self, row: [f64; 3], col: [f64; 3], side: usize) -> Crop {
        let mut taps = Vec::with_capacity(side * side);
        let mut classes = Classes::new(self, side);
        let gaps = self.validity.contains(&(Validity::NoData as u8));
        for i in 0..side {
            for j in 0..side {
                let (i, j) = (i as f64, j as f64);
                let (y, x) = (row[0] + row[1] * i + row[2] * j, col[0] + col[1] * i + col[2] * j);
                let (nearest, outside) = self.position(floor(y + 0.5), floor(x + 0.5), mirrored);
                classes.push(nearest, outside);
                let (top, left) = (floor(y), floor(x));
                let (at, _) = self.position(top, left, mirrored);
                let (right, _) = self.position(top, left + 1, mirrored);
                let (below, _) = self.position(top + 1, left, mirrored);
                let mut tap = Tap {
                    at: at as u32,
                    right: (right as u32).wrapping_sub(at as u32),
                    below: (below as u32).wrapping_sub(at as u32),
                    x: (x - left as f64) as f32,
                    y: (y - top as f64) as f32,
                };
                // Missing values must not leak into their neighbours.
                if gaps {
                    let missing = |at: usize| self.validity[at] == Validity::NoData as u8;
                    if missing(at) || missing(right) || missing(below) || missing((below + right) - at) {
                        tap = Tap { at: nearest as u32, right: 0, below: 0, x: 0.0, y: 0.0 };
                    }
                }
                taps.push(tap);
            }
        }
        let data = match &self.numbers {
            Numbers::U16(numbers) => self.interpolate(numbers, &taps),
            Numbers::F32(numbers) => self.interpolate(numbers, &taps),
        };
        Crop { data, mask: classes.mask, missing: classes.missing }
    }

    fn interpolate<T: Copy + Into<f32>>(&self, numbers: &[T], taps: &[Tap]) -> Vec<f32> {
        let mut data = Vec::with_capacity(self.radiometry.len() * taps.len());
        for (radiometry, plane) in self.radiometry.iter().zip(numbers.chunks_exact(self.window.len())) {
            data.extend(taps.iter().map(|tap| {
                let value = |at: u32| -> f32 { plane[at as usize].into() };
                let upper = value(tap.at) + (value(tap.at.wrapping_add(tap.right)) - value(tap.at)) * tap.x;
                let at = tap.at.wrapping_add(tap.below);
                let lower = value(at) + (value(at.wrapping_add(tap.right)) - value(at)) * tap.x;
                radiometry.reflectance(upper + (lower - upper) * tap.y)
            }));
        }
        data
    }
}

/// Clamps a position to a line of `len` pixels.
#[inline]
fn nearest(position: i64, len: usize) -> i64 {
    position.clamp(0, len as i64 - 1)
}

/// Mirrors a position at both ends of a line of `len` pixels.
#[inline]
fn mirrored(position: i64, len: usize) -> i64 {
    let len = len as i64;
    if (0..len).contains(&position) {
        return position;
    }
    let folded = position.rem_euclid(2 * len);
    folded.min(2 * len - 1 - folded)
}

/// [`f64::floor`] without the function call that it needs on processors without SSE 4.1.
#[inline]
fn floor(value: f64) -> i64 {
    let cut = value as i64;
    cut - i64::from(cut as f64 > value)
}

/// Classes and missing pixels of a crop under construction.
struct Classes<'a> {
    source: &'a Source,
    mask: Vec<u8>,
    missing: Vec<u32>,
}

impl<'a> Classes<'a> {
    fn new(source: &'a Source, side: usize) -> Self {
        Self { source, mask: Vec::with_capacity(side * side), missing: Vec::new() }
    }

    #[inline]
    fn push(&mut self, at: usize, outside: bool) {
        let state = self.source.validity[at];
        if state == Validity::NoData as u8 {
            self.missing.push(self.mask.len() as u32);
        }
        let known = !outside && state == Validity::Assessable as u8;
        self.mask.push(if known { self.source.labels[at] } else { self.source.ignore });
    }
}

/// Draws a random pixel (row, col) of a class other than background; `None` if there is none.
pub(super) fn random_mine(labels: &[u8], width: usize, ignore: u8, dice: &mut Dice) -> Option<(usize, usize)> {
    let is_mine = |class: &u8| *class != 0 && *class != ignore;
    let count = labels.iter().filter(|class| is_mine(class)).count();
    let chosen = dice.bits().checked_rem(count as u64)?;
    let at = labels.iter().enumerate().filter(|(_, class)| is_mine(class)).nth(chosen as usize)?.0;
    Some((at / width, at % width))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A sample whose first band is ten times the column, whose second band is ten times the row, and whose classes are
    /// squares.
    fn position_coded(width: usize, height: usize) -> Source {
        let at = |f: fn(usize, usize) -> u16| (0..width * height).map(move |i| f(i / width, i % width));
        let radiometry = BandRadiometry { scale: 0.1, offset_dn: 0.0, nodata: None, zero_is_nodata: false };
        Source {
            numbers: Numbers::U16(at(|_, col| 10 * col as u16).chain(at(|row, _| 10 * row as u16)).collect()),
            radiometry: vec![radiometry; 2],
            labels: (0..width * height).map(|i| class(i / width, i % width)).collect(),
            validity: vec![Validity::Assessable as u8; width * height],
            window: Window::new(0, 0, width, height),
            size: (width, height),
            ignore: 255,
        }
    }

    fn class(row: usize, col: usize) -> u8 {
        ((row / 5 + col / 7) % 3) as u8
    }

    #[test]
    fn flips_and_turns_come_back() {
        let turns = [Turn::NONE, Turn::NONE.quarter(), Turn::NONE.flipped_vertically().quarter()];
        for turn in turns {
            assert_eq!(turn.flipped_horizontally().flipped_horizontally(), turn);
            assert_eq!(turn.flipped_vertically().flipped_vertically(), turn);
            assert_eq!(turn.quarter().quarter().quarter().quarter(), turn);
            assert_eq!(turn.quarter().quarter(), turn.flipped_horizontally().flipped_vertically());
        }
        let source = position_coded(9, 9);
        let cut = |turn| source.crop(Placement::draw(turn, 9, (9, 9), None, &mut Dice::new(1, "")), 9);
        let (plain, flipped) = (cut(Turn::NONE), cut(Turn::NONE.flipped_horizontally()));
        assert_eq!(plain.mask, source.labels);
        for (line, mirrored) in plain.data.chunks_exact(9).zip(flipped.data.chunks_exact(9)) {
            assert!(line.iter().eq(mirrored.iter().rev()));
        }
        // A quarter turn makes the reversed first column the first row.
        let turned = cut(Turn::NONE.quarter());
        assert!((0..9).all(|j| turned.data[j] == plain.data[(8 - j) * 9]));
        assert!((0..9).all(|j| turned.data[81 + j] == plain.data[81 + (8 - j) * 9]));
    }

    #[test]
    fn any_angle_agrees_with_the_exact_turns() {
        let source = position_coded(21, 21);
        for quarters in 0..4 {
            let mut turn = Turn::NONE;
            (0..quarters).for_each(|_| turn = turn.quarter());
            let exact = source.crop(Placement::draw(turn, 21, (21, 21), None, &mut Dice::new(1, "")), 21);
            let free = Turn { free: Some(RotationZoom { angle: 90.0 * f64::from(quarters), zoom: 1.0 }), ..Turn::NONE };
            let free = source.crop(Placement::draw(free, 21, (21, 21), None, &mut Dice::new(1, "")), 21);
            assert_eq!(exact.mask, free.mask, "{quarters} quarters");
            assert!(exact.data.iter().zip(&free.data).all(|(a, b)| (a - b).abs() < 1e-4), "{quarters} quarters");
        }
    }

    #[test]
    fn what_lies_outside_is_the_edge_or_the_mirror_image_and_has_no_class() {
        let source = position_coded(4, 4);
        let first_row = |turn| {
            let crop = source.crop(Placement::draw(turn, 8, (4, 4), None, &mut Dice::new(1, "")), 8);
            let known = crop.mask.iter().filter(|&&class| class != 255).count();
            (crop.data[..8].iter().map(|v| v.round() as i32).collect::<Vec<_>>(), known)
        };
        let free = Turn { free: Some(RotationZoom { angle: 0.0, zoom: 1.0 }), ..Turn::NONE };
        assert_eq!(first_row(free), (vec![1, 0, 0, 1, 2, 3, 3, 2], 16));
        let (edges, known) = first_row(Turn::NONE);
        assert!(known == 16 && edges.is_sorted() && (edges[0], edges[7]) == (0, 3), "{edges:?}");
        assert_eq!([-9, -5, -4, 4, 8, 12].map(|position| mirrored(position, 4)), [0, 3, 3, 3, 0, 3]);
    }

    #[test]
    fn a_missing_value_does_not_leak() {
        let mut source = position_coded(20, 20);
        let Numbers::U16(numbers) = &mut source.numbers else { unreachable!() };
        for at in [5 * 20 + 5, 5 * 20 + 6] {
            numbers[at] = 60_000;
            source.validity[at] = Validity::NoData as u8;
        }
        let turn = Turn { free: Some(RotationZoom { angle: 30.0, zoom: 1.3 }), ..Turn::NONE };
        let crop = source.crop(Placement::draw(turn, 20, (20, 20), None, &mut Dice::new(1, "")), 20);
        assert!(!crop.missing.is_empty());
        for (at, value) in crop.data[..400].iter().enumerate() {
            let missing = crop.missing.contains(&(at as u32));
            assert!(if missing { *value == 6000.0 } else { *value <= 19.0 }, "{value} at {at}");
            assert!(!missing || crop.mask[at] == 255);
        }
    }

    #[test]
    fn a_window_gives_the_same_crop_as_the_whole() {
        let (width, height) = (40, 30);
        let whole = position_coded(width, height);
        let turns = [
            Turn::NONE.quarter(),
            Turn { free: Some(RotationZoom { angle: 33.0, zoom: 1.7 }), ..Turn::NONE },
            Turn { free: Some(RotationZoom { angle: -90.0, zoom: 0.5 }), ..Turn::NONE },
        ];
        for (turn, seed) in turns.into_iter().flat_map(|turn| (0..20).map(move |seed| (turn, seed))) {
            let placement = Placement::draw(turn, 12, (width, height), None, &mut Dice::new(seed, ""));
            let window = placement.window(12, (width, height));
            let rows = |plane: &[u16]| -> Vec<u16> {
                let lines = plane.chunks_exact(width).skip(window.row).take(window.height);
                lines.flat_map(|line| line[window.col..window.col_end()].iter().copied()).collect()
            };
            let Numbers::U16(numbers) = &whole.numbers else { unreachable!() };
            let part = Source {
                numbers: Numbers::U16(numbers.chunks_exact(width * height).flat_map(rows).collect()),
                labels: rows(&whole.labels.iter().map(|v| u16::from(*v)).collect::<Vec<_>>())
                    .iter()
                    .map(|v| *v as u8)
                    .collect(),
                validity: vec![Validity::Assessable as u8; window.len()],
                window,
                ..whole.clone()
            };
            assert_eq!(part.crop(placement, 12), whole.crop(placement, 12));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Each pixel's value encodes its position in the sample, and its class is the class at that position. Pixels
        /// outside have no class.
        #[test]
        fn image_and_classes_move_together(
            seed in any::<u64>(), side in 1_usize..40, width in 1_usize..50, height in 1_usize..50,
            angle in -180.0..180.0f64, zoom in 0.5..2.0f64, is_free in any::<bool>(), quarters in 0..4, mirrored in any::<bool>(),
            over_mine in any::<bool>(),
        ) {
            let source = position_coded(width, height);
            let mut turn = if mirrored { Turn::NONE.flipped_vertically() } else { Turn::NONE };
            (0..quarters).for_each(|_| turn = turn.quarter());
            turn.free = is_free.then_some(RotationZoom { angle, zoom });
            let mut dice = Dice::new(seed, "");
            let mine = over_mine.then(|| random_mine(&source.labels, width, 255, &mut dice)).flatten();
            let placement = Placement::draw(turn, side, (width, height), mine, &mut dice);
            let crop = source.crop(placement, side);
            let mut known = 0;
            for at in 0..side * side {
                let (col, row) = (crop.data[at], crop.data[side * side + at]);
                prop_assert!((-1e-3..width as f32 - 0.99).contains(&col) && (-1e-3..height as f32 - 0.99).contains(&row));
                let tie = |v: f32| (v - v.floor() - 0.5).abs() < 1e-3;
                if crop.mask[at] == 255 || tie(col) || tie(row) {
                    continue;
                }
                prop_assert_eq!(crop.mask[at], class(row.round() as usize, col.round() as usize));
                known += 1;
            }
            if !is_free {
                prop_assert_eq!(known, side.min(width) * side.min(height));
                if let Some((row, col)) = mine {
                    let has = (0..side * side).any(|at| {
                        (crop.data[at], crop.data[side * side + at]) == (col as f32, row as f32) && crop.mask[at] != 255
                    });
                    prop_assert!(has, "the crop is over the mine");
                }
            }
        }
    }

    #[test]
    fn a_rotated_crop_loses_nothing_where_the_sample_is_larger() {
        let source = position_coded(100, 100);
        for seed in 0..50 {
            let turn = Turn { free: Some(RotationZoom { angle: seed as f64 * 7.0, zoom: 0.9 }), ..Turn::NONE };
            let crop = source.crop(Placement::draw(turn, 60, (100, 100), None, &mut Dice::new(seed, "")), 60);
            assert!(!crop.mask.contains(&255), "seed {seed}");
        }
    }
}
