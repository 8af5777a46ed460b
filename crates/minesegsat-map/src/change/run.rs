//! The change command: reads two dates and writes rasters, polygons, a table of sites and a record.

use minesegsat_core::Grouped;
use minesegsat_core::job::Job;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::picture::{TrueColour, UNSEEN, overlay, stable_colour};
use super::site::SiteRules;
use super::{ChangeMap, ChangeRules, DatedMap, Registration, RegistrationMode, SiteChange, compare, shift};
use crate::quicklook::{Picture, Plate};
use crate::site::{SiteArea, SitePixels, percent_text};
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::noise_floor::NoiseFloor;
use minesegsat_core::output::OutputFolder;
use minesegsat_core::pixel_class::{
    CHANGE_LABELS, CHANGE_PALETTE, CLASSES_ITEM, Change, GAIN_COLOUR, LOSS_COLOUR, MASK_NODATA, classes_text,
};
use minesegsat_core::polygonize::{Connectivity, Polygonizer};
use minesegsat_core::uncertainty::{AreaErrorModel, DEFAULT_LEVEL_PERCENT};
use minesegsat_core::{ChangeClassifier, Error, Grid, Result};
use minesegsat_io::class_file::write_class_file;
use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter, OverviewResampling};
use minesegsat_io::{DataType, Pixels};
use minesegsat_scene::manifest::{GridRecord, OutputRecord, Software};
use minesegsat_vector::vector::{ColumnType, FeatureLayer, LayerStyle, ShapeType, Value, write_layer};

/// Raster of the classes of [`Change`] in a folder of a comparison.
pub(crate) const CHANGE: &str = "change.tif";
/// Names and colours of its classes.
const CHANGE_CLASS_FILE: &str = "change.tif.aux.xml";

/// Settings of a comparison.
#[derive(Debug, Clone)]
pub struct ChangeOptions {
    /// The change head of the model of the maps. `None`, or that of another model: gain and loss are found by rules.
    pub head: Option<Arc<dyn ChangeClassifier>>,
    /// Probability threshold of the rules, and of land that is disturbed on both dates. Default: the later map's threshold.
    pub threshold: Option<f32>,
    /// Minimum size of a group of changed pixels, in square metres.
    pub min_area_m2: f64,
    /// The sites. Empty: only the whole map is evaluated.
    pub sites: Vec<SiteArea>,
    /// Why the file of the sites is not the whole of its source, by its own words, if the user accepted that.
    pub sites_incomplete: Option<String>,
    /// Noise floor. Default: that of the change head if it was asked, else that of the model.
    pub noise_floor: Option<NoiseFloor>,
    /// Confidence level of the intervals, in percent.
    pub level_percent: f64,
    /// Minimum share of a site that was assessed on both dates, 0 to 1. Sites below it are not assessable.
    pub min_assessed: f64,
    /// What happens with the shift between the two dates.
    pub registration: RegistrationMode,
    /// Whether existing outputs may be replaced.
    pub overwrite: bool,
}

impl Default for ChangeOptions {
    /// Rules, the model's threshold and noise floor, groups of at least 0.1 ha, 90 % intervals, at least half of a site
    /// assessed.
    fn default() -> Self {
        Self {
            head: None,
            threshold: None,
            min_area_m2: 1000.0,
            sites: Vec::new(),
            sites_incomplete: None,
            noise_floor: None,
            level_percent: DEFAULT_LEVEL_PERCENT,
            min_assessed: 0.5,
            registration: RegistrationMode::default(),
            overwrite: false,
        }
    }
}

/// The record of one comparison: `manifest.json`.
#[derive(Debug, Clone, Serialize)]
pub struct ChangeManifest {
    /// Version of the schema.
    pub change_version: u32,
    /// Name and version of the program.
    pub software: Software,
    /// When the run ended, UTC.
    pub created: jiff::Timestamp,
    /// The earlier and the later date.
    pub dates: [DateRecord; 2],
    /// Thresholds and sizes.
    pub rules: ChangeRules,
    /// The noise floor that was used.
    pub noise_floor: NoiseFloor,
    /// Confidence level of the intervals, in percent.
    pub confidence_level_percent: f64,
    /// Whether the spectra of the two scenes were compared.
    pub compared_spectra: bool,
    /// SHA-256 of the change head that found gain and loss. `None` if the rules did.
    pub change_head_sha256: Option<String>,
    /// The shift between the two scenes.
    pub registration: Registration,
    /// Grid of the rasters.
    pub grid: GridRecord,
    /// The whole map.
    pub total: SiteChange,
    /// The sites, in input order.
    pub sites: Vec<SiteChange>,
    /// Sites that do not overlap the maps.
    pub sites_elsewhere: Vec<String>,
    /// Why the file of the sites is not the whole of its source, by its own words, if the user accepted that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sites_incomplete: Option<String>,
    /// The files written, with their hashes.
    pub outputs: Vec<OutputRecord>,
    /// Warnings for the reader.
    pub warnings: Vec<String>,
}

