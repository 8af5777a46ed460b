//! STAC items: the original JSON, with typed access to the members in use.

use std::fmt;

use geo::{Geometry, MultiPolygon};
use geojson::GeometryValue;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::area::normalise;
use super::left_out::{self, LeftOut};
use crate::stated::epsg;
use minesegsat_core::area_of_interest::rectangles;
use minesegsat_core::{Crs, Error, Result, Transformer};
use minesegsat_io::Location;
use minesegsat_io::http;
use minesegsat_io::raster::follow;
use minesegsat_vector::vector::parse_geometry;

/// Ids of the collection and the item.
pub(crate) type ItemKey = (String, String);

/// A STAC Item. Unknown members are kept.
///
/// `Debug` shows only its id, because addresses of assets may be signed.
#[derive(Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Item(Map<String, Value>);

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item({})", self.id())
    }
}

impl Item {
    /// Takes a GeoJSON Feature with an id and properties. `location` is its source, for messages.
    pub fn from_value(value: Value, location: &str) -> Result<Self> {
        let fail = |reason: &str| Error::input(location.to_owned(), reason.to_owned());
        let Value::Object(object) = value else { return Err(fail("an item is not a JSON object")) };
        if object.get("type").and_then(Value::as_str) != Some("Feature") {
            return Err(fail("an item is not a GeoJSON Feature"));
        }
        if object.get("id").and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(fail("an item has no id: it is a GeoJSON Feature, but not a STAC item"));
        }
        if !object.get("properties").is_some_and(Value::is_object) {
            return Err(fail("an item has no properties"));
        }
        Ok(Self(object))
    }

    /// The id, unique in its collection.
    pub fn id(&self) -> &str {
        self.0.get("id").and_then(Value::as_str).unwrap_or_default()
    }

    /// The id of its collection.
    pub fn collection(&self) -> Option<&str> {
        self.0.get("collection").and_then(Value::as_str)
    }

    /// Schemas of its declared extensions.
    pub(crate) fn stac_extensions(&self) -> impl Iterator<Item = &str> {
        self.0.get("stac_extensions").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// A property by its name, such as `eo:cloud_cover`.
    pub fn property(&self, name: &str) -> &Value {
        self.0.get("properties").map_or(&Value::Null, |properties| &properties[name])
    }

    /// Start and end of sensing. Both are equal for a single moment.
    pub fn interval(&self) -> Option<(Timestamp, Timestamp)> {
        let time = |name: &str| self.property(name).as_str().and_then(|text| text.parse::<Timestamp>().ok());
        match (time("datetime"), time("start_datetime"), time("end_datetime")) {
            (Some(at), ..) => Some((at, at)),
            (None, Some(start), Some(end)) => Some((start, end)),
            (None, Some(one), None) | (None, None, Some(one)) => Some((one, one)),
            (None, None, None) => None,
        }
    }

    /// Cloud cover of the whole item in percent.
    pub fn cloud_cover_percent(&self) -> Option<f64> {
        self.property("eo:cloud_cover").as_f64()
    }

    /// The area with data, in longitude and latitude (-180 to 180): its geometry, or its bounding box if the geometry
    /// is missing. Empty if both are missing.
    pub fn footprint(&self) -> MultiPolygon<f64> {
        if let Some(polygons) = self.0.get("geometry").and_then(polygons_of) {
            let stated = normalise(&polygons);
            return if is_too_large(&stated) { self.outline().unwrap_or(stated) } else { stated };
        }
        let numbers: Vec<f64> =
            self.0.get("bbox").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_f64).collect();
        match numbers[..] {
            [west, south, east, north] | [west, south, _, east, north, _] => rectangles([west, south, east, north]),
            _ => MultiPolygon(Vec::new()),
        }
    }

    /// Outline of the images by the Projection extension, in longitude and latitude.
    fn outline(&self) -> Option<MultiPolygon<f64>> {
        let properties = self.0.get("properties")?;
        let places = std::iter::once(properties).chain(self.assets().map(|(_, asset)| asset));
        places.filter(|place| place["proj:bbox"].is_array()).find_map(|place| {
            let crs = Crs::from_epsg(epsg(place).or_else(|| epsg(properties))?).ok()?;
            let numbers: Vec<f64> = place["proj:bbox"].as_array()?.iter().filter_map(Value::as_f64).collect();
            let [min_x, min_y, max_x, max_y] = <[f64; 4]>::try_from(numbers).ok()?;
            let rect = geo::Rect::new((min_x, min_y), (max_x, max_y)).to_polygon();
            let outline = Transformer::new(&crs, &Crs::WGS84).ok()?.transform_polygons(&rect.into()).ok()?;
            Some(normalise(&outline))
        })
    }

    /// Address of the first link with a relation (`self`, `derived_from`, ...).
    pub fn link(&self, rel: &str) -> Option<&str> {
        let links = self.0.get("links").and_then(Value::as_array);
        links.into_iter().flatten().find(|link| link["rel"] == rel).and_then(|link| link["href"].as_str())
    }

    /// Its files, by asset key.
    pub fn assets(&self) -> impl Iterator<Item = (&str, &Value)> {
        let assets = self.0.get("assets").and_then(Value::as_object);
        assets.into_iter().flatten().map(|(key, asset)| (key.as_str(), asset))
    }

    /// The item as JSON.
    pub fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// Id, collection and properties as JSON: what describes the item, without its many addresses.
    pub(crate) fn without_assets(&self) -> Value {
        let member = |name: &str| self.0.get(name).cloned().unwrap_or_default();
        json!({ "id": self.id(), "collection": self.collection(), "properties": member("properties") })
    }

    pub(crate) fn object_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.0
    }

    /// The key that identifies the item among all items.
    pub(crate) fn key(&self) -> ItemKey {
        (self.collection().unwrap_or_default().to_owned(), self.id().to_owned())
    }

    /// Makes the addresses of links and assets absolute, so that the item can be moved. `at` is the item's location.
    ///
    /// Links and assets that a stranger may not name are removed: files of this machine in an item from a server, and
    /// addresses further inside the network than its own. Returns the reasons, with the keys of assets.
    fn resolve(&mut self, at: &Location) -> Vec<String> {
        let base = at.parent().unwrap_or_else(|| at.clone());
        let mut refused = Vec::new();
        if let Some(links) = self.0.get_mut("links").and_then(Value::as_array_mut) {
            links.retain_mut(|link| resolve_href(link, at, &base).is_ok());
        }
        if let Some(assets) = self.0.get_mut("assets").and_then(Value::as_object_mut) {
            assets.retain(|key, asset| {
                if let Some(alternates) = asset.get_mut("alternate").and_then(Value::as_object_mut) {
                    alternates.retain(|_, alternate| resolve_href(alternate, at, &base).is_ok());
                }
                resolve_href(asset, at, &base).map_err(|error| refused.push(format!("asset `{key}`: {error}"))).is_ok()
            });
        }
        refused
    }
}

