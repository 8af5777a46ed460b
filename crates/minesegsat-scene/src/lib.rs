//! Sentinel-2 scenes from any source: a folder of band files, a SAFE product (folder or zip), a STAC item, or one
//! GeoTIFF with all bands.
//!
//! Opening a [`Scene`] fixes the meaning of its numbers. [`radiometry`] converts digital numbers to reflectance.
//! [`classification`] decides which pixels can be mapped.
//!
//! # The map of this crate
//! - A scene: [`Scene::open`], [`radiometry`], [`classification`], [`pixel_mask`] (for scenes without one), [`evidence`]
//!   (what pixels show about the offset), [`level`] (what they show about the scale), [`summarize`]
//! - Search and download: [`catalog`] (STAC APIs, static catalogues, selection), [`download`] (whole or clipped)
//! - Patches, the network's input: [`patch`]
//! - Tiles of Sentinel-2: [`sentinel2_tiles`]
//! - Output records: [`manifest`] (one run), [`stac_writer`] (the STAC documents that this program writes)
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod aws;
pub mod catalog;
pub mod classification;
pub mod download;
pub mod evidence;
mod folder;
mod geotiff;
mod grids;
mod hls;
mod info;
pub mod level;
pub mod manifest;
mod mgrs;
mod names;
pub mod patch;
pub mod pixel_mask;
pub mod radiometry;
mod safe;
mod sensor;
mod stac;
pub mod stac_writer;
mod stated;
mod tree;
mod xml;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use geo::MultiPolygon;
use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};

pub use classification::{MaskOptions, SclClass, is_assessable};
pub use evidence::{BandFloor, PixelVerdict};
pub use hls::open_classification;
pub use info::{BandSummary, SceneSummary, summarize};
pub use level::{LevelDecision, LevelVerdict, ScaleRule};
pub use mgrs::{Sentinel2Tile, sentinel2_tiles};
pub use names::{ProcessingBaseline, ProductLevel};
pub use pixel_mask::CloudMask;
pub use radiometry::{
    BandRadiometry, Confidence, OffsetDecision, OffsetRule, Radiometry, RadiometryOverride, UndeclaredNodata,
};

use evidence::Sampled;
pub(crate) use names::Layer;
pub(crate) use stac::layers_of_item;

use grids::{beside_footprint, coarser_than_native, reference_grid, stretched};
use names::ProductName;
use pixel_mask::PixelMask;
use radiometry::RadiometryClaim;
use stated::{Contradictions, StatedGrid};
use tree::{FileTree, folder_of, has_extension, is_jp2, is_tiff};

use minesegsat_core::{Band, Error, Grid, Result};
use minesegsat_io::raster::StatedChecksum;
use minesegsat_io::{Location, MissingValues, RasterMask, RasterSource, open_jp2_with_grid, open_raster};

/// Rasters opened at the same time: enough to hide a server's latency, few enough not to overload it.
const OPEN_AT_ONCE: usize = 8;

/// The user's settings for opening a scene. The record of a map has them, so that the scene can be opened again in the same way.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenOptions {
    /// The bands of a multi-band GeoTIFF, in the file's order.
    pub bands: Option<Vec<Band>>,
    /// Pairs of a missing band and the band that replaces it, such as (B8A, B08). Each replacement is recorded as a
    /// warning.
    pub substitute: Vec<(Band, Band)>,
    /// Scale and offset that override all metadata.
    pub radiometry: Option<RadiometryOverride>,
    /// Pixel values of missing pixels that the files do not declare, in digital numbers. `None`: the pixels show them. An empty
    /// list: there are none.
    pub nodata: Option<Vec<f64>>,
    /// Exclude snow and ice from the assessable pixels.
    pub mask_snow: bool,
    /// What decides which pixels are cloud or shadow. `None`: the classification, else the pixels.
    pub cloud_mask: Option<CloudMask>,
    /// MGRS tile to open in an old SAFE product that holds several tiles: `53HLA`.
    pub tile: Option<String>,
    /// Open only these bands and the classification. This saves requests on remote scenes. `None`: all bands.
    pub only: Option<Vec<Band>>,
}

