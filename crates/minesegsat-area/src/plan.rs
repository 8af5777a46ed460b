//! From a catalogue to a project: tiles, periods, units and their scenes.

use std::collections::BTreeMap;

use geo::algorithm::bool_ops::unary_union;
use geo::{BooleanOps, MultiPolygon};
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::job::Job;
use minesegsat_core::rasterize::Rasterizer;
use minesegsat_core::{Crs, Error, GeoTransform, Grid, Result, Transformer, area_of_interest::polygons_on_scene};
use minesegsat_scene::catalog::{Catalog, Item, SearchArea, SearchQuery, Selection, keep_newest_processing, select};
use minesegsat_vector::vector::ToLonLat;
use serde::Serialize;
use serde_json::Value;

use crate::merge::{check_grids, codes};
use crate::ownership::{Ownership, TilePlaces};
use crate::period::Period;
use crate::project::{Composite, Plan, PlannedModel, Project, Tile, Unit};
use crate::store::Store;

/// Side of the cells by which it is decided whether a tile owns a part of the area, in pixels.
const CELL_PX: f64 = 16.0;
/// Bytes of twelve bands for each pixel of 10 m: the mean of ten scenes of tile 13TDE in Earth Search's `sentinel-2-c1-l2a` (8.1 to
/// 11.6), from `file:size` and the share of pixels that show ground.
const BYTES_PER_PIXEL: f64 = 10.3;

/// What a project must map, and how.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// The area in longitude and latitude.
    pub area: MultiPolygon<f64>,
    /// Why the file of the area is not the whole of its source, by its own words, if the user accepted that.
    pub area_incomplete: Option<String>,
    /// The periods.
    pub periods: Vec<Period>,
    /// Collections of the catalogue. Empty: any.
    pub collections: Vec<String>,
    /// Maximum cloud cover of a scene in percent.
    pub max_cloud_cover_percent: f64,
    /// Most scenes of a unit.
    pub max_scenes: usize,
    /// Share of a unit that must be seen before no further scene is mapped, 0 to 1.
    pub min_seen: f64,
    /// How scenes become one map.
    pub composite: Composite,
    /// Minimum area of a polygon in square metres.
    pub min_area_m2: f64,
    /// The model.
    pub model: PlannedModel,
}

/// What a plan is made of.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PlanReport {
    /// Number of tiles.
    pub tiles: usize,
    /// Number of units with scenes.
    pub units: usize,
    /// Units without a scene.
    pub empty: Vec<String>,
    /// Number of chosen scenes.
    pub scenes: usize,
    /// Estimated size of the pixels to read, in bytes.
    pub estimated_bytes: u64,
    /// The part of the area that no tile covers, in hectares.
    pub uncovered_ha: f64,
    /// Items that cannot be used, with the reason.
    pub left_out: Vec<String>,
}

