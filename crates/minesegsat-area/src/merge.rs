//! One map of all units: polygons that are whole across the borders of tiles and zones, masks, and hectares.
//!
//! ```text
//! units of a period and a CRS ── owned pixels ── one mask, row by row ── regions
//! regions of all CRSs ────────── joined where they touch across zones ── features with ids
//! features of two periods ────── overlap ── ids that last, and parents
//! ```
//! Each place has one owner, see [`ownership`](crate::ownership), so no land counts twice. A mask is thresholded after the units are
//! joined, so the minimum area is that of the whole polygon. All files follow from the plan and the units' maps alone: the order of
//! work does not change a byte.

mod features;
mod files;
mod mosaic;
mod stac;

use std::collections::BTreeSet;
use std::path::Path;

use geo::MultiPolygon;
use minesegsat_core::job::Job;
use minesegsat_core::output::{FolderLock, OutputFolder};
use minesegsat_core::pixel_class::{MASK_LABELS, MASK_PALETTE};
use minesegsat_core::uncertainty::{Area, AreaMoments, DEFAULT_LEVEL_PERCENT};
use minesegsat_core::{Error, Grid, Result};
use minesegsat_io::class_file::write_class_file;
use minesegsat_scene::manifest::OutputRecord;
use serde::{Deserialize, Serialize};

use self::features::{Piece, join, lineage};
pub(crate) use self::files::mask_name;
use self::mosaic::{Merged, Mosaic};
pub(crate) use self::mosaic::{check_grids, codes};
use crate::ownership::TilePlaces;
use crate::project::{Project, Unit, UnitState};
use crate::store::{LocalFolder, Store};

/// Polygons of all periods, sorted by place.
pub const LAND_PARQUET: &str = "land.parquet";
/// The same for GIS programs, with a style.
pub const LAND_GPKG: &str = "land.gpkg";
/// The same for web maps, which read the part that they show.
pub const LAND_FGB: &str = "land.fgb";
/// Hectares of each period.
pub const TOTALS: &str = "totals.json";
/// STAC collection of the masks.
pub const COLLECTION: &str = "collection.json";

/// Options of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MergeOptions {
    /// Merge although units are missing. Their land is left out, and all totals say how much that is.
    pub allow_missing: bool,
    /// Replace an earlier merge.
    pub overwrite: bool,
}

/// A piece of disturbed land in a period, whole across borders of tiles and zones.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Id that lasts: that of its largest parent, else EPSG code and place of its first pixel.
    pub id: String,
    /// Index of the period.
    pub period: usize,
    /// Outline in longitude and latitude.
    pub geometry: MultiPolygon<f64>,
    /// Area on the ellipsoid in hectares.
    pub area_ha: f64,
    /// Mean probability of its pixels.
    pub mean_probability: f64,
    /// Highest probability of a pixel.
    pub max_probability: f64,
    /// Whether it borders on land that was not seen, or on the edge of the area or of a zone.
    pub touches_unseen: bool,
    /// Ids of the features that it overlaps, largest overlap first: those of the period before, then earlier ones that no period
    /// since has shown.
    pub parents: Vec<String>,
}

/// Hectares of a period. All are on the ellipsoid, and count each place once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeriodTotals {
    /// Name of the period.
    pub period: String,
    /// The area on all tiles.
    pub area_ha: f64,
    /// The part that was seen.
    pub seen_ha: f64,
    /// The part of units that are missing, of tiles without a scene, and of units whose scenes show nothing.
    pub missing_ha: f64,
    /// The part of the area that no tile covers. It is not in `area_ha`.
    pub uncovered_ha: f64,
    /// Disturbed land of the polygons. Pixels are counted, so there is no interval.
    pub mapped_ha: f64,
    /// Number of polygons.
    pub polygons: usize,
    /// Estimated in the seen part: the sum of the probabilities, with its interval.
    pub estimated: Area,
    /// Assumed in the land that the units' scenes did not show: the mean of the unit. Missing units are left out.
    pub assumed_ha: f64,
    /// Estimated and assumed land together, with the interval of both.
    pub disturbed: Area,
    /// Level of the intervals in percent.
    pub level_percent: f64,
    /// Units that are not mapped.
    pub missing_units: Vec<String>,
    /// Units without a scene.
    pub empty_units: Vec<String>,
    /// SHA-256 of the names and hashes of the maps that were merged. It differs if a unit was mapped again.
    #[serde(default)]
    pub maps_sha256: String,
}

/// Result of a merge.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MergeReport {
    /// Hectares of each period.
    pub periods: Vec<PeriodTotals>,
    /// The files, in the output folder.
    pub files: Vec<String>,
}

