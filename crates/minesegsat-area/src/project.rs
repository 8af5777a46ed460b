//! The folder of a project: its plan, its units and their records.
//!
//! ```text
//! PROJECT/plan.json                       what was asked: area, periods, model, catalogue, tiles, units
//! PROJECT/units.parquet                   one row per unit: the plan and the records, for people and programs
//! PROJECT/units/<unit>/items.json         scenes of the unit, best first
//! PROJECT/units/<unit>/record.json        what the last worker did
//! PROJECT/units/<unit>/probability.tif    its map; NaN where no scene shows the ground
//! PROJECT/units/<unit>/scene.tif          which of its scenes a pixel comes from, from 1; 0 where none shows the ground
//! PROJECT/backoff/<server>.json           how long workers must not ask a server, if one was asked to wait
//! ```
//! Many workers write to a project at the same time. So the record of a unit is a file of its own, which only the worker with the
//! unit's lock replaces. `units.parquet` is made from these files; nothing is read from it.

use std::path::{Path, PathBuf};

use fs_err as fs;
use geo::{Geometry, MultiPolygon};
use minesegsat_core::output::{FolderLock, OutputFolder, atomic_write};
use minesegsat_core::uncertainty::AreaErrorModel;
use minesegsat_core::{Crs, Error, GeoTransform, Grid, Result};
use minesegsat_io::Location;
use minesegsat_scene::catalog::{Item, SearchArea, read_items};
use minesegsat_vector::vector::{ColumnType, FeatureLayer, LayerFormat, ShapeType, ToLonLat, Value, write_lon_lat};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::period::Period;

/// Version of the plan's form.
const VERSION: u32 = 1;
const PLAN: &str = "plan.json";
const ITEMS: &str = "items.json";
const RECORD: &str = "record.json";
/// Map of a unit in its folder.
pub const PROBABILITY: &str = "probability.tif";
/// Folder of the pauses that servers asked for.
pub(crate) const BACKOFF: &str = "backoff";
/// Table of all units.
pub const UNITS_TABLE: &str = "units.parquet";

/// A grid of the catalogue that scenes of every date share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tile {
    /// Name: that of the MGRS tile, else EPSG code and upper left corner.
    pub name: String,
    /// EPSG code of its CRS.
    pub epsg: u16,
    /// Upper left corner in the CRS.
    pub origin: [f64; 2],
    /// Side of a pixel of the finest band in the units of the CRS.
    pub pixel: f64,
    /// Width and height in pixels.
    pub size: [usize; 2],
}

impl Tile {
    /// The grid of its finest pixels.
    ///
    /// # Errors
    /// The EPSG code is unknown.
    pub fn grid(&self) -> Result<Grid> {
        let [x, y] = self.origin;
        Ok(Grid {
            crs: Crs::from_epsg(self.epsg)?,
            transform: GeoTransform::north_up(x, y, self.pixel),
            width: self.size[0],
            height: self.size[1],
        })
    }
}

/// A tile in a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Name of the tile and of the period, with a hyphen between: `10UFV-2024`.
    pub id: String,
    /// Index of the tile in [`Plan::tiles`].
    pub tile: usize,
    /// Index of the period in [`Plan::periods`].
    pub period: usize,
    /// Ids of its scenes, best first.
    pub scenes: Vec<String>,
    /// Estimated size of the pixels to read, in bytes.
    pub estimated_bytes: u64,
}

/// The model of a project. All units are mapped by the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedModel {
    /// Title of its card.
    pub title: String,
    /// SHA-256 of its weights.
    pub sha256: String,
    /// Probability threshold of the map, 0 to 1.
    pub threshold: f32,
    /// Error of areas.
    pub area_error: AreaErrorModel,
}

/// How scenes of a unit become one map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Composite {
    /// Each pixel is that of the first scene that shows it. Scenes are mapped until enough of the unit is seen.
    #[default]
    BestPixel,
    /// Each pixel has the median probability of all scenes that show it. All scenes are mapped.
    Median,
}

