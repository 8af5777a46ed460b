//! JSON documents that may hold items, read in one pass: features one at a time, all other members whole.
//!
//! A tree of values takes fifteen times the memory of its text. Only one feature is such a tree at a time.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::item::Item;
use super::left_out::{self, LeftOut};
use minesegsat_core::{Error, Result};
use minesegsat_io::{Location, http, read_json_with};

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

/// A STAC document: an item, a collection of items, a catalogue, the page of a search.
#[derive(Debug)]
pub(super) struct Document {
    /// All members but `features`.
    pub(super) members: Value,
    location: Location,
    /// Number of `features`, if it has such a list.
    features: Option<usize>,
    items: ParsedItems,
    /// What is wrong with the first feature that is not an item.
    first_error: Option<Error>,
}

impl Document {
    /// Reads the document at a location.
    pub(super) fn read(location: &Location) -> Result<Self> {
        let mut document = Self::empty(location.clone());
        let outline = read_json_with(location, FeatureReader(|value| document.push(value)))?;
        Ok(document.with(outline))
    }

    /// Reads a document that came from a location.
    pub(super) fn from_reader(reader: impl std::io::Read, location: Location) -> serde_json::Result<Self> {
        let mut document = Self::empty(location);
        let mut json = serde_json::Deserializer::from_reader(reader);
        let outline = FeatureReader(|value| document.push(value)).deserialize(&mut json)?;
        json.end()?;
        Ok(document.with(outline))
    }

    fn empty(location: Location) -> Self {
        Self { members: Value::Null, location, features: None, items: ParsedItems::default(), first_error: None }
    }

    fn with(self, outline: Outline) -> Self {
        Self { members: Value::Object(outline.members), features: outline.features, ..self }
    }

    /// Keeps a feature. Relative addresses are resolved against the location of the document.
    fn push(&mut self, value: Value) {
        let number = self.items.items.len() + self.items.left_out.len() + 1;
        let id = value["id"].as_str().map_or_else(|| format!("number {number}"), str::to_owned);
        let name = self.location.to_string();
        match Item::found_at(value, &self.location, &name) {
            Ok((item, refused)) => {
                for reason in refused {
                    tracing::warn!("{name}: item {id}: {reason}");
                }
                self.items.items.push(item);
            }
            Err(error) => {
                self.items.left_out.push(LeftOut::new(&id, "it is not a STAC item"));
                self.first_error.get_or_insert(error);
            }
        }
    }

    /// Its type: `Feature`, `FeatureCollection`, `Catalog`, `Collection`.
    pub(super) fn kind(&self) -> Option<&str> {
        self.members["type"].as_str()
    }

    /// The items of an ItemCollection, or the one Item. Damaged items are left out as long as others are usable.
    pub(super) fn into_items(mut self) -> Result<ParsedItems> {
        let fail = |reason: String| Error::input(self.location.to_string(), reason);
        let incomplete = self.features.and_then(|count| left_out::said_incomplete(&self.members, count));
        match self.kind() {
            Some("Feature") => {
                let item = self.members.take();
                self.push(item);
            }
            Some("FeatureCollection") if self.features.is_none() => {
                return Err(fail("it has no list of `features`".to_owned()));
            }
            Some("FeatureCollection") => {}
            Some(kind @ ("Catalog" | "Collection")) => {
                return Err(fail(format!("it is a STAC {kind}; items are needed: search it with `minesegsat search`")));
            }
            _ => {
                let said = http::explanation_of(self.members.to_string().as_bytes());
                let said = said.map_or_else(String::new, |said| format!("; it says: {said}"));
                return Err(fail(format!("it is neither a STAC ItemCollection nor a STAC Item{said}")));
            }
        }
        match self.first_error {
            Some(error) if self.items.items.is_empty() => Err(error),
            _ => Ok(ParsedItems { incomplete, ..self.items }),
        }
    }
}

/// Reads a document of STAC at a location. Its features go to `on_feature` one by one; returns all other members and the number of
/// features, if it has a list of them.
pub fn read_features(
    location: &Location,
    on_feature: impl FnMut(Value),
) -> Result<(Map<String, Value>, Option<usize>)> {
    read_json_with(location, FeatureReader(on_feature)).map(|outline| (outline.members, outline.features))
}

/// What is left of a document without its features.
struct Outline {
    members: Map<String, Value>,
    features: Option<usize>,
}

/// Reads an object; calls a function with each of its `features`.
struct FeatureReader<F>(F);

