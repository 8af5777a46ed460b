//! Classes of land cover at the pixels of samples: [`CoverMap`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use minesegsat_core::{Error, Grid, Result, Transformer, Window};
use minesegsat_io::{DataType, Location, RasterSource, open_raster};

/// Classes of ESA WorldCover (10 m, versions 100 and 200).
const WORLD_COVER: [(i32, &str); 11] = [
    (10, "tree cover"),
    (20, "shrubland"),
    (30, "grassland"),
    (40, "cropland"),
    (50, "built-up"),
    (60, "bare or sparse vegetation"),
    (70, "snow and ice"),
    (80, "permanent water"),
    (90, "herbaceous wetland"),
    (95, "mangroves"),
    (100, "moss and lichen"),
];

/// Rasters of land cover classes in any CRS. The first one that shows a pixel gives its class.
#[derive(Debug)]
pub(super) struct CoverMap {
    rasters: Vec<Arc<dyn RasterSource>>,
    names: BTreeMap<i32, String>,
}

impl CoverMap {
    /// Opens rasters of one band of whole numbers. `names` are names of classes. Without them, files whose names contain
    /// `WorldCover` have the classes of ESA WorldCover.
    pub(super) fn open(files: &[PathBuf], names: &BTreeMap<i32, String>) -> Result<Self> {
        let open = |file: &PathBuf| -> Result<Arc<dyn RasterSource>> {
            let raster = open_raster(&Location::from(file.as_path()))?;
            let info = raster.info();
            let refuse = |found: String| Err(Error::raster(info.location.clone(), found));
            if info.band_names.len() != 1 {
                return refuse(format!("it has {} bands; a map of land cover has one", info.band_names.len()));
            }
            if info.data_type == DataType::F32 {
                return refuse("its numbers are floating point; classes of land cover are whole numbers".to_owned());
            }
            Ok(raster)
        };
        let is_world_cover = |file: &PathBuf| {
            file.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().contains("worldcover"))
        };
        let names = if names.is_empty() && files.iter().all(is_world_cover) {
            WORLD_COVER.map(|(class, name)| (class, name.to_owned())).into()
        } else {
            names.clone()
        };
        Ok(Self { rasters: files.iter().map(open).collect::<Result<_>>()?, names })
    }

    /// Name of a class. `None` stands for pixels that no map shows.
    pub(super) fn name(&self, class: Option<i32>) -> String {
        match class {
            None => "not in the map".to_owned(),
            Some(class) => self.names.get(&class).cloned().unwrap_or_else(|| format!("class {class}")),
        }
    }

    /// The class at the centre of each pixel of a grid, `[H, W]`. `None` beyond the maps and where they have no data.
    pub(super) fn classes(&self, grid: &Grid) -> Result<Vec<Option<i32>>> {
        let mut classes = vec![None; grid.width * grid.height];
        for raster in &self.rasters {
            if classes.iter().all(Option::is_some) {
                break;
            }
            let info = raster.info();
            let map = &info.grid;
            let to_map = Transformer::new(&grid.crs, &map.crs)?;
            let Ok(bounds) = to_map.transform_bounds(grid.bounds()) else { continue };
            // Bounds across the antimeridian have no order.
            if bounds[0] <= bounds[2] && map.window_of_bounds(bounds).is_none() {
                continue;
            }
            let inside = |at: f64, pixels: usize| (at >= 0.0 && at < pixels as f64).then_some(at as usize);
            let place = |pixel: usize| {
                let (col, row) = (pixel % grid.width, pixel / grid.width);
                let (x, y) = grid.transform.to_map(col as f64 + 0.5, row as f64 + 0.5);
                let (x, y) = to_map.transform(x, y).ok()?;
                let (col, row) = map.transform.to_pixel(x, y);
                Some((inside(col, map.width)?, inside(row, map.height)?))
            };
            let open: Vec<(usize, (usize, usize))> = (0..classes.len())
                .filter(|&pixel| classes[pixel].is_none())
                .filter_map(|pixel| Some((pixel, place(pixel)?)))
                .collect();
            let Some(window) = around(open.iter().map(|(_, place)| *place)) else { continue };
            let pixels = raster.read(0, window)?;
            for (pixel, (col, row)) in open {
                let class = pixels.get((row - window.row) * window.width + col - window.col);
                classes[pixel] = (info.nodata != Some(class)).then_some(class as i32);
            }
        }
        Ok(classes)
    }
}

