//! Selection of scenes that cover an area, following the paper: best first, each only if it adds new ground.
//!
//! MacDonald, Jacoby, Coady 2023, section 3: scenes are taken in the order of their cloud cover. Small granules are
//! dropped. A scene whose part of the area is already covered is not taken.

use std::cmp::Ordering;

use geo::{BooleanOps, MultiPolygon};
use jiff::Timestamp;

use super::processing::superseded;
use super::{DateRange, Item, SearchArea};
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::{Crs, Error, Result};

/// The order of scenes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preference {
    /// Lower cloud cover first.
    #[default]
    Cloud,
    /// Nearer to the middle of the date range first.
    Season,
}

/// Settings of the selection.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// The order of scenes.
    pub prefer: Preference,
    /// Minimum footprint in square kilometres on the ellipsoid. Smaller scenes are slivers at the edge of a swath. A
    /// whole tile has 12 056 km2.
    pub min_granule_km2: f64,
    /// Minimum share of a scene's part of the area that must not be covered by the scenes before it.
    pub min_new_share: f64,
}

impl Default for Selection {
    /// Lowest cloud cover first, granules of at least 100 km2, at least 5 % new ground.
    fn default() -> Self {
        Self { prefer: Preference::Cloud, min_granule_km2: 100.0, min_new_share: 0.05 }
    }
}

/// The selected scenes of one date range.
#[derive(Debug, Clone)]
pub struct Selected {
    /// The date range, if one was given.
    pub range: Option<DateRange>,
    /// The scenes in the order of selection. In a mosaic, the first lies on top.
    pub items: Vec<Item>,
    /// Scenes dropped because of their size.
    pub dropped_small: usize,
    /// Ground covered by the scenes, in square kilometres.
    pub covered_km2: f64,
    /// The area of interest in square kilometres, if one was given.
    pub area_km2: Option<f64>,
}

/// An item with the values for the selection.
struct Candidate<'a> {
    item: &'a Item,
    /// Its part of the area of interest.
    part: MultiPolygon<f64>,
    part_km2: f64,
    /// Distance from the middle of the range, in seconds.
    from_middle: Option<i64>,
}

/// Selects scenes per date range, or from all items without a range. Of an acquisition that was processed more than once, only
/// the newest processing counts. The result does not depend on the order of the
/// items.
pub fn select(
    items: &[Item],
    area: Option<&SearchArea>,
    ranges: &[DateRange],
    selection: &Selection,
) -> Result<Vec<Selected>> {
    if !(0.0..=1.0).contains(&selection.min_new_share) || !selection.min_granule_km2.is_finite() {
        return Err(Error::Argument {
            name: "selection",
            value: format!("{} new, {} km2", selection.min_new_share, selection.min_granule_km2),
            accepted: "a share of 0 to 1, and an area in km2".to_owned(),
        });
    }
    let superseded = superseded(items);
    for (&older, &newer) in &superseded {
        tracing::info!("{} is left out: {} is a newer processing", items[older].id(), items[newer].id());
    }
    let items: Vec<&Item> =
        items.iter().enumerate().filter(|(index, _)| !superseded.contains_key(index)).map(|(_, item)| item).collect();
    let items = items.as_slice();
    if ranges.is_empty() {
        let whole = select_of_range(items, area, None, selection)?;
        return Ok(vec![whole]);
    }
    ranges.iter().map(|&range| select_of_range(items, area, Some(range), selection)).collect()
}

fn select_of_range(
    items: &[&Item],
    area: Option<&SearchArea>,
    range: Option<DateRange>,
    selection: &Selection,
) -> Result<Selected> {
    let middle = range.and_then(|range| range.middle());
    if selection.prefer == Preference::Season && middle.is_none() {
        return Err(Error::Argument {
            name: "prefer",
            value: "season".to_owned(),
            accepted: "with a date range of two ends only, such as 2021-06/2021-08: its middle is the best day"
                .to_owned(),
        });
    }
    let meter = GeodesicMeter::new(&Crs::WGS84)?;
    let km2 = |polygons: &MultiPolygon<f64>| meter.measure(polygons).map(|size| size.area_m2 / 1e6);
    let mut dropped_small = 0;
    let mut candidates = Vec::new();
    for &item in items {
        let Some(interval) = item.interval() else {
            if range.is_none() {
                candidates.extend(candidate(item, area, None, &km2, selection, &mut dropped_small)?);
            }
            continue;
        };
        if range.is_some_and(|range| !range.touches(interval)) {
            continue;
        }
        let from_middle = middle.map(|middle: Timestamp| middle.duration_since(interval.0).as_secs().abs());
        candidates.extend(candidate(item, area, from_middle, &km2, selection, &mut dropped_small)?);
    }
    candidates.sort_by(|a, b| better(a, b, selection.prefer));

    let mut covered: MultiPolygon<f64> = MultiPolygon(Vec::new());
    let mut covered_km2 = 0.0;
    let mut chosen = Vec::new();
    for candidate in &candidates {
        let new = candidate.part.difference(&covered);
        let new_km2 = km2(&new)?;
        // Rounding leaves slivers that are not new ground.
        if new_km2 <= 1e-9 * candidate.part_km2 || new_km2 < selection.min_new_share * candidate.part_km2 {
            continue;
        }
        covered = covered.union(&candidate.part);
        covered_km2 += new_km2;
        chosen.push(candidate.item.clone());
    }
    let area_km2 = area.map(|area| km2(area.polygons())).transpose()?;
    Ok(Selected { range, items: chosen, dropped_small, covered_km2, area_km2 })
}

