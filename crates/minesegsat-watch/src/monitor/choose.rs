//! Chooses the scene of an observation: one scene, the mosaic of a day, or a composite of several days.

use std::path::Path;

use geo::{BoundingRect, MultiPolygon};
use jiff::civil::Date;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::composite::{self, Mosaic};
use super::observe::{Observer, area_of};
use super::{Day, RejectedScene};
use crate::register::{Site, SiteId};
use minesegsat_core::model_description::BandNormalisation;
use minesegsat_core::{Band, Error, Grid, Result};
use minesegsat_io::Location;
use minesegsat_map::site::{SiteExtent, SitePixels};
use minesegsat_scene::catalog::SearchArea;
use minesegsat_scene::download::{DownloadOptions, SceneState, download};
use minesegsat_scene::patch::{PatchReader, Validity};
use minesegsat_scene::{CloudMask, OpenOptions, Scene};

/// Metres per degree of latitude, for the buffer.
const METRES_PER_DEGREE: f64 = 111_320.0;
/// Maximum age difference of the scenes in a composite, in days: one season.
const COMPOSITE_DAYS: i32 = 120;

/// How scenes are opened. Snow hides mines: a map would show none, and all of them new in spring.
fn open_options() -> OpenOptions {
    OpenOptions { mask_snow: true, ..OpenOptions::default() }
}

/// The order in which the dates of a site are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateOrder {
    /// Newest first. The first date that shows enough of the site is taken.
    #[default]
    Newest,
    /// Least cloud in the scene first. The first date that shows 99 % of the site is taken; if none does, the one that shows most
    /// of it.
    Clearest,
}

/// Share of a site that the clearest date shows, 0 to 1: no other date is tried after it.
const CLEAR: f64 = 0.99;

impl DateOrder {
    /// Share of a site that a date must show to be taken before all are tried, 0 to 1.
    fn enough(self, min_assessed: f64) -> f64 {
        match self {
            Self::Newest => min_assessed,
            Self::Clearest => min_assessed.max(CLEAR),
        }
    }
}

/// Why an observation has its date.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DateChoice {
    /// The site.
    pub site: SiteId,
    /// The date. Of a composite, the middle one.
    pub date: Date,
    /// Whether it is a median of the clear pixels of several dates, because no date showed enough.
    pub is_composite: bool,
    /// Share of the site that is seen, 0 to 1.
    pub share_seen: f64,
    /// Share of the site that clouds, their shadows or snow hide, 0 to 1. `None` if the scene has nothing to find them with.
    pub share_hidden: Option<f64>,
    /// Cloud cover of the whole scene, in percent; of several scenes that of the cloudiest. `None` for a composite, or if the
    /// catalogue does not state it.
    pub scene_cloud_percent: Option<f64>,
    /// Share of the site that a date must show to end the search, 0 to 1.
    pub enough: f64,
    /// Number of dates with scenes over the site.
    pub dates: usize,
    /// Number of dates that were fetched and looked at.
    pub tried: usize,
}

/// The scene of an observation, why its date was chosen, and the scenes that show too little.
pub(super) struct Choice {
    pub(super) chosen: Chosen,
    pub(super) date: DateChoice,
    pub(super) rejected: Vec<RejectedScene>,
}

/// The scene of an observation: one scene, the mosaic of a day, or a composite of several days.
pub(super) struct Chosen {
    pub(super) scene: Scene,
    /// Scene ids, sorted.
    pub(super) ids: Vec<String>,
    pub(super) date: Date,
    /// Cloud cover of the whole scene in percent, if one date was taken and the catalogue states it.
    cloud_percent: Option<f64>,
}

/// Share of a site without data that does not call for another scene of the day, 0 to 1.
pub(super) const COMPLETE: f64 = 1e-3;

/// What a scene shows of a site, in shares of its whole outline, 0 to 1.
#[derive(Debug, Clone, Copy)]
struct View {
    seen: f64,
    /// Without data, or beyond the scene.
    missing: f64,
}

impl View {
    const NOTHING: Self = Self { seen: 0.0, missing: 1.0 };

    fn hidden(self) -> f64 {
        (1.0 - self.seen - self.missing).clamp(0.0, 1.0)
    }
}

