//! Hectares by zone, of maps whose land is counted by hand.

use super::*;

/// A project from 2023 on whose land is boxes of pixels, in metres east and north of a corner of pixels. The border of the two tiles
/// is at 0.
struct Boxes {
    _home: tempfile::TempDir,
    project: Project,
    corner: (f64, f64),
    /// Hectares of a pixel.
    pixel_ha: f64,
}

/// West, east: from south -200 to north 200.
type Span = (f64, f64);

impl Boxes {
    /// Two years, with what is hidden in the second.
    fn new(land: [Span; 2], hidden: Option<Span>) -> Self {
        Self::of(&[(land[0], None), (land[1], hidden)])
    }

    /// Land and hidden land of each year.
    fn of(years: &[(Span, Option<Span>)]) -> Self {
        let names: Vec<i16> = (2023..).take(years.len()).collect();
        let (home, project, lon, lat) = one_zone(&names);
        let crs = Crs::from_epsg(32610).unwrap();
        let (x, y) = Transformer::new(&Crs::WGS84, &crs).unwrap().transform(lon, lat).unwrap();
        let corner = ((x / 10.0).round() * 10.0, (y / 10.0).round() * 10.0);
        for unit in &project.plan.units {
            map_by(&project, unit, |x, y| {
                let (east, north) = (x - corner.0, y - corner.1);
                let is_in = |(from, to): Span| from < east && east < to;
                let (land, hidden) = years[unit.period];
                let is_land = is_in(land) && north.abs() < 200.0;
                let is_hidden = hidden.is_some_and(is_in);
                if is_hidden {
                    f32::NAN
                } else if is_land {
                    0.9
                } else {
                    0.1
                }
            });
        }
        let job = minesegsat_core::job::Job::silent();
        merge(&project, &project.folder().join("merged"), MergeOptions::default(), job).unwrap();
        let grid = project.plan.tiles[0].grid().unwrap();
        let pixel_ha = SitePixels::all_area_m2(&grid, &GeodesicMeter::new(&crs).unwrap()).unwrap() / 1e4;
        Self { _home: home, project, corner, pixel_ha }
    }

    fn outline(&self, (west, east): Span, north: f64) -> MultiPolygon<f64> {
        let (x, y) = self.corner;
        Rect::new((x + west, y - north), (x + east, y + north)).to_polygon().into()
    }

    /// The zones: left and right, which overlap by 100 m.
    fn zones(&self) -> [SiteArea; 2] {
        let crs = Crs::from_epsg(32610).unwrap();
        [("left", (-1000.0, 0.0)), ("right", (-100.0, 1000.0))]
            .map(|(id, span)| zone(id, &self.outline(span, 1000.0), &crs))
    }

    /// Rows of left, right and all in both years.
    fn rows(&self, permits: Option<&[PermittedArea]>) -> Vec<ZoneRow> {
        let merged = self.project.folder().join("merged");
        let job = minesegsat_core::job::Job::silent();
        let rows = summarize(&self.project, &merged, &self.zones(), permits, job).unwrap().rows;
        let names: Vec<String> = rows.iter().map(|row| format!("{} {}", row.zone, row.period)).collect();
        assert_eq!(names, ["left 2023", "left 2024", "right 2023", "right 2024", "all 2023", "all 2024"]);
        rows
    }

    /// Hectares as a number of pixels.
    fn pixels(&self, hectares: f64) -> i64 {
        let pixels = hectares / self.pixel_ha;
        // Both tiles have pixels of nearly the same size.
        assert!((pixels - pixels.round()).abs() < 0.2 + pixels * 1e-4, "{pixels}");
        pixels.round() as i64
    }
}

