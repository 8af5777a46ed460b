//! KML 2.2 (OGC 07-147r2): one placemark per feature, with a style per class.

use std::io::{BufWriter, Write};
use std::path::Path;

use geo::LineString;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::style::FILL_OPACITY;
use super::{FeatureLayer, Value, outline};
use minesegsat_core::Result;

/// Width of outlines in pixels.
const OUTLINE_PX: &str = "1.5";

/// Writes elements.
struct Document<W: Write> {
    xml: Writer<W>,
}

impl<W: Write> Document<W> {
    /// An element with what `inside` writes.
    fn element(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        inside: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        self.xml.write_event(Event::Start(BytesStart::new(name).with_attributes(attributes.iter().copied())))?;
        inside(self)?;
        Ok(self.xml.write_event(Event::End(BytesEnd::new(name)))?)
    }

    /// An element with a text. Characters that XML 1.0 does not allow are left out.
    fn text(&mut self, name: &str, text: &str) -> Result<()> {
        let is_allowed = |c: &char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
        let text: String = text.chars().filter(|c| is_allowed(c) && !matches!(c, '\u{fffe}' | '\u{ffff}')).collect();
        self.element(name, &[], |document| Ok(document.xml.write_event(Event::Text(BytesText::new(&text)))?))
    }

    fn ring(&mut self, name: &str, ring: &LineString<f64>) -> Result<()> {
        let positions: Vec<String> = ring.coords().map(|c| format!("{:.8},{:.8}", c.x, c.y)).collect();
        self.element(name, &[], |document| {
            document.element("LinearRing", &[], |document| document.text("coordinates", &positions.join(" ")))
        })
    }
}

/// A colour as KML writes it: opacity, blue, green, red.
fn colour([red, green, blue]: [u8; 3], opacity: f64) -> String {
    format!("{:02x}{blue:02x}{green:02x}{red:02x}", (255.0 * opacity).round() as u8)
}

/// Writes a layer in longitude and latitude. A placemark is named by its class and its first date, which is its time too.
pub(super) fn write(path: &Path, layer: &FeatureLayer) -> Result<()> {
    let file = BufWriter::new(fs_err::File::create(path)?);
    let mut document = Document { xml: Writer::new(file) };
    document.xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    document.element("kml", &[("xmlns", "http://www.opengis.net/kml/2.2")], |document| {
        document.element("Document", &[], |document| {
            document.text("name", &layer.title)?;
            document.text("description", &layer.description)?;
            for class in layer.style.iter().flat_map(|style| &style.classes) {
                document.element("Style", &[("id", class.value)], |document| {
                    document.element("LineStyle", &[], |document| {
                        document.text("color", &colour(class.colour, 1.0))?;
                        document.text("width", OUTLINE_PX)
                    })?;
                    document.element("PolyStyle", &[], |document| {
                        document.text("color", &colour(class.colour, FILL_OPACITY))
                    })
                })?;
            }
            for (geometry, values) in &layer.features {
                let outline = outline(path, geometry)?;
                document.element("Placemark", &[], |document| placemark(document, layer, values, outline))?;
            }
            Ok(())
        })
    })?;
    Ok(document.xml.into_inner().flush()?)
}

fn placemark<W: Write>(
    document: &mut Document<W>,
    layer: &FeatureLayer,
    values: &[Value],
    outline: &geo::MultiPolygon<f64>,
) -> Result<()> {
    let named = || layer.columns.iter().map(|(name, _)| *name).zip(values);
    let style = layer.style.as_ref();
    let of_class = style.and_then(|style| style.column);
    let of_class = named().find(|(name, _)| Some(*name) == of_class).map(|(_, value)| value.to_string());
    let class = style.and_then(|style| style.class_of(of_class.as_deref().unwrap_or_default()));
    let day = values.iter().find(|value| matches!(value, Value::Date(_))).map(Value::to_string);
    let words: Vec<String> = [class.map(|class| class.value.to_owned()), day.clone()].into_iter().flatten().collect();
    document.text("name", &words.join(" "))?;
    if let Some(day) = day {
        document.element("TimeStamp", &[], |document| document.text("when", &day))?;
    }
    if let Some(class) = class {
        document.text("styleUrl", &format!("#{}", class.value))?;
    }
    document.element("ExtendedData", &[], |document| {
        for (name, value) in named().filter(|(_, value)| **value != Value::Null) {
            document.element("Data", &[("name", name)], |document| document.text("value", &value.to_string()))?;
        }
        Ok(())
    })?;
    document.element("MultiGeometry", &[], |document| {
        for polygon in outline {
            document.element("Polygon", &[], |document| {
                document.ring("outerBoundaryIs", polygon.exterior())?;
                polygon.interiors().iter().try_for_each(|ring| document.ring("innerBoundaryIs", ring))
            })?;
        }
        Ok(())
    })
}
