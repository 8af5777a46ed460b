//! The map of one date, read from an output folder of `predict`.

use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;
use serde::Deserialize;

use crate::predict;
use minesegsat_core::noise_floor::NoiseFloor;
use minesegsat_core::persistence::Persistence;
use minesegsat_core::uncertainty::AreaErrorModel;
use minesegsat_core::{Crs, Error, Grid, Result, Transformer, Window, with_causes};
use minesegsat_io::{Location, Pixels, RasterSource, open_raster, read_json};
use minesegsat_scene::manifest::{location_at, reopening};
use minesegsat_scene::{OpenOptions, Scene};

/// Value of disturbed land in `mask.tif`.
const MAPPED: u8 = 1;
/// Maximum difference in days of the year without a season warning.
const SEASON_DAYS: i16 = 45;
/// Days in a year.
const YEAR: i16 = 365;

/// Tolerance for equal pixel corners, in pixels.
const SAME: f64 = 0.01;

/// The map of one date.
#[derive(Debug, Clone)]
pub struct DatedMap {
    /// Name of the scene.
    pub name: String,
    /// Day of the scene.
    pub date: Option<Date>,
    /// Grid of the map.
    pub grid: Grid,
    /// `[H, W]`, NaN where not assessable.
    pub probability: Vec<f32>,
    /// Whether a pixel is mapped as disturbed, `[H, W]`: the pixels of `mask.tif`, without polygons below the minimum area.
    pub mapped: Vec<bool>,
    /// Probability threshold of the map.
    pub threshold: f32,
    /// SHA-256 of the model's weights.
    pub model_sha256: String,
    /// Name of the model.
    pub model_title: String,
    /// Uncertainty of areas of the model.
    pub area_error: AreaErrorModel,
    /// Noise floor from the model's card, if it has one.
    pub noise_floor: Option<NoiseFloor>,
    /// Rates of change from the model's card, if it has them.
    pub persistence: Option<Persistence>,
    /// The offset decision of the scene.
    pub offset: OffsetSummary,
    /// Processing level: `L1C` or `L2A`.
    pub level: Option<String>,
    /// Whether cloud and cloud shadow count as seen ground.
    pub clouds_not_masked: bool,
    /// The scene, if it could be reopened.
    pub scene: Option<Scene>,
    /// Why it could not.
    pub scene_error: Option<String>,
    /// Ids of the source scenes.
    pub scene_ids: Vec<String>,
}

/// The offset decision of a scene.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetSummary {
    /// Whether an offset was removed from the digital numbers.
    pub removed: bool,
    /// Whether there is evidence against the decision.
    pub is_doubtful: bool,
    /// The reason, in words.
    pub statement: String,
}

/// The members of `manifest.json` in use.
#[derive(Debug, Deserialize)]
struct Record {
    scene: SceneRecord,
    #[serde(default)]
    scene_location: Option<String>,
    /// Absent in maps of version 0.2 and before.
    #[serde(default)]
    scene_options: Option<OpenOptions>,
    radiometry: serde_json::Value,
    model: serde_json::Value,
    parameters: serde_json::Value,
    /// Absent in maps of version 0.2 and before.
    #[serde(default)]
    cloud_mask: serde_json::Value,
}

/// Where the scene of a map is, and how it was opened.
struct RecordedScene {
    location: String,
    options: OpenOptions,
}

#[derive(Debug, Deserialize)]
struct SceneRecord {
    name: String,
    date: Option<Date>,
    level: Option<String>,
}

#[cfg(test)]
impl DatedMap {
    /// A map of a day for tests, with a stated offset and no scene.
    pub(crate) fn of_day(day: &str, grid: Grid, probability: Vec<f32>, range_m: f64) -> Self {
        Self {
            name: format!("scene of {day}"),
            date: Some(day.parse().unwrap()),
            grid,
            mapped: probability.iter().map(|&p| p >= 0.5).collect(),
            probability,
            threshold: 0.5,
            model_sha256: "ab".to_owned(),
            model_title: "test".to_owned(),
            area_error: AreaErrorModel { range_m, inflation: 1.0, relative_sd: 0.1, fitted_to: 1 },
            noise_floor: None,
            persistence: None,
            offset: OffsetSummary { removed: false, is_doubtful: false, statement: "stated".to_owned() },
            level: Some("L2A".to_owned()),
            clouds_not_masked: false,
            scene: None,
            scene_error: None,
            scene_ids: vec![day.to_owned()],
        }
    }
}

impl DatedMap {
    /// Reads an output folder of `predict`. Reopens the scene if it still exists at its recorded location.
    pub fn open(folder: &Path) -> Result<Self> {
        let (mut map, rasters) = Self::describe(folder)?;
        let window = map.grid.full_window();
        map.probability = rasters.probability(window)?;
        map.mapped = rasters.mapped(window)?;
        Ok(map)
    }

