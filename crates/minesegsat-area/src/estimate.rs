//! What a large area costs, before a catalogue is asked: units, scenes, bytes, requests, core-hours and a price.
//!
//! ```text
//! area ── tiles of Sentinel-2 that own a part of it ── box of the area on each tile
//! orbit ── scenes of a tile in a period, by latitude ─┐
//! clouds ─ cover of the clearest scenes ──────────────┴─ scenes to map until enough of the ground is seen
//! model ── bands, pixels per second and core ─────────── bytes, requests, core-hours
//! ```
//! The numbers are expectations. Each assumption is part of the answer: [`Estimate::assumptions`].
//!
//! The orbit and the clouds were checked with 1,000 items of 54 tiles in Colorado, 51 days of summer 2024 (Planetary Computer). The
//! orbit gives 19.2 items per tile, the answer has 18.5. It gives 0.725 as the share of a tile that an item shows, the answer has
//! 0.731. A [`plan`](crate::plan()) of these items for the box of Colorado has the same 42 tiles. By their footprints and cloud
//! covers, its units need 1.7 scenes until 98 % is seen; the estimate says 1.55.

use std::f64::consts::PI;

use geo::{BooleanOps, BoundingRect, MultiPolygon, Rect};
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::area_of_interest::polygons_on_scene;
use minesegsat_core::{Band, Crs, Error, Grid, Result};
use minesegsat_io::{Location, open_raster};
use minesegsat_scene::catalog::SearchArea;
use minesegsat_scene::manifest::counted;
use minesegsat_scene::sentinel2_tiles;
use rayon::prelude::*;
use serde::Serialize;

use crate::ownership::{Ownership, TilePlaces, lon_lat_bounds, overlap};
use crate::period::Period;
use crate::plan::owns_land;
use crate::project::{Composite, PROBABILITY, Project, Tile, UnitRecord, UnitState};
use crate::run::{SCENE, box_on_tile};
use crate::store::Store;

/// Ground track of Sentinel-2: orbits in a repeat cycle of ten days, swath, inclination (ESA, Sentinel-2 User Handbook).
const ORBITS: f64 = 143.0;
const CYCLE_DAYS: f64 = 10.0;
const SWATH_KM: f64 = 290.0;
const INCLINATION_DEGREES: f64 = 98.62;
/// Satellites that acquire at the same time.
const SATELLITES: f64 = 2.0;
/// Latitudes of regular acquisitions, south and north (same source).
const ACQUIRED_LATITUDES: [f64; 2] = [-56.0, 82.8];
/// Equatorial radius of WGS 84.
const EQUATOR_KM: f64 = 6378.137;
/// Bytes of a pixel of a band that shows ground: 10 items of tile 13TDE in Earth Search's `sentinel-2-c1-l2a`, from `file:size` of
/// 12 bands and `s2:nodata_pixel_percentage`. The mean is 10.3 bytes for each pixel of 10 m, on which 12 bands have 5.56 pixels.
const BYTES_PER_BAND_PIXEL: f64 = 1.86;
/// Bytes of a pixel of the maps of a unit: a simulated scene of 1,920 x 1,920 pixels, mapped by the shipped model.
const BYTES_WRITTEN_PER_PIXEL: f64 = 1.6;
/// Rows of a band that are read at a time: a row of blocks of a Cloud Optimized GeoTIFF.
const ROWS_PER_READ: f64 = 1024.0;
/// Longest request for a part of a file.
const BYTES_PER_REQUEST: f64 = 8_388_608.0;
/// Units of a project in an object store that are measured.
pub const MOST_DOWNLOADED: usize = 16;
/// Side of the cells into which the area is cut, in degrees.
const CELL_DEGREES: f64 = 6.0;

/// What is estimated.
#[derive(Debug, Clone)]
pub struct EstimateOptions {
    /// The area in longitude and latitude.
    pub area: MultiPolygon<f64>,
    /// The periods.
    pub periods: Vec<Period>,
    /// Bands that the model needs.
    pub bands: Vec<Band>,
    /// Maximum cloud cover of a scene in percent.
    pub max_cloud_cover_percent: f64,
    /// Mean cloud cover of all scenes in percent.
    pub mean_cloud_cover_percent: f64,
    /// Most scenes of a unit.
    pub max_scenes: usize,
    /// Share of a unit that must be seen before no further scene is mapped, 0 to 1.
    pub min_seen: f64,
    /// How scenes become one map.
    pub composite: Composite,
    /// How fast a core maps.
    pub speed: MappingSpeed,
    /// Price of a core-hour and of a gigabyte that is read, in any currency.
    pub prices: Prices,
}