/// The kind of source of a scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SceneKind {
    /// A folder of one-band files.
    Folder,
    /// A SAFE product in a folder.
    Safe,
    /// A SAFE product in a zip archive.
    SafeZip,
    /// A tile folder of the Sentinel-2 buckets on AWS, also in a zip archive.
    AwsTile,
    /// A STAC item.
    StacItem,
    /// One GeoTIFF with all bands.
    GeoTiff,
}

impl fmt::Display for SceneKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Folder => "folder of band files",
            Self::Safe => "SAFE product",
            Self::SafeZip => "zipped SAFE product",
            Self::AwsTile => "tile folder of AWS",
            Self::StacItem => "STAC item",
            Self::GeoTiff => "multi-band GeoTIFF",
        })
    }
}

/// The metadata of a scene, from metadata files and file names. No value is guessed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SceneMetadata {
    /// Short name: the product id, the item's id, or the name of the folder or file.
    pub name: String,
    /// The kind of source.
    pub kind: SceneKind,
    /// Satellite: `sentinel-2a`.
    pub platform: Option<String>,
    /// Processing level.
    pub level: Option<ProductLevel>,
    /// Start of sensing.
    pub datetime: Option<Timestamp>,
    /// Day of sensing. It is known more often than the time.
    pub date: Option<civil::Date>,
    /// MGRS tile: `13TDE`.
    pub mgrs_tile: Option<String>,
    /// Relative orbit, 1 to 143.
    pub relative_orbit: Option<u16>,
    /// ESA's product id, without `.SAFE`.
    pub product_id: Option<String>,
    /// Processing baseline.
    pub processing_baseline: Option<ProcessingBaseline>,
    /// STAC collection.
    pub collection: Option<String>,
    /// Cloud cover of the whole tile in percent.
    pub cloud_cover_percent: Option<f64>,
}

impl SceneMetadata {
    fn new(name: &str, kind: SceneKind, from: ProductName) -> Self {
        Self {
            name: from.product_id.clone().unwrap_or_else(|| name.to_owned()),
            kind,
            platform: from.platform,
            level: from.level,
            datetime: from.datetime,
            date: from.date,
            mgrs_tile: from.mgrs_tile,
            relative_orbit: from.relative_orbit,
            product_id: from.product_id,
            processing_baseline: from.baseline,
            collection: None,
            cloud_cover_percent: None,
        }
    }
}

/// One band of an open scene, on its own grid.
#[derive(Debug, Clone)]
pub struct SceneBand {
    /// The raster that holds the band.
    pub source: Arc<dyn RasterSource>,
    /// Index of the band in that raster, from 0.
    pub index: usize,
    /// Native grid of the band.
    pub grid: Grid,
    /// File of the band.
    pub location: Location,
    /// The actual band, if a substitute is used (see [`OpenOptions::substitute`]).
    pub stand_in: Option<Band>,
    /// Values of missing pixels that the file does not declare. `source` returns them as missing pixels.
    pub missing: Option<MissingValues>,
}

/// An open Sentinel-2 scene.
#[derive(Debug, Clone)]
pub struct Scene {
    location: String,
    metadata: SceneMetadata,
    grid: Grid,
    bands: BTreeMap<Band, SceneBand>,
    classification: Option<SceneBand>,
    /// The classes by the pixels, if they are the cloud mask.
    pixel_mask: Option<Arc<PixelMask>>,
    cloud_mask: CloudMask,
    radiometry: Radiometry,
    mask: MaskOptions,
    warnings: Vec<String>,
    inputs: Vec<SceneInput>,
    options: OpenOptions,
}

/// A file that a scene was read from.
#[derive(Debug, Clone)]
pub struct SceneInput {
    /// The file.
    pub location: Location,
    /// The checksum that the metadata of the product or item states.
    pub checksum: Option<StatedChecksum>,
}

