//! Makes one observation from candidate scenes.

use minesegsat_core::job::Job;
use std::path::{Path, PathBuf};

use geo::{BoundingRect, MultiPolygon};
use jiff::Timestamp;
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use super::{MonitorModel, MonitorOptions, RejectedScene, composite, day_of, judge, picture};
use crate::register::{Observation, ObservationFile, Permit, Register, Site, observation_name};
use crate::timeline::indices;
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::area_of_interest::AreaOfInterest;
use minesegsat_core::model_description::BandNormalisation;
use minesegsat_core::output::atomic_write;
use minesegsat_core::{Band, Crs, Error, Grid, Result};
use minesegsat_map::change::site::{SitePixels, area_of_date};
use minesegsat_map::change::{ChangeOptions, DatedMap, SiteArea, SiteChange, change};
use minesegsat_map::predict::{PredictOptions, predict};
use minesegsat_scene::catalog::{Item, SearchArea};
use minesegsat_scene::download::{DownloadOptions, SceneState, download};
use minesegsat_scene::manifest::OutputRecord;
use minesegsat_scene::patch::{PatchReader, Validity};
use minesegsat_scene::{OpenOptions, Scene};

/// Metres per degree of latitude, for the buffer.
const METRES_PER_DEGREE: f64 = 111_320.0;
/// File in an observation's folder with the index medians inside and around the site.
pub(crate) const INDICES: &str = "indices.json";
/// Maximum age difference of the scenes in a composite, in days: one season.
const COMPOSITE_DAYS: i32 = 120;
/// Folder of the map inside an observation's folder.
const MAP: &str = "map";
/// End of the path of the map's record.
const MAP_MANIFEST: &str = "map/manifest.json";

/// Makes observations.
pub(super) struct Observer<'a> {
    pub(super) register: &'a Register,
    pub(super) model: &'a MonitorModel<'a>,
    pub(super) options: &'a MonitorOptions,
    /// Folder with the files of all observations.
    pub(super) files: PathBuf,
    pub(super) job: Job<'a>,
}

/// The scene of an observation, or a composite of several.
struct Chosen {
    scene: Scene,
    /// Scene ids, sorted.
    ids: Vec<String>,
    date: Date,
}

