//! Training sets: patches of every band on native grids, masks, and where all of it comes from.
//!
//! - [`build()`] makes one of scenes and labels; [`import_paper`] and [`import_chips`] describe data that people have already;
//!   [`merge`] describes several sets as one.
//! - [`split()`] divides it by place, [`stats()`] measures its bands over the training split.
//! - [`Dataset`] opens it, [`SampleReader`] reads samples as the network sees them.
//! - [`Loader`] makes batches of them for training, changed by chance as [`Augmentation`] says.
//!
//! # Files of a data set
//! | file | content |
//! |---|---|
//! | `dataset.json` | [`DatasetCard`]: bands, classes, radiometry, labels, scenes, parameters |
//! | `samples.csv` | one [`SampleRecord`] per line, in the order of their ids |
//! | `dataset_splits.csv` | `split,data_path,mask_path,id,group`: the paper's own layout, with two columns more |
//! | `stats.json` | [`DatasetStats`] over the training split |
//! | `metadata/B04_metadata.json`, ... | minimum, maximum, mean and deviation in digital numbers, as the paper's loader reads them |
//! | `collection.json` | STAC collection of the patches (built sets) |
//! | `patches/<id>/` | `B01.tif` ... `B12.tif`, `SCL.tif`, `mask.tif` and the STAC item `<id>.json` (built sets) |

mod augment;
mod build;
mod cache;
mod clouds;
mod crop;
mod import;
mod item;
mod loader;
mod merge;
mod mosaic;
mod sample;
mod source;
mod split;
mod stats;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use augment::Augmentation;
pub use build::{BuildOptions, BuildReport, build};
pub use import::{ChipLayout, ImportOptions, import_chips, import_paper};
pub use loader::{Batch, Batches, Loader, LoaderOptions};
pub use merge::{MergeOptions, merge};
pub use mosaic::PatchCell;
pub use sample::{OpenSample, RawSample, SamplePatch, SampleReader};
pub use source::SceneList;
pub use split::{SplitOptions, SplitReport, split};
pub use stats::{BandStats, ClassStats, DatasetStats, Histogram, StatsOptions, stats};

use crate::output::atomic_write;
use crate::preview::{Layer, Layers};
use crate::raster::open_image;
use crate::scene::BandRadiometry;
use crate::{Band, DataType, Error, Grid, Location, RasterInfo, Result, read_json};

/// Describes a data set.
pub const CARD_FILE: &str = "dataset.json";
/// Lists the samples.
pub const SAMPLES_FILE: &str = "samples.csv";
/// Divides the samples.
pub const SPLITS_FILE: &str = "dataset_splits.csv";
/// Measures the bands.
pub const STATS_FILE: &str = "stats.json";
/// The STAC collection of a built set.
pub const COLLECTION_FILE: &str = "collection.json";
/// Folder of a built set's patches.
pub const PATCHES_FOLDER: &str = "patches";
/// Mask of a sample whose record names a folder.
const MASK_FILE: &str = "mask.tif";
/// Version of the layout.
const FORMAT_VERSION: u32 = 1;

/// Where the samples of a data set come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Cut from scenes by [`build()`].
    Built,
    /// The paper's published layout, read where it lies.
    Paper,
    /// Images of several bands and masks, read where they lie.
    Chips,
}

/// A class of the masks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// Value in masks.
    pub value: u8,
    /// Name.
    pub name: String,
}

/// What a data set says of itself: `dataset.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DatasetCard {
    /// Version of this layout.
    pub format_version: u32,
    /// Name and version of the program that wrote it.
    pub software: String,
    /// How it was made.
    pub origin: Origin,
    /// Name for people.
    pub title: String,
    /// Folder that the paths of the samples start at, absolute or from the data set's folder.
    pub root: PathBuf,
    /// Bands of every sample. For images of several bands, in their order.
    pub bands: Vec<Band>,
    /// Width and height of a patch in pixels of the finest band; `None` where they differ.
    pub patch_size: Option<usize>,
    /// Reflectance per digital number, unless the sample says otherwise.
    pub scale: f64,
    /// Added to digital numbers before scaling, unless the sample says otherwise.
    pub offset_dn: f64,
    /// Classes of the masks, 0 (background) first.
    pub classes: Vec<Class>,
    /// Value of masks that stands for no class, and is looked away from.
    pub ignore: u8,
    /// Where the labels come from.
    pub labels: serde_json::Value,
    /// The scenes, in their order of preference.
    pub scenes: Vec<serde_json::Value>,
    /// Everything else that decided the content.
    pub parameters: serde_json::Value,
}

