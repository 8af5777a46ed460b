//! The disturbed land of a site as a file: [`SiteLand`] is read from the register and the files of the observations, and written in a
//! [`LandFormat`].
//!
//! Each polygon is a connected piece of mapped pixels inside the site on one date, or of gain or loss since an earlier date. Its
//! attributes say what it is, how large it is, and what it was made from. All vector files are in longitude and latitude.
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod spreadsheet;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use geo::MultiPolygon;
use jiff::civil::Date;
use serde_json::json;

use minesegsat_core::{Crs, Error, Result, with_causes};
use minesegsat_map::land::{ChangedLand, LandPiece, changed_land, mapped_land};
use minesegsat_map::site::SiteArea;
use minesegsat_vector::vector::{
    ColumnType, FeatureLayer, LayerFormat, LayerStyle, ShapeType, ToLonLat, Value, write_lon_lat,
};
use minesegsat_watch::monitor::{area_of, files_folder};
use minesegsat_watch::register::table::{Cell, OBSERVATION_COLUMNS, csv_table, observation_row};
use minesegsat_watch::register::{Observation, Permit, Register, Site, SiteId};

/// Digits of the SHA-256 of a model in the attributes.
const SHORT_SHA256: usize = 12;
/// Folders of an observation with comparisons, the preferred one first.
const CHANGES: [&str; 2] = ["change", "change-since-baseline"];

/// Format of a file with the disturbed land of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LandFormat {
    /// Polygons as a GeoPackage, with a style for QGIS.
    GeoPackage,
    /// Polygons as GeoJSON.
    GeoJson,
    /// Polygons as a Shapefile in a zip archive.
    Shapefile,
    /// Polygons as KML.
    Kml,
    /// Table of the observations.
    Csv,
    /// Excel workbook with the sheets `observations`, `permits` and `land`.
    Xlsx,
}

impl LandFormat {
    /// All formats.
    pub const ALL: [Self; 6] = [Self::GeoPackage, Self::GeoJson, Self::Shapefile, Self::Kml, Self::Csv, Self::Xlsx];

    /// Name of the format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GeoPackage => "gpkg",
            Self::GeoJson => "geojson",
            Self::Shapefile => "shp",
            Self::Kml => "kml",
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    /// File name extension.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Shapefile => "zip",
            other => other.name(),
        }
    }

    /// Media type of files.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::GeoPackage => "application/geopackage+sqlite3",
            Self::GeoJson => "application/geo+json",
            Self::Shapefile => "application/zip",
            Self::Kml => "application/vnd.google-earth.kml+xml",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// The format of a file by its extension.
    ///
    /// # Errors
    /// The extension is not one of a format.
    pub fn of_path(path: &Path) -> Result<Self> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let extension = extension.to_ascii_lowercase();
        let found = Self::ALL.into_iter().find(|format| format.extension() == extension);
        found.or((extension == "json").then_some(Self::GeoJson)).ok_or_else(|| {
            let accepted: Vec<String> = Self::ALL.iter().map(|format| format!(".{}", format.extension())).collect();
            Error::Argument {
                name: "output",
                value: path.display().to_string(),
                accepted: format!("a name that ends in {} (.zip is a Shapefile)", accepted.join(", ")),
            }
        })
    }

    /// The format of polygon files. `None` for tables.
    const fn of_polygons(self) -> Option<LayerFormat> {
        match self {
            Self::GeoPackage => Some(LayerFormat::GeoPackage),
            Self::GeoJson => Some(LayerFormat::GeoJson),
            Self::Shapefile => Some(LayerFormat::Shapefile),
            Self::Kml => Some(LayerFormat::Kml),
            Self::Csv | Self::Xlsx => None,
        }
    }
}

impl fmt::Display for LandFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for LandFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| Error::Argument {
            name: "format",
            value: text.to_owned(),
            accepted: Self::ALL.map(Self::name).join(", "),
        })
    }
}

/// What a polygon shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Disturbed,
    Gain,
    Loss,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Disturbed => "disturbed",
            Self::Gain => "gain",
            Self::Loss => "loss",
        }
    }
}

/// Pieces of land of one kind on one date.
#[derive(Debug, Clone)]
struct Land {
    /// Index of the observation.
    observation: usize,
    kind: Kind,
    /// The earlier date of gain and loss.
    since: Option<Date>,
    above_noise: Option<bool>,
    threshold: Option<f32>,
    model_title: String,
    /// Outlines in longitude and latitude, with their hectares.
    pieces: Vec<(MultiPolygon<f64>, f64)>,
}

