//! Scenes for building data sets. Metadata is read once; files are opened only while pixels are read. Any number of
//! scenes therefore takes little memory and few open files.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::mosaic::Layer;
use minesegsat_core::{Band, Crs, Error, Grid, Result};
use minesegsat_io::raster::StatedChecksum;
use minesegsat_io::{
    DataType, Location, MissingValues, Pixels, RasterSource, open_jp2_with_grid, open_raster, read_json,
};
use minesegsat_scene::catalog::read_features;
use minesegsat_scene::manifest::CloudMaskRecord;
use minesegsat_scene::pixel_mask::{MaskBand, MaskPlan, PixelMask};
use minesegsat_scene::{BandRadiometry, OpenOptions, SceneMetadata, open_classification};
use minesegsat_scene::{CloudMask, Scene, SceneBand};

/// One band of a scene; its file is closed.
#[derive(Debug, Clone)]
pub(crate) struct SourceBand {
    pub(crate) location: Location,
    pub(crate) index: usize,
    pub(crate) grid: Grid,
    pub(crate) data_type: DataType,
    /// `None` for the classification.
    pub(crate) radiometry: Option<BandRadiometry>,
    /// Values of missing pixels that the file does not declare.
    missing: Option<MissingValues>,
    is_jp2: bool,
    /// The classes by the pixels of other bands; their files are closed too.
    from_pixels: Option<Arc<MaskSource>>,
}

/// A classification that is computed from other bands.
#[derive(Debug)]
struct MaskSource {
    plan: MaskPlan,
    bands: Vec<(Band, SourceBand)>,
}

impl SourceBand {
    fn new(band: &SceneBand, radiometry: Option<BandRadiometry>) -> Self {
        let name = band.location.file_name().to_ascii_lowercase();
        Self {
            location: band.location.clone(),
            index: band.index,
            grid: band.grid.clone(),
            data_type: band.source.info().data_type,
            radiometry,
            missing: band.missing.clone(),
            is_jp2: name.ends_with(".jp2") || name.ends_with(".j2k"),
            from_pixels: None,
        }
    }

    /// The classes of a scene by its pixels.
    fn mask(scene: &Scene, mask: &PixelMask, bands: &BTreeMap<Band, Self>) -> Option<Self> {
        let used = mask.bands().map(|band| Some((band.band, bands.get(&band.band)?.clone())));
        let source = MaskSource { plan: mask.plan(), bands: used.collect::<Option<_>>()? };
        Some(Self {
            location: Location::parse(scene.location()).ok()?,
            index: 0,
            grid: mask.info().grid.clone(),
            data_type: DataType::U8,
            radiometry: None,
            missing: None,
            is_jp2: false,
            from_pixels: Some(Arc::new(source)),
        })
    }

    /// Opens the file again.
    pub(crate) fn open(&self) -> Result<Arc<dyn RasterSource>> {
        if let Some(mask) = &self.from_pixels {
            let open = |(band, found): &(Band, Self)| {
                let radiometry = found.radiometry.unwrap_or(BandRadiometry::USUAL);
                Ok(MaskBand { band: *band, source: found.open()?, index: found.index, radiometry })
            };
            let bands = mask.bands.iter().map(open).collect::<Result<Vec<_>>>()?;
            return Ok(Arc::new(PixelMask::with_plan(&mask.plan, bands)));
        }
        let source = match self.is_jp2 {
            true => open_jp2_with_grid(&self.location, self.grid.clone())?,
            false if self.radiometry.is_none() => open_classification(&self.location)?,
            false => open_raster(&self.location)?,
        };
        Ok(match &self.missing {
            Some(missing) => missing.removed_from(source),
            None => source,
        })
    }

    /// Whether any pixel is nodata.
    pub(crate) fn any_nodata(&self, pixels: &Pixels) -> bool {
        match pixels {
            // Fast path of the usual case, without conversion to floating point.
            Pixels::U16(values) => {
                let nodata: Vec<u16> = (0..=u16::MAX).filter(|&dn| self.is_nodata(f32::from(dn))).collect();
                nodata.iter().any(|dn| values.contains(dn))
            }
            other => other.to_f32().into_iter().any(|dn| self.is_nodata(dn)),
        }
    }

    pub(crate) fn is_nodata(&self, dn: f32) -> bool {
        self.radiometry.map_or(dn == 0.0, |radiometry| radiometry.is_nodata(dn))
    }
}