/// A candidate: an item that is large enough and overlaps the area.
fn candidate<'a>(
    item: &'a Item,
    area: Option<&SearchArea>,
    from_middle: Option<i64>,
    km2: &dyn Fn(&MultiPolygon<f64>) -> Result<f64>,
    selection: &Selection,
    dropped_small: &mut usize,
) -> Result<Option<Candidate<'a>>> {
    let footprint = item.footprint();
    let footprint_km2 = km2(&footprint)?;
    if footprint_km2 < selection.min_granule_km2 {
        *dropped_small += 1;
        return Ok(None);
    }
    let part = match area {
        Some(area) => footprint.intersection(area.polygons()),
        None => footprint,
    };
    let part_km2 = if area.is_some() { km2(&part)? } else { footprint_km2 };
    Ok((part_km2 > 0.0).then_some(Candidate { item, part, part_km2, from_middle }))
}

/// Compares two candidates, the better one first. Ids break ties, so that the order of the input does not matter.
fn better(a: &Candidate<'_>, b: &Candidate<'_>, prefer: Preference) -> Ordering {
    // An unknown cloud cover ranks last.
    let cloud = |c: &Candidate<'_>| c.item.cloud_cover_percent().unwrap_or(f64::INFINITY);
    let by_cloud = cloud(a).total_cmp(&cloud(b));
    let by_season = a.from_middle.cmp(&b.from_middle);
    let first = match prefer {
        Preference::Cloud => by_cloud.then(by_season),
        Preference::Season => by_season.then(by_cloud),
    };
    first.then_with(|| b.part_km2.total_cmp(&a.part_km2)).then_with(|| a.item.key().cmp(&b.item.key()))
}

#[cfg(test)]
mod tests {
    use geo::Contains;
    use proptest::prelude::*;

    use super::super::query::tests::item;
    use super::*;

    fn ids(selected: &Selected) -> Vec<&str> {
        selected.items.iter().map(Item::id).collect()
    }

    fn one(items: &[Item], area: [f64; 4], selection: &Selection) -> Selected {
        let area = SearchArea::from_bbox(area).unwrap();
        select(items, Some(&area), &[], selection).unwrap().remove(0)
    }

    #[test]
    fn the_least_cloudy_scenes_that_cover_the_area_are_taken() {
        let items = [
            item("cloudy", "2021-07-01", Some(60.0), [10.0, 50.0, 12.0, 51.0]),
            item("west", "2021-07-02", Some(10.0), [10.0, 50.0, 11.0, 51.0]),
            item("again", "2021-07-03", Some(20.0), [10.0, 50.0, 11.02, 51.0]),
            item("east", "2021-07-04", Some(30.0), [11.0, 50.0, 12.0, 51.0]),
            item("unknown", "2021-07-04", None, [10.0, 50.0, 12.5, 51.0]),
            item("far", "2021-07-04", Some(0.0), [20.0, 50.0, 21.0, 51.0]),
        ];
        let selected = one(&items, [10.2, 50.2, 11.8, 50.8], &Selection::default());
        assert_eq!(ids(&selected), ["west", "east"], "`again` brings under 5 % of its own part");
        assert!((selected.covered_km2 / selected.area_km2.unwrap() - 1.0).abs() < 1e-6);
        // pyproj: Geod(ellps="WGS84").geometry_area_perimeter(shapely.segmentize(shapely.box(10.2, 50.2, 11.8, 50.8), 0.01))
        assert!((selected.area_km2.unwrap() - 7576.594).abs() < 0.1, "{:?}", selected.area_km2);
    }

