//! Files of a summary.

use std::ffi::OsStr;
use std::path::Path;

use geo::{Geometry, MultiPolygon};
use minesegsat_core::{Crs, Error, Result};
use minesegsat_page::words::Locale;
use minesegsat_vector::vector::{ColumnType, FeatureLayer, ShapeType, Value, write_layers};

use super::{ALL_ZONES, ZoneRow, ZoneSummary, page};

/// Format of a file of a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryFormat {
    /// A table.
    Csv,
    /// For programs.
    Json,
    /// Zones with their outlines: a row for each zone and period.
    GeoPackage,
    /// A page with a map.
    Html,
}

impl SummaryFormat {
    /// The format of a file, by its extension.
    ///
    /// # Errors
    /// The extension is that of no format.
    pub fn of_path(path: &Path) -> Result<Self> {
        let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
        match extension.as_str() {
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            "gpkg" => Ok(Self::GeoPackage),
            "html" => Ok(Self::Html),
            _ => Err(Error::Argument {
                name: "output",
                value: path.display().to_string(),
                accepted: "a name that ends with .csv, .json, .gpkg or .html".to_owned(),
            }),
        }
    }
}

impl ZoneSummary {
    /// The rows as CSV.
    ///
    /// # Errors
    /// A value cannot be written as text.
    pub fn to_csv(&self) -> Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in &self.rows {
            writer.serialize(row).map_err(|error| Error::Io(error.into()))?;
        }
        let bytes = writer.into_inner().map_err(|error| Error::Io(error.into_error()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Writes a file to exactly this path. Replaces an existing file. The same summary gives the same bytes. A page has the words and
    /// numbers of `locale`. The other formats are the same in all languages.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path, format: SummaryFormat, locale: impl Into<Locale>) -> Result<()> {
        match format {
            SummaryFormat::Csv => Ok(fs_err::write(path, self.to_csv()?)?),
            SummaryFormat::Json => {
                let text = serde_json::to_string_pretty(self).map_err(std::io::Error::from)?;
                Ok(fs_err::write(path, text + "\n")?)
            }
            SummaryFormat::GeoPackage => write_layers(path, &Crs::WGS84, &self.layers()),
            SummaryFormat::Html => Ok(fs_err::write(path, page::page(self, locale.into()))?),
        }
    }

    /// Rows with the outline of their zone.
    pub(super) fn with_outlines(&self) -> impl Iterator<Item = (&ZoneRow, &MultiPolygon<f64>)> {
        let periods = self.periods.len().max(1);
        self.rows.iter().enumerate().map(move |(at, row)| (row, &self.outlines[at / periods]))
    }

    /// The layer of zones, and that of all zones together.
    fn layers(&self) -> Vec<FeatureLayer> {
        let has_permits = self.has_permits();
        let columns = columns(has_permits);
        let layer = |name: &'static str, title: &str, is_all: bool| FeatureLayer {
            name,
            title: title.to_owned(),
            description: format!(
                "Hectares of mining-disturbed land by zone and period, found by the model {}. Intervals have a level of {:.0} %.",
                self.model, self.level_percent
            ),
            datetime: None,
            metadata: serde_json::json!({ "model": self.model, "level_percent": self.level_percent }).to_string(),
            shape: ShapeType::MultiPolygon,
            columns: columns.clone(),
            choices: Vec::new(),
            style: None,
            features: self
                .with_outlines()
                .enumerate()
                .filter(|(_, (row, _))| (row.zone == ALL_ZONES) == is_all)
                .map(|(at, (row, outline))| {
                    let period = &self.periods[at % self.periods.len()];
                    let mut values = vec![
                        Value::Text(row.zone.clone()),
                        Value::Text(row.name.clone()),
                        Value::Text(row.period.clone()),
                        Value::Date(period.first),
                        Value::Date(period.last),
                    ];
                    values.extend(numbers(row, has_permits));
                    (Geometry::MultiPolygon(outline.clone()), values)
                })
                .collect(),
        };
        vec![layer("zones", "Disturbed land by zone", false), layer("all_zones", "Disturbed land in all zones", true)]
    }
}

fn columns(has_permits: bool) -> Vec<(&'static str, ColumnType)> {
    let mut columns = vec![
        ("zone", ColumnType::Text),
        ("name", ColumnType::Text),
        ("period", ColumnType::Text),
        ("first_day", ColumnType::Date),
        ("last_day", ColumnType::Date),
        ("zone_ha", ColumnType::Real),
        ("area_ha", ColumnType::Real),
        ("seen_ha", ColumnType::Real),
        ("missing_ha", ColumnType::Real),
        ("mapped_ha", ColumnType::Real),
        ("polygons", ColumnType::Integer),
        ("estimated_ha", ColumnType::Real),
        ("estimated_lower_ha", ColumnType::Real),
        ("estimated_upper_ha", ColumnType::Real),
        ("assumed_ha", ColumnType::Real),
        ("disturbed_ha", ColumnType::Real),
        ("disturbed_lower_ha", ColumnType::Real),
        ("disturbed_upper_ha", ColumnType::Real),
        ("compared_ha", ColumnType::OptionalReal),
        ("gain_ha", ColumnType::OptionalReal),
        ("loss_ha", ColumnType::OptionalReal),
    ];
    if has_permits {
        columns.extend([
            ("permits", ColumnType::Integer),
            ("permitted_ha", ColumnType::Real),
            ("outside_permit_ha", ColumnType::Real),
        ]);
    }
    columns
}

/// Values of the columns from `zone_ha` on.
fn numbers(row: &ZoneRow, has_permits: bool) -> Vec<Value> {
    let real = |value: Option<f64>| value.map_or(Value::Null, Value::Real);
    let mut values = vec![
        Value::Real(row.zone_ha),
        Value::Real(row.area_ha),
        Value::Real(row.seen_ha),
        Value::Real(row.missing_ha),
        Value::Real(row.mapped_ha),
        Value::Integer(row.polygons as i64),
        Value::Real(row.estimated_ha),
        Value::Real(row.estimated_lower_ha),
        Value::Real(row.estimated_upper_ha),
        Value::Real(row.assumed_ha),
        Value::Real(row.disturbed_ha),
        Value::Real(row.disturbed_lower_ha),
        Value::Real(row.disturbed_upper_ha),
        real(row.compared_ha),
        real(row.gain_ha),
        real(row.loss_ha),
    ];
    if has_permits {
        values.push(Value::Integer(row.permits.unwrap_or_default() as i64));
        values.push(Value::Real(row.permitted_ha.unwrap_or_default()));
        values.push(Value::Real(row.outside_permit_ha.unwrap_or_default()));
    }
    values
}

#[cfg(test)]
mod tests {
    use minesegsat_core::uncertainty::AreaErrorModel;

    use super::super::ZoneLand;
    use super::*;

    #[test]
    fn the_extension_names_the_format() {
        let of = |name: &str| SummaryFormat::of_path(Path::new(name));
        assert_eq!(of("a/zones.CSV").unwrap(), SummaryFormat::Csv);
        assert_eq!(of("zones.gpkg").unwrap(), SummaryFormat::GeoPackage);
        for name in ["zones.xlsx", "zones", ".html"] {
            let error = of(name).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(".csv, .json, .gpkg or .html"), "{error}");
        }
    }

    #[test]
    fn each_column_has_a_value() {
        for has_permits in [false, true] {
            let row = super::super::row(&ZoneLand::default(), &AreaErrorModel::default());
            // Five columns name the zone and the period.
            assert_eq!(columns(has_permits).len(), numbers(&row, has_permits).len() + 5);
        }
    }
}
