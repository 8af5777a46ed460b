//! Advice for a query without results: which limit to change.

use minesegsat_core::job::Job;

use super::{Catalog, Kind, SearchQuery};
use minesegsat_core::Error;

/// Maximum number of items to count.
const COUNTED: usize = 100;

/// Counts the items without each limit in turn. If the catalogue fails here, that part is skipped, because the search
/// itself succeeded.
pub(super) fn nothing_found(catalog: &Catalog, query: &SearchQuery, job: Job<'_>) -> Error {
    let mut said = Vec::new();
    let mut say = |change: &str, query: SearchQuery| {
        let query = SearchQuery { max_items: Some(COUNTED), sort_by: Vec::new(), page_size: None, ..query };
        match catalog.search_quietly(&query, job.without_progress()) {
            Ok(found) if found.items.is_empty() => {}
            Ok(found) => {
                let or_more = if found.truncated { " or more" } else { "" };
                said.push(format!("{change}: {}{or_more}", found.items.len()));
            }
            Err(error) => tracing::debug!(%error, "counting {change}"),
        }
    };
    let mut limits = Vec::new();
    if !query.collections.is_empty() {
        limits.push(format!("the collections {}", query.collections.join(",")));
    }
    if let Some(cloud) = query.max_cloud_cover_percent {
        limits.push(format!("a cloud cover of at most {cloud} %"));
        say("without the limit of cloud cover", SearchQuery { max_cloud_cover_percent: None, ..query.clone() });
    }
    if !query.datetimes.is_empty() {
        let ranges: Vec<String> = query.datetimes.iter().map(ToString::to_string).collect();
        limits.push(format!("the dates {}", ranges.join(" ")));
        say("on any date", SearchQuery { datetimes: Vec::new(), ..query.clone() });
    }
    if let Some(area) = &query.area {
        limits.push("the area".to_owned());
        // A query with only a collection would count the whole catalogue.
        say("anywhere", SearchQuery { area: None, ..query.clone() });
        if let Some(swapped) = area.swapped() {
            let swapped = SearchQuery { area: Some(swapped), ..query.clone() };
            say("with longitude and latitude of the bbox exchanged (are they swapped?)", swapped);
        }
    }
    if !query.datetimes.is_empty() && query.max_cloud_cover_percent.is_some() && query.area.is_some() {
        let both = SearchQuery { datetimes: Vec::new(), max_cloud_cover_percent: None, ..query.clone() };
        say("on any date with any cloud cover", both);
    }
    let mut reason = match limits.as_slice() {
        [] => "it has no items".to_owned(),
        limits => format!("no item matches {}", limits.join(", ")),
    };
    if said.is_empty() {
        if let Some(unknown) = unknown_collections(catalog, query) {
            reason = unknown;
        } else if limits.len() > 1 {
            reason += "; removing any one of these limits does not help";
        }
    } else {
        reason = format!("{reason}; items {}", said.join("; "));
    }
    Error::input(catalog.name(), reason).avoided_by(minesegsat_core::Setting::SearchLimits)
}

/// The query's collections that the catalogue lacks, and the collections that it has.
fn unknown_collections(catalog: &Catalog, query: &SearchQuery) -> Option<String> {
    const SHOWN: usize = 20;
    let mut known: Vec<String> = match &catalog.kind {
        Kind::Api(api) => api.collections()?,
        Kind::Items(items) => items.items.iter().filter_map(|item| item.collection().map(str::to_owned)).collect(),
        Kind::Static(_, cache) => cache.get()?.items.iter().filter_map(|i| i.collection().map(str::to_owned)).collect(),
    };
    known.sort();
    known.dedup();
    let unknown: Vec<&str> = query.collections.iter().filter(|c| !known.contains(c)).map(String::as_str).collect();
    if unknown.is_empty() || known.is_empty() {
        return None;
    }
    // Sentinel-2 collections come first, because there may be hundreds.
    known.sort_by_key(|name| !name.contains("sentinel-2"));
    let more = if known.len() > SHOWN { ", ..." } else { "" };
    let shown: Vec<&str> = known.iter().take(SHOWN).map(String::as_str).collect();
    Some(format!("it has no collection {}; it has {}{more}", unknown.join(", "), shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::query::tests::item;
    use super::super::{Catalog, Kind, ParsedItems, SearchArea};
    use super::*;

    fn message(query: &SearchQuery) -> String {
        let items = vec![
            item("a", "2021-07-10", Some(30.0), [10.0, 50.0, 11.0, 51.0]),
            item("b", "2020-07-10", Some(3.0), [10.0, 50.0, 11.0, 51.0]),
        ];
        let catalog =
            Catalog { name: "here".to_owned(), kind: Kind::Items(ParsedItems { items, ..ParsedItems::default() }) };
        assert!(catalog.search(query, Job::silent()).unwrap().items.is_empty(), "the query finds nothing");
        catalog.nothing_found(query, Job::silent()).to_string()
    }

    #[test]
    fn the_limit_to_loosen_is_named_with_the_number_of_items() {
        let place = SearchArea::from_bbox([10.0, 50.0, 10.5, 50.5]).unwrap();
        let query = SearchQuery {
            area: Some(place),
            datetimes: vec!["2021".parse().unwrap()],
            max_cloud_cover_percent: Some(10.0),
            ..SearchQuery::default()
        };
        let said = message(&query);
        for part in ["a cloud cover of at most 10 %", "without the limit of cloud cover: 1", "on any date: 1"] {
            assert!(said.contains(part), "{said}");
        }
        assert!(!said.contains("anywhere"), "{said}");
        let swapped = SearchArea::from_bbox([50.0, 10.0, 50.5, 10.5]).unwrap();
        let said = message(&SearchQuery { area: Some(swapped), ..SearchQuery::default() });
        assert!(said.contains("exchanged (are they swapped?): 2") && said.contains("anywhere: 2"), "{said}");
        let said = message(&SearchQuery { collections: vec!["d".into()], ..SearchQuery::default() });
        assert!(said.contains("no collection d; it has c"), "{said}");
    }
}
