//! The truth over time: `onset.tif`, `regrown.tif`, `sites.gpkg` and `sites.csv`.

use std::fmt::Write as _;
use std::path::Path;

use geo::MultiPolygon;

use super::World;
use super::history::Fate;
use super::series::Timeline;
use super::truth::SceneSummary;
use minesegsat_core::output::OutputTree;
use minesegsat_core::polygonize::{Connectivity, Polygonizer};
use minesegsat_core::{GeoTransform, Grid, Result};
use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter, OverviewResampling};
use minesegsat_io::{DataType, Pixels};
use minesegsat_vector::vector::{ColumnType, FeatureLayer, ShapeType, Value, write_layer};

/// Width in pixels of the land around a mine that belongs to its site.
const AROUND_PX: usize = 20;

/// Writes the truth over time into `truth`.
pub(super) fn write(
    tree: &OutputTree,
    grid: &Grid,
    world: &World,
    timeline: &Timeline,
    dates: &[SceneSummary],
    metadata: &serde_json::Value,
) -> Result<()> {
    let onset = "simulated: day since 1970-01-01 on which a mine disturbed the land, 0 never";
    write_days(&tree.path("truth/onset.tif")?, grid, ("onset", onset), timeline.onset.clone())?;
    let regrown = "simulated: day since 1970-01-01 from which the land is reclaimed, 0 never";
    write_days(&tree.path("truth/regrown.tif")?, grid, ("regrown", regrown), timeline.regrown.clone())?;

    let mut table = "id,date,pixels,area_ha\n".to_owned();
    let land = widen(&timeline.owner, grid.width, AROUND_PX);
    let mut features = Vec::new();
    for site in &world.sites {
        let geometry = outline(&land, site.id, grid);
        if geometry.0.is_empty() {
            continue;
        }
        let sizes: Vec<(u64, f64)> = dates
            .iter()
            .map(|scene| scene.mines.iter().find(|mine| mine.mine_id == site.id))
            .map(|mine| mine.map_or((0, 0.0), |mine| (mine.total.pixels, mine.total.area_ha)))
            .collect();
        for (scene, (pixels, area_ha)) in dates.iter().zip(&sizes) {
            if let Some(conditions) = &scene.conditions {
                // Writing into a string does not fail.
                let _ = writeln!(table, "{},{},{pixels},{area_ha:.4}", site.id, conditions.date);
            }
        }
        let area = |size: Option<&(u64, f64)>| Value::Real(size.map_or(0.0, |size| size.1));
        let fate = match site.history.as_ref().map_or(Fate::Stable, |history| history.fate) {
            Fate::Stable => "stable",
            Fate::Growing => "growing",
            Fate::New => "new",
            Fate::Regrowing => "regrowing",
        };
        let values = vec![
            Value::Text(site.id.to_string()),
            Value::Text(site.commodity.to_owned()),
            Value::Text(fate.to_owned()),
            area(sizes.first()),
            area(sizes.last()),
        ];
        features.push((geometry.into(), values));
    }
    fs_err::write(tree.path("truth/sites.csv")?, table)?;
    let layer = FeatureLayer {
        name: "sites",
        title: "Simulated mines and the land around them".to_owned(),
        description: format!(
            "Simulated: land that a mine disturbed by the last date, and {} m around it",
            AROUND_PX * 10
        ),
        datetime: None,
        metadata: metadata.to_string(),
        shape: ShapeType::MultiPolygon,
        columns: vec![
            ("id", ColumnType::Text),
            ("commodity", ColumnType::Text),
            ("fate", ColumnType::Text),
            ("first_ha", ColumnType::Real),
            ("last_ha", ColumnType::Real),
        ],
        choices: Vec::new(),
        style: None,
        features,
    };
    write_layer(&tree.path("truth/sites.gpkg")?, &grid.crs, &layer)
}

/// Writes a raster of days; 0 is nodata.
fn write_days(path: &Path, grid: &Grid, (name, description): (&str, &str), days: Vec<u16>) -> Result<()> {
    let options = CogOptions {
        data_type: DataType::U16,
        nodata: Some(0.0),
        bands: vec![BandMeta { description: Some(description.to_owned()), ..BandMeta::named(name) }],
        overview_resampling: OverviewResampling::Mode,
        metadata: vec![("SIMULATED".to_owned(), "YES".to_owned())],
        ..CogOptions::default()
    };
    let mut cog = CogWriter::create(path, grid, options)?;
    cog.write_rows(&[Pixels::U16(days)])?;
    cog.finish()
}

/// Widens the areas of a raster of numbers by `steps` pixels, each along the four sides. The number that comes first stays.
fn widen(numbers: &[u16], width: usize, steps: usize) -> Vec<u16> {
    let mut out = numbers.to_vec();
    let mut front: Vec<usize> = (0..out.len()).filter(|&i| out[i] != 0).collect();
    for _ in 0..steps {
        let mut next = Vec::new();
        for i in front {
            let col = i % width;
            let around = [
                (i >= width).then(|| i - width),
                (col > 0).then(|| i - 1),
                (col + 1 < width).then(|| i + 1),
                (i + width < out.len()).then(|| i + width),
            ];
            for j in around.into_iter().flatten() {
                if out[j] == 0 {
                    out[j] = out[i];
                    next.push(j);
                }
            }
        }
        front = next;
    }
    out
}

/// Outline of the pixels with a number, along pixel edges.
fn outline(numbers: &[u16], number: u16, grid: &Grid) -> MultiPolygon<f64> {
    let rows = || numbers.chunks(grid.width);
    let has = |row: &[u16]| row.contains(&number);
    let (Some(top), Some(bottom)) = (rows().position(has), rows().rposition(has)) else {
        return MultiPolygon::new(vec![]);
    };
    let mut polygonizer = Polygonizer::new(grid.width, Connectivity::Four);
    let (mut line, none) = (vec![0; grid.width], vec![0.0; grid.width]);
    for row in rows().skip(top).take(bottom + 1 - top) {
        for (out, value) in line.iter_mut().zip(row) {
            *out = u8::from(*value == number);
        }
        polygonizer.push_row(&line, &none);
    }
    let from = &grid.transform;
    let pixel_m = from.pixel_width;
    let transform = GeoTransform::north_up(from.origin_x, from.origin_y - top as f64 * pixel_m, pixel_m);
    let mut polygons = Vec::new();
    for region in &polygonizer.finish() {
        polygons.extend(region.to_map(&transform));
    }
    MultiPolygon::new(polygons)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_widen_along_the_sides_and_stop_at_each_other() {
        #[rustfmt::skip]
        let before = [
            0, 0, 0, 0, 0,
            0, 3, 0, 0, 7,
            0, 0, 0, 0, 0,
        ];
        #[rustfmt::skip]
        let after = [
            0, 3, 0, 0, 7,
            3, 3, 3, 7, 7,
            0, 3, 0, 0, 7,
        ];
        assert_eq!(widen(&before, 5, 1), after);
        assert!(widen(&before, 5, 9).iter().all(|v| *v != 0));
    }
}