impl Scene {
    /// Opens a scene. `location` is
    /// - a folder of one-band files, named by band (`B04.tif`, `T10UFV_20210710T190919_B04_10m.jp2`, `red.tif`), or a SAFE
    ///   product, its granule, or the folder that holds it,
    /// - a tile folder of the Sentinel-2 buckets on AWS,
    /// - a zip archive of a SAFE product, of a tile folder or of band files,
    /// - a STAC item (`.json` file, or URL), or
    /// - a GeoTIFF with all bands (file or URL).
    ///
    /// Reads metadata and a small sample of the pixels, which checks the radiometric offset.
    pub fn open(location: &str, options: &OpenOptions) -> Result<Self> {
        Self::open_at(&Location::parse(location)?, options)
    }

    /// Like [`Scene::open`], at a location that was parsed already, such as a path that is not UTF-8.
    pub fn open_at(location: &Location, options: &OpenOptions) -> Result<Self> {
        UnopenedScene::find(location, options)?.open(location, options)
    }

    /// Opens the scene of a STAC item that was read from `at`, for example from an item collection. Relative
    /// addresses in the item start at `at`.
    pub fn open_item(item: &serde_json::Value, at: &Location, options: &OpenOptions) -> Result<Self> {
        stac::draft(item, at)?.open(at, options)
    }

    /// The scene's metadata.
    pub fn info(&self) -> &SceneMetadata {
        &self.metadata
    }

    /// The location passed to [`Scene::open`], without the query of a URL.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// The settings with which it was opened.
    pub fn options(&self) -> &OpenOptions {
        &self.options
    }

    /// The reference grid: the grid of the finest band, normally 10 m.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The bands of the scene, by wavelength.
    pub fn bands(&self) -> Vec<Band> {
        self.bands.keys().copied().collect()
    }

    /// A band, on its own grid.
    pub fn band(&self, band: Band) -> Option<&SceneBand> {
        self.bands.get(&band)
    }

    /// Returns an error that names all of `bands` that the scene lacks.
    pub fn require(&self, bands: &[Band]) -> Result<()> {
        let missing: Vec<Band> = bands.iter().copied().filter(|band| !self.bands.contains_key(band)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::MissingBands { scene: self.location.clone(), missing, found: self.bands() })
    }

    /// The scene classification layer, on its own grid.
    pub fn classification(&self) -> Option<&SceneBand> {
        self.classification.as_ref()
    }

    /// What decides which pixels are cloud or shadow.
    pub fn cloud_mask(&self) -> CloudMask {
        self.cloud_mask
    }

    /// The classes by the pixels, if they are the cloud mask.
    pub fn pixel_mask(&self) -> Option<&Arc<PixelMask>> {
        self.pixel_mask.as_ref()
    }

    /// The raster of classes that masks the scene, and its band; `None` if nothing is masked.
    pub fn mask_source(&self) -> Option<(Arc<dyn RasterSource>, usize)> {
        match self.cloud_mask {
            CloudMask::Scl => self.classification.as_ref().map(|scl| (Arc::clone(&scl.source), scl.index)),
            CloudMask::Pixels => self.pixel_mask.clone().map(|mask| (mask as Arc<dyn RasterSource>, 0)),
            CloudMask::None => None,
        }
    }

    /// Settings for the optional classes.
    pub fn mask_options(&self) -> MaskOptions {
        self.mask
    }

    /// The conversion from digital numbers to reflectance, with the reasons.
    pub fn radiometry(&self) -> &Radiometry {
        &self.radiometry
    }

    /// Warnings for the user.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.iter().chain(&self.radiometry.warnings).cloned().collect()
    }

    /// The files read, metadata first. Manifests hash them and compare them with their stated checksums.
    pub fn inputs(&self) -> &[SceneInput] {
        &self.inputs
    }
}

/// A raster of the scene. It may not have been opened yet.
#[derive(Debug, Clone)]
struct LocatedRaster {
    location: Location,
    index: usize,
    /// The grid according to other metadata: compared with that of the image, and used if the image stores none.
    stated: Option<StatedGrid>,
    source: Option<Arc<dyn RasterSource>>,
}

impl LocatedRaster {
    fn new(location: Location) -> Self {
        Self { location, index: 0, stated: None, source: None }
    }