/// Finds the scenes of an area and writes a project.
///
/// # Errors
/// The store holds a project already; an option is out of range; the catalogue cannot be read or has no scene of the area.
pub fn plan(
    store: impl Into<Store>,
    catalog: &Catalog,
    options: &PlanOptions,
    job: Job<'_>,
) -> Result<(Project, PlanReport)> {
    check(options)?;
    let area = SearchArea::from_polygons(&options.area, &Crs::WGS84)?;
    let mut report = PlanReport::default();
    let mut by_period: Vec<Vec<Item>> = Vec::new();
    let mut query = SearchQuery {
        collections: options.collections.clone(),
        area: Some(area.clone()),
        max_cloud_cover_percent: Some(options.max_cloud_cover_percent),
        ..SearchQuery::default()
    };
    for (at, period) in options.periods.iter().enumerate() {
        job.check()?;
        job.progress.item(at, options.periods.len(), &period.name);
        query.datetimes = vec![period.range()?];
        let mut found = catalog.search(&query, job)?;
        if let Some(incomplete) = found.incomplete {
            report.left_out.push(incomplete);
        }
        report.left_out.extend(found.left_out.iter().map(|one| format!("{}: {}", one.id, one.reason)));
        keep_newest_processing(&mut found.items);
        by_period.push(found.items);
    }
    let mut tiles: BTreeMap<String, Tile> = BTreeMap::new();
    let mut candidates: BTreeMap<(usize, String), Vec<Item>> = BTreeMap::new();
    for (period, items) in by_period.into_iter().enumerate() {
        for item in items {
            match tile_of(&item) {
                Ok(tile) => {
                    let name = tile.name.clone();
                    let known = tiles.entry(name.clone()).or_insert_with(|| tile.clone());
                    if *known != tile {
                        let reason = "its grid is not that of the other scenes of its tile";
                        report.left_out.push(format!("{}: {reason} {name}", item.id()));
                        continue;
                    }
                    candidates.entry((period, name)).or_default().push(item);
                }
                Err(reason) => report.left_out.push(format!("{}: {reason}", item.id())),
            }
        }
    }
    if tiles.is_empty() {
        query.datetimes = options.periods.iter().map(Period::range).collect::<Result<_>>()?;
        if let Some(reason) = report.left_out.first() {
            return Err(Error::input(catalog.name(), format!("no scene can be used: {reason}")));
        }
        return Err(catalog.nothing_found(&query, job));
    }
    let tiles = with_land(tiles.into_values().collect(), &options.area)?;
    for epsg in codes(&tiles) {
        check_grids(&tiles, epsg)?;
    }
    let meter = GeodesicMeter::new(&Crs::WGS84)?;
    let outlines = tiles.iter().map(outline).collect::<Result<Vec<_>>>()?;
    let covered = unary_union(outlines.iter().flat_map(|outline| outline.0.iter()));
    report.uncovered_ha = meter.measure(&area.polygons().difference(&covered))?.area_m2 / 1e4;
    let mut units = Vec::new();
    let mut items = Vec::new();
    for (period, of_period) in options.periods.iter().enumerate() {
        for (tile, of_tile) in tiles.iter().enumerate() {
            let id = format!("{}-{}", of_tile.name, of_period.name);
            let found = candidates.remove(&(period, of_tile.name.clone())).unwrap_or_default();
            let part = outlines[tile].intersection(area.polygons());
            let chosen = choose(found, &part, of_period, options.max_scenes)?;
            if chosen.is_empty() {
                report.empty.push(id);
                continue;
            }
            let pixel_m2 = of_tile.pixel * of_tile.pixel;
            let pixels = meter.measure(&part)?.area_m2 / pixel_m2;
            let estimated_bytes = (pixels * BYTES_PER_PIXEL * chosen.len() as f64).round() as u64;
            report.scenes += chosen.len();
            report.estimated_bytes += estimated_bytes;
            let scenes = chosen.iter().map(|item| item.id().to_owned()).collect();
            units.push(Unit { id, tile, period, scenes, estimated_bytes });
            items.push(chosen);
        }
    }
    (report.tiles, report.units) = (tiles.len(), units.len());
    let plan = Plan {
        version: 1,
        area: options.area.clone(),
        area_incomplete: options.area_incomplete.clone(),
        periods: options.periods.clone(),
        model: options.model.clone(),
        composite: options.composite,
        min_seen: options.min_seen,
        min_area_m2: options.min_area_m2,
        catalogue: catalog.name().to_owned(),
        tiles,
        units,
        empty: report.empty.clone(),
        uncovered_ha: report.uncovered_ha,
    };
    Ok((Project::create(store, plan, &items)?, report))
}

fn check(options: &PlanOptions) -> Result<()> {
    let refuse =
        |name, value: String, accepted: &str| Err(Error::Argument { name, value, accepted: accepted.to_owned() });
    if options.periods.is_empty() {
        return refuse("period", String::new(), "at least one period, such as 2024");
    }
    if !(0.0..=1.0).contains(&options.min_seen) {
        return refuse("minimum share seen", (options.min_seen * 100.0).to_string(), "0 to 100 percent");
    }
    if !(1..=100).contains(&options.max_scenes) {
        return refuse("maximum scenes", options.max_scenes.to_string(), "1 to 100");
    }
    if !(options.min_area_m2.is_finite() && options.min_area_m2 >= 0.0) {
        return refuse("minimum area", (options.min_area_m2 / 1e4).to_string(), "0 or more hectares");
    }
    Ok(())
}

