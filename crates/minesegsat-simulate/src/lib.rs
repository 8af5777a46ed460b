//! Simulates Sentinel-2 scenes of landscapes with mines, with exact ground truth: [`simulate()`].
//!
//! A seed defines a landscape: terrain eroded by water, rivers and lakes, forests, fields, towns, roads and mines. For
//! each year, the simulator renders a Sentinel-2 scene with its own date, light and air, and with the mines of that
//! year. A year depends on the seed, the region and the size, not on the other years. The number of threads has no
//! effect: two runs give the same bytes.
//!
//! With [`SimulateOptions::dates_per_year`], each year has several dates, and one ground truth in continuous time: mines
//! grow from day to day, haul roads first; some are stable, and some are reclaimed. A scene and its truth depend on its
//! date, not on the other dates.
//!
//! # What is written
//! | file | what it is |
//! |---|---|
//! | `catalog.json`, `collection.json` | static STAC catalogue |
//! | `<year>/<id>/item.json` | STAC item; its title, description and platform say `simulated` |
//! | `<year>/<id>/B01.tif` ... `B12.tif`, `B8A.tif` | twelve bands on native grids: uint16, scale 1/10000, nodata 0; offset 1000 from 2022-01-25 on (processing baseline 04.00) |
//! | `<year>/<id>/SCL.tif` | scene classification at 20 m |
//! | `truth/<year>.gpkg` | layer `mine_parts` with one feature per part of a mine |
//! | `truth/<year>_parts.tif`, `truth/<year>_mask.tif` | the same polygons rasterised at 10 m by the pixel-centre rule: values of [`MinePart`]; 0 and 1 |
//! | `truth/change_<y1>_<y2>.tif`, `.gpkg` | values of [`Change`](minesegsat_core::pixel_class::Change) between each year and the next; layer `mining_change` |
//! | `truth/summary.json` | [`Summary`] |
//!
//! With several dates a year, `truth/<date>.gpkg`, `truth/<date>_parts.tif` and `truth/<date>_mask.tif` replace the files of
//! the years and of change, and there are:
//!
//! | file | what it is |
//! |---|---|
//! | `truth/onset.tif`, `truth/regrown.tif` | uint16: day since 1970-01-01 on which a pixel became disturbed, and from which it is reclaimed; 0 is nodata: never |
//! | `truth/sites.gpkg` | layer `sites`: each mine with 200 m around it, and its area on the first and last date |
//! | `truth/sites.csv` | pixels and area of each mine on each date |
//!
//! At every date the mask is 1 where `onset <= day`, except where `regrown <= day`.
//!
//! # The map of this crate
//! - Ground: `terrain` and `hydrology`
//! - Land cover: `cover`, `parcels` and `settlement`
//! - Mines: `mines` (locations), `stage` (sizes), `canvas` and `shapes` (outlines) and `workings` (appearance)
//! - Mines over time: `history` (growth and reclamation), `series` (days of change) and `sites` (their tables)
//! - Time and air: `moment`, `season`, `phenology` and `clouds`
//! - Reflectance and its sources: `spectra`
//! - Imaging: `render` (light) and `sensor` (point spread, noise, digital numbers)
//! - Output: `scene`, `truth` and `catalogue`
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod canvas;
mod catalogue;
mod clouds;
mod contour;
mod cover;
mod field;
mod history;
mod hydrology;
mod mines;
mod moment;
mod parcels;
mod phenology;
mod render;
mod scene;
mod season;
mod sensor;
mod series;
#[cfg(test)]
mod series_tests;
mod settlement;
mod shapes;
mod sites;
mod spectra;
mod stage;
mod terrain;
#[cfg(test)]
mod tests;
mod truth;
mod workings;

use minesegsat_core::job::Job;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use self::clouds::cloud_reflectance;

use self::canvas::Canvas;
use self::mines::{Planner, Site};
use self::moment::{MAX_DATES, Moment};
use self::scene::{SceneWriter, View};
use self::season::{SceneLocation, Season};
use self::settlement::{Roads, Town};
use self::shapes::{Drawn, MineLayer};
use self::stage::Stage;
use self::terrain::Terrain;
use self::truth::Truth;
use self::workings::Workings;
use minesegsat_core::output::OutputTree;
use minesegsat_core::{Crs, Error, GeoTransform, Grid, Result, Transformer};

