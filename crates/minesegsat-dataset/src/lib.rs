//! Training sets: patches of all bands on their native grids, masks, and the provenance of both.
//!
//! - [`build()`] makes a data set from scenes and labels; [`import_paper`] and [`import_chips`] describe existing files
//!   in place; [`merge`] describes several sets as one.
//! - [`split()`] divides it by location; [`stats()`] measures its bands over the training split.
//! - [`Dataset`] opens it; [`SampleReader`] reads samples as the network sees them.
//! - [`Loader`] makes training batches of these samples with the random changes of [`Augmentation`].
//!
//! # Files of a data set
//! | file | content |
//! |---|---|
//! | `dataset.json` | [`DatasetCard`]: bands, classes, radiometry, labels, scenes, parameters |
//! | `samples.csv` | one [`SampleRecord`] per line, sorted by id |
//! | `dataset_splits.csv` | `split,data_path,mask_path,id,group`: the paper's layout with two more columns |
//! | `stats.json` | [`DatasetStats`] over the training split |
//! | `metadata/B04_metadata.json`, ... | minimum, maximum, mean and standard deviation in digital numbers, in the format of the paper's loader |
//! | `collection.json` | STAC collection of the patches (built sets) |
//! | `patches/<id>/` | `B01.tif` ... `B12.tif`, `SCL.tif`, `mask.tif` and the STAC item `<id>.json` (built sets) |
//!
//! [`fingerprints`] notices that samples have changed. [`fit_familiarity`] describes what samples look like. [`evaluate`] measures
//! models on the samples of a data set.
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod air;
mod augment;
mod build;
mod cache;
mod clouds;
mod crop;
pub mod evaluate;
mod familiarity;
mod fingerprint;
mod import;
mod item;
mod loader;
mod mask;
mod merge;
mod mosaic;
mod sample;
mod source;
mod split;
mod stats;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use augment::Augmentation;
pub use build::{BuildOptions, BuildReport, build};
pub use familiarity::fit_familiarity;
pub use fingerprint::{SampleFingerprint, fingerprints};
pub use import::{ChipLayout, ImportOptions, import_chips, import_paper};
pub use loader::{Batch, Batches, Loader, LoaderOptions};
pub use mask::MaskValues;
pub use merge::{MergeOptions, merge};
pub use mosaic::PatchCell;
pub use sample::{OpenSample, RawSample, SamplePatch, SampleReader};
pub use source::SceneList;
pub use split::{SplitOptions, SplitReport, split};
pub use stats::{BandStats, ClassStats, DatasetStats, Histogram, StatsOptions, stats};

use minesegsat_core::band::UnknownBand;
use minesegsat_core::output::atomic_write;
use minesegsat_core::{Band, Error, Grid, Result};
use minesegsat_io::raster::open_image;
use minesegsat_io::{DataType, Location, RasterInfo, read_json};
use minesegsat_map::preview::{Layer, Layers};
use minesegsat_scene::BandRadiometry;
use minesegsat_vector::delimited::{Table, TableRow};

/// File of the data set's description, a [`DatasetCard`].
pub const CARD_FILE: &str = "dataset.json";
/// File of the list of samples.
pub const SAMPLES_FILE: &str = "samples.csv";
/// File of the splits.
pub const SPLITS_FILE: &str = "dataset_splits.csv";
/// File of the statistics of the bands.
pub const STATS_FILE: &str = "stats.json";
/// File of the STAC collection of a built set.
pub const COLLECTION_FILE: &str = "collection.json";
/// Folder of a built set's patches.
pub const PATCHES_FOLDER: &str = "patches";
/// File name of the mask if the record of a sample names a folder.
const MASK_FILE: &str = "mask.tif";
/// Version of the layout that this program writes and reads.
const FORMAT_VERSION: u32 = 1;

/// Where the samples of a data set come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Cut from scenes by [`build()`].
    Built,
    /// The paper's published layout, read in place.
    Paper,
    /// Multi-band images and masks, read in place.
    Chips,
}

/// A class of the masks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// Value of the class in masks.
    pub value: u8,
    /// Name of the class.
    pub name: String,
}

