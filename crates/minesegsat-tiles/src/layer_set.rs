//! The layers of the map of one date: [`LayerSet`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::draw::{Canvas, DrawnBand};
use super::encode::Image;
use super::grid::{Footprint, Tile};
use super::pyramid::Pyramid;
use super::{Layer, Legend, Style};
use minesegsat_core::{Band, Crs, Error, GeoTransform, Grid, Result};
use minesegsat_io::{Location, open_raster, read_json};
use minesegsat_map::predict;
use minesegsat_map::series::EPOCH;
use minesegsat_scene::manifest::{GridRecord, location_at, reopening};
use minesegsat_scene::{BandRadiometry, RadiometryOverride};
use minesegsat_scene::{OpenOptions, Scene};

/// Bands that layers use.
const BANDS: [Band; 7] = [Band::B02, Band::B03, Band::B04, Band::B08, Band::B8A, Band::B11, Band::B12];

/// The layers of one map: probability, mask, scene, change and onset, as far as their files exist.
///
/// Opening is cheap: it reads the record of the map and lists its files. Rasters and the scene are opened for the first tile that
/// needs them, and stay open as long as the set. Threads can share a set; each tile is drawn by the calling thread.
#[derive(Debug)]
pub struct LayerSet {
    /// Footprint of the map.
    footprint: Footprint,
    zooms: (u8, u8),
    layers: Vec<Layer>,
    /// Files of probability, mask, change and onset.
    files: BTreeMap<Layer, PathBuf>,
    /// First and last date of the onsets.
    onset_dates: Option<[Date; 2]>,
    /// Location of the scene, scale and offset of its bands, and the settings with which it was opened.
    scene: Option<(String, BTreeMap<Band, BandRadiometry>, OpenOptions)>,
    /// Values of missing pixels that the scene's files do not declare. `None` in records of older versions.
    nodata: Option<Vec<f64>>,
    rasters: Mutex<BTreeMap<Layer, Arc<Opened<Pyramid>>>>,
    bands: Mutex<Option<Arc<Opened<DrawnBands>>>>,
    fingerprint: String,
}

/// The bands of a scene.
type DrawnBands = BTreeMap<Band, DrawnBand>;

/// An open file and its footprint.
#[derive(Debug)]
struct Opened<T> {
    footprint: Footprint,
    value: T,
}

impl LayerSet {
    /// The layers of a folder that `predict` wrote.
    pub fn open_map(folder: &Path) -> Result<Self> {
        Self::open(folder, [None, None])
    }

    /// The layers of the folder of an observation of the monitor: `map/`, `change/`, `change-since-baseline/` and `series/`.
    pub fn open_observation(folder: &Path) -> Result<Self> {
        let changes = [folder.join("change"), folder.join("change-since-baseline")].map(Some);
        Self::open_folders(&folder.join("map"), changes, Some(&folder.join("series")))
    }

    /// The layers of a folder that `predict` wrote, and of two folders that `change` wrote: since the date before, and since the
    /// first date.
    ///
    /// Layers without files are left out. An error if no file exists.
    pub fn open(map: &Path, changes: [Option<PathBuf>; 2]) -> Result<Self> {
        Self::open_folders(map, changes, None)
    }

