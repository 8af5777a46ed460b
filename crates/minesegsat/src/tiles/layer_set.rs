//! What can be drawn of the map of one date: [`LayerSet`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::draw::{Canvas, DrawnBand};
use super::encode::Picture;
use super::grid::{Footprint, Tile};
use super::pyramid::Pyramid;
use super::{Layer, Style};
use crate::manifest::{GridRecord, location_at};
use crate::scene::{BandRadiometry, RadiometryOverride};
use crate::{
    Band, Crs, Error, GeoTransform, Grid, Location, OpenOptions, Result, Scene, open_raster, predict, read_json,
};

/// Bands that layers take.
const BANDS: [Band; 7] = [Band::B02, Band::B03, Band::B04, Band::B08, Band::B8A, Band::B11, Band::B12];

/// The layers of one map: its probabilities and mask, its scene, and its change, whichever are there.
///
/// Cheap to make: it reads the map's record and looks which files are there. Rasters and the scene are opened when a tile asks for
/// them, and stay open as long as the set lives. Shared by threads as it is; each tile is drawn by the thread that asks.
#[derive(Debug)]
pub struct LayerSet {
    /// Of the map.
    footprint: Footprint,
    zooms: (u8, u8),
    layers: Vec<Layer>,
    /// Files of probability, mask and change.
    files: BTreeMap<Layer, PathBuf>,
    /// Location of the scene and how its numbers become reflectance.
    scene: Option<(String, BTreeMap<Band, BandRadiometry>)>,
    rasters: Mutex<BTreeMap<Layer, Arc<Opened<Pyramid>>>>,
    bands: Mutex<Option<Arc<Opened<DrawnBands>>>>,
    fingerprint: String,
}

/// The bands of a scene.
type DrawnBands = BTreeMap<Band, DrawnBand>;

/// What was opened, and where it lies.
#[derive(Debug)]
struct Opened<T> {
    footprint: Footprint,
    what: T,
}

impl LayerSet {
    /// The layers of a folder that `predict` wrote.
    pub fn open_map(folder: &Path) -> Result<Self> {
        Self::open(folder, &[])
    }

    /// The layers of the folder of an observation of the monitor: `map/`, and `change-since-baseline/` or else `change/`.
    pub fn open_observation(folder: &Path) -> Result<Self> {
        Self::open(&folder.join("map"), &[folder.join("change-since-baseline"), folder.join("change")])
    }