impl std::str::FromStr for Composite {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "best-pixel" => Ok(Self::BestPixel),
            "median" => Ok(Self::Median),
            _ => Err(Error::Argument {
                name: "composite",
                value: text.to_owned(),
                accepted: "best-pixel or median".to_owned(),
            }),
        }
    }
}

/// What was asked, and the units that follow from it. It does not change while the units are mapped.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this form.
    pub version: u32,
    /// The area in longitude and latitude, as a GeoJSON geometry.
    #[serde(
        serialize_with = "geojson::ser::serialize_geometry",
        deserialize_with = "geojson::de::deserialize_geometry"
    )]
    pub area: MultiPolygon<f64>,
    /// Why the file of the area is not the whole of its source, by its own words, if the user accepted that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area_incomplete: Option<String>,
    /// The periods in the order of time.
    pub periods: Vec<Period>,
    /// The model.
    pub model: PlannedModel,
    /// How scenes become one map.
    pub composite: Composite,
    /// Share of a unit that must be seen before no further scene is mapped, 0 to 1.
    pub min_seen: f64,
    /// Minimum area of a polygon in square metres.
    pub min_area_m2: f64,
    /// The catalogue, without its query.
    pub catalogue: String,
    /// The tiles, by name.
    pub tiles: Vec<Tile>,
    /// The units, by period and tile.
    pub units: Vec<Unit>,
    /// Units without a scene, by their ids.
    pub empty: Vec<String>,
    /// The part of the area that no tile covers, in hectares.
    pub uncovered_ha: f64,
}

/// State of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitState {
    /// No worker has begun, or the last one was stopped.
    #[default]
    Waiting,
    /// A worker maps it.
    Running,
    /// Mapped.
    Done,
    /// Failed for a reason that may pass, such as a server that does not answer.
    Failed,
    /// Failed, and another try would fail as well, such as with a damaged scene.
    Broken,
}

impl UnitState {
    /// All states, in the order of a unit's life.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Running, Self::Done, Self::Failed, Self::Broken];

    /// Name in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Broken => "broken",
        }
    }
}

/// What the last worker of a unit did.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitRecord {
    /// The state.
    pub state: UnitState,
    /// How often a worker has begun.
    pub tries: u32,
    /// Name of the last worker.
    pub worker: String,
    /// Duration of the last try in seconds.
    pub seconds: f64,
    /// Ids of the scenes in the map.
    pub scenes: Vec<String>,
    /// Share of the mapped pixels that were seen, 0 to 1.
    pub share_seen: f64,
    /// Mean probability of the pixels that were seen. `None` if none was seen.
    pub mean_probability: Option<f64>,
    /// SHA-256 of `probability.tif`.
    pub sha256: String,
    /// Why the last try failed.
    pub error: Option<String>,
    /// Warnings of the maps.
    pub warnings: Vec<String>,
}

/// A project on disk.
#[derive(Debug, Clone)]
pub struct Project {
    folder: PathBuf,
    /// What was asked.
    pub plan: Plan,
}

impl Project {
    /// Writes a new project. `items` are the scenes of each unit.
    ///
    /// # Errors
    /// The folder holds a project already, another run writes one, or the folder cannot be written.
    pub fn create(folder: &Path, plan: Plan, items: &[Vec<Item>]) -> Result<Self> {
        let path = folder.join(PLAN);
        let _lock = FolderLock::acquire(folder)?;
        if path.exists() {
            return Err(Error::OutputExists { path });
        }
        for (unit, items) in plan.units.iter().zip(items) {
            let home = folder.join("units").join(&unit.id);
            // The map of an earlier project may be that of another model.
            if home.join(RECORD).exists() {
                return Err(Error::OutputExists { path: home.join(RECORD) });
            }
            fs::create_dir_all(&home)?;
            let values: Vec<_> = items.iter().map(Item::to_value).collect();
            let text = serde_json::json!({ "type": "FeatureCollection", "features": values }).to_string();
            atomic_write(&home.join(ITEMS), text.as_bytes())?;
        }
        let project = Self { folder: folder.to_owned(), plan };
        let text = serde_json::to_string_pretty(&project.plan).map_err(std::io::Error::from)?;
        // The plan comes last: a folder with a plan is complete.
        atomic_write(&path, (text + "\n").as_bytes())?;
        project.write_table()?;
        Ok(project)
    }