/// How fast a core maps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MappingSpeed {
    /// Pixels of 10 m that one core maps in a second.
    pub pixels_per_core_second: f64,
    /// Bytes of the maps of a unit for each of its pixels, if they are known.
    pub bytes_written_per_pixel: Option<f64>,
    /// How this is known, for people.
    pub source: String,
}

/// Prices in any currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Prices {
    /// Price of a core-hour.
    pub core_hour: Option<f64>,
    /// Price of a gigabyte (10^9 bytes) that is read.
    pub gigabyte_read: Option<f64>,
}

/// What an area costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// The area in square kilometres.
    pub area_km2: f64,
    /// Tiles that own a part of the area.
    pub tiles: usize,
    /// Units: tiles times periods.
    pub units: usize,
    /// Units that Sentinel-2 does not acquire: south of 56 degrees south, or north of 82.8 degrees north.
    pub units_without_scenes: usize,
    /// Items that the catalogue has of these units.
    pub items: f64,
    /// Scenes that are mapped.
    pub scenes: f64,
    /// Share of the mapped ground that they show without cloud, 0 to 1.
    pub share_seen: f64,
    /// Pixels of 10 m that the network maps, over all scenes.
    pub pixels: f64,
    /// Bytes that are read.
    pub bytes_read: f64,
    /// Requests for pixels.
    pub requests: f64,
    /// Core-hours of mapping.
    pub core_hours: f64,
    /// Bytes of the maps.
    pub bytes_written: f64,
    /// Price of the core-hours.
    pub price_core_hours: Option<f64>,
    /// Price of the bytes that are read.
    pub price_read: Option<f64>,
    /// What the numbers hang on.
    pub assumptions: Vec<Assumption>,
}

/// A number that an estimate hangs on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assumption {
    /// What it is about.
    pub about: &'static str,
    /// The assumption in words, with its source.
    pub text: String,
}

/// Estimates what an area costs.
///
/// # Errors
/// An option is out of range; the area has no polygon; a place cannot be projected.
pub fn estimate(options: &EstimateOptions) -> Result<Estimate> {
    check(options)?;
    let area = SearchArea::from_polygons(&options.area, &Crs::WGS84)?;
    let area_km2 = GeodesicMeter::new(&Crs::WGS84)?.measure(area.polygons())?.area_m2 / 1e6;
    let parts = parts_on_tiles(area.polygons())?;
    let clouds = Clouds::with_mean(options.mean_cloud_cover_percent / 100.0);
    let speed = &options.speed;
    let mut sum = Estimate {
        area_km2,
        tiles: parts.len(),
        units: parts.len() * options.periods.len(),
        units_without_scenes: 0,
        items: 0.0,
        scenes: 0.0,
        share_seen: 0.0,
        pixels: 0.0,
        bytes_read: 0.0,
        requests: 0.0,
        core_hours: 0.0,
        bytes_written: 0.0,
        price_core_hours: None,
        price_read: None,
        assumptions: assumptions(options),
    };
    let mut ground = 0.0;
    for part in &parts {
        for period in &options.periods {
            ground += part.pixels();
            let scenes = scenes_of(part, period, clouds, options);
            if scenes.items == 0.0 {
                sum.units_without_scenes += 1;
                continue;
            }
            sum.items += scenes.items;
            sum.scenes += scenes.mapped;
            sum.share_seen += scenes.seen * part.pixels();
            sum.pixels += part.pixels() * scenes.mapped;
            sum.bytes_written += part.pixels() * speed.bytes_written_per_pixel.unwrap_or(BYTES_WRITTEN_PER_PIXEL);
            for band in &options.bands {
                let [width, height] = part.size_m.map(|metres| metres / f64::from(band.gsd_m()));
                let bytes = width * height * BYTES_PER_BAND_PIXEL * scenes.shown;
                let reads = (height / ROWS_PER_READ).ceil();
                sum.bytes_read += bytes * scenes.mapped;
                // The first request brings the header.
                sum.requests += (1.0 + reads * (bytes / reads / BYTES_PER_REQUEST).ceil()) * scenes.mapped;
            }
        }
    }
    sum.share_seen /= f64::max(ground, 1.0);
    sum.core_hours = sum.pixels / speed.pixels_per_core_second / 3600.0;
    sum.price_core_hours = options.prices.core_hour.map(|price| price * sum.core_hours);
    sum.price_read = options.prices.gigabyte_read.map(|price| price * sum.bytes_read / 1e9);
    Ok(sum)
}