impl<'de, F: FnMut(Value)> DeserializeSeed<'de> for FeatureReader<F> {
    type Value = Outline;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Outline, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(Value)> Visitor<'de> for FeatureReader<F> {
    type Value = Outline;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a STAC document, which is a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Outline, A::Error> {
        let mut outline = Outline { members: Map::new(), features: None };
        while let Some(key) = map.next_key::<String>()? {
            if key == "features" {
                outline.features = Some(map.next_value_seed(FeatureList(&mut self.0))?);
            } else {
                outline.members.insert(key, map.next_value()?);
            }
        }
        Ok(outline)
    }
}

/// Reads a list of features, and counts them.
struct FeatureList<'a, F>(&'a mut F);

impl<'de, F: FnMut(Value)> DeserializeSeed<'de> for FeatureList<'_, F> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(Value)> Visitor<'de> for FeatureList<'_, F> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of `features`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<usize, A::Error> {
        let mut count = 0;
        while let Some(feature) = list.next_element()? {
            (self.0)(feature);
            count += 1;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, location: Location) -> Result<ParsedItems> {
        Document::from_reader(text.as_bytes(), location).unwrap().into_items()
    }

    #[test]
    fn features_that_are_no_items_are_refused() {
        for (text, said) in [
            (r#"{"type": "Feature", "properties": {}, "geometry": null}"#, "no id"),
            (r#"{"type": "Feature", "id": "a"}"#, "no properties"),
            (r#"{"type": "Point"}"#, "neither"),
            (r#"{"detail": "no such search"}"#, "it says: no such search"),
            (r#"{"type": "Collection"}"#, "STAC Collection"),
            (r#"{"type": "FeatureCollection"}"#, "features"),
            (r#"{"features": [{"type": "Feature"}], "type": "FeatureCollection"}"#, "no id"),
        ] {
            let error = parse(text, Location::Path("found.json".into())).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("found.json"), "{error}");
        }
        let at = || Location::Path("found.json".into());
        for text in ["[]", "7", r#"{"features": null}"#, r#"{"features": {}}"#, "{} {}"] {
            assert!(Document::from_reader(text.as_bytes(), at()).is_err(), "{text}");
        }
    }

    #[test]
    fn members_are_read_in_any_order_and_damaged_items_are_counted() {
        let item = |id: &str| format!(r#"{{"type": "Feature", "id": "{id}", "properties": {{}}, "geometry": null}}"#);
        let features = format!(r#""features": [{}, {{"id": 7}}, 3, {}]"#, item("a"), item("b"));
        for text in [
            format!(r#"{{"type": "FeatureCollection", "numberMatched": 9, {features}}}"#),
            format!(r#"{{{features}, "numberMatched": 9, "type": "FeatureCollection"}}"#),
        ] {
            let found = parse(&text, Location::Path("found.json".into())).unwrap();
            assert_eq!(found.items.iter().map(Item::id).collect::<Vec<_>>(), ["a", "b"]);
            assert_eq!(found.left_out.iter().map(|left| &*left.id).collect::<Vec<_>>(), ["number 2", "number 3"]);
            assert!(found.incomplete.unwrap().contains("9 items match, but has 4"));
        }
    }

    #[test]
    fn files_on_disk_and_text_are_read_alike() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let at = Location::from(path.as_path());
        assert!(matches!(Document::read(&at), Err(Error::Io(_))));
        for (text, is_read) in [(r#"{"type": "Feature"}"#, true), (r#"{"type": "Feature""#, false), ("{}\n x", false)] {
            fs_err::write(&path, text).unwrap();
            let read = Document::read(&at);
            assert_eq!(read.is_ok(), is_read, "{text}");
            assert_eq!(Document::from_reader(text.as_bytes(), at.clone()).is_ok(), is_read, "{text}");
            if let Err(error) = read {
                assert!(error.to_string().contains("a.json"), "{error}");
            }
        }
    }

    #[test]
    fn addresses_are_resolved_where_the_item_is() {
        let text = r#"{"type": "Feature", "id": "a", "properties": {}, "links": [{"rel": "self", "href": "./a.json"}],
            "assets": {"B04": {"href": "../x/B04.tif"}, "B03": {"href": "s3://b/k"}}}"#;
        let items = parse(text, Location::Url("https://host/c/a/a.json?sig=1".to_owned())).unwrap().items;
        assert_eq!(items[0].link("self"), Some("https://host/c/a/a.json?sig=1"));
        let assets = items[0].assets();
        let hrefs: Vec<_> = assets.values().map(|asset| asset["href"].as_str().unwrap()).collect();
        assert_eq!(hrefs, ["s3://b/k", "https://host/c/x/B04.tif?sig=1"]);
    }
}
