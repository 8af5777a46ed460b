mod html;
mod pdf;

use std::f64::consts::TAU;

use geo::{Coord, LineString, MultiPolygon, Polygon};
use jiff::civil::{Date, date};

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