/// Description of a data set: the content of `dataset.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DatasetCard {
    /// Version of this layout.
    pub format_version: u32,
    /// Name and version of the program that wrote it.
    pub software: String,
    /// How the data set was made.
    pub origin: Origin,
    /// Title for people.
    pub title: String,
    /// Folder to which the samples' paths are relative. Absolute, or relative to the data set's folder.
    pub root: PathBuf,
    /// Bands of every sample. For multi-band images, in the order of the file.
    pub bands: Vec<Band>,
    /// Width and height of a patch in pixels of the finest band; `None` if patches have different sizes.
    pub patch_size: Option<usize>,
    /// Reflectance per digital number. A sample's own scale overrides it.
    pub scale: f64,
    /// Offset added to digital numbers before scaling. A sample's own offset overrides it.
    pub offset_dn: f64,
    /// Classes of the masks, 0 (background) first.
    pub classes: Vec<Class>,
    /// Mask value of pixels without a class. Training and evaluation ignore them.
    pub ignore: u8,
    /// Source of the labels.
    pub labels: serde_json::Value,
    /// The scenes, in order of preference.
    pub scenes: Vec<serde_json::Value>,
    /// All other parameters that determined the content.
    pub parameters: serde_json::Value,
}

impl DatasetCard {
    /// Processing levels of the scenes, such as `L2A`, each once. Empty if unknown.
    pub fn levels(&self) -> Vec<String> {
        let of = |scene: &serde_json::Value| scene["metadata"]["level"].as_str().map(str::to_owned);
        self.scenes.iter().filter_map(of).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// One sample: a line of `samples.csv`. An empty field means unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRecord {
    /// Unique name. In built sets: EPSG code and upper left corner, `32610_545280_5498880`.
    pub id: String,
    /// Folder of one-band files, or a multi-band image, relative to the root.
    pub data_path: String,
    /// Folder that holds `mask.tif`, or the mask itself, relative to the root.
    pub mask_path: String,
    /// EPSG code of the grid.
    pub epsg: Option<u16>,
    /// Western edge in degrees.
    pub west: f64,
    /// Southern edge in degrees.
    pub south: f64,
    /// Eastern edge in degrees.
    pub east: f64,
    /// Northern edge in degrees.
    pub north: f64,
    /// Date of the scene that gave most of the pixels.
    pub date: Option<String>,
    /// Scenes that the sample was cut from, separated by spaces.
    pub scenes: String,
    /// Reflectance per digital number, if it differs from the set's.
    pub scale: Option<f64>,
    /// Offset added to digital numbers before scaling, if it differs from the set's.
    pub offset_dn: Option<f64>,
    /// Share of pixels with data, 0 to 1.
    pub data_share: Option<f64>,
    /// Share of pixels without cloud or cloud shadow among those with data, 0 to 1.
    pub clear_share: Option<f64>,
    /// Share of pixels of any class except background, 0 to 1.
    pub mining_share: f64,
    /// Area of these pixels in hectares.
    pub mining_ha: Option<f64>,
    /// Commodities of the labels in the sample, separated by `;`.
    pub commodity: Option<String>,
    /// Group. All samples of a group go to the same split.
    pub group: Option<String>,
    /// Meaning of the mask's values, if it is not that of the set's classes.
    #[serde(default)]
    pub mask_values: Option<MaskValues>,
    /// Bands of the sample, if they are not those of the set. For a multi-band image, in the order of the file.
    #[serde(default)]
    pub bands: Option<SampleBands>,
    /// Domain, such as the kind of ground or the source. Training can weigh domains.
    #[serde(default)]
    pub domain: Option<String>,
}

/// Bands of a sample. The text form is their names, separated by spaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SampleBands(pub Vec<Band>);

impl TryFrom<String> for SampleBands {
    type Error = UnknownBand;

