mod pdf;

use std::collections::BTreeSet;
use std::f64::consts::TAU;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use geo::{Coord, LineString, MultiPolygon, Polygon};
use jiff::civil::{Date, date};
use quick_xml::{Reader, XmlVersion, events::Event};
use sha2::{Digest, Sha256};

use super::*;
use minesegsat_map::preview::png;
use minesegsat_watch::register::{
    Area, AreaParts, Correction, Observation, Permit, SeenChange, Site, SiteStatus, Verdict,
};

const REVISION: &str = "A revision of the permit may be missing from the register.";
const FOOTNOTE: &str = "* Based on the permits in the register: a revision of the permit may be missing.";

/// Environment variable with a folder that the test pages are also written to, for inspection.
const FOLDER: &str = "MINESEGSAT_REPORT_PAGES";

fn keep(name: &str, page: impl AsRef<[u8]>) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(std::path::Path::new(&folder).join(name), page).unwrap();
    }
}

/// A ragged outline around a point.
fn blob(x: f64, y: f64, r: f64, wobble: f64) -> Polygon<f64> {
    let corner = |i: i32| {
        let a = f64::from(i) / 40.0 * TAU;
        let r = r * (1.0 + 0.18 * (3.0 * a + wobble).sin() + 0.07 * (7.0 * a + 2.0 * wobble).cos());
        Coord { x: x + r * a.cos(), y: y + r * a.sin() }
    };
    Polygon::new(LineString((0..40).map(corner).collect()), vec![])
}

