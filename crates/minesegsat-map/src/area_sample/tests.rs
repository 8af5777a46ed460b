use minesegsat_core::job::Job;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;

use super::draw::below;
use super::*;
use minesegsat_core::noise::Dice;
use minesegsat_core::{Crs, Error, GeoTransform, Grid, Result};
use minesegsat_io::cog::{CogOptions, CogWriter};
use minesegsat_io::{Location, Pixels};
use minesegsat_vector::labels::read_attributes;

/// Points of an error matrix whose strata are the classes of the map.
fn points_of(matrix: &[Vec<u64>]) -> Vec<Observation> {
    let mut points = Vec::new();
    for (map, row) in matrix.iter().enumerate() {
        for (reference, &count) in row.iter().enumerate() {
            let point = Observation { stratum: map, map, reference, weight: 1.0 };
            points.extend(std::iter::repeat_n(point, count as usize));
        }
    }
    points
}

/// The worked example of Olofsson et al. 2014: Table 8 and section 5.2 (page 54).
#[test]
fn areas_and_accuracies_are_those_of_the_worked_example() {
    // Rows are classes of the map, columns of the reference: deforestation, forest gain, stable forest, stable non-forest.
    let matrix = [vec![66, 0, 5, 4], vec![0, 55, 8, 12], vec![1, 0, 153, 11], vec![2, 1, 9, 313]];
    // Landsat pixels of 30 m, in hectares.
    let strata =
        [200_000, 150_000, 3_200_000, 6_450_000].map(|pixels| StratumSize { area: pixels as f64 * 0.09, pixels });
    let points = points_of(&matrix);
    let estimator = Estimator::new(&strata, &points);
    assert!((estimator.area() - 900_000.0).abs() < 1e-6);
    // The paper takes 1.96 for 95 %.
    let z = 1.96;
    let is = |estimate: Estimate, whole: f64, value: f64, half_width: f64, digit: f64| {
        let (found, plus_minus) = (estimate.value * whole, z * estimate.standard_error * whole);
        assert!((found - value).abs() <= digit / 2.0, "{found} instead of {value}");
        assert!((plus_minus - half_width).abs() <= digit / 2.0, "± {plus_minus} instead of {half_width}");
    };
    let areas = [(21_158.0, 6158.0), (11_686.0, 3756.0), (285_770.0, 15_510.0), (581_386.0, 16_282.0)];
    let users = [(0.88, 0.07), (0.73, 0.10), (0.93, 0.04), (0.96, 0.02)];
    // Eq. 7 gives ± 0.25 and 0.02 for forest gain and stable non-forest, like the R package mapaccuracy. The paper
    // prints 0.23 and 0.01, which mapaccuracy attributes to intermediate rounding.
    let producers = [(0.75, 0.21), (0.85, 0.25), (0.93, 0.03), (0.96, 0.02)];
    for class in 0..4 {
        is(estimator.share(|point| point.reference == class), 900_000.0, areas[class].0, areas[class].1, 1.0);
        is(estimator.users_accuracy(class).unwrap(), 1.0, users[class].0, users[class].1, 0.01);
        is(estimator.producers_accuracy(class).unwrap(), 1.0, producers[class].0, producers[class].1, 0.01);
    }
    is(estimator.overall_accuracy(), 1.0, 0.95, 0.02, 0.01);
    // Table 9, the same as shares of the area.
    let cell = |i: usize, j: usize| estimator.share(|point| point.map == i && point.reference == j).value;
    let printed = [
        [0.0176, 0.0, 0.0013, 0.0011],
        [0.0, 0.0110, 0.0016, 0.0024],
        [0.0019, 0.0, 0.2967, 0.0213],
        [0.0040, 0.0020, 0.0179, 0.6212],
    ];
    for (i, row) in printed.iter().enumerate() {
        for (j, value) in row.iter().enumerate() {
            assert!((cell(i, j) - value).abs() <= 0.000_051, "{i} {j}: {}", cell(i, j));
        }
    }
}

/// The numerical example of Stehman 2014 (Table 2: ten points in each of four strata that are not the map's classes).
fn stehman() -> ([StratumSize; 4], Vec<Observation>) {
    let place = |letter: u8| usize::from(letter - b'A');
    let map = b"AAAAAAABBBABBBBBBBBBBBCCCCCCBBDDDDDDDDDD";
    let reference = b"AAAAACBABCABBBBBAABBCCCCCDDBBADDDDDDDCCB";
    let points = map.iter().zip(reference).enumerate();
    let points = points.map(|(k, (&map, &reference))| Observation {
        stratum: k / 10,
        map: place(map),
        reference: place(reference),
        weight: 1.0,
    });
    ([40_000, 30_000, 20_000, 10_000].map(|pixels| StratumSize { area: pixels as f64, pixels }), points.collect())
}