    fn try_from(text: String) -> Result<Self, UnknownBand> {
        text.split_whitespace().map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl From<SampleBands> for String {
    fn from(bands: SampleBands) -> Self {
        bands.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// For training networks.
    Train,
    /// For choosing hyperparameters, thresholds and checkpoints.
    Val,
    /// For reporting results.
    Test,
    /// Left out, so that neighbouring samples never lie in different splits.
    Unused,
}

impl Split {
    /// The three splits in use.
    pub const ALL: [Self; 3] = [Self::Train, Self::Val, Self::Test];

    /// Name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
            Self::Unused => "unused",
        }
    }
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Split {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "train" | "training" => Ok(Self::Train),
            "val" | "valid" | "validation" => Ok(Self::Val),
            "test" | "testing" => Ok(Self::Test),
            "unused" | "" => Ok(Self::Unused),
            _ => Err(Error::Argument {
                name: "split",
                value: text.to_owned(),
                accepted: "train, val, test or unused".to_owned(),
            }),
        }
    }
}

/// A line of `dataset_splits.csv`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct SplitRow {
    split: String,
    data_path: String,
    mask_path: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    resource: Option<String>,
}

/// An open data set. Pixels are read only when a sample is read.
#[derive(Debug, Clone)]
pub struct Dataset {
    folder: PathBuf,
    card: DatasetCard,
    samples: Vec<SampleRecord>,
    splits: BTreeMap<String, Split>,
    /// Groups of neighbours that the split found, by sample id.
    groups: BTreeMap<String, String>,
    stats: Option<DatasetStats>,
}

