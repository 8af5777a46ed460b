//! `manifest.json`: inputs, settings, results and output files of a map. It is sufficient to reproduce and verify the
//! map.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{CloudMask, OpenOptions, RadiometryOverride, Scene, SceneMetadata, pixel_mask};
use minesegsat_core::uncertainty::Area;
use minesegsat_core::{Band, Grid, Result};
use minesegsat_io::{InputIdentity, Location, identity};

/// Version of the manifest's schema.
const FORMAT_VERSION: u32 = 1;

/// The record of one run of `predict`.
#[derive(Debug, Clone, Serialize)]
pub struct Manifest {
    /// Version of the schema.
    pub manifest_version: u32,
    /// Name and version of the program.
    pub software: Software,
    /// When the run ended, UTC.
    pub created: jiff::Timestamp,
    /// `assessed`, `not assessable` if no pixel could be assessed, or `clouds not masked` if nothing was masked.
    pub status: &'static str,
    /// The scene's metadata.
    pub scene: SceneMetadata,
    /// Location of the scene: a URL, or a path relative to the folder of this record.
    pub scene_location: String,
    /// The settings with which the scene was opened.
    pub scene_options: OpenOptions,
    /// Conversion from digital numbers to reflectance, with the reasons.
    pub radiometry: serde_json::Value,
    /// The files read, with their hashes (local files) or entity tags (HTTP).
    pub inputs: Vec<InputIdentity>,
    /// Title, licence, architecture and hash of the model.
    pub model: serde_json::Value,
    /// All settings that affect the result.
    pub parameters: serde_json::Value,
    /// Grid of the rasters.
    pub grid: GridRecord,
    /// What decided which pixels are cloud or shadow.
    pub cloud_mask: CloudMaskRecord,
    /// Assessed and excluded pixels.
    pub assessed: Assessed,
    /// Totals of the mapped polygons.
    pub totals: Totals,
    /// How much of the land resembles what the model has learned from; left out if the model does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub familiarity: Option<FamiliarityRecord>,
    /// The files written, with their hashes.
    pub outputs: Vec<OutputRecord>,
    /// Duration of each step.
    pub timings: Timings,
    /// Warnings for readers of the map.
    pub warnings: Vec<String>,
}

/// How much of the land resembles what the model has learned from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FamiliarityRecord {
    /// Width and height of a cell in pixels.
    pub cell_px: usize,
    /// Number of visible cells.
    pub cells: usize,
    /// Share of them that is unlike anything that the model has learned from, 0 to 1.
    pub unlike_share: f64,
}

/// Share of unlike cells from which a map has a warning.
const UNLIKE_SHARE: f64 = 0.05;

impl FamiliarityRecord {
    /// A warning if much of the land is unlike.
    pub fn warning(&self) -> Option<String> {
        (self.unlike_share > UNLIKE_SHARE).then(|| {
            let percent = 100.0 * self.unlike_share;
            format!("{percent:.0} % of the land is unlike anything that the model has learned from: do not rely on the map there")
        })
    }
}

/// Name and version of the program.
#[derive(Debug, Clone, Serialize)]
pub struct Software {
    /// Always `minesegsat`.
    pub name: &'static str,
    /// Version of the crate.
    pub version: &'static str,
}

impl Software {
    /// This program.
    pub fn this() -> Self {
        Self { name: "minesegsat", version: env!("CARGO_PKG_VERSION") }
    }
}

/// Grid of the rasters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GridRecord {
    /// EPSG code.
    pub epsg: u16,
    /// GDAL's order: origin x, pixel width, 0, origin y, 0, pixel height.
    pub transform: [f64; 6],
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl From<&Grid> for GridRecord {
    fn from(grid: &Grid) -> Self {
        let t = &grid.transform;
        Self {
            epsg: grid.crs.epsg(),
            transform: [t.origin_x, t.pixel_width, 0.0, t.origin_y, 0.0, t.pixel_height],
            width: grid.width,
            height: grid.height,
        }
    }
}

/// What decided which pixels are cloud or shadow.
#[derive(Debug, Clone, Serialize)]
pub struct CloudMaskRecord {
    /// The source of the classes.
    pub source: CloudMask,
    /// The method, if they come from the pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'static str>,
    /// The bands that the method read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<Band>,
}

impl CloudMaskRecord {
    /// The record of a scene.
    pub fn new(scene: &Scene) -> Self {
        let mask = scene.pixel_mask();
        Self {
            source: scene.cloud_mask(),
            method: mask.map(|_| pixel_mask::METHOD),
            bands: mask.map(|mask| mask.bands().map(|band| band.band).collect()).unwrap_or_default(),
        }
    }