/// The scenes of a unit, best first: those that together cover its part of the area, then others, by their cloud cover.
fn choose(items: Vec<Item>, part: &MultiPolygon<f64>, period: &Period, most: usize) -> Result<Vec<Item>> {
    if items.is_empty() || part.0.is_empty() {
        return Ok(Vec::new());
    }
    let part = SearchArea::from_polygons(part, &Crs::WGS84)?;
    let selection = Selection { min_granule_km2: 0.0, ..Selection::default() };
    let mut chosen: Vec<Item> = select(&items, Some(&part), &[period.range()?], &selection)?
        .into_iter()
        .flat_map(|found| found.items)
        .collect();
    let mut others: Vec<Item> =
        items.into_iter().filter(|item| !chosen.iter().any(|one| one.id() == item.id())).collect();
    let cloud = |item: &Item| item.cloud_cover_percent().unwrap_or(f64::INFINITY);
    others.sort_by(|a, b| cloud(a).total_cmp(&cloud(b)).then_with(|| a.id().cmp(b.id())));
    chosen.extend(others);
    chosen.truncate(most);
    Ok(chosen)
}

/// The outline of a tile in longitude and latitude.
fn outline(tile: &Tile) -> Result<MultiPolygon<f64>> {
    let grid = tile.grid()?;
    let [min_x, min_y, max_x, max_y] = grid.bounds();
    ToLonLat::new(&grid.crs)?.run(&geo::Rect::new((min_x, min_y), (max_x, max_y)).to_polygon().into())
}

/// The tiles that own a part of the area.
///
/// A tile is kept if it owns the middle of a cell inside the area, or a vertex of the area. Dropping a tile does not change the
/// owner of any place inside the area, because the tile owns none there.
fn with_land(tiles: Vec<Tile>, area: &MultiPolygon<f64>) -> Result<Vec<Tile>> {
    let mut kept = Vec::new();
    let places = TilePlaces::new(&tiles)?;
    for (index, tile) in tiles.iter().enumerate() {
        let ownership = Ownership::new(&places, index)?;
        let grid = tile.grid()?;
        kept.push(owns_land(&ownership, &grid, &polygons_on_scene(&grid, area, &Crs::WGS84)?)?);
    }
    Ok(tiles.into_iter().zip(kept).filter_map(|(tile, kept)| kept.then_some(tile)).collect())
}

