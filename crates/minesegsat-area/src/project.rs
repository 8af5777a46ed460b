//! The files of a project: its plan, its units and their records, in a folder or an object store ([`Store`]).
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
//!
//! An object store has no locks. There a unit has a record when it is mapped or has failed, and the first record of a mapped unit
//! stays. All files are asked for by their names, which follow from the plan.

use geo::{Geometry, MultiPolygon};
use minesegsat_core::output::{FolderLock, OutputFolder};
use minesegsat_core::uncertainty::AreaErrorModel;
use minesegsat_core::{Crs, Error, GeoTransform, Grid, Result};
use minesegsat_scene::catalog::{Item, SearchArea, read_items};
use minesegsat_scene::manifest::OutputRecord;
use minesegsat_vector::vector::{ColumnType, FeatureLayer, LayerFormat, ShapeType, ToLonLat, Value, write_lon_lat};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::period::Period;
use crate::store::{LocalFile, LocalFolder, Store};

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
/// Units whose scenes are written at a time.
const UNITS_AT_ONCE: usize = 64;

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

/// A project in its store.
#[derive(Debug, Clone)]
pub struct Project {
    store: Store,
    /// What was asked.
    pub plan: Plan,
}

/// Name of a file of a unit in the store.
fn unit_file(unit: &Unit, name: &str) -> String {
    format!("units/{}/{name}", unit.id)
}

fn unit_files(units: &[&Unit], name: &str) -> Vec<String> {
    units.iter().map(|unit| unit_file(unit, name)).collect()
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    let text = serde_json::to_string_pretty(value).map_err(std::io::Error::from)?;
    Ok((text + "\n").into_bytes())
}

impl Project {
    /// Writes a new project. `items` are the scenes of each unit.
    ///
    /// # Errors
    /// The store holds a project already, another run writes one, or the store cannot be written.
    pub fn create(store: impl Into<Store>, plan: Plan, items: &[Vec<Item>]) -> Result<Self> {
        let store = store.into();
        let _lock = match &store {
            Store::Folder(folder) => Some(FolderLock::acquire(folder)?),
            Store::Objects(_) => None,
        };
        if store.exists(PLAN)? {
            return Err(Error::OutputExists { path: store.path_of(PLAN) });
        }
        // The map of an earlier project may be that of another model.
        let records = unit_files(&plan.units.iter().collect::<Vec<_>>(), RECORD);
        if let Some(at) = store.exist(&records)?.iter().position(|&exists| exists) {
            return Err(Error::OutputExists { path: store.path_of(&records[at]) });
        }
        for (units, items) in plan.units.chunks(UNITS_AT_ONCE).zip(items.chunks(UNITS_AT_ONCE)) {
            let file = |(unit, items): (&Unit, &Vec<Item>)| {
                let values: Vec<_> = items.iter().map(Item::to_value).collect();
                let text = serde_json::json!({ "type": "FeatureCollection", "features": values }).to_string();
                (unit_file(unit, ITEMS), text.into_bytes())
            };
            store.write_all(units.iter().zip(items).map(file).collect())?;
        }
        let project = Self { store, plan };
        // The plan comes last: a store with a plan is complete.
        project.store.create(PLAN, json(&project.plan)?)?;
        project.write_table()?;
        Ok(project)
    }

    /// Opens a project.
    ///
    /// # Errors
    /// There is no plan in the store, or it cannot be read.
    pub fn open(store: impl Into<Store>) -> Result<Self> {
        let store = store.into();
        let Some(text) = store.read(PLAN)? else {
            let reason = "there is no plan.json in it; `area plan` makes a project";
            return Err(Error::input(store.to_string(), reason));
        };
        let fail = |reason: String| Error::input(store.path_of(PLAN).display().to_string(), reason);
        let plan: Plan = serde_json::from_slice(&text).map_err(|error| fail(String::new()).caused_by(error))?;
        if plan.version != VERSION {
            return Err(fail(format!("it has version {}; this program reads version {VERSION}", plan.version)));
        }
        let in_range = |unit: &Unit| unit.tile < plan.tiles.len() && unit.period < plan.periods.len();
        let is_plain = |id: &str| !id.is_empty() && !id.contains(['/', '\\']) && !id.starts_with('.');
        if let Some(wrong) = plan.units.iter().find(|unit| !in_range(unit) || !is_plain(&unit.id)) {
            return Err(fail(format!("unit `{}` names no tile or period of the plan", wrong.id)));
        }
        Ok(Self { store, plan })
    }

    /// Where its files are.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The store of the files of a unit.
    pub(crate) fn unit_store(&self, unit: &Unit) -> Store {
        self.store.join("units").join(&unit.id)
    }

    /// Tile of a unit.
    pub fn tile(&self, unit: &Unit) -> &Tile {
        &self.plan.tiles[unit.tile]
    }

