//! Samples a raster at map positions: [`bilinear`] for continuous values, [`nearest`] for classes.

use super::lattice::Positions;
use super::pyramid::Part;
use minesegsat_io::Pixels;

/// Bilinear interpolation between the centres of pixels at each position. NaN outside of the raster, and where the pixel that contains
/// the position is missing.
///
/// Missing neighbours have no weight; the weights of the others are scaled to 1, so that edges keep their values. Beyond the centres of
/// the outermost pixels, the values of these pixels are used.
///
/// # Shapes
/// - result: `[H, W]` of the positions
pub(super) fn bilinear(part: &Part, positions: &Positions, is_nodata: impl Fn(f32) -> bool) -> Vec<f32> {
    match &part.pixels {
        Pixels::U8(values) => bilinear_typed(part, values, positions, is_nodata),
        Pixels::U16(values) => bilinear_typed(part, values, positions, is_nodata),
        Pixels::I16(values) => bilinear_typed(part, values, positions, is_nodata),
        Pixels::F32(values) => bilinear_typed(part, values, positions, is_nodata),
    }
}

fn bilinear_typed<T: Copy + Into<f32>>(
    part: &Part,
    values: &[T],
    positions: &Positions,
    is_nodata: impl Fn(f32) -> bool,
) -> Vec<f32> {
    let inside = Inside::new(part);
    let (last_col, last_row) = (part.width - 1, part.height - 1);
    positions
        .xy
        .iter()
        .map(|&[x, y]| {
            let Some((col, row)) = inside.pixel(x, y) else { return f32::NAN };
            let (near_col, near_row) = (col as usize, row as usize);
            // Relative to pixel centres.
            let (col, row) = (col - 0.5, row - 0.5);
            let (floor_col, floor_row) = (col.floor(), row.floor());
            let (t, u) = ((col - floor_col) as f32, (row - floor_row) as f32);
            let (left, top) = (floor_col.max(0.0) as usize, floor_row.max(0.0) as usize);
            let right = ((floor_col + 1.0) as usize).min(last_col);
            let bottom = ((floor_row + 1.0) as usize).min(last_row);
            let (upper, lower) = (top * part.width, bottom * part.width);
            let taps: [f32; 4] = [upper + left, upper + right, lower + left, lower + right].map(|i| values[i].into());
            let missing = taps.map(&is_nodata);
            if missing == [false; 4] {
                let lerp = |a: f32, b: f32, t: f32| (b - a).mul_add(t, a);
                return lerp(lerp(taps[0], taps[1], t), lerp(taps[2], taps[3], t), u);
            }
            if is_nodata(values[near_row * part.width + near_col].into()) {
                return f32::NAN;
            }
            let weights = [(1.0 - t) * (1.0 - u), t * (1.0 - u), (1.0 - t) * u, t * u];
            let (mut sum, mut weight) = (0.0, 0.0);
            for i in 0..4 {
                if !missing[i] {
                    sum += taps[i] * weights[i];
                    weight += weights[i];
                }
            }
            if weight > 0.0 { sum / weight } else { f32::NAN }
        })
        .collect()
}

/// The value of the pixel that contains each position. NaN outside of the raster.
///
/// # Shapes
/// - result: `[H, W]` of the positions
pub(super) fn nearest(part: &Part, positions: &Positions) -> Vec<f32> {
    match &part.pixels {
        Pixels::U8(values) => nearest_typed(part, values, positions),
        Pixels::U16(values) => nearest_typed(part, values, positions),
        Pixels::I16(values) => nearest_typed(part, values, positions),
        Pixels::F32(values) => nearest_typed(part, values, positions),
    }
}

fn nearest_typed<T: Copy + Into<f32>>(part: &Part, values: &[T], positions: &Positions) -> Vec<f32> {
    let inside = Inside::new(part);
    let value = |&[x, y]: &[f64; 2]| {
        inside.pixel(x, y).map_or(f32::NAN, |(col, row)| values[row as usize * part.width + col as usize].into())
    };
    positions.xy.iter().map(value).collect()
}

/// Converts map positions to pixels of a part.
struct Inside {
    origin: [f64; 2],
    per_unit: [f64; 2],
    size: [f64; 2],
}

impl Inside {
    fn new(part: &Part) -> Self {
        let t = &part.transform;
        Self {
            origin: [t.origin_x, t.origin_y],
            per_unit: [1.0 / t.pixel_width, 1.0 / t.pixel_height],
            size: [part.width as f64, part.height as f64],
        }
    }

    /// Column and row from the upper left corner. `None` outside of the part and for NaN.
    #[inline]
    fn pixel(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (col, row) = ((x - self.origin[0]) * self.per_unit[0], (y - self.origin[1]) * self.per_unit[1]);
        (col >= 0.0 && row >= 0.0 && col < self.size[0] && row < self.size[1]).then_some((col, row))
    }
}

#[cfg(test)]
mod tests {
    use super::super::lattice::PixelRect;
    use super::*;
    use minesegsat_core::GeoTransform;

    fn part(width: usize, values: &[f32]) -> Part {
        let transform = GeoTransform::north_up(100.0, 200.0, 10.0);
        Part { transform, width, height: values.len() / width, pixels: Pixels::F32(values.to_vec()) }
    }

    /// Positions in pixels from the upper left corner of the part.
    fn at(places: &[(f64, f64)]) -> Positions {
        let xy = places.iter().map(|&(col, row)| [100.0 + col * 10.0, 200.0 - row * 10.0]).collect();
        let rect = PixelRect { x: 0, y: 0, width: places.len(), height: 1 };
        Positions { rect, xy, bounds: [0.0; 4] }
    }

    #[test]
    fn planes_come_back_and_edges_hold_their_values() {
        let values: Vec<f32> = (0..12).map(|i| (i % 4 * 10 + i / 4 * 100) as f32).collect();
        let found = bilinear(&part(4, &values), &at(&[(0.5, 0.5), (2.0, 1.75), (0.1, 0.2), (3.9, 2.9)]), f32::is_nan);
        assert_eq!(found, [0.0, 140.0, 0.0, 230.0]);
        let outside = bilinear(&part(4, &values), &at(&[(-0.01, 1.0), (4.0, 1.0), (f64::NAN, 1.0)]), f32::is_nan);
        assert!(outside.iter().all(|v| v.is_nan()));
    }

    #[test]
    fn missing_pixels_have_no_weight_and_are_not_drawn() {
        let nan = f32::NAN;
        let found = bilinear(
            &part(2, &[10.0, nan, 20.0, 40.0]),
            &at(&[(0.75, 0.75), (1.25, 0.75), (0.9, 0.5), (1.0 - 1e-9, 1.0 - 1e-9)]),
            f32::is_nan,
        );
        // Weights 9, 3 (missing), 3, 1 of 16; nothing in the missing pixel; 10 beside it; a third of the sum in the middle.
        let expected = (9.0 * 10.0 + 3.0 * 20.0 + 40.0) / 13.0;
        assert!((found[0] - expected).abs() < 1e-5, "{found:?}");
        assert!(
            found[1].is_nan() && (found[2] - 10.0).abs() < 1e-5 && (found[3] - 70.0 / 3.0).abs() < 1e-4,
            "{found:?}"
        );
    }

    #[test]
    fn classes_are_never_mixed() {
        let found =
            nearest(&part(2, &[1.0, 3.0, 255.0, 0.0]), &at(&[(0.99, 0.99), (1.0, 0.99), (0.99, 1.0), (2.0, 0.0)]));
        assert_eq!(found[..3], [1.0, 3.0, 255.0]);
        assert!(found[3].is_nan());
    }
}
