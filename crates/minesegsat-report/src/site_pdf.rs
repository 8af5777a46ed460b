//! The report of one site as PDF: [`site_pdf`].

use maud::html;
use minesegsat_map::preview::thumbnail;
use minesegsat_page::chart::standalone;
use minesegsat_page::text::NONE;
use minesegsat_page::words::{Language, Locale, Words};
use serde_json::{Value as Json, json};

use super::numbers::numbers;
use super::paper::{self, DRAWINGS, look, sentence, verdict_words};
use super::pictures::LAYERS;
use super::sign::{self, is_exceedance, says_revision, shape};
use super::site_report::{DatedPicture, Onsets, SiteReport};
use super::tables::ONSET_HEAD;
use super::timeline::timeline;
use minesegsat_core::Result;
use minesegsat_watch::register::Observation;

/// Observations in the table; older ones are counted. So that the report has few pages.
const MOST_OBSERVATIONS: usize = 24;
/// Rows in the table of new land; the earliest ones are one row.
const MOST_ONSETS: usize = 12;
/// Longer side of a picture, in pixels: 88 mm at 400 dots per inch.
const SIDE: usize = 1400;
/// Pictures with a longer side below this, in pixels, are enlarged without smoothing.
const SMALL: u32 = 320;

/// The report of one site as PDF of one to four A4 pages: verdict, numbers, pictures, chart, tables, method and limits.
///
/// Fails if a picture is not an 8-bit RGB PNG.
pub fn site_pdf(report: &SiteReport, locale: impl Into<Locale>) -> Result<Vec<u8>> {
    let locale: Locale = locale.into();
    let words = &locale.words();
    let order = report.in_order();
    let last = order.last().copied();
    let software = concat!("minesegsat ", env!("CARGO_PKG_VERSION"));
    let title = words.say_with("disturbed-land-of", &[("site", report.site.name.as_str().into())]);
    let mut data = paper::frame(&title, report.created, software, words);
    let mut files: Vec<(String, Vec<u8>)> = paper::icons().collect();
    let chart = timeline(&order, &report.permits, words);
    if let Some(chart) = &chart {
        files.push(("chart.svg".to_owned(), standalone(&chart.svg, DRAWINGS)));
        files.extend(chart_signs(&order));
    }
    let pictures = pictures(report, words, &mut files)?;
    let parts = json!({
        "name": report.site.name,
        "about": about(report, last, words),
        "verdict": verdict(last, words),
        "warnings": last.map(|last| last.warnings.clone()).unwrap_or_default(),
        "notes": report.problems.iter().cloned().chain(report.boundary_notes()).collect::<Vec<_>>(),
        "corrections": corrections(report, words),
        "numbers": numbers(report, &order, words),
        "pictures": pictures,
        "chart": chart.map(|chart| json!({
            "alt": words.say("chart-of-areas"),
            "legend": chart_legend(&order, chart.has_limit, chart.has_change, words),
            "cut": chart.is_cut.then(|| words.say("axis-cut")),
        })),
        "onsets": report.onsets.as_ref().map(|found| onsets(found, words)),
        "observations": observations(&order, words),
        "permits": permits(report, words),
        "scenes": scenes(report, &order, words),
        "method": method(report, last, words),
        "facts": facts(report, words),
        "headings": headings(words),
    });
    merge(&mut data, parts);
    paper::print(include_str!("site.typ"), &data, files, report.created)
}

