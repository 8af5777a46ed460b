use minesegsat_core::job::Job;

use geo::{Rect, coord};
use jiff::civil::date;

use super::site::SiteRules;
use super::*;
use crate::dated::OffsetSummary;
use crate::site::SiteArea;
use minesegsat_core::noise_floor::NoiseFloor;
use minesegsat_core::{Crs, GeoTransform, Grid};

const SIDE: usize = 60;

fn grid(epsg: u16, (x, y): (f64, f64), side: usize) -> Grid {
    let transform = GeoTransform::north_up(x, y, 10.0);
    Grid { crs: Crs::from_epsg(epsg).unwrap(), transform, width: side, height: side }
}

/// A map of one date. `p` gives the probability at (x, y) in metres.
fn map(day: &str, grid: Grid, p: impl Fn(f64, f64) -> f32) -> DatedMap {
    let at = |i: usize| grid.transform.to_map((i % grid.width) as f64 + 0.5, (i / grid.width) as f64 + 0.5);
    let probability = (0..grid.width * grid.height).map(at).map(|(x, y)| p(x, y)).collect();
    DatedMap::of_day(day, grid, probability, 30.0)
}

const ORIGIN: (f64, f64) = (600_000.0, 5_500_000.0);

/// A mine of 30 x 30 pixels, and `more` columns to its east.
fn mine(more: usize) -> impl Fn(f64, f64) -> f32 {
    move |x, y| {
        let (col, row) = ((x - ORIGIN.0) / 10.0, (ORIGIN.1 - y) / 10.0);
        let is_mine = (10.0..40.0 + more as f64).contains(&col) && (10.0..40.0).contains(&row);
        if is_mine { 0.97 } else { 0.02 }
    }
}

fn compared(before: &DatedMap, after: &DatedMap) -> ChangeMap {
    compare(before, after, &ChangeRules::around(0.5, 10), None, Job::silent()).unwrap()
}

fn counts(map: &ChangeMap) -> [usize; 5] {
    let mut counts = [0; 5];
    for &class in &map.classes {
        counts[usize::from(class).min(4)] += 1;
    }
    counts
}

#[test]
fn what_grew_is_gain_and_what_wandered_is_not() {
    let first = map("2021-07-01", grid(32610, ORIGIN, SIDE), mine(0));
    let grown = compared(&first, &map("2022-07-01", grid(32610, ORIGIN, SIDE), mine(8)));
    assert_eq!(counts(&grown), [3600 - 900 - 240, 900, 240, 0, 0]);
    assert!(!grown.compared_spectra && grown.warnings[0].contains("spectra were not compared"));
    let shrunk = compared(&map("2021-07-01", grid(32610, ORIGIN, SIDE), mine(8)), &first.clone().on("2022-07-01"));
    assert_eq!(counts(&shrunk)[3], 240);
    // Two columns are a shifted outline.
    let wandered = compared(&first, &map("2022-07-01", grid(32610, ORIGIN, SIDE), mine(2)));
    assert_eq!(counts(&wandered)[2], 0);
    // A change that is not sure on either date.
    let unsure = map("2022-07-01", grid(32610, ORIGIN, SIDE), |x, y| mine(8)(x, y).min(0.6));
    assert_eq!(counts(&compared(&first, &unsure))[2], 0);
    // Pixels hidden on one date have their own class.
    let mut hidden = map("2022-07-01", grid(32610, ORIGIN, SIDE), mine(8));
    hidden.probability[..600].fill(f32::NAN);
    assert_eq!(counts(&compared(&first, &hidden))[4], 600);
}

impl DatedMap {
    fn on(mut self, day: &str) -> Self {
        self.date = Some(day.parse().unwrap());
        self
    }
}

#[test]
fn maps_are_brought_together_by_their_place() {
    let first = map("2021-07-01", grid(32610, ORIGIN, SIDE), mine(0));
    // A larger window of the same pixels.
    let around = (ORIGIN.0 - 100.0, ORIGIN.1 + 50.0);
    let same = compared(&first, &map("2022-07-01", grid(32610, around, SIDE + 30), mine(8)));
    assert_eq!((same.grid.clone(), counts(&same)[2]), (first.grid.clone(), 240));
    assert!(same.warnings.iter().all(|warning| !warning.contains("interpolated")));
    // Half a pixel off: outlines match within a pixel, and a warning says so.
    let aside = compared(&first, &map("2022-07-01", grid(32610, (around.0 + 5.0, around.1), SIDE + 30), mine(8)));
    assert!((counts(&aside)[2] as f64 - 240.0).abs() <= 30.0, "{:?}", counts(&aside));
    assert!(aside.warnings.iter().any(|warning| warning.contains("interpolated")), "{:?}", aside.warnings);
    // The same area in the neighbouring zone.
    let to_first = minesegsat_core::Transformer::new(&Crs::from_epsg(32611).unwrap(), &first.grid.crs).unwrap();
    let to_second = minesegsat_core::Transformer::new(&first.grid.crs, &Crs::from_epsg(32611).unwrap()).unwrap();
    let [x0, _, _, y1] = to_second.transform_bounds(first.grid.bounds()).unwrap();
    let second = grid(32611, ((x0 / 10.0).floor() * 10.0 - 50.0, (y1 / 10.0).ceil() * 10.0 + 50.0), SIDE + 30);
    let p = |x: f64, y: f64| to_first.transform(x, y).map_or(0.0, |(x, y)| mine(8)(x, y));
    let other = compared(&first, &map("2022-07-01", second, p));
    assert!((counts(&other)[2] as f64 - 240.0).abs() <= 40.0, "{:?}", counts(&other));
    assert!(
        other.warnings.iter().any(|w| w.contains("EPSG:32611") && w.contains("EPSG:32610")),
        "{:?}",
        other.warnings
    );
    // Another area.
    let elsewhere = map("2022-07-01", grid(32610, (700_000.0, 5_500_000.0), SIDE), mine(0));
    let error = compare(&first, &elsewhere, &ChangeRules::around(0.5, 10), None, Job::silent()).unwrap_err();
    assert!(error.to_string().contains("do not overlap"), "{error}");
}

