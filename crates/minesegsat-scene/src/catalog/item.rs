//! STAC items: the original JSON, with typed access to the members in use.

use std::fmt;
use std::sync::Arc;

use geo::{Geometry, MultiPolygon};
use geojson::GeometryValue;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::area::normalise;
use crate::stated::epsg;
use minesegsat_core::area_of_interest::rectangles;
use minesegsat_core::{Crs, Error, Result, Transformer};
use minesegsat_io::Location;
use minesegsat_io::raster::follow;
use minesegsat_vector::vector::parse_geometry;

/// Ids of the collection and the item.
pub(crate) type ItemKey = (String, String);

/// A STAC Item. Unknown members are kept. A copy shares the content.
///
/// Its assets are most of its size, and are kept as text: a tree of values takes fifteen times the memory.
///
/// `Debug` shows only its id, because addresses of assets may be signed.
#[derive(Clone, PartialEq)]
pub struct Item {
    /// All members but the assets.
    members: Arc<Map<String, Value>>,
    /// JSON of the assets, if they are an object.
    assets: Option<Arc<str>>,
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item({})", self.id())
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_object().serialize(serializer)
    }
}

impl Item {
    /// Takes a GeoJSON Feature with an id and properties. `location` is its source, for messages.
    pub fn from_value(value: Value, location: &str) -> Result<Self> {
        check(value, location).map(Self::from_object)
    }

    /// Like [`Item::from_value`], with the addresses of links and assets made absolute. Also returns the reasons why links
    /// and assets were removed.
    pub(super) fn found_at(value: Value, location: &Location, name: &str) -> Result<(Self, Vec<String>)> {
        let mut object = check(value, name)?;
        let refused = resolve(&mut object, location);
        Ok((Self::from_object(object), refused))
    }

    fn from_object(mut object: Map<String, Value>) -> Self {
        let assets =
            object.get("assets").filter(|assets| assets.is_object()).map(|assets| Arc::from(assets.to_string()));
        if assets.is_some() {
            object.remove("assets");
        }
        Self { members: Arc::new(object), assets }
    }

    /// The id, unique in its collection.
    pub fn id(&self) -> &str {
        self.members.get("id").and_then(Value::as_str).unwrap_or_default()
    }

    /// The id of its collection.
    pub fn collection(&self) -> Option<&str> {
        self.members.get("collection").and_then(Value::as_str)
    }

    /// Schemas of its declared extensions.
    pub(crate) fn stac_extensions(&self) -> impl Iterator<Item = &str> {
        self.members.get("stac_extensions").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// A property by its name, such as `eo:cloud_cover`.
    pub fn property(&self, name: &str) -> &Value {
        self.members.get("properties").map_or(&Value::Null, |properties| &properties[name])
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
        if let Some(polygons) = self.members.get("geometry").and_then(polygons_of) {
            let stated = normalise(&polygons);
            return if is_too_large(&stated) { self.outline().unwrap_or(stated) } else { stated };
        }
        let numbers: Vec<f64> = self
            .members
            .get("bbox")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_f64)
            .collect();
        match numbers[..] {
            [west, south, east, north] | [west, south, _, east, north, _] => rectangles([west, south, east, north]),
            _ => MultiPolygon(Vec::new()),
        }
    }

    /// Outline of the images by the Projection extension, in longitude and latitude.
    fn outline(&self) -> Option<MultiPolygon<f64>> {
        let properties = self.members.get("properties")?;
        let assets = self.assets();
        let places = std::iter::once(properties).chain(assets.values());
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
        let links = self.members.get("links").and_then(Value::as_array);
        links.into_iter().flatten().find(|link| link["rel"] == rel).and_then(|link| link["href"].as_str())
    }

    /// Its files, by asset key.
    pub fn assets(&self) -> Map<String, Value> {
        self.assets.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// The item as JSON.
    pub fn to_value(&self) -> Value {
        Value::Object(self.to_object())
    }

    /// The members of the item.
    pub(crate) fn to_object(&self) -> Map<String, Value> {
        let mut object = (*self.members).clone();
        if self.assets.is_some() {
            object.insert("assets".to_owned(), Value::Object(self.assets()));
        }
        object
    }

    /// Id, collection and properties as JSON: what describes the item, without its many addresses.
    pub(crate) fn without_assets(&self) -> Value {
        let member = |name: &str| self.members.get(name).cloned().unwrap_or_default();
        json!({ "id": self.id(), "collection": self.collection(), "properties": member("properties") })
    }

    /// The key that identifies the item among all items.
    pub(crate) fn key(&self) -> ItemKey {
        (self.collection().unwrap_or_default().to_owned(), self.id().to_owned())
    }
}

/// The members of a GeoJSON Feature with an id and properties.
fn check(value: Value, location: &str) -> Result<Map<String, Value>> {
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
    Ok(object)
}

/// Makes the addresses of links and assets absolute, so that the item can be moved. `at` is the item's location.
///
/// Links and assets that a stranger may not name are removed: files of this machine in an item from a server, and
/// addresses further inside the network than its own. Returns the reasons, with the keys of assets.
fn resolve(item: &mut Map<String, Value>, at: &Location) -> Vec<String> {
    let base = at.parent().unwrap_or_else(|| at.clone());
    let mut refused = Vec::new();
    if let Some(links) = item.get_mut("links").and_then(Value::as_array_mut) {
        links.retain_mut(|link| resolve_href(link, at, &base).is_ok());
    }
    if let Some(assets) = item.get_mut("assets").and_then(Value::as_object_mut) {
        assets.retain(|key, asset| {
            if let Some(alternates) = asset.get_mut("alternate").and_then(Value::as_object_mut) {
                alternates.retain(|_, alternate| resolve_href(alternate, at, &base).is_ok());
            }
            resolve_href(asset, at, &base).map_err(|error| refused.push(format!("asset `{key}`: {error}"))).is_ok()
        });
    }
    refused
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

/// An ItemCollection, to be written as JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemCollection<'a> {
    features: &'a [Item],
    links: [(); 0],
    number_returned: usize,
    r#type: &'static str,
}

/// An ItemCollection of these items.
pub fn item_collection(items: &[Item]) -> ItemCollection<'_> {
    ItemCollection { features: items, links: [], number_returned: items.len(), r#type: "FeatureCollection" }
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
        let written = serde_json::to_value(item_collection(&[item])).unwrap();
        let expected = json!({"type": "FeatureCollection", "features": [value], "links": [], "numberReturned": 1});
        assert_eq!(written, expected);
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
}
