//! Alignment of two maps to one grid.

use super::{DatedMap, shift};
use minesegsat_core::{Error, Grid, Result, Transformer, Window};

/// Two maps on one grid.
#[derive(Debug)]
pub(super) struct Aligned {
    /// The part of the earlier map's grid that both maps cover.
    pub(super) grid: Grid,
    /// Earlier probabilities, `[H, W]`.
    pub(super) before: Vec<f32>,
    /// Later probabilities, `[H, W]`.
    pub(super) after: Vec<f32>,
    /// Description of the resampling of the later map, if any.
    pub(super) note: Option<String>,
}

pub(super) fn align(before: &DatedMap, after: &DatedMap) -> Result<Aligned> {
    let (a, b) = (&before.grid, &after.grid);
    match shift(a, b) {
        Some(shift) => same_pixels(before, after, shift),
        None => resampled(before, after),
    }
}

fn same_pixels(before: &DatedMap, after: &DatedMap, (col, row): (i64, i64)) -> Result<Aligned> {
    let (a, b) = (&before.grid, &after.grid);
    let span = |offset: i64, a: usize, b: usize| {
        let (from, to) = (offset.max(0), (offset + b as i64).min(a as i64));
        (from < to).then(|| (from as usize, (to - from) as usize, (from - offset) as usize))
    };
    let found = span(col, a.width, b.width).zip(span(row, a.height, b.height));
    let ((col_a, width, col_b), (row_a, height, row_b)) = found.ok_or_else(|| apart(before, after))?;
    let cut = |map: &[f32], full: usize, col: usize, row: usize| -> Vec<f32> {
        (row..row + height).flat_map(|r| &map[r * full + col..][..width]).copied().collect()
    };
    Ok(Aligned {
        grid: a.window(&Window::new(col_a, row_a, width, height)),
        before: cut(&before.probability, a.width, col_a, row_a),
        after: cut(&after.probability, b.width, col_b, row_b),
        note: None,
    })
}

/// Resamples the later map to the earlier grid.
fn resampled(before: &DatedMap, after: &DatedMap) -> Result<Aligned> {
    let (a, b) = (&before.grid, &after.grid);
    let to_before = Transformer::new(&b.crs, &a.crs)?;
    let bounds = to_before.transform_bounds(b.bounds()).map_err(|_| apart(before, after))?;
    let window = a.window_of_bounds(bounds).ok_or_else(|| apart(before, after))?;
    let grid = a.window(&window);
    let to_after = Transformer::new(&a.crs, &b.crs)?;
    let out = interpolate(&grid, b, &after.probability, &to_after);
    if out.iter().all(|p| p.is_nan()) && after.probability.iter().any(|p| !p.is_nan()) {
        let any_before = before.probability.iter().any(|p| !p.is_nan());
        if any_before && !overlaps(&grid, b, &to_after) {
            return Err(apart(before, after));
        }
    }
    let before_part = (window.row..window.row_end())
        .flat_map(|r| &before.probability[r * a.width + window.col..][..window.width])
        .copied()
        .collect();
    let how = if a.crs == b.crs {
        format!("lies on other pixels of {}", a.crs)
    } else {
        format!("is in {} and {} in {}", b.crs, before.name, a.crs)
    };
    Ok(Aligned {
        grid,
        before: before_part,
        after: out,
        note: Some(format!(
            "{} {how}: its probabilities were interpolated to the pixels of {}",
            after.name, before.name
        )),
    })
}

/// Values of a map, `[H, W]` of its grid, at the pixel centres of another grid: bilinear between pixel centres. If one of the
/// four pixels is not assessable, the nearest pixel is used. NaN beyond the map.
pub(crate) fn interpolate(grid: &Grid, of: &Grid, values: &[f32], to_map: &Transformer) -> Vec<f32> {
    let at = |col: i64, row: i64| -> f32 {
        let inside = col >= 0 && row >= 0 && col < of.width as i64 && row < of.height as i64;
        if inside { values[row as usize * of.width + col as usize] } else { f32::NAN }
    };
    let mut out = Vec::with_capacity(grid.width * grid.height);
    for row in 0..grid.height {
        for col in 0..grid.width {
            let (x, y) = grid.transform.to_map(col as f64 + 0.5, row as f64 + 0.5);
            let Ok((x, y)) = to_map.transform(x, y) else {
                out.push(f32::NAN);
                continue;
            };
            let (c, r) = of.transform.to_pixel(x, y);
            let nearest = at(c.floor() as i64, r.floor() as i64);
            let (c, r) = (c - 0.5, r - 0.5);
            let (c0, r0) = (c.floor(), r.floor());
            let (fx, fy) = ((c - c0) as f32, (r - r0) as f32);
            let (c0, r0) = (c0 as i64, r0 as i64);
            let [p, q, s, t] = [at(c0, r0), at(c0 + 1, r0), at(c0, r0 + 1), at(c0 + 1, r0 + 1)];
            let blended = (p * (1.0 - fx) + q * fx) * (1.0 - fy) + (s * (1.0 - fx) + t * fx) * fy;
            out.push(if nearest.is_nan() || blended.is_nan() { nearest } else { blended });
        }
    }
    out
}

/// Whether any pixel centre of the first grid lies on the second grid.
fn overlaps(a: &Grid, b: &Grid, to_b: &Transformer) -> bool {
    (0..a.height).step_by(16).any(|row| {
        (0..a.width).step_by(16).any(|col| {
            let (x, y) = a.transform.to_map(col as f64 + 0.5, row as f64 + 0.5);
            to_b.transform(x, y).is_ok_and(|(x, y)| {
                let (c, r) = b.transform.to_pixel(x, y);
                c >= 0.0 && r >= 0.0 && c < b.width as f64 && r < b.height as f64
            })
        })
    })
}

fn apart(before: &DatedMap, after: &DatedMap) -> Error {
    Error::Argument {
        name: "maps",
        value: format!("{} and {}", before.name, after.name),
        accepted: format!(
            "two maps of one place; these do not overlap: the first covers {}, the second {} (west,south,east,north)",
            before.bounds_text(),
            after.bounds_text()
        ),
    }
}