/// Expected values: pages 4932 to 4936 of the paper to the digits printed, and, to seven digits, those that the R packages
/// mapac 0.12 (`aa_stratified`, D. Pflugmacher) and mapaccuracy 0.1.2 (`stehman2014`, H. Costa) document for its data.
#[test]
fn strata_that_are_no_classes_give_the_numbers_of_stehman() {
    let (strata, points) = stehman();
    let estimator = Estimator::new(&strata, &points);
    let is = |estimate: Estimate, value: f64, standard_error: f64| {
        assert!((estimate.value - value).abs() < 6e-8, "{} instead of {value}", estimate.value);
        let found = estimate.standard_error;
        assert!((found - standard_error).abs() < 6e-8, "SE {found} instead of {standard_error}");
    };
    let (a, b, c) = (0, 1, 2);
    is(estimator.share(|point| point.reference == a), 0.35, 0.082_259_75);
    is(estimator.share(|point| point.reference == c), 0.20, 0.064_291_01);
    is(estimator.overall_accuracy(), 0.63, 0.084_656_17);
    is(estimator.share(|point| point.map == b && point.reference == c), 0.08, 0.048_074_02);
    for (class, users, users_se, producers, producers_se) in [
        (a, 0.741_935_5, 0.164_562_7, 0.657_142_9, 0.147_731_8),
        (b, 0.574_468_1, 0.124_802_3, 0.794_117_6, 0.116_567_1),
        (c, 0.5, 0.215_165_7, 0.3, 0.150_443_8),
    ] {
        is(estimator.users_accuracy(class).unwrap(), users, users_se);
        is(estimator.producers_accuracy(class).unwrap(), producers, producers_se);
    }
}

#[test]
fn classes_without_points_have_no_accuracy_and_whole_strata_no_error() {
    let strata = [StratumSize { area: 3.0, pixels: 3 }, StratumSize { area: 1.0, pixels: 1 }];
    let points = points_of(&[vec![2, 1, 0], vec![0, 1, 0], vec![0, 0, 0]]);
    let estimator = Estimator::new(&strata, &points);
    assert_eq!(estimator.users_accuracy(2), None);
    assert_eq!(estimator.producers_accuracy(2), None);
    let share = estimator.share(|point| point.reference == 1);
    assert!((share.value - 0.5).abs() < 1e-15 && share.standard_error == 0.0, "{share:?}");
}

#[test]
fn quantiles_are_those_of_the_normal_distribution() {
    // Python 3.11: statistics.NormalDist().inv_cdf(0.5 + c / 2)
    for (confidence, z) in [
        (0.5, 0.674_489_750_196_081_7),
        (0.9, 1.644_853_626_951_471_5),
        (0.95, 1.959_963_984_540_053_6),
        (0.999, 3.290_526_731_491_925_5),
    ] {
        assert!((normal_quantile(confidence) - z).abs() < 1e-12, "{confidence}: {}", normal_quantile(confidence));
    }
}

