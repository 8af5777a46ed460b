//! The page of one site: [`site_page`].

use maud::{Markup, html};
use minesegsat_page::words::{Language, Locale, Words};
use minesegsat_page::{Page, scroll};

use super::index_chart::index_chart;
use super::numbers::numbers;
use super::paper;
use super::pictures::pictures;
use super::sign::{self, asterisk, is_exceedance, says_revision};
use super::site_pdf;
use super::site_report::{IndexPoint, Onsets, SiteReport};
use super::text::record;
use super::timeline::timeline;
use super::{STYLE, tables};
use minesegsat_core::Result;
use minesegsat_map::preview::thumbnail_uri;
use minesegsat_watch::register::{Observation, Verdict};

/// Longer side of the map of onsets, in pixels.
const ONSET_SIDE: usize = 900;

/// The page of one site as self-contained HTML, in the words of a [`Language`] or with the numbers of a [`Locale`].
///
/// Fails if a picture is not a PNG, or not of the size that its outlines were made for.
pub fn site_page(report: &SiteReport, locale: impl Into<Locale>) -> Result<String> {
    let locale: Locale = locale.into();
    let words = &locale.words();
    let order = report.in_order();
    let last = order.last().copied();
    let (before, after) = (report.before.as_ref(), report.after.as_ref());
    let of_pictures = if before.is_some() && after.is_some() { "before-and-after" } else { "satellite-picture" };
    let software = concat!("minesegsat ", env!("CARGO_PKG_VERSION"));
    let body = html! {
        header {
            h1 { (report.site.name) }
            p.lead { (lead(report, last, words)) }
            (verdict(&order, words))
            (notes(report, words))
            dl.tiles {
                @for [name, value, note] in numbers(report, &order, words) {
                    div.tile { dt { (name) } dd.value { (value) } dd.faint.small { (note) } }
                }
            }
        }
        main {
            h2 { (words.say(of_pictures)) }
            (pictures(before, after, words)?)
            h2 { (words.say("over-time")) }
            (over_time(report, &order, words))
            @if let Some(onsets) = &report.onsets {
                h2 { (words.say("new-land")) }
                (new_land(onsets, words)?)
            }
            h2 { (words.say("observations")) }
            (tables::observations(&order, words))
            h2 { (words.say("permits")) }
            (tables::permits(&report.permits, words))
            h2 { (words.say("scenes")) }
            (tables::scenes(&report.scenes, words))
            h2 { (words.say("method-and-limits")) }
            div.two-columns {
                div.panel { (method(report, last, words)) }
                div.panel {
                    h3 { (words.say("model-and-software")) }
                    dl.facts {
                        @for [name, value] in site_pdf::facts(report, words) { dt { (name) } dd { (value) } }
                    }
                }
            }
        }
        (paper::foot(report.created, software, words))
    };
    let title = words.say_with("disturbed-land-of", &[("site", report.site.name.as_str().into())]);
    let page = Page { title: &title, style: STYLE, script: include_str!("site_page.js"), body };
    Ok(page.into_html_in(words.language()))
}

fn lead(report: &SiteReport, last: Option<&Observation>, words: &Words) -> Markup {
    let site = &report.site;
    let dot = html! { " " span.dot aria-hidden="true" { "·" } " " };
    let seen = last.map_or_else(
        || words.say("never-observed"),
        |last| words.say_with("last-observed-on", &[("date", words.date(last.date).into())]),
    );
    html! {
        @for text in [&site.operator, &site.commodity].into_iter().flatten() { span { (text) } (dot) }
        span { (paper::status(site.status, words)) } (dot)
        span { code { (site.id) } } (dot)
        span { (seen) }
    }
}

fn verdict(order: &[&Observation], words: &Words) -> Markup {
    let last = order.last().copied();
    let verdict = last.map(|last| last.verdict);
    let sentence = last.map_or_else(|| words.say("not-observed-yet"), |last| paper::sentence(last, words));
    let assessed = order.iter().copied().rev().find(|o| o.verdict != Verdict::NotAssessable);
    let warnings = last.map(|last| last.warnings.as_slice()).unwrap_or_default();
    html! {
        div.verdict.(sign::class(verdict)) role="group" aria-label=(words.say("verdict")) {
            (sign::icon(verdict))
            div {
                p.heading {
                    (sign::heading(verdict, words))
                    @if last.is_some_and(|last| last.is_provisional == Some(true)) { " (" (words.say("provisional")) ")" }
                }
                p.statement { (sentence) }
                @if is_exceedance(verdict) {
                    // The sentence above may say it already.
                    p.revision {
                        @if !says_revision(&sentence) { (words.say("revision-may-be-missing")) " " }
                        (words.say("no-proof"))
                    }
                }
                @if verdict == Some(Verdict::NotAssessable) { p { (last_assessed(assessed, words)) } }
                @if let Some(last) = last.filter(|_| words.language() != Language::English) {
                    p.faint.small { b { (words.say("wording-of-the-record")) } br; (record(&last.statement)) }
                }
            }
        }
        @if !warnings.is_empty() {
            ul.notes aria-label=(words.say("warnings-on-observation")) {
                @for warning in warnings { li { (record(warning)) } }
            }
        }
    }
}