impl Observer<'_> {
    /// Fetches the site's window of each day's scenes until a day shows enough of the site. If none does, makes a composite or
    /// takes the best day.
    pub(super) fn choose(&self, site: &Site, home: &Path, days: &[Day]) -> Result<Choice> {
        let min = self.options.min_assessed;
        let enough = self.options.order.enough(min);
        let mut tried: Vec<(View, Chosen)> = Vec::new();
        let mut rejected = Vec::new();
        for day in days.iter().take(self.options.max_tries.max(1)) {
            let Some((chosen, view)) = self.fetch(site, home, day)? else { continue };
            let share = view.seen;
            if share < min {
                rejected.extend(day.items.iter().map(|item| RejectedScene { scene: item.id().to_owned(), share }));
            }
            tried.push((view, chosen));
            if share >= enough {
                break;
            }
        }
        let count = tried.len();
        let choice = |view: View, chosen: Chosen, is_composite: bool, rejected| {
            let hidden = (chosen.scene.cloud_mask() != CloudMask::None).then(|| view.hidden());
            let date = DateChoice {
                site: site.id.clone(),
                date: chosen.date,
                is_composite,
                share_seen: view.seen,
                share_hidden: hidden.filter(|_| !is_composite),
                scene_cloud_percent: chosen.cloud_percent,
                enough,
                dates: days.len(),
                tried: count,
            };
            Choice { chosen, date, rejected }
        };
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
        let is_enough = tried.iter().any(|(view, _)| view.seen >= min);
        if self.options.composite && !is_enough && of_season.len() > 1 {
            let chosen = self.compose(site, home, &of_season)?;
            let view = self.view(site, &chosen.scene)?;
            if tried.iter().all(|(other, _)| other.seen < view.seen) {
                return Ok(choice(view, chosen, true, rejected));
            }
        }
        let best = tried.into_iter().reduce(|a, b| if b.0.seen > a.0.seen { b } else { a });
        best.map(|(view, chosen)| choice(view, chosen, false, rejected)).ok_or(Error::Interrupted)
    }

    /// Fetches the scenes of a day, and puts them on one grid if the first one lacks a part of the site. Also returns what is seen
    /// of the site. `None` if no scene has pixels over it.
    fn fetch(&self, site: &Site, home: &Path, day: &Day) -> Result<Option<(Chosen, View)>> {
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
        let mut view = View::NOTHING;
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
            let scene = Scene::open_at(&Location::Path(path.clone()), &open_options())?;
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
                    let view = self.view(site, &scene)?;
                    let ids = vec![id];
                    let cloud_percent = day.cloud_of(&ids);
                    Ok((Chosen { scene, ids, date: day.date, cloud_percent }, view))
                })
                .transpose();
        };
        self.job.progress.stage(&format!("joining the scenes of {}", day.date));
        let mut ids: Vec<String> = used.into_iter().map(|(id, _)| id).collect();
        ids.sort();
        let scene = Self::write_scene(home, "mosaic", site, day.date, &ids, |path| mosaic.write(path, &ids))?;
        let cloud_percent = day.cloud_of(&ids);
        Ok(Some((Chosen { scene, ids, date: day.date, cloud_percent }, view)))
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
        Scene::open_at(&Location::Path(folder.join(&name)), &open_options())
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
        Ok(Chosen { scene, ids, date, cloud_percent: None })
    }

    /// What a scene shows of a site.
    fn view(&self, site: &Site, scene: &Scene) -> Result<View> {
        let grid = scene.grid();
        let Some(pixels) = SitePixels::rasterize(&area_of(site), grid)? else {
            return Ok(View::NOTHING);
        };
        let bands = self.bands_of(scene);
        let reader = PatchReader::new(scene, &bands, &vec![BandNormalisation::IDENTITY; bands.len()])?;
        let patch = reader.read(pixels.window.into())?;
        view_of_pixels(site, grid, &pixels, patch.validity.iter().copied())
    }

    /// What a map of validities, `[H, W]`, shows of a site.
    fn view_of(site: &Site, grid: &Grid, validity: &[u8]) -> Result<View> {
        let Some(pixels) = SitePixels::rasterize(&area_of(site), grid)? else {
            return Ok(View::NOTHING);
        };
        let states: Vec<u8> = pixels.indices(grid.width).map(|i| validity[i]).collect();
        view_of_pixels(site, grid, &pixels, states)
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