/// A site with its permits, its observations, and the outlines of its disturbed land.
#[derive(Debug, Clone)]
pub struct SiteLand {
    site: Site,
    permits: Vec<Permit>,
    observations: Vec<Observation>,
    land: Vec<Land>,
    /// Number of observations whose map was read.
    maps: usize,
    /// What could not be read, as sentences.
    left_out: Vec<String>,
}

impl SiteLand {
    /// Reads a site and the files of its observations. Files that are missing or damaged are left out ([`SiteLand::left_out`]).
    ///
    /// # Errors
    /// The register has no such site, or cannot be read.
    pub fn read(register: &Register, id: &SiteId) -> Result<Self> {
        let site = register.known_site(id)?;
        let (permits, observations) = (register.read_permits(id)?, register.read_observations(id)?);
        let damaged = permits.damaged.iter().chain(&observations.damaged);
        let left_out: Vec<String> = damaged.map(|row| format!("in the register, {row}")).collect();
        for row in &left_out {
            tracing::warn!("{row}");
        }
        let mut found =
            Self { left_out, permits: permits.rows, observations: observations.rows, land: Vec::new(), maps: 0, site };
        let place = area_of(&found.site);
        let files = files_folder(register.path()).join(id.as_str());
        for number in 0..found.observations.len() {
            found.read_observation(number, &place, &files);
        }
        Ok(found)
    }

    /// Adds the land of an observation.
    fn read_observation(&mut self, number: usize, place: &SiteArea, files: &Path) {
        let observation = &self.observations[number];
        let (name, compared_with) = (observation.name(), observation.compared_with);
        let folder = files.join(&name);
        let mapped = mapped_land(&folder.join("map"), place).and_then(|found| {
            Ok(Land {
                observation: number,
                kind: Kind::Disturbed,
                since: None,
                above_noise: None,
                threshold: Some(found.threshold),
                model_title: found.model_title,
                pieces: in_lon_lat(&found.crs, &found.pieces)?,
            })
        });
        let model_title = match mapped {
            Ok(land) => {
                let title = land.model_title.clone();
                self.land.push(land);
                self.maps += 1;
                title
            }
            Err(error) => {
                self.leave_out(format!("the map of observation `{name}`, with its change,"), &with_causes(&error));
                return;
            }
        };
        let change = CHANGES.iter().map(|change| folder.join(change)).find(|change| change.is_dir());
        let changed = match change {
            Some(folder) => changed_land(&folder, place).and_then(|found| change_of(number, &model_title, found)),
            None => Ok(Vec::new()),
        };
        match changed {
            Ok(land) if land.is_empty() && compared_with.is_some() => {
                self.leave_out(format!("the change of observation `{name}`"), &"its folder is missing");
            }
            Ok(land) => self.land.extend(land),
            Err(error) => self.leave_out(format!("the change of observation `{name}`"), &with_causes(&error)),
        }
    }

    /// Remembers what could not be read. The reason, which may name folders of this machine, goes to the log only.
    fn leave_out(&mut self, what: String, reason: &dyn fmt::Display) {
        tracing::warn!("{what} is left out: {reason}");
        self.left_out.push(format!("{what} is left out: its files are missing or cannot be read"));
    }

    /// What could not be read, as sentences. All files but CSV name it too, which has no land.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Number of polygons.
    pub fn polygons(&self) -> usize {
        self.land.iter().map(|land| land.pieces.len()).sum()
    }

    /// Why there is nothing to write in a format, as a sentence. `None` if there is something, which may be that no land is mapped.
    pub fn nothing(&self, format: LandFormat) -> Option<String> {
        let id = &self.site.id;
        if self.observations.is_empty() {
            return Some(format!("site `{id}` has no observations; `minesegsat monitor run` makes them"));
        }
        if format.of_polygons().is_some() && self.maps == 0 {
            return Some(format!("the maps of all observations of site `{id}` are missing or cannot be read"));
        }
        None
    }

    /// Writes a file to exactly this path. Replaces an existing file. The same land gives the same bytes.
    ///
    /// # Errors
    /// There is nothing to write ([`SiteLand::nothing`]), or the file cannot be written.
    pub fn write(&self, path: &Path, format: LandFormat) -> Result<()> {
        if let Some(reason) = self.nothing(format) {
            return Err(Error::input(format!("site {}", self.site.id), reason));
        }
        match format.of_polygons() {
            Some(format) => write_lon_lat(path, format, &self.layer()),
            None if format == LandFormat::Csv => Ok(fs_err::write(
                path,
                csv_table(&OBSERVATION_COLUMNS, self.observations.iter().map(observation_row))?,
            )?),
            None => spreadsheet::write(path, self),
        }
    }

