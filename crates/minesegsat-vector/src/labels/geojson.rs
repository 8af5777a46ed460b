//! GeoJSON (RFC 7946), its 2008 edition with a `crs` member, one feature per line, and the JSON of ArcGIS servers.
//!
//! One damaged geometry is one damaged feature. Numbers that are missing in a position count only if they are x or y.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use geo::Coord;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Attributes;
use super::raw::{Layer, RawFeature, RawGeometry, Ring, refusal};
use super::shapefile::nest;
use super::wkt;
use minesegsat_core::{Crs, Error, Result};

/// All members of a document that are read, whatever it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    r#type: Value,
    features: Option<Vec<Feature>>,
    crs: Value,
    properties: Value,
    id: Value,
    geometry: Option<Geometry>,
    // A bare geometry.
    coordinates: Option<Coordinates>,
    geometries: Option<Vec<Geometry>>,
    // What servers state about the answer.
    #[serde(rename = "exceededTransferLimit")]
    exceeded_transfer_limit: Value,
    #[serde(rename = "numberMatched")]
    number_matched: Value,
    #[serde(rename = "totalFeatures")]
    total_features: Value,
    links: Value,
    // ArcGIS.
    #[serde(rename = "geometryType")]
    geometry_type: Value,
    #[serde(rename = "spatialReference")]
    spatial_reference: Value,
    fields: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Feature {
    id: Value,
    properties: Value,
    attributes: Value,
    geometry: Option<Geometry>,
}