    /// Opens a project.
    ///
    /// # Errors
    /// There is no plan in the folder, or it cannot be read.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(PLAN);
        if !path.is_file() {
            let reason = "there is no plan.json in it; `area plan` makes a project";
            return Err(Error::input(folder.display().to_string(), reason));
        }
        let text = fs::read_to_string(&path)?;
        let fail = |reason: String| Error::input(path.display().to_string(), reason);
        let plan: Plan = serde_json::from_str(&text).map_err(|error| fail(String::new()).caused_by(error))?;
        if plan.version != VERSION {
            return Err(fail(format!("it has version {}; this program reads version {VERSION}", plan.version)));
        }
        let in_range = |unit: &Unit| unit.tile < plan.tiles.len() && unit.period < plan.periods.len();
        let is_plain = |id: &str| !id.is_empty() && !id.contains(['/', '\\']) && !id.starts_with('.');
        if let Some(wrong) = plan.units.iter().find(|unit| !in_range(unit) || !is_plain(&unit.id)) {
            return Err(fail(format!("unit `{}` names no tile or period of the plan", wrong.id)));
        }
        Ok(Self { folder: folder.to_owned(), plan })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of a unit.
    pub fn unit_folder(&self, unit: &Unit) -> PathBuf {
        self.folder.join("units").join(&unit.id)
    }

    /// Tile of a unit.
    pub fn tile(&self, unit: &Unit) -> &Tile {
        &self.plan.tiles[unit.tile]
    }

    /// Scenes of a unit, best first.
    ///
    /// # Errors
    /// Their file cannot be read.
    pub fn items(&self, unit: &Unit) -> Result<Vec<Item>> {
        read_items(self.unit_folder(unit).join(ITEMS).as_os_str())
    }