fn resolve_href(object: &mut Value, at: &Location, base: &Location) -> Result<()> {
    let Some(href) = object["href"].as_str() else { return Ok(()) };
    let is_remote = matches!(at, Location::Url(_));
    if href.contains("://") {
        // Addresses of schemes that the program does not read stay as they are: an alternate may be readable.
        let scheme = href.split("://").next().unwrap_or_default().to_ascii_lowercase();
        return if is_remote && ["http", "https", "file"].contains(&scheme.as_str()) {
            follow(at, base, href).map(drop)
        } else {
            Ok(())
        };
    }
    let resolved = match follow(at, base, href) {
        Ok(location) => location,
        Err(error) if is_remote => return Err(error),
        // An address that cannot be resolved stays as it is, and is refused when it is used.
        Err(_) => return Ok(()),
    };
    let resolved = match resolved {
        Location::Path(path) => std::path::absolute(&path).unwrap_or(path).display().to_string(),
        Location::Url(url) => url,
        entry @ Location::ZipEntry { .. } => entry.to_string(),
    };
    object["href"] = Value::String(resolved);
    Ok(())
}

/// Whether a footprint is larger than any scene of Sentinel-2: one tile has sides of 110 km. Wrong footprints at the
/// antimeridian span the globe.
fn is_too_large(footprint: &MultiPolygon<f64>) -> bool {
    // Four degrees of latitude; a tile has one.
    const LARGEST_DEGREES: f64 = 4.0;
    footprint.iter().filter_map(geo::BoundingRect::bounding_rect).any(|rect| {
        let along = rect.width() * f64::midpoint(rect.min().y, rect.max().y).to_radians().cos();
        rect.height() > LARGEST_DEGREES || along > LARGEST_DEGREES
    })
}