#[test]
fn gain_loss_and_overlapping_zones_are_counted_by_pixels() {
    // 60 by 40 pixels that move 200 m to the east.
    let boxes = Boxes::new([(-300.0, 300.0), (-100.0, 500.0)], None);
    let rows = boxes.rows(None);
    let numbers = |row: &ZoneRow| {
        let optional = |value: Option<f64>| value.map(|value| boxes.pixels(value));
        let change = [row.compared_ha, row.gain_ha, row.loss_ha].map(optional);
        (boxes.pixels(row.area_ha), boxes.pixels(row.seen_ha), boxes.pixels(row.mapped_ha), change)
    };
    let none = [None; 3];
    let some = |numbers: [i64; 3]| numbers.map(Some);
    assert_eq!(numbers(&rows[0]), (20_000, 20_000, 30 * 40, none));
    assert_eq!(numbers(&rows[1]), (20_000, 20_000, 10 * 40, some([20_000, 0, 20 * 40])));
    assert_eq!(numbers(&rows[2]), (22_000, 22_000, 40 * 40, none));
    assert_eq!(numbers(&rows[3]), (22_000, 22_000, 60 * 40, some([22_000, 20 * 40, 0])));
    // Each place once.
    assert_eq!(numbers(&rows[4]), (40_000, 40_000, 60 * 40, none));
    assert_eq!(numbers(&rows[5]), (40_000, 40_000, 60 * 40, some([40_000, 20 * 40, 20 * 40])));
    assert!(rows.iter().all(|row| row.polygons == 1 && row.missing_ha == 0.0 && row.permits.is_none()), "{rows:?}");
    assert!((rows[5].zone_ha / rows[5].area_ha - 1.0).abs() < 1e-3, "{:?}", rows[5]);
}

#[test]
fn zones_wider_than_half_the_earth_count_their_land() {
    let boxes = Boxes::of(&[((-300.0, 300.0), None)]);
    let merged = boxes.project.folder().join("merged");
    // A ring of the north with many corners, and bands that are as wide together.
    let steps = || (0..=179).map(|step| f64::from(step) * 2.0 - 179.0);
    let ring = steps().map(|lon| (lon, 40.0)).chain(steps().rev().map(|lon| (lon, 85.0)));
    let north = MultiPolygon(vec![geo::Polygon::new(ring.collect(), Vec::new())]);
    let band = |west: f64| -> MultiPolygon<f64> { Rect::new((west, 40.0), (west + 119.0, 85.0)).to_polygon().into() };
    let job = minesegsat_core::job::Job::silent();
    for outlines in [vec![north], vec![band(-179.0), band(-60.0), band(59.0)]] {
        let zones = outlines.iter().enumerate().map(|(at, outline)| zone(&at.to_string(), outline, &Crs::WGS84));
        let zones: Vec<SiteArea> = zones.collect();
        // Permits on the same land: nothing lies outside.
        let permits = outlines.iter().map(|outline| PermittedArea {
            permit: "P 1".to_owned(),
            valid_from: date(2020, 1, 1),
            valid_to: None,
            outline: outline.clone(),
        });
        let permits: Vec<PermittedArea> = permits.collect();
        let rows = summarize(&boxes.project, &merged, &zones, Some(&permits), job).unwrap().rows;
        for row in [&rows[0], rows.last().unwrap()] {
            assert_eq!(boxes.pixels(row.area_ha), boxes.pixels(row.seen_ha), "{row:?}");
            assert_eq!((boxes.pixels(row.mapped_ha), row.polygons), (60 * 40, 1), "{row:?}");
            assert_eq!((row.permits, row.outside_permit_ha), (Some(1), Some(0.0)), "{row:?}");
        }
    }
}

