//! Polygons of the areas in which a field is above 0 ([`outlines`]).
//!
//! Marching squares (Lorensen, Cline 1987, in the plane) with linear interpolation. Every lattice edge is crossed at
//! most once, so rings are simple. The mean of the corners resolves saddles.

use geo::{Coord, LineString, MultiPolygon, Polygon};

use super::field::Field;

const NONE: u32 = u32::MAX;
/// Values closer to 0 are moved to this distance, so that no ring passes through a node.
const NUDGE: f32 = 1e-3;

/// Polygons where the field is above 0, in its own coordinates (metres, y downwards). Polygons and holes below
/// `min_area_m2` are dropped. Exteriors and holes have opposite orientations.
pub(super) fn outlines(field: &Field, min_area_m2: f64) -> MultiPolygon<f64> {
    let (width, height) = (field.width, field.height);
    let value = |col: usize, row: usize| {
        // Outlines are closed at the border of the lattice.
        let on_border = col == 0 || row == 0 || col + 1 == width || row + 1 == height;
        let v = if on_border { field.values[row * width + col].min(-NUDGE) } else { field.values[row * width + col] };
        if v.abs() < NUDGE { if v < 0.0 { -NUDGE } else { NUDGE } } else { v }
    };
    let horizontal = |col: usize, row: usize| (row * width + col) as u32;
    let vertical = |col: usize, row: usize| (width * height + row * width + col) as u32;

    let mut next = vec![NONE; 2 * width * height];
    let mut starts = Vec::new();
    for row in 0..height.saturating_sub(1) {
        for col in 0..width.saturating_sub(1) {
            let corners = [value(col, row), value(col + 1, row), value(col + 1, row + 1), value(col, row + 1)];
            let inside = corners.map(|v| v > 0.0);
            if inside == [false; 4] || inside == [true; 4] {
                continue;
            }
            let edges = [horizontal(col, row), vertical(col + 1, row), horizontal(col, row + 1), vertical(col, row)];
            // Edge k lies between the corners k and k + 1. Around the cell, the outline enters where the inside ends
            // and leaves where the inside begins.
            let enters: Vec<usize> = (0..4).filter(|&k| inside[k] && !inside[(k + 1) % 4]).collect();
            let is_joined = corners.iter().sum::<f32>() > 0.0;
            for &enter in &enters {
                let leaves = |k: &usize| !inside[*k] && inside[(*k + 1) % 4];
                // At a saddle: the nearest exit if the inside corners are joined across the centre, else the other
                // exit.
                let around = 1..4;
                let leave = if enters.len() == 2 && !is_joined {
                    around.rev().map(|d| (enter + d) % 4).find(leaves)
                } else {
                    around.map(|d| (enter + d) % 4).find(leaves)
                };
                if let Some(leave) = leave {
                    next[edges[enter] as usize] = edges[leave];
                    starts.push(edges[enter]);
                }
            }
        }
    }

    let point = |edge: u32| {
        let is_vertical = edge as usize >= width * height;
        let at = edge as usize % (width * height);
        let (col, row) = (at % width, at / width);
        let (col2, row2) = if is_vertical { (col, row + 1) } else { (col + 1, row) };
        let (a, b) = (f64::from(value(col, row)), f64::from(value(col2, row2)));
        let t = a / (a - b);
        Coord {
            x: field.x0 + (col as f64 + t * (col2 - col) as f64) * field.step,
            y: field.y0 + (row as f64 + t * (row2 - row) as f64) * field.step,
        }
    };
    let mut exteriors: Vec<(LineString<f64>, f64)> = Vec::new();
    let mut holes: Vec<(LineString<f64>, f64)> = Vec::new();
    for start in starts {
        let mut ring = Vec::new();
        let mut edge = start;
        while next[edge as usize] != NONE {
            ring.push(point(edge));
            edge = std::mem::replace(&mut next[edge as usize], NONE);
        }
        if ring.len() < 3 {
            continue;
        }
        ring.push(ring[0]);
        let area = signed_area(&ring);
        if area.abs() >= min_area_m2 {
            // With y downwards, positive area means that the ring is an exterior.
            if area > 0.0 { exteriors.push((LineString(ring), area)) } else { holes.push((LineString(ring), -area)) }
        }
    }
    let mut parts: Vec<(LineString<f64>, f64, Vec<LineString<f64>>)> =
        exteriors.into_iter().map(|(ring, area)| (ring, area, Vec::new())).collect();
    for (hole, area) in holes {
        let shell = parts
            .iter_mut()
            .filter(|(ring, outer, _)| *outer > area && contains(ring, hole.0[0]))
            .min_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((_, _, holes)) = shell {
            holes.push(hole);
        }
    }
    parts.into_iter().map(|(ring, _, holes)| Polygon::new(ring, holes)).collect()
}

/// Signed area of a ring, positive if it turns from x towards y.
fn signed_area(ring: &[Coord<f64>]) -> f64 {
    let origin = ring[0];
    ring.windows(2)
        .map(|p| (p[0].x - origin.x) * (p[1].y - origin.y) - (p[1].x - origin.x) * (p[0].y - origin.y))
        .sum::<f64>()
        / 2.0
}

/// Whether a point lies in a ring, by counting crossings.
fn contains(ring: &LineString<f64>, p: Coord<f64>) -> bool {
    ring.0.windows(2).fold(false, |inside, e| {
        let crosses =
            (e[0].y > p.y) != (e[1].y > p.y) && p.x < (e[1].x - e[0].x) * (p.y - e[0].y) / (e[1].y - e[0].y) + e[0].x;
        inside ^ crosses
    })
}

#[cfg(test)]
mod tests {
    use geo::{Area, Validation};

    use super::*;

    fn field(width: usize, height: usize, f: impl Fn(f32, f32) -> f32 + Sync) -> Field {
        let mut field = Field::new(0.0, 0.0, 5.0, width, height);
        field.fill(f);
        field
    }

    #[test]
    fn a_ring_has_its_area_and_its_hole() {
        let ring = field(101, 101, |x, y| {
            let d = (x - 250.0).hypot(y - 250.0);
            (200.0 - d).min(d - 80.0)
        });
        let polygons = outlines(&ring, 0.0);
        assert_eq!((polygons.0.len(), polygons.0[0].interiors().len()), (1, 1));
        let expected = std::f64::consts::PI * (200.0_f64.powi(2) - 80.0_f64.powi(2));
        assert!((polygons.unsigned_area() / expected - 1.0).abs() < 2e-3);
        assert!(polygons.is_valid());
    }

    #[test]
    fn noise_gives_valid_polygons() {
        let noise = minesegsat_core::noise::Noise::new(5, "contour");
        let rough = field(160, 120, |x, y| 20.0 * noise.fbm(x / 60.0, y / 60.0, 4, 0.7));
        let polygons = outlines(&rough, 100.0);
        assert!(polygons.0.len() > 5);
        assert!(polygons.is_valid());
        assert!(outlines(&field(20, 20, |_, _| -1.0), 0.0).0.is_empty());
        // A field that is inside everywhere is cut at the border of the lattice.
        assert_eq!(outlines(&field(20, 20, |_, _| 1.0), 0.0).0.len(), 1);
    }
}