    /// Record of a unit. A unit without a record is waiting, one whose record is damaged is broken, and one that is done but
    /// has lost its map is waiting again.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn record(&self, unit: &Unit) -> Result<UnitRecord> {
        let path = self.unit_folder(unit).join(RECORD);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(UnitRecord::default()),
            Err(error) => return Err(error.into()),
        };
        let mut record: UnitRecord = serde_json::from_str(&text).unwrap_or_else(|error| UnitRecord {
            state: UnitState::Broken,
            error: Some(format!("{} is damaged: {error}", path.display())),
            ..UnitRecord::default()
        });
        if record.state == UnitState::Done && !self.unit_folder(unit).join(PROBABILITY).is_file() {
            record.state = UnitState::Waiting;
        }
        Ok(record)
    }

    /// SHA-256 of the names and hashes of the maps of a period.
    ///
    /// # Errors
    /// A record cannot be read.
    pub(crate) fn maps_sha256(&self, period: usize) -> Result<String> {
        let mut digest = Sha256::new();
        for unit in self.plan.units.iter().filter(|unit| unit.period == period) {
            let record = self.record(unit)?;
            if record.state == UnitState::Done {
                digest.update(format!("{} {}\n", unit.id, record.sha256));
            }
        }
        Ok(minesegsat_core::hex::encode(&digest.finalize()))
    }

    /// Replaces the record of a unit. Only the worker with the unit's lock may do so.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn write_record(&self, unit: &Unit, record: &UnitRecord) -> Result<()> {
        let text = serde_json::to_string_pretty(record).map_err(std::io::Error::from)?;
        atomic_write(&self.unit_folder(unit).join(RECORD), (text + "\n").as_bytes())
    }

    /// The area as it is searched.
    ///
    /// # Errors
    /// The plan's area has no polygon.
    pub fn search_area(&self) -> Result<SearchArea> {
        SearchArea::from_polygons(&self.plan.area, &Crs::WGS84)
    }

    /// Location of a file of a unit.
    pub fn location(&self, unit: &Unit, name: &str) -> Location {
        Location::from(self.unit_folder(unit).join(name).as_path())
    }

    /// Writes `units.parquet`, with the outline of the tile of each unit.
    ///
    /// # Errors
    /// A record cannot be read, or the table cannot be written.
    pub fn write_table(&self) -> Result<()> {
        let mut outlines: Vec<MultiPolygon<f64>> = Vec::with_capacity(self.plan.tiles.len());
        for tile in &self.plan.tiles {
            let grid = tile.grid()?;
            let [min_x, min_y, max_x, max_y] = grid.bounds();
            let outline = geo::Rect::new((min_x, min_y), (max_x, max_y)).to_polygon();
            outlines.push(ToLonLat::new(&grid.crs)?.run(&outline.into())?);
        }
        let mut features = Vec::with_capacity(self.plan.units.len());
        for unit in &self.plan.units {
            let record = self.record(unit)?;
            let is_done = record.state == UnitState::Done;
            let real = |value: f64| if is_done { Value::Real(value) } else { Value::Null };
            let optional = |text: &str| if text.is_empty() { Value::Null } else { Value::Text(text.to_owned()) };
            let period = &self.plan.periods[unit.period];
            features.push((
                Geometry::MultiPolygon(outlines[unit.tile].clone()),
                vec![
                    Value::Text(unit.id.clone()),
                    Value::Text(self.tile(unit).name.clone()),
                    Value::Text(period.name.clone()),
                    Value::Date(period.first),
                    Value::Date(period.last),
                    Value::Text(unit.scenes.join(" ")),
                    Value::Integer(unit.estimated_bytes as i64),
                    Value::Text(record.state.name().to_owned()),
                    Value::Integer(i64::from(record.tries)),
                    optional(&record.worker),
                    Value::Real(record.seconds),
                    optional(&record.scenes.join(" ")),
                    real(record.share_seen),
                    optional(&record.sha256),
                    optional(record.error.as_deref().unwrap_or_default()),
                ],
            ));
        }
        let layer = FeatureLayer {
            name: "units",
            title: "Units of a large area".to_owned(),
            description: "A unit is a tile in a period.".to_owned(),
            datetime: None,
            metadata: serde_json::json!({ "model": self.plan.model.title, "catalogue": self.plan.catalogue })
                .to_string(),
            shape: ShapeType::MultiPolygon,
            columns: vec![
                ("id", ColumnType::Text),
                ("tile", ColumnType::Text),
                ("period", ColumnType::Text),
                ("first_day", ColumnType::Date),
                ("last_day", ColumnType::Date),
                ("items", ColumnType::Text),
                ("estimated_bytes", ColumnType::Integer),
                ("state", ColumnType::Text),
                ("tries", ColumnType::Integer),
                ("worker", ColumnType::OptionalText),
                ("seconds", ColumnType::Real),
                ("scenes", ColumnType::OptionalText),
                ("share_seen", ColumnType::OptionalReal),
                ("sha256", ColumnType::OptionalText),
                ("error", ColumnType::OptionalText),
            ],
            choices: Vec::new(),
            style: None,
            features,
        };
        let output = OutputFolder::create(&self.folder, &[UNITS_TABLE], true)?;
        write_lon_lat(&output.path(UNITS_TABLE), LayerFormat::GeoParquet, &layer)?;
        output.commit()
    }
}