/// Metadata of a scene that was opened, read and closed.
#[derive(Debug)]
pub(crate) struct SourceScene {
    pub(crate) name: String,
    pub(crate) location: String,
    pub(crate) metadata: SceneMetadata,
    pub(crate) crs: Crs,
    /// Union of the bounds of all bands: min x, min y, max x, max y.
    pub(crate) bounds: [f64; 4],
    pub(crate) bands: BTreeMap<Band, SourceBand>,
    classification: Option<SourceBand>,
    pub(crate) radiometry: Value,
    cloud_mask: Value,
    pub(crate) inputs: Vec<(Location, Option<StatedChecksum>)>,
    pub(crate) warnings: Vec<String>,
}

impl SourceScene {
    fn new(scene: &Scene) -> Self {
        let radiometry = scene.radiometry();
        let bands: BTreeMap<Band, SourceBand> = scene
            .bands()
            .into_iter()
            .filter_map(|band| {
                let found = scene.band(band)?;
                Some((band, SourceBand::new(found, radiometry.bands.get(&band).copied())))
            })
            .collect();
        let classification = match scene.cloud_mask() {
            CloudMask::Scl => scene.classification().map(|band| SourceBand::new(band, None)),
            CloudMask::Pixels => scene.pixel_mask().and_then(|mask| SourceBand::mask(scene, mask, &bands)),
            CloudMask::None => None,
        };
        let bounds = bands
            .values()
            .map(|band| band.grid.bounds())
            .fold(scene.grid().bounds(), |a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]);
        Self {
            name: scene.info().name.clone(),
            location: scene.location().to_owned(),
            metadata: scene.info().clone(),
            crs: scene.grid().crs.clone(),
            bounds,
            bands,
            classification,
            radiometry: serde_json::to_value(radiometry).unwrap_or_default(),
            cloud_mask: serde_json::to_value(CloudMaskRecord::new(scene)).unwrap_or_default(),
            inputs: scene.inputs().iter().map(|input| (input.location.clone(), input.checksum.clone())).collect(),
            warnings: scene.warnings(),
        }
    }

    pub(crate) fn layer(&self, layer: Layer) -> Option<&SourceBand> {
        match layer {
            Layer::Band(band) => self.bands.get(&band),
            Layer::Classification => self.classification.as_ref(),
        }
    }

    /// Entry of the scene in the data set's description.
    pub(crate) fn record(&self, inputs: &Value) -> Value {
        json!({
            "name": self.name,
            "location": self.location,
            "metadata": self.metadata,
            "epsg": self.crs.epsg(),
            "radiometry": self.radiometry,
            "cloud_mask": self.cloud_mask,
            "inputs": inputs,
            "warnings": self.warnings,
        })
    }
}

/// The scenes to build from, in order of preference.
#[derive(Debug, Default)]
pub struct SceneList {
    scenes: Vec<Arc<SourceScene>>,
}

/// Where the metadata of a scene is.
enum SceneLocation {
    Location(Location),
    /// The JSON of an item of an ItemCollection, and the location of that collection. A tree of values takes fifteen times the
    /// memory.
    Item(String, Location),
}

impl SceneList {
    /// Finds and opens scenes one after the other. Each place is a scene that [`Scene::open`] opens, an ItemCollection,
    /// or a folder that holds scenes in their own folders: STAC items, SAFE products or band files.
    ///
    /// Scenes whose metadata states more cloud than `max_cloud_cover_percent` are skipped. `opened` is called with the
    /// index of each scene and the number of scenes.
    pub fn open(
        places: &[impl AsRef<OsStr>],
        options: &OpenOptions,
        max_cloud_cover_percent: Option<f64>,
        mut opened: impl FnMut(usize, usize),
    ) -> Result<Self> {
        let mut all = Vec::new();
        for place in places {
            expand(place.as_ref(), &mut all)?;
        }
        let mut scenes: Vec<Arc<SourceScene>> = Vec::new();
        let mut too_cloudy = 0;
        for (i, place) in all.iter().enumerate() {
            opened(i, all.len());
            let scene = match place {
                SceneLocation::Location(location) => Scene::open_at(location, options)?,
                SceneLocation::Item(item, at) => {
                    let item = serde_json::from_str(item).map_err(std::io::Error::from)?;
                    Scene::open_item(&item, at, options)?
                }
            };
            if let (Some(limit), Some(cover)) = (max_cloud_cover_percent, scene.info().cloud_cover_percent)
                && cover > limit
            {
                too_cloudy += 1;
                continue;
            }
            let scene = SourceScene::new(&scene);
            // A scene that is named twice is used once.
            if scenes.iter().all(|other| other.location != scene.location || other.name != scene.name) {
                scenes.push(Arc::new(scene));
            }
        }
        if scenes.is_empty() {
            let reason = match (all.len(), max_cloud_cover_percent) {
                (0, _) => "it has no scene".to_owned(),
                (n, limit) => format!(
                    "all {n} scenes have more than {} % cloud ({too_cloudy} of them by their metadata); allow \
                     more cloud",
                    limit.unwrap_or(100.0)
                ),
            };
            let places: Vec<String> = places.iter().map(|place| place.as_ref().display().to_string()).collect();
            return Err(Error::scene(places.join(", "), reason).avoided_by(minesegsat_core::Setting::MaxCloudCover));
        }
        Ok(Self { scenes })
    }