proptest! {
    /// Eqs. 5, 6, 7, 10 and 11 of Olofsson et al. 2014, as they are printed.
    #[test]
    fn strata_that_are_classes_give_the_formulas_of_olofsson(
        matrix in prop::collection::vec(prop::collection::vec(0_u64..30, 3), 3),
        pixels in prop::collection::vec(1000_u64..1_000_000, 3),
    ) {
        let n: Vec<f64> = matrix.iter().map(|row| row.iter().sum::<u64>() as f64).collect();
        prop_assume!(n.iter().all(|n| *n >= 2.0));
        let total: f64 = pixels.iter().sum::<u64>() as f64;
        let strata: Vec<StratumSize> = pixels.iter().map(|&pixels| StratumSize { area: pixels as f64, pixels }).collect();
        let w: Vec<f64> = pixels.iter().map(|&pixels| pixels as f64 / total).collect();
        let points = points_of(&matrix);
        let estimator = Estimator::new(&strata, &points);
        let p = |i: usize, j: usize| matrix[i][j] as f64 / n[i];
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b.abs().max(1e-3);
        // Eq. 5
        let variance: f64 = (0..3).map(|i| w[i].powi(2) * p(i, i) * (1.0 - p(i, i)) / (n[i] - 1.0)).sum();
        prop_assert!(close(estimator.overall_accuracy().standard_error, variance.sqrt()));
        for k in 0..3 {
            // Eq. 6
            let users = estimator.users_accuracy(k).unwrap();
            prop_assert!(close(users.value, p(k, k)));
            prop_assert!(close(users.standard_error, (p(k, k) * (1.0 - p(k, k)) / (n[k] - 1.0)).sqrt()));
            // Eqs. 9 and 10
            let share = estimator.share(|point| point.reference == k);
            let value: f64 = (0..3).map(|i| w[i] * p(i, k)).sum();
            let variance: f64 = (0..3).map(|i| w[i].powi(2) * p(i, k) * (1.0 - p(i, k)) / (n[i] - 1.0)).sum();
            prop_assert!(close(share.value, value) && close(share.standard_error, variance.sqrt()));
            // Eq. 7
            let Some(producers) = estimator.producers_accuracy(k) else { continue };
            let marginal: f64 = (0..3).map(|i| pixels[i] as f64 * p(i, k)).sum();
            let size = pixels[k] as f64;
            prop_assert!(close(producers.value, size * p(k, k) / marginal));
            let own = size.powi(2) * (1.0 - producers.value).powi(2) * p(k, k) * (1.0 - p(k, k)) / (n[k] - 1.0);
            let others: f64 = (0..3)
                .filter(|&i| i != k)
                .map(|i| (pixels[i] as f64).powi(2) * p(i, k) * (1.0 - p(i, k)) / (n[i] - 1.0))
                .sum();
            let variance = (own + producers.value.powi(2) * others) / marginal.powi(2);
            prop_assert!(close(producers.standard_error, variance.sqrt()), "{} {}", producers.standard_error, variance.sqrt());
        }
    }
}

/// A map with false alarms, missed parts near its mines, and every n-th mine missed completely (0 for none); and the
/// true class of every pixel.
fn world(width: usize, height: usize, missed_of: usize) -> (Vec<u8>, Vec<u8>) {
    let mut dice = Dice::new(11, "world");
    let mut below = |bound: usize| below(&mut dice, bound as u64) as usize;
    let (mut map, mut truth) = (vec![0; width * height], vec![0; width * height]);
    for _ in 0..40 {
        let (row, col) = (below(height - 30), below(width - 30));
        let side = 8 + below(20);
        let (dx, dy) = (below(6), below(6));
        let is_missed = missed_of > 0 && below(missed_of) == 0;
        for r in 0..side {
            for c in 0..side {
                truth[(row + r) * width + col + c] = 1;
                if !is_missed {
                    map[((row + r + dy).min(height - 1)) * width + (col + c + dx).min(width - 1)] = 1;
                }
            }
        }
    }
    for _ in 0..width * height / 300 {
        map[below(width * height)] = 255;
    }
    (map, truth)
}

fn utm_grid(width: usize, height: usize) -> Grid {
    let transform = GeoTransform::north_up(600_000.0, 5_500_000.0, 10.0);
    Grid { crs: Crs::from_epsg(32610).unwrap(), transform, width, height }
}

fn write_map(path: &Path, grid: &Grid, values: &[u8]) -> Location {
    let mut cog = CogWriter::create(path, grid, CogOptions { block_size: 128, ..CogOptions::mask("mining") }).unwrap();
    cog.write_rows(&[Pixels::U8(values.to_vec())]).unwrap();
    cog.finish().unwrap();
    Location::from(path)
}

fn draw(map: &Location, folder: &Path, options: &DesignOptions) -> Result<Design> {
    design(map, folder, options, Job::silent())
}

/// Like `draw`, without files.
fn draft(map: &Location, options: &DesignOptions) -> Design {
    super::design::draw(map, options, Job::silent()).unwrap()
}

/// The points of a design, with the true classes as answers.
fn truly(design: &Design, truth: &[u8]) -> Vec<Observation> {
    let width = design.map.grid.width;
    design
        .samples
        .iter()
        .map(|sample| {
            let stratum = design.strata.iter().position(|stratum| stratum.name == sample.stratum).unwrap();
            let map = usize::from(design.strata[stratum].class);
            let reference = usize::from(truth[sample.row * width + sample.col]);
            Observation { stratum, map, reference, weight: sample.weight }
        })
        .collect()
}