#[test]
fn the_interval_of_a_zone_on_two_tiles_adds_their_shared_errors() {
    let boxes = Boxes::new([(-300.0, 300.0), (-100.0, 500.0)], None);
    let rows = boxes.rows(None);
    let error = &boxes.project.plan.model.area_error;
    let pixel_m2 = boxes.pixel_ha * 1e4;
    // The pixels of both tiles in the year 2024: from north 1000 to south -1000.
    let window = |west: i32, east: i32| {
        let pixel = move |row: i32, col: i32| {
            let (east, north) = (f64::from(col) * 10.0 + 5.0, 995.0 - f64::from(row) * 10.0);
            if -100.0 < east && east < 500.0 && north.abs() < 200.0 { 0.9_f32 } else { 0.1 }
        };
        let pixels: Vec<f32> = (0..200).flat_map(|row| (west..east).map(move |col| pixel(row, col))).collect();
        AreaMoments::for_model(error, &pixels, (east - west) as usize, pixel_m2.sqrt(), pixel_m2)
    };
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-3;
    let (left, right) = (window(-100, 0), window(0, 100));
    for (row, moments) in [(&rows[1], left), (&rows[5], left.plus(&right))] {
        let expected = error.area(&moments, 90.0, f64::INFINITY);
        assert!(near(row.estimated_ha, expected.ha), "{row:?} {expected:?}");
        assert!(near(row.estimated_lower_ha, expected.lower_ha), "{row:?} {expected:?}");
        assert!(near(row.estimated_upper_ha, expected.upper_ha), "{row:?} {expected:?}");
        assert_eq!((row.disturbed_ha, row.disturbed_upper_ha), (row.estimated_ha, row.estimated_upper_ha));
    }
    // 2400 pixels of 0.9 and 37600 of 0.1.
    assert!(near(rows[5].estimated_ha, (2400.0 * 0.9 + 37_600.0 * 0.1) * boxes.pixel_ha), "{:?}", rows[5]);
    // The shared error of a tenth alone: 1.645 deviations on each side.
    let width = rows[5].estimated_upper_ha - rows[5].estimated_lower_ha;
    assert!(width > 2.0 * 1.644 * 0.1 * rows[5].estimated_ha, "{:?}", rows[5]);
}

#[test]
fn land_under_clouds_is_neither_lost_nor_gained() {
    let boxes = Boxes::new([(-300.0, 300.0), (-300.0, 300.0)], Some((-300.0, -100.0)));
    let rows = boxes.rows(None);
    let all = &rows[5];
    assert_eq!(boxes.pixels(all.mapped_ha), 40 * 40);
    assert_eq!(boxes.pixels(all.compared_ha.unwrap()), 40_000 - 20 * 200);
    assert_eq!((all.gain_ha, all.loss_ha), (Some(0.0), Some(0.0)));
    assert_eq!(boxes.pixels(all.seen_ha), 40_000 - 20 * 200);
    // The records say 0.2 for what their scenes do not show.
    assert_eq!(boxes.pixels(all.assumed_ha), 20 * 200 / 5);
}

#[test]
fn land_is_compared_with_the_last_year_that_shows_it() {
    let boxes =
        Boxes::of(&[((-300.0, 300.0), None), ((-300.0, 300.0), Some((-300.0, -100.0))), ((-200.0, 400.0), None)]);
    let merged = boxes.project.folder().join("merged");
    let job = minesegsat_core::job::Job::silent();
    let rows = summarize(&boxes.project, &merged, &boxes.zones(), None, job).unwrap().rows;
    let change = |period: &str| {
        let row = rows.iter().find(|row| row.zone == ALL_ZONES && row.period == period).unwrap();
        [row.compared_ha, row.gain_ha, row.loss_ha].map(|value| value.map(|value| boxes.pixels(value)))
    };
    assert_eq!(change("2024"), [Some(40_000 - 20 * 200), Some(0), Some(0)]);
    // The west was hidden in 2024, and lost 100 m since 2023.
    assert_eq!(change("2025"), [Some(40_000), Some(10 * 40), Some(10 * 40)]);
}

#[test]
fn permits_count_in_the_periods_in_which_they_hold() {
    let boxes = Boxes::new([(-300.0, 300.0), (-100.0, 500.0)], None);
    let to_lon_lat = ToLonLat::new(&Crs::from_epsg(32610).unwrap()).unwrap();
    let permit = |name: &str, span: Span, from: jiff::civil::Date, to: Option<jiff::civil::Date>| PermittedArea {
        permit: name.to_owned(),
        valid_from: from,
        valid_to: to,
        outline: to_lon_lat.run(&boxes.outline(span, 200.0)).unwrap(),
    };
    let permits = [
        permit("S 1", (0.0, 300.0), date(2020, 1, 1), Some(date(2024, 5, 31))),
        // A new version, and another permit on the same land.
        permit("S 1", (0.0, 500.0), date(2024, 6, 1), None),
        permit("T 2", (200.0, 300.0), date(2024, 12, 31), None),
        permit("U 3", (-300.0, 300.0), date(2025, 1, 1), None),
    ];
    let rows = boxes.rows(Some(&permits));
    let numbers = |row: &ZoneRow| {
        (row.permits.unwrap(), boxes.pixels(row.permitted_ha.unwrap()), boxes.pixels(row.outside_permit_ha.unwrap()))
    };
    // The left zone borders on the permits.
    assert_eq!(numbers(&rows[0]), (0, 0, 30 * 40));
    assert_eq!(numbers(&rows[1]), (0, 0, 10 * 40));
    assert_eq!(numbers(&rows[2]), (1, 30 * 40, 10 * 40));
    assert_eq!(numbers(&rows[3]), (2, 50 * 40, 10 * 40));
    assert_eq!(numbers(&rows[4]), (1, 30 * 40, 30 * 40));
    assert_eq!(numbers(&rows[5]), (2, 50 * 40, 10 * 40));
    let none = boxes.rows(Some(&[]));
    assert_eq!((none[5].permits, none[5].outside_permit_ha), (Some(0), Some(none[5].mapped_ha)));
}