    /// Number of scenes.
    pub fn len(&self) -> usize {
        self.scenes.len()
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.scenes.is_empty()
    }

    /// The bands that every scene has, sorted by wavelength, without B10.
    pub fn common_bands(&self) -> Vec<Band> {
        let all = |band: &Band| *band != Band::B10 && self.scenes.iter().all(|scene| scene.bands.contains_key(band));
        Band::ALL.into_iter().filter(all).collect()
    }

    /// Warnings about the scenes, each with the scene's name.
    pub fn warnings(&self) -> Vec<String> {
        let of = |scene: &Arc<SourceScene>| -> Vec<String> {
            scene.warnings.iter().map(|warning| format!("{}: {warning}", scene.name)).collect()
        };
        self.scenes.iter().flat_map(of).collect()
    }

    pub(crate) fn scenes(&self) -> &[Arc<SourceScene>] {
        &self.scenes
    }
}

/// Finds the scenes at a place.
fn expand(place: &OsStr, found: &mut Vec<SceneLocation>) -> Result<()> {
    let location = Location::from_os(place)?;
    let name = location.file_name().to_ascii_lowercase();
    if name.ends_with(".json") || name.ends_with(".geojson") {
        let mut items = Vec::new();
        let (members, _) = read_features(&location, |item| items.push(item.to_string()))?;
        let document = Value::Object(members);
        if document["type"] == "FeatureCollection" {
            found.extend(items.into_iter().map(|item| SceneLocation::Item(item, location.clone())));
            return Ok(());
        }
        if matches!(document["type"].as_str(), Some("Catalog" | "Collection")) {
            return follow_links(document, location, found);
        }
    }
    if let Location::Path(path) = &location
        && path.is_dir()
        && !is_scene_folder(path)?
    {
        let before = found.len();
        let mut folders: Vec<_> = fs_err::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
        folders.sort_by_key(fs_err::DirEntry::file_name);
        for entry in folders {
            let folder = entry.path();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if !folder.is_dir() || hidden {
                continue;
            }
            if let Some(item) = item_in(&folder)? {
                found.push(SceneLocation::Location(Location::from(item)));
            } else if is_scene_folder(&folder)? {
                found.push(SceneLocation::Location(Location::from(folder)));
            }
        }
        if found.len() > before {
            return Ok(());
        }
    }
    found.push(SceneLocation::Location(location));
    Ok(())
}

/// Collects the items that a static catalogue and its children link to. Each document is read once, because links may lead in a
/// circle.
fn follow_links(catalog: Value, at: Location, found: &mut Vec<SceneLocation>) -> Result<()> {
    let mut seen = BTreeSet::from([at.to_string()]);
    let mut first = Some(catalog);
    let mut catalogs = vec![at];
    while let Some(at) = catalogs.pop() {
        let catalog = first.take().map_or_else(|| read_json(&at), Ok)?;
        let base = at.parent().unwrap_or_else(|| at.clone());
        let mut children = Vec::new();
        for link in catalog["links"].as_array().into_iter().flatten() {
            let Some(href) = link["href"].as_str() else { continue };
            let target = base.resolve(href)?;
            match link["rel"].as_str() {
                Some("item") => found.push(SceneLocation::Location(target)),
                Some("child") if seen.insert(target.to_string()) => children.push(target),
                _ => {}
            }
        }
        catalogs.extend(children.into_iter().rev());
    }
    Ok(())
}

/// The STAC item of a folder, if it has exactly one.
fn item_in(folder: &Path) -> Result<Option<std::path::PathBuf>> {
    let mut items = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) {
            let is_item = read_json::<Value>(&Location::from(path.as_path()))
                .is_ok_and(|document| document["type"] == "Feature" && document["assets"].is_object());
            if is_item {
                items.push(path);
            }
        }
    }
    Ok(if items.len() == 1 { items.pop() } else { None })
}

/// Whether a folder is a scene itself: a SAFE product, or a folder with images.
fn is_scene_folder(folder: &Path) -> Result<bool> {
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let is_image = [".tif", ".tiff", ".jp2"].iter().any(|extension| name.ends_with(extension));
        if is_image
            || (name.starts_with("mtd_msil") && name.ends_with(".xml"))
            || name == "granule"
            || name == "img_data"
        {
            return Ok(true);
        }
    }
    Ok(false)
}