impl Observer<'_> {
    /// Observes a site on the best of the candidate dates, newest first. Also returns the scenes that show too little.
    pub(super) fn observe(
        &self,
        site: &Site,
        earlier: &[Observation],
        items: &[Item],
    ) -> Result<(Observation, Vec<RejectedScene>)> {
        let home = self.files.join(site.id.as_str());
        let (chosen, tried) = self.choose(site, &home, items)?;
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
        picture::write(&folder.join("picture.png"), &scene, &map.grid)?;
        let place = SiteArea {
            id: site.id.to_string(),
            name: site.name.clone(),
            boundary: site.boundary.clone(),
            crs: Crs::WGS84,
        };
        if let Some(pixels) = SitePixels::rasterize(&place, &map.grid)? {
            let [inside, around] = indices(&scene, &map, &pixels, map.grid.full_window())?;
            let json = serde_json::json!({ "inside": inside, "around": around }).to_string();
            atomic_write(&folder.join(INDICES), json.as_bytes())?;
        }
        map.scene = Some(scene);

        self.job.progress.stage(&format!("comparing {date}"));
        let of_model = |o: &&Observation| o.model_sha256 == self.model.sha256 && o.area.is_some() && o.date < date;
        let mut comparable: Vec<&Observation> = earlier.iter().filter(of_model).collect();
        comparable.sort_by_key(|o| o.date);
        let (baseline, last) = (comparable.first().copied(), comparable.last().copied());
        let mut last_map = None;
        let mut changed: Option<(Date, SiteChange)> = None;
        if let Some(last) = last
            && let Some(before) = self.map_of(last, &mut warnings)
        {
            let found = self.compare(&before, &map, &place, &folder.join("change"), &mut warnings)?;
            changed = found.map(|found| (last.date, found));
            last_map = Some(before);
        }
        if let Some(first) = baseline.filter(|first| last.is_some_and(|last| last.date != first.date))
            && let Some(before) = self.map_of(first, &mut warnings)
        {
            self.compare(&before, &map, &place, &folder.join("change-since-baseline"), &mut Vec::new())?;
        }

        let permit = self.register.permit_on(&site.id, date)?;
        let measured = self.measure(&place, &map, last_map.as_ref(), permit.as_ref())?;
        let level = self.options.level_percent;
        let (verdict, mut statement) =
            judge(date, measured.area, measured.share, self.options.min_assessed, level, permit.as_ref());
        let is_assessable = measured.share >= self.options.min_assessed && measured.area.is_some();
        if let Some((since, found)) = changed.as_ref().filter(|_| is_assessable) {
            statement = format!("{statement} Since {since}: {}.", found.statement);
        }
        warnings.sort();
        warnings.dedup();
        let reported = |area: fn(&SiteChange) -> Option<crate::register::Area>| {
            let (_, found) = changed.as_ref()?;
            (found.share_assessed >= self.options.min_assessed).then(|| area(found).map_or(0.0, |area| area.ha))
        };
        let observation = Observation {
            site: site.id.clone(),
            date,
            scenes: ids,
            model_sha256: self.model.sha256.clone(),
            share_assessed: measured.share,
            area: measured.area.filter(|_| is_assessable),
            confidence_level_percent: level,
            compared_with: changed.as_ref().map(|(day, _)| *day),
            gain_ha: reported(|found| found.gain),
            loss_ha: reported(|found| found.loss),
            outside_permit_ha: measured.outside_permit_ha.filter(|_| is_assessable),
            permit: permit.as_ref().map(|permit| permit.number.clone()),
            limit_ha: permit.as_ref().and_then(|permit| permit.limit_ha),
            verdict,
            statement,
            warnings,
            files: files_of(&folder, self.register.folder())?,
            created: Timestamp::now(),
        };
        Ok((observation, tried))
    }

    /// Fetches the site's window of each scene until one shows enough of the site. If none does, makes a composite or takes
    /// the best scene.
    fn choose(&self, site: &Site, home: &Path, items: &[Item]) -> Result<(Chosen, Vec<RejectedScene>)> {
        let area = SearchArea::from_bbox(window_around(&site.boundary, self.options.buffer_m))?;
        let mut tried: Vec<(f64, Chosen)> = Vec::new();
        let mut rejected = Vec::new();
        for item in items.iter().take(self.options.max_tries.max(1)) {
            let Some(date) = day_of(item) else { continue };
            self.job.progress.stage(&format!("fetching {date}"));
            let options = DownloadOptions { area: Some(area.clone()), clip: true, ..DownloadOptions::default() };
            let report =
                download(std::slice::from_ref(item), &home.join("scenes"), &options, self.job.without_progress())?;
            let Some(path) =
                report.scenes.iter().filter(|s| s.state != SceneState::Outside).find_map(|s| s.item.as_ref())
            else {
                continue;
            };
            let scene = Scene::open(&path.display().to_string(), &OpenOptions::default())?;
            let share = self.share_seen(site, &scene)?;
            let chosen = Chosen { scene, ids: vec![item.id().to_owned()], date };
            if share >= self.options.min_assessed {
                return Ok((chosen, rejected));
            }
            rejected.push(RejectedScene { scene: item.id().to_owned(), share });
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
            let share = self.share_seen(site, &chosen.scene)?;
            if tried.iter().all(|(other, _)| *other < share) {
                return Ok((chosen, rejected));
            }
        }
        let best = tried.into_iter().reduce(|a, b| if b.0 > a.0 { b } else { a });
        best.map(|(_, chosen)| (chosen, rejected)).ok_or(Error::Interrupted)
    }

    fn compose(&self, site: &Site, home: &Path, tried: &[&Chosen]) -> Result<Chosen> {
        self.job.progress.stage("making a composite of the clear pixels");
        let scenes: Vec<Scene> = tried.iter().map(|chosen| chosen.scene.clone()).collect();
        let has = |band: &Band| scenes[0].band(*band).is_some();
        let bands: Vec<Band> = self.model.description.bands.iter().copied().filter(has).collect();
        let mut days: Vec<Date> = tried.iter().map(|chosen| chosen.date).collect();
        days.sort_unstable();
        // The middle day is a day with a scene.
        let date = days[days.len() / 2];
        let mut ids: Vec<String> = tried.iter().flat_map(|chosen| chosen.ids.clone()).collect();
        ids.sort();
        let digest = minesegsat_core::hex::encode(&Sha256::digest(ids.join(" ").as_bytes())[..4]);
        let name = format!("composite-{}-{}-{date}-{digest}.tif", site.id, days.len());
        let folder = home.join("scenes").join(format!("composite-{digest}"));
        let output = minesegsat_core::output::OutputFolder::create(&folder, &[&name], true)?;
        composite::write(&output.path(&name), &scenes, &bands)?;
        output.commit()?;
        let path = folder.join(&name);
        let scene = Scene::open(&path.display().to_string(), &OpenOptions::default())?;
        Ok(Chosen { scene, ids, date })
    }

    /// Share of a site that a scene shows, 0 to 1.
    fn share_seen(&self, site: &Site, scene: &Scene) -> Result<f64> {
        let place =
            SiteArea { id: site.id.to_string(), name: String::new(), boundary: site.boundary.clone(), crs: Crs::WGS84 };
        let grid = scene.grid();
        let Some(pixels) = SitePixels::rasterize(&place, grid)? else { return Ok(0.0) };
        let bands: Vec<Band> =
            self.model.description.bands.iter().copied().filter(|&band| scene.band(band).is_some()).collect();
        let reader = PatchReader::new(scene, &bands, &vec![BandNormalisation::IDENTITY; bands.len()])?;
        let patch = reader.read(pixels.window.into())?;
        let seen = pixels.inside.iter().zip(&patch.validity);
        let seen = seen.filter(|(inside, state)| **inside && **state == Validity::Assessable as u8).count();
        share_of_site(&place, &pixels, grid, seen)
    }

    /// Map of an earlier observation. Adds a warning if it cannot be opened.
    fn map_of(&self, observation: &Observation, warnings: &mut Vec<String>) -> Option<DatedMap> {
        let file = observation.files.iter().find(|file| file.path.ends_with(MAP_MANIFEST))?;
        let folder = self.register.folder().join(&file.path);
        match DatedMap::open(folder.parent()?) {
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
        map: &DatedMap,
        last: Option<&DatedMap>,
        permit: Option<&Permit>,
    ) -> Result<Measured> {
        let grid = &map.grid;
        let Some(pixels) = SitePixels::rasterize(place, grid)? else {
            return Ok(Measured { share: 0.0, area: None, outside_permit_ha: None });
        };
        let meter = GeodesicMeter::new(&grid.crs)?;
        let pixel_m2 = pixels.pixel_area_m2(grid, &meter)?;
        let values = pixels.values(&map.probability, grid.width);
        let elsewhere = last.filter(|last| last.grid == *grid).map(|last| pixels.values(&last.probability, grid.width));
        let inside = pixels.inside.iter().filter(|&&inside| inside).count();
        let whole = GeodesicMeter::new(&place.crs)?.measure(&place.boundary)?.area_m2 / pixel_m2;
        let beyond = (whole.round() as usize).saturating_sub(inside);
        let area = area_of_date(
            &pixels,
            &values,
            elsewhere.as_deref(),
            beyond,
            (pixel_m2.sqrt(), pixel_m2),
            &self.model.area_error,
            self.options.level_percent,
        );
        let seen = values.iter().filter(|p| !p.is_nan()).count();
        let share = share_of_site(place, &pixels, grid, seen)?;
        let allowed = SiteArea {
            boundary: permit.and_then(|p| p.polygon.clone()).unwrap_or_else(|| place.boundary.clone()),
            ..place.clone()
        };
        let outside = outside_permit(map, &pixels, &allowed)?;
        Ok(Measured { share, area, outside_permit_ha: Some(outside as f64 * pixel_m2 / 1e4) })
    }
}

