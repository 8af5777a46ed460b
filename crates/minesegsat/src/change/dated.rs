//! The map of one date, as a folder of `predict` has it.

use std::path::Path;

use jiff::civil::Date;
use serde::Deserialize;

use crate::manifest::location_at;
use crate::uncertainty::AreaErrorModel;
use crate::{Crs, Error, Grid, Location, Pixels, Result, Scene, Transformer, open_raster, predict, read_json};

/// Days of the year that two dates may be apart before the season is warned of.
const SEASON_DAYS: i16 = 45;
/// Days of a year.
const YEAR: i16 = 365;

/// The map of one date.
#[derive(Debug, Clone)]
pub struct DatedMap {
    /// Name of the scene.
    pub name: String,
    /// Day of the scene.
    pub date: Option<Date>,
    /// Where the map lies.
    pub grid: Grid,
    /// `[H, W]`, NaN where not assessable.
    pub probability: Vec<f32>,
    /// Threshold that the map was made with.
    pub threshold: f32,
    /// SHA-256 of the model's weights.
    pub model_sha256: String,
    /// Name of the model.
    pub model_title: String,
    /// How sure areas of the model are.
    pub area_error: AreaErrorModel,
    /// What stable sites show, where the model's card says it.
    pub noise_floor: Option<super::NoiseFloor>,
    /// How the offset of the digital numbers was decided.
    pub offset: OffsetSummary,
    /// Processing level: `L1C` or `L2A`.
    pub level: Option<String>,
    /// The scene, where it could be opened again.
    pub scene: Option<Scene>,
    /// Ids of the scenes that it was made from.
    pub scene_ids: Vec<String>,
}

/// How the offset of a scene was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetSummary {
    /// Whether an offset was taken out of the digital numbers.
    pub removed: bool,
    /// Whether something spoke against it.
    pub is_doubtful: bool,
    /// The reason in words.
    pub statement: String,
}

/// What is read of `manifest.json`.
#[derive(Debug, Deserialize)]
struct Record {
    scene: SceneRecord,
    #[serde(default)]
    scene_location: Option<String>,
    radiometry: serde_json::Value,
    model: serde_json::Value,
    parameters: serde_json::Value,
}

#[derive(Debug, Deserialize)]
struct SceneRecord {
    name: String,
    date: Option<Date>,
    level: Option<String>,
}