    /// The share of the area that the map shows, in words. A share is called assessed only if clouds were masked.
    pub fn share_text(&self, assessed: &Assessed) -> String {
        let percent = assessed.share_assessed * 100.0;
        match self.source {
            CloudMask::Scl => format!("{percent:.1} % of the area assessed"),
            CloudMask::Pixels => {
                format!("{percent:.1} % of the area assessed (clouds and shadows found from the pixels)")
            }
            CloudMask::None => format!("{percent:.1} % of the area has data; clouds were not masked"),
        }
    }
}

/// Numbers of assessed pixels and of pixels excluded for each reason.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Assessed {
    /// Pixels of the rasters.
    pub pixels: u64,
    /// Pixels with a prediction of the network.
    pub assessed_pixels: u64,
    /// Pixels without data in at least one band.
    pub nodata_pixels: u64,
    /// Pixels hidden by cloud, cloud shadow or similar classes.
    pub masked_pixels: u64,
    /// Pixels outside the area of interest.
    pub outside_pixels: u64,
    /// Share of the pixels inside the area that were assessed, 0 to 1.
    pub share_assessed: f64,
}

impl Assessed {
    /// Computes the shares from the counts.
    pub fn new(assessed: u64, nodata: u64, masked: u64, outside: u64) -> Self {
        let inside = assessed + nodata + masked;
        Self {
            pixels: inside + outside,
            assessed_pixels: assessed,
            nodata_pixels: nodata,
            masked_pixels: masked,
            outside_pixels: outside,
            share_assessed: if inside == 0 { 0.0 } else { assessed as f64 / inside as f64 },
        }
    }

    /// Whether any pixel was assessed.
    pub fn is_assessable(&self) -> bool {
        self.assessed_pixels > 0
    }
}

/// Totals of a map.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Totals {
    /// Number of polygons.
    pub polygons: usize,
    /// Mapped: the sum of the polygons' geodesic areas, in hectares.
    pub area_ha: f64,
    /// Geodesic area of the largest, in hectares.
    pub largest_ha: f64,
    /// Estimated: the sum of the probabilities of all assessed pixels, with its 90 % interval. `None` if no pixel was assessed.
    pub estimated: Option<Area>,
}

/// An output file.
#[derive(Debug, Clone, Serialize)]
pub struct OutputRecord {
    /// Name in the output folder.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
}

impl OutputRecord {
    /// Computes size and hash of a finished file.
    pub fn from_file(name: &str, path: &Path) -> Result<Self> {
        let identity = identity(&Location::Path(path.to_owned()))?;
        Ok(Self {
            name: name.to_owned(),
            size: identity.size.unwrap_or_default(),
            sha256: identity.sha256.unwrap_or_default(),
        })
    }
}

/// Duration of each step, in seconds. Reading, network and writing overlap, so the parts add up to more than the
/// total.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Timings {
    /// From the checked plan to the finished outputs.
    pub wall_s: f64,
    /// Until the last patch is blended and its rows are written.
    pub patches_s: f64,
    /// Reading and resampling, on its own thread.
    pub read_s: f64,
    /// Wall time while the network was running.
    pub infer_s: f64,
    /// Blending, compressing and writing, polygons and pictures.
    pub write_s: f64,
    /// Number of patches.
    pub patches: usize,
}

/// A location for a record in `folder`. A path becomes relative to the folder, so it stays valid if both are moved
/// together or if the record is read from elsewhere.
pub fn location_from(folder: &Path, location: &str) -> String {
    let (Ok(from), Ok(to)) = (fs_err::canonicalize(folder), fs_err::canonicalize(location)) else {
        return location.to_owned();
    };
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    if common == 0 {
        return to.display().to_string();
    }
    let up = from.components().skip(common).map(|_| std::path::Component::ParentDir);
    let down = to.components().skip(common);
    let path: std::path::PathBuf = up.chain(down).collect();
    path.display().to_string()
}

/// Resolves a location that [`location_from`] wrote.
pub fn location_at(folder: &Path, location: &str) -> String {
    let path = folder.join(location);
    if path.exists() { path.display().to_string() } else { location.to_owned() }
}

