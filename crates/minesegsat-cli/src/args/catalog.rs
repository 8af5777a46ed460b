//! What `search` and `download` accept.

use std::{path::PathBuf, str::FromStr};

use clap::{Args, ValueEnum};
use minesegsat::{
    Band,
    catalog::{DateRange, Preference, SearchArea, SortKey},
};

#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// Where to search: `earth-search`, `planetary-computer`, `earthdaily`, the URL of a STAC API, a static catalogue
    /// (catalog.json or collection.json, file or URL), or an ItemCollection (file, URL, or `-`).
    #[arg(long, value_name = "NAME|URL|FILE", default_value = "earth-search")]
    pub api: String,

    /// Collections to search in [default: the API's collection of surface reflectance].
    #[arg(long, value_delimiter = ',', value_name = "ID,...")]
    pub collections: Vec<String>,

    #[command(flatten)]
    pub area: AreaArgs,

    /// A day, month or year, or a range: `2021-07-10`, `2021-07`, `2021-06-01/2021-08-31`, `2021/..`. Several may follow.
    #[arg(long, visible_alias = "per", value_name = "DATE[/DATE]", num_args = 1..)]
    pub datetime: Vec<DateRange>,

    /// Most cloud cover, in percent.
    #[arg(long, value_name = "PERCENT", allow_negative_numbers = true)]
    pub max_cloud_cover: Option<f64>,

    /// Stop after so many items.
    #[arg(long, value_name = "N")]
    pub max_items: Option<usize>,

    /// Order: `datetime`, `cloud-cover`, `id` or another property; `-` before it for largest first.
    #[arg(long, value_delimiter = ',', value_name = "FIELD,...", allow_hyphen_values = true)]
    pub sort_by: Vec<SortKey>,

    /// Items per page that the API is asked for.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,

    /// Choose, per date range, the best scenes that cover the area, each only if it brings something new.
    #[arg(long)]
    pub select: bool,

    /// Which scenes are the best: those with the least cloud, or those nearest to the middle of their date range.
    #[arg(long, value_name = "WHAT", default_value = "cloud", requires = "select")]
    pub prefer: Prefer,

    /// Leave out scenes with a smaller footprint, in square kilometres (a whole tile has 12 056).
    #[arg(long, value_name = "KM2", default_value_t = 100.0, requires = "select")]
    pub min_granule: f64,

    /// Share of a scene's part of the area that must not be covered yet, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, requires = "select")]
    pub min_new: f64,

    /// Write the ItemCollection to this file.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace an existing file.
    #[arg(long, requires = "output")]
    pub overwrite: bool,

    /// Print JSON, on a terminal as well.
    #[arg(long, conflicts_with = "table")]
    pub json: bool,

    /// Print a table, in a pipe as well.
    #[arg(long)]
    pub table: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DownloadArgs {
    /// What to download: an ItemCollection or Item (file or URL), or `-` for what `search` prints.
    pub items: String,

    /// Folder to write into; each item gets a folder of its own in it.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,

    /// Bands to download, besides the scene classification [default: all].
    #[arg(long, value_delimiter = ',', value_name = "BAND,...")]
    pub bands: Option<Vec<Band>>,

    #[command(flatten)]
    pub area: AreaArgs,

    /// Only the window of each band that holds the area, read by ranges and written as Cloud Optimized GeoTIFF.
    #[arg(long)]
    pub clip: bool,

    /// Requests at the same time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: u16,

    /// Pay for what is read from buckets whose readers pay (keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY).
    #[arg(long)]
    pub requester_pays: bool,

    /// Replace scenes that are there and were clipped to another area.
    #[arg(long)]
    pub overwrite: bool,

    /// Print what was done as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Where.
#[derive(Debug, Args)]
pub(crate) struct AreaArgs {
    /// Only what touches this box: west,south,east,north in degrees; west > east across the antimeridian.
    #[arg(long, value_name = "W,S,E,N", allow_hyphen_values = true, conflicts_with = "intersects")]
    pub bbox: Option<SearchBbox>,

    /// Only what touches the polygons in this file (GeoJSON, GeoPackage, FlatGeobuf).
    #[arg(long, value_name = "FILE")]
    pub intersects: Option<PathBuf>,
}

impl AreaArgs {
    /// The area, where one is given.
    pub(crate) fn read(&self) -> minesegsat::Result<Option<SearchArea>> {
        match (&self.bbox, &self.intersects) {
            (Some(bbox), _) => Ok(Some(bbox.0.clone())),
            (None, Some(path)) => {
                let (polygons, crs) = minesegsat::vector::read_area_of_interest(path)?;
                SearchArea::from_polygons(&polygons, &crs).map(Some)
            }
            (None, None) => Ok(None),
        }
    }
}

/// West, south, east, north; may cross the antimeridian.
#[derive(Debug, Clone)]
pub(crate) struct SearchBbox(SearchArea);

impl FromStr for SearchBbox {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected west,south,east,north in degrees";
        let numbers = text.split(',').map(|part| part.trim().parse::<f64>()).collect::<Result<Vec<_>, _>>();
        let numbers = numbers.map_err(|error| format!("{error}; {EXPECTED}"))?;
        let bbox =
            <[f64; 4]>::try_from(numbers).map_err(|given| format!("{} numbers given; {EXPECTED}", given.len()))?;
        SearchArea::from_bbox(bbox).map(Self).map_err(|error| error.to_string())
    }
}

/// Which of two scenes is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Prefer {
    /// The one with less cloud.
    Cloud,
    /// The one nearer to the middle of its date range.
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
