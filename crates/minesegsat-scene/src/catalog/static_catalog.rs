//! Static catalogues: linked JSON files.

use minesegsat_core::job::Job;
use std::collections::{HashSet, VecDeque};

use serde_json::Value;

use super::document::{Document, ParsedItems};
use minesegsat_core::{Error, Result};
use minesegsat_io::Location;
use minesegsat_io::raster::follow;

/// Documents read at the same time, because each may need a request.
const AT_ONCE: usize = 8;
/// Maximum depth of nested catalogues. Real ones have five or six levels: mission, collection, tile, year, month.
const MOST_LEVELS: usize = 32;
/// Maximum number of documents.
const MOST_DOCUMENTS: usize = 200_000;

/// All items below a catalogue or collection, in the order of their links. Each document is read once.
pub(super) fn crawl(root: &Location, job: Job<'_>) -> Result<ParsedItems> {
    let mut visited = HashSet::from([root.clone()]);
    let mut queue = VecDeque::from([(root.clone(), 1)]);
    let mut found = ParsedItems::default();
    let mut count = 0;
    while !queue.is_empty() {
        job.check()?;
        let batch: Vec<(Location, usize)> = queue.drain(..queue.len().min(AT_ONCE)).collect();
        let documents: Vec<Result<Document>> = std::thread::scope(|scope| {
            let threads: Vec<_> = batch.iter().map(|(at, _)| scope.spawn(|| Document::read(at))).collect();
            threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        for ((at, level), document) in batch.iter().zip(documents) {
            let document = document?;
            count += 1;
            if count > MOST_DOCUMENTS || *level > MOST_LEVELS {
                let reason = format!(
                    "its links do not end: {count} documents were read, nested {level} deep; the limits are \
                     {MOST_DOCUMENTS} documents and {MOST_LEVELS} levels"
                );
                return Err(Error::input(root.to_string(), reason));
            }
            match document.kind() {
                // Version 0.9 of the specification and some later tools omit the type.
                Some("Catalog" | "Collection") | None => {
                    for child in linked(&document.members, at)? {
                        if visited.insert(child.clone()) {
                            queue.push_back((child, level + 1));
                        }
                    }
                }
                Some("Feature" | "FeatureCollection") => {
                    let parsed = document.into_items()?;
                    found.items.extend(parsed.items);
                    found.left_out.extend(parsed.left_out);
                    found.incomplete = found.incomplete.or(parsed.incomplete);
                }
                Some(other) => {
                    let reason =
                        format!("a catalogue links to it, but it is a `{other}`, not part of a STAC catalogue");
                    return Err(Error::input(at.to_string(), reason));
                }
            }
        }
        job.progress.count(count);
    }
    Ok(found)
}

/// The children and items that a document links to.
fn linked(document: &Value, at: &Location) -> Result<Vec<Location>> {
    let base = at.parent().unwrap_or_else(|| at.clone());
    let links = document["links"].as_array().into_iter().flatten();
    links
        .filter(|link| matches!(link["rel"].as_str(), Some("child" | "item")))
        .filter_map(|link| link["href"].as_str())
        .map(|href| {
            Ok(match follow(at, &base, href)? {
                // Two spellings of one path are one document.
                Location::Path(path) => Location::Path(tidy(&path)),
                other => other,
            })
        })
        .collect()
}

/// Resolves `.` and `..` in the text alone, as links of catalogues require.
fn tidy(path: &std::path::Path) -> std::path::PathBuf {
    use std::path::Component;
    let mut tidy = std::path::PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if tidy.file_name().is_some() => {
                tidy.pop();
            }
            other => tidy.push(other),
        }
    }
    tidy
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn every_item_is_found_once_and_circles_end() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        let item = |id: &str| {
            format!(
                r#"{{"type": "Feature", "id": "{id}", "properties": {{}}, "geometry": null,
                "assets": {{"B04": {{"href": "./{id}.tif"}}}}}}"#
            )
        };
        put(
            "catalog.json",
            r#"{"type": "Catalog", "links": [{"rel": "self", "href": "catalog.json"}, {"rel": "child", "href": "./a/collection.json"},
            {"rel": "item", "href": "top.json"}]}"#,
        );
        put(
            "a/collection.json",
            r#"{"type": "Collection", "id": "a", "links": [{"rel": "item", "href": "./x/x.json"}, {"rel": "item", "href": "x/../x/x.json"},
            {"rel": "child", "href": "../catalog.json"}, {"rel": "parent", "href": "../gone.json"}]}"#,
        );
        put("a/x/x.json", &item("x"));
        put("top.json", &item("top"));
        let root = Location::Path(folder.path().join("catalog.json"));
        let items = crawl(&root, Job::silent()).unwrap().items;
        assert_eq!(items.iter().map(super::super::Item::id).collect::<Vec<_>>(), ["top", "x"]);
        let href = items[1].assets()["B04"]["href"].as_str().unwrap().to_owned();
        assert_eq!(std::path::Path::new(&href), folder.path().join("a/x/./x.tif").components().as_path());

        put("top.json", r#"{"type": "Point"}"#);
        assert!(crawl(&root, Job::silent()).unwrap_err().to_string().contains("`Point`"));
        assert!(matches!(crawl(&root, Job::with_cancel(&AtomicBool::new(true))), Err(Error::Interrupted)));
    }
}
