//! Simulates Sentinel-2 scenes of landscapes with mines, with exact ground truth: [`simulate()`].
//!
//! A seed defines a landscape: terrain eroded by water, rivers and lakes, forests, fields, towns, roads and mines. For
//! each year, the simulator renders a Sentinel-2 scene with its own date, light and air, and with the mines of that
//! year. A year depends on the seed, the region and the size, not on the other years. The number of threads has no
//! effect: two runs give the same bytes.
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
//! # The map of this crate
//! - Ground: `terrain` and `hydrology`
//! - Land cover: `cover`, `parcels` and `settlement`
//! - Mines: `mines` (locations), `shapes` (outlines) and `workings` (appearance)
//! - Time and air: `season` and `clouds`
//! - Reflectance and its sources: `spectra`
//! - Imaging: `render` (light) and `sensor` (point spread, noise, digital numbers)
//! - Output: `truth` and `catalogue`
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod catalogue;
mod clouds;
mod contour;
mod cover;
mod field;
mod hydrology;
mod mines;
mod parcels;
mod render;
mod season;
mod sensor;
mod settlement;
mod shapes;
mod spectra;
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

use self::catalogue::{Item, Layer};
use self::clouds::Sky;
use self::cover::Landscape;
use self::mines::{Planner, Site};
use self::render::Renderer;
use self::season::{SceneLocation, Season};
use self::settlement::{Roads, Town};
use self::shapes::{Drawn, MineLayer};
use self::spectra::BANDS;
use self::terrain::Terrain;
use self::truth::Truth;
use self::workings::Workings;
use minesegsat_core::output::OutputTree;
use minesegsat_core::{Crs, Error, GeoTransform, Grid, Result, Transformer};
use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter, OverviewResampling};
use minesegsat_io::{DataType, Pixels};
use minesegsat_scene::manifest::OutputRecord;

pub use self::mines::MinePart;
pub use self::truth::{ChangeSummary, Extent, MineSummary, Summary, YearSummary};

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
        let sites = Planner::new(seed, region, &terrain, taken).sites(options.sites);
        let roads = Roads::new(seed, region, &terrain, &towns, &sites);
        Self { terrain, towns, sites, roads }
    }

    /// The mines of a year: their outlines, and the layer from which they are rendered.
    fn mines(&self, year: i16) -> (Vec<(&Site, Drawn)>, MineLayer) {
        let drawn: Vec<Option<Drawn>> =
            self.sites.par_iter().map(|site| shapes::draw(site, &self.terrain, year)).collect();
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
    let steps = GROUND_STEPS + years.len() * options.size;
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
    };
    let metadata = serde_json::json!({
        "simulated": true, "seed": options.seed, "region": options.region,
        "software": format!("minesegsat {}", env!("CARGO_PKG_VERSION")),
    });
    let mut before: Option<(i16, Truth)> = None;
    for (index, &year) in years.iter().enumerate() {
        job.check()?;
        let done = GROUND_STEPS + index * options.size;
        job.progress.advance(done, steps);
        job.progress.stage(&format!("drawing {year}"));
        let season = Season::new(options.world_seed(), options.region, &place, year);
        let (drawn, layer) = world.mines(options.mines_of.unwrap_or(year));
        let truth = Truth::new(&grid, &drawn)?;
        drop(drawn);

        let id = catalogue::item_id(options.region, options.seed, &season);
        let report = |row: usize| {
            job.progress.advance(done + row, steps);
            job.check()
        };
        let scene = write_scene(&tree, options, &world, &layer, (year, &season, &place), &grid, &id, report)?;
        let in_truth = |name: &str| tree.path(&format!("truth/{name}"));
        truth.write_polygons(&in_truth(&format!("{year}.gpkg"))?, &grid, year, season.datetime(), &metadata)?;
        let (parts, mask) = (in_truth(&format!("{year}_parts.tif"))?, in_truth(&format!("{year}_mask.tif"))?);
        truth.write_rasters(&parts, &mask, &grid)?;
        if let Some((earlier, old)) = before {
            let raster = truth::change(&old.raster, &truth.raster);
            summary.changes.push(ChangeSummary {
                from_year: earlier,
                to_year: year,
                pixels: truth::count_changes(&raster),
            });
            let name = |ending: &str| in_truth(&format!("change_{earlier}_{year}.{ending}"));
            let (tif, gpkg) = (name("tif")?, name("gpkg")?);
            truth::write_change(&tif, &gpkg, &grid, (earlier, year), raster, season.datetime(), &metadata)?;
        }
        let (total, parts, mines) = truth::totals(&truth);
        summary.years.push(YearSummary {
            year,
            item: id,
            datetime: season.datetime(),
            cloud_cover_percent: scene,
            mining_percent: total.pixels as f64 / (options.size * options.size) as f64 * 100.0,
            total,
            parts,
            mines,
        });
        before = Some((year, truth));
    }

    job.progress.advance(steps, steps);
    job.progress.stage("writing the catalogue");
    let (_, bbox) = catalogue::footprint(&grid)?;
    let items: Vec<(i16, String)> = summary.years.iter().map(|y| (y.year, y.item.clone())).collect();
    let first = summary.years.iter().map(|y| y.datetime).min().unwrap_or_default();
    let last = summary.years.iter().map(|y| y.datetime).max().unwrap_or_default();
    write_json(&tree, "collection.json", &catalogue::collection(options, &items, bbox, [first, last]))?;
    write_json(&tree, "truth/summary.json", &summary)?;
    write_json(&tree, "catalog.json", &catalogue::catalog(options))?;
    tree.commit()?;
    Ok(summary)
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

