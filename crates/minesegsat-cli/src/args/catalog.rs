//! Arguments of `minesegsat search` and `download`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use minesegsat::{
    Band,
    catalog::{DateRange, Preference, SearchArea, SortKey},
};

use super::{Bbox, IncompleteArgs};

#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// Catalogue to search: `earth-search`, `planetary-computer`, `earthdaily`, the URL of a STAC API, a static
    /// catalogue (catalog.json or collection.json, file or URL), or an ItemCollection (file, URL, or `-` for stdin).
    #[arg(long, value_name = "NAME|URL|FILE", default_value = "earth-search")]
    pub api: OsString,

    /// Collections to search [default: the API's surface reflectance collection].
    #[arg(long, value_delimiter = ',', value_name = "ID,...")]
    pub collections: Vec<String>,

    #[command(flatten)]
    pub area: AreaArgs,

    /// Dates, one or more: a day, a month, a year or a range, such as `2021-07-10`, `2021-07`, `2021-06-01/2021-08-31`,
    /// `2021/..`.
    #[arg(long, visible_alias = "per", value_name = "DATE[/DATE]", num_args = 1..)]
    pub datetime: Vec<DateRange>,

    /// Maximum cloud cover, in percent.
    #[arg(long, value_name = "PERCENT", allow_negative_numbers = true)]
    pub max_cloud_cover: Option<f64>,

    /// Maximum number of items.
    #[arg(long, value_name = "N")]
    pub max_items: Option<usize>,

    /// Sort by `datetime`, `cloud-cover`, `id` or another property; a leading `-` sorts in descending order.
    #[arg(long, value_delimiter = ',', value_name = "FIELD,...", allow_hyphen_values = true)]
    pub sort_by: Vec<SortKey>,

    /// Items per page to request from the API.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,

    /// Select the best scenes that cover the area, for each date range. Every selected scene must cover new ground.
    #[arg(long)]
    pub select: bool,

    /// Which scenes to select first.
    #[arg(long, value_name = "WHAT", default_value = "cloud", requires = "select")]
    pub prefer: Prefer,

    /// Skip scenes with a footprint smaller than this, in square kilometres (a whole tile has 12 056).
    #[arg(long, value_name = "KM2", default_value_t = 100.0, requires = "select")]
    pub min_granule: f64,

    /// Minimum share of new ground in a selected scene, in percent of the scene's part of the area.
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, requires = "select")]
    pub min_new: f64,

    /// File to write the ItemCollection to.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace an existing file.
    #[arg(long, requires = "output")]
    pub overwrite: bool,

    /// Print JSON, even on a terminal.
    #[arg(long, conflicts_with = "table")]
    pub json: bool,

    /// Print a table, even in a pipe.
    #[arg(long)]
    pub table: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DownloadArgs {
    /// Items to download: an ItemCollection or Item (file or URL), or `-` to read the output of `search` from stdin.
    pub items: OsString,

    /// Output folder; each item gets its own subfolder.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Bands to download, in addition to the scene classification [default: all].
    #[arg(long, value_delimiter = ',', value_name = "BAND,...")]
    pub bands: Option<Vec<Band>>,

    #[command(flatten)]
    pub area: AreaArgs,

    /// Download only the part of each band that contains the area, with range requests, and write it as Cloud Optimized
    /// GeoTIFF. Needs `--bbox` or `--intersects`.
    #[arg(long)]
    pub clip: bool,

    /// Number of parallel requests.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: u16,

    /// Pay for reads from requester-pays buckets (keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY).
    #[arg(long)]
    pub requester_pays: bool,

    /// Replace existing scenes that were clipped to another area.
    #[arg(long)]
    pub overwrite: bool,

    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// The search area.
#[derive(Debug, Args)]
pub(crate) struct AreaArgs {
    /// Only scenes that intersect this box: west,south,east,north in degrees. A box with west > east crosses the
    /// antimeridian.
    #[arg(long, value_name = "W,S,E,N", allow_hyphen_values = true, conflicts_with = "intersects")]
    pub bbox: Option<Bbox>,

    /// Only scenes that intersect the polygons of this file: GeoPackage, GeoJSON, KML, Shapefile, FlatGeobuf, GeoParquet, also
    /// zipped.
    #[arg(long, value_name = "FILE")]
    pub intersects: Option<PathBuf>,

    #[command(flatten)]
    pub incomplete: IncompleteArgs,
}

impl AreaArgs {
    /// Reads the search area, if one is given.
    pub(crate) fn read(&self) -> minesegsat::Result<Option<SearchArea>> {
        match (&self.bbox, &self.intersects) {
            (Some(bbox), _) => SearchArea::from_bbox(bbox.0).map(Some),
            (None, Some(path)) => {
                let (polygons, crs, _) = self.incomplete.read_polygons(path)?;
                SearchArea::from_polygons(&polygons, &crs).map(Some)
            }
            (None, None) => Ok(None),
        }
    }
}

/// Which scenes are selected first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Prefer {
    /// Scenes with the least cloud.
    Cloud,
    /// Scenes nearest to the middle of their date range.
    Season,
}

impl From<Prefer> for Preference {
    fn from(prefer: Prefer) -> Self {
        match prefer {
            Prefer::Cloud => Self::Cloud,
            Prefer::Season => Self::Season,
        }
    }
}
