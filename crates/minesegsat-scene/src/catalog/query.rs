//! The search query, in a form for every kind of source.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::str::FromStr;

use geo::Intersects;
use serde_json::Value;

use super::{DateRange, Item, SearchArea};
use minesegsat_core::{Error, Result};

/// Limits of a search. Items must satisfy all of them.
#[derive(Debug, Clone, Default)]
pub struct SearchQuery {
    /// Ids of collections. Empty: any collection.
    pub collections: Vec<String>,
    /// Items must overlap this area.
    pub area: Option<SearchArea>,
    /// Items must lie in one of these ranges. Empty: any date.
    pub datetimes: Vec<DateRange>,
    /// Maximum cloud cover, in percent. Items without a cloud cover are left out.
    pub max_cloud_cover_percent: Option<f64>,
    /// Maximum number of items.
    pub max_items: Option<usize>,
    /// Sort order of the result. The first key has priority.
    pub sort_by: Vec<SortKey>,
    /// Items per API request. `None`: the API's own default.
    pub page_size: Option<usize>,
}

impl SearchQuery {
    pub(super) fn check(&self) -> Result<()> {
        let refuse =
            |name, value: String, accepted: &str| Err(Error::Argument { name, value, accepted: accepted.to_owned() });
        if let Some(cloud) = self.max_cloud_cover_percent
            && !(0.0..=100.0).contains(&cloud)
        {
            return refuse("max cloud cover", cloud.to_string(), "0 to 100 percent");
        }
        if self.max_items == Some(0) {
            return refuse("max items", "0".to_owned(), "1 or more");
        }
        if self.page_size.is_some_and(|size| !(1..=10_000).contains(&size)) {
            return refuse("limit", self.page_size.unwrap_or(0).to_string(), "1 to 10000 items per page");
        }
        Ok(())
    }

    /// Whether an item satisfies all limits.
    pub fn accepts(&self, item: &Item) -> bool {
        self.judge(item) == Match::Yes
    }

    /// Whether an item satisfies all limits, or cannot be told because it lacks a date or an outline.
    pub(super) fn judge(&self, item: &Item) -> Match {
        let collection = item.collection();
        if !self.collections.is_empty() && !self.collections.iter().any(|c| Some(c.as_str()) == collection) {
            return Match::No;
        }
        if let Some(most) = self.max_cloud_cover_percent
            && item.cloud_cover_percent().is_none_or(|cloud| cloud > most)
        {
            return Match::No;
        }
        let mut unknown = None;
        if !self.datetimes.is_empty() {
            match item.interval() {
                Some(interval) if !self.datetimes.iter().any(|range| range.touches(interval)) => return Match::No,
                Some(_) => {}
                None => unknown = Some("no readable date"),
            }
        }
        if let Some(area) = &self.area {
            let footprint = item.footprint();
            if footprint.0.is_empty() {
                unknown = unknown.or(Some("no readable outline"));
            } else if !area.polygons().intersects(&footprint) {
                return Match::No;
            }
        }
        unknown.map_or(Match::Yes, Match::Unknown)
    }

    /// Sorts items in the requested order. The sort is stable.
    pub(super) fn sort(&self, items: &mut [Item]) {
        items.sort_by(|a, b| {
            self.sort_by.iter().map(|key| key.compare(a, b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        });
    }
}

/// Whether an item satisfies a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    No,
    /// It lacks what a limit needs: what it lacks.
    Unknown(&'static str),
}

/// Removes duplicates.
pub(super) fn keep_first_of_each(items: &mut Vec<Item>) {
    let mut seen = HashSet::new();
    items.retain(|item| seen.insert(item.key()));
}

/// A sort key: a member of an item, and the direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// `id`, `collection`, or the name of a property.
    pub field: String,
    /// Whether the largest value comes first.
    pub descending: bool,
}

impl SortKey {
    /// The field's name in the Sort extension of STAC APIs.
    pub(super) fn api_field(&self) -> String {
        match self.field.as_str() {
            name @ ("id" | "collection") => name.to_owned(),
            name => format!("properties.{name}"),
        }
    }