    /// Scenes of a unit, best first.
    ///
    /// # Errors
    /// Their file cannot be read, or is that of another plan.
    pub fn items(&self, unit: &Unit) -> Result<Vec<Item>> {
        let name = unit_file(unit, ITEMS);
        let file = self.store.bring(&name)?;
        let items = read_items(file.path.as_os_str())?;
        // Without locks two plans may have been written at the same time.
        let is_planned = || items.iter().map(Item::id).eq(unit.scenes.iter().map(String::as_str));
        if matches!(self.store, Store::Objects(_)) && !is_planned() {
            let reason = "its scenes are not those of the plan; plan again into an empty folder";
            return Err(Error::input(self.store.path_of(&name).display().to_string(), reason));
        }
        Ok(items)
    }

    /// Record of a unit. A unit without a record is waiting, one whose record is damaged is broken, and one that is done but
    /// has lost its map is waiting again.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn record(&self, unit: &Unit) -> Result<UnitRecord> {
        Ok(self.records_of(&[unit])?.pop().unwrap_or_default())
    }

    /// Records of all units, in the order of the plan, as [`Project::record`] reads them.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn records(&self) -> Result<Vec<UnitRecord>> {
        self.records_of(&self.plan.units.iter().collect::<Vec<_>>())
    }

    fn records_of(&self, units: &[&Unit]) -> Result<Vec<UnitRecord>> {
        let names = unit_files(units, RECORD);
        let parse = |(name, bytes): (&String, Option<Vec<u8>>)| {
            let Some(bytes) = bytes else { return UnitRecord::default() };
            serde_json::from_slice(&bytes).unwrap_or_else(|error| UnitRecord {
                state: UnitState::Broken,
                error: Some(format!("{} is damaged: {error}", self.store.path_of(name).display())),
                ..UnitRecord::default()
            })
        };
        let mut records: Vec<UnitRecord> = names.iter().zip(self.store.read_all(&names)?).map(parse).collect();
        let done: Vec<usize> = (0..units.len()).filter(|&at| records[at].state == UnitState::Done).collect();
        let maps = unit_files(&done.iter().map(|&at| units[at]).collect::<Vec<_>>(), PROBABILITY);
        for (at, exists) in done.into_iter().zip(self.store.exist(&maps)?) {
            if !exists {
                records[at].state = UnitState::Waiting;
            }
        }
        Ok(records)
    }

    /// SHA-256 of the names and hashes of the maps of a period.
    ///
    /// # Errors
    /// A record cannot be read.
    pub(crate) fn maps_sha256(&self, period: usize) -> Result<String> {
        let mut digest = Sha256::new();
        let units: Vec<&Unit> = self.plan.units.iter().filter(|unit| unit.period == period).collect();
        for (unit, record) in units.iter().zip(self.records_of(&units)?) {
            if record.state == UnitState::Done {
                digest.update(format!("{} {}\n", unit.id, record.sha256));
            }
        }
        Ok(minesegsat_core::hex::encode(&digest.finalize()))
    }

    /// Replaces the record of a unit. In a folder, only the worker with the unit's lock may do so.
    ///
    /// In an object store any worker may. That a worker has begun is not recorded there, because the record would stay if the
    /// worker is killed. A record of the same map by another worker stays, and so does a record of a map if this worker failed. If two
    /// workers wrote different maps, the record is that of the map which is there.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn write_record(&self, unit: &Unit, record: &UnitRecord) -> Result<()> {
        let name = unit_file(unit, RECORD);
        let bytes = json(record)?;
        let Store::Objects(objects) = &self.store else { return self.store.write(&name, bytes) };
        if record.state == UnitState::Running || objects.create(&name, bytes.clone())? {
            return Ok(());
        }
        let theirs = self.record(unit)?;
        let stays = theirs.state == UnitState::Done
            && (record.state != UnitState::Done || theirs.sha256 == record.sha256 || {
                // Workers with other processors or versions may compute other last digits. The later upload replaced the earlier.
                let map = self.bring(unit, PROBABILITY)?;
                OutputRecord::from_file(PROBABILITY, &map.path)?.sha256 != record.sha256
            });
        if stays { Ok(()) } else { objects.write(&name, bytes) }
    }

    /// The area as it is searched.
    ///
    /// # Errors
    /// The plan's area has no polygon.
    pub fn search_area(&self) -> Result<SearchArea> {
        SearchArea::from_polygons(&self.plan.area, &Crs::WGS84)
    }

    /// Brings a file of a unit to this machine.
    pub(crate) fn bring(&self, unit: &Unit, name: &str) -> Result<LocalFile> {
        self.store.bring(&unit_file(unit, name))
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
        for (unit, record) in self.plan.units.iter().zip(self.records()?) {
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
        let folder = match &self.store {
            Store::Folder(folder) => LocalFolder::from(folder.as_path()),
            Store::Objects(_) => LocalFolder::temporary()?,
        };
        let output = OutputFolder::create(&folder.path, &[UNITS_TABLE], true)?;
        write_lon_lat(&output.path(UNITS_TABLE), LayerFormat::GeoParquet, &layer)?;
        output.commit()?;
        self.store.take(&folder, [UNITS_TABLE])
    }
}