impl Dataset {
    /// Opens the data set in a folder.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let card_path = folder.join(CARD_FILE);
        if !card_path.is_file() {
            let hint = if folder.join(SPLITS_FILE).is_file() {
                "; it looks like the paper's layout: `minesegsat dataset import` describes it"
            } else {
                ""
            };
            return Err(Error::input(
                folder.display().to_string(),
                format!("it is not a data set: it has no {CARD_FILE}{hint}"),
            ));
        }
        let card: DatasetCard = read_json(&Location::from(card_path.as_path()))?;
        if card.format_version != FORMAT_VERSION {
            return Err(Error::input(
                card_path.display().to_string(),
                format!("its format is version {}; this program reads version {FORMAT_VERSION}", card.format_version),
            ));
        }
        let samples: Vec<SampleRecord> =
            read_csv(&folder.join(SAMPLES_FILE))?.into_iter().map(|(_, sample)| sample).collect();
        let splits_path = folder.join(SPLITS_FILE);
        let (mut splits, mut groups) = (BTreeMap::new(), BTreeMap::new());
        if splits_path.is_file() {
            for (_, row) in read_csv::<SplitRow>(&splits_path)? {
                let split = row
                    .split
                    .parse()
                    .map_err(|error: Error| Error::input(splits_path.display().to_string(), "").caused_by(error))?;
                let id = row.id.unwrap_or(row.data_path);
                groups.extend(row.group.filter(|group| !group.is_empty()).map(|group| (id.clone(), group)));
                splits.insert(id, split);
            }
        }
        let stats_path = folder.join(STATS_FILE);
        let stats = stats_path.is_file().then(|| read_json(&Location::from(stats_path.as_path()))).transpose()?;
        Ok(Self { folder: folder.to_owned(), card, samples, splits, groups, stats })
    }

    /// The folder that the data set was opened from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The description of the data set.
    pub fn card(&self) -> &DatasetCard {
        &self.card
    }

    /// All samples, sorted by id.
    pub fn samples(&self) -> &[SampleRecord] {
        &self.samples
    }

    /// The split of a sample; `None` before the data set is split.
    pub fn split_of(&self, id: &str) -> Option<Split> {
        self.splits.get(id).copied()
    }

    /// The site of a sample: the group in its record, else the group of neighbours that the split found, else its own
    /// id.
    pub fn site_of<'a>(&'a self, sample: &'a SampleRecord) -> &'a str {
        let given = sample.group.as_deref().filter(|group| !group.is_empty());
        given.or_else(|| self.groups.get(&sample.id).map(String::as_str)).unwrap_or(&sample.id)
    }

    /// Area of a pixel of a sample's mask in hectares; `None` if the file has no georeference.
    pub fn pixel_area_ha(&self, sample: &SampleRecord) -> Result<Option<f64>> {
        let (mask, georeference) = open_image(&Location::from(self.mask_file(sample)))?;
        Ok(georeference.is_placed().then(|| stats::pixel_area_ha(&mask.info().grid, sample)).flatten())
    }

    /// Whether the data set has been split.
    pub fn is_split(&self) -> bool {
        !self.splits.is_empty()
    }

    /// The samples of a split. Returns an error that names the command to run if the set is not split or the split is
    /// empty.
    pub fn split(&self, split: Split) -> Result<Vec<&SampleRecord>> {
        let refuse = |reason: String| Err(Error::input(self.folder.display().to_string(), reason));
        if !self.is_split() {
            return refuse("it is not split yet: run `minesegsat dataset split` first".to_owned());
        }
        let missing = self.samples.iter().filter(|s| self.split_of(&s.id).is_none()).count();
        if missing > 0 {
            return refuse(format!(
                "{missing} of its {} samples were added after the split: run `minesegsat dataset split` again",
                self.samples.len()
            ));
        }
        let samples: Vec<_> = self.samples.iter().filter(|s| self.split_of(&s.id) == Some(split)).collect();
        if samples.is_empty() {
            return refuse(format!("its {split} split is empty"));
        }
        Ok(samples)
    }

    /// The statistics of the training split. Returns an error that names the command to run if they are missing.
    pub fn stats(&self) -> Result<&DatasetStats> {
        self.stats.as_ref().ok_or_else(|| {
            Error::input(
                self.folder.display().to_string(),
                "its bands are not measured yet: run `minesegsat dataset stats` first".to_owned(),
            )
        })
    }

    /// The folder to which the samples' paths are relative.
    pub fn root(&self) -> PathBuf {
        self.folder.join(&self.card.root)
    }

    /// The bands of a sample. A sample may lack bands of the set.
    pub fn bands_of<'a>(&'a self, sample: &'a SampleRecord) -> &'a [Band] {
        sample.bands.as_ref().map_or(&self.card.bands, |bands| &bands.0)
    }

    /// The bands that all samples have, in the order of the set.
    pub fn common_bands(&self) -> Vec<Band> {
        let everywhere = |band: &Band| self.samples.iter().all(|sample| self.bands_of(sample).contains(band));
        self.card.bands.iter().copied().filter(everywhere).collect()
    }

    /// The file of a band of a sample, and the index of the band in that file.
    pub fn band_file(&self, sample: &SampleRecord, band: Band) -> Result<(PathBuf, usize)> {
        let path = self.root().join(&sample.data_path);
        let bands = self.bands_of(sample);
        match bands.iter().position(|b| *b == band) {
            Some(index) if is_image(&sample.data_path) => Ok((path, index)),
            Some(_) => Ok((path.join(format!("{band}.tif")), 0)),
            None => Err(Error::MissingBands {
                scene: path.display().to_string(),
                missing: vec![band],
                found: bands.to_vec(),
            }),
        }
    }

    /// The scene classification file of a sample, if it exists.
    pub fn classification_file(&self, sample: &SampleRecord) -> Option<PathBuf> {
        let path = self.root().join(&sample.data_path).join("SCL.tif");
        (!is_image(&sample.data_path) && path.is_file()).then_some(path)
    }

    /// The rasters of a sample for previews, and the grid of its mask. The rasters are the scene classification, the
    /// mask, and those of `bands` that the set has.
    pub fn layers(&self, sample: &SampleRecord, bands: &[Band]) -> Result<(Layers, Grid)> {
        let mut layers = Layers::default();
        for &band in bands.iter().filter(|band| self.bands_of(sample).contains(band)) {
            let (path, index) = self.band_file(sample, band)?;
            let (source, _) = open_image(&Location::from(path))?;
            let radiometry = self.radiometry(sample, source.info());
            layers.bands.insert(band, (Layer { source, index }, radiometry));
        }
        let open =
            |path: PathBuf| -> Result<Layer> { Ok(Layer { source: open_image(&Location::from(path))?.0, index: 0 }) };
        layers.classification = self.classification_file(sample).map(open).transpose()?;
        let mask = self.mask(sample)?;
        let grid = mask.info().grid.clone();
        layers.mask = Some(Layer { source: Arc::new(mask), index: 0 });
        Ok((layers, grid))
    }

    /// Conversion of a sample's file to reflectance.
    fn radiometry(&self, sample: &SampleRecord, info: &RasterInfo) -> BandRadiometry {
        BandRadiometry {
            scale: sample.scale.unwrap_or(self.card.scale),
            offset_dn: sample.offset_dn.unwrap_or(self.card.offset_dn),
            nodata: info.nodata,
            zero_is_nodata: info.data_type != DataType::F32 || info.nodata.is_none(),
        }
    }

    /// Pixel size of the finest band in metres, from the grid of the first sample. 10 if that sample has no
    /// georeference.
    pub fn gsd_m(&self) -> Result<f64> {
        let Some(sample) = self.samples.first() else { return Ok(10.0) };
        let (mask, georeference) = open_image(&Location::from(self.mask_file(sample)))?;
        let grid = &mask.info().grid;
        let height = grid.transform.pixel_height.abs();
        Ok(match grid.crs.metres_per_unit() {
            _ if !georeference.is_placed() => 10.0,
            Some(unit) => grid.ground_pixel_m().map_or(height * unit, |(_, height)| height),
            // One degree of latitude in metres, rounded to the centimetre.
            None => (height * 111_320.0 * 100.0).round() / 100.0,
        })
    }

    /// Opens the mask of a sample.
    fn mask(&self, sample: &SampleRecord) -> Result<mask::Mask> {
        let path = self.mask_file(sample);
        mask::Mask::open(&path, sample.mask_values.as_ref(), &self.card.classes, self.card.ignore)
    }

    /// The mask file of a sample.
    pub fn mask_file(&self, sample: &SampleRecord) -> PathBuf {
        let path = self.root().join(&sample.mask_path);
        if is_image(&sample.mask_path) { path } else { path.join(MASK_FILE) }
    }
}

