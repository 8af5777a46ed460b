//! Makes one observation from candidate scenes.

use minesegsat_core::job::Job;
use std::path::{Path, PathBuf};

use geo::{BoundingRect, MultiPolygon};
use jiff::Timestamp;
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use super::composite::{self, Mosaic};
use super::corrections::{map_folder, state};
use super::{Day, MonitorModel, MonitorOptions, RejectedScene, Shares, judge, picture};
use crate::register::{
    AreaParts, DamagedRow, NewLand, Observation, ObservationFile, Permit, Register, SeenChange, Site, observation_name,
};
use crate::timeline::indices;
use minesegsat_core::area_of_interest::AreaOfInterest;
use minesegsat_core::familiarity::CELL_PX;
use minesegsat_core::model_description::BandNormalisation;
use minesegsat_core::output::atomic_write;
use minesegsat_core::{Band, Crs, Error, Grid, Result};
use minesegsat_io::{Location, open_raster};
use minesegsat_map::change::{ChangeOptions, DatedMap, SiteChange, change};
use minesegsat_map::hectares::{Hectares, Permitted, SiteOnMap};
use minesegsat_map::predict::{PredictOptions, UNLIKE, predict};
use minesegsat_map::series::{Series, SeriesMap, SeriesRules};
use minesegsat_map::site::{SiteArea, SiteExtent, SitePixels, percent_text};
use minesegsat_scene::catalog::SearchArea;
use minesegsat_scene::download::{DownloadOptions, SceneState, download};
use minesegsat_scene::manifest::OutputRecord;
use minesegsat_scene::patch::{PatchReader, Validity};
use minesegsat_scene::{OpenOptions, Scene};

/// Metres per degree of latitude, for the buffer.
const METRES_PER_DEGREE: f64 = 111_320.0;
/// File in an observation's folder with the index medians inside and around the site.
pub const INDICES: &str = "indices.json";
/// Maximum age difference of the scenes in a composite, in days: one season.
const COMPOSITE_DAYS: i32 = 120;
/// Most maps of earlier observations in which new land is followed, without the first.
const MOST_DATES: usize = 60;

/// How scenes are opened. Snow hides mines: a map would show none, and all of them new in spring.
fn open_options() -> OpenOptions {
    OpenOptions { mask_snow: true, ..OpenOptions::default() }
}
/// Folder of the map inside an observation's folder.
const MAP: &str = "map";
const PICTURE: &str = "picture.png";

/// Makes observations.
pub(super) struct Observer<'a> {
    pub(super) register: &'a Register,
    pub(super) model: &'a MonitorModel<'a>,
    pub(super) options: &'a MonitorOptions,
    /// Folder with the files of all observations.
    pub(super) files: PathBuf,
    /// Rows of the register that belong to no site.
    pub(super) lost: Vec<DamagedRow>,
    pub(super) job: Job<'a>,
}

/// The scene of an observation: one scene, the mosaic of a day, or a composite of several days.
struct Chosen {
    scene: Scene,
    /// Scene ids, sorted.
    ids: Vec<String>,
    date: Date,
}

/// Share of a site without data that does not call for another scene of the day, 0 to 1.
const COMPLETE: f64 = 1e-3;

/// What a scene shows of a site, in shares of its whole outline, 0 to 1.
#[derive(Debug, Clone, Copy)]
struct View {
    seen: f64,
    /// Without data, or beyond the scene.
    missing: f64,
}