/// One of the dates.
#[derive(Debug, Clone, Serialize)]
pub struct DateRecord {
    /// Name of the scene.
    pub scene: String,
    /// Day.
    pub date: Option<jiff::civil::Date>,
    /// Title of the model.
    pub model: String,
    /// SHA-256 of the model's weights.
    pub model_sha256: String,
    /// Whether an offset was removed from the digital numbers, and why.
    pub offset: String,
}

impl DateRecord {
    fn new(map: &DatedMap) -> Self {
        let did = if map.offset.removed { "offset removed" } else { "no offset" };
        Self {
            scene: map.name.clone(),
            date: map.date,
            model: map.model_title.clone(),
            model_sha256: map.model_sha256.clone(),
            offset: format!("{did}: {}", map.offset.statement),
        }
    }
}

/// All results from the pixels, before files are written.
pub(crate) struct Judged {
    pub(crate) total: SiteChange,
    pub(crate) sites: Vec<SiteChange>,
    pub(crate) elsewhere: Vec<String>,
}

/// Evaluates the sites of a comparison.
pub(crate) fn judge(map: &ChangeMap, dates: [&DatedMap; 2], sites: &[SiteArea], rules: &SiteRules) -> Result<Judged> {
    let meter = GeodesicMeter::new(&map.grid.crs)?;
    // A later map with other pixels counts as it was interpolated.
    let interpolated;
    let dates = if shift(&dates[0].grid, &dates[1].grid).is_some() {
        dates
    } else {
        let mapped = map.after.iter().map(|&p| p >= dates[1].threshold).collect();
        interpolated = dates[1].with_pixels(map.grid.clone(), map.after.clone(), mapped);
        [dates[0], &interpolated]
    };
    let all = SitePixels::all(&map.grid);
    let total = SiteChange::evaluate(("all", "whole map"), None, &all, map, dates, &meter, rules)?;
    let (mut found, mut elsewhere) = (Vec::new(), Vec::new());
    for site in sites {
        match SitePixels::rasterize(site, &map.grid)? {
            Some(pixels) => {
                let names = (site.id.as_str(), site.name.as_str());
                found.push(SiteChange::evaluate(names, Some(site), &pixels, map, dates, &meter, rules)?);
            }
            None => elsewhere.push(site.id.clone()),
        }
    }
    Ok(Judged { total, sites: found, elsewhere })
}

/// Number of pixels in an area on a grid, at least one.
pub(crate) fn pixels_of(grid: &Grid, area_m2: f64) -> Result<usize> {
    let pixel = SitePixels::all(grid).pixel_area_m2(grid, &GeodesicMeter::new(&grid.crs)?)?;
    Ok((area_m2 / pixel).ceil().max(1.0) as usize)
}