    /// The layers of a folder that `predict` wrote, and of the first of some folders that `change` wrote.
    ///
    /// What is missing is left out; an error where nothing can be drawn at all.
    pub fn open(map: &Path, changes: &[PathBuf]) -> Result<Self> {
        let mut digest = Sha256::new();
        let manifest = predict::manifest_path(map);
        let record: Value = if manifest.is_file() {
            digest.update(fs_err::read(&manifest)?);
            read_json(&Location::from(manifest.as_path()))?
        } else {
            Value::Null
        };
        let mut files = BTreeMap::new();
        let change = changes.iter().map(|folder| folder.join("change.tif")).find(|path| path.is_file());
        if let Some(change) = &change {
            let manifest = change.with_file_name("manifest.json");
            if manifest.is_file() {
                digest.update(fs_err::read(manifest)?);
            }
        }
        let known = [
            (Layer::Probability, Some(map.join("probability.tif"))),
            (Layer::Mask, Some(map.join("mask.tif"))),
            (Layer::Change, change),
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
            is_there.then(|| (at, radiometry_of(&record["radiometry"]["bands"])))
        });
        let has = |layer: &Layer| match &scene {
            Some((_, bands)) if !layer.bands().is_empty() => layer.bands().iter().all(|band| bands.contains_key(band)),
            _ => files.contains_key(layer),
        };
        let layers: Vec<Layer> = Layer::ALL.into_iter().filter(has).collect();
        let grid = match grid_of(&record["grid"]) {
            Some(grid) => grid?,
            None => match files.values().next() {
                Some(path) => open_raster(&Location::from(path.as_path()))?.info().grid.clone(),
                None => {
                    return Err(Error::Input {
                        location: map.display().to_string(),
                        reason: "there is nothing to draw; accepted are folders that `minesegsat predict` wrote"
                            .to_owned(),
                    });
                }
            },
        };
        let footprint = Footprint::of(&grid)?;
        let zooms = footprint.zooms(&grid);
        let fingerprint = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self {
            footprint,
            zooms,
            layers,
            files,
            scene,
            rasters: Mutex::default(),
            bands: Mutex::default(),
            fingerprint,
        })
    }

    /// What can be drawn.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Bounds of the map in degrees: west, south, east, north; west beyond east across the antimeridian. The scene may reach beyond.
    pub fn bounds_wgs84(&self) -> [f64; 4] {
        self.footprint.bounds_wgs84
    }

    /// The coarsest zoom, at which the map is about a tile wide, and the finest that suits its pixels. Any other is drawn too.
    pub fn zooms(&self) -> (u8, u8) {
        self.zooms
    }

    /// A text that changes when the map, or its change, is made again: for keys of caches and entity tags.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Draws a tile of `size` (256 or 512) pixels as PNG; `None` where nothing of it can be seen.
    ///
    /// Fails where the layer is not there, the style does not suit it, or a file is damaged where the tile lies.
    pub fn render(&self, layer: Layer, tile: Tile, size: u32, style: &Style) -> Result<Option<Vec<u8>>> {
        if size != 256 && size != 512 {
            return Err(Error::Argument {
                name: "tile size",
                value: size.to_string(),
                accepted: "256 and 512 pixels are".to_owned(),
            });
        }
        style.check(layer)?;
        if !self.layers.contains(&layer) {
            let there: Vec<&str> = self.layers.iter().map(|layer| layer.name()).collect();
            return Err(Error::Argument {
                name: "layer",
                value: layer.to_string(),
                accepted: format!("this map has {}", there.join(", ")),
            });
        }
        let picture = self.draw(layer, tile, size as usize, style)?;
        picture.filter(|picture| !picture.is_transparent()).map(|picture| picture.png(size)).transpose()
    }

    fn draw(&self, layer: Layer, tile: Tile, size: usize, style: &Style) -> Result<Option<Picture>> {
        let defaults = layer.default_rescale().unwrap_or_default();
        let rescale = style.rescale.map_or(defaults, |range| [range; 3]);
        let colours = style.colour_map.or(layer.default_colour_map());
        if layer.bands().is_empty() {
            let raster = self.raster(layer)?;
            if !raster.footprint.touches(tile) {
                return Ok(None);
            }
            let canvas = Canvas { tile, size, footprint: &raster.footprint };
            return match colours {
                Some(colours) => canvas.values(&raster.what, rescale[0], colours),
                None => canvas.classes(&raster.what, layer),
            };
        }
        let bands = self.bands()?;
        if !bands.footprint.touches(tile) {
            return Ok(None);
        }
        let canvas = Canvas { tile, size, footprint: &bands.footprint };
        let mut drawn = Vec::with_capacity(4);
        for band in layer.bands() {
            drawn.push(bands.what.get(band).ok_or_else(|| Error::MissingBands {
                scene: self.scene.as_ref().map(|(at, _)| at.clone()).unwrap_or_default(),
                missing: vec![*band],
                found: bands.what.keys().copied().collect(),
            })?);
        }
        match (layer.index(), colours, &drawn[..]) {
            (Some(index), Some(colours), _) => canvas.index(index, &drawn, rescale[0], colours),
            (_, _, &[red, green, blue]) => canvas.composite([red, green, blue], rescale),
            _ => Ok(None),
        }
    }

    /// A raster of the map, opened where it is not.
    fn raster(&self, layer: Layer) -> Result<Arc<Opened<Pyramid>>> {
        // One opens, the others wait: nobody opens a file twice.
        let mut rasters = self.rasters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(raster) = rasters.get(&layer) {
            return Ok(Arc::clone(raster));
        }
        let path = self.files.get(&layer).map_or(Path::new(""), PathBuf::as_path);
        let source = open_raster(&Location::from(path))?;
        let opened = Arc::new(Opened { footprint: Footprint::of(&source.info().grid)?, what: Pyramid::new(source, 0) });
        rasters.insert(layer, Arc::clone(&opened));
        Ok(opened)
    }

    /// The bands of the scene, opened where they are not.
    fn bands(&self) -> Result<Arc<Opened<DrawnBands>>> {
        let mut bands = self.bands.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bands) = &*bands {
            return Ok(Arc::clone(bands));
        }
        let Some((location, radiometry)) = &self.scene else {
            return Err(Error::scene("", "the record of the map does not say where its scene lies"));
        };
        // The record decides how numbers become reflectance: the map was made so, perhaps with an offset that the user gave.
        let known = radiometry.values().next();
        let options = OpenOptions {
            only: Some(BANDS.into_iter().filter(|band| radiometry.contains_key(band)).collect()),
            radiometry: known.map(|r| RadiometryOverride { offset_dn: Some(r.offset_dn), scale: Some(r.scale) }),
            ..OpenOptions::default()
        };
        let scene = Scene::open(location, &options)?;
        let footprint = Footprint::of(scene.grid())?;
        let mut found = BTreeMap::new();
        for band in BANDS {
            let (Some(source), Some(&radiometry)) = (scene.band(band), radiometry.get(&band)) else { continue };
            let pyramid = Pyramid::new(Arc::clone(&source.source), source.index);
            found.insert(band, DrawnBand { pyramid, radiometry });
        }
        let opened = Arc::new(Opened { footprint, what: found });
        *bands = Some(Arc::clone(&opened));
        Ok(opened)
    }
}

/// What a record says of each band: the serialised form of [`BandRadiometry`].
fn radiometry_of(record: &Value) -> BTreeMap<Band, BandRadiometry> {
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

/// The grid of a record, where it has one.
fn grid_of(record: &Value) -> Option<Result<Grid>> {
    let record: GridRecord = serde_json::from_value(record.clone()).ok()?;
    let [origin_x, pixel_width, _, origin_y, _, pixel_height] = record.transform;
    let transform = GeoTransform { origin_x, origin_y, pixel_width, pixel_height };
    let grid = |crs| Grid { crs, transform, width: record.width, height: record.height };
    Some(Crs::from_epsg(record.epsg).map(grid))
}