#[test]
fn a_summary_refuses_what_would_mislead() {
    let boxes = Boxes::new([(-300.0, 300.0), (-100.0, 500.0)], None);
    let merged = boxes.project.folder().join("merged");
    let job = minesegsat_core::job::Job::silent();
    let refuse = |zones: &[SiteArea]| summarize(&boxes.project, &merged, zones, None, job).unwrap_err().to_string();
    assert!(refuse(&[]).contains("at least one polygon"));
    let mut zones = boxes.zones();
    zones[0].id = ALL_ZONES.to_owned();
    assert!(refuse(&zones).contains("another id"), "{}", refuse(&zones));
    // A unit that was mapped again is not the one that was merged.
    map_by(&boxes.project, &boxes.project.plan.units[0], |_, _| 0.5);
    let error = refuse(&boxes.zones());
    assert!(error.contains("totals.json") && error.contains("2023 have changed"), "{error}");
}

#[test]
fn files_of_a_summary_have_the_same_rows() {
    let boxes = Boxes::new([(-300.0, 300.0), (-100.0, 500.0)], None);
    let merged = boxes.project.folder().join("merged");
    let mut zones = boxes.zones();
    zones[0].name = "<b>Left & co".to_owned();
    let job = minesegsat_core::job::Job::silent();
    let summary = summarize(&boxes.project, &merged, &zones, Some(&[]), job).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = folder.path().join(name);
        summary.write(&path, SummaryFormat::of_path(&path).unwrap(), Language::English).unwrap();
        path
    };
    let csv = std::fs::read_to_string(write("zones.csv")).unwrap();
    assert_eq!(csv.lines().count(), 7, "{csv}");
    assert!(csv.lines().nth(1).unwrap().starts_with("left,<b>Left & co,2023,"), "{csv}");
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(write("zones.json")).unwrap()).unwrap();
    assert_eq!(json["rows"].as_array().unwrap().len(), 6);
    let gain = json["rows"][5]["gain_ha"].as_f64().unwrap();
    assert!((gain - summary.rows[5].gain_ha.unwrap()).abs() < 1e-9, "{json}");
    assert!(json["rows"][0]["gain_ha"].is_null() && json["level_percent"] == 90.0, "{json}");
    let path = write("zones.gpkg");
    let of_layer = |layer: &str| {
        let options = LabelOptions { layer: Some(layer.to_owned()), ..LabelOptions::default() };
        Labels::read(&path, &options).unwrap().features().len()
    };
    assert_eq!((of_layer("zones"), of_layer("all_zones")), (4, 2));
    let page = std::fs::read_to_string(write("zones.html")).unwrap();
    assert!(page.contains("&lt;b&gt;Left &amp; co") && !page.contains("<b>Left"), "{page}");
    for text in ["<svg", "class=\"zone share-5\"", "Hectares, 2023", "Hectares, 2024", "Mapped outside permits"] {
        assert!(page.contains(text), "{text}");
    }
}

/// Text and labels of a page outside of style, each on its line. The base style holds no tag.
fn spoken(page: &str) -> String {
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    let mut spoken = String::new();
    for part in [head, body].into_iter().flat_map(|text| text.split('<').skip(1)) {
        let (tag, text) = part.split_once('>').unwrap();
        let label = tag.split_once("aria-label=\"").map(|(_, rest)| rest.split_once('"').unwrap().0);
        for words in label.into_iter().chain([text]).filter(|words| !words.trim().is_empty()) {
            spoken += &format!("{words}\n");
        }
    }
    spoken
}