impl Observer<'_> {
    /// Observes a site on the best of the candidate dates, newest first. Also returns the scenes that show too little.
    pub(super) fn observe(
        &self,
        site: &Site,
        earlier: &[Observation],
        days: &[Day],
    ) -> Result<(Observation, Vec<RejectedScene>)> {
        let home = self.files.join(site.id.as_str());
        let (chosen, tried) = self.choose(site, &home, days)?;
        let Chosen { scene, ids, date } = chosen;
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
        for left_over in [&since_last, &since_first] {
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

        let new_land = self.new_land(&place, &map, &comparable, &mut warnings)?;

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
                new.since, new.confirmed_ha, new.provisional_ha
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
        Ok((observation, tried))
    }

    /// New land over this map and those of the earlier comparable observations, which are in the order of time. `None` for a
    /// first observation, or if the maps must not be compared.
    fn new_land(
        &self,
        place: &SiteArea,
        map: &DatedMap,
        comparable: &[&Observation],
        warnings: &mut Vec<String>,
    ) -> Result<Option<NewLand>> {
        // The first date stays, so that what is new since then stays comparable.
        let skipped = comparable.len().saturating_sub(MOST_DATES).min(comparable.len().saturating_sub(1));
        let used = comparable.iter().take(1).chain(comparable.iter().skip(1 + skipped));
        let mut maps: Vec<SeriesMap> = Vec::new();
        for observation in used {
            let Some(folder) = map_folder(observation, self.register) else { continue };
            match SeriesMap::open(&folder) {
                Ok(mut map) => {
                    map.record.date = Some(observation.date);
                    map.record.name = observation.name();
                    map.record.scene = None;
                    maps.push(map);
                }
                Err(error) => warnings.push(format!("the map of {} is left out: {error}", observation.date)),
            }
        }
        let Some(since) = maps.first().and_then(|map| map.record.date) else { return Ok(None) };
        maps.push(SeriesMap::from(DatedMap { scene: None, ..map.clone() }));
        let rules = SeriesRules { persistence: self.model.persistence, confirmation: self.options.confirmation };
        let level = self.options.level_percent;
        let measured =
            Series::new(maps).and_then(|series| series.measure(place, &rules, level, self.options.min_assessed));
        match measured {
            Ok(found) => Ok(found.map(|found| NewLand {
                since,
                confirmed_ha: found.new_ha,
                provisional_ha: found.new_provisional_ha,
            })),
            Err(error @ Error::Argument { .. }) => {
                warnings.push(format!("new land was not followed over the dates: {error}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Fetches the site's window of each day's scenes until a day shows enough of the site. If none does, makes a composite or
    /// takes the best day.
    fn choose(&self, site: &Site, home: &Path, days: &[Day]) -> Result<(Chosen, Vec<RejectedScene>)> {
        let mut tried: Vec<(f64, Chosen)> = Vec::new();
        let mut rejected = Vec::new();
        for day in days.iter().take(self.options.max_tries.max(1)) {
            let Some((chosen, share)) = self.fetch(site, home, day)? else { continue };
            if share >= self.options.min_assessed {
                return Ok((chosen, rejected));
            }
            rejected.extend(day.items.iter().map(|item| RejectedScene { scene: item.id().to_owned(), share }));
            tried.push((share, chosen));
        }
        if tried.is_empty() {
            return Err(Error::input(
                format!("site {}", site.id),
                "none of the scenes found has pixels over it, although their footprints do".to_owned(),
            ));
        }
        let newest = tried.iter().map(|(_, chosen)| chosen.date).max();
        let of_season: Vec<&Chosen> = tried
            .iter()
            .map(|(_, chosen)| chosen)
            .filter(|chosen| newest.is_some_and(|newest| (newest - chosen.date).get_days() <= COMPOSITE_DAYS))
            .collect();
        if self.options.composite && of_season.len() > 1 {
            let chosen = self.compose(site, home, &of_season)?;
            let share = self.view(site, &chosen.scene)?.seen;
            if tried.iter().all(|(other, _)| *other < share) {
                return Ok((chosen, rejected));
            }
        }
        let best = tried.into_iter().reduce(|a, b| if b.0 > a.0 { b } else { a });
        best.map(|(_, chosen)| (chosen, rejected)).ok_or(Error::Interrupted)
    }

    /// Fetches the scenes of a day, and puts them on one grid if the first one lacks a part of the site. Also returns the share
    /// of the site that is seen. `None` if no scene has pixels over it.
    fn fetch(&self, site: &Site, home: &Path, day: &Day) -> Result<Option<(Chosen, f64)>> {
        let around = window_around(&site.boundary, self.options.buffer_m);
        let area = SearchArea::from_bbox(around)?;
        let options = DownloadOptions {
            area: Some(area),
            clip: true,
            // The window of a smaller boundary.
            overwrite: true,
            ..DownloadOptions::default()
        };
        let mut used: Vec<(String, Scene)> = Vec::new();
        let mut view = View { seen: 0.0, missing: 1.0 };
        let mut mosaic: Option<Mosaic> = None;
        // A scene without data over the site, if there is no better one.
        let mut empty: Option<(String, Scene)> = None;
        for item in &day.items {
            self.job.check()?;
            self.job.progress.stage(&format!("fetching {}", day.date));
            let report =
                download(std::slice::from_ref(item), &home.join("scenes"), &options, self.job.without_progress())?;
            let path = report.scenes.iter().filter(|s| s.state != SceneState::Outside).find_map(|s| s.item.as_ref());
            let Some(path) = path else { continue };
            let scene = Scene::open(&path.display().to_string(), &open_options())?;
            let Some((_, first)) = used.first() else {
                view = self.view(site, &scene)?;
                if view.missing >= 1.0 {
                    empty.get_or_insert((item.id().to_owned(), scene));
                    continue;
                }
                used.push((item.id().to_owned(), scene));
                if view.missing <= COMPLETE {
                    break;
                }
                continue;
            };
            let bands = self.bands_of(first);
            if scene.require(&bands).is_err() {
                continue;
            }
            let mosaic = if let Some(mosaic) = &mut mosaic {
                mosaic
            } else {
                let grid = composite::common_grid(&[first, &scene], around)?;
                let mut new = Mosaic::new(grid, &bands);
                new.add(first)?;
                mosaic.insert(new)
            };
            // Another tile of one pass often has the same pixels.
            if mosaic.add(&scene)? {
                used.push((item.id().to_owned(), scene));
            }
            view = Self::view_of(site, mosaic.grid(), mosaic.validity())?;
            if view.missing <= COMPLETE {
                break;
            }
        }
        let Some(mosaic) = mosaic.filter(|_| used.len() > 1) else {
            let found = used.into_iter().next().or(empty);
            return found
                .map(|(id, scene)| {
                    let share = self.view(site, &scene)?.seen;
                    Ok((Chosen { scene, ids: vec![id], date: day.date }, share))
                })
                .transpose();
        };
        self.job.progress.stage(&format!("joining the scenes of {}", day.date));
        let mut ids: Vec<String> = used.into_iter().map(|(id, _)| id).collect();
        ids.sort();
        let scene = Self::write_scene(home, "mosaic", site, day.date, &ids, |path| mosaic.write(path, &ids))?;
        Ok(Some((Chosen { scene, ids, date: day.date }, view.seen)))
    }

    /// Writes a scene made of several into its own folder, and opens it.
    fn write_scene(
        home: &Path,
        kind: &str,
        site: &Site,
        date: Date,
        ids: &[String],
        write: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Scene> {
        let digest = minesegsat_core::hex::encode(&Sha256::digest(ids.join(" ").as_bytes())[..4]);
        let name = format!("{kind}-{}-{}-{date}-{digest}.tif", site.id, ids.len());
        let folder = home.join("scenes").join(format!("{kind}-{digest}"));
        let output = minesegsat_core::output::OutputFolder::create(&folder, &[&name], true)?;
        write(&output.path(&name))?;
        output.commit()?;
        Scene::open(&folder.join(&name).display().to_string(), &open_options())
    }

    /// The bands of the model that a scene has.
    fn bands_of(&self, scene: &Scene) -> Vec<Band> {
        self.model.description.bands.iter().copied().filter(|&band| scene.band(band).is_some()).collect()
    }

    fn compose(&self, site: &Site, home: &Path, tried: &[&Chosen]) -> Result<Chosen> {
        self.job.progress.stage("making a composite of the clear pixels");
        let bands = self.bands_of(&tried[0].scene);
        let used: Vec<&Chosen> = tried.iter().copied().filter(|chosen| chosen.scene.require(&bands).is_ok()).collect();
        let scenes: Vec<&Scene> = used.iter().map(|chosen| &chosen.scene).collect();
        let mut days: Vec<Date> = used.iter().map(|chosen| chosen.date).collect();
        days.sort_unstable();
        // The middle day is a day with a scene.
        let date = days[days.len() / 2];
        let mut ids: Vec<String> = used.iter().flat_map(|chosen| chosen.ids.clone()).collect();
        ids.sort();
        let grid = composite::common_grid(&scenes, window_around(&site.boundary, self.options.buffer_m))?;
        let write = |path: &Path| composite::write_median(path, &scenes, &bands, &grid, &ids);
        let scene = Self::write_scene(home, "composite", site, date, &ids, write)?;
        Ok(Chosen { scene, ids, date })
    }

    /// What a scene shows of a site.
    fn view(&self, site: &Site, scene: &Scene) -> Result<View> {
        let grid = scene.grid();
        let Some(pixels) = SitePixels::rasterize(&area_of(site), grid)? else {
            return Ok(View { seen: 0.0, missing: 1.0 });
        };
        let bands = self.bands_of(scene);
        let reader = PatchReader::new(scene, &bands, &vec![BandNormalisation::IDENTITY; bands.len()])?;
        let patch = reader.read(pixels.window.into())?;
        view_of_pixels(site, grid, &pixels, patch.validity.iter().copied())
    }

    /// What a map of validities, `[H, W]`, shows of a site.
    fn view_of(site: &Site, grid: &Grid, validity: &[u8]) -> Result<View> {
        let Some(pixels) = SitePixels::rasterize(&area_of(site), grid)? else {
            return Ok(View { seen: 0.0, missing: 1.0 });
        };
        let states: Vec<u8> = pixels.indices(grid.width).map(|i| validity[i]).collect();
        view_of_pixels(site, grid, &pixels, states)
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
            sites: vec![place.clone()],
            noise_floor: Some(self.model.noise_floor),
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

/// What validities of the pixels of a site's window, `[H, W]`, show of the site.
fn view_of_pixels(
    site: &Site,
    grid: &Grid,
    pixels: &SitePixels,
    validity: impl IntoIterator<Item = u8>,
) -> Result<View> {
    let extent = SiteExtent::measure(&area_of(site), pixels, grid)?;
    let (mut seen, mut without_data) = (0, 0);
    for (state, _) in validity.into_iter().zip(&pixels.inside).filter(|(_, inside)| **inside) {
        seen += usize::from(state == Validity::Assessable as u8);
        without_data += usize::from(state == Validity::NoData as u8);
    }
    Ok(View { seen: extent.share(seen), missing: extent.share_beyond() + extent.share(without_data) })
}

/// West, south, east, north in degrees of a boundary with a buffer.
fn window_around(boundary: &MultiPolygon<f64>, buffer_m: f64) -> [f64; 4] {
    let Some(rect) = boundary.bounding_rect() else { return [0.0; 4] };
    let (south, north) = (rect.min().y, rect.max().y);
    let up = buffer_m / METRES_PER_DEGREE;
    let along = up / south.abs().max(north.abs()).min(89.0).to_radians().cos();
    let turned = minesegsat_core::crs::wrap_longitude;
    [turned(rect.min().x - along), (south - up).max(-90.0), turned(rect.max().x + along), (north + up).min(90.0)]
}

/// All files of a folder with sizes and hashes, sorted by name. Class files are left out: a program that opens a raster may write
/// statistics into its class file, and the evidence would seem changed.
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
            if path.to_string_lossy().ends_with(".aux.xml") {
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