/// Many samples of one map: the mean of the estimates is the true area, and 95 % of the intervals contain it.
fn monte_carlo(grid: &Grid, options: &DesignOptions, runs: u64) {
    let (map, truth) = world(grid.width, grid.height, 12);
    let folder = tempfile::tempdir().unwrap();
    let location = write_map(&folder.path().join("map.tif"), grid, &map);
    let areas = pixel_area::PixelAreas::new(grid).unwrap();
    let true_ha: f64 = (0..map.len())
        .filter(|&i| map[i] != 255 && truth[i] == 1)
        .map(|i| areas.pixel_m2(i / grid.width, i % grid.width) / 10_000.0)
        .sum();
    let z = normal_quantile(0.95);
    let (mut held, mut sum, mut squares) = (0, 0.0, 0.0);
    for seed in 0..runs {
        let design = draft(&location, &DesignOptions { seed, ..options.clone() });
        let report = report::tabulate(&design, &truly(&design, &truth), z);
        let area = report.classes[1].area_ha;
        held += u64::from(area.lower <= true_ha && true_ha <= area.upper);
        sum += area.value;
        squares += area.value * area.value;
    }
    let mean = sum / runs as f64;
    let deviation = (squares / runs as f64 - mean * mean).sqrt();
    // The mean of the runs is normal with deviation / sqrt(runs): outside of 3.5 of those once in 2000 seeds.
    let off = (mean - true_ha) / (deviation / (runs as f64).sqrt());
    assert!(off.abs() < 3.5, "mean {mean:.2} ha of {true_ha:.2} ha, deviation {deviation:.2} ha: {off:.2}");
    let coverage = held as f64 / runs as f64;
    // Binomial: 0.95 with a deviation of 0.015 for 200 runs; intervals of few points hold a little less.
    assert!((0.9..=0.99).contains(&coverage), "{coverage} of the intervals hold the truth");
}

fn options() -> DesignOptions {
    DesignOptions { size: SampleSize::Samples(700), min_per_stratum: 150, ..DesignOptions::default() }
}

#[test]
fn estimates_are_unbiased_and_intervals_hold_what_they_say() {
    monte_carlo(&utm_grid(300, 300), &options(), 200);
}

#[test]
fn estimates_with_a_buffer_are_unbiased_too() {
    monte_carlo(&utm_grid(300, 300), &DesignOptions { buffer_px: 6, ..options() }, 200);
}

/// 60 degrees of latitude, across which pixels shrink to a third: weights by count alone would be far off.
#[test]
fn estimates_on_a_grid_of_degrees_are_unbiased() {
    let transform = GeoTransform::north_up(10.0, 72.0, 0.2);
    let grid = Grid { crs: Crs::WGS84, transform, width: 300, height: 300 };
    monte_carlo(&grid, &options(), 200);
}

#[test]
fn a_buffer_makes_the_interval_narrower() {
    let grid = utm_grid(300, 300);
    let (map, truth) = world(300, 300, 0);
    let folder = tempfile::tempdir().unwrap();
    let location = write_map(&folder.path().join("map.tif"), &grid, &map);
    let width = |buffer_px: usize| -> f64 {
        let runs = 0..12;
        let one = |seed: u64| {
            let design =
                draft(&location, &DesignOptions { buffer_px, seed, allocation: Allocation::Equal, ..options() });
            report::tabulate(&design, &truly(&design, &truth), 1.96).classes[1].area_ha.half_width
        };
        runs.map(one).sum::<f64>() / 12.0
    };
    let (without, with) = (width(0), width(8));
    assert!(with < 0.8 * without, "{with} ha with a buffer, {without} ha without");
}