/// One sample: a line of `samples.csv`. Empty fields are not known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRecord {
    /// Unique name: for built sets EPSG code and upper left corner, `32610_545280_5498880`.
    pub id: String,
    /// Folder of one-band files, or an image of several bands, from the root.
    pub data_path: String,
    /// Folder that holds `mask.tif`, or the mask itself, from the root.
    pub mask_path: String,
    /// EPSG code of its grid.
    pub epsg: Option<u16>,
    /// Western edge in degrees.
    pub west: f64,
    /// Southern edge in degrees.
    pub south: f64,
    /// Eastern edge in degrees.
    pub east: f64,
    /// Northern edge in degrees.
    pub north: f64,
    /// Day of the scene that most pixels are from.
    pub date: Option<String>,
    /// Scenes that it was cut from, joined by spaces.
    pub scenes: String,
    /// Reflectance per digital number, if not the set's.
    pub scale: Option<f64>,
    /// Added to digital numbers before scaling, if not the set's.
    pub offset_dn: Option<f64>,
    /// Share of pixels with data, 0 to 1.
    pub data_share: Option<f64>,
    /// Share of pixels that no cloud or shadow hides, of those with data.
    pub clear_share: Option<f64>,
    /// Share of pixels of any class but background, 0 to 1.
    pub mining_share: f64,
    /// Area of those pixels in hectares.
    pub mining_ha: Option<f64>,
    /// Commodities of the labels in it, joined by `;`.
    pub commodity: Option<String>,
    /// Samples of one group always go to the same split.
    pub group: Option<String>,
}

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// What networks learn from.
    Train,
    /// What choices are made on.
    Val,
    /// What results are reported on.
    Test,
    /// Left out, so that neighbours do not stand on both sides of a border.
    Unused,
}

impl Split {
    /// The three parts that are used.
    pub const ALL: [Self; 3] = [Self::Train, Self::Val, Self::Test];