/// Merges a project into a folder, or into a folder of an object store, where `totals.json` appears last.
///
/// The interval of a total treats the error that all pixels of a scene share as shared by the whole area: scenes of one region and
/// season err alike. That is cautious; errors of distant scenes that cancel would make it narrower.
///
/// # Errors
/// Units are missing and that is not allowed; grids of one CRS do not fit together; a file cannot be read or written.
pub fn merge(project: &Project, store: impl Into<Store>, options: MergeOptions, job: Job<'_>) -> Result<MergeReport> {
    let store = store.into();
    let folder = match &store {
        Store::Folder(folder) => LocalFolder::from(folder.as_path()),
        Store::Objects(_) if !options.overwrite && store.exists(TOTALS)? => {
            return Err(Error::OutputExists { path: store.path_of(TOTALS) });
        }
        Store::Objects(_) => LocalFolder::temporary()?,
    };
    let report = merge_on_disk(project, &folder.path, options, job)?;
    job.progress.stage("storing the merge");
    // The totals say whether the other files are those of the maps.
    let others = report.files.iter().map(String::as_str).filter(|&name| name != TOTALS);
    store.take(&folder, others.chain([TOTALS]))?;
    Ok(report)
}

fn merge_on_disk(project: &Project, folder: &Path, options: MergeOptions, job: Job<'_>) -> Result<MergeReport> {
    let plan = &project.plan;
    let missing = missing_units(project)?;
    let count: usize = missing.iter().map(Vec::len).sum();
    if count > 0 && !options.allow_missing {
        let names: Vec<&str> = missing.iter().flatten().take(10).map(String::as_str).collect();
        let more = if count > names.len() { format!(" and {} more", count - names.len()) } else { String::new() };
        return Err(Error::input(
            project.store().to_string(),
            format!("{count} of {} units are not mapped: {}{more}", plan.units.len(), names.join(", ")),
        )
        .avoided_by(minesegsat_core::Setting::MissingUnits));
    }
    let _lock = FolderLock::acquire(folder)?;
    let mut names: Vec<String> = [LAND_PARQUET, LAND_GPKG, LAND_FGB, TOTALS, COLLECTION].map(str::to_owned).to_vec();
    for period in 0..plan.periods.len() {
        for epsg in codes(&plan.tiles) {
            names.extend(files::mask_names(project, period, epsg));
            names.push(stac::item_name(project, period, epsg));
        }
        names.push(files::index_name(project, period));
    }
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let output = OutputFolder::create(folder, &all, options.overwrite)?;

    let mut features: Vec<Vec<Feature>> = Vec::new();
    let mut known = Vec::new();
    let mut periods = Vec::new();
    let mut masks = Vec::new();
    let mut used = BTreeSet::new();
    let places = TilePlaces::new(&plan.tiles)?;
    let empty: BTreeSet<&str> = plan.empty.iter().map(String::as_str).collect();
    for (period, missing_units) in missing.into_iter().enumerate() {
        job.check()?;
        job.progress.item(period, plan.periods.len(), &plan.periods[period].name);
        let mut merged = merge_period(project, &places, period, &missing_units, &output, job)?;
        lineage(period, &mut merged.features, merged.pieces, &mut known, &mut used);
        features.push(merged.features);
        masks.extend(merged.masks);
        let empty_units = empty_units(project, &empty, period);
        periods.push(PeriodTotals { missing_units, empty_units, ..merged.totals });
    }
    job.progress.stage("writing polygons");
    let features = features::in_order(features.into_iter().flatten().collect());
    files::write_land(project, &features, &output)?;
    let json = serde_json::to_string_pretty(&periods).map_err(std::io::Error::from)?;
    fs_err::write(output.path(TOTALS), json + "\n")?;
    stac::write(project, &masks, &output)?;
    output.commit()?;
    Ok(MergeReport { periods, files: names })
}

/// A period that was merged.
struct MergedPeriod {
    features: Vec<Feature>,
    /// Pieces of each feature, for the overlap with the next period.
    pieces: Vec<Vec<Piece>>,
    /// Without the names of units.
    totals: PeriodTotals,
    masks: Vec<stac::Mask>,
}

