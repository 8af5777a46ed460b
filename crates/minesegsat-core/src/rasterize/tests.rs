use geo::polygon;

use super::*;
use crate::{Crs, GeoTransform};

#[path = "../../examples/support/cases.rs"]
mod cases;

fn grid(width: usize, height: usize, [origin_x, origin_y, pixel_width, pixel_height]: [f64; 4]) -> Grid {
    let transform = GeoTransform { origin_x, origin_y, pixel_width, pixel_height };
    Grid { crs: Crs::WGS84, transform, width, height }
}

fn drawing(mask: &[u8], width: usize) -> Vec<String> {
    mask.chunks(width).map(|row| row.iter().map(|&p| if p == 1 { '#' } else { '.' }).collect()).collect()
}

/// `tests/data/rasterize.txt` was made by `scripts/compare_rasterize.py --golden` with rasterio 1.4.4 (GDAL 3.10.3).
#[test]
fn masks_equal_those_of_gdal() {
    let cases = cases::parse(include_str!("../../tests/data/rasterize.txt"));
    assert!(cases.len() > 20);
    for case in cases {
        let grid = grid(case.width, case.height, case.transform);
        let mask = rasterize(&grid, [&case.polygons]);
        assert_eq!(drawing(&mask, case.width), case.mask, "{}", case.name);
    }
}

#[test]
fn strips_equal_the_whole() {
    for case in cases::parse(include_str!("../../tests/data/rasterize.txt")) {
        let grid = grid(case.width, case.height, case.transform);
        let whole = rasterize(&grid, [&case.polygons]);
        let rasterizer = Rasterizer::new(&grid, [&case.polygons]);
        for rows in [1, 3, 7] {
            let mut strips = Vec::new();
            for first in (0..case.height).step_by(rows) {
                let mut strip = vec![0; rows.min(case.height - first) * case.width];
                rasterizer.burn_rows(first, 1, &mut strip);
                strips.append(&mut strip);
            }
            assert_eq!(strips, whole, "{} by {rows} rows", case.name);
        }
    }
}

#[test]
fn polygons_far_outside_burn_nothing_and_huge_ones_everything() {
    let grid = grid(4, 3, [0.0, 3.0, 1.0, -1.0]);
    let outside = polygon![(x: 1e12, y: 0.), (x: 2e12, y: 0.), (x: 2e12, y: 3.)];
    assert_eq!(rasterize(&grid, [&MultiPolygon(vec![outside])]), [0; 12]);
    let huge = polygon![(x: -1e12, y: -1e12), (x: 1e12, y: -1e12), (x: 1e12, y: 1e12), (x: -1e12, y: 1e12)];
    assert_eq!(rasterize(&grid, [&MultiPolygon(vec![huge])]), [1; 12]);
    assert_eq!(rasterize(&grid, []), [0; 12]);
}
