//! Loads the content of a site's page from a register and the files of its observations.

use std::path::Path;

use geo::{AffineOps, AffineTransform, MultiPolygon};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use super::{DatedPicture, IndexPoint, IndexValues, MethodFacts, OnsetRow, Onsets, SceneRow, SiteReport};
use minesegsat_core::area_of_interest::polygons_on_scene;
use minesegsat_core::pixel_class::Change;
use minesegsat_core::polygonize::{Connectivity, Polygonizer};
use minesegsat_core::{Crs, Result};
use minesegsat_io::{Location, read_json};
use minesegsat_watch::monitor::{INDICES, SERIES, read_classes};
use minesegsat_watch::register::{Observation, Permit, Register, SiteId};
use minesegsat_watch::timeline::ONSET_PICTURE;

/// Minimum size of a drawn region, in pixels; smaller ones would be specks.
const SMALLEST: u64 = 5;

/// Loads everything known about a site. Missing files leave gaps, which the page reports.
pub fn load_site(register: &Register, id: &SiteId) -> Result<SiteReport> {
    load(register, id, None)
}

/// Loads what was known about a site at one of its observations, which becomes the last one. Missing files leave gaps, which the page
/// reports.
pub fn load_site_at(register: &Register, observation: &Observation) -> Result<SiteReport> {
    load(register, &observation.site, Some(observation))
}

fn load(register: &Register, id: &SiteId, last: Option<&Observation>) -> Result<SiteReport> {
    let site = register.known_site(id)?;
    let permits = register.read_permits(id)?;
    let observations = register.read_observations(id)?;
    let mut damaged = permits.damaged;
    damaged.extend(observations.damaged);
    damaged.extend(register.rows_without_site()?.into_iter().filter(|row| row.may_belong_to(id.as_str())));
    let problems = damaged.iter().map(|row| format!("The register has a row that cannot be used: {row}.")).collect();
    let (permits, mut observations) = (permits.rows, observations.rows);
    let mut corrections = register.corrections(id, false)?;
    corrections.retain(|correction| last.is_none_or(|last| correction.date <= last.date));
    if let Some(last) = last {
        // One day may have several observations.
        observations.retain(|o| (o.date, o.created) <= (last.date, last.created));
    }
    observations.sort_by_key(|observation| (observation.date, observation.created));
    let folder = register.folder();
    let mut scenes: Vec<SceneRow> = Vec::new();
    let mut method = None;
    for observation in &observations {
        let manifest = observation
            .file(folder, "map/manifest.json")
            .and_then(|path| read_json::<Value>(&Location::from(path.as_path())).ok());
        if let Some(manifest) = &manifest {
            method = Some(method_of(manifest, observation));
        }
        for scene in &observation.scenes {
            if scenes.iter().any(|known| known.id == *scene) {
                continue;
            }
            // The record of a composite does not describe its individual scenes.
            let record = manifest.as_ref().filter(|_| observation.scenes.len() == 1);
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let decision = record.map(|m| &m["radiometry"]["decision"]);
            scenes.push(SceneRow {
                id: scene.clone(),
                date: observation.date,
                cloud_cover_percent: record.and_then(|m| m["scene"]["cloud_cover_percent"].as_f64()),
                processing_baseline: record.and_then(|m| text(&m["scene"]["processing_baseline"])),
                offset_decision: decision.map_or_else(
                    || "one of several scenes on one grid".to_owned(),
                    |d| {
                        let did = if d["removes_offset"] == true { "offset subtracted" } else { "no offset" };
                        format!("{did}: {}", d["statement"].as_str().unwrap_or("not recorded"))
                    },
                ),
                share_assessed: record.map(|_| observation.share_assessed),
            });
        }
    }
    let last = observations.last();
    // Pictures of two boundaries show changes that nobody compared.
    let is_same = |o: &Observation| {
        o.boundary_sha256.is_none() || last.is_some_and(|last| o.boundary_sha256 == last.boundary_sha256)
    };
    let first = observations
        .iter()
        .find(|o| o.area.is_some() && is_same(o))
        .filter(|first| last.is_some_and(|l| l.date > first.date));
    let picture = |observation: &Observation, since_first: Option<Date>| {
        let permit = permits.iter().find(|permit| permit.holds_on(observation.date));
        picture_of(observation, folder, &site.boundary, permit, since_first)
    };
    let before = first.map(|o| picture(o, None)).transpose()?.flatten();
    let after = last.map(|o| picture(o, first.map(|first| first.date))).transpose()?.flatten();
    Ok(SiteReport {
        site,
        permits,
        before,
        after,
        scenes,
        method,
        onsets: last.and_then(|last| onsets_of(last, folder)),
        indices: observations.iter().filter_map(|observation| indices_of(observation, folder)).collect(),
        observations,
        problems,
        corrections,
        created: Timestamp::now(),
    })
}

/// Index medians of an observation. `None` if their file is missing.
fn indices_of(observation: &Observation, folder: &Path) -> Option<IndexPoint> {
    let path = observation.file(folder, INDICES)?;
    let value: Value = read_json(&Location::from(path.as_path())).ok()?;
    let of = |place: &str| {
        let index = |name: &str| value[place][name].as_f64();
        IndexValues { ndvi: index("ndvi"), bsi: index("bsi"), ndwi: index("ndwi") }
    };
    Some(IndexPoint { date: observation.date, inside: of("inside"), around: of("around") })
}