    #[test]
    fn small_granules_are_dropped_by_their_area_on_the_ellipsoid() {
        // 0.1 degrees each way are 123 km2 at the equator and 21 km2 at 80 degrees north.
        let items = [
            item("equator", "2021-07-01", Some(5.0), [10.0, 0.0, 10.1, 0.1]),
            item("north", "2021-07-01", Some(5.0), [10.0, 80.0, 10.1, 80.1]),
        ];
        let selected = select(&items, None, &[], &Selection::default()).unwrap().remove(0);
        assert_eq!((ids(&selected), selected.dropped_small), (vec!["equator"], 1));
    }

    #[test]
    fn ranges_are_chosen_apart_and_by_season_if_wanted() {
        let at = [10.0, 50.0, 11.0, 51.0];
        let items = [
            item("early", "2021-06-02", Some(1.0), at),
            item("middle", "2021-07-16", Some(9.0), at),
            item("last year", "2020-07-16", Some(50.0), at),
        ];
        let ranges = ["2020-06/2020-08".parse().unwrap(), "2021-06/2021-08".parse().unwrap()];
        let chosen = |prefer| {
            let selection = Selection { prefer, ..Selection::default() };
            let all = select(&items, None, &ranges, &selection).unwrap();
            all.iter().flat_map(|s| ids(s).into_iter().map(str::to_owned).collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        assert_eq!(chosen(Preference::Cloud), ["last year", "early"]);
        assert_eq!(chosen(Preference::Season), ["last year", "middle"]);
        let season = Selection { prefer: Preference::Season, ..Selection::default() };
        let error = select(&items, None, &["2021-06/..".parse().unwrap()], &season).unwrap_err().to_string();
        assert!(error.contains("two ends"), "{error}");
    }

    #[test]
    fn an_area_across_the_antimeridian_is_covered_on_both_sides() {
        let items = [
            item("east", "2021-07-01", Some(1.0), [178.0, 60.0, 180.0, 61.0]),
            item("west", "2021-07-01", Some(2.0), [-180.0, 60.0, -178.0, 61.0]),
        ];
        let selected = one(&items, [179.0, 60.2, -179.0, 60.8], &Selection::default());
        assert_eq!(ids(&selected), ["east", "west"]);
        assert!((selected.covered_km2 / selected.area_km2.unwrap() - 1.0).abs() < 1e-6);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Counted on a grid of points, apart from the polygons' arithmetic: of each item that is large enough at most
        /// 5 % is not covered by the chosen ones, whatever the order of the input.
        #[test]
        fn what_all_cover_the_chosen_cover_up_to_the_tolerance(
            boxes in prop::collection::vec((0_u8..16, 0_u8..16, 2_u8..10, 2_u8..10, 0_u8..40), 1..14),
            turn in any::<prop::sample::Index>(),
        ) {
            let place = |x: u8| f64::from(x) * 0.1;
            let mut items: Vec<Item> = boxes.iter().enumerate().map(|(i, &(x, y, w, h, cloud))| {
                let bounds = [10.0 + place(x), place(y), 10.0 + place(x + w), place(y + h)];
                item(&format!("item-{i:02}"), "2021-07-01", (cloud < 38).then_some(f64::from(cloud / 4)), bounds)
            }).collect();
            let area = [10.35, 0.35, 11.65, 1.65];
            let selection = Selection { min_granule_km2: 1000.0, ..Selection::default() };
            let selected = one(&items, area, &selection);
            let chosen: Vec<MultiPolygon<f64>> = selected.items.iter().map(Item::footprint).collect();
            let points: Vec<geo::Point<f64>> = (0..52).flat_map(|i| (0..52).map(move |j| (i, j)))
                .map(|(i, j)| geo::Point::new(10.3625 + f64::from(i) * 0.025, 0.3625 + f64::from(j) * 0.025)).collect();
            for (item, &(.., w, h, _)) in items.iter().zip(&boxes) {
                // A hundredth of a square degree has 122 to 123 km2 here.
                if u32::from(w) * u32::from(h) < 9 {
                    prop_assert!(!selected.items.contains(item), "{item:?} is small");
                    continue;
                }
                let footprint = item.footprint();
                let inside: Vec<_> = points.iter().filter(|p| footprint.contains(*p)).collect();
                let missed = inside.iter().filter(|p| !chosen.iter().any(|c| c.contains(**p))).count();
                prop_assert!(missed as f64 <= 0.055 * inside.len() as f64, "{item:?}: {missed} of {}", inside.len());
            }
            let by_cloud: Vec<f64> = selected.items.iter().map(|i| i.cloud_cover_percent().unwrap_or(f64::INFINITY)).collect();
            prop_assert!(by_cloud.is_sorted());
            let before = selected.items.clone();
            let at = turn.index(items.len());
            items.rotate_left(at);
            items.reverse();
            prop_assert_eq!(&one(&items, area, &selection).items, &before);
        }
    }
}