/// A geometry, or something else in its place.
#[derive(Debug)]
enum Geometry {
    Members(Members),
    Damaged,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Members {
    r#type: Value,
    coordinates: Option<Coordinates>,
    geometries: Option<Vec<Geometry>>,
    rings: Option<Coordinates>,
    #[serde(rename = "curveRings")]
    curve_rings: Option<IgnoredAny>,
}

impl<'de> Deserialize<'de> for Geometry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Geometry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a geometry")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Geometry, A::Error> {
                Members::deserialize(MapAccessDeserializer::new(map)).map(Geometry::Members)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Geometry, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Geometry::Damaged)
            }

            fn visit_unit<E>(self) -> Result<Geometry, E> {
                Ok(Geometry::Damaged)
            }

            fn visit_str<E>(self, _: &str) -> Result<Geometry, E> {
                Ok(Geometry::Damaged)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Geometry, E> {
                Ok(Geometry::Damaged)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Geometry, E> {
                Ok(Geometry::Damaged)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Geometry, E> {
                Ok(Geometry::Damaged)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Geometry, E> {
                Ok(Geometry::Damaged)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Coordinates of any depth. A position takes 32 bytes, whatever else it holds.
#[derive(Debug)]
enum Coordinates {
    /// A number, or `None` for null, a text and the like.
    Number(Option<f64>),
    /// The first two numbers of a list of numbers.
    Position([Option<f64>; 2]),
    /// A list of anything but numbers; an empty list too.
    List(Vec<Coordinates>),
}

impl<'de> Deserialize<'de> for Coordinates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Coordinates;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("coordinates")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Coordinates, A::Error> {
                let mut list = Vec::new();
                let mut position = [None; 2];
                let mut numbers = 0;
                while let Some(item) = seq.next_element::<Coordinates>()? {
                    match item {
                        Coordinates::Number(number) if list.is_empty() => {
                            if let Some(place) = position.get_mut(numbers) {
                                *place = number;
                            }
                            numbers += 1;
                        }
                        other => list.push(other),
                    }
                }
                match (numbers, list.is_empty()) {
                    (0, _) => Ok(Coordinates::List(list)),
                    (_, true) => Ok(Coordinates::Position(position)),
                    // Numbers and lists in one list.
                    _ => Ok(Coordinates::Number(None)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Coordinates, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Coordinates::Number(None))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Coordinates, E> {
                Ok(Coordinates::Number(Some(number)))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Coordinates, E> {
                Ok(Coordinates::Number(Some(number as f64)))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Coordinates, E> {
                Ok(Coordinates::Number(Some(number as f64)))
            }

            fn visit_unit<E>(self) -> Result<Coordinates, E> {
                Ok(Coordinates::Number(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Coordinates, E> {
                Ok(Coordinates::Number(None))
            }

            fn visit_str<E>(self, _: &str) -> Result<Coordinates, E> {
                Ok(Coordinates::Number(None))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

pub(super) fn read(path: &Path, text: &str) -> Result<Layer> {
    let fail = |reason: String| Error::vector(path, reason);
    let text = text.trim_start_matches('\u{feff}');
    let mut collected = Collected::default();
    match serde_json::from_str::<Document>(text) {
        Ok(document) => collected.add(document).map_err(fail)?,
        Err(whole) => {
            let is_read = collected.add_lines(text).map_err(fail)?;
            if !is_read {
                return Err(fail(format!("it is not valid GeoJSON: {whole}")));
            }
        }
    }
    let mut names = BTreeSet::new();
    for feature in &collected.features {
        for name in feature.attributes.keys().filter(|name| !names.contains(*name)).cloned().collect::<Vec<_>>() {
            names.insert(name);
        }
    }
    Ok(Layer {
        format: collected.format,
        name: None,
        crs: collected.crs.unwrap_or(Ok(Crs::WGS84)),
        attributes: names.into_iter().collect(),
        features: collected.features,
        warnings: Vec::new(),
        incomplete: collected.incomplete,
    })
}

struct Collected {
    format: &'static str,
    crs: Option<Result<Crs, String>>,
    features: Vec<RawFeature>,
    incomplete: Option<String>,
}

impl Default for Collected {
    fn default() -> Self {
        Self { format: "GeoJSON", crs: None, features: Vec::new(), incomplete: None }
    }
}

impl Collected {
    /// Adds what a document holds. The error is the reason why it is not GeoJSON.
    fn add(&mut self, document: Document) -> Result<(), String> {
        let is_esri = !document.spatial_reference.is_null() || document.geometry_type.is_string();
        let kind = document.r#type.as_str().unwrap_or_default();
        if let Some(features) = document.features {
            let is_esri = is_esri || (kind.is_empty() && features.iter().any(|feature| feature.attributes.is_object()));
            let sent = features.len();
            let incomplete = incompleteness(
                sent,
                [&document.exceeded_transfer_limit, &document.properties["exceededTransferLimit"]],
                [&document.number_matched, &document.total_features],
                &document.links,
            );
            self.incomplete = self.incomplete.take().or(incomplete);
            if is_esri {
                self.format = "ESRI JSON";
                self.crs = Some(esri_crs(&document.spatial_reference));
                let dates = date_fields(&document.fields);
                let id = features.iter().all(|feature| !feature.attributes["OBJECTID"].is_null());
                for feature in features {
                    let id = if id { feature.attributes["OBJECTID"].clone() } else { Value::Null };
                    self.push(id, esri_attributes(feature.attributes, &dates), feature.geometry.map(esri_geometry));
                }
            } else {
                self.set_crs(&document.crs);
                for feature in features {
                    self.push(feature.id, feature.properties, feature.geometry.map(geometry));
                }
            }
        } else if kind == "Feature" {
            self.set_crs(&document.crs);
            self.push(document.id, document.properties, document.geometry.map(geometry));
        } else if document.coordinates.is_some() || document.geometries.is_some() {
            self.set_crs(&document.crs);
            let members = Members {
                r#type: document.r#type,
                coordinates: document.coordinates,
                geometries: document.geometries,
                ..Members::default()
            };
            self.push(Value::Null, Value::Null, Some(geometry(Geometry::Members(members))));
        } else {
            let found = if kind.is_empty() { "JSON without `features`".to_owned() } else { format!("a `{kind}`") };
            return Err(format!("it is {found}, and not GeoJSON"));
        }
        Ok(())
    }

    /// Adds documents line by line; record separators (RFC 8142) are skipped. A line that cannot be read is a damaged feature.
    /// Returns false if the first line is not a document.
    fn add_lines(&mut self, text: &str) -> Result<bool, String> {
        let mut is_first = true;
        for (place, line) in text.lines().enumerate() {
            let line = line.trim_start_matches('\u{1e}').trim();
            if line.is_empty() {
                continue;
            }
            match serde_json::from_str::<Document>(line) {
                Ok(document) => self.add(document).map_err(|reason| format!("line {}: {reason}", place + 1))?,
                Err(_) if is_first => return Ok(false),
                Err(error) => self.features.push(RawFeature {
                    id: self.features.len().to_string(),
                    attributes: Attributes::new(),
                    geometry: Err(format!("line {} is not valid GeoJSON: {error}", place + 1)),
                }),
            }
            is_first = false;
        }
        Ok(!is_first)
    }

    fn set_crs(&mut self, crs: &Value) {
        if !crs.is_null() {
            self.crs = Some(crs_of(crs));
        }
    }

    fn push(&mut self, id: Value, attributes: Value, geometry: Option<Result<RawGeometry, String>>) {
        let id = match id {
            Value::String(id) => id,
            Value::Null => self.features.len().to_string(),
            other => other.to_string(),
        };
        let attributes = if let Value::Object(attributes) = attributes { attributes } else { Attributes::new() };
        self.features.push(RawFeature { id, attributes, geometry: geometry.transpose() });
    }
}

/// Why an answer of a server is not the whole of what it has, by its own words.
fn incompleteness(sent: usize, exceeded: [&Value; 2], matched: [&Value; 2], links: &Value) -> Option<String> {
    if exceeded.iter().any(|value| value.as_bool() == Some(true) || value.as_str() == Some("true")) {
        return Some(format!("the server cut it off after {sent} features (`exceededTransferLimit`)"));
    }
    let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
    if let Some(matched) = matched.iter().find_map(|value| number(value)) {
        let is_less = (sent as u64) < matched;
        return is_less.then(|| format!("it holds {sent} of {matched} features that the server has (`numberMatched`)"));
    }
    let is_next = |link: &Value| link["rel"].as_str().is_some_and(|rel| rel.eq_ignore_ascii_case("next"));
    let has_next = links.as_array().is_some_and(|links| links.iter().any(is_next));
    has_next.then(|| format!("it is one page of {sent} features, and names a next one (`links`)"))
}

/// Longitude and latitude, unless the `crs` member of the 2008 edition, which GDAL still writes, states another CRS.
fn crs_of(crs: &Value) -> Result<Crs, String> {
    let code = &crs["properties"]["code"];
    let name = match crs["properties"]["name"].as_str().or(crs.as_str()) {
        Some(name) => name.to_owned(),
        // The draft of 2007: `{"type": "EPSG", "properties": {"code": 3005}}`.
        None if crs["type"] == "EPSG" && !code.is_null() => format!("EPSG:{}", code.to_string().trim_matches('"')),
        None => return Err(format!("its `crs` member {crs} has no EPSG code")),
    };
    Crs::from_name(&name).map_err(|error| format!("its `crs` member: {error}"))
}

fn esri_crs(reference: &Value) -> Result<Crs, String> {
    let code = |name: &str| reference[name].as_u64().and_then(|code| u32::try_from(code).ok());
    let codes = [code("latestWkid"), code("wkid")];
    if let Some(crs) = codes.into_iter().flatten().find_map(|code| Crs::from_esri(code).ok()) {
        return Ok(crs);
    }
    match (reference["wkt"].as_str().or(reference["wkt2"].as_str()), codes.into_iter().flatten().next()) {
        (Some(text), _) => wkt::crs(text),
        (None, Some(code)) => Crs::from_esri(code).map_err(|error| error.to_string()),
        (None, None) => Err("its `spatialReference` states no CRS".to_owned()),
    }
}

/// Names of the fields that hold milliseconds since 1970.
fn date_fields(fields: &Value) -> Vec<String> {
    let dates = fields.as_array().into_iter().flatten().filter(|field| field["type"] == "esriFieldTypeDate");
    dates.filter_map(|field| field["name"].as_str().map(str::to_owned)).collect()
}

fn esri_attributes(mut attributes: Value, dates: &[String]) -> Value {
    for name in dates {
        if let Some(value) = attributes.get_mut(name)
            && let Some(time) = value.as_i64().and_then(|time| jiff::Timestamp::from_millisecond(time).ok())
        {
            *value = time.to_string().into();
        }
    }
    attributes
}

fn esri_geometry(geometry: Geometry) -> Result<RawGeometry, String> {
    let Geometry::Members(members) = geometry else { return Err("its geometry is not an object".to_owned()) };
    if members.curve_rings.is_some() {
        return Err(refusal("polygon with curves"));
    }
    let Some(rings) = members.rings else { return Ok(RawGeometry { others: 1, ..RawGeometry::new("point or line") }) };
    let polygons = nest(rings_of(rings)?);
    let kind = if polygons.len() == 1 { "Polygon" } else { "MultiPolygon" };
    Ok(RawGeometry { polygons, ..RawGeometry::new(kind) })
}

/// Geometry types; the first four are without polygons.
const KINDS: [&str; 7] =
    ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"];

fn geometry(geometry: Geometry) -> Result<RawGeometry, String> {
    let kind = match &geometry {
        Geometry::Members(members) => KINDS.into_iter().find(|kind| members.r#type == *kind),
        Geometry::Damaged => None,
    };
    let mut raw = RawGeometry::new(kind.unwrap_or("unreadable"));
    collect(geometry, &mut raw)?;
    Ok(raw)
}

/// Collects polygons. The parser limits the nesting of documents to 128.
fn collect(geometry: Geometry, raw: &mut RawGeometry) -> Result<(), String> {
    let Geometry::Members(members) = geometry else { return Err("its geometry is not an object".to_owned()) };
    let kind = members.r#type.as_str().unwrap_or_default();
    match (kind, members.coordinates) {
        ("Polygon", Some(coordinates)) => push_polygon(coordinates, raw)?,
        ("MultiPolygon", Some(Coordinates::List(polygons))) => {
            for polygon in polygons {
                push_polygon(polygon, raw)?;
            }
        }
        ("GeometryCollection", _) => {
            for geometry in members.geometries.unwrap_or_default() {
                collect(geometry, raw)?;
            }
        }
        (kind, _) if KINDS[..4].contains(&kind) => raw.others += 1,
        ("Polygon" | "MultiPolygon", _) => return Err(format!("its geometry is a {kind} without its coordinates")),
        (other, _) => return Err(format!("`{other}` is not a type of geometry")),
    }
    Ok(())
}

fn push_polygon(coordinates: Coordinates, raw: &mut RawGeometry) -> Result<(), String> {
    let rings = rings_of(coordinates)?;
    if !rings.is_empty() {
        raw.polygons.push(rings);
    }
    Ok(())
}

fn rings_of(coordinates: Coordinates) -> Result<Vec<Ring>, String> {
    let depth = || "its coordinates are not nested as those of a polygon".to_owned();
    let Coordinates::List(rings) = coordinates else { return Err(depth()) };
    let position = |coordinates: Coordinates| match coordinates {
        Coordinates::Position([Some(x), Some(y)]) => Ok(Coord { x, y }),
        Coordinates::Position(_) => Err("a position has fewer than two numbers".to_owned()),
        Coordinates::List(list) if list.is_empty() => Err("a position has fewer than two numbers".to_owned()),
        _ => Err(depth()),
    };
    let ring = |coordinates: Coordinates| match coordinates {
        Coordinates::List(positions) => positions.into_iter().map(position).collect(),
        _ => Err(depth()),
    };
    rings.into_iter().map(ring).collect()
}
