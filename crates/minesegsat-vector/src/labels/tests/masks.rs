//! Masks on grids.

use geo::{Contains, Distance, Euclidean, Point};
use proptest::prelude::*;
use serde_json::json;

use super::fixtures::*;
use crate::labels::*;
use minesegsat_core::rasterize::rasterize;

fn read_with(features: &[serde_json::Value], options: &LabelOptions) -> Labels {
    let folder = tempfile::tempdir().unwrap();
    Labels::read(&write_geojson(folder.path(), 32611, features), options).unwrap()
}

fn drawing(mask: &[u8], width: usize) -> Vec<String> {
    let letter = |&value: &u8| match value {
        0 => '.',
        255 => '?',
        n => char::from(b'0' + n),
    };
    mask.chunks(width).map(|row| row.iter().map(letter).collect()).collect()
}

#[test]
fn the_highest_class_wins_and_edges_are_ignored() {
    let part = |part: &str, x: f64, y: f64, side: f64| feature(json!({"part": part}), json!([square(x, y, side)]));
    let features = [part("pit", 20.0, 20.0, 50.0), part("mill", 60.0, 60.0, 30.0)];
    let with = |classes: &[(&str, u8)], buffer: f64| LabelOptions {
        class_attribute: Some("part".to_owned()),
        classes: classes.iter().map(|&(name, number)| (name.to_owned(), number)).collect(),
        ignore_buffer_m: buffer,
        ..LabelOptions::default()
    };
    let here = grid(0.0, 100.0, 10);
    let mask = |options: &LabelOptions, features: &[serde_json::Value]| {
        let labels = read_with(features, options);
        drawing(&labels.index(&here.crs, here.bounds()).unwrap().mask(&here).unwrap().to_vec(), 10)
    };
    let pit_first = [
        "..........",
        "......222.",
        "......222.",
        "..1111222.",
        "..11111...",
        "..11111...",
        "..11111...",
        "..11111...",
        "..........",
        "..........",
    ];
    assert_eq!(mask(&with(&[("pit", 1), ("mill", 2)], 0.0), &features), pit_first);
    // The order of the file does not matter.
    let turned = [features[1].clone(), features[0].clone()];
    assert_eq!(mask(&with(&[("pit", 1), ("mill", 2)], 0.0), &turned), pit_first);
    let mill_first = mask(&with(&[("pit", 3), ("mill", 2)], 0.0), &features);
    assert_eq!(mill_first[3], "..3333322.");
    // 5 m reach the centres on both sides of each edge, also inside the other feature, but not beyond its corners. In sorted
    // order the pit is 2 here, and wins.
    assert_eq!(
        mask(&with(&[], 5.0), &features),
        // Made with shapely 2.2.0: shapely.distance(centres, polygon.exterior) <= 5
        [
            "......???.",
            ".....?????",
            "..?????1??",
            ".?????????",
            ".??222???.",
            ".??222??..",
            ".??222??..",
            ".???????..",
            "..?????...",
            "..........",
        ]
    );
}

#[test]
fn masks_of_grids_in_another_crs_are_refused() {
    let labels = read_with(&[feature(json!({}), json!([square(6e5, 6e6, 100.0)]))], &LabelOptions::default());
    let here = grid(599_900.0, 6_000_200.0, 30);
    let index = labels.index(&here.crs, here.bounds()).unwrap();
    let other = Grid { crs: Crs::from_epsg(32612).unwrap(), ..here.clone() };
    let error = index.mask(&other).unwrap_err().to_string();
    assert!(error.contains("the labels were projected to EPSG:32611"), "{error}");

    let options = LabelOptions { ignore_buffer_m: 20.0, ..LabelOptions::default() };
    let labels = read_with(&[feature(json!({}), json!([square(6e5, 6e6, 100.0)]))], &options);
    let degrees = Grid {
        crs: Crs::WGS84,
        transform: minesegsat_core::GeoTransform::north_up(-116.0, 55.0, 1e-4),
        width: 9,
        height: 9,
    };
    let error = labels.index(&Crs::WGS84, degrees.bounds()).unwrap().mask(&degrees).unwrap_err().to_string();
    assert!(error.contains("metres are needed"), "{error}");
    let options = LabelOptions { ignore_buffer_m: -1.0, ..LabelOptions::default() };
    let error = Labels::read("x".as_ref(), &options).unwrap_err().to_string();
    assert_eq!(error, "ignore buffer `-1` is not accepted: metres, 0 or more");
}

#[test]
fn touching_is_exact_and_includes_the_border() {
    // A triangle whose bounding box contains a corner outside the triangle.
    let triangle = json!([[[0.0, 0.0], [1000.0, 0.0], [0.0, 1000.0], [0.0, 0.0]]]);
    let hollow = json!([square(5000.0, 0.0, 1000.0), square(5100.0, 100.0, 800.0)]);
    let labels = read_with(&[feature(json!({}), triangle), feature(json!({}), hollow)], &LabelOptions::default());
    let index = labels.index(labels.crs(), [0.0, 0.0, 10_000.0, 10_000.0]).unwrap();
    let touches = |x: f64, y: f64, pixels: usize| index.touches(&grid(x, y, pixels));
    assert!(touches(0.0, 100.0, 10));
    assert!(!touches(800.0, 900.0, 10), "in the box only");
    assert!(touches(400.0, 700.0, 10), "an edge through the middle");
    assert!(touches(-1000.0, 2000.0, 300), "holds all of it");
    assert!(!touches(5200.0, 800.0, 10), "in the hole");
    assert!(touches(-100.0, 100.0, 10), "along the border");
    assert!(!touches(-100.01, 100.0, 10));
    assert_eq!(index.features_in([0.0, 0.0, 6000.0, 10.0]).len(), 2);
    assert_eq!(index.features_in([4999.0, 0.0, 5000.0, 10.0])[0].id, "1");
    assert_eq!(index.features_on(&grid(0.0, 1000.0, 600)).len(), 2);
}