    /// As files have it.
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

/// An open data set. No pixel is read until a sample is.
#[derive(Debug, Clone)]
pub struct Dataset {
    folder: PathBuf,
    card: DatasetCard,
    samples: Vec<SampleRecord>,
    splits: BTreeMap<String, Split>,
    /// Groups of neighbours that the split found, by sample.
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
            return Err(Error::Input {
                location: folder.display().to_string(),
                reason: format!("it is no data set: it has no {CARD_FILE}{hint}"),
            });
        }
        let card: DatasetCard = read_json(&Location::from(card_path.as_path()))?;
        if card.format_version != FORMAT_VERSION {
            return Err(Error::Input {
                location: card_path.display().to_string(),
                reason: format!(
                    "its format is version {}; this program reads version {FORMAT_VERSION}",
                    card.format_version
                ),
            });
        }
        let samples: Vec<SampleRecord> = read_csv(&folder.join(SAMPLES_FILE))?;
        let splits_path = folder.join(SPLITS_FILE);
        let (mut splits, mut groups) = (BTreeMap::new(), BTreeMap::new());
        if splits_path.is_file() {
            for row in read_csv::<SplitRow>(&splits_path)? {
                let split = row.split.parse().map_err(|error: Error| Error::Input {
                    location: splits_path.display().to_string(),
                    reason: error.to_string(),
                })?;
                let id = row.id.unwrap_or(row.data_path);
                groups.extend(row.group.filter(|group| !group.is_empty()).map(|group| (id.clone(), group)));
                splits.insert(id, split);
            }
        }
        let stats_path = folder.join(STATS_FILE);
        let stats = stats_path.is_file().then(|| read_json(&Location::from(stats_path.as_path()))).transpose()?;
        Ok(Self { folder: folder.to_owned(), card, samples, splits, groups, stats })
    }

    /// The folder it was opened from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it says of itself.
    pub fn card(&self) -> &DatasetCard {
        &self.card
    }

    /// All samples, by id.
    pub fn samples(&self) -> &[SampleRecord] {
        &self.samples
    }

    /// The part that a sample belongs to; `None` before the set is split.
    pub fn split_of(&self, id: &str) -> Option<Split> {
        self.splits.get(id).copied()
    }

    /// The site of a sample: its group; where it names none, the neighbours that the split joined it with; else itself.
    pub fn site_of<'a>(&'a self, sample: &'a SampleRecord) -> &'a str {
        let given = sample.group.as_deref().filter(|group| !group.is_empty());
        given.or_else(|| self.groups.get(&sample.id).map(String::as_str)).unwrap_or(&sample.id)
    }

    /// Area of a pixel of a sample's mask in hectares; `None` where its file does not say where it lies.
    pub fn pixel_area_ha(&self, sample: &SampleRecord) -> Result<Option<f64>> {
        let (mask, is_placed) = open_image(&Location::from(self.mask_file(sample)))?;
        Ok(is_placed.then(|| stats::pixel_area_ha(&mask.info().grid, sample)).flatten())
    }

    /// Whether the set has been split.
    pub fn is_split(&self) -> bool {
        !self.splits.is_empty()
    }

    /// The samples of a part. An error that says what to do where the set is not split, or the part is empty.
    pub fn split(&self, split: Split) -> Result<Vec<&SampleRecord>> {
        let refuse = |reason: String| Err(Error::Input { location: self.folder.display().to_string(), reason });
        if !self.is_split() {
            return refuse("it is not split yet: run `minesegsat dataset split` first".to_owned());
        }
        let missing = self.samples.iter().filter(|s| self.split_of(&s.id).is_none()).count();
        if missing > 0 {
            return refuse(format!(
                "{missing} of its {} samples came after it was split: run `minesegsat dataset split` again",
                self.samples.len()
            ));
        }
        let samples: Vec<_> = self.samples.iter().filter(|s| self.split_of(&s.id) == Some(split)).collect();
        if samples.is_empty() {
            return refuse(format!("its {split} split is empty"));
        }
        Ok(samples)
    }

    /// What was measured over the training split. An error that says what to do where nothing was.
    pub fn stats(&self) -> Result<&DatasetStats> {
        self.stats.as_ref().ok_or_else(|| Error::Input {
            location: self.folder.display().to_string(),
            reason: "its bands are not measured yet: run `minesegsat dataset stats` first".to_owned(),
        })
    }

    /// The folder that the paths of samples start at.
    pub fn root(&self) -> PathBuf {
        self.folder.join(&self.card.root)
    }

    /// Where a band of a sample lies: its file, and its index in it.
    pub fn band_file(&self, sample: &SampleRecord, band: Band) -> Result<(PathBuf, usize)> {
        let path = self.root().join(&sample.data_path);
        if !is_image(&sample.data_path) {
            return Ok((path.join(format!("{band}.tif")), 0));
        }
        match self.card.bands.iter().position(|b| *b == band) {
            Some(index) => Ok((path, index)),
            None => Err(Error::MissingBands {
                scene: path.display().to_string(),
                missing: vec![band],
                found: self.card.bands.clone(),
            }),
        }
    }

    /// The classification of a sample, where it has one.
    pub fn classification_file(&self, sample: &SampleRecord) -> Option<PathBuf> {
        let path = self.root().join(&sample.data_path).join("SCL.tif");
        (!is_image(&sample.data_path) && path.is_file()).then_some(path)
    }

    /// The rasters of a sample, as previews need them: those of `bands` that the set has, classification and mask; and the
    /// grid of the mask.
    pub fn layers(&self, sample: &SampleRecord, bands: &[Band]) -> Result<(Layers, Grid)> {
        let mut layers = Layers::default();
        for &band in bands.iter().filter(|band| self.card.bands.contains(band)) {
            let (path, index) = self.band_file(sample, band)?;
            let (source, _) = open_image(&Location::from(path))?;
            let radiometry = self.radiometry(sample, source.info());
            layers.bands.insert(band, (Layer { source, index }, radiometry));
        }
        let open =
            |path: PathBuf| -> Result<Layer> { Ok(Layer { source: open_image(&Location::from(path))?.0, index: 0 }) };
        layers.classification = self.classification_file(sample).map(open).transpose()?;
        let mask = open(self.mask_file(sample))?;
        let grid = mask.source.info().grid.clone();
        layers.mask = Some(mask);
        Ok((layers, grid))
    }

    /// How a file of a sample becomes reflectance.
    fn radiometry(&self, sample: &SampleRecord, info: &RasterInfo) -> BandRadiometry {
        BandRadiometry {
            scale: sample.scale.unwrap_or(self.card.scale),
            offset_dn: sample.offset_dn.unwrap_or(self.card.offset_dn),
            nodata: info.nodata,
            zero_is_nodata: info.data_type != DataType::F32 || info.nodata.is_none(),
        }
    }

    /// Size of a pixel of the finest band in metres, from the grid of the first sample; 10 where that has no place.
    pub fn gsd_m(&self) -> Result<f64> {
        let Some(sample) = self.samples.first() else { return Ok(10.0) };
        let (mask, is_placed) = open_image(&Location::from(self.mask_file(sample)))?;
        let grid = &mask.info().grid;
        let height = grid.transform.pixel_height.abs();
        Ok(match grid.crs.metres_per_unit() {
            _ if !is_placed => 10.0,
            Some(unit) => height * unit,
            // A degree of latitude, to the centimetre.
            None => (height * 111_320.0 * 100.0).round() / 100.0,
        })
    }

    /// The mask of a sample.
    pub fn mask_file(&self, sample: &SampleRecord) -> PathBuf {
        let path = self.root().join(&sample.mask_path);
        if is_image(&sample.mask_path) { path } else { path.join(MASK_FILE) }
    }
}