pub use self::history::Fate;
pub use self::mines::MinePart;
pub use self::series::{Conditions, SeriesSummary, SiteHistory};
pub use self::truth::{ChangeSummary, Extent, MineSummary, SceneSummary, Summary};

/// Kind of landscape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// Conifer forest, lakes, clear-cuts; western Canada.
    #[default]
    Boreal,
    /// Desert ranges, fans and dry lakes; Nevada, Atacama, Western Australia.
    Arid,
    /// Rain forest, pastures and red soils; Brazil, Indonesia.
    Tropical,
}

impl Region {
    /// All regions.
    pub const ALL: [Self; 3] = [Self::Boreal, Self::Arid, Self::Tropical];

    /// Name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boreal => "boreal",
            Self::Arid => "arid",
            Self::Tropical => "tropical",
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Region {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|region| region.name().eq_ignore_ascii_case(name)).ok_or_else(|| Error::Argument {
            name: "region",
            value: name.to_owned(),
            accepted: Self::ALL.map(Self::name).join(", "),
        })
    }
}

/// Options of [`simulate()`].
#[derive(Debug, Clone, PartialEq)]
pub struct SimulateOptions {
    /// Seed of the landscape, its mines and the clouds.
    pub seed: u64,
    /// Kind of landscape.
    pub region: Region,
    /// Years to simulate, 2016 to 2035, in any order without duplicates.
    pub years: Vec<i16>,
    /// Draw the mines of this year in every scene. The scenes then show no change, which serves to learn the noise
    /// floor. Default: each scene shows the mines of its own year.
    pub mines_of: Option<i16>,
    /// Width and height of a scene in 10 m pixels: a multiple of 6, from 192 to 10980.
    pub size: usize,
    /// Number of mines, 0 to 200. Default: enough to cover about 4 % of the scene. If there is too little room, mines
    /// are smaller, and at last fewer.
    pub sites: Option<usize>,
    /// Cloud cover of a scene in percent, 0 to 100.
    pub cloud_cover_percent: f64,
    /// Number of dates in each year, 1 to 48, from one ground truth in continuous time. Mines then grow from day to day; each
    /// date has its own sun, season, weather, air and shift, and `cloud_cover_percent` is the mean of the dates. Default: one
    /// scene per year.
    pub dates_per_year: Option<usize>,
    /// Largest shift of a date's picture in 10 m pixels, 0 to 1. Used with `dates_per_year` only.
    pub max_shift_px: f64,
    /// Replace an existing simulation in the folder.
    pub overwrite: bool,
}

impl Default for SimulateOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            region: Region::Boreal,
            years: vec![2021, 2022],
            mines_of: None,
            size: 2304,
            sites: None,
            cloud_cover_percent: 4.0,
            dates_per_year: None,
            max_shift_px: 0.3,
            overwrite: false,
        }
    }
}

impl SimulateOptions {
    /// Seed of the simulated world. It includes the region, so that regions share nothing under the same seed.
    const fn world_seed(&self) -> u64 {
        self.seed.wrapping_mul(4).wrapping_add(self.region as u64 + 1)
    }

    fn check(&self) -> Result<Vec<i16>> {
        let refuse =
            |name, value: String, accepted: &str| Err(Error::Argument { name, value, accepted: accepted.to_owned() });
        if !self.size.is_multiple_of(6) || !(192..=10_980).contains(&self.size) {
            return refuse("size", self.size.to_string(), "a multiple of 6 from 192 to 10980 pixels of 10 m");
        }
        if !(0.0..=100.0).contains(&self.cloud_cover_percent) {
            return refuse("cloud cover", self.cloud_cover_percent.to_string(), "0 to 100 percent");
        }
        if let Some(dates) = self.dates_per_year
            && !(1..=MAX_DATES).contains(&dates)
        {
            return refuse("dates per year", dates.to_string(), "1 to 48");
        }
        if !(0.0..=1.0).contains(&self.max_shift_px) {
            return refuse("largest shift", self.max_shift_px.to_string(), "0 to 1 pixel of 10 m");
        }
        if let Some(sites) = self.sites
            && sites > 200
        {
            return refuse("number of sites", sites.to_string(), "0 to 200");
        }
        let mut years = self.years.clone();
        years.sort_unstable();
        let shown = || self.years.iter().map(i16::to_string).collect::<Vec<_>>().join(",");
        if years.is_empty() || years.windows(2).any(|pair| pair[0] == pair[1]) {
            return refuse("years", shown(), "at least one year, each once, such as 2021,2022");
        }
        if let Some(year) = years.iter().find(|year| !(2016..=2035).contains(*year)) {
            return refuse("year", year.to_string(), "2016 to 2035");
        }
        if let Some(year) = self.mines_of.filter(|year| !(2016..=2035).contains(year)) {
            return refuse("year of the mines", year.to_string(), "2016 to 2035");
        }
        Ok(years)
    }
}