/// The settings that open the scene of a map as the map has read it. `options` and `radiometry` are members of its record. Older
/// records have no `options`: then scale and offset of the first band hold for all, and nodata values that were found.
pub fn reopening(options: Option<OpenOptions>, radiometry: &serde_json::Value) -> OpenOptions {
    // Other bands than those of the map may be read.
    if let Some(options) = options {
        return OpenOptions { only: None, ..options };
    }
    let band = radiometry["bands"].as_object().and_then(|bands| bands.values().next());
    let found = radiometry["undeclared_nodata"].as_array();
    OpenOptions {
        radiometry: band
            .map(|band| RadiometryOverride { offset_dn: band["offset_dn"].as_f64(), scale: band["scale"].as_f64() }),
        nodata: found.map(|all| all.iter().filter_map(|fill| fill["value"].as_f64()).collect()),
        ..OpenOptions::default()
    }
}

/// `1 polygon`, `2 polygons`, `3 patches`.
pub fn counted(count: usize, noun: &str) -> String {
    let ending = match (count, noun.ends_with("ch")) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{count} {noun}{ending}")
}

impl Manifest {
    /// Creates a manifest from everything known before the results. The caller fills in the rest.
    pub fn new(
        scene: &Scene,
        inputs: Vec<InputIdentity>,
        grid: GridRecord,
        parameters: serde_json::Value,
        assessed: Assessed,
    ) -> Self {
        let mut warnings = scene.warnings();
        if !assessed.is_assessable() {
            warnings.push(format!(
                "not assessable: of {} pixels, {} have no data and {} are hidden by cloud or shadow",
                assessed.pixels - assessed.outside_pixels,
                assessed.nodata_pixels,
                assessed.masked_pixels
            ));
        }
        Self {
            manifest_version: FORMAT_VERSION,
            software: Software::this(),
            created: jiff::Timestamp::now(),
            status: match scene.cloud_mask() {
                _ if !assessed.is_assessable() => "not assessable",
                CloudMask::None => "clouds not masked",
                CloudMask::Scl | CloudMask::Pixels => "assessed",
            },
            scene: scene.info().clone(),
            scene_location: scene.location().to_owned(),
            scene_options: scene.options().clone(),
            radiometry: serde_json::to_value(scene.radiometry()).unwrap_or_default(),
            inputs,
            model: serde_json::Value::Null,
            parameters,
            grid,
            cloud_mask: CloudMaskRecord::new(scene),
            assessed,
            totals: Totals::default(),
            familiarity: None,
            outputs: Vec::new(),
            timings: Timings::default(),
            warnings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_records_hold_when_both_are_moved() {
        let parent = tempfile::tempdir().unwrap();
        let place = parent.path().join("before");
        for folder in ["maps/a", "scenes"] {
            std::fs::create_dir_all(place.join(folder)).unwrap();
        }
        std::fs::write(place.join("scenes/item.json"), "{}").unwrap();
        let text = location_from(&place.join("maps/a"), place.join("scenes/item.json").to_str().unwrap());
        assert_eq!(Path::new(&text), Path::new("../../scenes/item.json"));
        let moved = parent.path().join("after");
        std::fs::rename(&place, &moved).unwrap();
        assert!(Path::new(&location_at(&moved.join("maps/a"), &text)).is_file());
        let url = "https://host/item.json";
        assert_eq!(location_at(&moved, &location_from(&moved, url)), url);
    }

    #[test]
    fn a_scene_is_opened_again_as_it_was() {
        let options = OpenOptions {
            bands: Some(vec![Band::B04, Band::B08]),
            substitute: vec![(Band::B8A, Band::B08)],
            radiometry: Some(RadiometryOverride { offset_dn: Some(-1000.0), scale: None }),
            nodata: Some(vec![-9999.0]),
            mask_snow: true,
            cloud_mask: Some(CloudMask::Pixels),
            tile: Some("53HLA".to_owned()),
            only: None,
        };
        let record = serde_json::to_value(&OpenOptions { only: Some(vec![Band::B04]), ..options.clone() }).unwrap();
        assert_eq!(reopening(serde_json::from_value(record).ok(), &serde_json::Value::Null), options);
        // An older record.
        let band = serde_json::json!({"scale": 0.0001, "offset_dn": 0.0});
        let radiometry = serde_json::json!({"bands": {"B02": band}, "undeclared_nodata": [{"value": 255.0}]});
        let older = reopening(None, &radiometry);
        assert_eq!(older.radiometry, Some(RadiometryOverride { offset_dn: Some(0.0), scale: Some(0.0001) }));
        assert_eq!(older.nodata, Some(vec![255.0]));
    }
}