/// Whether a path names an image, and not a folder.
fn is_image(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    matches!(extension.as_deref(), Some("tif" | "tiff" | "jp2"))
}

/// Reads a CSV file with a header.
fn read_csv<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let text = fs_err::read_to_string(path)?;
    csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes())
        .deserialize()
        .collect::<Result<Vec<T>, _>>()
        .map_err(|error| Error::Input { location: path.display().to_string(), reason: error.to_string() })
}

/// Writes a CSV file with a header, complete or not at all.
fn write_csv<T: Serialize>(path: &Path, rows: impl IntoIterator<Item = T>) -> Result<()> {
    let fail = |error: &dyn std::fmt::Display| Error::Input {
        location: path.display().to_string(),
        reason: format!("it cannot be written: {error}"),
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(|error| fail(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| fail(&error.error()))?;
    atomic_write(path, &bytes)
}

/// Writes a JSON file, complete or not at all.
fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let json = serde_json::to_string_pretty(value).map_err(std::io::Error::from)?;
    atomic_write(path, (json + "\n").as_bytes())
}

/// Removes what was measured over samples, or a division of them, that is no more.
fn remove_stats(folder: &Path) -> Result<()> {
    let path = folder.join(STATS_FILE);
    if path.is_file() {
        fs_err::remove_file(path)?;
    }
    Ok(())
}

/// Writes card and list of samples.
fn write_index(folder: &Path, card: &DatasetCard, samples: &[SampleRecord]) -> Result<()> {
    write_csv(&folder.join(SAMPLES_FILE), samples)?;
    write_json(&folder.join(CARD_FILE), card)
}

/// Name and version of the program.
fn software() -> String {
    format!("minesegsat {}", env!("CARGO_PKG_VERSION"))
}