/// English words that no other language of the page has.
const ENGLISH: [&str; 24] = [
    "the",
    "of",
    "and",
    "is",
    "are",
    "not",
    "with",
    "land",
    "disturbed",
    "seen",
    "mapped",
    "outside",
    "since",
    "by",
    "all",
    "found",
    "map",
    "missing",
    "assumed",
    "interval",
    "share",
    "from",
    "to",
    "unless",
];

#[test]
fn the_page_speaks_each_language_with_its_numbers() {
    // Zones with land, without land, and not seen in the last year, one of them with missing land.
    let boxes = Boxes::new([(-300.0, 300.0), (-100.0, 500.0)], Some((-1000.0, -500.0)));
    let crs = Crs::from_epsg(32610).unwrap();
    let spans = [("Norte", (-1000.0, 1000.0)), ("Vacante", (700.0, 900.0)), ("Nube", (-900.0, -600.0))];
    let zones = spans.map(|(id, span)| zone(id, &boxes.outline(span, 1000.0), &crs));
    let merged = boxes.project.folder().join("merged");
    let job = minesegsat_core::job::Job::silent();
    let mut summary = summarize(&boxes.project, &merged, &zones, Some(&[]), job).unwrap();
    summary.model = "B0".to_owned();
    summary.rows[0].missing_ha = 1234.5;
    summary.rows[0].polygons = 23_456;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zones.html");
    let page = |locale: Locale| {
        summary.write(&path, SummaryFormat::Html, locale).unwrap();
        std::fs::read_to_string(&path).unwrap()
    };
    let all = summary.rows.last().unwrap();
    for language in Language::ALL {
        let (words, page) = (language.words(), page(language.into()));
        assert!(page.starts_with("<!doctype html>") && page.contains(&format!("<html lang=\"{language}\">")), "{page}");
        assert!(!page.contains("http:") && !page.contains("https:"), "{language}: the page loads nothing");
        let spoken = spoken(&page);
        let is_english = |word: &str| ENGLISH.contains(&word.to_lowercase().as_str());
        let english = spoken.split(|c: char| !c.is_alphabetic()).find(|word| is_english(word));
        assert_eq!(english.is_some(), language == Language::English, "{language}: {english:?}\n{spoken}");
        let is_key = |word: &&str| word.contains('-') && word.chars().all(|c| c == '-' || c.is_ascii_lowercase());
        assert_eq!(spoken.split_whitespace().find(is_key), None, "{language}: a key without words\n{spoken}");
        let (missing, polygons) = match language {
            Language::English => ("1234.5", "23,456"),
            Language::French => ("1234,5", "23\u{202f}456"),
            Language::Spanish | Language::Portuguese => ("1234,5", "23.456"),
        };
        let counted = [("count", 23_456.into()), ("number", polygons.into())];
        for part in [
            words.say("zones-title"),
            words.say("zones-map"),
            words.say("zones-map-label"),
            words.say("zones-none"),
            words.say("zones-not-seen"),
            words.say("zones-all"),
            words.say("zones-note-permits"),
            words.say("disturbed-land"),
            words.say_with("zones-hectares", &[("period", "2024".into())]),
            words.say_with("zones-unseen-on-map", &[("zone", "Nube".into())]),
            words.say_with("zones-missing", &[("area", missing.into())]),
            words.say_with("zones-polygons", &counted),
            words.say_with("zones-note-disturbed", &[("level", "90".into())]),
            words.hectares(Some(all.mapped_ha)),
            words.hectares(all.gain_ha),
        ] {
            assert!(spoken.contains(&part), "{language}: {part}\n{spoken}");
        }
    }
    // A region writes its own numbers. The data are the same in all languages.
    let spoken = spoken(&page(Locale::of_tag("es-PE").unwrap()));
    assert!(spoken.contains("1234.5 sin mapa") && spoken.contains("23,456 polígonos"), "{spoken}");
    let data = |locale: Locale| {
        let path = folder.path().join("zones.json");
        summary.write(&path, SummaryFormat::Json, locale).unwrap();
        std::fs::read(&path).unwrap()
    };
    assert!(data(Language::English.into()) == data(Language::French.into()));
}