    /// Like [`DatedMap::open`], without the pixels: `probability` and `mapped` are empty, and the rasters are returned.
    pub fn describe(folder: &Path) -> Result<(Self, MapRasters)> {
        let (mut map, rasters, scene) = Self::read_record(folder)?;
        if let Some(RecordedScene { location, options }) = scene {
            match Scene::open(&location_at(folder, &location), &options) {
                Ok(scene) => map.scene = Some(scene),
                Err(error) => map.scene_error = Some(with_causes(&error)),
            }
        }
        Ok((map, rasters))
    }

    /// Like [`DatedMap::describe`], without the scene.
    pub(crate) fn describe_map(folder: &Path) -> Result<(Self, MapRasters)> {
        let (map, rasters, _) = Self::read_record(folder)?;
        Ok((map, rasters))
    }

    /// The map without its pixels and its scene, its rasters, and where the scene is and how it was opened.
    fn read_record(folder: &Path) -> Result<(Self, MapRasters, Option<RecordedScene>)> {
        let path = predict::manifest_path(folder);
        if !path.is_file() {
            return Err(Error::input(
                folder.display().to_string(),
                "it has no manifest.json; accepted are folders that `minesegsat predict` wrote".to_owned(),
            ));
        }
        let location = Location::from(path.as_path());
        let record: Record = serde_json::from_value(read_json(&location)?)
            .map_err(|error| Error::input(location.to_string(), "it is not the record of a map").caused_by(error))?;
        let rasters = MapRasters::open(folder)?;
        let grid = rasters.probability.info().grid.clone();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let missing = |what: &str| {
            Error::input(location.to_string(), format!("it does not say {what}; make the map again with this version"))
        };
        let threshold = record.parameters["threshold"].as_f64().ok_or_else(|| missing("the threshold"))? as f32;
        let offset = OffsetSummary::from_record(&record.radiometry)
            .ok_or_else(|| missing("how the offset of the digital numbers was decided"))?;
        let area_error = AreaErrorModel::of_record(&record.model);
        let noise_floor = record.model.get("noise_floor").filter(|value| !value.is_null());
        let noise_floor = noise_floor.and_then(|value| serde_json::from_value(value.clone()).ok());
        let persistence = record.model.get("persistence").filter(|value| !value.is_null());
        let persistence = persistence.and_then(|value| serde_json::from_value(value.clone()).ok());
        let map = Self {
            scene_ids: vec![record.scene.name.clone()],
            name: record.scene.name,
            date: record.scene.date,
            grid,
            probability: Vec::new(),
            mapped: Vec::new(),
            threshold,
            model_sha256: text(&record.model["weights_sha256"]),
            model_title: text(&record.model["title"]),
            area_error,
            noise_floor,
            persistence,
            offset,
            level: record.scene.level,
            clouds_not_masked: record.cloud_mask["source"] == "none",
            scene: None,
            scene_error: None,
        };
        let options = reopening(record.scene_options, &record.radiometry);
        Ok((map, rasters, record.scene_location.map(|location| RecordedScene { location, options })))
    }

    /// The same map with other pixels, and without its scene.
    pub(crate) fn with_pixels(&self, grid: Grid, probability: Vec<f32>, mapped: Vec<bool>) -> Self {
        Self {
            name: self.name.clone(),
            date: self.date,
            grid,
            probability,
            mapped,
            threshold: self.threshold,
            model_sha256: self.model_sha256.clone(),
            model_title: self.model_title.clone(),
            area_error: self.area_error,
            noise_floor: self.noise_floor,
            persistence: self.persistence,
            offset: self.offset.clone(),
            level: self.level.clone(),
            clouds_not_masked: self.clouds_not_masked,
            scene: None,
            scene_error: None,
            scene_ids: self.scene_ids.clone(),
        }
    }

    /// A warning if the map was made without a cloud mask.
    pub fn cloud_warning(&self) -> Option<String> {
        self.clouds_not_masked.then(|| {
            format!("nothing was masked in the map of {}: cloud and cloud shadow count as seen ground", self.name)
        })
    }

    /// Why the scenes of two maps cannot be compared.
    pub(crate) fn without_scene(maps: [&Self; 2]) -> String {
        let map = maps.into_iter().find(|map| map.scene.is_none()).unwrap_or(maps[0]);
        let why = map.scene_error.as_deref().unwrap_or("the record of its map does not say where it is");
        format!("the scene {} cannot be opened again ({why})", map.name)
    }

    /// Warnings for a comparison with a later map. An error if the two maps are not comparable.
    pub(crate) fn check_against(&self, after: &Self) -> Result<Vec<String>> {
        self.check_comparable(after)?;
        let refuse = |reason: String| {
            Err(Error::Argument { name: "maps", value: format!("{} and {}", self.name, after.name), accepted: reason })
        };
        let mut warnings: Vec<String> = [self, after].into_iter().filter_map(Self::cloud_warning).collect();
        if let (Some(a), Some(b)) = (self.date, after.date) {
            if a > b {
                return refuse(format!("the first map ({a}) is later than the second ({b}); swap them"));
            }
            let apart = (a.day_of_year() - b.day_of_year()).abs();
            let apart = apart.min(YEAR - apart);
            if apart > SEASON_DAYS {
                warnings.push(format!(
                    "the dates are {apart} days apart in the season: snow, water and crops may look different"
                ));
            }
        } else {
            warnings.push("the date of a scene is unknown: season and order were not checked".to_owned());
        }
        if self.model_sha256 != after.model_sha256 {
            warnings.push(format!(
                "the maps are of different models (`{}` and `{}`): part of the change may come from the models",
                self.model_title, after.model_title
            ));
        }
        if (self.threshold - after.threshold).abs() > 1e-6 {
            warnings.push(format!(
                "the maps have different thresholds ({} and {}): the second one is used",
                self.threshold, after.threshold
            ));
        }
        Ok(warnings)
    }