    fn open(&self) -> Result<SceneBand> {
        let source = match (&self.source, self.stated.as_ref().and_then(StatedGrid::grid)) {
            (Some(source), _) => Arc::clone(source),
            (None, Some(grid)) if is_jp2(self.location.file_name()) => open_jp2_with_grid(&self.location, grid)?,
            (None, _) => open_raster(&self.location)?,
        };
        let grid = source.info().grid.clone();
        Ok(SceneBand {
            source,
            index: self.index,
            grid,
            location: self.location.clone(),
            stand_in: None,
            missing: None,
        })
    }
}

/// The rasters and metadata that a source provides, before any raster is checked.
#[derive(Debug)]
struct UnopenedScene {
    metadata: SceneMetadata,
    bands: BTreeMap<Band, LocatedRaster>,
    classification: Option<LocatedRaster>,
    /// Coarser copies of bands, for sampling images that must be decoded whole.
    coarse: BTreeMap<Band, LocatedRaster>,
    claim: RadiometryClaim,
    warnings: Vec<String>,
    /// The ground that an item says it covers, in longitude and latitude.
    footprint: Option<MultiPolygon<f64>>,
    /// Metadata files.
    inputs: Vec<Location>,
    /// Stated checksums by file location.
    checksums: BTreeMap<String, StatedChecksum>,
}

impl UnopenedScene {
    /// A scene without rasters.
    fn new(metadata: SceneMetadata, claim: RadiometryClaim) -> Self {
        Self {
            metadata,
            bands: BTreeMap::new(),
            classification: None,
            coarse: BTreeMap::new(),
            claim,
            warnings: Vec::new(),
            footprint: None,
            inputs: Vec::new(),
            checksums: BTreeMap::new(),
        }
    }

