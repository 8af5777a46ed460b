use geo::{Rect, coord};
use jiff::civil::date;
use serde::Deserialize;

use super::chain::{Chain, Seen};
use super::history::History;
use super::*;
use crate::change::DatedMap;
use crate::dated::OffsetSummary;
use crate::site::SiteArea;
use minesegsat_core::job::Job;
use minesegsat_core::pixel_class::LandHistory;
use minesegsat_core::{Crs, GeoTransform, Grid};
use minesegsat_io::{Location, open_raster};

const ORIGIN: (f64, f64) = (600_000.0, 5_500_000.0);

fn grid(epsg: u16, (x, y): (f64, f64), width: usize, height: usize) -> Grid {
    Grid { crs: Crs::from_epsg(epsg).unwrap(), transform: GeoTransform::north_up(x, y, 10.0), width, height }
}

/// A map of one date. `p` gives the probability at a column and row of the first grid.
fn map(day: &str, grid: &Grid, p: impl Fn(i64, i64) -> f32) -> DatedMap {
    let at = |i: usize| {
        let (x, y) = grid.transform.to_map((i % grid.width) as f64 + 0.5, (i / grid.width) as f64 + 0.5);
        (((x - ORIGIN.0) / 10.0).floor() as i64, ((ORIGIN.1 - y) / 10.0).floor() as i64)
    };
    let probability = (0..grid.width * grid.height).map(at).map(|(col, row)| p(col, row)).collect();
    DatedMap::of_day(day, grid.clone(), probability, 40.0)
}

const DAYS: [&str; 9] = [
    "2021-06-01",
    "2021-06-16",
    "2021-07-01",
    "2021-07-16",
    "2021-07-31",
    "2021-08-15",
    "2021-08-30",
    "2021-09-14",
    "2021-09-29",
];
/// Index of the first date with the new part of the mine.
const GROWN: usize = 3;

/// A mine of 30 x 20 pixels that grows by 10 columns on the fourth date. Every date misses some rows of it and sees a patch
/// elsewhere.
fn probability(date: usize) -> impl Fn(i64, i64) -> f32 {
    move |col, row| {
        let wide = if date < GROWN { 40 } else { 50 };
        let is_mine = (10..wide).contains(&col) && (10..30).contains(&row);
        let is_missed = row == 12 + 2 * date as i64;
        let is_false = (60..64).contains(&col) && (date as i64 * 5..date as i64 * 5 + 4).contains(&row);
        if (is_mine && !is_missed) || is_false { 0.97 } else { 0.03 }
    }
}

fn rules() -> SeriesRules {
    let persistence =
        Persistence { onset_per_year: 0.1, regrowth_per_year: 0.1, evidence_weight: 0.8, evidence_limit: 8.0 };
    SeriesRules { persistence, ..SeriesRules::default() }
}

fn maps(grid: &Grid) -> Vec<DatedMap> {
    DAYS.iter().enumerate().map(|(date, day)| map(day, grid, probability(date))).collect()
}

fn series(maps: Vec<DatedMap>) -> Series {
    Series::new(maps.into_iter().map(SeriesMap::from).collect()).unwrap()
}