#[test]
fn seasons_models_and_offsets_are_looked_at() {
    let first = map("2021-07-01", grid(32610, ORIGIN, SIDE), mine(0));
    let warned = |second: &DatedMap, what: &str| {
        let found = compared(&first, second);
        assert!(found.warnings.iter().any(|warning| warning.contains(what)), "{what}: {:?}", found.warnings);
    };
    warned(&first.clone().on("2022-12-20"), "days apart in the season");
    assert!(compared(&first, &first.clone().on("2022-08-01")).warnings.is_empty());
    // Dates across the turn of the year are close.
    let winter = first.clone().on("2021-12-28");
    assert!(compared(&winter, &first.clone().on("2022-01-05")).warnings.is_empty());
    warned(&DatedMap { model_sha256: "cd".to_owned(), ..first.clone() }, "different models");
    warned(&DatedMap { date: None, ..first.clone() }, "date of a scene is unknown");
    let refused = |before: &DatedMap, after: &DatedMap, what: &str| {
        let error = compare(before, after, &ChangeRules::around(0.5, 10), None, Job::silent()).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    };
    refused(&first, &first.clone().on("2020-07-01"), "is later than the second");
    refused(&first, &DatedMap { level: Some("L1C".to_owned()), ..first.clone() }, "one processing level");
    let offset = |removed, is_doubtful| OffsetSummary { removed, is_doubtful, statement: "why".to_owned() };
    let sure = DatedMap { offset: offset(true, false), ..first.clone() };
    assert!(compared(&first, &sure).warnings.is_empty(), "both are reflectance");
    refused(&first, &DatedMap { offset: offset(true, true), ..first.clone() }, "in doubt");
}

#[test]
fn sites_have_areas_with_intervals_and_change_only_above_their_noise() {
    let first = map("2021-07-01", grid(32610, ORIGIN, SIDE), mine(0));
    let second = map("2022-07-01", grid(32610, ORIGIN, SIDE), mine(8));
    let both = compared(&first, &second);
    let to_map = |col: f64, row: f64| coord! {x: ORIGIN.0 + 10.0 * col, y: ORIGIN.1 - 10.0 * row};
    let site = |id: &str, cols: (f64, f64)| SiteArea {
        id: id.to_owned(),
        name: id.to_owned(),
        boundary: Rect::new(to_map(cols.0, 5.0), to_map(cols.1, 45.0)).to_polygon().into(),
        crs: first.grid.crs.clone(),
        features: 1,
    };
    let sites = [site("mine", (5.0, 55.0)), site("west", (5.0, 30.0)), site("elsewhere", (500.0, 550.0))];
    let rules = |per_sqrt_ha: f64| SiteRules {
        floor: NoiseFloor { per_sqrt_ha, share: 0.95, learned_from: 1, error_of_change: 0.0 },
        level_percent: 90.0,
        min_assessed: 0.5,
    };
    let judged = run::judge(&both, [&first, &second], &sites, &rules(0.3)).unwrap();
    assert_eq!(judged.elsewhere, ["elsewhere"]);
    let [mine, west] = judged.sites.as_slice() else { panic!("two sites") };
    // 2.4 ha, and 0.4 per mille more on the ellipsoid than on the grid.
    assert!((mine.gain_ha - 2.4).abs() < 0.01 && mine.loss_ha == 0.0, "{mine:?}");
    let gain = mine.gain.unwrap();
    assert!((gain.upper_ha - gain.ha - mine.floor_ha).abs() < 1e-9 && mine.statement.contains("newly disturbed"));
    let (before, after) = (mine.before.disturbed.unwrap(), mine.after.disturbed.unwrap());
    assert!(before.lower_ha < before.ha && before.ha < before.upper_ha && before.ha < after.ha);
    assert_eq!((west.gain, west.loss), (None, None));
    assert!(west.statement.starts_with("no change above the noise"), "{}", west.statement);
    // Below a high noise floor nothing has changed.
    let quiet = run::judge(&both, [&first, &second], &sites, &rules(3.0)).unwrap();
    assert_eq!(quiet.sites[0].gain, None);
    // Hardly assessed.
    let mut clouded = second.clone();
    clouded.probability[..SIDE * 35].fill(f32::NAN);
    let judged = run::judge(&compared(&first, &clouded), [&first, &clouded], &sites, &rules(0.3)).unwrap();
    assert!(judged.sites[0].statement.starts_with("not assessable"), "{}", judged.sites[0].statement);
    // Ground hidden on one date takes the value of the other date, and widens the interval.
    let hidden = judged.sites[0].after.disturbed.unwrap();
    assert!(hidden.upper_ha - hidden.lower_ha > after.upper_ha - after.lower_ha, "{hidden:?} {after:?}");
    assert_eq!(date(2021, 7, 1), first.date.unwrap());
}

