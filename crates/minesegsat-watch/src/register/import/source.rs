//! Reads the rows of a file of any supported format.

use std::collections::HashMap;
use std::path::Path;

use geo::{Destination, Geodesic, LineString, MultiPolygon, Point, Polygon};
use serde_json::Value;

use super::fields::{FieldUse, plain};
use super::{ImportOptions, RowError};
use crate::register::SiteId;
use minesegsat_core::{Crs, Error, Result, Setting, Transformer};
use minesegsat_vector::delimited::Table;
use minesegsat_vector::labels::{Attributes, DroppedKind, LabelOptions, Repair, outline_of_wkt, read_with_attributes};
use minesegsat_vector::values::{DecimalMark, Numbers};

/// Maximum length of an edge, in metres, when outlines are transformed to longitude and latitude; longer edges are split.
const MAX_EDGE_M: f64 = 1000.0;

/// Corners of the polygon that approximates a circle. It has 0.04 % less area than the circle.
const CORNERS: usize = 128;

/// Content of a file.
#[derive(Debug)]
pub(super) struct Source {
    /// Names of the columns with attributes.
    pub(super) names: Vec<String>,
    /// Columns with positions and outlines.
    pub(super) shapes: Vec<FieldUse>,
    pub(super) rows: Vec<Row>,
    pub(super) read: usize,
    pub(super) filtered_out: usize,
    /// Warnings, as sentences.
    pub(super) warnings: Vec<String>,
    /// Name of the file without its extension.
    stem: String,
}

/// A row or feature of a file.
#[derive(Debug)]
pub(super) struct Row {
    /// Position in the file, such as `line 7` or `feature 12`.
    pub(super) place: String,
    /// Its number or id in the file.
    number: String,
    pub(super) attributes: Attributes,
    /// Its boundary in longitude and latitude, `None`, or what is wrong with it.
    pub(super) boundary: std::result::Result<Option<MultiPolygon<f64>>, RowError>,
    /// Repairs made to the boundary.
    pub(super) repairs: Vec<Repair>,
    /// The separate polygon of a permit.
    pub(super) permit_polygon: std::result::Result<Option<MultiPolygon<f64>>, RowError>,
}