/// Whether a tile owns a part of polygons, which are in its CRS.
pub(crate) fn owns_land(ownership: &Ownership, grid: &Grid, on_tile: &MultiPolygon<f64>) -> Result<bool> {
    let coarse = Grid {
        transform: GeoTransform {
            pixel_width: grid.transform.pixel_width * CELL_PX,
            pixel_height: grid.transform.pixel_height * CELL_PX,
            ..grid.transform
        },
        width: (grid.width as f64 / CELL_PX).ceil() as usize,
        height: (grid.height as f64 / CELL_PX).ceil() as usize,
        crs: grid.crs.clone(),
    };
    let mut inside = vec![0_u8; coarse.width * coarse.height];
    Rasterizer::new(&coarse, [on_tile]).burn_rows(0, 1, &mut inside);
    let mut places: Vec<(f64, f64)> = (0..inside.len())
        .filter(|at| inside[*at] == 1)
        .map(|at| ((at % coarse.width) as f64 + 0.5, (at / coarse.width) as f64 + 0.5))
        .map(|(col, row)| (col * CELL_PX, row * CELL_PX))
        .collect();
    let vertices = on_tile.iter().flat_map(|polygon| polygon.exterior().0.iter());
    places.extend(vertices.map(|c| grid.transform.to_pixel(c.x, c.y)));
    let (width, height) = (grid.width as f64, grid.height as f64);
    for (col, row) in places {
        if (0.0..width).contains(&col) && (0.0..height).contains(&row) && ownership.owns(col, row)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The tile of an item, from its Projection metadata and its MGRS tile, or the reason why there is none.
pub(crate) fn tile_of(item: &Item) -> Result<Tile, String> {
    let assets = item.assets();
    let is_raster = |asset: &&Value| asset["proj:transform"].is_array() && asset["proj:shape"].is_array();
    let pixel = |asset: &Value| asset["proj:transform"][0].as_f64().unwrap_or(f64::INFINITY).abs();
    // Only images with a band: previews have pixels of other sizes.
    let is_band = |key: &&String| key.to_ascii_uppercase().starts_with('B') || COMMON_NAMES.contains(&key.as_str());
    let finest = assets
        .iter()
        .filter(|(key, asset)| is_band(key) && is_raster(asset))
        .map(|(_, asset)| asset)
        .min_by(|a, b| pixel(a).total_cmp(&pixel(b)))
        .ok_or("no image states proj:transform and proj:shape, from which the plan takes the grid")?;
    let epsg = epsg_of(finest).or_else(|| epsg_of(item.to_value().get("properties").unwrap_or(&Value::Null)));
    let epsg = epsg.ok_or("proj:code is missing, from which the plan takes the CRS")?;
    let numbers =
        |name: &str| finest[name].as_array().into_iter().flatten().filter_map(Value::as_f64).collect::<Vec<f64>>();
    let (transform, shape) = (numbers("proj:transform"), numbers("proj:shape"));
    let (&[width, shear, x, shear_too, height, y, ..], &[rows, cols]) = (&transform[..], &shape[..]) else {
        return Err("proj:transform or proj:shape is incomplete".to_owned());
    };
    if shear != 0.0 || shear_too != 0.0 || (width + height).abs() > 1e-9 * width.abs() || width <= 0.0 {
        return Err("its images are not north up with square pixels".to_owned());
    }
    let is_size = |n: f64| n.fract() == 0.0 && (1.0..=100_000.0).contains(&n);
    if !is_size(rows) || !is_size(cols) || !x.is_finite() || !y.is_finite() {
        return Err(format!("its grid of {cols} x {rows} pixels at {x}, {y} is not one of a tile"));
    }
    let crs = Crs::from_epsg(epsg).map_err(|error| error.to_string())?;
    Transformer::new(&crs, &Crs::WGS84).map_err(|error| error.to_string())?;
    if crs.is_geographic() {
        return Err(format!("its grid is in degrees ({crs}); tiles must be in metres"));
    }
    let name = mgrs_tile(item).unwrap_or_else(|| format!("{epsg}_{x}_{y}"));
    Ok(Tile { name, epsg, origin: [x, y], pixel: width, size: [cols as usize, rows as usize] })
}

/// Names of bands in catalogues that do not number them.
const COMMON_NAMES: [&str; 4] = ["red", "green", "blue", "nir"];

fn epsg_of(place: &Value) -> Option<u16> {
    let code = place["proj:code"].as_str().and_then(|code| code.strip_prefix("EPSG:")?.parse().ok());
    code.or_else(|| place["proj:epsg"].as_u64()?.try_into().ok())
}

/// The MGRS tile of an item, such as `10UFV`.
fn mgrs_tile(item: &Item) -> Option<String> {
    let text = |name: &str| item.property(name).as_str().map(str::to_owned);
    let parts = || {
        let zone = item.property("mgrs:utm_zone").as_u64()?;
        Some(format!("{zone:02}{}{}", text("mgrs:latitude_band")?, text("mgrs:grid_square")?))
    };
    let code = text("grid:code").and_then(|code| code.strip_prefix("MGRS-").map(str::to_owned));
    let id = code.or_else(|| text("s2:mgrs_tile")).or_else(parts)?;
    let id = if id.len() == 4 { format!("0{id}") } else { id };
    let is_tile = id.len() == 5 && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    is_tile.then_some(id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(properties: &Value, band: &Value) -> Item {
        let value = json!({
            "type": "Feature", "id": "S", "properties": properties, "geometry": null,
            "assets": {
                "B04": band,
                "B01": {"proj:transform": [60.0, 0.0, 600_000.0, 0.0, -60.0, 5_500_020.0], "proj:shape": [1830, 1830]},
                "visual": {"proj:transform": [1.0, 0.0, 600_000.0, 0.0, -1.0, 5_500_020.0], "proj:shape": [9, 9]},
            },
        });
        Item::from_value(value, "test").unwrap()
    }

    fn band() -> Value {
        json!({"proj:transform": [10, 0, 600_000, 0, -10, 5_500_020, 0, 0, 1], "proj:shape": [10980, 10980]})
    }

    #[test]
    fn a_tile_has_the_grid_of_the_finest_band() {
        for properties in [
            json!({"proj:code": "EPSG:32610", "grid:code": "MGRS-10UFV"}),
            json!({"proj:epsg": 32610, "s2:mgrs_tile": "10UFV"}),
            json!({"proj:epsg": 32610, "mgrs:utm_zone": 10, "mgrs:latitude_band": "U", "mgrs:grid_square": "FV"}),
        ] {
            let tile = tile_of(&item(&properties, &band())).unwrap();
            assert_eq!((tile.name.as_str(), tile.epsg, tile.pixel, tile.size), ("10UFV", 32610, 10.0, [10_980; 2]));
            assert_eq!(tile.origin, [600_000.0, 5_500_020.0]);
        }
        let tile = tile_of(&item(&json!({"proj:epsg": 32610}), &band())).unwrap();
        assert_eq!(tile.name, "32610_600000_5500020");
    }

    #[test]
    fn tiles_on_both_sides_of_the_antimeridian_own_the_area_across_it() {
        let tile = |name: &str, epsg: u16, first: f64| {
            let to = Transformer::new(&Crs::WGS84, &Crs::from_epsg(epsg).unwrap()).unwrap();
            let (x, y) = to.transform(180.0, -17.0).unwrap();
            Tile { name: name.to_owned(), epsg, origin: [x + first, y + 10_000.0], pixel: 10.0, size: [2000, 2000] }
        };
        // 20 km each; the third lies 40 km to the east of the area.
        let tiles = vec![tile("60", 32760, -18_000.0), tile("01", 32701, -2000.0), tile("far", 32701, 50_000.0)];
        let area = SearchArea::from_bbox([179.95, -17.05, -179.95, -16.95]).unwrap();
        let kept = with_land(tiles, area.polygons()).unwrap();
        assert_eq!(kept.iter().map(|tile| tile.name.as_str()).collect::<Vec<_>>(), ["60", "01"]);
        let outlines = kept.iter().map(outline).collect::<Result<Vec<_>>>().unwrap();
        let covered = unary_union(outlines.iter().flat_map(|outline| outline.0.iter()));
        let meter = GeodesicMeter::new(&Crs::WGS84).unwrap();
        let left = meter.measure(&area.polygons().difference(&covered)).unwrap().area_m2;
        assert!(left < 100.0, "{left} m2 of the area have no tile");
    }

    #[test]
    fn items_without_a_grid_say_what_is_missing() {
        let code = json!({"proj:code": "EPSG:32610"});
        for (properties, band, expected) in [
            (json!({}), band(), "proj:code is missing"),
            (json!({"proj:code": "EPSG:99"}), band(), "99"),
            (json!({"proj:code": "EPSG:4326"}), band(), "in degrees"),
            (code.clone(), json!({"proj:transform": [10, 1, 0, 0, -10, 0], "proj:shape": [9, 9]}), "north up"),
            (code.clone(), json!({"proj:transform": [10, 0, 0, 0, -10, 0], "proj:shape": [0, 9]}), "9 x 0"),
            (code, json!({"proj:transform": [10, 0], "proj:shape": [9, 9]}), "incomplete"),
        ] {
            let error = tile_of(&item(&properties, &band)).unwrap_err();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}