/// Speed of the workers of a project, from the records of its mapped units; of at most [`MOST_DOWNLOADED`] if their maps are in an
/// object store. `cores` is the number of cores of each worker. `None` if no unit is mapped.
///
/// The time of a unit includes the download.
///
/// # Errors
/// A record or a map cannot be read.
pub fn measured_speed(project: &Project, cores: f64) -> Result<Option<MappingSpeed>> {
    let (mut units, mut mapped, mut seconds, mut bytes, mut pixels) = (0_usize, 0.0, 0.0, 0.0, 0.0);
    let records = project.records()?;
    let is_measured = |record: &UnitRecord| record.state == UnitState::Done && record.seconds > 0.0;
    let known: Vec<_> = project.plan.units.iter().zip(&records).filter(|(_, record)| is_measured(record)).collect();
    // From a bucket their maps are downloaded, so some of them must do.
    let step = match project.store() {
        Store::Folder(_) => 1,
        Store::Objects(_) => known.len().div_ceil(MOST_DOWNLOADED).max(1),
    };
    for (unit, record) in known.into_iter().step_by(step) {
        let (probability, scene) = (project.bring(unit, PROBABILITY)?, project.bring(unit, SCENE)?);
        let raster = open_raster(&Location::from(probability.path.as_path()))?;
        let grid = &raster.info().grid;
        let pixels_of_map = grid.width as f64 * grid.height as f64;
        units += 1;
        pixels += pixels_of_map;
        mapped += pixels_of_map * record.scenes.len() as f64;
        seconds += record.seconds;
        for file in [&probability.path, &scene.path] {
            bytes += fs_err::metadata(file)?.len() as f64;
        }
    }
    let source = format!(
        "{} of {}: {:.1} million pixels in {seconds:.0} s on {cores} cores, with download",
        counted(units, "mapped unit"),
        project.store(),
        mapped / 1e6
    );
    Ok((units > 0).then(|| MappingSpeed {
        pixels_per_core_second: mapped / seconds / cores,
        bytes_written_per_pixel: Some(bytes / pixels),
        source,
    }))
}

fn check(options: &EstimateOptions) -> Result<()> {
    let refuse = |name, value: f64, accepted: &str| {
        Err(Error::Argument { name, value: value.to_string(), accepted: accepted.to_owned() })
    };
    let mean = options.mean_cloud_cover_percent;
    if !(1.0..=99.0).contains(&mean) {
        return refuse("mean cloud cover", mean, "1 to 99 percent");
    }
    if !(0.0..=100.0).contains(&options.max_cloud_cover_percent) {
        return refuse("maximum cloud cover", options.max_cloud_cover_percent, "0 to 100 percent");
    }
    if !(0.0..=1.0).contains(&options.min_seen) {
        return refuse("minimum share seen", options.min_seen * 100.0, "0 to 100 percent");
    }
    if !(1..=100).contains(&options.max_scenes) {
        return refuse("maximum scenes", options.max_scenes as f64, "1 to 100");
    }
    let speed = options.speed.pixels_per_core_second;
    if !(speed.is_finite() && speed > 0.0) {
        return refuse("pixels per core and second", speed, "a number above 0");
    }
    for price in [options.prices.core_hour, options.prices.gigabyte_read].into_iter().flatten() {
        if !(price.is_finite() && price >= 0.0) {
            return refuse("price", price, "0 or more");
        }
    }
    Ok(())
}

/// The part of the area on a tile that owns some of it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct TilePart {
    /// Latitude of the tile's middle.
    latitude: f64,
    /// Width and height of the box that is mapped, in metres.
    size_m: [f64; 2],
}