/// Compares two dates and writes everything into a folder.
///
/// All files appear under their names when the last one is complete. An error or a cancelled run leaves nothing
/// behind.
pub fn change(
    before: &DatedMap,
    after: &DatedMap,
    folder: &Path,
    options: &ChangeOptions,
    job: Job<'_>,
) -> Result<ChangeManifest> {
    const FILES: [&str; 6] = [CHANGE, CHANGE_CLASS_FILE, "change.gpkg", "change.png", "sites.csv", "manifest.json"];
    let threshold = options.threshold.unwrap_or(after.threshold);
    if !(0.0..1.0).contains(&threshold) {
        return Err(Error::Argument {
            name: "threshold",
            value: threshold.to_string(),
            accepted: "0 to below 1".to_owned(),
        });
    }
    let output = OutputFolder::create(folder, &FILES, options.overwrite)?;
    let min_pixels = pixels_of(&before.grid, options.min_area_m2)?;
    let rules = ChangeRules { registration: options.registration, ..ChangeRules::around(threshold, min_pixels) };
    job.progress.stage("comparing the dates");
    let map = compare(before, after, &rules, options.head.as_deref(), job)?;
    let mut warnings = map.warnings.clone();
    let of_head = options.head.as_ref().filter(|_| map.change_head_sha256.is_some()).map(|head| head.noise_floor());
    let floor = options.noise_floor.or(of_head.unwrap_or(after.noise_floor)).unwrap_or_default();
    if floor.learned_from == 0 {
        warnings.push(
            "small changes may be noise: the model's noise floor was never measured (`minesegsat noise-floor`)"
                .to_owned(),
        );
    }
    let area_error = [before.area_error, after.area_error];
    if area_error.iter().any(|model: &AreaErrorModel| model.fitted_to == 0) {
        warnings.push(
            "the intervals of areas are cautious defaults: the model's errors were never measured (`minesegsat calibrate`)"
                .to_owned(),
        );
    }
    job.progress.stage("measuring sites");
    let site_rules = SiteRules { floor, level_percent: options.level_percent, min_assessed: options.min_assessed };
    let Judged { total, sites, elsewhere } = judge(&map, [before, after], &options.sites, &site_rules)?;
    if !options.sites.is_empty() && sites.is_empty() {
        return Err(Error::Argument {
            name: "sites",
            value: elsewhere.join(", "),
            accepted: format!(
                "at least one that touches the maps, which cover {} (west,south,east,north)",
                before.bounds_text()
            ),
        });
    }

    warnings.extend(sites.iter().filter_map(|site| beyond_map(&site.id, site.beyond_map_ha, site.site_ha)));

    job.progress.stage("writing files");
    write_classes(&output.path(CHANGE), &map, before, after)?;
    write_class_file(&output.path(CHANGE_CLASS_FILE), &CHANGE_LABELS, &CHANGE_PALETTE)?;
    write_polygons(&output.path("change.gpkg"), &map, before, after, &sites, &options.sites)?;
    let backdrop = after.scene.as_ref().map(|scene| TrueColour::read(scene, &map.grid)).transpose()?.flatten();
    let rendered = backdrop.as_ref().map(|picture| TrueColour::rendered(&[picture]).swap_remove(0));
    let (pixels, width, height) = overlay(backdrop.as_ref().zip(rendered.as_deref()), &map.classes, &map.grid);
    let plate = plate(before, after, &total, &map.grid, (&pixels, width, height), map.grid.width.div_ceil(width))?;
    plate.write_png(&output.path("change.png"))?;
    fs_err::write(output.path("sites.csv"), table(&total, &sites)?)?;
    job.check()?;
    let mut outputs = Vec::new();
    // Programs that open the raster may change its class file.
    for name in FILES.iter().filter(|name| !["manifest.json", CHANGE_CLASS_FILE].contains(*name)) {
        outputs.push(OutputRecord::from_file(name, &output.path(name))?);
    }
    let manifest = ChangeManifest {
        change_version: 2,
        software: Software::this(),
        created: jiff::Timestamp::now(),
        dates: [DateRecord::new(before), DateRecord::new(after)],
        rules,
        noise_floor: floor,
        confidence_level_percent: options.level_percent,
        compared_spectra: map.compared_spectra,
        change_head_sha256: map.change_head_sha256.clone(),
        registration: map.registration.clone(),
        grid: GridRecord::from(&map.grid),
        total,
        sites,
        sites_elsewhere: elsewhere,
        sites_incomplete: options.sites_incomplete.clone(),
        outputs,
        warnings,
    };
    let json = serde_json::to_string_pretty(&manifest).map_err(std::io::Error::from)?;
    fs_err::write(output.path("manifest.json"), json + "\n")?;
    output.commit()?;
    Ok(manifest)
}