#[test]
fn a_design_is_whole_repeatable_and_in_random_order() {
    let grid = utm_grid(300, 280);
    let (map, _) = world(300, 280, 12);
    let folder = tempfile::tempdir().unwrap();
    let location = write_map(&folder.path().join("map.tif"), &grid, &map);
    let options = DesignOptions { buffer_px: 5, seed: 3, ..options() };
    let made = draw(&location, &folder.path().join("a"), &options).unwrap();
    // Parsed numbers may differ in their last bit, so the comparison uses text.
    let text = |design: &Design| serde_json::to_string(&design.samples).unwrap();
    assert_eq!(text(&Design::open(&folder.path().join("a")).unwrap()), text(&made));
    // Pixels are counted right, and every point lies in its stratum.
    let pixels: u64 = made.strata.iter().map(|stratum| stratum.extent.pixels).sum();
    let left_out = map.iter().filter(|&&value| value == 255).count() as u64;
    assert_eq!((pixels, made.outside.pixels), (map.len() as u64 - left_out, left_out));
    assert_eq!(made.classes[1].extent.pixels, map.iter().filter(|&&value| value == 1).count() as u64);
    let names: Vec<&str> = made.strata.iter().map(|stratum| stratum.name.as_str()).collect();
    assert_eq!(names, ["other", "mining", "other near mining"]);
    let mut places = std::collections::BTreeSet::new();
    for sample in &made.samples {
        let value = map[sample.row * 300 + sample.col];
        assert_eq!(value == 1, sample.stratum == "mining");
        assert!(value != 255 && places.insert((sample.row, sample.col)), "{sample:?}");
        let (x, y) = grid.transform.to_map(sample.col as f64 + 0.5, sample.row as f64 + 0.5);
        assert_eq!((x, y, sample.weight), (sample.x, sample.y, 1.0));
    }
    assert_eq!(made.samples.len(), 700);
    // Random order: strata are mixed from the first point on.
    let first: Vec<&str> = made.samples[..60].iter().map(|sample| sample.stratum.as_str()).collect();
    assert!(names.iter().all(|name| first.contains(name)), "{first:?}");
    // A UTM pixel of 10 m west of the central meridian's scale of 0.9996 is a little larger than 100 m2.
    let [low, high] = made.pixel_area_m2;
    assert!(low > 99.9 && high < 100.1 && low < high, "{low} {high}");
    let total: f64 = made.strata.iter().map(|stratum| stratum.extent.area_ha).sum::<f64>() + made.outside.area_ha;
    assert!((total / (map.len() as f64 * (low + high) / 2e4) - 1.0).abs() < 1e-4, "{total}");

    let bytes = |name: &str| -> Vec<Vec<u8>> {
        ["samples.csv", "samples.geojson", "samples.gpkg", "design.json"]
            .map(|file| std::fs::read(folder.path().join(name).join(file)).unwrap())
            .to_vec()
    };
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    one_thread.install(|| draw(&location, &folder.path().join("b"), &options).unwrap());
    assert!(bytes("a") == bytes("b"), "the same seed gives the same bytes");
    draw(&location, &folder.path().join("c"), &DesignOptions { seed: 4, ..options.clone() }).unwrap();
    assert!(bytes("a") != bytes("c"));
    let error =
        design(&location, &folder.path().join("d"), &options, Job::with_cancel(&AtomicBool::new(true))).unwrap_err();
    assert!(matches!(error, Error::Interrupted), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "a map and three designs");
}

#[test]
fn files_to_fill_have_the_points_and_blind_ones_no_map() {
    let folder = tempfile::tempdir().unwrap();
    let grid = utm_grid(300, 300);
    let location = write_map(&folder.path().join("map.tif"), &grid, &world(300, 300, 12).0);
    for blind in [false, true] {
        let out = folder.path().join(if blind { "blind" } else { "open" });
        let made = draw(&location, &out, &DesignOptions { blind, ..options() }).unwrap();
        for name in ["samples.csv", "samples.geojson", "samples.gpkg"] {
            let text = String::from_utf8_lossy(&std::fs::read(out.join(name)).unwrap()).into_owned();
            assert_eq!(text.contains("map_class"), !blind, "{name}");
            assert_eq!(text.contains("stratum"), !blind, "{name}");
        }
        let csv = std::fs::read_to_string(out.join("samples.csv")).unwrap();
        let header = if blind { "id,row" } else { "id,stratum,map_class,row" };
        let header = format!("{header},col,longitude,latitude,x,y,reference_class,confidence,remark");
        assert_eq!(csv.lines().next(), Some(header.as_str()));
        assert_eq!(csv.lines().count(), 701);
        for (name, layer) in [("samples.geojson", None), ("samples.gpkg", Some("samples"))] {
            let features = read_attributes(&out.join(name), layer).unwrap();
            assert_eq!(features.len(), 700);
            for (feature, sample) in features.iter().zip(&made.samples) {
                assert_eq!(feature["id"], sample.id);
                assert_eq!((&feature["x"], &feature["longitude"]), (&sample.x.into(), &sample.longitude.into()));
                assert!(feature["reference_class"].is_null() && feature["remark"].is_null());
            }
        }
        // The squares are the pixels around the points.
        let squares = minesegsat_vector::labels::Labels::read(
            &out.join("samples.gpkg"),
            &minesegsat_vector::labels::LabelOptions { layer: Some("pixels".to_owned()), ..Default::default() },
        )
        .unwrap();
        for (square, sample) in squares.features().iter().zip(&made.samples) {
            let bounds = geo::BoundingRect::bounding_rect(&square.geometry).unwrap();
            assert_eq!(square.attributes["id"], sample.id);
            assert_eq!((bounds.min().x, bounds.max().x), (sample.x - 5.0, sample.x + 5.0));
            assert_eq!((bounds.min().y, bounds.max().y), (sample.y - 5.0, sample.y + 5.0));
        }
    }
}