impl TilePart {
    /// Pixels of 10 m.
    fn pixels(&self) -> f64 {
        self.size_m[0] * self.size_m[1] / 100.0
    }
}

/// The boxes that the units of an area map: one for each tile that owns a part of it, as in [`plan`](crate::plan()).
fn parts_on_tiles(area: &MultiPolygon<f64>) -> Result<Vec<TilePart>> {
    let cells = cells(area);
    let near = |bounds: [f64; 4]| cells.iter().any(|(cell, _)| overlap(bounds, *cell));
    let tiles: Vec<Tile> = sentinel2_tiles(near)?
        .into_iter()
        .map(|tile| Tile {
            name: tile.name,
            epsg: tile.grid.crs.epsg(),
            origin: [tile.grid.transform.origin_x, tile.grid.transform.origin_y],
            pixel: tile.grid.transform.pixel_width,
            size: [tile.grid.width, tile.grid.height],
        })
        .collect();
    let places = TilePlaces::new(&tiles)?;
    let parts = (0..tiles.len()).into_par_iter().map(|index| -> Result<Option<TilePart>> {
        let grid = tiles[index].grid()?;
        let bounds = lon_lat_bounds(&grid)?;
        let on_tile = on_tile(&grid, bounds, &cells)?;
        if on_tile.0.is_empty() || !owns_land(&Ownership::new(&places, index)?, &grid, &on_tile)? {
            return Ok(None);
        }
        let mapped = box_on_tile(&grid, &on_tile);
        Ok(Some(TilePart { latitude: f64::midpoint(bounds[1], bounds[3]), size_m: [mapped.width(), mapped.height()] }))
    });
    Ok(parts.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

fn on_tile(grid: &Grid, bounds: [f64; 4], cells: &[Cell]) -> Result<MultiPolygon<f64>> {
    let near = cells.iter().filter(|(cell, _)| overlap(bounds, *cell)).flat_map(|(_, part)| part.iter().cloned());
    let near = MultiPolygon(near.collect());
    if near.0.is_empty() { Ok(near) } else { polygons_on_scene(grid, &near, &Crs::WGS84) }
}

/// Bounds in degrees, and the part of the area inside.
type Cell = ([f64; 4], MultiPolygon<f64>);

/// Cuts an area into cells, so that a tile is compared with what lies near.
fn cells(area: &MultiPolygon<f64>) -> Vec<Cell> {
    let Some(rect) = area.bounding_rect() else { return Vec::new() };
    let steps = |from: f64, to: f64| ((to - from) / CELL_DEGREES).ceil().max(1.0) as usize;
    let cut = |part: &MultiPolygon<f64>, west: f64, south: f64, east: f64, north: f64| {
        part.intersection(&Rect::new((west, south), (east, north)).to_polygon())
    };
    let columns = 0..steps(rect.min().x, rect.max().x);
    let of_column = |column: usize| {
        let west = rect.min().x + column as f64 * CELL_DEGREES;
        let east = west + CELL_DEGREES;
        let strip = cut(area, west, rect.min().y, east, rect.max().y);
        let rows = 0..steps(rect.min().y, rect.max().y);
        rows.map(|row| {
            let south = rect.min().y + row as f64 * CELL_DEGREES;
            ([west, south, east, south + CELL_DEGREES], cut(&strip, west, south, east, south + CELL_DEGREES))
        })
        .filter(|(_, part)| !part.0.is_empty())
        .collect::<Vec<_>>()
    };
    columns.into_par_iter().flat_map_iter(of_column).collect()
}

/// Expected scenes of a unit.
#[derive(Debug, Clone, Copy, PartialEq)]
struct UnitScenes {
    /// Items of the catalogue.
    items: f64,
    /// Scenes that are mapped.
    mapped: f64,
    /// Share of the box that a scene shows or covers with cloud; the rest lies beyond the edge of the swath.
    shown: f64,
    /// Share of the box that the mapped scenes together show without cloud.
    seen: f64,
}

fn scenes_of(part: &TilePart, period: &Period, clouds: Clouds, options: &EstimateOptions) -> UnitScenes {
    let days = f64::from((period.last - period.first).get_days() + 1);
    let width_km = part.size_m[0] / 1000.0;
    let shown = SWATH_KM / (SWATH_KM + width_km);
    let items = passes_per_day(part.latitude, SWATH_KM + width_km) * days;
    let usable = clouds.share_below(options.max_cloud_cover_percent / 100.0);
    let chosen = (items * usable).min(options.max_scenes as f64);
    // A scene shows the whole box if its swath contains it. Otherwise a scene of the neighbouring orbit completes it.
    let scenes_per_look = 2.0 - (SWATH_KM - width_km) / (SWATH_KM + width_km);
    let (looks, most) = (items * shown, chosen / scenes_per_look);
    let (mut mapped, mut unseen) = (0.0, 1.0);
    while most - mapped > 1e-9 && (options.composite == Composite::Median || 1.0 - unseen < options.min_seen) {
        let step = (most - mapped).min(1.0);
        mapped += step;
        // The cloud cover of the clearest, second clearest and so on of these looks (Hazen's plotting positions).
        let cloud = clouds.quantile((mapped - step / 2.0) / looks);
        unseen *= 1.0 - step * (1.0 - cloud);
    }
    UnitScenes { items, mapped: mapped * scenes_per_look, shown, seen: 1.0 - unseen }
}

/// How often a day both satellites pass over a strip of this width, by day and on the descending orbit.
fn passes_per_day(latitude: f64, width_km: f64) -> f64 {
    if !(ACQUIRED_LATITUDES[0]..=ACQUIRED_LATITUDES[1]).contains(&latitude) {
        return 0.0;
    }
    let cos = latitude.to_radians().cos();
    // Angle of the ground track to the meridian, from the inclination (spherical triangle of node, pole and satellite).
    let sin_heading = (INCLINATION_DEGREES.to_radians().cos() / cos).abs().min(1.0);
    let spacing_km = 2.0 * PI * EQUATOR_KM / ORBITS * cos * (1.0 - sin_heading * sin_heading).sqrt();
    // Near the northernmost point of the orbit each orbit passes.
    (width_km / spacing_km).min(ORBITS) * SATELLITES / CYCLE_DAYS
}

/// Distribution of the cloud cover of scenes: most are nearly clear or nearly overcast.
///
/// The cover below which a share `p` of the scenes lies is `p^((1 - m) / m)`, where `m` is the mean. With the mean of the 1,000 items
/// above, 0.21, the median is 0.08 and the ninth decile 0.68; theirs are 0.10 and 0.64, and the standard deviation is 0.27 in both.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Clouds {
    exponent: f64,
}

impl Clouds {
    /// The distribution with this mean, between 0 and 1.
    fn with_mean(mean: f64) -> Self {
        Self { exponent: (1.0 - mean) / mean }
    }

    /// Cloud cover, 0 to 1, below which this share of scenes lies.
    fn quantile(self, share: f64) -> f64 {
        share.clamp(0.0, 1.0).powf(self.exponent)
    }

    /// Share of scenes with at most this cloud cover, 0 to 1.
    fn share_below(self, cover: f64) -> f64 {
        cover.clamp(0.0, 1.0).powf(1.0 / self.exponent)
    }
}

fn assumptions(options: &EstimateOptions) -> Vec<Assumption> {
    let bands = options.bands.len();
    let speed = &options.speed;
    let written = speed.bytes_written_per_pixel.map_or_else(
        || format!("{BYTES_WRITTEN_PER_PIXEL} bytes for each pixel of a unit, from a simulated scene"),
        |bytes| format!("{bytes:.2} bytes for each pixel of a unit, from the same units as the speed"),
    );
    let list = [
        (
            "units",
            "computed tiles of Sentinel-2 (100 km squares of MGRS, 109.8 km wide); a tile is a unit if it owns a part of the area"
                .to_owned(),
        ),
        (
            "revisit",
            format!(
                "{SATELLITES} satellites, {ORBITS} orbits in {CYCLE_DAYS} days each, swath of {SWATH_KM} km; all seasons count alike \
                 (1,000 items of Colorado: 4 % fewer items than by this rule)"
            ),
        ),
        (
            "clouds",
            format!(
                "mean cover {} %, spread as 1,000 items of Colorado in summer; clouds of different days are independent",
                options.mean_cloud_cover_percent
            ),
        ),
        (
            "scenes",
            match options.composite {
                Composite::BestPixel => format!(
                    "the clearest of at most {} scenes are mapped until {} % is seen",
                    options.max_scenes,
                    options.min_seen * 100.0
                ),
                Composite::Median => format!("the median of {} scenes", options.max_scenes),
            },
        ),
        (
            "bytes read",
            format!(
                "{bands} bands with {BYTES_PER_BAND_PIXEL} bytes for each pixel that shows ground, from the sizes of 10 scenes of \
                 sentinel-2-c1-l2a; whole boxes around the area are read"
            ),
        ),
        (
            "requests",
            format!(
                "a header for each band, then {ROWS_PER_READ} rows at a time, at most {} MiB for each request; none fails",
                BYTES_PER_REQUEST / 1_048_576.0
            ),
        ),
        ("core-hours", format!("{:.0} pixels per second and core: {}", speed.pixels_per_core_second, speed.source)),
        ("bytes written", written),
    ];
    list.into_iter().map(|(about, text)| Assumption { about, text }).collect()
}

#[cfg(test)]
mod tests {
    use geo::Translate;

    use super::*;
    use crate::period::periods;

    fn options(area: MultiPolygon<f64>) -> EstimateOptions {
        EstimateOptions {
            area,
            periods: periods("2024".parse().unwrap(), None).unwrap(),
            bands: vec![Band::B04, Band::B03, Band::B02],
            max_cloud_cover_percent: 60.0,
            mean_cloud_cover_percent: 21.0,
            max_scenes: 4,
            min_seen: 0.98,
            composite: Composite::BestPixel,
            speed: MappingSpeed {
                pixels_per_core_second: 1e6,
                bytes_written_per_pixel: None,
                source: "a test".to_owned(),
            },
            prices: Prices { core_hour: Some(0.05), gigabyte_read: Some(0.09) },
        }
    }

    fn degrees(west: f64, south: f64, east: f64, north: f64) -> MultiPolygon<f64> {
        Rect::new((west, south), (east, north)).to_polygon().into()
    }

    /// 5 days at the equator with two satellites, and fewer where orbits overlap (ESA: 2 to 3 days at middle latitudes).
    #[test]
    fn revisit_follows_the_orbit() {
        let days = |latitude: f64| 1.0 / passes_per_day(latitude, SWATH_KM);
        assert!((4.5..=5.0).contains(&days(0.0)), "{}", days(0.0));
        assert!((2.0..=4.0).contains(&days(45.0)), "{}", days(45.0));
        assert!(days(70.0) < days(45.0) && days(-45.0) == days(45.0));
        assert_eq!(passes_per_day(-70.0, SWATH_KM), 0.0);
        assert_eq!(passes_per_day(82.0, SWATH_KM), ORBITS * 2.0 / 10.0, "each orbit passes its northernmost point");
        // 1,000 items of 54 tiles in 51 days at 38 to 41 degrees north: 18.5 of each tile.
        let items = passes_per_day(39.5, SWATH_KM + 109.8) * 51.0;
        assert!((items / 18.5 - 1.0).abs() < 0.1, "{items}");
    }

    #[test]
    fn clouds_have_the_mean_that_is_asked_for() {
        for mean in [0.05, 0.21, 0.55, 0.8] {
            let clouds = Clouds::with_mean(mean);
            let steps = 0..100_000;
            let sum: f64 = steps.map(|step| clouds.quantile((f64::from(step) + 0.5) / 1e5)).sum();
            assert!((sum / 1e5 - mean).abs() < 1e-4, "{mean}: {sum}");
            assert!((clouds.quantile(clouds.share_below(0.6)) - 0.6).abs() < 1e-12);
        }
        // Deciles of 1,000 items, whose mean is 0.213.
        let real = [0.0, 0.0017, 0.0138, 0.0445, 0.0976, 0.1703, 0.2504, 0.3891, 0.6399];
        for (decile, real) in (1..).zip(real) {
            let cover = Clouds::with_mean(0.213).quantile(f64::from(decile) / 10.0);
            assert!((cover - real).abs() < 0.06, "{decile}: {cover} {real}");
        }
    }

    #[test]
    fn a_box_inside_a_tile_is_one_unit() {
        // The middle of 13TDE.
        let estimate = estimate(&options(degrees(-105.65, 40.1, -105.45, 40.3))).unwrap();
        assert_eq!((estimate.tiles, estimate.units, estimate.units_without_scenes), (1, 1, 0));
        // 22 km high, and 640 m around it.
        let side = (0.2 * 111.0 + 1.28) * 100.0;
        let width = (0.2 * 111.3 * 40.2_f64.to_radians().cos() + 1.28) * 100.0;
        let box_pixels = estimate.pixels / estimate.scenes;
        assert!((box_pixels / (side * width) - 1.0).abs() < 0.05, "{box_pixels}");
        // A year has more than a hundred scenes, and the clearest of them is clear.
        assert!(estimate.items > 100.0 && (1.0..1.2).contains(&estimate.scenes), "{estimate:?}");
        let bytes = estimate.pixels * 3.0 * BYTES_PER_BAND_PIXEL;
        assert!(estimate.bytes_read <= bytes && estimate.bytes_read > 0.9 * bytes);
        assert_eq!(estimate.core_hours, estimate.pixels / 1e6 / 3600.0);
        assert_eq!(estimate.price_core_hours, Some(0.05 * estimate.core_hours));
    }

    #[test]
    fn cells_change_nothing_and_places_in_the_world_are_alike() {
        // A strip across two zones, several cells and the antimeridian, and the same strip 36 degrees, six zones, to the west.
        let strip = degrees(176.0, 50.0, 184.0, 53.0);
        let one = estimate(&options(strip.clone())).unwrap();
        let other = estimate(&options(strip.translate(-36.0, 0.0))).unwrap();
        assert_eq!(one.tiles, other.tiles);
        assert!((one.pixels / other.pixels - 1.0).abs() < 1e-4, "{} {}", one.pixels, other.pixels);
        // All of it is covered. A place lies on at most four tiles of a zone, and on those of two zones.
        let mapped_km2 = one.pixels / one.scenes * one.tiles as f64 / 1e4;
        assert!((1.0..8.0).contains(&(mapped_km2 / one.area_km2)), "{mapped_km2} of {}", one.area_km2);
    }

    #[test]
    fn clouds_and_medians_need_more_scenes() {
        let area = degrees(-60.0, -5.0, -57.0, -3.0);
        let clear = estimate(&options(area.clone())).unwrap();
        let cloudy = estimate(&EstimateOptions { mean_cloud_cover_percent: 80.0, ..options(area.clone()) }).unwrap();
        let median = estimate(&EstimateOptions { composite: Composite::Median, ..options(area.clone()) }).unwrap();
        assert!(clear.scenes < cloudy.scenes && clear.scenes < median.scenes);
        assert!((median.scenes - 4.0 * median.units as f64).abs() < 1e-6, "{median:?}");
        assert_eq!((clear.tiles, clear.items), (cloudy.tiles, cloudy.items));
        assert!(clear.share_seen >= 0.98 && cloudy.share_seen < 0.98 && cloudy.share_seen > 0.5, "{cloudy:?}");
        let month = periods("2024-02".parse().unwrap(), None).unwrap();
        let short =
            estimate(&EstimateOptions { periods: month, mean_cloud_cover_percent: 85.0, ..options(area) }).unwrap();
        assert!(short.scenes < cloudy.scenes, "there are few clear scenes in a month: {short:?}");
        assert!(short.share_seen < cloudy.share_seen, "{short:?}");
    }

    #[test]
    fn what_cannot_be_estimated_is_said() {
        let area = degrees(10.0, 50.0, 11.0, 51.0);
        let wrong = [
            EstimateOptions { mean_cloud_cover_percent: 100.0, ..options(area.clone()) },
            EstimateOptions { max_scenes: 0, ..options(area.clone()) },
            EstimateOptions { min_seen: 1.5, ..options(area.clone()) },
            EstimateOptions { max_cloud_cover_percent: f64::NAN, ..options(area.clone()) },
            EstimateOptions { prices: Prices { core_hour: Some(-1.0), gigabyte_read: None }, ..options(area.clone()) },
        ];
        for options in wrong {
            assert!(matches!(estimate(&options), Err(Error::Argument { .. })), "{options:?}");
        }
        let antarctica = estimate(&options(degrees(0.0, -75.0, 2.0, -74.0))).unwrap();
        assert_eq!((antarctica.units_without_scenes, antarctica.scenes), (antarctica.units, 0.0));
    }
}
