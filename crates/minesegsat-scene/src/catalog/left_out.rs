//! Items that a search leaves out, and what an answer says about its own completeness.

use std::collections::{BTreeMap, HashSet};

use minesegsat_core::on_one_line;
use serde_json::Value;

/// Maximum number of ids in a message for each reason.
const SHOWN: usize = 5;

/// An item that was left out although it may match.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LeftOut {
    /// Its id, or its number in the answer if it has none.
    pub id: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl LeftOut {
    pub(super) fn new(id: &str, reason: &'static str) -> Self {
        Self { id: id.to_owned(), reason }
    }
}

/// Removes duplicates, which overlapping searches bring.
pub(super) fn keep_first_of_each(left_out: &mut Vec<LeftOut>) {
    let mut seen = HashSet::new();
    left_out.retain(|item| seen.insert(item.clone()));
}

/// Logs what was left out: the number and the first ids for each reason.
pub(super) fn log(catalogue: &str, left_out: &[LeftOut]) {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for item in left_out {
        by_reason.entry(item.reason).or_default().push(&item.id);
    }
    for (reason, ids) in by_reason {
        let more = if ids.len() > SHOWN { ", ..." } else { "" };
        let shown: Vec<String> = ids.iter().take(SHOWN).map(|id| on_one_line(id)).collect();
        let shown = shown.join(", ");
        let (items, have) = if ids.len() == 1 { ("item", "is") } else { ("items", "are") };
        tracing::warn!("{catalogue}: {} {items} {have} left out: {reason} ({shown}{more})", ids.len());
    }
}

/// The number of items that match a search, if the answer states it: OGC API Features, and the older Context extension.
pub(super) fn number_matched(answer: &Value) -> Option<u64> {
    [&answer["numberMatched"], &answer["context"]["matched"], &answer["search:metadata"]["matched"]]
        .into_iter()
        .find_map(Value::as_u64)
}

/// Whether an answer of an ArcGIS server was cut at the server's limit.
pub(super) fn exceeded_limit(answer: &Value) -> bool {
    [&answer["exceededTransferLimit"], &answer["properties"]["exceededTransferLimit"]]
        .into_iter()
        .any(|value| value.as_bool() == Some(true))
}

/// The message for an answer with fewer items than match.
pub(super) fn fewer_than_matched(matched: u64, received: usize) -> String {
    format!("it says that {matched} items match, but sent {received} and no link to the others")
}

/// How a document of `count` items says in its other members that it is incomplete, if it does.
pub(super) fn said_incomplete(document: &Value, count: usize) -> Option<String> {
    let has_next = document["links"].as_array().into_iter().flatten().any(|link| link["rel"] == "next");
    if has_next {
        return Some(format!("it is one page of a search, with {count} items: its `next` link leads to more"));
    }
    if exceeded_limit(document) {
        return Some(format!("it has only a part of the items, {count}: `exceededTransferLimit`"));
    }
    number_matched(document)
        .filter(|&matched| matched > count as u64)
        .map(|matched| format!("it says that {matched} items match, but has {count}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn incomplete_answers_say_so() {
        for (more, said) in [
            (json!({"numberMatched": 3}), "3 items match, but has 2"),
            (json!({"context": {"matched": 7}}), "7 items match, but has 2"),
            (json!({"exceededTransferLimit": true}), "`exceededTransferLimit`"),
            (json!({"properties": {"exceededTransferLimit": true}}), "`exceededTransferLimit`"),
            (json!({"links": [{"rel": "next", "href": "x"}]}), "`next`"),
        ] {
            let found = said_incomplete(&more, 2).unwrap();
            assert!(found.contains(said), "{found}");
        }
        let whole = json!({"numberMatched": 2, "exceededTransferLimit": false, "links": []});
        assert_eq!(said_incomplete(&whole, 2), None);
    }
}
