//! KML 2.2 (OGC 07-147r2): placemarks with polygons, in longitude and latitude. Styles and views are skipped.

use std::collections::BTreeSet;
use std::path::Path;

use geo::Coord;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::Attributes;
use super::raw::{Layer, RawFeature, RawGeometry, Ring};
use minesegsat_core::{Crs, Error, Result};

/// Maximum nesting of elements. A file with deeper nesting counts as damaged.
const MAX_DEPTH: usize = 64;

/// Whether a text is a KML document.
pub(super) fn is_kml(text: &str) -> bool {
    let start: String = text.chars().take(4096).collect();
    start.trim_start_matches('\u{feff}').trim_start().starts_with('<') && start.contains("<kml")
}

/// A placemark that is being read.
#[derive(Default)]
struct Placemark {
    id: Option<String>,
    attributes: Attributes,
    geometry: RawGeometry,
    polygon: Vec<Ring>,
    problem: Option<String>,
    /// Name of the value that is being read.
    field: String,
}

pub(super) fn read(path: &Path, text: &str) -> Result<Layer> {
    let fail = |reason: String| Error::vector(path, reason);
    let mut reader = Reader::from_str(text);
    let mut open: Vec<String> = Vec::new();
    let mut content = String::new();
    let mut placemark: Option<Placemark> = None;
    let (mut features, mut names): (Vec<RawFeature>, _) = (Vec::new(), BTreeSet::new());
    let mut links = 0;
    loop {
        let damaged = |error: quick_xml::Error| fail("it is not well-formed XML".to_owned()).caused_by(error);
        let event = reader.read_event().map_err(damaged)?;
        match &event {
            Event::Start(tag) | Event::Empty(tag) => {
                let name: String = tag.local_name().as_ref().to_owned();
                match (name.as_str(), &mut placemark) {
                    ("Placemark", _) => {
                        placemark = Some(Placemark { id: attribute(tag, "id"), ..Placemark::default() });
                    }
                    ("NetworkLink", _) => links += 1,
                    (kind, Some(placemark)) => placemark.begin(kind, tag),
                    _ => {}
                }
                content.clear();
                if matches!(event, Event::Start(_)) {
                    if open.len() >= MAX_DEPTH {
                        return Err(fail(format!("its elements are nested more than {MAX_DEPTH} deep")));
                    }
                    open.push(name);
                }
            }
            Event::Text(text) => content.push_str(&text.xml_content(XmlVersion::Implicit1_0)),
            Event::CData(data) => content.push_str(data),
            Event::GeneralRef(reference) => content.push(match &**reference {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                _ => reference.resolve_char_ref().ok().flatten().unwrap_or('\u{fffd}'),
            }),
            Event::End(_) => {
                let name = open.pop().unwrap_or_default();
                let parent = open.last().map(String::as_str).unwrap_or_default();
                if name == "Placemark" {
                    if let Some(placemark) = placemark.take() {
                        names.extend(placemark.attributes.keys().cloned());
                        features.push(placemark.finish(features.len()));
                    }
                } else if let Some(placemark) = &mut placemark {
                    placemark.end(&name, parent, content.trim());
                }
                content.clear();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if let Some(left) = open.last() {
        return Err(fail(format!("it is cut off: its element `{left}` has no end")));
    }
    let incomplete = (links > 0).then(|| format!("{links} of its parts are at other addresses (`NetworkLink`)"));
    Ok(Layer {
        format: "KML",
        name: None,
        crs: Ok(Crs::WGS84),
        attributes: names.into_iter().collect(),
        features,
        warnings: Vec::new(),
        incomplete,
    })
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let is_it = |attribute: &Attribute<'_>| {
        let key = attribute.key.local_name();
        let key: &str = key.as_ref();
        key == name
    };
    let found = tag.attributes().flatten().find(is_it)?;
    Some(found.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned())
}

impl Placemark {
    fn begin(&mut self, kind: &str, tag: &BytesStart<'_>) {
        let kind: &'static str = match kind {
            "Polygon" => "Polygon",
            "MultiGeometry" => "MultiGeometry",
            "Point" => "Point",
            "LineString" | "Track" | "MultiTrack" => "LineString",
            "Model" => "Model",
            "Data" | "SimpleData" => {
                self.field = attribute(tag, "name").unwrap_or_default();
                return;
            }
            _ => return,
        };
        if self.geometry.kind.is_empty() {
            self.geometry.kind = kind;
        }
        match kind {
            "Polygon" => self.polygon.clear(),
            "MultiGeometry" => {}
            _ => self.geometry.others += 1,
        }
    }

    fn end(&mut self, name: &str, parent: &str, content: &str) {
        let set = |attributes: &mut Attributes, name: &str| {
            let value = if content.is_empty() { serde_json::Value::Null } else { content.into() };
            attributes.insert(name.to_owned(), value);
        };
        match (name, parent) {
            ("name" | "description", "Placemark") | ("begin" | "end", "TimeSpan") | ("when", "TimeStamp") => {
                set(&mut self.attributes, name);
            }
            ("value", "Data") | ("SimpleData", _) => {
                let field = std::mem::take(&mut self.field);
                set(&mut self.attributes, &field);
            }
            ("coordinates", "LinearRing") => match ring(content) {
                Ok(ring) => self.polygon.push(ring),
                Err(reason) => self.problem = Some(reason),
            },
            ("Polygon", _) => {
                let rings = std::mem::take(&mut self.polygon);
                self.geometry.polygons.extend(Some(rings).filter(|rings| !rings.is_empty()));
            }
            _ => {}
        }
    }

    fn finish(self, place: usize) -> RawFeature {
        let geometry = match (self.problem, self.geometry.kind) {
            (Some(problem), _) => Err(problem),
            (None, "") => Ok(None),
            _ => Ok(Some(self.geometry)),
        };
        RawFeature { id: self.id.unwrap_or_else(|| place.to_string()), attributes: self.attributes, geometry }
    }
}

/// Positions `longitude,latitude,height`, separated by blanks.
fn ring(text: &str) -> Result<Ring, String> {
    let position = |tuple: &str| {
        let mut numbers = tuple.split(',').map(|number| number.parse::<f64>().ok().filter(|v| v.is_finite()));
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(x), Some(y)) if tuple.matches(',').count() <= 2 => Ok(Coord { x, y }),
            _ => {
                let start: String = tuple.chars().take(40).collect();
                Err(format!("position `{start}` is not `longitude,latitude`"))
            }
        }
    };
    text.split_whitespace().map(position).collect()
}
