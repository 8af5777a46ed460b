//! Acquisitions that were processed more than once: only the newest processing is used.
//!
//! Catalogues list a scene again after each reprocessing, with another processing baseline. The older one may have another
//! radiometric offset and geometry, and both together would count as two scenes of one day.

use std::collections::{BTreeMap, HashMap};

use geo::Area;
use geo::{BooleanOps, MultiPolygon, unary_union};
use jiff::{SignedDuration, Timestamp};

use super::Item;
use crate::names::{ProcessingBaseline, ProductLevel};
use crate::stac;

/// Two items of one platform and tile show the same acquisition if their times differ by at most this. The next orbit over
/// the same ground follows after 100 minutes.
const SAME_ACQUISITION: SignedDuration = SignedDuration::from_mins(10);
/// Minimum share of the older item's footprint that the newer ones must cover. A tile that was received in two parts has two
/// items of one acquisition, which complete each other.
const COVERED: f64 = 0.9;

/// An item that another one replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superseded {
    /// Id of the older processing.
    pub older: String,
    /// Id of the newer processing.
    pub newer: String,
}

/// What identifies an acquisition, besides its time.
type AcquisitionKey = (String, String, Option<ProductLevel>, Option<u16>);

/// What orders processings: the baseline, then the time of processing.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Processing {
    baseline: Option<ProcessingBaseline>,
    made: Option<Timestamp>,
}

impl Processing {
    /// Whether this processing is known to be newer.
    fn is_newer_than(self, other: Self) -> bool {
        match (self.baseline, other.baseline) {
            (Some(own), Some(other)) if own != other => return own > other,
            _ => {}
        }
        matches!((self.made, other.made), (Some(own), Some(other)) if own > other)
    }
}

/// Removes items whose acquisition is there with a newer processing baseline. Of equal baselines the one that was processed
/// later is kept. Baselines are those of the properties, then of the product id; times are `created`, then `updated`.
///
/// Items without a platform, a tile or a time are kept.
pub fn keep_newest_processing(items: &mut Vec<Item>) -> Vec<Superseded> {
    let found = superseded(items);
    let id = |index: usize| items[index].id().to_owned();
    let names = found.iter().map(|(&older, &newest)| Superseded { older: id(older), newer: id(newest) }).collect();
    let mut index = 0;
    items.retain(|_| {
        index += 1;
        !found.contains_key(&(index - 1))
    });
    names
}

/// Indices of the items that [`keep_newest_processing`] removes, each with the index of the item that replaces it.
pub(super) fn superseded(items: &[Item]) -> BTreeMap<usize, usize> {
    let mut groups: HashMap<AcquisitionKey, Vec<(usize, Timestamp, Processing)>> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        let metadata = stac::metadata(&item.without_assets());
        let (Some(platform), Some(tile), Some(at)) = (metadata.platform, metadata.mgrs_tile, metadata.datetime) else {
            continue;
        };
        let time = |name: &str| item.property(name).as_str().and_then(|text| text.parse::<Timestamp>().ok());
        let processing =
            Processing { baseline: metadata.processing_baseline, made: time("created").or_else(|| time("updated")) };
        let key = (platform, tile, metadata.level, metadata.relative_orbit);
        groups.entry(key).or_default().push((index, at, processing));
    }
    let mut superseded = BTreeMap::new();
    for group in groups.values_mut().filter(|group| group.len() > 1) {
        group.sort_by_key(|&(index, at, _)| (at, index));
        for (number, &(older, at, processing)) in group.iter().enumerate() {
            let is_near = |other_at: Timestamp| other_at.duration_since(at).abs() <= SAME_ACQUISITION;
            let before = group[..number].iter().rev().take_while(|(_, other_at, _)| is_near(*other_at));
            let after = group[number + 1..].iter().take_while(|(_, other_at, _)| is_near(*other_at));
            let newer: Vec<&(usize, Timestamp, Processing)> =
                before.chain(after).filter(|(_, _, other)| other.is_newer_than(processing)).collect();
            let newest = newer.iter().copied().reduce(|a, b| if b.2.is_newer_than(a.2) { b } else { a });
            let Some(&(newest, ..)) = newest else { continue };
            let footprints: Vec<MultiPolygon<f64>> =
                newer.iter().map(|(index, ..)| items[*index].footprint()).collect();
            if covers(&footprints, &items[older].footprint()) {
                superseded.insert(older, newest);
            }
        }
    }
    superseded
}

