//! The report of all sites as PDF: [`overview_pdf`].

use minesegsat_page::chart::standalone;
use minesegsat_page::text::NONE;
use minesegsat_page::words::{Locale, Words};
use serde_json::{Value as Json, json};

use super::map::map;
use super::overview::{Overview, OverviewSite};
use super::paper::{self, DRAWINGS, look, verdict_words};
use super::sign;
use super::site_pdf::merge;
use minesegsat_core::Result;

/// The report of all sites as PDF: counts of verdicts, a map, and a table with the most urgent sites first.
pub fn overview_pdf(overview: &Overview, locale: impl Into<Locale>) -> Result<Vec<u8>> {
    let locale: Locale = locale.into();
    let words = &locale.words();
    let order = overview.in_order();
    let mut data = paper::frame(&overview.title, overview.created, &overview.software, words);
    let mut files: Vec<(String, Vec<u8>)> = paper::icons().collect();
    let map = map(&order, words);
    if let Some(map) = &map {
        files.push(("map.svg".to_owned(), standalone(map, DRAWINGS)));
    }
    let count = |verdict| order.iter().filter(|site| site.verdict() == verdict).count();
    let counts: Vec<Json> = sign::ALL
        .into_iter()
        .map(|verdict| json!([look(verdict), sign::label(verdict, words), count(verdict)]))
        .collect();
    let last = order.iter().filter_map(|site| Some(site.last.as_ref()?.date)).max();
    let seen = last.map_or_else(
        || words.say("none-observed"),
        |date| words.say_with("last-observed-on", &[("date", words.date(date).into())]),
    );
    let keys = ["locations", "sites", "no-site", "revision-may-be-missing", "no-proof"];
    let head = ["site", "verdict", "last-observation", "area-and-interval", "limit-column", "share-of-limit"];
    let parts = json!({
        "lead": format!("{} · {seen}", words.say_with("sites-in-register", &[("count", order.len().into())])),
        "counts": counts,
        "notes": overview.problems,
        "map": map.map(|_| words.say("map-of-sites")),
        "sites": {
            "head": head.map(|key| words.say(key)),
            "rows": order.iter().map(|site| row(site, words)).collect::<Vec<_>>(),
        },
        "headings": keys.map(|key| (key, words.say(key))).into_iter().collect::<std::collections::BTreeMap<_, _>>(),
    });
    merge(&mut data, parts);
    paper::print(include_str!("overview.typ"), &data, files, overview.created)
}

fn row(entry: &OverviewSite, words: &Words) -> Json {
    let site = &entry.site;
    let last = entry.last.as_ref();
    let about = [site.operator.clone(), site.commodity.clone()].into_iter().flatten();
    let about: Vec<String> = about.chain([paper::status(site.status, words)]).collect();
    json!({
        "name": site.name,
        "about": about.join(" · "),
        "icon": paper::icon_name(entry.verdict()),
        "verdict": last.map_or_else(|| sign::label(None, words), |last| verdict_words(last, words)),
        "cells": [
            last.map_or_else(|| NONE.to_owned(), |last| last.date.to_string()),
            paper::area(last, words),
            words.number(last.and_then(|last| last.limit_ha), 1),
            words.percent(entry.share_of_limit(), 1),
        ],
    })
}