    /// Detects the kind of source and finds its bands.
    fn find(location: &Location, options: &OpenOptions) -> Result<Self> {
        let text = location.to_string();
        let name = location.file_name();
        let path = match location {
            Location::Url(_) | Location::ZipEntry { .. } if is_tiff(name) => return geotiff::find(location, options),
            Location::Url(_) if has_extension(name, &["zip"]) => {
                return Err(Error::scene(text, "a zipped product must be downloaded first"));
            }
            Location::Url(_) => return stac::find(location, options),
            Location::ZipEntry { archive, entry } => return Self::find_in_archive(archive, entry, options),
            Location::Path(path) => path,
        };
        if !path.exists() {
            return Err(Error::scene(text, "no such file or folder"));
        }
        if path.is_dir() {
            return Self::find_in_folder(path, options);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if has_extension(&name, &["zip"]) {
            return Self::find_in_archive(path, "", options);
        }
        if has_extension(&name, &["xml", "safe"]) || aws::is_tile_file(&name) {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            return Self::find_in_folder(folder, options);
        }
        if has_extension(&name, &["json", "geojson"]) {
            return stac::find(location, options);
        }
        if is_tiff(&name) {
            return geotiff::find(location, options);
        }
        Err(Error::scene(
            text,
            "not a scene; accepted are a folder of band files, a SAFE product (folder or .zip), a tile folder of AWS, a \
             STAC item (.json) and a multi-band GeoTIFF (.tif)",
        ))
    }

    /// Finds the scene in an archive, at or above an entry of it (`archive.zip/S2.SAFE/GRANULE`).
    fn find_in_archive(archive: &Path, entry: &str, options: &OpenOptions) -> Result<Self> {
        let mut below = entry;
        loop {
            let tree = FileTree::zip(archive, below)?;
            if let Some(draft) = safe::find(&tree, archive, SceneKind::SafeZip, options)? {
                return Ok(draft);
            }
            if let Some(draft) = aws::find(&tree, archive)? {
                return Ok(draft);
            }
            if below.is_empty() {
                break;
            }
            below = folder_of(below);
        }
        let tree = FileTree::zip(archive, entry)?;
        if tree.files().any(|name| names::layer_of(name).is_some() && tree::is_raster(name)) {
            return folder::find(&tree, tree.common_folder(), archive);
        }
        Err(Error::scene(
            archive.display().to_string(),
            "the archive holds no SAFE product (no MTD_MSIL1C.xml or MTD_MSIL2A.xml) and no band files",
        ))
    }

    fn find_in_folder(path: &Path, options: &OpenOptions) -> Result<Self> {
        // `.` and links hide the product's name; the real path has it.
        let path = fs_err::canonicalize(path)?;
        let tree = FileTree::folder(&path)?;
        if let Some(draft) = safe::find(&tree, &path, SceneKind::Safe, options)? {
            return Ok(draft);
        }
        // The product's metadata lies two folders above a granule.
        if let Some((root, tile)) = safe::product_of_granule(&path) {
            let options = OpenOptions { tile: options.tile.clone().or(tile), ..options.clone() };
            if let Some(draft) = safe::find(&FileTree::folder(&root)?, &root, SceneKind::Safe, &options)? {
                return Ok(draft);
            }
        }
        let is_in_tile = aws::is_image_folder(&path);
        let folder = path.parent().filter(|_| is_in_tile).unwrap_or(&path);
        let above = is_in_tile.then(|| FileTree::folder(folder)).transpose()?;
        match aws::find(above.as_ref().unwrap_or(&tree), folder)? {
            Some(draft) => Ok(draft),
            None => folder::find(&tree, "", &path),
        }
    }

    /// Opens the rasters, checks that they fit together, and decides the radiometry.
    fn open(mut self, at: &Location, options: &OpenOptions) -> Result<Scene> {
        let location = at.to_string();
        if let Some(only) = &options.only {
            let stand_ins: Vec<Band> = options.substitute.iter().map(|&(_, stand_in)| stand_in).collect();
            self.bands.retain(|band, _| only.contains(band) || stand_ins.contains(band));
        }
        if self.bands.is_empty() {
            let wanted = options.only.as_ref().map_or("B01 to B12 and B8A".to_owned(), |only| Band::list(only));
            return Err(Error::scene(&location, format!("it has none of the bands {wanted}")));
        }
        let mut bands = open_all(&self.bands)?;
        let classification = self.classification.as_ref().map(LocatedRaster::open).transpose()?;
        let grid = reference_grid(&location, &bands, classification.as_ref())?;
        self.warnings.extend(self.compare_grids(&bands, classification.as_ref()));
        self.warnings.extend(bands.iter().filter_map(|(&band, open)| other_description(band, open)));
        if let Some(tile) = &self.metadata.mgrs_tile {
            self.warnings.extend(mgrs::contradiction(tile, &grid));
        }
        if let Some(footprint) = &self.footprint {
            self.warnings.extend(beside_footprint(&grid, footprint));
        }
        self.warnings.extend(coarser_than_native(&bands, &grid));
        self.warnings.extend(stretched(&grid));

        let sampled = if self.coarse.is_empty() { bands.clone() } else { open_all(&self.coarse)? };
        let sampled = sampled
            .into_iter()
            .map(|(band, b)| {
                let nodata = b.source.info().nodata;
                Sampled { band, source: b.source, index: b.index, nodata }
            })
            .collect();
        if self.metadata.level.is_none() && bands.contains_key(&Band::B10) {
            // Only top-of-atmosphere products have the cirrus band.
            self.metadata.level = Some(ProductLevel::L1C);
        }
        substitute(&location, &mut bands, &options.substitute, &mut self.warnings)?;
        let infos = bands.iter().map(|(&band, b)| (band, (b.source.info().clone(), b.index))).collect();
        let radiometry = radiometry::decide(radiometry::Inputs {
            scene: &location,
            level: self.metadata.level,
            claim: self.claim,
            user: options.radiometry,
            nodata: options.nodata.as_deref(),
            infos,
            sampled,
        })?;
        for (&band, found) in &mut bands {
            found.missing = radiometry.missing_values(band, found.source.info().data_type);
            if let Some(missing) = &found.missing {
                found.source = missing.removed_from(Arc::clone(&found.source));
            }
        }
        let (cloud_mask, pixel_mask, warning) = pixel_mask::choose(pixel_mask::Inputs {
            scene: &location,
            wanted: options.cloud_mask,
            has_classification: classification.is_some(),
            reference: &grid,
            bands: &bands,
            radiometry: &radiometry,
            metadata: &self.metadata,
        })?;
        // A scene that is opened for some of its bands only is not mapped.
        self.warnings.extend(warning.filter(|_| options.only.is_none()));

        let mut seen = BTreeSet::new();
        let files = bands.values().chain(&classification).flat_map(|b| {
            // A mask beside an image decides the map too.
            let mask = match &b.source.info().mask {
                Some(RasterMask::SideCar(mask)) => Some(mask.clone()),
                _ => None,
            };
            std::iter::once(b.location.clone()).chain(mask)
        });
        let inputs = self
            .inputs
            .into_iter()
            .chain(files)
            .filter(|location| seen.insert(location.to_string()))
            .map(|location| SceneInput { checksum: self.checksums.remove(&location.to_string()), location })
            .collect();
        Ok(Scene {
            location,
            metadata: self.metadata,
            grid,
            bands,
            classification,
            pixel_mask: pixel_mask.map(Arc::new),
            cloud_mask,
            radiometry,
            mask: MaskOptions { mask_snow: options.mask_snow },
            warnings: self.warnings,
            inputs,
            options: options.clone(),
        })
    }
}

impl UnopenedScene {
    /// Where other metadata contradict the georeference of the images, in words.
    fn compare_grids(&self, bands: &BTreeMap<Band, SceneBand>, classification: Option<&SceneBand>) -> Vec<String> {
        let mut found = Contradictions::default();
        let layers = bands.iter().filter_map(|(band, open)| Some((band.to_string(), self.bands.get(band)?, open)));
        let classes = self.classification.iter().zip(classification).map(|(a, b)| ("SCL".to_owned(), a, b));
        for (name, located, open) in layers.chain(classes) {
            if let Some(stated) = &located.stated {
                found.compare(name, stated, &open.grid);
            }
        }
        found.warnings().collect()
    }
}

/// A warning if the file describes a band by the id of another band.
fn other_description(band: Band, open: &SceneBand) -> Option<String> {
    let description = open.source.info().band_names.get(open.index)?.as_deref()?;
    let Some(Layer::Band(described)) = names::layer_of(description).filter(|layer| *layer != Layer::Band(band)) else {
        return None;
    };
    // Common names are words: `nir` is B08 of one program and B8A of another.
    let is_id = description.to_ascii_lowercase().contains(&described.id().to_ascii_lowercase());
    is_id.then(|| format!("{} was read as {band}, but the file describes it as `{description}`", open.location))
}

/// Opens several rasters at the same time, because each may need requests to a server.
fn open_all(found: &BTreeMap<Band, LocatedRaster>) -> Result<BTreeMap<Band, SceneBand>> {
    let all: Vec<(&Band, &LocatedRaster)> = found.iter().collect();
    let mut bands = BTreeMap::new();
    for chunk in all.chunks(OPEN_AT_ONCE) {
        let opened: Vec<Result<SceneBand>> = std::thread::scope(|scope| {
            let threads: Vec<_> = chunk.iter().map(|(_, found)| scope.spawn(|| found.open())).collect();
            threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        for (&(&band, _), opened) in chunk.iter().zip(opened) {
            bands.insert(band, opened?);
        }
    }
    Ok(bands)
}

/// Replaces missing bands with the user's substitutes.
fn substitute(
    scene: &str,
    bands: &mut BTreeMap<Band, SceneBand>,
    pairs: &[(Band, Band)],
    warnings: &mut Vec<String>,
) -> Result<()> {
    let real: BTreeMap<Band, SceneBand> = bands.clone();
    for &(missing, stand_in) in pairs {
        if real.contains_key(&missing) {
            warnings.push(format!("{missing} is present, so {stand_in} does not replace it"));
            continue;
        }
        let Some(band) = real.get(&stand_in) else {
            let found = real.keys().copied().collect();
            return Err(Error::MissingBands { scene: scene.to_owned(), missing: vec![stand_in], found });
        };
        warnings.push(format!("{missing} is missing: {stand_in} replaces it, as requested"));
        bands.insert(missing, SceneBand { stand_in: Some(stand_in), ..band.clone() });
    }
    Ok(())
}