/// Whether a path names an image instead of a folder.
fn is_image(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    matches!(extension.as_deref(), Some("tif" | "tiff" | "jp2"))
}

/// Reads a table with a header in any case, with commas, semicolons or tabs. Each row comes with its line number.
fn read_csv<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Vec<(u64, T)>> {
    let table = Table::read(path)?;
    let header: csv::StringRecord = table.names.iter().map(|name| name.trim().to_lowercase()).collect();
    let row = |row: &TableRow| {
        let cells: csv::StringRecord = row.cells.iter().map(|cell| cell.trim()).collect();
        let read = cells.deserialize(Some(&header)).map(|read| (row.line, read));
        read.map_err(|error| Error::input(path.display().to_string(), format!("line {}", row.line)).caused_by(error))
    };
    table.rows.iter().map(row).collect()
}

/// Writes a CSV file with a header atomically: complete or not at all.
fn write_csv<T: Serialize>(path: &Path, rows: impl IntoIterator<Item = T>) -> Result<()> {
    let fail = |error: csv::Error| Error::input(path.display().to_string(), "it cannot be written").caused_by(error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(fail)?;
    }
    let bytes = writer.into_inner().map_err(|error| fail(error.into_error().into()))?;
    atomic_write(path, &bytes)
}

/// Writes a JSON file atomically: complete or not at all.
fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let json = serde_json::to_string_pretty(value).map_err(std::io::Error::from)?;
    atomic_write(path, (json + "\n").as_bytes())
}

/// Removes statistics that no longer match the samples or their split.
fn remove_stats(folder: &Path) -> Result<()> {
    let path = folder.join(STATS_FILE);
    if path.is_file() {
        fs_err::remove_file(path)?;
    }
    Ok(())
}

/// Writes the description and the list of samples.
fn write_index(folder: &Path, card: &DatasetCard, samples: &[SampleRecord]) -> Result<()> {
    write_csv(&folder.join(SAMPLES_FILE), samples)?;
    write_json(&folder.join(CARD_FILE), card)
}

/// Name and version of the program.
fn software() -> String {
    format!("minesegsat {}", env!("CARGO_PKG_VERSION"))
}
