//! Makes one observation from candidate scenes.

use minesegsat_core::Grouped;
use minesegsat_core::job::Job;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;

use super::choose::{COMPLETE, Choice, Chosen, DateChoice};
use super::corrections::{map_folder, state};
use super::series::SERIES;
use super::{Day, MonitorModel, MonitorOptions, RejectedScene, Shares, judge, picture};
use crate::register::{
    AreaParts, DamagedRow, Observation, ObservationFile, Permit, Register, SeenChange, Site, observation_name,
};
use crate::timeline::indices;
use minesegsat_core::area_of_interest::AreaOfInterest;
use minesegsat_core::familiarity::CELL_PX;
use minesegsat_core::output::atomic_write;
use minesegsat_core::{Crs, Error, Grid, Result};
use minesegsat_io::{Location, open_raster};
use minesegsat_map::change::{ChangeOptions, DatedMap, SiteChange, change};
use minesegsat_map::hectares::{Hectares, Permitted, SiteOnMap};
use minesegsat_map::predict::{PredictOptions, UNLIKE, predict};
use minesegsat_map::site::{SiteArea, SiteExtent, SitePixels, percent_text};
use minesegsat_scene::manifest::OutputRecord;

/// File in an observation's folder with the index medians inside and around the site.
pub const INDICES: &str = "indices.json";

/// Folder of the map inside an observation's folder.
const MAP: &str = "map";
const PICTURE: &str = "picture.png";

/// An observation, and how its date was chosen.
pub(super) struct Observed {
    pub(super) observation: Observation,
    pub(super) choice: DateChoice,
    /// Scenes that show too little of the site.
    pub(super) rejected: Vec<RejectedScene>,
}

/// Makes observations.
pub(super) struct Observer<'a> {
    pub(super) register: &'a Register,
    pub(super) model: &'a MonitorModel<'a>,
    pub(super) options: &'a MonitorOptions,
    /// Folder with the files of all observations.
    pub(super) files: PathBuf,
    /// All sites of the register that can be read.
    pub(super) neighbours: Vec<Site>,
    /// Rows of the register that belong to no site.
    pub(super) lost: Vec<DamagedRow>,
    pub(super) job: Job<'a>,
}