/// The grid with the same corner and pixels of `gsd_m` metres.
fn grid_of(grid: &Grid, gsd_m: u32) -> Grid {
    let factor = gsd_m as usize / 10;
    Grid {
        crs: grid.crs.clone(),
        transform: GeoTransform::north_up(grid.transform.origin_x, grid.transform.origin_y, f64::from(gsd_m)),
        width: grid.width / factor,
        height: grid.height / factor,
    }
}

fn write_json(tree: &OutputTree, name: &str, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| Error::Io(error.into()))?;
    text.push('\n');
    fs_err::write(tree.path(name)?, text)?;
    Ok(())
}

/// Writes the bands, scene classification and STAC item of a year. Returns the cloud cover in percent.
fn write_scene(
    tree: &OutputTree,
    options: &SimulateOptions,
    world: &World,
    layer: &MineLayer,
    (year, season, place): (i16, &Season, &SceneLocation),
    grid: &Grid,
    id: &str,
    mut report: impl FnMut(usize) -> Result<()>,
) -> Result<f64> {
    let (seed, region) = (options.world_seed(), options.region);
    let extent = options.size as f32 * terrain::PIXEL_M;
    let landscape = Landscape::new(seed, region, &world.terrain, &world.towns, &world.roads, *season, year);
    let sky = Sky::new(seed, year, season, extent, options.cloud_cover_percent);
    let workings = world.sites.iter().map(|site| Workings::new(site, options.mines_of.unwrap_or(year))).collect();
    let renderer = Renderer::new(seed, landscape, layer, workings, sky);

    let items = [("SIMULATED".to_owned(), "YES".to_owned())];
    let mut outputs: Vec<(Layer, Grid, String, CogWriter)> = Vec::new();
    for band in BANDS {
        let options = CogOptions {
            data_type: DataType::U16,
            nodata: Some(0.0),
            bands: vec![BandMeta {
                name: band.id().to_owned(),
                description: Some("simulated surface reflectance".to_owned()),
                scale: 1e-4,
                offset: 0.0 - f64::from(season.offset_dn()) / 1e4,
            }],
            overview_resampling: OverviewResampling::Average,
            metadata: items.to_vec(),
            compression_level: 3,
            ..CogOptions::default()
        };
        let (grid, name) = (grid_of(grid, band.gsd_m()), format!("{band}.tif"));
        let cog = CogWriter::create(&tree.path(&format!("{year}/{id}/{name}"))?, &grid, options)?;
        outputs.push((Layer::Band(band), grid, name, cog));
    }
    let classes = CogOptions {
        data_type: DataType::U8,
        nodata: Some(0.0),
        bands: vec![BandMeta::named("SCL")],
        overview_resampling: OverviewResampling::Mode,
        metadata: items.to_vec(),
        ..CogOptions::default()
    };
    let (scl_grid, name) = (grid_of(grid, 20), "SCL.tif".to_owned());
    let cog = CogWriter::create(&tree.path(&format!("{year}/{id}/{name}"))?, &scl_grid, classes)?;
    outputs.push((Layer::Classification, scl_grid, name, cog));

    let (mut cloudy, mut counts) = (0, [0_u64; 12]);
    render::in_strips(&renderer, |rows, reached| {
        cloudy += rows.cloudy;
        for class in &rows.classes {
            counts[usize::from(*class)] += 1;
        }
        let pixels: Vec<Pixels> = rows.bands.into_iter().map(Pixels::U16).chain([Pixels::U8(rows.classes)]).collect();
        outputs.par_iter_mut().zip(pixels).try_for_each(|((.., cog), pixels)| cog.write_rows(&[pixels]))?;
        report(reached)
    })?;
    let cloud_cover_percent = cloudy as f64 / (grid.width * grid.height) as f64 * 100.0;
    let files = outputs
        .into_par_iter()
        .map(|(layer, grid, name, cog)| {
            cog.finish()?;
            let record = OutputRecord::from_file(&name, &tree.path(&format!("{year}/{id}/{name}"))?)?;
            Ok((layer, grid, record))
        })
        .collect::<Result<Vec<_>>>()?;
    let item = Item { id, options, year, season, place: place.name, grid, cloud_cover_percent, classes: counts, files };
    write_json(tree, &format!("{year}/{id}/item.json"), &item.json()?)?;
    Ok(cloud_cover_percent)
}