/// Progress steps of shaping the ground; one step is one row of a scene.
const GROUND_STEPS: usize = 400;

/// A landscape; it is the same in all years.
struct World {
    terrain: Terrain,
    towns: Vec<Town>,
    sites: Vec<Site>,
    roads: Roads,
}

impl World {
    fn new(options: &SimulateOptions) -> Self {
        let (seed, region) = (options.world_seed(), options.region);
        let terrain = Terrain::new(seed, region, options.size);
        let towns = settlement::towns(seed, &terrain, region);
        let taken = towns.iter().map(|t| (t.x, t.y, 1.3 * t.radius)).collect();
        let mut planner = Planner::new(seed, region, &terrain, taken);
        let mut sites = planner.sites(options.sites);
        if options.dates_per_year.is_some() {
            planner.add_histories(&mut sites);
        }
        let roads = Roads::new(seed, region, &terrain, &towns, &sites);
        Self { terrain, towns, sites, roads }
    }

    /// The mines of a year: their outlines, and the layer from which they are rendered.
    fn mines(&self, year: i16) -> (Vec<(&Site, Drawn)>, MineLayer) {
        let draw = |site: &Site| {
            let stage = Stage::in_year(site, year)?;
            Some(shapes::draw(&Canvas::new(site, &self.terrain, &stage, false), &stage))
        };
        let drawn: Vec<Option<Drawn>> = self.sites.par_iter().map(draw).collect();
        let mut layer = MineLayer::new(self.terrain.size);
        let mut kept = Vec::new();
        for (index, (site, drawn)) in self.sites.iter().zip(drawn).enumerate() {
            if let Some(drawn) = drawn {
                layer.lay(&self.terrain, site, index as u8, &drawn);
                kept.push((site, drawn));
            }
        }
        (kept, layer)
    }
}

/// Simulates scenes, their ground truth and their catalogue in `folder`. The folder appears only when it is complete.
///
/// The run checks for cancellation between strips of rows. A cancelled run leaves nothing behind.
pub fn simulate(options: &SimulateOptions, folder: &Path, job: Job<'_>) -> Result<Summary> {
    let years = options.check()?;
    let tree = OutputTree::create(folder, "catalog.json", options.overwrite)?;
    let scenes = years.len() * options.dates_per_year.unwrap_or(1);
    let steps = GROUND_STEPS + scenes * options.size;
    job.progress.advance(0, steps);
    job.progress.stage("shaping the ground");
    let place = SceneLocation::new(options.world_seed(), options.region);
    let grid = grid_at(&place, options.size)?;
    let world = World::new(options);

    let mut summary = Summary {
        simulated: true,
        seed: options.seed,
        region: options.region,
        place: place.name,
        epsg: place.epsg,
        size: options.size,
        years: Vec::new(),
        changes: Vec::new(),
        series: None,
    };
    let metadata = serde_json::json!({
        "simulated": true, "seed": options.seed, "region": options.region,
        "software": format!("minesegsat {}", env!("CARGO_PKG_VERSION")),
    });
    let writer = SceneWriter { tree: &tree, options, world: &world, place: &place, grid: &grid };
    let rows = (scenes * options.size) as f64;
    let report = |share: f64, stage: &str| {
        job.progress.advance(GROUND_STEPS + (share * rows).round() as usize, steps);
        job.progress.stage(stage);
        job.check()
    };
    if let Some(per_year) = options.dates_per_year {
        summary.series = Some(series::simulate_dates(&writer, (&years, per_year), &metadata, report)?);
    } else {
        (summary.years, summary.changes) = simulate_years(&writer, &years, &metadata, report)?;
    }

    job.progress.advance(steps, steps);
    job.progress.stage("writing the catalogue");
    let (_, bbox) = catalogue::footprint(&grid)?;
    let items: Vec<(i16, String)> = summary.scenes().map(|y| (y.year, y.item.clone())).collect();
    let first = summary.scenes().map(|y| y.datetime).min().unwrap_or_default();
    let last = summary.scenes().map(|y| y.datetime).max().unwrap_or_default();
    write_json(&tree, "collection.json", &catalogue::collection(options, &items, bbox, [first, last]))?;
    write_json(&tree, "truth/summary.json", &summary)?;
    write_json(&tree, "catalog.json", &catalogue::catalog(options))?;
    tree.commit()?;
    Ok(summary)
}