    fn open_folders(map: &Path, changes: [Option<PathBuf>; 2], series: Option<&Path>) -> Result<Self> {
        let mut digest = Sha256::new();
        let manifest = predict::manifest_path(map);
        let record: Value = if manifest.is_file() {
            digest.update(fs_err::read(&manifest)?);
            read_json(&Location::from(manifest.as_path()))?
        } else {
            Value::Null
        };
        let mut files = BTreeMap::new();
        let [change, since_first] = changes.map(|folder| folder.map(|folder| folder.join("change.tif")));
        for change in [&change, &since_first].into_iter().flatten().filter(|path| path.is_file()) {
            let manifest = change.with_file_name("manifest.json");
            if manifest.is_file() {
                digest.update(fs_err::read(manifest)?);
            }
        }
        let onset = match series {
            Some(folder) => open_series(folder, &mut digest)?,
            None => None,
        };
        let (onset, onset_dates) = onset.unzip();
        let known = [
            (Layer::Probability, Some(map.join("probability.tif"))),
            (Layer::Mask, Some(map.join("mask.tif"))),
            (Layer::Change, change),
            (Layer::ChangeSinceFirst, since_first),
            (Layer::Onset, onset),
        ];
        for (layer, path) in known {
            if let Some(path) = path.filter(|path| path.is_file()) {
                digest.update(path.as_os_str().as_encoded_bytes());
                files.insert(layer, path);
            }
        }
        let scene = record["scene_location"].as_str().and_then(|at| {
            let at = location_at(map, at);
            let is_there = match Location::parse(&at) {
                Ok(Location::Path(path)) => path.exists(),
                Ok(Location::ZipEntry { archive, .. }) => archive.exists(),
                Ok(Location::Url(_)) => true,
                Err(_) => false,
            };
            let options = serde_json::from_value(record["scene_options"].clone()).ok();
            let options = reopening(options, &record["radiometry"]);
            is_there.then(|| (at, read_radiometry(&record["radiometry"]["bands"]), options))
        });
        let fills = record["radiometry"]["undeclared_nodata"].as_array();
        let nodata = fills.map(|all| all.iter().filter_map(|fill| fill["value"].as_f64()).collect());
        let has = |layer: &Layer| match &scene {
            Some((_, bands, _)) if !layer.bands().is_empty() => {
                layer.bands().iter().all(|band| bands.contains_key(band))
            }
            _ => files.contains_key(layer),
        };
        let layers: Vec<Layer> = Layer::ALL.into_iter().filter(has).collect();
        let grid = match read_grid(&record["grid"]) {
            Some(grid) => grid?,
            None => match files.values().next() {
                Some(path) => open_raster(&Location::from(path.as_path()))?.info().grid.clone(),
                None => {
                    return Err(Error::input(
                        map.display().to_string(),
                        "no files to draw; it must be a folder that `minesegsat predict` wrote",
                    ));
                }
            },
        };
        let footprint = Footprint::new(&grid)?;
        let zooms = footprint.zooms(&grid);
        let fingerprint = minesegsat_core::hex::encode(&digest.finalize()[..8]);
        Ok(Self {
            footprint,
            zooms,
            layers,
            files,
            onset_dates,
            scene,
            nodata,
            rasters: Mutex::default(),
            bands: Mutex::default(),
            fingerprint,
        })
    }

    /// The layers that have files.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Bounds of the map in degrees: west, south, east, north. West is greater than east across the antimeridian. The scene may
    /// extend beyond them.
    pub fn bounds_wgs84(&self) -> [f64; 4] {
        self.footprint.bounds_wgs84
    }

    /// The lowest useful zoom, at which the map is about a tile wide, and the highest. Other zooms are drawn too.
    pub fn zooms(&self) -> (u8, u8) {
        self.zooms
    }

    /// Legend of a layer in a style. `None` for composites.
    pub fn legend(&self, layer: Layer, style: &Style) -> Option<Legend> {
        if layer.is_dates() { self.onset_dates.map(Legend::onset) } else { style.legend(layer) }
    }

    /// A text that changes when the map or its change is written again. For cache keys and entity tags.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Draws a tile of `size` (256 or 512) pixels as PNG. `None` if the tile is fully transparent.
    ///
    /// An error if the layer is missing, does not support the style, or a file is damaged within the tile.
    pub fn render(&self, layer: Layer, tile: Tile, size: u32, style: &Style) -> Result<Option<Vec<u8>>> {
        if size != 256 && size != 512 {
            return Err(Error::Argument {
                name: "tile size",
                value: size.to_string(),
                accepted: "256 or 512 pixels".to_owned(),
            });
        }
        style.check(layer)?;
        if !self.layers.contains(&layer) {
            let layers: Vec<&str> = self.layers.iter().map(|layer| layer.name()).collect();
            return Err(Error::Argument {
                name: "layer",
                value: layer.to_string(),
                accepted: format!("layers of this map are {}", layers.join(", ")),
            });
        }
        let image = self.draw(layer, tile, size as usize, style)?;
        image.filter(|image| !image.is_transparent()).map(|image| image.png(size)).transpose()
    }

    fn draw(&self, layer: Layer, tile: Tile, size: usize, style: &Style) -> Result<Option<Image>> {
        let defaults = layer.default_rescale().unwrap_or_default();
        let rescale = style.rescale.map_or(defaults, |range| [range; 3]);
        let colours = style.colour_map.or(layer.default_colour_map());
        if layer.bands().is_empty() {
            let raster = self.raster(layer)?;
            if !raster.footprint.intersects(tile) {
                return Ok(None);
            }
            let canvas = Canvas { tile, size, footprint: &raster.footprint };
            if let (Layer::Onset, Some(dates)) = (layer, self.onset_dates) {
                return canvas.onsets(&raster.value, dates.map(|date| (date - EPOCH).get_days() as f32));
            }
            return match colours {
                Some(colours) => canvas.values(&raster.value, rescale[0], colours),
                None => canvas.classes(&raster.value, layer),
            };
        }
        let bands = self.bands()?;
        if !bands.footprint.intersects(tile) {
            return Ok(None);
        }
        let canvas = Canvas { tile, size, footprint: &bands.footprint };
        let mut drawn = Vec::with_capacity(4);
        for band in layer.bands() {
            drawn.push(bands.value.get(band).ok_or_else(|| Error::MissingBands {
                scene: self.scene.as_ref().map(|(at, ..)| at.clone()).unwrap_or_default(),
                missing: vec![*band],
                found: bands.value.keys().copied().collect(),
            })?);
        }
        match (layer.index(), colours, &drawn[..]) {
            (Some(index), Some(colours), _) => canvas.index(index, &drawn, rescale[0], colours),
            (_, _, &[red, green, blue]) => canvas.composite([red, green, blue], rescale),
            _ => Ok(None),
        }
    }