    /// An error if the processing levels of two scenes differ, or their offsets do and one of them is in doubt.
    pub(crate) fn check_comparable(&self, after: &Self) -> Result<()> {
        let refuse = |reason: String| {
            Err(Error::Argument { name: "maps", value: format!("{} and {}", self.name, after.name), accepted: reason })
        };
        if let (Some(a), Some(b)) = (&self.level, &after.level)
            && a != b
        {
            return refuse(format!(
                "two scenes of one processing level; the first is {a}, the second {b}: the effect of the atmosphere on only \
                 one of them would appear as change"
            ));
        }
        if self.offset.removed != after.offset.removed {
            // Both are reflectance. If both decisions are sure, no correction is needed.
            for map in [self, after] {
                if map.offset.is_doubtful {
                    return refuse(format!(
                        "scenes with a certain offset: the two decisions differ, and the decision for {} is in doubt ({}); \
                         map it again with an explicit offset",
                        map.name, map.offset.statement
                    ));
                }
            }
        }
        Ok(())
    }

    /// Bounds in degrees, for messages.
    pub(crate) fn bounds_text(&self) -> String {
        let found =
            Transformer::new(&self.grid.crs, &Crs::WGS84).and_then(|to| to.transform_bounds(self.grid.bounds()));
        found.map_or_else(|_| "an unknown place".to_owned(), |b| b.map(|v| format!("{v:.4}")).join(","))
    }
}

/// Offset in columns and rows from the first grid's corner to the second's, if both have the same pixels.
pub fn shift(a: &Grid, b: &Grid) -> Option<(i64, i64)> {
    let (s, t) = (&a.transform, &b.transform);
    let same_size = |p: f64, q: f64, count: usize| ((p / q - 1.0) * count as f64).abs() < SAME;
    let (col, row) = s.to_pixel(t.origin_x, t.origin_y);
    let fits = a.crs == b.crs
        && same_size(s.pixel_width, t.pixel_width, b.width)
        && same_size(s.pixel_height, t.pixel_height, b.height)
        && (col - col.round()).abs() < SAME
        && (row - row.round()).abs() < SAME;
    fits.then_some((col.round() as i64, row.round() as i64))
}

/// The rasters of a map, on one grid.
#[derive(Debug, Clone)]
pub struct MapRasters {
    probability: Arc<dyn RasterSource>,
    mask: Arc<dyn RasterSource>,
}

impl MapRasters {
    fn open(folder: &Path) -> Result<Self> {
        let open = |name: &str| open_raster(&Location::from(folder.join(name).as_path()));
        let (probability, mask) = (open(predict::PROBABILITY)?, open(predict::MASK)?);
        if mask.info().grid != probability.info().grid {
            let reason = format!("its grid is not that of {}", predict::PROBABILITY);
            return Err(Error::raster(mask.info().location.clone(), reason));
        }
        Ok(Self { probability, mask })
    }

    /// Probabilities of a window, `[H, W]`, NaN where not assessable. Fails if one is not in 0 to 1.
    pub fn probability(&self, window: Window) -> Result<Vec<f32>> {
        let raster = &self.probability;
        let location = || raster.info().location.clone();
        let Pixels::F32(probability) = raster.read(0, window)? else {
            let found = raster.info().data_type;
            return Err(Error::raster(location(), format!("it is of type {found:?}; probabilities are F32")));
        };
        match probability.iter().find(|p| !p.is_nan() && !(0.0..=1.0).contains(*p)) {
            None => Ok(probability),
            Some(wrong) => Err(Error::raster(
                location(),
                format!("{wrong} is not a probability; accepted are 0 to 1, and NaN where not assessable"),
            )),
        }
    }

    /// Whether the pixels of a window are mapped as disturbed, `[H, W]`.
    pub fn mapped(&self, window: Window) -> Result<Vec<bool>> {
        let info = self.mask.info();
        let Pixels::U8(mask) = self.mask.read(0, window)? else {
            let found = info.data_type;
            return Err(Error::raster(info.location.clone(), format!("it is of type {found:?}; masks are U8")));
        };
        Ok(mask.into_iter().map(|class| class == MAPPED).collect())
    }
}

impl OffsetSummary {
    /// Parses the record of a [`minesegsat_scene::Radiometry`].
    pub fn from_record(radiometry: &serde_json::Value) -> Option<Self> {
        let decision = &radiometry["decision"];
        Some(Self {
            removed: decision["removes_offset"].as_bool()?,
            is_doubtful: decision["confidence"] == "low",
            statement: decision["statement"].as_str().unwrap_or_default().to_owned(),
        })
    }
}