/// Adds the members of an object to another one.
pub(super) fn merge(into: &mut Json, from: Json) {
    if let (Json::Object(into), Json::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn headings(words: &Words) -> Json {
    let keys = [
        "key-numbers",
        "before-and-after",
        "no-picture",
        "over-time",
        "nothing-to-draw",
        "new-land",
        "observations",
        "not-observed-yet",
        "permits",
        "no-permit",
        "scenes",
        "no-scene",
        "method-and-limits",
        "north",
        "quantity",
        "value",
        "note",
    ];
    keys.into_iter().map(|key| (key.to_owned(), Json::from(words.say(key)))).collect::<serde_json::Map<_, _>>().into()
}

fn about(report: &SiteReport, last: Option<&Observation>, words: &Words) -> Vec<String> {
    let site = &report.site;
    let seen = last.map_or_else(
        || words.say("never-observed"),
        |last| words.say_with("last-observed-on", &[("date", words.date(last.date).into())]),
    );
    let facts = [site.operator.clone(), site.commodity.clone()].into_iter().flatten();
    facts.chain([paper::status(site.status, words), site.id.to_string(), seen]).collect()
}

fn verdict(last: Option<&Observation>, words: &Words) -> Json {
    let verdict = last.map(|last| last.verdict);
    let said = last.map_or_else(|| words.say("not-observed-yet"), |last| sentence(last, words));
    let mut notes = Vec::new();
    if is_exceedance(verdict) {
        // The sentence of the record may say it already.
        if !says_revision(&said) {
            notes.push(words.say("revision-may-be-missing"));
        }
        notes.push(words.say("no-proof"));
    }
    let record = last.filter(|_| words.language() != Language::English).map(|last| last.statement.clone());
    json!({
        "look": look(verdict),
        "heading": sign::heading(verdict, words),
        "standing": last.filter(|last| last.is_provisional == Some(true)).map(|_| words.say("provisional")),
        "sentence": said,
        "notes": notes,
        "record": record.map(|text| json!({ "heading": words.say("wording-of-the-record"), "text": text })),
    })
}

/// Verdicts that were replaced: a sentence, and the reason in the words of the register.
pub(super) fn corrections(report: &SiteReport, words: &Words) -> Vec<[String; 2]> {
    let note = |one: &minesegsat_watch::register::Correction| {
        let day = words.date(one.replaced.to_zoned(jiff::tz::TimeZone::UTC).date());
        let verdict = sign::label(Some(one.verdict), words);
        let values = [("date", words.date(one.date).into()), ("day", day.into()), ("verdict", verdict.into())];
        [words.say_with("corrected", &values), one.reason.clone()]
    };
    report.corrections.iter().map(note).collect()
}

fn pictures(report: &SiteReport, words: &Words, files: &mut Vec<(String, Vec<u8>)>) -> Result<Json> {
    let known = [("before", report.before.as_ref()), ("after", report.after.as_ref())];
    let known: Vec<(&str, &DatedPicture)> = known.into_iter().filter_map(|(name, p)| Some((name, p?))).collect();
    let mut shown = Vec::new();
    for (name, picture) in &known {
        let is_small = picture.width.max(picture.height) < SMALL;
        let (file, bytes) = if is_small {
            (format!("{name}.png"), picture.png.clone())
        } else {
            (format!("{name}.jpg"), thumbnail(&picture.png, SIDE)?)
        };
        files.push((file.clone(), bytes));
        let outlines = format!("{name}-outlines.svg");
        files.push((outlines.clone(), paper::outlines(picture)));
        let date = || [("date", picture.date.to_string().into())];
        let caption = if known.len() == 1 { picture.date.to_string() } else { words.say_with(name, &date()) };
        shown.push(json!({
            "file": file,
            "outlines": outlines,
            "is-small": is_small,
            "aspect": f64::from(picture.height) / f64::from(picture.width),
            "caption": caption,
            "scenes": picture.scenes.join(", "),
            "alt": words.say_with("picture-of", &date()),
            "bar": picture.pixel_m.and_then(|pixel| scale_bar(pixel * f64::from(picture.width), words)),
        }));
    }
    let mut legend = Vec::new();
    for (layer, polygons) in LAYERS.iter().rev() {
        if known.iter().all(|(_, picture)| polygons(picture).0.is_empty()) {
            continue;
        }
        let since = report.after.as_ref().and_then(|picture| picture.change_since);
        let date = since.map(|date| date.to_string()).unwrap_or_default();
        let file = format!("layer-{layer}.svg");
        files.push((file.clone(), paper::layer_sign(layer)));
        legend.push(json!([file, words.say_with(&format!("outline-{layer}"), &[("date", date.into())])]));
    }
    let brightness = (known.len() == 2).then(|| {
        let mut stretches = known.iter().map(|(_, picture)| minesegsat_watch::monitor::stretch_of(&picture.png));
        let is_same = matches!((stretches.next(), stretches.next()), (Some(Some(a)), Some(Some(b))) if a == b);
        words.say(if is_same { "same-brightness" } else { "own-brightness" })
    });
    Ok(json!({ "shown": shown, "legend": legend, "brightness": brightness }))
}

/// A bar of a round length, at most a third of the picture's width: its share of the width, and its length in words.
fn scale_bar(width_m: f64, words: &Words) -> Option<Json> {
    if !width_m.is_finite() || width_m <= 0.0 {
        return None;
    }
    let most = width_m / 3.0;
    let decade = 10_f64.powf(most.log10().floor());
    let length = [5.0, 2.0, 1.0].into_iter().map(|step| step * decade).find(|length| *length <= most)?;
    let text = if length >= 1000.0 {
        format!("{}\u{a0}km", words.number(Some(length / 1000.0), 0))
    } else {
        format!("{}\u{a0}m", words.number(Some(length), 0))
    };
    Some(json!({ "share": length / width_m, "words": text }))
}

fn chart_signs(order: &[&Observation]) -> Vec<(String, Vec<u8>)> {
    let key = |inside: maud::Markup| {
        let svg = html! { svg viewBox="0 0 26 16" width="26" height="16" class="chart" { (inside) } };
        standalone(&svg, DRAWINGS)
    };
    let line = |class: &str, d: &str| key(html! { path class=(class) d=(d) {} });
    let bar = |class: &str| key(html! { rect class=(class) x="5" y="3" width="16" height="10" {} });
    let mut signs = vec![
        ("key-interval.svg".to_owned(), line("whisker", "M13 2V14M9 2h8M9 14h8")),
        ("key-limit.svg".to_owned(), line("limit", "M1 8H25")),
        ("key-gain.svg".to_owned(), bar("change-gain")),
        ("key-loss.svg".to_owned(), bar("change-loss")),
    ];
    for verdict in sign::ALL.into_iter().filter(|verdict| order.iter().any(|o| Some(o.verdict) == *verdict)) {
        signs.push((format!("key-{}.svg", sign::class(verdict)), key(shape(verdict, 13.0, 8.0, 6.0))));
    }
    signs
}

fn chart_legend(order: &[&Observation], has_limit: bool, has_change: bool, words: &Words) -> Vec<[String; 2]> {
    let used = sign::ALL.into_iter().filter(|verdict| order.iter().any(|o| Some(o.verdict) == *verdict));
    let mut legend: Vec<[String; 2]> =
        used.map(|verdict| [format!("key-{}.svg", sign::class(verdict)), sign::label(verdict, words)]).collect();
    let level = words.level(order.last().map_or(90.0, |o| o.confidence_level_percent));
    legend.push(["key-interval.svg".to_owned(), words.say_with("key-interval", &[("level", level.into())])]);
    if has_limit {
        legend.push(["key-limit.svg".to_owned(), words.say("key-limit")]);
    }
    if has_change {
        legend.push(["key-gain.svg".to_owned(), words.say("gain")]);
        legend.push(["key-loss.svg".to_owned(), words.say("loss")]);
    }
    legend
}

/// New land by the time of its onset.
fn onsets(onsets: &Onsets, words: &Words) -> Json {
    let [first, last] = onsets.dates.map(|date| date.to_string());
    let rows: Vec<[String; 4]> = onsets
        .latest_rows(MOST_ONSETS)
        .iter()
        .map(|row| {
            let ha = |ha: f64| words.number(Some(ha), 1);
            [row.after.to_string(), row.until.to_string(), ha(row.confirmed_ha), ha(row.provisional_ha)]
        })
        .collect();
    json!({
        "head": ONSET_HEAD.map(|key| words.say(key)),
        "rows": rows,
        "none": words.say_with("no-new-land", &[("first", first.into()), ("last", last.into())]),
    })
}

fn observations(order: &[&Observation], words: &Words) -> Json {
    let number = |value: Option<f64>| words.number(value, 1);
    let rows: Vec<Json> = order
        .iter()
        .rev()
        .take(MOST_OBSERVATIONS)
        .map(|o| {
            json!({
                "icon": paper::icon_name(Some(o.verdict)),
                "cells": [
                    o.date.to_string(),
                    paper::area(Some(o), words),
                    number(o.limit_ha),
                    number(o.gain().map(|gain| gain.ha)),
                    number(o.loss().map(|loss| loss.ha)),
                    number(o.unpermitted_ha()),
                    words.percent(Some(o.share_assessed), 0),
                    verdict_words(o, words),
                ],
            })
        })
        .collect();
    let head = [
        "date",
        "area-and-interval",
        "limit-column",
        "gain-column",
        "loss-column",
        "outside-column",
        "share-column",
        "verdict",
    ];
    let left_out = order.len().saturating_sub(MOST_OBSERVATIONS);
    json!({
        "head": head.map(|key| words.say(key)),
        "rows": rows,
        "left-out": (left_out > 0).then(|| words.say_with("observations-left-out", &[("count", left_out.into())])),
    })
}

fn permits(report: &SiteReport, words: &Words) -> Json {
    let mut order: Vec<_> = report.permits.iter().collect();
    order.sort_by_key(|permit| permit.valid_from);
    let rows: Vec<Json> = order
        .into_iter()
        .map(|permit| {
            let area = words.say(if permit.polygon.is_some() { "own-polygon" } else { "site-boundary" });
            json!([
                permit.number,
                permit.valid_from.to_string(),
                permit.valid_to.map_or_else(|| words.say("open-ended"), |date| date.to_string()),
                words.number(permit.limit_ha, 1),
                area,
                permit.document.clone().unwrap_or_else(|| NONE.to_owned()),
                permit.document_sha256.clone().unwrap_or_default(),
            ])
        })
        .collect();
    let head = ["permit", "valid-from", "valid-to", "limit-column", "permitted-area", "document"];
    json!({ "head": head.map(|key| words.say(key)), "rows": rows })
}

fn scenes(report: &SiteReport, order: &[&Observation], words: &Words) -> Json {
    // The scenes of the observations in the table above.
    let oldest = order.iter().rev().take(MOST_OBSERVATIONS).map(|o| o.date).min();
    let mut order: Vec<_> = report.scenes.iter().filter(|scene| oldest.is_none_or(|day| scene.date >= day)).collect();
    let left_out = report.scenes.len() - order.len();
    order.sort_by(|a, b| (b.date, &a.id).cmp(&(a.date, &b.id)));
    let rows: Vec<Json> = order
        .into_iter()
        .map(|scene| {
            json!([
                scene.date.to_string(),
                scene.id,
                words.percent(scene.cloud_cover_percent.map(|percent| percent / 100.0), 1),
                words.percent(scene.share_assessed, 1),
                scene.processing_baseline.clone().unwrap_or_else(|| NONE.to_owned()),
            ])
        })
        .collect();
    let head = ["date", "scene", "cloud", "share-column", "baseline"];
    json!({
        "head": head.map(|key| words.say(key)),
        "rows": rows,
        "left-out": (left_out > 0).then(|| words.say_with("scenes-left-out", &[("count", left_out.into())])),
    })
}

/// How the numbers were made: images, interval, change, land that was not seen, and limits of the report.
pub(super) fn method(report: &SiteReport, last: Option<&Observation>, words: &Words) -> [String; 5] {
    let level = report
        .method
        .as_ref()
        .map(|facts| facts.confidence_level_percent)
        .or_else(|| last.map(|last| last.confidence_level_percent))
        .unwrap_or(90.0);
    let floor = report.method.as_ref().and_then(|facts| facts.noise_floor_ha);
    [
        words.say("method-images"),
        words.say_with("method-interval", &[("level", words.level(level).into())]),
        match floor {
            Some(floor) => words.say_with("method-change", &[("floor", words.hectares(Some(floor)).into())]),
            None => words.say("method-change-without-floor"),
        },
        words.say("method-unseen"),
        words.say("method-limits"),
    ]
}

/// Names and values of the model, its settings and the boundary.
pub(super) fn facts(report: &SiteReport, words: &Words) -> Vec<[String; 2]> {
    let mut facts = Vec::new();
    if let Some(method) = &report.method {
        facts.push([words.say("model"), method.model_title.clone()]);
        facts.push([words.say("weights"), method.model_sha256.clone()]);
        facts.push([words.say("threshold"), words.number(Some(method.threshold), 2)]);
        let level = format!("{}\u{a0}%", words.level(method.confidence_level_percent));
        facts.push([words.say("confidence"), level]);
        facts.push([words.say("noise-floor"), words.hectares(method.noise_floor_ha)]);
        facts.push([words.say("software"), method.software.clone()]);
    }
    facts.push([words.say("boundary-sha256"), report.site.boundary_sha256()]);
    facts
}