/// A scene of three bands, whose ground lies `shift` columns and rows from the map.
fn scene_with_shift(path: &std::path::Path, grid: &Grid, shift: [f64; 2]) -> minesegsat_scene::Scene {
    use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter};
    use minesegsat_io::{DataType, Pixels};

    let noise = minesegsat_core::noise::Noise::new(7, "change");
    let options = CogOptions {
        data_type: DataType::U16,
        nodata: None,
        bands: ["B03", "B04", "B08"].map(BandMeta::named).to_vec(),
        ..CogOptions::default()
    };
    let mut cog = CogWriter::create(path, grid, options).unwrap();
    let value = |i: usize| {
        let (x, y) = ((i % grid.width) as f64 - shift[0], (i / grid.width) as f64 - shift[1]);
        (1500.0 + 900.0 * noise.fbm((x / 9.0) as f32, (y / 9.0) as f32, 3, 0.6)).max(1.0) as u16
    };
    let band = Pixels::U16((0..grid.width * grid.height).map(value).collect());
    cog.write_rows(&[band.clone(), band.clone(), band]).unwrap();
    cog.finish().unwrap();
    let open = minesegsat_scene::OpenOptions {
        radiometry: Some(minesegsat_scene::RadiometryOverride { scale: Some(1e-4), offset_dn: Some(0.0) }),
        cloud_mask: Some(minesegsat_scene::CloudMask::None),
        ..minesegsat_scene::OpenOptions::default()
    };
    minesegsat_scene::Scene::open(path.to_str().unwrap(), &open).unwrap()
}

#[test]
fn dates_that_lie_apart_are_moved_together_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let side = 128;
    let shape = grid(32610, ORIGIN, side);
    let dated = |day: &str, [dx, dy]: [f64; 2]| {
        // The network saw the shifted scene, so its map has the same shift.
        let p = |x: f64, y: f64| mine(0)(x - 10.0 * dx, y + 10.0 * dy);
        let scene = scene_with_shift(&folder.path().join(format!("{dx}_{dy}.tif")), &shape, [dx, dy]);
        DatedMap { scene: Some(scene), ..map(day, shape.clone(), p) }
    };
    let first = dated("2021-07-01", [0.0, 0.0]);
    let near = compared(&first, &dated("2022-07-01", [0.2, 0.1]));
    assert!(!near.registration.is_corrected && near.warnings.is_empty(), "{:?}", near.registration);
    assert!(near.registration.statement.contains("below a third of a pixel"), "{}", near.registration.statement);

    let later = dated("2022-07-01", [1.9, -1.3]);
    let moved = compared(&first, &later);
    let [dx, dy] = moved.registration.shift_px.unwrap();
    assert!(moved.registration.is_corrected && (dx - 1.9).abs() < 0.1 && (dy + 1.3).abs() < 0.1, "{dx} {dy}");
    assert!(moved.warnings.iter().any(|warning| warning.contains("moved back")), "{:?}", moved.warnings);
    // Of the mine's 900 pixels, those away from its outline stay, and only the map's edge was not seen.
    let [_, stable, gain, loss, hidden] = counts(&moved);
    assert!(
        gain + loss == 0 && (28 * 28..=30 * 30).contains(&stable) && hidden <= 3 * 2 * side,
        "{:?}",
        counts(&moved)
    );

    let far = dated("2022-07-01", [6.0, 3.0]);
    let rules = ChangeRules::around(0.5, 10);
    let error = compare(&first, &far, &rules, None, Job::silent()).unwrap_err().to_string();
    assert!(error.contains("6.7") && error.contains("up to 5 pixels") && error.contains("right"), "{error}");
    let measured =
        |registration| compare(&first, &far, &ChangeRules { registration, ..rules }, None, Job::silent()).unwrap();
    let as_it_is = measured(RegistrationMode::Measure).registration;
    assert!(!as_it_is.is_corrected && (as_it_is.shift_px.unwrap()[0] - 6.0).abs() < 0.1, "{as_it_is:?}");
    assert_eq!(measured(RegistrationMode::Off).registration.shift_px, None);
}