/// The picture of a change with dates, hectares, legend and scale. `factor` is grid pixels per picture pixel.
fn plate(
    before: &DatedMap,
    after: &DatedMap,
    total: &SiteChange,
    grid: &Grid,
    (pixels, width, height): (&[[u8; 3]], usize, usize),
    factor: usize,
) -> Result<Picture> {
    let day = |map: &DatedMap| map.date.map_or_else(|| map.name.clone(), |date| date.to_string());
    let noise = |is_above: bool| if is_above { "" } else { ", below the noise" };
    let plate = Plate {
        pixels,
        width,
        height,
        outline: None,
        caption: vec![
            format!("Change from {} to {}", day(before), day(after)),
            format!(
                "gain {:.1} ha{}; loss {:.1} ha{}; noise floor {:.1} ha",
                Grouped(total.gain_ha),
                noise(total.gain.is_some()),
                Grouped(total.loss_ha),
                noise(total.loss.is_some()),
                Grouped(total.floor_ha)
            ),
        ],
        legend: vec![
            (GAIN_COLOUR, "gain: newly disturbed".to_owned()),
            (LOSS_COLOUR, "loss: no longer disturbed".to_owned()),
            (stable_colour(), "disturbed on both dates".to_owned()),
            (UNSEEN, "not assessed".to_owned()),
        ],
        pixel_m: grid.ground_pixel_m().map(|(width, _)| width * factor as f64),
    };
    plate.draw()
}

/// A warning that part of a site lies beyond the map, if it does.
pub fn beyond_map(id: &str, beyond_ha: f64, site_ha: f64) -> Option<String> {
    (beyond_ha > 0.0).then(|| {
        format!(
            "site `{id}`: {} of its {:.1} ha lies beyond the map; that land was not seen",
            percent_text(beyond_ha / site_ha),
            Grouped(site_ha)
        )
    })
}

fn write_classes(path: &Path, map: &ChangeMap, before: &DatedMap, after: &DatedMap) -> Result<()> {
    const ROWS: usize = 256;
    let options = CogOptions {
        data_type: DataType::U8,
        nodata: Some(f64::from(MASK_NODATA)),
        bands: vec![BandMeta {
            description: Some("0 none, 1 stable, 2 gain, 3 loss, 255 not assessable on one of the dates".to_owned()),
            ..BandMeta::named("mining_change")
        }],
        overview_resampling: OverviewResampling::Mode,
        metadata: vec![
            ("BEFORE".to_owned(), before.name.clone()),
            ("AFTER".to_owned(), after.name.clone()),
            (CLASSES_ITEM.to_owned(), classes_text(Change::ALL.map(|class| (class as u8, class.name())))),
        ],
        palette: Some(CHANGE_PALETTE.to_vec()),
        ..CogOptions::default()
    };
    let mut cog = CogWriter::create(path, &map.grid, options)?;
    for rows in map.classes.chunks(ROWS * map.grid.width) {
        cog.write_rows(&[Pixels::U8(rows.to_vec())])?;
    }
    cog.finish()
}

/// One polygon per connected part of gain, loss and stable land. Its attributes name its site and whether the site's
/// change is above the noise floor.
fn write_polygons(
    path: &Path,
    map: &ChangeMap,
    before: &DatedMap,
    after: &DatedMap,
    sites: &[SiteChange],
    areas: &[SiteArea],
) -> Result<()> {
    let meter = GeodesicMeter::new(&map.grid.crs)?;
    let width = map.grid.width;
    let mut owner = vec![0_u32; map.classes.len()];
    for (number, site) in (1..).zip(sites) {
        let Some(area) = areas.iter().find(|area| area.id == site.id) else { continue };
        let Some(pixels) = SitePixels::rasterize(area, &map.grid)? else { continue };
        for (i, _) in pixels.indices(width).zip(&pixels.inside).filter(|(_, inside)| **inside) {
            owner[i] = number;
        }
    }
    let mut features = Vec::new();
    for class in Change::OF_MINES {
        let mut polygonizer = Polygonizer::new(width, Connectivity::Four);
        let mut line = vec![0; width];
        let difference = |i: usize| match class {
            Change::Gain => map.after[i] - map.before[i],
            Change::Loss => map.before[i] - map.after[i],
            _ => map.after[i].min(map.before[i]),
        };
        for row in 0..map.grid.height {
            let at = row * width;
            for (out, &value) in line.iter_mut().zip(&map.classes[at..at + width]) {
                *out = if value == class as u8 {
                    1
                } else if value == MASK_NODATA {
                    MASK_NODATA
                } else {
                    0
                };
            }
            // Only probabilities of region pixels matter.
            let values: Vec<f32> =
                (at..at + width).map(|i| if line[i - at] == 1 { difference(i) } else { 0.0 }).collect();
            polygonizer.push_row(&line, &values);
        }
        for region in &polygonizer.finish() {
            let geometry = region.to_map(&map.grid.transform);
            let area_ha = meter.measure(&geometry)?.area_m2 / 1e4;
            let first = first_pixel(&region.geometry, width);
            let site = owner.get(first).copied().filter(|&number| number > 0).map(|n| &sites[n as usize - 1]);
            let counts = site.is_none_or(|site| match class {
                Change::Gain => site.gain.is_some(),
                Change::Loss => site.loss.is_some(),
                _ => true,
            });
            features.push((
                geometry.into(),
                vec![
                    Value::Text(class.name().to_owned()),
                    Value::Real(area_ha),
                    Value::Real(region.mean_probability),
                    site.map_or(Value::Null, |site| Value::Text(site.id.clone())),
                    Value::Boolean(counts),
                    Value::Boolean(region.touches_edge),
                    Value::Boolean(region.touches_nodata),
                ],
            ));
        }
    }
    let of = |map: &DatedMap| map.date.map_or_else(|| map.name.clone(), |date| date.to_string());
    let layer = FeatureLayer {
        name: "mining_change",
        title: format!("Change of disturbed land, {} to {}", of(before), of(after)),
        description: format!("Gain, loss and stable disturbed land between {} and {}", before.name, after.name),
        datetime: after.date.and_then(|date| Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())),
        metadata: serde_json::json!({"before": before.name, "after": after.name}).to_string(),
        shape: ShapeType::MultiPolygon,
        columns: vec![
            ("change", ColumnType::Text),
            ("area_ha", ColumnType::Real),
            ("mean_difference", ColumnType::Real),
            ("site", ColumnType::OptionalText),
            ("above_noise", ColumnType::Boolean),
            ("touches_edge", ColumnType::Boolean),
            ("touches_nodata", ColumnType::Boolean),
        ],
        choices: Vec::new(),
        style: Some(LayerStyle::change("change")),
        features,
    };
    write_layer(path, &map.grid.crs, &layer)
}