impl DatedMap {
    /// Reads a folder that `predict` wrote. The scene is opened again where its record says and it is still there.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = predict::manifest_path(folder);
        if !path.is_file() {
            return Err(Error::Input {
                location: folder.display().to_string(),
                reason: "it has no manifest.json; accepted are folders that `minesegsat predict` wrote".to_owned(),
            });
        }
        let location = Location::from(path.as_path());
        let record: Record = serde_json::from_value(read_json(&location)?).map_err(|error| Error::Input {
            location: location.to_string(),
            reason: format!("it is not the record of a map: {error}"),
        })?;
        let raster = open_raster(&Location::from(folder.join("probability.tif").as_path()))?;
        let grid = raster.info().grid.clone();
        let Pixels::F32(probability) = raster.read(0, grid.full_window())? else {
            return Err(Error::raster(
                folder.join("probability.tif").display().to_string(),
                format!("it is of type {:?}; probabilities are F32", raster.info().data_type),
            ));
        };
        if let Some(wrong) = probability.iter().find(|p| !p.is_nan() && !(0.0..=1.0).contains(*p)) {
            return Err(Error::raster(
                folder.join("probability.tif").display().to_string(),
                format!("{wrong} is no probability; accepted are 0 to 1, and NaN where not assessable"),
            ));
        }
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let missing = |what: &str| Error::Input {
            location: location.to_string(),
            reason: format!("it does not say {what}; make the map again with this version"),
        };
        let threshold = record.parameters["threshold"].as_f64().ok_or_else(|| missing("the threshold"))? as f32;
        let offset = OffsetSummary::of(&record.radiometry)
            .ok_or_else(|| missing("how the offset of the digital numbers was decided"))?;
        let area_error = record.model.get("area_error").filter(|value| !value.is_null());
        let area_error = area_error.and_then(|value| serde_json::from_value(value.clone()).ok()).unwrap_or_default();
        let noise_floor = record.model.get("noise_floor").filter(|value| !value.is_null());
        let noise_floor = noise_floor.and_then(|value| serde_json::from_value(value.clone()).ok());
        let scene = record.scene_location.as_deref().map(|at| location_at(folder, at));
        let scene = scene.and_then(|at| Scene::open(&at, &crate::OpenOptions::default()).ok());
        Ok(Self {
            scene_ids: vec![record.scene.name.clone()],
            name: record.scene.name,
            date: record.scene.date,
            grid,
            probability,
            threshold,
            model_sha256: text(&record.model["weights_sha256"]),
            model_title: text(&record.model["title"]),
            area_error,
            noise_floor,
            offset,
            level: record.scene.level,
            scene,
        })
    }

    /// What a reader should know of a comparison with a later map; or an error where the two must not be compared.
    pub(super) fn check_against(&self, after: &Self) -> Result<Vec<String>> {
        let refuse = |reason: String| {
            Err(Error::Argument { name: "maps", value: format!("{} and {}", self.name, after.name), accepted: reason })
        };
        if let (Some(a), Some(b)) = (&self.level, &after.level)
            && a != b
        {
            return refuse(format!(
                "two scenes of one processing level; the first is {a}, the second {b}: what the air does to one and not to \
                 the other would be taken for change"
            ));
        }
        if self.offset.removed != after.offset.removed {
            // Both are reflectance, so nothing is left to bring together, if both decisions are sure.
            for map in [self, after] {
                if map.offset.is_doubtful {
                    return refuse(format!(
                        "scenes whose offset is sure: the decisions of the two differ, and that on {} is in doubt ({}); \
                         map it again with `--offset`",
                        map.name, map.offset.statement
                    ));
                }
            }
        }
        let mut warnings = Vec::new();
        if let (Some(a), Some(b)) = (self.date, after.date) {
            if a > b {
                return refuse(format!("the earlier date first; the first is of {a}, the second of {b}"));
            }
            let apart = (a.day_of_year() - b.day_of_year()).abs();
            let apart = apart.min(YEAR - apart);
            if apart > SEASON_DAYS {
                warnings.push(format!(
                    "the dates are {apart} days of the year apart: seasons differ, and snow, water and crops with them"
                ));
            }
        } else {
            warnings.push("the date of a scene is unknown: season and order were not checked".to_owned());
        }
        if self.model_sha256 != after.model_sha256 {
            warnings.push(format!(
                "the maps are of different models (`{}` and `{}`): some of the change is theirs",
                self.model_title, after.model_title
            ));
        }
        if (self.threshold - after.threshold).abs() > 1e-6 {
            warnings.push(format!(
                "the maps have different thresholds ({} and {}): that of the second is used",
                self.threshold, after.threshold
            ));
        }
        Ok(warnings)
    }

    /// Bounds in degrees, for messages.
    pub(super) fn place(&self) -> String {
        let found =
            Transformer::new(&self.grid.crs, &Crs::WGS84).and_then(|to| to.transform_bounds(self.grid.bounds()));
        found.map_or_else(|_| "an unknown place".to_owned(), |b| b.map(|v| format!("{v:.4}")).join(","))
    }
}

impl OffsetSummary {
    /// From the record of a [`crate::scene::Radiometry`].
    pub fn of(radiometry: &serde_json::Value) -> Option<Self> {
        let decision = &radiometry["decision"];
        Some(Self {
            removed: decision["removes_offset"].as_bool()?,
            is_doubtful: decision["confidence"] == "low",
            statement: decision["statement"].as_str().unwrap_or_default().to_owned(),
        })
    }
}
