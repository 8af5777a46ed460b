//! Rasters of a map that can be downloaded, as its record describes them.

use std::path::Path;

use minesegsat_core::Grid;
use serde_json::Value;

use crate::problem::Problem;
use crate::shapes::read_grid;

/// Names and titles of the rasters of a map.
const RASTERS: [(&str, &str); 2] =
    [("mask.tif", "Mapped land: 1"), ("probability.tif", "Probability of disturbed land")];

/// The rasters of a map that exist. All have one grid.
#[derive(Debug, Clone)]
pub(crate) struct MapRasters {
    pub(crate) grid: Grid,
    pub(crate) files: Vec<MapRaster>,
}

/// A raster of a map.
#[derive(Debug, Clone)]
pub(crate) struct MapRaster {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// Size in bytes, if the record of the map states it.
    pub(crate) size: Option<u64>,
    /// SHA-256 in hexadecimal digits, if the record of the map states it.
    pub(crate) sha256: Option<String>,
}

impl MapRasters {
    /// The rasters in the folder of a map with this record (`manifest.json`). Fails if the record has no usable grid.
    pub(crate) fn read(folder: &Path, record: &Value) -> Result<Self, Problem> {
        let of_name = |name: &str| record["outputs"].as_array()?.iter().find(|output| output["name"] == name);
        let files = RASTERS.into_iter().filter(|(name, _)| folder.join(name).is_file()).map(|(name, title)| {
            let output = of_name(name);
            let size = output.and_then(|output| output["size"].as_u64());
            let sha256 = output.and_then(|output| output["sha256"].as_str()).map(str::to_owned);
            MapRaster { name, title, size, sha256 }
        });
        Ok(Self { grid: read_grid(&record["grid"])?, files: files.collect() })
    }
}

/// The name of a raster of a map, if there are rasters of this name.
pub(crate) fn raster_name(text: &str) -> Result<&'static str, Problem> {
    let known = RASTERS.into_iter().map(|(name, _)| name).find(|name| *name == text);
    known.ok_or_else(|| Problem::argument("file", text, "`mask.tif` or `probability.tif`"))
}