fn merge_period(
    project: &Project,
    places: &TilePlaces,
    period: usize,
    missing_units: &[String],
    output: &OutputFolder,
    job: Job<'_>,
) -> Result<MergedPeriod> {
    let plan = &project.plan;
    let maps_sha256 = project.maps_sha256(period)?;
    let missing: BTreeSet<&str> = missing_units.iter().map(String::as_str).collect();
    // The unit of each tile that is mapped.
    let mut units = vec![None; plan.tiles.len()];
    let is_mapped = |unit: &&Unit| unit.period == period && !missing.contains(unit.id.as_str());
    plan.units.iter().filter(is_mapped).for_each(|unit| units[unit.tile] = Some(unit));
    let mut merged = Vec::new();
    for epsg in codes(&plan.tiles) {
        job.progress.stage(&format!("{} EPSG:{epsg}", plan.periods[period].name));
        merged.push(Mosaic::new(project, places, &units, epsg)?.run(job)?);
    }
    let grids: Vec<&Grid> = merged.iter().map(|one| &one.mosaic.grid).collect();
    files::write_index(project, period, &grids, output)?;
    job.progress.stage("joining polygons");
    let pieces = merged.iter().map(Merged::pieces).collect::<Result<Vec<_>>>()?;
    let groups = join(&pieces)?;
    let area_of = |group: &[(usize, usize)]| -> f64 { group.iter().map(|&(a, b)| pieces[a][b].area_m2).sum() };
    let kept: Vec<Vec<(usize, usize)>> =
        groups.into_iter().filter(|group| area_of(group) >= plan.min_area_m2).collect();
    let mut keep: Vec<Vec<bool>> = pieces.iter().map(|pieces| vec![false; pieces.len()]).collect();
    kept.iter().flatten().for_each(|&(a, b)| keep[a][b] = true);
    let mut masks = Vec::with_capacity(merged.len());
    for (one, keep) in merged.iter_mut().zip(&keep) {
        let [classes, mask] = files::mask_names(project, period, one.mosaic.epsg());
        one.write_mask(&output.path(&mask), keep)?;
        write_class_file(&output.path(&classes), &MASK_LABELS, &MASK_PALETTE)?;
        let record = OutputRecord::from_file(&mask, &output.path(&mask))?;
        masks.push(stac::Mask { period, grid: one.mosaic.grid.clone(), record });
    }
    let error = &plan.model.area_error;
    let (mut seen, mut all) = (AreaMoments::default(), AreaMoments::default());
    let (mut area_m2, mut seen_m2, mut missing_m2) = (0.0, 0.0, 0.0);
    for part in merged.iter().flat_map(|one| &one.mosaic.parts) {
        seen = seen.plus(&part.moments.seen());
        all = all.plus(&part.moments.all());
        area_m2 += part.counts.area as f64 * part.pixel_m2;
        seen_m2 += part.counts.seen as f64 * part.pixel_m2;
        missing_m2 += part.counts.missing as f64 * part.pixel_m2;
    }
    let estimated = error.area(&seen, DEFAULT_LEVEL_PERCENT, seen_m2);
    let disturbed = error.area(&all, DEFAULT_LEVEL_PERCENT, area_m2 - missing_m2);
    let features: Vec<Feature> = kept.iter().map(|group| features::feature(period, group, &pieces)).collect();
    let totals = PeriodTotals {
        period: plan.periods[period].name.clone(),
        area_ha: area_m2 / 1e4,
        seen_ha: seen_m2 / 1e4,
        missing_ha: missing_m2 / 1e4,
        uncovered_ha: plan.uncovered_ha,
        // The sum of no number is -0.0.
        mapped_ha: features.iter().map(|feature| feature.area_ha).sum::<f64>() + 0.0,
        polygons: features.len(),
        estimated,
        assumed_ha: disturbed.ha - estimated.ha,
        disturbed,
        level_percent: DEFAULT_LEVEL_PERCENT,
        missing_units: Vec::new(),
        empty_units: Vec::new(),
        maps_sha256,
    };
    let pieces = kept.into_iter().map(|group| group.into_iter().map(|(a, b)| pieces[a][b].clone()).collect()).collect();
    Ok(MergedPeriod { features, pieces, totals, masks })
}

/// Units of each period that are not mapped.
fn missing_units(project: &Project) -> Result<Vec<Vec<String>>> {
    let mut missing = vec![Vec::new(); project.plan.periods.len()];
    for (unit, record) in project.plan.units.iter().zip(project.records()?) {
        if record.state != UnitState::Done {
            missing[unit.period].push(unit.id.clone());
        }
    }
    Ok(missing)
}

fn empty_units(project: &Project, empty: &BTreeSet<&str>, period: usize) -> Vec<String> {
    let plan = &project.plan;
    let ids = plan.tiles.iter().map(|tile| format!("{}-{}", tile.name, plan.periods[period].name));
    ids.filter(|id| empty.contains(id.as_str())).collect()
}