/// The polygons of a GeoJSON geometry; `None` if it has no polygon.
pub(crate) fn polygons_of(geometry: &Value) -> Option<MultiPolygon<f64>> {
    // Before it is copied.
    geometry.is_object().then_some(())?;
    polygons(&serde_json::from_value::<geojson::Geometry>(geometry.clone()).ok()?.value)
}

/// The polygons of a GeoJSON geometry; `None` if it has no polygon.
fn polygons(value: &GeometryValue) -> Option<MultiPolygon<f64>> {
    match parse_geometry(value).ok()? {
        Geometry::Polygon(polygon) => Some(MultiPolygon(vec![polygon])),
        Geometry::MultiPolygon(polygons) => Some(polygons),
        _ => None,
    }
    .filter(|polygons| !polygons.0.is_empty())
}

/// The items of a document: an ItemCollection, or one Item. Relative addresses are resolved against `location`, the
/// document's source.
///
/// Damaged items are left out and logged, as long as others are usable.
pub fn parse_items(document: Value, location: &Location) -> Result<Vec<Item>> {
    parse(document, location).map(|parsed| parsed.logged(&location.to_string()))
}

/// The items of a document, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub(super) struct ParsedItems {
    pub(super) items: Vec<Item>,
    pub(super) left_out: Vec<LeftOut>,
    /// How the document says that it is incomplete, if it does.
    pub(super) incomplete: Option<String>,
}

impl ParsedItems {
    /// The items. What was left out is logged.
    pub(super) fn logged(self, name: &str) -> Vec<Item> {
        left_out::log(name, &self.left_out);
        if let Some(incomplete) = &self.incomplete {
            tracing::warn!("{name}: {incomplete}");
        }
        self.items
    }
}

/// Like [`parse_items`], without messages.
pub(super) fn parse(document: Value, location: &Location) -> Result<ParsedItems> {
    let name = location.to_string();
    let fail = |reason: String| Error::input(name.clone(), reason);
    let incomplete = left_out::said_incomplete(&document);
    let values = match document["type"].as_str() {
        Some("Feature") => vec![document],
        Some("FeatureCollection") => match document {
            Value::Object(mut object) => match object.remove("features") {
                Some(Value::Array(values)) => values,
                _ => return Err(fail("it has no list of `features`".to_owned())),
            },
            _ => Vec::new(),
        },
        Some(kind @ ("Catalog" | "Collection")) => {
            return Err(fail(format!("it is a STAC {kind}; items are needed: search it with `minesegsat search`")));
        }
        _ => {
            let said = http::explanation_of(document.to_string().as_bytes());
            let said = said.map_or_else(String::new, |said| format!("; it says: {said}"));
            return Err(fail(format!("it is neither a STAC ItemCollection nor a STAC Item{said}")));
        }
    };
    let mut parsed = ParsedItems { incomplete, ..ParsedItems::default() };
    let mut first_error = None;
    for (number, value) in values.into_iter().enumerate() {
        let id = value["id"].as_str().map_or_else(|| format!("number {}", number + 1), str::to_owned);
        match Item::from_value(value, &name) {
            Ok(mut item) => {
                for reason in item.resolve(location) {
                    tracing::warn!("{name}: item {id}: {reason}");
                }
                parsed.items.push(item);
            }
            Err(error) => {
                parsed.left_out.push(LeftOut::new(&id, "it is not a STAC item"));
                first_error.get_or_insert(error);
            }
        }
    }
    match first_error {
        Some(error) if parsed.items.is_empty() => Err(error),
        _ => Ok(parsed),
    }
}