/// Whether the newer footprints cover the older one. Unknown footprints count as the whole tile.
fn covers(newer: &[MultiPolygon<f64>], older: &MultiPolygon<f64>) -> bool {
    if older.0.is_empty() || newer.iter().any(|footprint| footprint.0.is_empty()) {
        return true;
    }
    let all = unary_union(newer);
    all.intersection(older).unsigned_area() >= COVERED * older.unsigned_area()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn item(id: &str, properties: &Value, [w, s, e, n]: [f64; 4]) -> Item {
        let mut all = json!({"datetime": "2021-06-29T19:09:19Z", "platform": "sentinel-2a", "grid:code": "MGRS-10UFV",
            "s2:product_type": "S2MSI2A"});
        all.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
        let ring = [[w, s], [e, s], [e, n], [w, n], [w, s]];
        let value = json!({"type": "Feature", "id": id, "properties": all, "assets": {}, "links": [],
            "geometry": {"type": "Polygon", "coordinates": [ring]}});
        Item::from_value(value, "test").unwrap()
    }

    const HERE: [f64; 4] = [0.0, 0.0, 1.0, 1.0];

    fn kept(mut items: Vec<Item>) -> Vec<String> {
        let before = items.len();
        let superseded = keep_newest_processing(&mut items);
        assert_eq!(before, items.len() + superseded.len());
        items.iter().map(|item| item.id().to_owned()).collect()
    }

    #[test]
    fn the_newest_baseline_is_kept_from_properties_product_id_or_time() {
        let baseline = |id: &str, text: &str| item(id, &json!({"s2:processing_baseline": text}), HERE);
        assert_eq!(kept(vec![baseline("a", "02.14"), baseline("b", "05.10"), baseline("c", "05.00")]), ["b"]);
        let product = |id: &str, n: &str| {
            let uri = format!("S2A_MSIL2A_20210629T190919_{n}_R056_T10UFV_20210629T213102.SAFE");
            item(id, &json!({ "s2:product_uri": uri }), HERE)
        };
        assert_eq!(kept(vec![product("b", "N0500"), product("a", "N0300")]), ["b"]);
        let made = |id: &str, at: &str| item(id, &json!({"s2:processing_baseline": "05.00", "created": at}), HERE);
        assert_eq!(kept(vec![made("a", "2021-06-30T00:00:00Z"), made("b", "2023-06-30T00:00:00Z")]), ["b"]);
        assert_eq!(kept(vec![made("a", "2021-06-30T00:00:00Z"), baseline("b", "05.00")]), ["a", "b"], "nothing tells");
    }

    #[test]
    fn other_acquisitions_and_other_parts_are_kept() {
        let of = |id: &str, text: &str, more: Value, at: [f64; 4]| {
            let mut properties = json!({"s2:processing_baseline": text});
            properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            item(id, &properties, at)
        };
        let a = || of("a", "03.00", json!({}), HERE);
        for other in [
            of("b", "05.00", json!({"platform": "sentinel-2b"}), HERE),
            of("b", "05.00", json!({"grid:code": "MGRS-10UGV"}), HERE),
            of("b", "05.00", json!({"datetime": "2021-06-29T20:49:19Z"}), HERE),
            of("b", "05.00", json!({"s2:product_type": "S2MSI1C"}), HERE),
            of("b", "05.00", json!({}), [0.5, 0.0, 1.0, 1.0]),
        ] {
            assert_eq!(kept(vec![a(), other]), ["a", "b"]);
        }
        let west = [0.0, 0.0, 0.5, 1.0];
        let east = [0.5, 0.0, 1.0, 1.0];
        let halves = vec![
            of("w3", "03.00", json!({}), west),
            of("e3", "03.00", json!({}), east),
            of("w5", "05.00", json!({}), west),
            of("e5", "05.00", json!({}), east),
        ];
        assert_eq!(kept(halves.clone()), ["w5", "e5"]);
        assert_eq!(kept(halves[..3].to_vec()), ["e3", "w5"], "the older half completes the newer one");
        assert_eq!(kept(vec![a(), halves[2].clone(), halves[3].clone()]), ["w5", "e5"], "two halves are the whole");
    }
}