/// The smallest window that contains all pixels (col, row).
fn around(pixels: impl Iterator<Item = (usize, usize)>) -> Option<Window> {
    let windows = pixels.map(|(col, row)| Window::new(col, row, 1, 1));
    windows.reduce(|a, b| {
        let (col, row) = (a.col.min(b.col), a.row.min(b.row));
        Window::new(col, row, a.col_end().max(b.col_end()) - col, a.row_end().max(b.row_end()) - row)
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use minesegsat_core::{Crs, GeoTransform};
    use minesegsat_testing::scenes::GeoTiff;

    fn write(folder: &Path, name: &str, tiff: GeoTiff) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, tiff.encode()).unwrap();
        path
    }

    fn grid(epsg: u16, transform: GeoTransform, width: usize, height: usize) -> Grid {
        Grid { crs: Crs::from_epsg(epsg).unwrap(), transform, width, height }
    }

    #[test]
    fn the_pixel_at_the_centre_gives_the_class_and_the_first_map_counts() {
        let folder = tempfile::tempdir().unwrap();
        // Two columns of 20 m: class 10 and no data. The second map covers all with class 40, and one more column.
        let corner = (600_000.0, 5_500_020.0);
        let mut first = GeoTiff::new(32610, corner, 20.0, 2, 1, vec![vec![10, 0]]);
        first.nodata = Some(0.0);
        let second = GeoTiff::new(32610, corner, 20.0, 3, 1, vec![vec![40; 3]]);
        let files =
            [write(folder.path(), "ESA_WorldCover_a.tif", first), write(folder.path(), "ESA_WorldCover_b.tif", second)];
        let map = CoverMap::open(&files, &BTreeMap::new()).unwrap();
        let pixels = grid(32610, GeoTransform::north_up(corner.0, corner.1, 10.0), 7, 1);
        let expected = [Some(10), Some(10), Some(40), Some(40), Some(40), Some(40), None];
        assert_eq!(map.classes(&pixels).unwrap(), expected);
        assert_eq!((map.name(Some(10)).as_str(), map.name(Some(41)).as_str()), ("tree cover", "class 41"));
        assert_eq!(map.name(None), "not in the map");
        let named = CoverMap::open(&files, &[(10, "forest".to_owned())].into()).unwrap();
        assert_eq!((named.name(Some(10)).as_str(), named.name(Some(40)).as_str()), ("forest", "class 40"));
        let elsewhere = grid(32610, GeoTransform::north_up(corner.0, corner.1 + 5000.0, 10.0), 2, 2);
        assert_eq!(map.classes(&elsewhere).unwrap(), [None; 4]);
    }

    #[test]
    fn maps_in_another_system_are_read_at_the_position_on_the_ground() {
        let folder = tempfile::tempdir().unwrap();
        // North is turned by some degrees between two zones. The classes are 1 km wide, so this moves no centre of the grid into
        // another class.
        let here = grid(32610, GeoTransform::north_up(600_000.0, 5_500_000.0, 10.0), 3, 3);
        let to_other = Transformer::new(&here.crs, &Crs::from_epsg(32611).unwrap()).unwrap();
        let (x, y) = to_other.transform(600_015.0, 5_499_985.0).unwrap();
        // The middle of the grid is the middle of the second class.
        let map = GeoTiff::new(32611, (x - 1500.0, y + 500.0), 1000.0, 3, 1, vec![vec![1, 2, 3]]);
        let map = CoverMap::open(&[write(folder.path(), "map.tif", map)], &BTreeMap::new()).unwrap();
        assert_eq!(map.classes(&here).unwrap(), [Some(2); 9]);
    }

    #[test]
    fn rasters_that_are_no_classes_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut float = GeoTiff::new(32610, (0.0, 0.0), 10.0, 1, 1, vec![vec![1]]);
        float.as_float = Some(1.0);
        let two = GeoTiff::new(32610, (0.0, 0.0), 10.0, 1, 1, vec![vec![1]; 2]);
        for (name, tiff, reason) in [("float.tif", float, "floating point"), ("two.tif", two, "it has 2 bands")] {
            let error = CoverMap::open(&[write(folder.path(), name, tiff)], &BTreeMap::new()).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