#[test]
fn classes_of_any_map_get_names_and_expectations() {
    let folder = tempfile::tempdir().unwrap();
    let grid = utm_grid(70, 50);
    let values: Vec<u8> = (0..3500).map(|i| [0, 0, 0, 1, 2, 3, 9][i / 500]).collect();
    let location = write_map(&folder.path().join("change.tif"), &grid, &values);
    let class = |value: u8, name: &str| (value, name.to_owned());
    let classes = vec![class(0, "no mine"), class(1, "stable"), class(2, "gain"), class(3, "loss"), class(4, "other")];
    let options = DesignOptions {
        classes: classes.clone(),
        exclude: vec![9],
        buffer_px: 3,
        size: SampleSize::TargetError(0.02),
        expected_accuracy: vec![
            ("no mine nearby".to_owned(), 0.8),
            ("no mine".to_owned(), 0.99),
            ("2".to_owned(), 0.6),
            ("STABLE".to_owned(), 0.7),
        ],
        min_per_stratum: 20,
        ..DesignOptions::default()
    };
    let made = draw(&location, &folder.path().join("design"), &options).unwrap();
    let strata: Vec<(&str, f64)> = made.strata.iter().map(|s| (s.name.as_str(), s.expected_accuracy)).collect();
    let expected = [("no mine", 0.99), ("stable", 0.7), ("gain", 0.6), ("loss", 0.8), ("no mine nearby", 0.8)];
    assert_eq!(strata, expected);
    assert!(made.warnings[0].contains("no pixel of the map is of the class `other`"), "{:?}", made.warnings);
    // Eq. 13 assumes the optimal allocation. The minimum of 20 for each rare class differs from it.
    assert!(made.warnings[1].contains("instead of 0.02:"), "{:?}", made.warnings);
    let neyman = DesignOptions { allocation: Allocation::Neyman, min_per_stratum: 2, ..options.clone() };
    let neyman = draft(&location, &neyman);
    assert!(neyman.expected_standard_error < 0.0215 && neyman.samples.len() == made.samples.len());

    let refused = |options: &DesignOptions, said: &[&str]| {
        let error = draw(&location, &folder.path().join("refused"), options).unwrap_err().to_string();
        for part in said {
            assert!(error.contains(part), "`{part}` is not in {error}");
        }
        assert!(!folder.path().join("refused").exists());
    };
    refused(&DesignOptions { exclude: vec![], ..options.clone() }, &["values 9", "name all, or leave values out"]);
    refused(&DesignOptions::default(), &["values 2, 3, 9", "0=other, 1=mining"]);
    let with = |more: (u8, &str)| DesignOptions {
        classes: [classes.clone(), vec![class(more.0, more.1)]].concat(),
        ..options.clone()
    };
    refused(&with((5, "GAIN")), &["class `5=GAIN`", "every name once"]);
    refused(&with((4, "mine")), &["class `4=mine`", "every value"]);
    refused(&with((5, "17")), &["class `5=17`", "not a number"]);
    refused(&with((9, "out")), &["class `9=out`", "left out"]);
    refused(&with((8, "no mine nearby")), &["class `no mine nearby`", "buffer"]);
    let expected = vec![("mine".to_owned(), 0.5)];
    refused(&DesignOptions { expected_accuracy: expected, ..options.clone() }, &["accuracy of `mine`", "gain, loss"]);
    refused(&DesignOptions { size: SampleSize::Samples(3001), ..options.clone() }, &["`3001`", "3000 pixels"]);
    refused(&DesignOptions { size: SampleSize::Samples(99), ..options.clone() }, &["`99`", "100 or more for 5 strata"]);
    refused(&DesignOptions { min_per_stratum: 1, ..options.clone() }, &["fewest points of a stratum `1`"]);
    refused(&DesignOptions { size: SampleSize::TargetError(0.0), ..options }, &["target error `0`"]);
}

#[test]
fn maps_that_nothing_can_be_drawn_from_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let grid = utm_grid(20, 20);
    let map = |values: &[u8]| write_map(&folder.path().join("map.tif"), &grid, values);
    let small = DesignOptions { size: SampleSize::Samples(20), min_per_stratum: 5, ..DesignOptions::default() };
    let out = folder.path().join("design");
    let error = draw(&map(&[255; 400]), &out, &small).unwrap_err().to_string();
    assert!(error.contains("no pixel can be drawn: all are 255, nodata or left out"), "{error}");
    // One class alone is a simple random sample, which causes a warning.
    let made = draw(&map(&[0; 400]), &out, &DesignOptions { buffer_px: 2, ..small.clone() }).unwrap();
    let said =
        ["no pixel of the map is of the class `mining`", "no pixel lies within the buffer", "simple random sample"];
    for (warning, said) in made.warnings.iter().zip(said) {
        assert!(warning.contains(said), "{warning}");
    }
    assert_eq!((made.warnings.len(), made.strata.len(), made.classes.len()), (3, 1, 2));
    let error = draw(&map(&[0; 400]), &out, &small).unwrap_err();
    assert!(matches!(error, Error::OutputExists { .. }), "{error}");
    // A floating-point raster is not a map of classes.
    let path = folder.path().join("probability.tif");
    let mut cog = CogWriter::create(&path, &grid, CogOptions::default()).unwrap();
    cog.write_rows(&[Pixels::F32(vec![0.5; 400])]).unwrap();
    cog.finish().unwrap();
    let error = draw(&Location::from(&*path), &folder.path().join("other"), &small).unwrap_err().to_string();
    assert!(error.contains("probability.tif") && error.contains("uint8"), "{error}");
}