impl Observer<'_> {
    /// Observes a site on the best of the candidate dates. The dates are tried in the given order.
    pub(super) fn observe(&self, site: &Site, earlier: &[Observation], days: &[Day]) -> Result<Observed> {
        let home = self.files.join(site.id.as_str());
        let Choice { chosen, date: choice, rejected } = self.choose(site, &home, days)?;
        let Chosen { scene, ids, date, .. } = chosen;
        let folder = home.join(observation_name(date, &ids, &self.model.sha256));
        self.job.progress.stage(&format!("mapping {date}"));
        let description =
            self.model.description.without_absent(self.model.max_absent, |band| scene.band(band).is_some());
        let options = PredictOptions { overwrite: true, area: AreaOfInterest::Scene, ..self.options.predict.clone() };
        predict(&scene, &description, self.model.segmenter, &folder.join(MAP), &options, self.job)?;
        let mut map = DatedMap::open(&folder.join(MAP))?;
        map.date = Some(date);
        map.scene_ids.clone_from(&ids);
        let mut warnings = scene.warnings();
        let first = earlier.iter().filter(|o| o.area.is_some()).min_by_key(|o| o.date);
        let like = first.map(|first| home.join(first.name()).join(PICTURE));
        picture::write(&folder.join(PICTURE), &scene, &map.grid, like.as_deref())?;
        let place = area_of(site);
        if let Some(pixels) = SitePixels::rasterize(&place, &map.grid)? {
            let [inside, around] = indices(&scene, &map, &pixels, map.grid.full_window())?;
            let json = serde_json::json!({ "inside": inside, "around": around }).to_string();
            atomic_write(&folder.join(INDICES), json.as_bytes())?;
        }
        map.scene = Some(scene);

        self.job.progress.stage(&format!("comparing {date}"));
        let (since_last, since_first) = (folder.join("change"), folder.join("change-since-baseline"));
        let series = folder.join(SERIES);
        for left_over in [&since_last, &since_first, &series] {
            remove_folder(left_over)?;
        }
        let boundary = site.boundary_sha256();
        let of_model = |o: &&Observation| o.model_sha256 == self.model.sha256 && o.area.is_some() && o.date < date;
        let mut before: Vec<&Observation> = earlier.iter().filter(of_model).collect();
        before.sort_by_key(|o| o.date);
        let is_other = |o: &Observation| o.boundary_sha256.as_ref().is_some_and(|known| *known != boundary);
        let comparable: Vec<&Observation> = before.iter().copied().filter(|o| !is_other(o)).collect();
        let (baseline, last) = (comparable.first().copied(), comparable.last().copied());
        // The boundary was changed after this day.
        let changed_after = before.last().filter(|o| is_other(o)).map(|o| o.date);
        let mut last_map = None;
        let mut changed: Option<(Date, SiteChange)> = None;
        let mut not_comparable = None;
        if let Some(last) = last
            && let Some(before) = self.map_of(last, &mut warnings)
        {
            let found = self.compare(&before, &map, &place, &since_last, &mut warnings)?;
            last_map = Some(before);
            if let Some(found) = found {
                if last.boundary_sha256.is_none() {
                    warnings.push(format!(
                        "the observation of {} does not say which boundary it was made from: if the boundary was changed \
                         since, gain and loss are not comparable",
                        last.date
                    ));
                }
                let beyond_now = Self::extent_beyond(&place, &map.grid)?;
                let beyond_both = found.beyond_map_ha / found.site_ha.max(f64::MIN_POSITIVE);
                if last.boundary_sha256.is_none() && beyond_both > beyond_now + COMPLETE {
                    // The map of that day was made for a smaller boundary.
                    not_comparable = Some(last.date);
                    remove_folder(&since_last)?;
                } else {
                    changed = Some((last.date, found));
                }
            }
        }
        let is_older = |first: &&Observation| last.is_some_and(|last| last.date != first.date);
        if let Some(first) = baseline.filter(is_older).filter(|_| not_comparable.is_none())
            && let Some(before) = self.map_of(first, &mut warnings)
        {
            self.compare(&before, &map, &place, &since_first, &mut Vec::new())?;
        }

        let followed = self.follow(&place, &map, &comparable, &series, &mut warnings)?;
        let new_land = followed.map(|found| found.new_land);
        let share_in_other_sites = self.share_in_other_sites(site, &place, &mut warnings)?;

        let permits = self.register.read_permits(&site.id)?;
        let mut unreadable = permits.damaged;
        let lost = self.lost.iter().filter(|row| row.table == "permits" && row.may_belong_to(site.id.as_str()));
        unreadable.extend(lost.cloned());
        warnings.extend(unreadable.iter().map(|row| format!("in the register, {row}")));
        let permit = permits.rows.into_iter().find(|permit| permit.holds_on(date));
        let permit_sha256 = permit.as_ref().map(Permit::sha256);
        let measured = self.measure(&place, (&map, &folder.join(MAP)), last_map.as_ref(), permit.as_ref())?;
        let shares = measured.shares;
        if shares.beyond > 0.0 {
            warnings.push(format!("{} of the site lies beyond the scenes of {date}", percent_text(shares.beyond)));
        }
        let level = self.options.level_percent;
        let judged =
            judge(date, &measured.hectares, shares, self.options.min_assessed, level, permit.as_ref(), &unreadable);
        let mut details = Vec::new();
        if let Some(day) = changed_after.or(not_comparable) {
            let known = if changed_after.is_some() { "was changed" } else { "may have been changed" };
            let then = match &changed {
                Some((since, _)) => format!("It is compared with {since}, which has the same boundary."),
                None => "This observation is a new baseline.".to_owned(),
            };
            details.push(format!("The boundary of the site {known} after {day}: not comparable with that day. {then}"));
            warnings.push(format!(
                "the boundary of the site {known} after {day}: gain and loss since that day are not comparable"
            ));
        }
        let permit_before = before.last().filter(|o| o.permit_sha256.is_some() && o.permit_sha256 != permit_sha256);
        if let Some(before) = permit_before {
            warnings.push(format!(
                "another version of the permit held on {}: land outside the permit is not comparable with that day",
                before.date
            ));
        }
        let parts = measured.parts.filter(|_| shares.is_assessable(self.options.min_assessed));
        let is_assessable = parts.is_some();
        if let Some((since, found)) = changed.as_ref().filter(|_| is_assessable) {
            details.push(format!("Since {since}: {}.", found.statement));
        }
        if let Some(new) = new_land.filter(|_| is_assessable) {
            details.push(format!(
                "Over all dates since {}: {:.1} ha new and confirmed, {:.1} ha new and provisional.",
                new.since,
                Grouped(new.confirmed_ha),
                Grouped(new.provisional_ha)
            ));
        }
        warnings.sort();
        warnings.dedup();
        let reported = |area: fn(&SiteChange) -> Option<crate::register::Area>| {
            let (_, found) = changed.as_ref()?;
            (found.share_assessed >= self.options.min_assessed).then(|| area(found).map_or(0.0, |area| area.ha))
        };
        let mut observation = Observation {
            site: site.id.clone(),
            date,
            scenes: ids,
            model_sha256: self.model.sha256.clone(),
            share_assessed: shares.assessed,
            share_beyond_map: Some(shares.beyond),
            share_in_other_sites: Some(share_in_other_sites),
            share_disagreeing: followed.and_then(|found| found.share_disagreeing),
            boundary_sha256: Some(boundary),
            permit_sha256,
            area: measured.hectares.disturbed.filter(|_| is_assessable),
            parts,
            confidence_level_percent: level,
            compared_with: changed.as_ref().map(|(day, _)| *day),
            gain_ha: reported(|found| found.gain),
            loss_ha: reported(|found| found.loss),
            seen_change: changed.as_ref().filter(|(_, found)| found.share_assessed >= self.options.min_assessed).map(
                |(_, found)| SeenChange {
                    gain_ha: found.gain_ha,
                    loss_ha: found.loss_ha,
                    noise_floor_ha: found.floor_ha,
                },
            ),
            outside_permit_ha: measured.outside_permit_ha.filter(|_| is_assessable),
            permit: permit.as_ref().map(|permit| permit.number.clone()),
            limit_ha: permit.as_ref().and_then(|permit| permit.limit_ha),
            verdict: judged.0,
            is_provisional: None,
            new_land: new_land.filter(|_| is_assessable),
            statement: String::new(),
            details: Some(details.join(" ")),
            warnings,
            files: files_of(&folder, self.register.folder())?,
            created: Timestamp::now(),
        };
        state(&mut observation, &judged, earlier, self.options.confirmation);
        Ok(Observed { observation, choice, rejected })
    }

    /// Share of a site's outline that other sites of the register also cover, 0 to 1. Adds a warning that names them.
    fn share_in_other_sites(&self, site: &Site, place: &SiteArea, warnings: &mut Vec<String>) -> Result<f64> {
        let mut shared = Vec::new();
        for other in self.neighbours.iter().filter(|other| other.id != site.id) {
            if place.share_covered([&other.boundary])? > 0.0 {
                shared.push(other);
            }
        }
        let share = place.share_covered(shared.iter().map(|other| &other.boundary))?;
        if share > 0.0 {
            let names: Vec<String> = shared.iter().map(|other| format!("`{}`", other.id)).collect();
            warnings.push(format!(
                "{} of the outline of the site also belongs to {}: land there counts for each of these sites",
                percent_text(share),
                names.join(", ")
            ));
        }
        Ok(share)
    }

    /// Share of a site beyond a grid, 0 to 1.
    fn extent_beyond(place: &SiteArea, grid: &Grid) -> Result<f64> {
        let Some(pixels) = SitePixels::rasterize(place, grid)? else { return Ok(1.0) };
        Ok(SiteExtent::measure(place, &pixels, grid)?.share_beyond())
    }

    /// Map of an earlier observation. Adds a warning if it cannot be opened.
    fn map_of(&self, observation: &Observation, warnings: &mut Vec<String>) -> Option<DatedMap> {
        match DatedMap::open(&map_folder(observation, self.register)?) {
            Ok(mut map) => {
                map.date = Some(observation.date);
                Some(map)
            }
            Err(error) => {
                warnings.push(format!("no comparison with the map of {}: {error}", observation.date));
                None
            }
        }
    }

    fn compare(
        &self,
        before: &DatedMap,
        after: &DatedMap,
        place: &SiteArea,
        folder: &Path,
        warnings: &mut Vec<String>,
    ) -> Result<Option<SiteChange>> {
        let options = ChangeOptions {
            head: self.model.change_head.clone(),
            sites: vec![place.clone()],
            level_percent: self.options.level_percent,
            min_assessed: self.options.min_assessed,
            overwrite: true,
            ..ChangeOptions::default()
        };
        match change(before, after, folder, &options, self.job) {
            Ok(mut found) => {
                warnings.append(&mut found.warnings);
                Ok(found.sites.pop())
            }
            // The area gets a verdict even if the dates must not be compared.
            Err(error @ Error::Argument { .. }) => {
                warnings.push(format!("not compared with the earlier map: {error}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn measure(
        &self,
        place: &SiteArea,
        (map, folder): (&DatedMap, &Path),
        last: Option<&DatedMap>,
        permit: Option<&Permit>,
    ) -> Result<Measured> {
        let Some(site) = SiteOnMap::new(place, map)? else {
            return Ok(Measured {
                shares: Shares { assessed: 0.0, beyond: 1.0, unlike: 0.0 },
                hectares: Hectares::default(),
                parts: None,
                outside_permit_ha: None,
            });
        };
        let hectares = site.hectares(last, self.options.level_percent);
        let values = site.pixels.values(&map.probability, map.grid.width);
        let unlike = unlike_share(&folder.join(UNLIKE), &site.pixels, &values, &map.grid)?;
        let shares = Shares { assessed: hectares.share_seen(), beyond: site.extent.share_beyond(), unlike };
        let outline = permit.and_then(|permit| permit.polygon.clone());
        let outline = outline.map(|boundary| SiteArea { boundary, ..place.clone() });
        let mapped = site.mapped_parts(permitted(permit, outline.as_ref()))?;
        let parts = match (hectares.mapped_ha, hectares.estimated, hectares.assumed_ha) {
            (Some(mapped_ha), Some(estimated), Some(assumed_ha)) => Some(AreaParts {
                mapped_ha,
                estimated,
                assumed_ha,
                inside_permit_ha: mapped.inside_permit_ha,
                outside_site_ha: mapped.outside_site_ha,
            }),
            _ => None,
        };
        Ok(Measured { shares, hectares, parts, outside_permit_ha: mapped.outside_permit_ha })
    }
}

struct Measured {
    shares: Shares,
    hectares: Hectares,
    /// `None` if nothing was seen.
    parts: Option<AreaParts>,
    outside_permit_ha: Option<f64>,
}

/// Share of a site's visible pixels in cells that are unlike anything that the model has learned from; 0 without such a file.
fn unlike_share(file: &Path, pixels: &SitePixels, values: &[f32], grid: &Grid) -> Result<f64> {
    if !file.is_file() {
        return Ok(0.0);
    }
    let cells = open_raster(&Location::from(file))?;
    let of_cells = &cells.info().grid;
    let distances = cells.read(0, of_cells.full_window())?.to_f32();
    let at = |pixel: usize| (pixel / grid.width / CELL_PX) * of_cells.width + pixel % grid.width / CELL_PX;
    let per_pixel: Vec<f32> = (0..grid.width * grid.height).map(|pixel| distances[at(pixel)]).collect();
    let site = pixels.values(&per_pixel, grid.width);
    let (mut seen, mut unlike) = (0_usize, 0_usize);
    for (distance, probability) in site.iter().zip(values) {
        if !probability.is_nan() {
            seen += 1;
            unlike += usize::from(*distance > 1.0);
        }
    }
    Ok(unlike as f64 / seen.max(1) as f64)
}

/// Removes a folder that an interrupted run left behind.
fn remove_folder(folder: &Path) -> Result<()> {
    match fs_err::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Where a permit with or without an outline allows disturbance.
pub(super) fn permitted<'a>(permit: Option<&Permit>, outline: Option<&'a SiteArea>) -> Permitted<'a> {
    match (permit, outline) {
        (_, Some(outline)) => Permitted::Inside(outline),
        (Some(_), None) => Permitted::Site,
        (None, None) => Permitted::Nowhere,
    }
}

/// A site with its outline in longitude and latitude.
pub fn area_of(site: &Site) -> SiteArea {
    SiteArea {
        id: site.id.to_string(),
        name: site.name.clone(),
        boundary: site.boundary.clone(),
        crs: Crs::WGS84,
        features: 1,
    }
}

/// All files of a folder with sizes and hashes, sorted by name. Class files and styles are left out: a program that opens a raster
/// may write statistics into its class file, and the evidence would seem changed.
fn files_of(folder: &Path, base: &Path) -> Result<Vec<ObservationFile>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if [".aux.xml", ".qml"].iter().any(|end| path.to_string_lossy().ends_with(end)) {
                continue;
            }
            let relative = path.strip_prefix(base).unwrap_or(&path);
            let name =
                relative.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
            let record = OutputRecord::from_file(&name, &path)?;
            files.push(ObservationFile { path: record.name, size: record.size, sha256: record.sha256 });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use geo::MultiPolygon;
    use minesegsat_core::GeoTransform;
    use minesegsat_io::Pixels;
    use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter};

    use super::*;

    #[test]
    fn the_part_of_a_site_that_is_unlike_is_counted_over_its_visible_pixels() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(UNLIKE);
        let grid = |side: usize, pixel_m: f64| Grid {
            crs: Crs::from_epsg(32610).unwrap(),
            transform: GeoTransform::north_up(600_000.0, 5_500_000.0, pixel_m),
            width: side,
            height: side,
        };
        let map = grid(2 * CELL_PX, 10.0);
        // The left half of the map: an unlike cell above one of which nothing is known.
        let outline = geo::Rect::new((600_000.0, 5_499_360.0), (600_320.0, 5_500_000.0)).to_polygon();
        let (id, name) = (String::new(), String::new());
        let site = SiteArea { id, name, boundary: MultiPolygon::new(vec![outline]), crs: map.crs.clone(), features: 1 };
        let pixels = SitePixels::rasterize(&site, &map).unwrap().unwrap();
        let mut values = pixels.values(&vec![0.5; map.width * map.height], map.width);
        let share = |values: &[f32]| unlike_share(&file, &pixels, values, &map).unwrap();
        assert_eq!(share(&values), 0.0, "a map without the file");

        let options = CogOptions { bands: vec![BandMeta::named("distance")], ..CogOptions::default() };
        let mut cog = CogWriter::create(&file, &grid(2, 320.0), options).unwrap();
        cog.write_rows(&[Pixels::F32(vec![2.0, 0.5, f32::NAN, 3.0])]).unwrap();
        cog.finish().unwrap();
        assert_eq!(share(&values), 0.5);
        // Clouds hide half of the unlike cell.
        values[..CELL_PX * CELL_PX / 2].fill(f32::NAN);
        assert_eq!(share(&values), 1.0 / 3.0);
        values.fill(f32::NAN);
        assert_eq!(share(&values), 0.0);
    }
}