/// An ItemCollection of these items, as JSON.
pub fn item_collection(items: &[Item]) -> Value {
    json!({
        "type": "FeatureCollection",
        "features": items,
        "links": [],
        "numberReturned": items.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(text: &str) -> Item {
        Item::from_value(serde_json::from_str(text).unwrap(), "x").unwrap()
    }

    #[test]
    fn unknown_members_survive() {
        let text = r#"{"type": "Feature", "id": "a", "properties": {"datetime": null, "x:y": [1, {"z": 2.5}]},
            "geometry": null, "links": [], "assets": {}, "of:someone": {"else": true}}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        let item = Item::from_value(value.clone(), "x").unwrap();
        assert_eq!(item.to_value(), value);
        assert_eq!(item_collection(&[item])["features"][0], value);
    }

    #[test]
    fn features_that_are_no_items_are_refused() {
        for (text, said) in [
            (r#"{"type": "Feature", "properties": {}, "geometry": null}"#, "no id"),
            (r#"{"type": "Feature", "id": "a"}"#, "no properties"),
            (r#"{"type": "Point"}"#, "neither"),
            (r#"{"type": "Collection"}"#, "STAC Collection"),
            (r#"{"type": "FeatureCollection"}"#, "features"),
        ] {
            let at = Location::Path("found.json".into());
            let error = parse_items(serde_json::from_str(text).unwrap(), &at).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("found.json"), "{error}");
        }
    }

    #[test]
    fn times_and_footprints_are_found_where_they_are() {
        let a = item(
            r#"{"type": "Feature", "id": "a", "geometry": null, "bbox": [170, -10, 0, -170, 10, 100],
            "properties": {"datetime": null, "start_datetime": "2021-07-01T00:00:00Z", "end_datetime": "2021-07-02T00:00:00Z"}}"#,
        );
        let (start, end) = a.interval().unwrap();
        assert_eq!(end.duration_since(start).as_hours(), 24);
        assert_eq!(a.footprint().0.len(), 2, "one part on each side of the antimeridian");
        let b = item(r#"{"type": "Feature", "id": "a", "geometry": null, "properties": {}}"#);
        assert!(b.footprint().0.is_empty() && b.interval().is_none() && b.cloud_cover_percent().is_none());
    }

    #[test]
    fn a_footprint_around_the_globe_is_that_of_the_images() {
        // A tile of zone 1 across the antimeridian; some catalogues write such a ring.
        let a = item(
            r#"{"type": "Feature", "id": "a", "geometry": {"type": "Polygon", "coordinates":
                [[[-180, -18], [180, -18], [180, -17], [-180, -17], [-180, -18]]]},
            "properties": {"datetime": null, "proj:epsg": 32701, "proj:bbox": [127600, 7990240, 237400, 8100040]}}"#,
        );
        let west = |longitude: f64, footprint: &MultiPolygon<f64>| {
            geo::Contains::contains(footprint, &geo::Point::new(longitude, -17.7))
        };
        let found = a.footprint();
        assert!(west(179.8, &found) && west(-179.8, &found) && !west(0.0, &found), "{found:?}");
    }

    #[test]
    fn addresses_are_resolved_where_the_item_is() {
        let text = r#"{"type": "Feature", "id": "a", "properties": {}, "links": [{"rel": "self", "href": "./a.json"}],
            "assets": {"B04": {"href": "../x/B04.tif"}, "B03": {"href": "s3://b/k"}}}"#;
        let at = Location::Url("https://host/c/a/a.json?sig=1".to_owned());
        let items = parse_items(serde_json::from_str(text).unwrap(), &at).unwrap();
        assert_eq!(items[0].link("self"), Some("https://host/c/a/a.json?sig=1"));
        let hrefs: Vec<_> = items[0].assets().map(|(_, asset)| asset["href"].as_str().unwrap()).collect();
        assert_eq!(hrefs, ["s3://b/k", "https://host/c/x/B04.tif?sig=1"]);
    }
}