    fn compare(&self, a: &Item, b: &Item) -> Ordering {
        let value = |item: &Item| match self.field.as_str() {
            "id" => Value::from(item.id()),
            "collection" => Value::from(item.collection()),
            name => item.property(name).clone(),
        };
        match (value(a), value(b)) {
            (Value::Null, Value::Null) => Ordering::Equal,
            // Unknown values come last in both directions.
            (Value::Null, _) => Ordering::Greater,
            (_, Value::Null) => Ordering::Less,
            (a, b) => {
                let order = match (a.as_f64(), b.as_f64(), a.as_str(), b.as_str()) {
                    (Some(a), Some(b), ..) => a.total_cmp(&b),
                    (_, _, Some(a), Some(b)) => a.cmp(b),
                    _ => a.to_string().cmp(&b.to_string()),
                };
                if self.descending { order.reverse() } else { order }
            }
        }
    }
}

/// Parses `datetime`, `-datetime`, `eo:cloud_cover`, `properties.eo:cloud_cover`, `cloud-cover`, `id`. A `-` puts the
/// largest first.
impl FromStr for SortKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, descending) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text.strip_prefix('+').unwrap_or(text), false),
        };
        let field = match name.strip_prefix("properties.").unwrap_or(name) {
            "cloud-cover" | "cloud_cover" => "eo:cloud_cover",
            "date" => "datetime",
            name => name,
        };
        if field.is_empty() || field.contains(char::is_whitespace) {
            return Err(Error::Argument {
                name: "sort-by",
                value: text.to_owned(),
                accepted: "a property such as datetime or eo:cloud_cover, or id; with - before it for largest first"
                    .to_owned(),
            });
        }
        Ok(Self { field: field.to_owned(), descending })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in super::super) fn item(id: &str, date: &str, cloud: Option<f64>, [w, s, e, n]: [f64; 4]) -> Item {
        let value = json!({
            "type": "Feature", "id": id, "collection": "c", "links": [], "assets": {},
            "properties": {"datetime": format!("{date}T10:00:00Z"), "eo:cloud_cover": cloud},
            "geometry": {"type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]},
        });
        Item::from_value(value, "test").unwrap()
    }

    #[test]
    fn every_limit_holds() {
        let here = item("a", "2021-07-10", Some(10.0), [10.0, 50.0, 11.0, 51.0]);
        let query = SearchQuery {
            collections: vec!["b".into(), "c".into()],
            area: Some(SearchArea::from_bbox([10.9, 50.9, 12.0, 52.0]).unwrap()),
            datetimes: vec!["2020".parse().unwrap(), "2021-07".parse().unwrap()],
            max_cloud_cover_percent: Some(10.0),
            ..SearchQuery::default()
        };
        assert!(query.accepts(&here));
        let refuses = |change: &dyn Fn(&mut SearchQuery)| {
            let mut query = query.clone();
            change(&mut query);
            assert!(!query.accepts(&here), "{query:?}");
        };
        refuses(&|q| q.collections = vec!["b".into()]);
        refuses(&|q| q.area = Some(SearchArea::from_bbox([11.1, 50.9, 12.0, 52.0]).unwrap()));
        refuses(&|q| q.datetimes = vec!["2020".parse().unwrap()]);
        refuses(&|q| q.max_cloud_cover_percent = Some(9.0));
        let unknown = item("a", "2021-07-10", None, [10.0, 50.0, 11.0, 51.0]);
        assert!(!query.accepts(&unknown), "an unknown cloud cover is above any limit");
        let more = SearchQuery { max_cloud_cover_percent: Some(101.0), ..query };
        assert!(more.check().unwrap_err().to_string().contains("0 to 100"));
    }

    #[test]
    fn items_are_sorted_by_several_keys_with_the_unknown_last() {
        let at = [0.0, 0.0, 1.0, 1.0];
        let mut items = vec![
            item("a", "2021-01-01", None, at),
            item("b", "2021-01-01", Some(20.0), at),
            item("c", "2021-01-02", Some(3.0), at),
            item("d", "2021-01-01", Some(3.0), at),
        ];
        let keys = |text: &str| text.split(',').map(|key| key.parse().unwrap()).collect();
        let mut sorted = |text: &str| {
            SearchQuery { sort_by: keys(text), ..SearchQuery::default() }.sort(&mut items);
            items.iter().map(Item::id).collect::<Vec<_>>().concat()
        };
        assert_eq!(sorted("cloud-cover,-date"), "cdba");
        assert_eq!(sorted("-properties.eo:cloud_cover,id"), "bcda");
        assert_eq!(sorted("-id"), "dcba");
        assert!("-".parse::<SortKey>().is_err());
    }
}