/// What was found when the site could be assessed for the last time.
fn last_assessed(assessed: Option<&Observation>, words: &Words) -> Markup {
    let Some(o) = assessed else { return html! { (words.say("never-assessable")) } };
    let verdict = Some(o.verdict);
    let sentence = paper::sentence(o, words);
    let values = [("date", words.date(o.date).into()), ("verdict", sign::label(verdict, words).into())];
    html! {
        b { (words.say_with("last-assessable", &values)) }
        " " (sentence)
        @if is_exceedance(verdict) && !says_revision(&sentence) { " " (words.say("revision-may-be-missing")) }
    }
}

/// Rows of the register that cannot be read, changes of the boundary, and verdicts that were replaced.
fn notes(report: &SiteReport, words: &Words) -> Markup {
    let (boundary, corrections) = (report.boundary_notes(), site_pdf::corrections(report, words));
    html! {
        @if !(report.problems.is_empty() && boundary.is_empty() && corrections.is_empty()) {
            ul.notes aria-label=(words.say("notes-on-register")) {
                @for note in report.problems.iter().chain(&boundary) { li { (record(note)) } }
                @for [sentence, reason] in &corrections { li { (sentence) " " (record(reason)) } }
            }
        }
    }
}

fn over_time(report: &SiteReport, order: &[&Observation], words: &Words) -> Markup {
    let Some(chart) = timeline(order, &report.permits, words) else {
        return html! { p.faint { (words.say("nothing-to-draw")) } };
    };
    let key = |inside: Markup| html! { svg.key viewBox="0 0 26 16" aria-hidden="true" { (inside) } };
    let line = |class: &str, d: &str| key(html! { path class=(class) d=(d) {} });
    let bar = |class: &str| key(html! { rect class=(class) x="5" y="3" width="16" height="10" {} });
    let mut points: Vec<IndexPoint> = report.indices.clone();
    points.sort_by_key(|point| point.date);
    let is_used = |verdict: Option<Verdict>| order.iter().any(|o| Some(o.verdict) == verdict);
    let level = words.level(order.last().map_or(90.0, |o| o.confidence_level_percent));
    html! {
        div.panel {
            ul.legend {
                @for verdict in sign::ALL.into_iter().filter(|verdict| is_used(*verdict)) {
                    li { (key(sign::shape(verdict, 13.0, 8.0, 6.0))) (sign::label(verdict, words)) (asterisk(verdict)) }
                }
                li {
                    (line("whisker", "M13 2V14M9 2h8M9 14h8"))
                    (words.say_with("key-interval", &[("level", level.into())]))
                }
                @if chart.has_limit { li { (line("limit", "M1 8H25")) (words.say("key-limit")) } }
                @if chart.has_change {
                    li { (bar("change-gain")) (words.say("gain")) }
                    li { (bar("change-loss")) (words.say("loss")) }
                }
            }
            (scroll(&words.say("over-time"), chart.svg))
            @if chart.is_cut { p.faint.small { (words.say("axis-cut")) } }
            (tables::chart_numbers(order, words))
        }
        @if let Some(svg) = index_chart(&points, words) {
            h3 { (words.say("indices")) }
            div.panel {
                ul.legend {
                    li { (line("inside", "M1 8H25")) (words.say("median-inside")) }
                    li { (line("around", "M1 8H25")) (words.say("median-around")) }
                }
                (scroll(&words.say("indices"), svg))
                (tables::index_numbers(&points, words))
            }
        }
    }
}

/// New land by the time of its onset, and its map.
fn new_land(onsets: &Onsets, words: &Words) -> Result<Markup> {
    let [first, last] = onsets.dates.map(|date| date.to_string());
    let dates = [("first", first.into()), ("last", last.into())];
    let picture = onsets.png.as_ref().map(|png| thumbnail_uri(png, ONSET_SIDE)).transpose()?;
    Ok(html! {
        (tables::onsets(onsets, words))
        @if let Some(address) = picture.filter(|_| !onsets.rows.is_empty()) {
            figure {
                img.onsets src=(address) alt=(words.say_with("onset-picture", &dates));
                figcaption.faint.small { (words.say_with("onset-picture", &dates)) }
            }
        }
    })
}

fn method(report: &SiteReport, last: Option<&Observation>, words: &Words) -> Markup {
    let [images, interval, change, unseen, limits] = site_pdf::method(report, last, words);
    let part = |heading: &str, text: &str, more: &str| {
        html! { h3 { (words.say(heading)) } p { (text) " " (words.say(more)) } }
    };
    html! {
        (part("method-images-heading", &images, "method-images-more"))
        (part("method-interval-heading", &interval, "method-interval-more"))
        (part("method-change-heading", &change, "method-change-more"))
        (part("verdict-not-assessable-heading", &unseen, "method-unseen-more"))
        h3 { (words.say("verdicts-heading")) }
        ul.verdicts {
            @for verdict in sign::ALL.into_iter().flatten().map(Some) {
                li { (sign::icon(verdict)) div { b { (sign::label(verdict, words)) "." } " " (sign::meaning(verdict, words)) } }
            }
        }
        h3 { (words.say("method-limits-heading")) }
        p { (limits) }
    }
}
