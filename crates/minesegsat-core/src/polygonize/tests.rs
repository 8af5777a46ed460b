use geo::Validation;
use proptest::prelude::*;

use super::*;

/// Probability of a pixel in these tests: an arbitrary function of its position.
fn probability(row: usize, col: usize) -> f32 {
    ((row * 7 + col * 13) % 97) as f32 / 97.0
}

fn polygonize(mask: &[u8], width: usize, connectivity: Connectivity) -> Regions {
    let mut polygonizer = Polygonizer::new(width, connectivity);
    for (row, pixels) in mask.chunks(width).enumerate() {
        let probabilities: Vec<f32> = (0..width).map(|col| probability(row, col)).collect();
        polygonizer.push_row(pixels, &probabilities);
    }
    polygonizer.finish()
}

/// Mask drawn with a letter per region, `.` outside and `?` not assessable.
fn draw(rows: &[&str]) -> (Vec<u8>, usize) {
    let pixel = |c: char| match c {
        '#' => 1,
        '?' => 255,
        _ => 0,
    };
    (rows.iter().flat_map(|row| row.chars().map(pixel)).collect(), rows[0].len())
}

/// Burns pixel-edge polygons by the even-odd rule: each vertical edge toggles the pixels to its right.
fn burn(geometry: &MultiPolygon<f64>, width: usize, height: usize) -> Vec<u8> {
    let mut out = vec![0; width * height];
    for polygon in geometry {
        for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
            for line in ring.lines().filter(|line| line.start.x == line.end.x) {
                let (y0, y1) = (line.start.y.min(line.end.y) as usize, line.start.y.max(line.end.y) as usize);
                for y in y0..y1 {
                    out[y * width + line.start.x as usize..(y + 1) * width].iter_mut().for_each(|p| *p ^= 1);
                }
            }
        }
    }
    out
}

/// Regions by flood fill, in the order of their first pixels: the reference.
fn flood(mask: &[u8], width: usize, connectivity: Connectivity) -> Vec<Vec<usize>> {
    let height = mask.len() / width;
    let mut seen = vec![false; mask.len()];
    let mut regions = Vec::new();
    for first in 0..mask.len() {
        if mask[first] != 1 || seen[first] {
            continue;
        }
        let (mut region, mut stack) = (Vec::new(), vec![first]);
        seen[first] = true;
        while let Some(pixel) = stack.pop() {
            region.push(pixel);
            for neighbour in neighbours(pixel, width, height, connectivity) {
                if mask[neighbour] == 1 && !seen[neighbour] {
                    seen[neighbour] = true;
                    stack.push(neighbour);
                }
            }
        }
        region.sort_unstable();
        regions.push(region);
    }
    regions
}

fn neighbours(pixel: usize, width: usize, height: usize, connectivity: Connectivity) -> Vec<usize> {
    let (row, col) = ((pixel / width) as i64, (pixel % width) as i64);
    let mut out = Vec::new();
    for (dr, dc) in [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)] {
        let (r, c) = (row + dr, col + dc);
        let inside = r >= 0 && c >= 0 && r < height as i64 && c < width as i64;
        if inside && (connectivity == Connectivity::Eight || dr == 0 || dc == 0) {
            out.push(r as usize * width + c as usize);
        }
    }
    out
}