/// Writes one scene of each year, its truth, and the change between years.
fn simulate_years(
    writer: &SceneWriter<'_>,
    years: &[i16],
    metadata: &serde_json::Value,
    report: impl Fn(f64, &str) -> Result<()>,
) -> Result<(Vec<SceneSummary>, Vec<ChangeSummary>)> {
    let SceneWriter { tree, options, world, place, grid } = *writer;
    let (mut summaries, mut changes) = (Vec::new(), Vec::new());
    let mut before: Option<(i16, Truth)> = None;
    for (index, &year) in years.iter().enumerate() {
        let share = |part: f64| (index as f64 + part) / years.len() as f64;
        let stage = format!("drawing {year}");
        report(share(0.0), &stage)?;
        let season = Season::new(options.world_seed(), options.region, place, year);
        let mines_of = options.mines_of.unwrap_or(year);
        let (drawn, layer) = world.mines(mines_of);
        let mut truth = Truth::new(grid, &drawn.iter().map(|(site, drawn)| (*site, drawn)).collect::<Vec<_>>());
        truth.measure(grid)?;
        drop(drawn);

        let id = catalogue::item_id(options.region, options.seed, &season);
        let moment = Moment::of_year(year);
        let cloud_cover_percent = options.cloud_cover_percent;
        let view = View { id: &id, moment: &moment, season: &season, cloud_cover_percent, shift_px: (0.0, 0.0) };
        let workings = world.sites.iter().map(|site| Workings::new(site, mines_of as u32)).collect();
        let cloud =
            writer.write(&view, &layer, workings, |row| report(share(row as f64 / options.size as f64), &stage))?;
        let in_truth = |name: &str| tree.path(&format!("truth/{name}"));
        let when = (year, &*moment.name);
        truth.write_polygons(&in_truth(&format!("{year}.gpkg"))?, grid, when, season.datetime(), metadata)?;
        let (parts, mask) = (in_truth(&format!("{year}_parts.tif"))?, in_truth(&format!("{year}_mask.tif"))?);
        truth.write_rasters(&parts, &mask, grid)?;
        if let Some((earlier, old)) = before {
            let raster = truth::change(&old.raster, &truth.raster);
            changes.push(ChangeSummary { from_year: earlier, to_year: year, pixels: truth::count_changes(&raster) });
            let name = |ending: &str| in_truth(&format!("change_{earlier}_{year}.{ending}"));
            let (tif, gpkg) = (name("tif")?, name("gpkg")?);
            truth::write_change(&tif, &gpkg, grid, (earlier, year), raster, season.datetime(), metadata)?;
        }
        summaries.push(truth::summary(&truth, grid, id, &season, cloud, None));
        before = Some((year, truth));
    }
    Ok((summaries, changes))
}

/// The 10 m grid around a location. Its corner is on multiples of 60 m, so that the 20 and 60 m grids share it.
fn grid_at(place: &SceneLocation, size: usize) -> Result<Grid> {
    let crs = Crs::from_epsg(place.epsg)?;
    let (x, y) = Transformer::new(&Crs::WGS84, &crs)?.transform(place.longitude, place.latitude)?;
    let half = size as f64 * 5.0;
    let snap = |v: f64| (v / 60.0).round() * 60.0;
    let transform = GeoTransform::north_up(snap(x - half), snap(y + half), 10.0);
    Ok(Grid { crs, transform, width: size, height: size })
}

fn write_json(tree: &OutputTree, name: &str, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| Error::Io(error.into()))?;
    text.push('\n');
    fs_err::write(tree.path(name)?, text)?;
    Ok(())
}