fn rectangle(x0: f64, y0: f64, x1: f64, y1: f64) -> Polygon<f64> {
    Polygon::new(LineString::from(vec![(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]), vec![])
}

fn site(id: &str, name: &str, (lon, lat): (f64, f64)) -> Site {
    Site {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        operator: Some("Northern Ridge Coal Ltd.".to_owned()),
        commodity: Some("coal".to_owned()),
        status: SiteStatus::Active,
        boundary: MultiPolygon(vec![rectangle(lon, lat, lon + 0.08, lat + 0.05)]),
    }
}

fn observation(site: &Site, day: Date, area: Option<[f64; 3]>, limit: Option<f64>) -> Observation {
    let area = area.map(|[lower_ha, ha, upper_ha]| Area { ha, lower_ha, upper_ha });
    let verdict = match (area, limit) {
        (None, _) => Verdict::NotAssessable,
        (_, None) => Verdict::NoLimit,
        (Some(area), Some(limit)) if area.upper_ha <= limit => Verdict::Within,
        (Some(area), Some(limit)) if area.lower_ha > limit => Verdict::Exceeded,
        _ => Verdict::PossibleExceedance,
    };
    let statement = match (verdict, area, limit) {
        (Verdict::NotAssessable, ..) => {
            format!("On {day} only 31.0 % of the site could be seen, less than the 80 % that a verdict needs.")
        }
        (_, Some(a), Some(limit)) => format!(
            "On {day} the disturbed land was {:.1} ha (90 % interval {:.1} to {:.1} ha), against a limit of {limit:.1} ha: {verdict}.",
            a.ha, a.lower_ha, a.upper_ha
        ),
        (_, Some(a), None) => format!("On {day} the disturbed land was {:.1} ha; no permit is known.", a.ha),
        _ => unreachable!(),
    };
    Observation {
        site: site.id.clone(),
        date: day,
        scenes: vec![format!("S2B_MSIL2A_{}_R056_T10UFV", day.strftime("%Y%m%d"))],
        model_sha256: "3f".repeat(32),
        is_provisional: None,
        new_land: None,
        share_assessed: if area.is_some() { 0.973 } else { 0.31 },
        share_beyond_map: None,
        share_in_other_sites: None,
        share_disagreeing: None,
        boundary_sha256: None,
        permit_sha256: None,
        area,
        confidence_level_percent: 90.0,
        parts: None,
        details: None,
        seen_change: None,
        compared_with: None,
        gain_ha: None,
        loss_ha: None,
        outside_permit_ha: area.map(|area| area.ha * 0.03),
        permit: limit.map(|_| "C-118-2021".to_owned()),
        limit_ha: limit,
        verdict,
        statement,
        warnings: Vec::new(),
        files: Vec::new(),
        created: "2024-09-01T08:00:00Z".parse().unwrap(),
    }
}

/// Woods, a valley and a mine.
fn ground(width: u32, height: u32, mines: &[(f64, f64, f64, f64)]) -> Vec<u8> {
    let hash = |x: i64, y: i64| {
        let mut h = (x.wrapping_mul(374_761_393) + y.wrapping_mul(668_265_263)) as u64;
        h = (h ^ (h >> 13)).wrapping_mul(1_274_126_177);
        ((h ^ (h >> 16)) & 0xffff) as f64 / 65_535.0
    };
    let noise = |x: f64, y: f64| {
        let (x0, y0) = (x.floor(), y.floor());
        let smooth = |t: f64| t * t * (3.0 - 2.0 * t);
        let (u, v) = (smooth(x - x0), smooth(y - y0));
        let at = |dx: i64, dy: i64| hash(x0 as i64 + dx, y0 as i64 + dy);
        (at(0, 0) * (1.0 - u) + at(1, 0) * u) * (1.0 - v) + (at(0, 1) * (1.0 - u) + at(1, 1) * u) * v
    };
    let mut pixels = Vec::new();
    for row in 0..height {
        for col in 0..width {
            let (x, y) = (f64::from(col), f64::from(row));
            let rough =
                noise(x / 60.0, y / 60.0) * 0.55 + noise(x / 17.0, y / 17.0) * 0.3 + noise(x / 3.0, y / 3.0) * 0.15;
            let is_mine = mines.iter().any(|&(mx, my, r, wobble)| {
                let a = (y - my).atan2(x - mx);
                (x - mx).hypot(y - my)
                    < r * (1.0 + 0.18 * (3.0 * a + wobble).sin() + 0.07 * (7.0 * a + 2.0 * wobble).cos())
            });
            let colour = if is_mine { [150.0, 136.0, 120.0] } else { [52.0, 74.0, 44.0] };
            pixels.push(colour.map(|c| (c * (0.6 + 0.8 * rough)) as u8));
        }
    }
    png(&pixels, width as usize, height as usize).unwrap()
}

fn picture(day: Date, r: f64) -> DatedPicture {
    let (width, height) = (420, 360);
    let is_late = r > 70.0;
    DatedPicture {
        change_since: Some(date(2021, 7, 1)),
        date: day,
        scenes: vec![format!("S2B_MSIL2A_{}T190919_N0301_R056_T10UFV", day.strftime("%Y%m%d"))],
        png: ground(width, height, &[(190.0, 170.0, r, 0.4), (310.0, 250.0, r * 0.4, 1.9)]),
        width,
        height,
        pixel_m: Some(10.0),
        disturbed: MultiPolygon(vec![blob(190.0, 170.0, r, 0.4), blob(310.0, 250.0, r * 0.4, 1.9)]),
        gain: MultiPolygon(if is_late { vec![blob(258.0, 150.0, 22.0, 0.1)] } else { vec![] }),
        loss: MultiPolygon(if is_late { vec![blob(120.0, 200.0, 14.0, 0.8)] } else { vec![] }),
        permit: MultiPolygon(vec![rectangle(95.0, 75.0, 290.0, 262.0)]),
        boundary: MultiPolygon(vec![rectangle(40.0, 30.0, 385.0, 330.0)]),
    }
}

fn permit(site: &Site, number: &str, from: Date, to: Option<Date>, limit: Option<f64>) -> Permit {
    Permit {
        site: site.id.clone(),
        number: number.to_owned(),
        valid_from: from,
        valid_to: to,
        polygon: None,
        limit_ha: limit,
        document: Some(format!("permits/{number}.pdf")),
        document_sha256: Some("a7".repeat(32)),
    }
}

/// A site that grows past its limit, with some dates under cloud.
fn report() -> SiteReport {
    let site = site("northern-ridge", "Northern Ridge Mine", (-121.3, 55.1));
    let mut observations = Vec::new();
    let mut indices = Vec::new();
    for (i, (year, month)) in (2021..=2024).flat_map(|year| [5, 6, 7, 8, 9].map(|month| (year, month))).enumerate() {
        let day = date(year, month, 3 + (i * 7 % 20) as i8);
        let limit = if year < 2023 { 140.0 } else { 180.0 };
        let ha = 96.0 + 5.6 * i as f64 + 3.0 * (i as f64 * 1.7).sin();
        let area = (i % 6 != 4).then_some([ha - 11.0 + (i % 3) as f64, ha, ha + 12.5]);
        let mut o = observation(&site, day, area, Some(limit));
        if i > 0 && o.area.is_some() {
            o.compared_with = Some(date(2021, 5, 3));
            o.gain_ha = Some(5.4 * i as f64);
            o.loss_ha = Some(if i % 4 == 3 { 6.2 } else { 0.0 });
        }
        if i == 13 {
            o.warnings = vec!["The scene is of another season than the one it is compared with.".to_owned()];
        }
        let season = 0.08 * (f64::from(month) - 7.0).abs();
        let values =
            |ndvi: f64| IndexValues { ndvi: Some(ndvi - season), bsi: Some(0.3 - ndvi * 0.5), ndwi: Some(-ndvi * 0.7) };
        indices.push(IndexPoint { date: day, inside: values(0.42 - 0.01 * i as f64), around: values(0.78) });
        observations.push(o);
    }
    observations.last_mut().unwrap().warnings = vec!["B08 stood in for B8A.".to_owned()];
    let scenes = observations.iter().map(|o| SceneRow {
        id: format!("{}_20240714T231502", o.scenes[0]),
        date: o.date,
        cloud_cover_percent: Some(if o.area.is_some() { 4.2 } else { 71.0 }),
        processing_baseline: Some(if o.date.year() < 2022 { "03.01" } else { "05.00" }.to_owned()),
        offset_decision: if o.date.year() < 2022 {
            "none (baseline before 04.00)"
        } else {
            "−1000 (baseline in the item)"
        }
        .to_owned(),
        share_assessed: Some(o.share_assessed),
    });
    SiteReport {
        permits: vec![
            permit(&site, "C-118-2019", date(2019, 4, 1), Some(date(2022, 12, 31)), Some(140.0)),
            permit(&site, "C-118-2023", date(2023, 1, 1), None, Some(180.0)),
        ],
        scenes: scenes.collect(),
        before: Some(picture(date(2021, 5, 3), 58.0)),
        after: Some(picture(date(2024, 9, 16), 78.0)),
        method: Some(MethodFacts {
            model_title: "SegFormer B0, simulated scenes".to_owned(),
            model_sha256: "3f".repeat(32),
            threshold: 0.45,
            confidence_level_percent: 90.0,
            noise_floor_ha: Some(0.8),
            software: "minesegsat 0.1.0".to_owned(),
        }),
        indices,
        created: "2024-09-18T06:30:00Z".parse().unwrap(),
        observations,
        onsets: None,
        problems: Vec::new(),
        corrections: Vec::new(),
        site,
    }
}

fn empty_report() -> SiteReport {
    SiteReport {
        site: site("new-site", "New Site", (12.0, 51.0)),
        onsets: None,
        problems: Vec::new(),
        corrections: Vec::new(),
        permits: vec![],
        observations: vec![],
        before: None,
        after: None,
        scenes: vec![],
        method: None,
        indices: vec![],
        created: "2024-09-18T06:30:00Z".parse().unwrap(),
    }
}

/// Area with its interval, and limit, of an observation; `None` without an observation.
type Case = Option<(Option<[f64; 3]>, Option<f64>)>;

fn overview() -> Overview {
    let names = [
        ("Quintette Ridge", -121.0, 55.0),
        ("Brule Creek", -121.8, 55.4),
        ("Elk Valley North", -114.9, 50.1),
        ("Line Fork", -114.8, 49.9),
        ("Grande Hollow", -119.1, 54.0),
        ("Wolverine Bench", -121.3, 55.1),
        ("Coal Mountain East", -114.7, 49.5),
        ("Basin of the Long and Winding Name Number Seven", -117.5, 53.1),
        ("Cheviot Flats", -117.3, 52.9),
        ("Obed Terrace", -117.1, 53.6),
    ];
    let day = date(2024, 9, 16);
    let cases: [Case; 10] = [
        Some((Some([120.0, 133.0, 148.0]), Some(140.0))),
        Some((Some([310.0, 330.5, 352.0]), Some(290.0))),
        Some((Some([80.0, 92.0, 101.0]), Some(180.0))),
        Some((None, Some(75.0))),
        None,
        Some((Some([210.0, 224.0, 239.0]), Some(200.0))),
        Some((Some([12.0, 14.6, 17.5]), None)),
        Some((Some([40.0, 44.0, 47.0]), Some(50.0))),
        Some((Some([140.0, 151.0, 160.0]), Some(155.0))),
        Some((Some([5.0, 6.0, 7.0]), Some(60.0))),
    ];
    let sites = names.into_iter().zip(cases).enumerate().map(|(i, ((name, lon, lat), case))| {
        let site = site(&format!("site-{i}"), name, (lon, lat));
        let last = case.map(|(area, limit)| observation(&site, day, area, limit));
        OverviewSite { last, page: Some(format!("{}.html", site.id)), site }
    });
    Overview {
        problems: Vec::new(),
        title: "Mines watched in western Canada".to_owned(),
        sites: sites.collect(),
        created: "2024-09-18T06:30:00Z".parse().unwrap(),
        software: "minesegsat 0.1.0".to_owned(),
    }
}

/// Elements and text of a page.
#[derive(Default)]
struct Parsed {
    /// Names and attributes of elements, in document order.
    elements: Vec<(String, Vec<(String, String)>)>,
    /// Text outside of style and script.
    text: String,
    /// Text and labels outside of what is marked as English.
    spoken: String,
}

/// Attributes whose words are read out, or put into the page by its script.
const SPOKEN: [&str; 3] = ["aria-label", "data-words", "data-shares"];

/// HTML elements without an end tag.
const VOID: [&str; 3] = ["meta", "input", "br"];

/// Parses a page as strict XML, except for void elements: elements nest, attributes are quoted and unique, and only the
/// entities of XML occur.
fn parsed(page: &str) -> Parsed {
    let mut reader = Reader::from_str(page);
    reader.config_mut().check_end_names = false;
    let mut out = Parsed::default();
    // Names of the elements, and whether they are marked as English.
    let mut open: Vec<(String, bool)> = Vec::new();
    loop {
        let at = reader.buffer_position();
        let event = reader.read_event().unwrap_or_else(|error| panic!("{error} at byte {at}"));
        match &event {
            Event::Start(start) | Event::Empty(start) => {
                let name = start.name().as_ref().to_owned();
                let attributes = start.attributes().map(|attribute| {
                    let attribute = attribute.unwrap_or_else(|error| panic!("{error} in <{name}> at byte {at}"));
                    let value = attribute.normalized_value(XmlVersion::Explicit1_0).unwrap();
                    (attribute.key.as_ref().to_owned(), value.into_owned())
                });
                let attributes: Vec<(String, String)> = attributes.collect();
                let is_marked = name != "html" && attributes.contains(&("lang".to_owned(), "en".to_owned()));
                let is_english = is_marked || open.last().is_some_and(|(_, is_english)| *is_english);
                for (_, value) in attributes.iter().filter(|(key, _)| !is_english && SPOKEN.contains(&key.as_str())) {
                    out.spoken += &format!("{value}\n");
                }
                out.elements.push((name.clone(), attributes));
                if matches!(event, Event::Start(_)) && !VOID.contains(&name.as_str()) {
                    open.push((name, is_english));
                }
            }
            Event::End(end) => {
                let name = end.name();
                let closed = open.pop().map(|(name, _)| name);
                assert_eq!(closed.as_deref(), Some(name.as_ref()), "at byte {at}");
            }
            Event::Text(text) if !open.iter().any(|(name, _)| name == "style" || name == "script") => {
                out.text.push_str(text);
                if !open.last().is_some_and(|(_, is_english)| *is_english) {
                    let text: &str = text;
                    out.spoken += &format!("{text}\n");
                }
            }
            Event::GeneralRef(reference) => {
                let name: &str = reference;
                assert!(name.starts_with('#') || ["amp", "lt", "gt", "quot"].contains(&name), "&{name};");
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    out
}

fn digest(text: &str) -> String {
    BASE64_STANDARD.encode(Sha256::digest(text))
}

/// Checks that hold for every page in English.
fn check(page: &str) -> Parsed {
    check_in(page, Language::English)
}

/// Checks that hold for every page.
fn check_in(page: &str, language: Language) -> Parsed {
    let parsed = parsed(page);
    assert!(page.starts_with("<!doctype html>") && page.contains(&format!(r#"<html lang="{language}">"#)));
    let mut level = 0;
    let mut ids = BTreeSet::new();
    for (name, attributes) in &parsed.elements {
        let get = |key: &str| attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        if let Some(heading) = name.strip_prefix('h').and_then(|level| level.parse::<u32>().ok()) {
            assert!(heading <= level + 1, "h{heading} after h{level}");
            assert!(heading > 1 || level == 0, "one h1");
            level = heading;
        }
        if let Some(id) = get("id") {
            assert!(ids.insert(id.to_owned()), "id `{id}` twice");
        }
        for (key, value) in attributes {
            assert!(!key.starts_with("on"), "a handler in markup does not run under the policy: {key}");
            assert_ne!(key, "style", "a style in markup does not hold under the policy");
            if ["src", "srcset", "xlink:href", "data", "action"].contains(&key.as_str())
                || (key == "href" && name != "a")
            {
                assert!(value.starts_with("data:image/"), "<{name} {key}=\"{value:.60}\"> loads something");
            }
            assert!(!value.contains("url(") || value.starts_with("url(#"), "{value}");
        }
        if name == "svg" {
            assert!(get("aria-hidden").is_some() || get("aria-label").is_some_and(|label| label.len() > 10));
        }
        assert!(!["link", "iframe", "object", "embed", "base"].contains(&name.as_str()), "<{name}>");
        if name == "script" {
            assert!(attributes.is_empty());
        }
    }
    assert!(level > 1);
    for (name, attributes) in &parsed.elements {
        for (key, value) in attributes {
            let references = (name == "label" && key == "for").then_some(value.as_str());
            for id in references.into_iter().chain(value.strip_prefix("url(#").and_then(|id| id.strip_suffix(')'))) {
                assert!(ids.contains(id), "no element `{id}`");
            }
        }
    }
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("@import"));
    for tag in ["style", "script"] {
        assert_eq!(page.matches(&format!("<{tag}>")).count(), 1);
        let (_, rest) = page.split_once(&format!("<{tag}>")).unwrap();
        let (inline, _) = rest.split_once(&format!("</{tag}>")).unwrap();
        assert!(page.contains(&format!("{tag}-src 'sha256-{}'", digest(inline))), "the policy has the digest of {tag}");
    }
    parsed
}

#[test]
fn a_full_page_is_well_formed_loads_nothing_and_says_all() {
    let report = report();
    let page = site_page(&report, Language::English).unwrap();
    keep("site.html", &page);
    let parsed = check(&page);
    let last = report.observations.last().unwrap();
    for expected in [
        "Northern Ridge Mine",
        "Northern Ridge Coal Ltd.",
        last.statement.as_str(),
        "Limit exceeded, as far as the permits are known",
        REVISION,
        "C-118-2019",
        &"a7".repeat(32),
        "none (baseline before 04.00)",
        "SegFormer B0, simulated scenes",
        "B08 stood in for B8A.",
        "possible exceedance*",
        "limit 140.0\u{a0}ha (C-118-2019)",
        "Green plants, bare soil and water",
    ] {
        assert!(parsed.text.contains(expected), "{expected}");
    }
    let count = |wanted: &str| parsed.elements.iter().filter(|(name, _)| name == wanted).count();
    assert_eq!(count("image"), 2);
    assert_eq!(
        parsed.elements.iter().filter(|(_, a)| a.contains(&("type".to_owned(), "checkbox".to_owned()))).count(),
        5
    );
    assert_eq!(parsed.elements.iter().filter(|(_, a)| a.contains(&("type".to_owned(), "range".to_owned()))).count(), 1);
    // Two charts' numbers, observations, permits, scenes, offsets of the scenes.
    assert_eq!(count("table"), 6);
    assert!(page.len() < 1_500_000, "{}", page.len());
}

#[test]
fn possible_is_never_dropped_and_every_exceedance_names_the_revision() {
    let mut report = report();
    let site = report.site.clone();
    report.observations = vec![observation(&site, date(2024, 7, 1), Some([120.0, 133.0, 148.0]), Some(140.0))];
    let page = site_page(&report, Language::English).unwrap();
    keep("possible.html", &page);
    let text = check(&page).text;
    assert!(text.contains("Possible exceedance of the limit") && text.contains(REVISION));
    for (at, _) in text.match_indices("exceedance") {
        let before = text[..at].trim_end();
        let is_general = ["an", "no"].iter().any(|word| before.ends_with(word));
        assert!(is_general || before.to_lowercase().ends_with("possible"), "{}", &text[at.saturating_sub(60)..at + 20]);
    }
    // Titles in the chart are read on their own.
    for title in page.split("<title>").skip(2).map(|rest| rest.split_once('<').unwrap().0) {
        assert!(!title.contains("exceed") || title.contains(REVISION), "{title}");
    }
    assert!(text.contains(FOOTNOTE));
}

#[test]
fn what_is_missing_is_said() {
    let page = site_page(&empty_report(), Language::English).unwrap();
    keep("empty.html", &page);
    let text = check(&page).text;
    for expected in
        ["No observation yet", "never observed", "No permit is in the register", "no picture", "No scene is known"]
    {
        assert!(text.contains(expected), "{expected}");
    }
    assert!(!page.contains("<image") && !page.contains(r#"type="range""#));

    // One picture, one observation, no permit.
    let mut report = empty_report();
    let site = report.site.clone();
    report.observations = vec![observation(&site, date(2024, 7, 1), Some([20.0, 24.0, 28.0]), None)];
    report.after = Some(picture(date(2024, 7, 1), 60.0));
    let page = site_page(&report, Language::English).unwrap();
    keep("one.html", &page);
    let text = check(&page).text;
    assert_eq!(page.matches("<image").count(), 1);
    assert!(
        !page.contains(r#"type="range""#)
            && text.contains("No limit known")
            && text.contains("none is in the register")
    );
}

#[test]
fn a_site_under_cloud_keeps_its_last_verdict_in_sight() {
    let mut report = report();
    let site = report.site.clone();
    // Passed out of order.
    report.observations.insert(0, observation(&site, date(2024, 10, 2), None, Some(180.0)));
    let page = site_page(&report, Language::English).unwrap();
    keep("cloud.html", &page);
    let text = check(&page).text;
    let (_, verdict) = text.split_once("Not assessable").unwrap();
    let end = verdict.find("Last assessable observation, 2024-09-16: exceeded.").unwrap();
    assert!(verdict[end..].find(REVISION).unwrap() < 300);
    // Only clouds.
    report.observations.retain(|o| o.area.is_none());
    let text = check(&site_page(&report, Language::English).unwrap()).text;
    assert!(text.contains("could not be assessed on any date"));
}

#[test]
fn nothing_that_a_name_says_is_markup() {
    let evil = r#"<script>alert(1)</script>&"'{{style}}"#;
    let mut report = report();
    report.site.name = evil.to_owned();
    report.site.operator = Some(evil.to_owned());
    report.site.commodity = Some(evil.to_owned());
    for permit in &mut report.permits {
        (permit.number, permit.document, permit.document_sha256) =
            (evil.to_owned(), Some(evil.to_owned()), Some(evil.to_owned()));
    }
    for o in &mut report.observations {
        (o.statement, o.permit, o.warnings) = (evil.to_owned(), Some(evil.to_owned()), vec![evil.to_owned()]);
    }
    for scene in &mut report.scenes {
        (scene.id, scene.offset_decision, scene.processing_baseline) =
            (evil.to_owned(), evil.to_owned(), Some(evil.to_owned()));
    }
    report.before.as_mut().unwrap().scenes = vec![evil.to_owned()];
    let method = report.method.as_mut().unwrap();
    (method.model_title, method.model_sha256, method.software) = (evil.to_owned(), evil.to_owned(), evil.to_owned());
    let page = site_page(&report, Language::English).unwrap();
    let parsed = check(&page);
    assert_eq!(parsed.elements.iter().filter(|(name, _)| name == "script").count(), 1);
    assert!(page.contains("<h1>&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;'{{style}}</h1>"));

    let mut overview = overview();
    overview.title = evil.to_owned();
    overview.software = evil.to_owned();
    for site in &mut overview.sites {
        site.site.name = evil.to_owned();
        (site.site.operator, site.site.commodity) = (Some(evil.to_owned()), Some(evil.to_owned()));
        if let Some(last) = &mut site.last {
            last.statement = evil.to_owned();
        }
        site.page = Some("javascript:alert(1)".to_owned());
    }
    let page = overview_page(&overview, Language::English).unwrap();
    let parsed = check(&page);
    assert_eq!(parsed.elements.iter().filter(|(name, _)| name == "script").count(), 1);
    assert!(!page.contains("javascript:"));
}

#[test]
fn pictures_must_be_what_they_say() {
    let mut report = report();
    report.after.as_mut().unwrap().width = 421;
    let error = site_page(&report, Language::English).unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot use the picture of 2024-09-16: it has 420 x 360 pixels, and its outlines are for 421 x 360"
    );
    report.after.as_mut().unwrap().png.truncate(20);
    assert!(site_page(&report, Language::English).unwrap_err().to_string().contains("not a PNG"));
}

#[test]
fn pictures_of_other_sizes_stand_side_by_side() {
    let mut report = report();
    let before = report.before.as_mut().unwrap();
    (before.width, before.height, before.png) = (100, 90, ground(100, 90, &[]));
    let page = site_page(&report, Language::English).unwrap();
    check(&page);
    assert!(!page.contains(r#"type="range""#) && page.matches("<image").count() == 2);
}

#[test]
fn large_pictures_become_small() {
    let mut report = report();
    let after = report.after.as_mut().unwrap();
    (after.width, after.height, after.png) = (900, 800, ground(900, 800, &[(400.0, 400.0, 150.0, 0.0)]));
    assert!(after.png.len() > 400_000);
    let page = site_page(&report, Language::English).unwrap();
    assert!(page.contains("data:image/jpeg;base64,") && page.contains(r#"viewBox="0 0 900 800""#));
    assert!(page.len() < 2_000_000, "{}", page.len());
}

#[test]
fn numbers_that_are_none_do_not_spoil_the_chart() {
    let mut report = report();
    for (o, value) in report.observations.iter_mut().zip([f64::NAN, f64::INFINITY, -1.0, 0.0]) {
        o.area = Some(Area { ha: value, lower_ha: value, upper_ha: value });
        (o.gain_ha, o.loss_ha) = (Some(value), Some(value));
    }
    report.permits[0].limit_ha = Some(f64::NAN);
    report.indices[0].inside.ndvi = Some(f64::NAN);
    let page = site_page(&report, Language::English).unwrap();
    check(&page);
    // The base64 of pictures contains random letters.
    let without: String =
        page.split("base64,").map(|part| part.split_once('"').map_or(part, |(_, rest)| rest)).collect();
    assert!(!without.contains("NaN") && !without.contains("inf\""), "no number that SVG does not know");
}

#[test]
fn the_limit_is_a_step_over_each_validity() {
    let report = report();
    let order = report.in_order();
    let chart = timeline::timeline(&order, &report.permits, Language::English.words()).unwrap();
    assert!(chart.has_limit && chart.has_change);
    // Two horizontal lines, and a vertical one where one permit follows the other.
    assert_eq!(chart.svg.0.matches(r#"<line class="limit""#).count(), 3);
    let mut permits = report.permits.clone();
    permits[0].valid_to = Some(date(2022, 7, 1));
    let chart = timeline::timeline(&order, &permits, Language::English.words()).unwrap();
    assert_eq!(chart.svg.0.matches(r#"<line class="limit""#).count(), 2, "a gap between permits is no step");
    permits[0].valid_to = Some(date(2020, 7, 1));
    let chart = timeline::timeline(&order, &permits, Language::English.words()).unwrap();
    assert_eq!(chart.svg.0.matches(r#"<line class="limit""#).count(), 1, "a permit before the chart");
    let blind = report.observations.iter().filter(|o| o.area.is_none()).count();
    assert_eq!(chart.svg.0.matches(r#"class="mark open not-assessable""#).count(), blind);
}

#[test]
fn what_needs_attention_comes_first() {
    let overview = overview();
    let page = overview_page(&overview, Language::English).unwrap();
    keep("overview.html", &page);
    let parsed = check(&page);
    let verdicts: Vec<&str> = parsed
        .elements
        .iter()
        .filter(|(name, _)| name == "tr")
        .filter_map(|(_, a)| a.iter().find(|(key, _)| key == "data-verdict").map(|(_, value)| value.as_str()))
        .collect();
    let expected = [
        "exceeded",
        "exceeded",
        "possible-exceedance",
        "possible-exceedance",
        "not-assessable",
        "unseen",
        "no-limit",
        "within",
        "within",
        "within",
    ];
    assert_eq!(verdicts, expected);
    // The site furthest over its limit comes first.
    let first = page.split_once("<tbody>").unwrap().1;
    assert!(first.find("Brule Creek").unwrap() < first.find("Wolverine Bench").unwrap());
    assert!(page.contains(r#"<a href="site-1.html">Brule Creek</a>"#));
    assert!(parsed.text.contains(FOOTNOTE) && parsed.text.contains("10 sites, last observed on 2024-09-16"));
    assert!(page.len() < 100_000, "{}", page.len());
}

#[test]
fn an_overview_without_sites_and_one_of_a_thousand() {
    let mut overview = overview();
    let sites = std::mem::take(&mut overview.sites);
    let text = check(&overview_page(&overview, Language::English).unwrap()).text;
    assert!(text.contains("The register has no site.") && text.contains("0 sites, none observed yet"));
    overview.sites = (0..1000)
        .map(|i| {
            let mut entry = sites[i % sites.len()].clone();
            entry.site = site(
                &format!("s{i}"),
                &format!("Site {i}"),
                ((i % 40) as f64 * 8.0 - 160.0, (i / 40) as f64 * 4.0 - 40.0),
            );
            entry
        })
        .collect();
    let page = overview_page(&overview, Language::English).unwrap();
    keep("thousand.html", &page);
    check(&page);
    assert!(page.len() < 3_000_000, "{}", page.len());
}

/// English words that no other language of the reports has.
const ENGLISH: &[&str] = &[
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
    "outside",
    "inside",
    "around",
    "since",
    "made",
    "by",
    "limit",
    "permit",
    "boundary",
    "loss",
    "before",
    "after",
    "network",
    "picture",
    "shown",
    "scene",
    "assessed",
    "numbers",
    "interval",
    "below",
    "noise",
    "share",
    "from",
    "yet",
    "active",
    "unknown",
    "last",
    "observed",
    "exceeded",
    "within",
    "model",
    "weights",
    "software",
    "verdict",
];

/// Checks that a page speaks its language only, apart from what it marks as English, and has no key without words.
fn check_words(spoken: &str, language: Language) {
    for &word in ENGLISH {
        let is_shared = language == Language::English || (language == Language::French && word == "verdict");
        let mut words = spoken.split(|c: char| !c.is_alphabetic());
        assert!(is_shared || !words.any(|found| found.to_lowercase() == word), "{language}: `{word}`\n{spoken}");
    }
    let is_key = |word: &&str| word.contains('-') && word.chars().all(|c| c == '-' || c.is_ascii_lowercase());
    if language == Language::English {
        let keys: BTreeSet<&str> = spoken.split_whitespace().filter(is_key).collect();
        assert!(keys.is_subset(&BTreeSet::from(["new-site", "northern-ridge", "open-ended"])), "{keys:?}");
    }
}

#[test]
fn pages_speak_each_language_and_mark_the_record_as_english() {
    let mut report = report();
    report.problems = vec!["The register has a row that cannot be used: the row 7.".to_owned()];
    let last = report.observations.last_mut().unwrap();
    last.is_provisional = Some(true);
    last.share_beyond_map = Some(0.012);
    let estimated = last.area.unwrap();
    let parts =
        AreaParts { mapped_ha: 200.0, estimated, assumed_ha: 3.5, inside_permit_ha: None, outside_site_ha: 1.5 };
    last.parts = Some(parts);
    (last.gain_ha, last.loss_ha) = (Some(0.0), Some(0.0));
    last.seen_change = Some(SeenChange { gain_ha: 2.5, loss_ha: 0.0, noise_floor_ha: 8.5 });
    let last = last.clone();
    report.corrections = vec![Correction {
        site: last.site.clone(),
        observation: last.name(),
        date: last.date,
        replaced: report.created,
        reason: "the permit was added after the observation".to_owned(),
        verdict: Verdict::NoLimit,
        is_provisional: None,
        statement: String::new(),
        permit: None,
        limit_ha: None,
        outside_permit_ha: None,
    }];
    let mut overview = overview();
    overview.title = "Minas".to_owned();
    overview.problems = report.problems.clone();
    for (i, entry) in overview.sites.iter_mut().enumerate() {
        entry.site.name = format!("Mina {i}");
    }
    for language in Language::ALL {
        let words = language.words();
        let page = site_page(&report, language).unwrap();
        keep(&format!("site-{language}.html"), &page);
        let parsed = check_in(&page, language);
        check_words(&parsed.spoken, language);
        let (limit, seen) = match language {
            Language::English => ("180.0\u{a0}ha", "97.3\u{a0}%"),
            _ => ("180,0\u{a0}ha", "97,3\u{a0}%"),
        };
        for part in [
            limit,
            seen,
            &words.say("verdict-exceeded-heading"),
            &words.say("revision-may-be-missing"),
            &words.say("no-proof"),
            &words.hectares(Some(estimated.ha)),
            &words.say("chart-of-areas"),
            &words.say("indices-by-date"),
            &words.say("divider"),
        ] {
            assert!(parsed.spoken.contains(part), "{language}: {part}\n{}", parsed.spoken);
        }
        for record in [&report.problems[0], &last.warnings[0], &report.corrections[0].reason, &last.statement] {
            assert!(parsed.text.contains(record.as_str()), "{language}: {record}");
            let is_own = language == Language::English && *record == last.statement;
            assert_eq!(parsed.spoken.contains(record.as_str()), is_own, "{language}: {record}");
        }

        let page = overview_page(&overview, language).unwrap();
        keep(&format!("overview-{language}.html"), &page);
        let parsed = check_in(&page, language);
        check_words(&parsed.spoken, language);
        for key in ["locations", "map-of-sites", "how-to-read-text", "share-of-limit", "footnote"] {
            assert!(parsed.spoken.contains(&words.say(key)), "{language}: {key}\n{}", parsed.spoken);
        }
        assert!(parsed.spoken.contains(if language == Language::English { "330.5\u{a0}ha" } else { "330,5\u{a0}ha" }));
        // A page without anything.
        check_words(&check_in(&site_page(&empty_report(), language).unwrap(), language).spoken, language);
    }
    // A region writes its own numbers.
    let page = site_page(&report, Locale::of_tag("es-PE").unwrap()).unwrap();
    let parsed = check_in(&page, Language::Spanish);
    check_words(&parsed.spoken, Language::Spanish);
    assert!(parsed.spoken.contains("180.0\u{a0}ha") && !parsed.spoken.contains("180,0"));
}

#[test]
fn new_land_is_told_by_its_dates_with_a_map() {
    let mut report = report();
    assert!(!site_page(&report, Language::English).unwrap().contains("When land became disturbed"));
    let row = |after: Date, until: Date, confirmed_ha: f64, provisional_ha: f64| OnsetRow {
        after,
        until,
        confirmed_ha,
        provisional_ha,
    };
    let months = [date(2021, 5, 3), date(2022, 6, 3), date(2023, 7, 3), date(2024, 9, 16)];
    let rows = months.windows(2).enumerate();
    report.onsets = Some(Onsets {
        dates: [months[0], months[3]],
        rows: rows.map(|(i, pair)| row(pair[0], pair[1], 11.25 + i as f64, 0.5 * i as f64)).collect(),
        png: Some(ground(64, 48, &[(30.0, 20.0, 12.0, 0.4)])),
    });
    for language in Language::ALL {
        let page = site_page(&report, language).unwrap();
        let words = language.words();
        let caption = words.say_with("onset-picture", &[("first", "2021-05-03".into()), ("last", "2024-09-16".into())]);
        for part in [words.say("new-land"), caption, words.number(Some(13.25), 1), "<img class=\"onsets\"".to_owned()] {
            assert!(page.contains(&part), "{language}: {part}");
        }
        keep(&format!("site-onsets-{language}.pdf"), &site_pdf(&report, language).unwrap());
    }
    let onsets = report.onsets.as_mut().unwrap();
    assert_eq!(onsets.latest_rows(3), onsets.rows);
    // Nothing is lost in a short table.
    let short = onsets.latest_rows(2);
    assert_eq!(short, [row(months[0], months[2], 23.5, 0.5), row(months[2], months[3], 13.25, 1.0)]);
    onsets.rows.clear();
    let page = site_page(&report, Language::English).unwrap();
    assert!(page.contains("No land became disturbed between 2021-05-03 and 2024-09-16."));
    assert!(!page.contains("class=\"onsets\""));
}