    /// What the polygons are, and what is left out.
    fn description(&self) -> String {
        let dates = match self.maps {
            1 => "1 date".to_owned(),
            more => format!("{more} dates"),
        };
        let land = format!("Mapped disturbed land of the site {}, with gain and loss, on {dates}", self.site.id);
        std::iter::once(land).chain(self.left_out.iter().cloned()).map(|part| part + ".").collect::<Vec<_>>().join(" ")
    }

    /// The polygons as a layer. Names of columns that are cut at ten characters (Shapefile) stay different.
    fn layer(&self) -> FeatureLayer {
        let mut features = Vec::with_capacity(self.polygons());
        for land in &self.land {
            let observation = &self.observations[land.observation];
            let sha256: String = observation.model_sha256.chars().take(SHORT_SHA256).collect();
            for (outline, area_ha) in &land.pieces {
                let values = vec![
                    Value::Text(self.site.id.to_string()),
                    Value::Text(self.site.name.clone()),
                    Value::Text(observation.name()),
                    Value::Date(observation.date),
                    Value::Text(land.kind.name().to_owned()),
                    land.since.map_or(Value::Null, Value::Date),
                    Value::Real(*area_ha),
                    land.above_noise.map_or(Value::Null, Value::Boolean),
                    Value::Text(observation.verdict.name().to_owned()),
                    // As it is written in settings: 0.4 and not 0.4000000059604645.
                    land.threshold.map_or(Value::Null, |t| Value::Real((f64::from(t) * 1e6).round() / 1e6)),
                    Value::Text(land.model_title.clone()),
                    Value::Text(sha256.clone()),
                    Value::Text(observation.scenes.join(" ")),
                ];
                features.push((outline.clone().into(), values));
            }
        }
        FeatureLayer {
            name: "disturbed_land",
            title: format!("Disturbed land of {}", self.site.name),
            description: self.description(),
            datetime: self.observations.iter().map(|observation| observation.created).max(),
            metadata: json!({
                "site": self.site.id,
                "site_name": self.site.name,
                "observations": self.observations.len(),
                "left_out": self.left_out,
            })
            .to_string(),
            shape: ShapeType::MultiPolygon,
            columns: vec![
                ("site", ColumnType::Text),
                ("site_name", ColumnType::Text),
                ("observation", ColumnType::Text),
                ("date", ColumnType::Date),
                ("kind", ColumnType::Text),
                ("since", ColumnType::OptionalDate),
                ("area_ha", ColumnType::Real),
                ("above_noise", ColumnType::OptionalBoolean),
                ("verdict", ColumnType::Text),
                ("threshold", ColumnType::OptionalReal),
                ("model", ColumnType::Text),
                ("model_sha", ColumnType::Text),
                ("scenes", ColumnType::Text),
            ],
            choices: Vec::new(),
            style: Some(LayerStyle::land("kind")),
            features,
        }
    }

    /// Rows of the sheet `land`: hectares per date and kind.
    fn land_rows(&self) -> Vec<Vec<Cell>> {
        let row = |land: &Land| {
            let observation = &self.observations[land.observation];
            vec![
                Cell::Date(observation.date),
                Cell::text(observation.name()),
                Cell::text(land.kind.name()),
                Cell::day(land.since),
                Cell::Number(land.pieces.iter().map(|(_, ha)| ha).sum()),
                Cell::Number(land.pieces.len() as f64),
                land.above_noise.map_or(Cell::Empty, |is_above| Cell::text(if is_above { "yes" } else { "no" })),
                Cell::text(observation.verdict.name()),
            ]
        };
        self.land.iter().map(row).collect()
    }
}

/// Columns of [`SiteLand::land_rows`].
const LAND_COLUMNS: [&str; 8] =
    ["date", "observation", "kind", "since", "mapped_ha", "polygons", "above_noise", "verdict"];

/// Gain and loss of an observation.
fn change_of(observation: usize, model_title: &str, found: ChangedLand) -> Result<Vec<Land>> {
    let ChangedLand { crs, since, threshold, gain, loss, gain_above_noise, loss_above_noise } = found;
    let land = |kind, pieces: &[LandPiece], above_noise| -> Result<Land> {
        let pieces = in_lon_lat(&crs, pieces)?;
        Ok(Land { observation, kind, since, above_noise, threshold, model_title: model_title.to_owned(), pieces })
    };
    Ok(vec![land(Kind::Gain, &gain, gain_above_noise)?, land(Kind::Loss, &loss, loss_above_noise)?])
}

/// Pieces with their outlines in longitude and latitude.
fn in_lon_lat(crs: &Crs, pieces: &[LandPiece]) -> Result<Vec<(MultiPolygon<f64>, f64)>> {
    let to_lon_lat = ToLonLat::new(crs)?;
    pieces.iter().map(|piece| Ok((to_lon_lat.run(&piece.outline)?, piece.area_ha))).collect()
}