impl Source {
    pub(super) fn read(path: &Path, options: &ImportOptions) -> Result<Self> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if ["csv", "tsv", "txt"].iter().any(|table| extension.eq_ignore_ascii_case(table)) {
            return Self::of_table(path, options);
        }
        Self::of_features(path, options)
    }

    /// Id for a row without id and name: the feature's id in the file, or the file's name with a number.
    pub(super) fn made_id(&self, row: &Row) -> Option<SiteId> {
        if row.number.parse::<u64>().is_err() {
            return SiteId::from_text(&row.number);
        }
        SiteId::from_text(&format!("{}-{}", self.stem, row.number))
    }

    fn of_features(path: &Path, options: &ImportOptions) -> Result<Self> {
        let label_options = LabelOptions {
            layer: options.layer.clone(),
            filter: options.filter.clone(),
            allow_incomplete: options.allow_incomplete,
            crs: options.crs.clone(),
            swap_axes: options.swap_axes,
            ..LabelOptions::default()
        };
        let (labels, attributes) = read_with_attributes(path, &label_options)?;
        let to_degrees = ToDegrees::new(labels.crs())?;
        let report = labels.report();
        // By position in the file: ids may be missing or repeated.
        let repairs: HashMap<usize, &[Repair]> =
            report.repaired.iter().map(|repaired| (repaired.place, repaired.repairs.as_slice())).collect();
        let mut uses: HashMap<&str, usize> = HashMap::new();
        for (id, _) in &attributes {
            *uses.entry(id).or_default() += 1;
        }
        let mut repeated: Vec<&str> = attributes.iter().map(|(id, _)| id.as_str()).filter(|id| uses[id] > 1).collect();
        repeated.sort_unstable();
        repeated.dedup();
        let name = |id: &str, place: usize| match uses.get(id) {
            Some(2..) => format!("feature {id} (number {} of the file)", place + 1),
            _ => format!("feature {id}"),
        };
        let mut rows: Vec<(usize, Row)> = Vec::with_capacity(labels.features().len());
        for feature in labels.features() {
            let row = Row {
                place: name(&feature.id, feature.place),
                number: feature.id.clone(),
                attributes: feature.attributes.clone(),
                boundary: to_degrees.run(&feature.geometry).map(Some).map_err(RowError::from),
                repairs: repairs.get(&feature.place).copied().unwrap_or_default().to_vec(),
                permit_polygon: Ok(None),
            };
            rows.push((feature.place, row));
        }
        // Points and lines are not sites; a warning counts them. Files with mines often contain plants and roads too.
        for dropped in report.dropped.iter().filter(|dropped| dropped.kind != DroppedKind::PointsOrLines) {
            let row = Row {
                place: name(&dropped.id, dropped.place),
                number: dropped.id.clone(),
                attributes: attributes.get(dropped.place).map(|(_, attributes)| attributes.clone()).unwrap_or_default(),
                boundary: match dropped.kind {
                    DroppedKind::NoGeometry => Ok(None),
                    _ => Err(format!("its boundary cannot be used: {}", dropped.reason).into()),
                },
                repairs: Vec::new(),
                permit_polygon: Ok(None),
            };
            rows.push((dropped.place, row));
        }
        rows.sort_by_key(|(place, _)| *place);
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        let mut warnings = report.warnings.clone();
        if !repeated.is_empty() {
            let shown: Vec<String> = repeated.iter().take(5).map(|id| format!("`{id}`")).collect();
            let more = if repeated.len() > 5 { " and others" } else { "" };
            warnings.push(format!("several features of the file have the same id: {}{more}", shown.join(", ")));
        }
        Ok(Self {
            names: labels.attribute_names().to_vec(),
            shapes: Vec::new(),
            rows,
            read: report.read,
            filtered_out: report.filtered_out,
            warnings,
            stem: stem(path),
        })
    }

    fn of_table(path: &Path, options: &ImportOptions) -> Result<Self> {
        let fail = |reason: String| Error::vector(path, reason);
        if options.layer.is_some() {
            return Err(fail("it is a table, which has no layers".to_owned()));
        }
        let table = Table::read(path)?;
        let filter = options.filter.as_ref().map(|filter| filter.resolve(&table.names)).transpose();
        let filter = filter.map_err(|name| {
            let all: Vec<String> = table.names.iter().map(|name| format!("`{name}`")).collect();
            fail(format!("has no column `{name}`, or several that differ in capitals; it has {}", all.join(", ")))
        })?;
        let shapes = Shapes::choose(&table.names);
        let to_degrees = ToDegrees::new(options.crs.as_ref().unwrap_or(&Crs::WGS84))?;
        let numbers = shapes.numbers(&table, options.decimal_mark);
        let read = table.rows.len();
        let mut rows = Vec::with_capacity(read);
        for row in table.rows {
            let is_shape = |place: usize| shapes.0.contains(&Some(place));
            let cells = row.cells.iter().enumerate().filter(|(place, _)| !is_shape(*place));
            let value = |cell: &String| if cell.trim().is_empty() { Value::Null } else { Value::from(cell.as_str()) };
            let attributes: Attributes = cells.map(|(place, cell)| (table.names[place].clone(), value(cell))).collect();
            let is_empty = row.cells.iter().all(|cell| cell.trim().is_empty());
            if is_empty || filter.as_ref().is_some_and(|filter| !filter.matches(&attributes)) {
                continue;
            }
            rows.push(Row {
                place: format!("line {}", row.line),
                number: row.line.to_string(),
                attributes,
                boundary: match row.problem {
                    Some(problem) => Err(problem.into()),
                    None => shapes.boundary(&row.cells, options.swap_axes, &to_degrees, &numbers),
                },
                repairs: Vec::new(),
                permit_polygon: shapes.permit(&row.cells, options.swap_axes, &to_degrees),
            });
        }
        if rows.is_empty() {
            return Err(fail(match &options.filter {
                Some(filter) if read > 0 => format!("none of its {read} rows matches the filter `{filter}`"),
                _ => "has no rows below its first line, which names the columns".to_owned(),
            }));
        }
        let uses = shapes.uses(&table.names);
        Ok(Self {
            names: table.names.into_iter().filter(|name| uses.iter().all(|shape| shape.column != *name)).collect(),
            shapes: uses,
            filtered_out: read - rows.len(),
            rows,
            read,
            warnings: Vec::new(),
            stem: stem(path),
        })
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Transforms outlines to longitude and latitude.
pub(in crate::register) struct ToDegrees {
    transformer: Option<Transformer>,
    max_edge: f64,
}

impl ToDegrees {
    pub(in crate::register) fn new(crs: &Crs) -> Result<Self> {
        let max_edge = crs.metres_per_unit().map_or(f64::INFINITY, |metres| MAX_EDGE_M / metres);
        let transformer = (*crs != Crs::WGS84).then(|| Transformer::new(crs, &Crs::WGS84)).transpose()?;
        Ok(Self { transformer, max_edge })
    }

    pub(in crate::register) fn run(
        &self,
        geometry: &MultiPolygon<f64>,
    ) -> std::result::Result<MultiPolygon<f64>, String> {
        let Some(transformer) = &self.transformer else { return Ok(geometry.clone()) };
        transformer.transform_densified(geometry, self.max_edge).map_err(|error| error.to_string())
    }
}

const WKT: usize = 0;
const PERMIT_WKT: usize = 1;
const LONGITUDE: usize = 2;
const LATITUDE: usize = 3;
const RADIUS_M: usize = 4;
const RADIUS_KM: usize = 5;

/// Columns of a table with positions or outlines.
struct Shapes([Option<usize>; 6]);

impl Shapes {
    fn choose(names: &[String]) -> Self {
        let names: Vec<String> = names.iter().map(|name| plain(name)).collect();
        let of = |common: &[&str]| common.iter().find_map(|common| names.iter().position(|name| name == common));
        Self([
            of(&["wkt", "geometry", "geom", "the_geom", "boundary", "geometrie", "geometria"]),
            of(&["permit_wkt", "permit_boundary"]),
            of(&["longitude", "lon", "lng", "long", "longitud"]),
            of(&["latitude", "lat", "latitud"]),
            of(&["radius_m", "rayon_m", "radio_m", "raio_m"]),
            of(&["radius_km", "rayon_km", "radio_km", "raio_km"]),
        ])
    }

    fn cell<'a>(&self, cells: &'a [String], shape: usize) -> Option<&'a str> {
        Some(cells[self.0[shape]?].trim()).filter(|text| !text.is_empty())
    }

    /// How the numbers of each column are written: their decimal mark.
    fn numbers(&self, table: &Table, stated: Option<DecimalMark>) -> [Numbers; 6] {
        self.0.map(|place| match (stated, place) {
            (Some(mark), _) => Numbers::with_mark(mark),
            (None, Some(place)) => Numbers::of(table.rows.iter().map(|row| row.cells[place].as_str())),
            (None, None) => Numbers::default(),
        })
    }

    /// The columns in use, by meaning.
    fn uses(&self, names: &[String]) -> Vec<FieldUse> {
        const MEANINGS: [&str; 6] =
            ["outline", "outline of the permit", "longitude", "latitude", "radius in m", "radius in km"];
        let used = self.0.iter().zip(MEANINGS);
        used.filter_map(|(place, field)| Some(FieldUse { field, column: names[(*place)?].clone(), guessed: true }))
            .collect()
    }

    fn number(
        &self,
        cells: &[String],
        shape: usize,
        name: &str,
        numbers: &[Numbers; 6],
    ) -> std::result::Result<Option<f64>, String> {
        let Some(text) = self.cell(cells, shape) else { return Ok(None) };
        let is_in_degrees = shape == LONGITUDE || shape == LATITUDE;
        let parsed = if is_in_degrees { Numbers::parse_degrees(text) } else { numbers[shape].parse(text) };
        parsed.map(Some).map_err(|reason| format!("its {name} {reason}"))
    }

    fn boundary(
        &self,
        cells: &[String],
        swap_axes: bool,
        to_degrees: &ToDegrees,
        numbers: &[Numbers; 6],
    ) -> std::result::Result<Option<MultiPolygon<f64>>, RowError> {
        if let Some(text) = self.cell(cells, WKT) {
            return polygons(text, swap_axes, to_degrees).map(Some);
        }
        let longitude = self.number(cells, LONGITUDE, "longitude", numbers)?;
        let latitude = self.number(cells, LATITUDE, "latitude", numbers)?;
        let radius_km = self.number(cells, RADIUS_KM, "radius", numbers)?;
        let radius_m = self.number(cells, RADIUS_M, "radius", numbers)?.or(radius_km.map(|km| km * 1000.0));
        match (longitude, latitude, radius_m) {
            (None, None, None) => Ok(None),
            (Some(longitude), Some(latitude), Some(radius_m)) => Ok(Some(circle(longitude, latitude, radius_m)?)),
            _ => {
                let reason = "its position needs a `longitude`, a `latitude` and a `radius_m`, or a polygon as `wkt`";
                Err(reason.to_owned().into())
            }
        }
    }

    fn permit(
        &self,
        cells: &[String],
        swap_axes: bool,
        to_degrees: &ToDegrees,
    ) -> std::result::Result<Option<MultiPolygon<f64>>, RowError> {
        self.cell(cells, PERMIT_WKT).map(|text| polygons(text, swap_axes, to_degrees)).transpose()
    }
}