/// Totals, classes of `state.tif`, and the bands of `onset.tif`.
fn written(series: &Series) -> (SeriesTotals, Vec<u8>, [Vec<f32>; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let (onset, state) = (folder.path().join("onset.tif"), folder.path().join("state.tif"));
    let picture = folder.path().join("onset.png");
    let totals = write_rasters(series, &rules(), &onset, &state, &picture, Job::silent()).unwrap();
    assert!(picture.is_file());
    let open = |path: &std::path::Path| open_raster(&Location::from(path)).unwrap();
    let window = series.grid.full_window();
    let (onset, state) = (open(&onset), open(&state));
    assert_eq!((&onset.info().grid, &state.info().grid), (&series.grid, &series.grid));
    let states = state.read(0, window).unwrap().to_f32().iter().map(|&value| value as u8).collect();
    (totals, states, [0, 1, 2].map(|band| onset.read(band, window).unwrap().to_f32()))
}

#[test]
fn a_series_shows_what_grew_and_not_what_flickered() {
    // Wider and higher than a block.
    let grid = grid(32610, ORIGIN, 600, 530);
    let series = series(maps(&grid));
    let (totals, states, [onset, last, first]) = written(&series);
    for (i, &state) in states.iter().enumerate() {
        let (col, row) = (i % 600, i / 600);
        let expected = match (col, row) {
            (10..40, 10..30) => LandHistory::Disturbed,
            (40..50, 10..30) => LandHistory::New,
            _ => LandHistory::Undisturbed,
        };
        assert_eq!(state, expected as u8, "({col}, {row})");
    }
    // 2021-07-16 is day 18824 (`numpy.datetime64('2021-07-16').astype(int)`); the date before is 15 days earlier.
    let at = 15 * 600 + 45;
    assert_eq!((last[at], first[at], onset[at]), (18_809.0, 18_824.0, 18_817.0));
    // A row that the first date with the new part misses.
    let missed = (12 + 2 * GROWN) * 600 + 45;
    assert_eq!((last[missed], first[missed]), (18_824.0, 18_839.0));
    assert_eq!((onset[0], onset[15 * 600 + 15]), (0.0, 0.0));
    let ha = |class: LandHistory| totals.by_class.iter().find(|total| total.class == class).unwrap().ha;
    // 200 pixels, and 0.4 per mille more on the ellipsoid than on the grid.
    assert!((ha(LandHistory::New) - 2.0).abs() < 0.01 && (ha(LandHistory::Disturbed) - 6.0).abs() < 0.01, "{totals:?}");
    let disturbed = &totals.disturbed_ha;
    assert!((disturbed[GROWN] - disturbed[GROWN - 1] - 1.9).abs() < 0.01, "one row follows later: {disturbed:?}");
    assert_eq!((totals.most_dates, totals.median_dates, totals.not_assessable_ha), (9, 9, 0.0));
    // A single map flickers: it differs from the one before by false patches and missed rows.
    let flicker = (0..600 * 530).filter(|&i| {
        (series.maps()[1].record.probability[i] >= 0.5) != (series.maps()[2].record.probability[i] >= 0.5)
    });
    assert!(flicker.count() > 50);
    assert!((disturbed[1] - disturbed[2]).abs() < 1e-9);
}

#[test]
fn sites_have_areas_per_date_and_gains_between_any_two() {
    let grid = grid(32610, ORIGIN, 100, 60);
    let series = series(maps(&grid));
    let corner = |col: f64, row: f64| coord! {x: ORIGIN.0 + 10.0 * col, y: ORIGIN.1 - 10.0 * row};
    let site = |cols: (f64, f64)| SiteArea {
        id: "mine".to_owned(),
        name: "mine".to_owned(),
        boundary: Rect::new(corner(cols.0, 0.0), corner(cols.1, 40.0)).to_polygon().into(),
        crs: grid.crs.clone(),
        features: 1,
    };
    let found = series.measure(&site((0.0, 60.0)), &rules(), 90.0, 0.5).unwrap().unwrap();
    let areas: Vec<f64> = found.points.iter().map(|point| point.area.unwrap().ha).collect();
    assert!((areas[1] - areas[0]).abs() < 1e-9 && (areas[2] - areas[0]).abs() < 1e-9, "no flicker: {areas:?}");
    assert!((areas[8] - areas[0] - 1.87).abs() < 0.1, "{areas:?}");
    for point in &found.points {
        let area = point.area.unwrap();
        assert!(area.lower_ha < area.ha && area.ha < area.upper_ha && point.share_assessed == 1.0, "{point:?}");
    }
    assert!((found.gain_ha(0, 8) - 2.0).abs() < 0.01 && (found.gain_ha(2, 3) - 1.9).abs() < 0.01, "{found:?}");
    assert_eq!((found.gain_ha(0, 2), found.gain_ha(4, 8), found.gain_ha(5, 2)), (0.0, 0.0, 0.0));
    assert!((found.new_ha - 2.0).abs() < 0.01 && found.new_provisional_ha == 0.0 && found.regrown_ha == 0.0);
    assert_eq!(found.points[8].gain_ha, found.gain_ha(0, 8));
    // A row that a date misses: 30 pixels of 2400, and 40 after the mine has grown. On the date of growth, the missed part of the
    // new land is not there yet for the sequence either.
    let disagreeing: Vec<f64> = found.points.iter().map(|point| point.share_disagreeing.unwrap() * 2400.0).collect();
    for (date, pixels) in disagreeing.iter().enumerate() {
        let expected = if date <= GROWN { 30.0 } else { 40.0 };
        assert!((pixels - expected).abs() < 1e-9, "{date}: {disagreeing:?}");
    }
    // New land by the time of its onset: all but one row on the date of growth, that row on the next.
    let onsets: Vec<(usize, usize, f64)> = found
        .onsets
        .iter()
        .map(|onset| {
            let place = |day: jiff::civil::Date| DAYS.iter().position(|known| *known == day.to_string()).unwrap();
            assert_eq!(onset.provisional_ha, 0.0);
            (place(onset.after), place(onset.until), (onset.confirmed_ha * 100.0).round() / 100.0)
        })
        .collect();
    assert_eq!(onsets, [(GROWN - 1, GROWN, 1.9), (GROWN, GROWN + 1, 0.1)]);
    // Beyond the maps.
    assert_eq!(series.measure(&site((300.0, 360.0)), &rules(), 90.0, 0.5).unwrap(), None);
}

#[test]
fn clouds_cost_nothing_and_what_no_date_shows_is_not_assessable() {
    let grid = grid(32610, ORIGIN, 100, 60);
    let mut clouded = maps(&grid);
    // Nine tenths of all pixels, at different places on different dates.
    for (date, map) in clouded.iter_mut().enumerate() {
        for (i, p) in map.probability.iter_mut().enumerate() {
            let (col, row) = (i % 100, i / 100);
            if (col + 2 * date) % 10 != 0 || row >= 50 {
                *p = f32::NAN;
            }
        }
    }
    let series = series(clouded);
    let (totals, states, _) = written(&series);
    assert_eq!((totals.most_dates, totals.median_dates), (2, 0), "{totals:?}");
    assert!(totals.share_assessed.iter().all(|share| *share < 0.11));
    for (i, &state) in states.iter().enumerate() {
        let (col, row) = (i % 100, i / 100);
        let is_seen = row < 50 && col % 2 == 0;
        assert_eq!(state == LandHistory::NotAssessable as u8, !is_seen, "({col}, {row})");
    }
    // A date that is cloud only changes nothing.
    let with = {
        let mut maps = maps(&grid);
        let all_cloud = map("2021-07-05", &grid, |_, _| f32::NAN);
        maps.insert(2, all_cloud);
        written(&super::tests::series(maps)).1
    };
    assert_eq!(with, written(&super::tests::series(maps(&grid))).1);
}

#[test]
fn maps_of_other_grids_are_put_on_one() {
    let first = grid(32610, ORIGIN, 100, 60);
    let expected = written(&series(maps(&first))).1;
    // Larger windows of the same pixels, to the west and north: the grid grows, and the result moves with it.
    let mut moved = maps(&first);
    let wide = grid(32610, (ORIGIN.0 - 100.0, ORIGIN.1 + 50.0), 130, 70);
    moved[2] = map(DAYS[2], &wide, probability(2));
    let together = series(moved);
    assert_eq!(together.grid, wide);
    assert!(together.warnings.is_empty(), "{:?}", together.warnings);
    let states = written(&together).1;
    for (i, state) in expected.iter().enumerate() {
        assert_eq!(states[(i / 100 + 5) * 130 + i % 100 + 10], *state);
    }
    // Half a pixel off: interpolated, and said.
    let mut aside = maps(&first);
    let half = grid(32610, (ORIGIN.0 - 95.0, ORIGIN.1), 120, 60);
    aside[1] = map(DAYS[1], &half, probability(1));
    let aside = series(aside);
    assert!(aside.warnings[0].contains("interpolated"), "{:?}", aside.warnings);
    let states = written(&aside).1;
    let wrong = expected.iter().enumerate().filter(|(i, s)| states[(i / 100) * aside.grid.width + i % 100 + 10] != **s);
    assert!(wrong.count() < 10);
    // Elsewhere.
    let mut apart = maps(&first);
    apart[4] = map(DAYS[4], &grid(32610, (700_000.0, ORIGIN.1), 100, 60), probability(4));
    let error = Series::new(apart.into_iter().map(SeriesMap::from).collect()).unwrap_err().to_string();
    assert!(error.contains("do not overlap"), "{error}");
}

#[test]
fn dates_are_sorted_joined_and_checked() {
    let grid = grid(32610, ORIGIN, 100, 60);
    let expected = written(&series(maps(&grid))).1;
    let mut turned = maps(&grid);
    turned.reverse();
    assert_eq!(written(&series(turned)).1, expected, "in any order");
    // Two scenes of a day are one date.
    let mut halves = maps(&grid);
    let mut west = halves[1].clone();
    west.name = "another tile".to_owned();
    for i in 0..100 * 60 {
        let half = if i % 100 < 30 { &mut halves[1] } else { &mut west };
        half.probability[i] = f32::NAN;
    }
    halves.push(west);
    let joined = series(halves);
    assert_eq!((joined.dates.len(), joined.maps().len()), (9, 10));
    assert_eq!(written(&joined).1, expected);
    assert_eq!(joined.dates[1], date(2021, 6, 16));

    let refused = |maps: Vec<DatedMap>, said: &str| {
        let error = Series::new(maps.into_iter().map(SeriesMap::from).collect()).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    };
    let three = || maps(&grid)[..3].to_vec();
    let mut twice = three();
    twice.push(twice[1].clone());
    refused(twice, "each scene once");
    refused(three()[..1].to_vec(), "at least two dates");
    let mut undated = three();
    undated[1].date = None;
    refused(undated, "acquisition date");
    let mut levels = three();
    levels[2].level = Some("L1C".to_owned());
    refused(levels, "one processing level");
    let mut doubtful = three();
    doubtful[1].offset = OffsetSummary { removed: true, is_doubtful: true, statement: "why".to_owned() };
    refused(doubtful, "in doubt");
    // Said, not refused.
    let warned = |maps: Vec<DatedMap>, said: &str| {
        let warnings = series(maps).warnings;
        assert!(warnings.iter().any(|warning| warning.contains(said)), "{warnings:?}");
    };
    let mut models = three();
    models[1].model_sha256 = "cd".to_owned();
    warned(models, "several models");
    let mut gap = three();
    gap[2].date = Some(date(2024, 6, 1));
    warned(gap, "no date between 2021-06-16 and 2024-06-01 (3.0 years)");
}

/// A case of `scripts/series_reference.py`.
#[derive(Deserialize)]
struct Case {
    rules: CaseRules,
    days: Vec<i32>,
    thresholds: Vec<f32>,
    /// By pixel; `None` where not assessable.
    probabilities: Vec<Vec<Option<f32>>>,
    classes: Vec<u8>,
    /// Last clear date and first date that shows it, -1 for none.
    onsets: Vec<[i32; 2]>,
    posteriors: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct CaseRules {
    onset_per_year: f64,
    regrowth_per_year: f64,
    evidence_weight: f64,
    evidence_limit: f64,
    needed: usize,
    of: usize,
    mention_from: f64,
}

#[test]
fn golden_histories_are_those_of_numpy() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../minesegsat-testing/golden/series.json");
    let cases: Vec<Case> = serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap();
    let mut pixels = 0;
    for case in &cases {
        let r = &case.rules;
        let persistence = Persistence {
            onset_per_year: r.onset_per_year,
            regrowth_per_year: r.regrowth_per_year,
            evidence_weight: r.evidence_weight,
            evidence_limit: r.evidence_limit,
        };
        let chain = Chain::new(persistence, &case.days).unwrap();
        let confirmation = Confirmation { needed: r.needed, of: r.of, mention_from: r.mention_from };
        let mut history = History::new(&chain, &case.thresholds, confirmation);
        for (i, pixel) in case.probabilities.iter().enumerate() {
            let p: Vec<f32> = pixel.iter().map(|p| p.unwrap_or(f32::NAN)).collect();
            let found = history.follow(&p);
            assert_eq!(found.class as u8, case.classes[i], "{p:?}");
            let onset = found.onset.map_or([-1, -1], |onset| [onset.after as i32, onset.until as i32]);
            assert_eq!(onset, case.onsets[i], "{p:?}");
            let evidence = |date: usize| persistence.evidence(p[date], case.thresholds[date]);
            let seen: Vec<Seen> = (0..p.len())
                .filter(|&date| !p[date].is_nan())
                .map(|date| Seen { date, evidence: evidence(date) })
                .collect();
            let mut posterior = Vec::new();
            chain.posterior(&seen, &mut posterior);
            for (seen, found) in seen.iter().zip(posterior) {
                let expected = case.posteriors[i][seen.date];
                assert!((found - expected).abs() < 1e-9, "{found} {expected}");
            }
            pixels += 1;
        }
    }
    assert!(pixels >= 300);
}