/// Index of the pixel at the upper left of the uppermost edge of an outline in pixel corners.
fn first_pixel(outline: &geo::MultiPolygon<f64>, width: usize) -> usize {
    let corners = outline.iter().flat_map(|polygon| &polygon.exterior().0);
    let first = corners.min_by(|a, b| a.y.total_cmp(&b.y).then(a.x.total_cmp(&b.x)));
    first.map_or(0, |corner| corner.y as usize * width + corner.x as usize)
}

/// `sites.csv`: the whole map, then the sites.
fn table(total: &SiteChange, sites: &[SiteChange]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let fail = |error: csv::Error| Error::Io(std::io::Error::other(error));
    writer
        .write_record([
            "id",
            "name",
            "site_ha",
            "share_assessed",
            "before_ha",
            "before_lower_ha",
            "before_upper_ha",
            "after_ha",
            "after_lower_ha",
            "after_upper_ha",
            "stable_ha",
            "gain_ha",
            "loss_ha",
            "floor_ha",
            "gain_reported",
            "loss_reported",
            "statement",
            "beyond_map_ha",
            "before_seen_ha",
            "before_mapped_ha",
            "before_estimated_ha",
            "before_assumed_ha",
            "after_seen_ha",
            "after_mapped_ha",
            "after_estimated_ha",
            "after_assumed_ha",
        ])
        .map_err(fail)?;
    for site in [total].into_iter().chain(sites) {
        let area = |area: Option<minesegsat_core::uncertainty::Area>| {
            area.map_or([const { String::new() }; 3], |a| [a.ha, a.lower_ha, a.upper_ha].map(|v| format!("{v:.2}")))
        };
        let mut record = vec![site.id.clone(), site.name.clone(), format!("{:.2}", site.site_ha)];
        record.push(format!("{:.4}", site.share_assessed));
        record.extend(area(site.before.disturbed));
        record.extend(area(site.after.disturbed));
        record.extend([site.stable_ha, site.gain_ha, site.loss_ha, site.floor_ha].map(|v| format!("{v:.2}")));
        record.extend([site.gain.is_some().to_string(), site.loss.is_some().to_string(), site.statement.clone()]);
        record.push(format!("{:.2}", site.beyond_map_ha));
        for date in [&site.before, &site.after] {
            let number = |ha: Option<f64>| ha.map(|ha| format!("{ha:.2}")).unwrap_or_default();
            record.push(format!("{:.2}", date.seen_ha));
            record.extend([date.mapped_ha, date.estimated.map(|area| area.ha), date.assumed_ha].map(number));
        }
        writer.write_record(&record).map_err(fail)?;
    }
    writer.into_inner().map_err(|error| Error::Io(error.into_error()))
}