/// Onsets of an observation. `None` if it has no series, or its record cannot be read.
fn onsets_of(observation: &Observation, folder: &Path) -> Option<Onsets> {
    let file = |name: &str| observation.file(folder, &format!("/{SERIES}/{name}"));
    let record: Value = read_json(&Location::from(file("manifest.json")?.as_path())).ok()?;
    let date = |value: &Value| value.as_str()?.parse::<Date>().ok();
    let dates = record["dates"].as_array()?;
    let row = |value: &Value| {
        Some(OnsetRow {
            after: date(&value["after"])?,
            until: date(&value["until"])?,
            confirmed_ha: value["confirmed_ha"].as_f64()?,
            provisional_ha: value["provisional_ha"].as_f64()?,
        })
    };
    let mut rows: Vec<OnsetRow> = Vec::new();
    for row in record["onsets"].as_array()?.iter().map(row) {
        let row = row?;
        match rows.last_mut().filter(|last| last.until == row.until) {
            Some(last) => *last = last.joined(row),
            None => rows.push(row),
        }
    }
    Some(Onsets {
        dates: [date(dates.first()?)?, date(dates.last()?)?],
        rows,
        png: file(ONSET_PICTURE).and_then(|path| fs_err::read(path).ok()),
    })
}

fn method_of(manifest: &Value, observation: &Observation) -> MethodFacts {
    let text = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
    let floor =
        serde_json::from_value::<minesegsat_core::noise_floor::NoiseFloor>(manifest["model"]["noise_floor"].clone());
    MethodFacts {
        model_title: text(&manifest["model"]["title"]),
        model_sha256: observation.model_sha256.clone(),
        threshold: manifest["parameters"]["threshold"].as_f64().unwrap_or(f64::NAN),
        confidence_level_percent: observation.confidence_level_percent,
        noise_floor_ha: Some(observation.seen_change.map_or_else(
            || floor.unwrap_or_default().ha(observation.area.map_or(0.0, |area| area.ha)),
            |seen| seen.noise_floor_ha,
        )),
        software: format!("{} {}", text(&manifest["software"]["name"]), text(&manifest["software"]["version"])),
    }
}

fn picture_of(
    observation: &Observation,
    folder: &Path,
    boundary: &MultiPolygon<f64>,
    permit: Option<&Permit>,
    since_first: Option<Date>,
) -> Result<Option<DatedPicture>> {
    let (Some(png), Some(mask)) = (observation.file(folder, "/picture.png"), observation.file(folder, "map/mask.tif"))
    else {
        return Ok(None);
    };
    let bytes = fs_err::read(&png)?;
    let Ok(reader) = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info() else { return Ok(None) };
    let (width, height) = (reader.info().width, reader.info().height);
    let (grid, classes) = read_classes(&mask)?;
    // Map pixels to picture pixels.
    let scale = f64::from(width) / grid.width as f64;
    let scaled =
        |outline: MultiPolygon<f64>| outline.affine_transform(&AffineTransform::scale(scale, scale, (0.0, 0.0)));
    let on_picture = |outline: &MultiPolygon<f64>| -> Result<MultiPolygon<f64>> {
        let outline = polygons_on_scene(&grid, outline, &Crs::WGS84)?;
        let t = &grid.transform;
        let to_pixels = AffineTransform::new(
            1.0 / t.pixel_width,
            0.0,
            -t.origin_x / t.pixel_width,
            0.0,
            1.0 / t.pixel_height,
            -t.origin_y / t.pixel_height,
        );
        Ok(scaled(outline.affine_transform(&to_pixels)))
    };
    let (mut gain, mut loss) = (MultiPolygon(Vec::new()), MultiPolygon(Vec::new()));
    let of = |file: &str, since: Option<Date>| Some((observation.file(folder, file)?, since?));
    let change = since_first.and_then(|first| {
        of("change-since-baseline/change.tif", Some(first))
            .or_else(|| of("change/change.tif", observation.compared_with))
    });
    let change_since = change.map(|(path, since)| -> Result<Date> {
        let (change_grid, changes) = read_classes(&path)?;
        // The change raster covers only the area that both dates share.
        let (col, row) = grid.transform.to_pixel(change_grid.transform.origin_x, change_grid.transform.origin_y);
        let place = |class: Change| {
            let outline = outlines(&changes, change_grid.width, class as u8);
            scaled(outline.affine_transform(&AffineTransform::translate(col, row)))
        };
        gain = place(Change::Gain);
        loss = place(Change::Loss);
        Ok(since)
    });
    Ok(Some(DatedPicture {
        date: observation.date,
        scenes: observation.scenes.clone(),
        png: bytes,
        width,
        height,
        pixel_m: grid.ground_pixel_m().map(|(width, _)| width / scale),
        disturbed: scaled(outlines(&classes, grid.width, 1)),
        change_since: change_since.transpose()?,
        gain,
        loss,
        permit: permit
            .and_then(|permit| permit.polygon.as_ref())
            .map(on_picture)
            .transpose()?
            .unwrap_or(MultiPolygon(Vec::new())),
        boundary: on_picture(boundary)?,
    }))
}

/// Outlines of all regions of a class, in pixel coordinates.
fn outlines(classes: &[u8], width: usize, class: u8) -> MultiPolygon<f64> {
    let mut polygonizer = Polygonizer::new(width, Connectivity::Four);
    let none = vec![0.0; width];
    let mut line = vec![0; width];
    for row in classes.chunks_exact(width) {
        for (out, &value) in line.iter_mut().zip(row) {
            *out = u8::from(value == class);
        }
        polygonizer.push_row(&line, &none);
    }
    let regions = polygonizer.finish();
    regions
        .iter()
        .filter(|region| region.pixel_count >= SMALLEST)
        .flat_map(|region| region.geometry.0.clone())
        .collect()
}