#[test]
fn labels_in_degrees_fall_on_the_pixels_that_gdal_burns() {
    // Made with geopandas 1.2.0 and rasterio 1.4.4 (PROJ 9.5.1):
    //   g = gpd.GeoSeries([shapely.Polygon([(-116.02, 55.0), (-116.0, 55.0), (-116.0, 55.008), (-116.015, 55.01)])], crs=4326)
    //   m = rasterize(g.to_crs(32611), (150, 150), transform=from_origin(562600, 6096500, 10, 10))
    //   print(m.sum(), (m * np.arange(22500).reshape(150, 150)).sum())
    let ring = json!([[[-116.02, 55.0], [-116.0, 55.0], [-116.0, 55.008], [-116.015, 55.01], [-116.02, 55.0]]]);
    let folder = tempfile::tempdir().unwrap();
    let labels = read(&write_geojson(folder.path(), 4326, &[feature(json!({}), ring)])).unwrap();
    let here = grid(562_600.0, 6_096_500.0, 150);
    let mask = labels.index(&here.crs, here.bounds()).unwrap().mask(&here).unwrap().to_vec();
    let count: usize = mask.iter().map(|&v| usize::from(v)).sum();
    let places: usize = mask.iter().enumerate().map(|(place, &v)| place * usize::from(v)).sum();
    assert_eq!((count, places), (11_396, 132_912_123));
}

/// Star-shaped rings, which never cross themselves.
fn star() -> impl Strategy<Value = Vec<[f64; 2]>> {
    let centre = (50.0..450.0f64, 50.0..450.0f64);
    (centre, prop::collection::vec(10.0..140.0f64, 3..12)).prop_map(|((x, y), radii)| {
        let n = radii.len() as f64;
        let mut ring: Vec<[f64; 2]> = radii
            .iter()
            .enumerate()
            .map(|(i, r)| {
                let (sin, cos) = (i as f64 / n * std::f64::consts::TAU).sin_cos();
                [x + r * cos, y + r * sin]
            })
            .collect();
        ring.push(ring[0]);
        ring
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each pixel is ignored within the distance of an edge, otherwise it has the highest class that contains its centre.
    #[test]
    fn each_pixel_is_what_its_centre_says(
        rings in prop::collection::vec((star(), 1u8..4), 1..5),
        buffer in prop::sample::select(vec![0.0, 3.0, 12.5, 40.0]),
    ) {
        let features: Vec<_> = rings.iter().map(|(ring, class)| feature(json!({"class": class}), json!([ring]))).collect();
        let options = LabelOptions {
            class_attribute: Some("class".to_owned()),
            classes: (1..4u8).map(|n| (n.to_string(), n)).collect(),
            ignore_buffer_m: buffer,
            ..LabelOptions::default()
        };
        let labels = read_with(&features, &options);
        let here = grid(0.0, 500.0, 50);
        let index = labels.index(&here.crs, here.bounds()).unwrap();
        let mask = index.mask(&here).unwrap();
        let whole = mask.to_vec();
        for row in 0..50 {
            for column in 0..50 {
                let (x, y) = here.transform.to_map(column as f64 + 0.5, row as f64 + 0.5);
                let centre = Point::new(x, y);
                let edge = index.features().iter().flat_map(|f| &f.geometry)
                    .map(|part| Euclidean.distance(&centre, part.exterior())).fold(f64::INFINITY, f64::min);
                // The tests of the rasterizer cover ties, which rounding decides.
                if (edge - buffer).abs() < 1e-9 || edge < 1e-9 {
                    continue;
                }
                let class = index.features().iter().filter(|f| f.geometry.contains(&centre)).map(|f| f.class).max();
                let expected = if buffer > 0.0 && edge <= buffer { IGNORE } else { class.unwrap_or(BACKGROUND) };
                prop_assert_eq!(whole[row * 50 + column], expected, "({}, {})", row, column);
            }
        }
        // Strips and windows are parts of the whole.
        for (first, rows) in [(0, 1), (13, 7), (49, 1), (20, 30)] {
            let mut strip = vec![9; rows * 50];
            mask.fill_rows(first, &mut strip);
            prop_assert_eq!(&strip[..], &whole[first * 50..][..rows * 50]);
        }
        let window = here.window(&minesegsat_core::Window::new(11, 5, 20, 31));
        let part = index.mask(&window).unwrap().to_vec();
        for row in 0..31 {
            prop_assert_eq!(&part[row * 20..][..20], &whole[(row + 5) * 50 + 11..][..20]);
        }
    }
}

#[test]
fn binary_masks_are_those_of_the_rasterizer() {
    let labels = read_with(
        &mines()
            .iter()
            .map(|(geometry, _)| {
                let geometry = ::geojson::Geometry::new(::geojson::GeometryValue::from(geometry));
                json!({"type": "Feature", "properties": {}, "geometry": geometry})
            })
            .collect::<Vec<_>>(),
        &LabelOptions::default(),
    );
    let here = grid(599_903.0, 6_001_207.0, 700);
    let mask = labels.index(&here.crs, here.bounds()).unwrap().mask(&here).unwrap().to_vec();
    let all = mines();
    assert!(mask == rasterize(&here, all.iter().map(|(geometry, _)| geometry)));
    assert!(mask.contains(&1));
}