/// A design of 60 points, and its table filled with the map classes, except for the changes by `change`.
fn filled(folder: &Path, change: impl Fn(usize, &mut Vec<String>)) -> std::path::PathBuf {
    let grid = utm_grid(40, 40);
    let values: Vec<u8> = (0..1600).map(|i| u8::from(i < 400)).collect();
    let location = write_map(&folder.join("map.tif"), &grid, &values);
    let small = DesignOptions {
        size: SampleSize::Samples(60),
        min_per_stratum: 20,
        overwrite: true,
        ..DesignOptions::default()
    };
    let out = folder.join("design");
    draw(&location, &out, &small).unwrap();
    let csv = std::fs::read_to_string(out.join("samples.csv")).unwrap();
    let mut lines = csv.lines();
    let mut text = format!("{}\n", lines.next().unwrap());
    for (place, line) in lines.enumerate() {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        cells[9] = cells[2].clone();
        change(place, &mut cells);
        if !cells.is_empty() {
            text += &format!("{}\n", cells.join(","));
        }
    }
    std::fs::write(out.join("samples.csv"), text).unwrap();
    out
}

#[test]
fn answers_are_read_as_people_write_them() {
    let folder = tempfile::tempdir().unwrap();
    let options = EstimateOptions::default();
    let design = filled(folder.path(), |place, cells| match place {
        0 => cells[9] = format!("  {} ", cells[9].to_uppercase()),
        // Numbers of classes, as numbers that programs made real.
        1 => cells[9] = if cells[9] == "mining" { "1.0".to_owned() } else { "0".to_owned() },
        2 => cells[0] = "3.0".to_owned(),
        3 => cells.truncate(10),
        _ => {}
    });
    let report = estimate(&design, &options).unwrap();
    assert_eq!((report.used, report.overall_accuracy.value), (60, 1.0));
    // The same table saved by a spreadsheet of another country, with a remark that is not UTF-8.
    let csv = std::fs::read_to_string(design.join("samples.csv")).unwrap();
    let mut bytes = b"\xEF\xBB\xBF".to_vec();
    bytes.extend(csv.replace(',', ";").into_bytes());
    bytes.extend(b";;;;;;;;;;;\n");
    let saved = folder.path().join("saved.csv");
    std::fs::write(&saved, &bytes).unwrap();
    let from =
        |path: &Path| estimate(&design, &EstimateOptions { reference: Some(path.to_owned()), ..options.clone() });
    assert_eq!(from(&saved).unwrap().classes, report.classes);
    std::fs::write(&saved, csv.replace("remark", "Erkl\u{e4}rung").chars().map(|c| c as u8).collect::<Vec<u8>>())
        .unwrap();
    assert_eq!(from(&saved).unwrap().classes, report.classes);
    // Another format, also if two files are filled.
    let gpkg = design.join("samples.gpkg");
    let database = rusqlite::Connection::open(&gpkg).unwrap();
    // The triggers of the spatial index call functions that this connection does not have.
    let triggers = "SELECT group_concat('DROP TRIGGER ' || name || ';', ' ') FROM sqlite_master WHERE type = 'trigger'";
    let drop_all: String = database.query_row(triggers, [], |row| row.get(0)).unwrap();
    database.execute_batch(&drop_all).unwrap();
    database.execute("UPDATE samples SET reference_class = map_class", []).unwrap();
    drop(database);
    assert_eq!(from(&gpkg).unwrap().classes, report.classes);
    let error = estimate(&design, &options).unwrap_err().to_string();
    assert!(error.contains("samples.csv and samples.gpkg are filled"), "{error}");
    let geojson = design.join("samples.geojson");
    let text = std::fs::read_to_string(&geojson).unwrap();
    std::fs::write(&geojson, text.replace(r#""reference_class":null"#, r#""reference_class":0"#)).unwrap();
    assert_eq!(from(&geojson).unwrap().classes[0].share.value, 1.0);
}

#[test]
fn answers_that_are_wrong_or_missing_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let failed = |change: &dyn Fn(usize, &mut Vec<String>), options: &EstimateOptions, said: &[&str]| {
        let design = filled(folder.path(), change);
        let error = estimate(&design, options).unwrap_err().to_string();
        for part in said {
            assert!(error.contains(part), "`{part}` is not in {error}");
        }
    };
    let options = EstimateOptions::default();
    let lenient = EstimateOptions { allow_missing: true, ..options.clone() };
    let unclear = |place: usize, cells: &mut Vec<String>| {
        if place % 20 == 4 {
            cells[9] = "pit?".to_owned();
        }
    };
    failed(&unclear, &options, &["`pit?` (id 5), `pit?` (id 25)", "accepted are other, mining"]);
    let renamed = |place: usize, cells: &mut Vec<String>, id: &str| {
        if place == 7 {
            id.clone_into(&mut cells[0]);
        }
    };
    failed(&|place, cells| renamed(place, cells, "61"), &options, &["id `61`", "1 to 60"]);
    failed(&|place, cells| renamed(place, cells, "x"), &options, &["id `x` is not a point"]);
    failed(&|place, cells| renamed(place, cells, "3"), &options, &["id `3` occurs twice"]);
    failed(&|_, cells| cells[9].clear(), &options, &["none of samples.csv", "has a filled `reference_class`"]);
    let sparse = |place: usize, cells: &mut Vec<String>| {
        if place < 12 {
            cells[9].clear();
        } else if place < 14 {
            cells.clear();
        }
    };
    failed(&sparse, &options, &["14 of 60 points are not filled: id 1, 2, 3, 4, 5, 6, 7, 8, ..."]);
    let design = filled(folder.path(), sparse);
    let report = estimate(&design, &lenient).unwrap();
    assert_eq!((report.samples, report.used), (60, 46));
    assert!(report.warnings[0].starts_with("14 of 60 points are not filled and left out"), "{:?}", report.warnings);
    let one_left = |place: usize, cells: &mut Vec<String>| {
        if cells[2] == "mining" && place > 2 {
            cells[9].clear();
        }
    };
    failed(&one_left, &lenient, &["stratum `mining` has", "an error estimate needs at least two"]);
    failed(&|_, _| {}, &EstimateOptions { confidence_level_percent: 100.0, ..options }, &["confidence level `100`"]);

    let design = filled(folder.path(), |_, _| {});
    let other = folder.path().join("other.csv");
    std::fs::write(&other, "id,class\n1,mining\n").unwrap();
    let error =
        estimate(&design, &EstimateOptions { reference: Some(other), ..lenient.clone() }).unwrap_err().to_string();
    assert!(error.contains("needs the columns `id` and `reference_class`; it has class, id"), "{error}");
    let text = std::fs::read_to_string(design.join("design.json")).unwrap();
    std::fs::write(design.join("design.json"), text.replace("\"samples\": 20", "\"samples\": 21")).unwrap();
    let error = estimate(&design, &lenient).unwrap_err().to_string();
    assert!(error.contains("design.json") && error.contains("announces 21 points, but 20 are listed"), "{error}");
    let error = estimate(folder.path(), &lenient).unwrap_err().to_string();
    assert!(error.contains("design.json"), "{error}");
}

#[test]
fn intervals_that_say_too_little_are_told() {
    let folder = tempfile::tempdir().unwrap();
    // All agree. No point shows a missed mine, but that does not prove that no mine was missed.
    let report = estimate(&filled(folder.path(), |_, _| {}), &EstimateOptions::default()).unwrap();
    assert!(
        report
            .warnings
            .iter()
            .any(|w| w.starts_with("none of the 40 points of the stratum `other` is `mining`: up to 0.9 ha")),
        "{:?}",
        report.warnings
    );
    // One missed mine.
    let missed = std::cell::Cell::new(true);
    let design = filled(folder.path(), |_, cells| {
        if cells[2] == "other" && missed.replace(false) {
            cells[9] = "mining".to_owned();
        }
    });
    let report = estimate(&design, &EstimateOptions::default()).unwrap();
    let mining = &report.classes[1];
    // 4 ha mapped and 12 ha / 40 beside, on the ellipsoid.
    assert!((mining.area_ha.value / 4.3 - 1.0).abs() < 1e-3 && mining.area_ha.lower < 4.0, "{mining:?}");
    assert!((mining.producers_accuracy.unwrap().value - 4.0 / 4.3).abs() < 1e-9);
    assert_eq!(report.error_matrix, [vec![39, 1], vec![0, 20]]);
}