fn check(mask: &[u8], width: usize, connectivity: Connectivity) {
    let height = mask.len() / width;
    let mut regions = polygonize(mask, width, connectivity);
    let expected = flood(mask, width, connectivity);
    assert_eq!(regions.len(), expected.len());
    for (region, pixels) in regions.iter().zip(&expected) {
        let mut burnt = vec![0; mask.len()];
        for &p in pixels {
            burnt[p] = 1;
        }
        assert_eq!(burn(&region.geometry, width, height), burnt, "{:?}", region.geometry);
        assert!(region.geometry.is_valid(), "{:?}", region.geometry.validation_errors());
        for polygon in &region.geometry {
            for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
                let lines: Vec<_> = ring.lines().collect();
                for (i, line) in lines.iter().enumerate() {
                    let next = lines[(i + 1) % lines.len()];
                    assert_ne!(line.dx() == 0.0, next.dx() == 0.0, "collinear corner in {ring:?}");
                }
            }
        }
        assert_eq!(
            region.geometry.0.len(),
            if connectivity == Connectivity::Four { 1 } else { region.geometry.0.len() }
        );
        assert_eq!(region.pixel_count, pixels.len() as u64);
        let values: Vec<f32> = pixels.iter().map(|p| probability(p / width, p % width)).collect();
        let mean = values.iter().map(|&p| f64::from(p)).sum::<f64>() / values.len() as f64;
        assert!((region.mean_probability - mean).abs() < 1e-12);
        assert_eq!(region.max_probability, values.iter().copied().fold(0.0, f32::max));
        let on_edge = |p: &usize| {
            let (row, col) = (p / width, p % width);
            row == 0 || row == height - 1 || col == 0 || col == width - 1
        };
        assert_eq!(region.touches_edge, pixels.iter().any(on_edge));
        let beside_nodata = |p: &usize| neighbours(*p, width, height, connectivity).iter().any(|&n| mask[n] == 255);
        assert_eq!(region.touches_nodata, pixels.iter().any(beside_nodata));
    }

    let mut all = vec![7; mask.len()];
    regions.mask_rows(0, &mut all);
    let shown: Vec<u8> = mask.iter().map(|&p| if p == ELSEWHERE { 255 } else { p }).collect();
    assert_eq!(all, shown);
    regions.retain(|region| region.pixel_count >= 4);
    let mut kept: Vec<u8> = shown.iter().map(|&p| if p == 255 { 255 } else { 0 }).collect();
    for &p in expected.iter().filter(|pixels| pixels.len() >= 4).flatten() {
        kept[p] = 1;
    }
    regions.mask_rows(0, &mut all);
    assert_eq!(all, kept);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn regions_are_those_of_a_flood_fill_and_their_polygons_burn_back(
        (width, mask) in (1usize..90, 1usize..12, 0.05f64..0.95).prop_flat_map(|(width, height, density)| {
            let pixel = prop_oneof![
                (density * 1000.0) as u32 => Just(1u8),
                (1000.0 - density * 1000.0) as u32 => Just(0u8),
                60 => Just(255u8),
                60 => Just(ELSEWHERE),
            ];
            (Just(width), prop::collection::vec(pixel, width * height))
        }),
        eight in any::<bool>(),
    ) {
        check(&mask, width, if eight { Connectivity::Eight } else { Connectivity::Four });
    }
}

#[test]
fn a_ring_that_meets_itself_in_a_corner_is_cut_into_simple_rings() {
    // Two holes that touch each other at one corner; the second also touches the outside at another.
    let (mask, width) = draw(&["###.", "#.#.", "##.#", "####"]);
    let regions = polygonize(&mask, width, Connectivity::Four);
    let region = regions.iter().next().unwrap();
    assert_eq!(region.geometry.0.len(), 1);
    assert_eq!(region.geometry.0[0].interiors().len(), 2);
    assert!(region.geometry.is_valid());
    check(&mask, width, Connectivity::Four);
    check(&mask, width, Connectivity::Eight);
}

#[test]
fn diagonal_pixels_are_one_region_of_two_polygons_or_two_regions() {
    let (mask, width) = draw(&["#..", ".#.", "..#"]);
    let eight = polygonize(&mask, width, Connectivity::Eight);
    assert_eq!(eight.len(), 1);
    assert_eq!(eight.iter().next().unwrap().geometry.0.len(), 3);
    assert_eq!(polygonize(&mask, width, Connectivity::Four).len(), 3);
}

#[test]
fn islands_in_holes_are_regions_of_their_own() {
    let (mask, width) = draw(&["#####", "#...#", "#.#.#", "#...#", "#####"]);
    let regions = polygonize(&mask, width, Connectivity::Eight);
    let counts: Vec<u64> = regions.iter().map(|region| region.pixel_count).collect();
    assert_eq!(counts, [16, 1]);
    assert!(!regions.iter().nth(1).unwrap().touches_edge);
}

#[test]
fn map_polygons_have_exteriors_counterclockwise() {
    use geo::Winding;
    let (mask, width) = draw(&["###", "#.#", "###"]);
    let regions = polygonize(&mask, width, Connectivity::Eight);
    let map = regions.iter().next().unwrap().to_map(&GeoTransform::north_up(500_000.0, 4_000_000.0, 10.0));
    let polygon = &map.0[0];
    assert!(polygon.exterior().is_ccw());
    assert!(polygon.interiors()[0].is_cw());
    assert_eq!(polygon.exterior().0[0], Coord { x: 500_000.0, y: 4_000_000.0 });
}

#[test]
fn empty_masks_have_no_regions() {
    assert!(Polygonizer::new(5, Connectivity::Eight).finish().is_empty());
    assert!(Polygonizer::new(0, Connectivity::Four).finish().is_empty());
    assert!(polygonize(&[0; 20], 5, Connectivity::Eight).is_empty());
}