/// Parses polygons in well-known text.
fn polygons(text: &str, swap_axes: bool, to_degrees: &ToDegrees) -> std::result::Result<MultiPolygon<f64>, RowError> {
    // PostGIS writes a prefix `SRID=...;`.
    let plain = match text.split_once(';') {
        Some((srid, rest)) if srid.trim().to_ascii_uppercase().starts_with("SRID=") => {
            if to_degrees.transformer.is_none() && srid.trim()[5..].trim() != "4326" {
                let reason = format!("its outline is in another CRS, `{srid}`, than longitude and latitude");
                return Err(RowError { reason, setting: Some(Setting::LabelsCrs) });
            }
            rest
        }
        _ => text,
    };
    let mut shape = outline_of_wkt(plain)?;
    if swap_axes {
        use geo::MapCoordsInPlace;
        shape.map_coords_in_place(|c| geo::Coord { x: c.y, y: c.x });
    }
    Ok(to_degrees.run(&shape)?)
}

/// A circle on the ellipsoid, as a polygon in longitude and latitude.
fn circle(longitude: f64, latitude: f64, radius_m: f64) -> std::result::Result<MultiPolygon<f64>, String> {
    /// Maximum radius of a site's circle, in metres.
    const MAX_RADIUS_M: f64 = 100_000.0;
    if !(longitude.abs() <= 180.0 && latitude.abs() <= 85.0) {
        return Err(format!(
            "position ({longitude}, {latitude}) is not accepted: a longitude of -180 to 180 and a latitude of -85 to 85 degrees"
        ));
    }
    if !(radius_m > 0.0 && radius_m <= MAX_RADIUS_M) {
        return Err(format!("its radius of {radius_m} m is not accepted: above 0 to {MAX_RADIUS_M} m"));
    }
    let centre = Point::new(longitude, latitude);
    let corner = |corner: usize| {
        // Outlines run counterclockwise, bearings clockwise.
        let bearing = -360.0 * corner as f64 / CORNERS as f64;
        Geodesic.destination(centre, bearing, radius_m).0
    };
    Ok(Polygon::new(LineString((0..CORNERS).map(corner).collect()), Vec::new()).into())
}