struct Measured {
    share: f64,
    area: Option<crate::register::Area>,
    outside_permit_ha: Option<f64>,
}

/// Share of a site that `seen` pixels make up, 0 to 1.
fn share_of_site(place: &SiteArea, pixels: &SitePixels, grid: &Grid, seen: usize) -> Result<f64> {
    let pixel_m2 = pixels.pixel_area_m2(grid, &GeodesicMeter::new(&grid.crs)?)?;
    let whole = GeodesicMeter::new(&place.crs)?.measure(&place.boundary)?.area_m2;
    let inside = pixels.inside.iter().filter(|&&inside| inside).count();
    // The pixel count of a small site differs slightly from its area.
    let whole = (whole / pixel_m2).max(inside as f64);
    Ok((seen as f64 / whole).min(1.0))
}

/// Number of disturbed pixels outside the permitted area, in regions connected to disturbed land inside the site.
fn outside_permit(map: &DatedMap, site: &SitePixels, allowed: &SiteArea) -> Result<usize> {
    let (grid, width) = (&map.grid, map.grid.width);
    let mut permitted = vec![false; map.probability.len()];
    if let Some(pixels) = SitePixels::rasterize(allowed, grid)? {
        for (i, _) in pixels.indices(width).zip(&pixels.inside).filter(|(_, inside)| **inside) {
            permitted[i] = true;
        }
    }
    let mut waiting: Vec<bool> = map.probability.iter().map(|&p| p >= map.threshold).collect();
    let mut stack: Vec<usize> = Vec::new();
    for (i, _) in site.indices(width).zip(&site.inside).filter(|(_, inside)| **inside) {
        if std::mem::take(&mut waiting[i]) {
            stack.push(i);
        }
    }
    let mut outside = 0;
    while let Some(i) = stack.pop() {
        outside += usize::from(!permitted[i]);
        let (row, col) = (i / width, i % width);
        let neighbours = [
            (col > 0).then(|| i - 1),
            (col + 1 < width).then_some(i + 1),
            (row > 0).then(|| i - width),
            (row + 1 < grid.height).then_some(i + width),
        ];
        for j in neighbours.into_iter().flatten() {
            if std::mem::take(&mut waiting[j]) {
                stack.push(j);
            }
        }
    }
    Ok(outside)
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

/// All files of a folder with sizes and hashes, sorted by name.
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