    /// A raster of the map. Opens it on first use.
    fn raster(&self, layer: Layer) -> Result<Arc<Opened<Pyramid>>> {
        // Under the lock, so that each file is opened once.
        let mut rasters = self.rasters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(raster) = rasters.get(&layer) {
            return Ok(Arc::clone(raster));
        }
        let path = self.files.get(&layer).map_or(Path::new(""), PathBuf::as_path);
        let source = open_raster(&Location::from(path))?;
        let opened =
            Arc::new(Opened { footprint: Footprint::new(&source.info().grid)?, value: Pyramid::new(source, 0) });
        rasters.insert(layer, Arc::clone(&opened));
        Ok(opened)
    }

    /// The bands of the scene. Opens them on first use.
    fn bands(&self) -> Result<Arc<Opened<DrawnBands>>> {
        let mut bands = self.bands.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bands) = &*bands {
            return Ok(Arc::clone(bands));
        }
        let Some((location, radiometry, options)) = &self.scene else {
            return Err(Error::scene("", "the record of the map has no location of its scene"));
        };
        // Uses the scale and offset of the record, because the map was made with them, possibly with an offset that the user gave.
        let known = radiometry.values().next();
        let options = OpenOptions {
            only: Some(BANDS.into_iter().filter(|band| radiometry.contains_key(band)).collect()),
            radiometry: known.map(|r| RadiometryOverride { offset_dn: Some(r.offset_dn), scale: Some(r.scale) }),
            nodata: self.nodata.clone(),
            ..options.clone()
        };
        let scene = Scene::open(location, &options)?;
        let footprint = Footprint::new(scene.grid())?;
        let mut found = BTreeMap::new();
        for band in BANDS {
            let (Some(source), Some(&radiometry)) = (scene.band(band), radiometry.get(&band)) else { continue };
            let pyramid = Pyramid::new(Arc::clone(&source.source), source.index);
            found.insert(band, DrawnBand { pyramid, radiometry });
        }
        let opened = Arc::new(Opened { footprint, value: found });
        *bands = Some(Arc::clone(&opened));
        Ok(opened)
    }
}

/// The onsets in a folder of a series, with its first and last date. `None` if the folder has none, or its record has no dates.
fn open_series(folder: &Path, digest: &mut Sha256) -> Result<Option<(PathBuf, [Date; 2])>> {
    let (onset, manifest) = (folder.join("onset.tif"), folder.join("manifest.json"));
    if !(onset.is_file() && manifest.is_file()) {
        return Ok(None);
    }
    digest.update(fs_err::read(&manifest)?);
    let record: Value = read_json(&Location::from(manifest.as_path()))?;
    let dates: Vec<Date> =
        record["dates"].as_array().into_iter().flatten().filter_map(|date| date.as_str()?.parse().ok()).collect();
    Ok(dates.first().zip(dates.last()).map(|(&first, &last)| (onset, [first, last])))
}

/// Reads scale and offset of each band from a record: the serialised form of [`BandRadiometry`].
fn read_radiometry(record: &Value) -> BTreeMap<Band, BandRadiometry> {
    let band = |(name, of): (&String, &Value)| {
        let radiometry = BandRadiometry {
            scale: of["scale"].as_f64()?,
            offset_dn: of["offset_dn"].as_f64()?,
            nodata: of["nodata"].as_f64(),
            zero_is_nodata: of["zero_is_nodata"].as_bool()?,
        };
        Some((name.parse().ok()?, radiometry))
    };
    record.as_object().into_iter().flatten().filter_map(band).collect()
}

/// Reads the grid of a record. `None` if it has none.
fn read_grid(record: &Value) -> Option<Result<Grid>> {
    let record: GridRecord = serde_json::from_value(record.clone()).ok()?;
    let [origin_x, pixel_width, _, origin_y, _, pixel_height] = record.transform;
    let transform = GeoTransform { origin_x, origin_y, pixel_width, pixel_height };
    let grid = |crs| {
        let grid = Grid { crs, transform, width: record.width, height: record.height };
        grid.check().map_err(|reason| Error::input("the record of a map", reason))?;
        Ok(grid)
    };
    Some(Crs::from_epsg(record.epsg).and_then(grid))
}
