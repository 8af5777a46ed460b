//! Tables of a site's page.

use maud::{Markup, html};
use minesegsat_page::words::Words;

use super::index_chart::INDICES;
use super::sign::{badge, footnote_of};
use super::site_report::{IndexPoint, Onsets, SceneRow};
use super::text::{NONE, beyond, change, interval, parts, record};
use minesegsat_watch::register::{Area, Observation, Permit};

/// A table with the words of the keys of its name and headings. A key with a leading `<` heads a left-aligned column of words.
pub(super) fn table(name: &str, head: &[&str], rows: Markup, words: &Words) -> Markup {
    let say = |key: &&str| match key.strip_prefix('<') {
        Some(key) => format!("<{}", words.say(key)),
        None => words.say(key),
    };
    table_with(name, &head.iter().map(say).collect::<Vec<_>>(), rows, words)
}

/// A table with the words of the key of its name.
fn table_with(name: &str, head: &[String], rows: Markup, words: &Words) -> Markup {
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    minesegsat_page::table(&words.say(name), &head, rows)
}

fn faint(words: &str) -> Markup {
    html! { p.faint { (words) } }
}

/// A word beside a verdict that too few dates show so far.
fn provisional(observation: &Observation, words: &Words) -> Markup {
    html! { @if observation.is_provisional == Some(true) { " " span.range { (words.say("provisional")) } } }
}

fn text(value: Option<&String>) -> &str {
    value.map_or(NONE, String::as_str)
}

/// The area of an observation with its interval, or a dash.
pub(super) fn area(observation: Option<&Observation>, words: &Words) -> Markup {
    html! {
        @match observation.and_then(|o| Some((o.area?, o.confidence_level_percent))) {
            None => (NONE),
            Some((area, percent)) => {
                (words.hectares(Some(area.ha))) " "
                span.range { (interval(&area, words)) " (" (words.level(percent)) "\u{a0}%)" }
            }
        }
    }
}

fn note_on(order: &[&Observation], words: &Words) -> Markup {
    footnote_of(order.iter().map(|o| Some(o.verdict)), words)
}

/// Table of observations, latest first.
pub(super) fn observations(order: &[&Observation], words: &Words) -> Markup {
    if order.is_empty() {
        return faint(&words.say("not-observed-yet"));
    }
    let rows = html! {
        @for o in order.iter().rev() {
            tr {
                th scope="row" { (o.date) }
                td {
                    (area(Some(o), words))
                    @if let Some(parts) = parts(o, words) { br; span.range { (parts) } }
                }
                td {
                    (change(o.gain(), words))
                    @if let Some(date) = o.compared_with.filter(|_| o.gain_ha.is_some() || o.loss_ha.is_some()) {
                        " " span.range { (words.say_with("since", &[("date", date.to_string().into())])) }
                    }
                }
                td { (change(o.loss(), words)) }
                td { (words.hectares(o.outside_permit_ha)) }
                td { (words.hectares(o.parts.map(|parts| parts.outside_site_ha))) }
                td {
                    (words.hectares(o.limit_ha))
                    @if let Some(number) = o.permit.as_ref().filter(|_| o.limit_ha.is_some()) {
                        " " span.range { (number) }
                    }
                }
                td {
                    (words.percent(Some(o.share_assessed), 1))
                    @if let Some(beyond) = beyond(o, words) { " " span.range { (beyond) } }
                    @if let Some(share) = o.share_disagreeing {
                        " " span.range { (words.say_with("disagreeing", &[("share", words.percent(Some(share), 1).into())])) }
                    }
                }
                td.words {
                    (badge(Some(o.verdict), words)) (provisional(o, words))
                    @for warning in &o.warnings { span.warning lang="en" { (warning) } }
                }
            }
        }
    };
    let head = [
        "date",
        "area-with-interval",
        "gain",
        "loss",
        "outside-permit-short",
        "outside-site-short",
        "limit-and-permit",
        "share-column",
        "<verdict",
    ];
    html! { (table("observations", &head, rows, words)) (note_on(order, words)) }
}

/// Table of new land by the time of its onset, or a sentence if there is none.
pub(super) fn onsets(onsets: &Onsets, words: &Words) -> Markup {
    if onsets.rows.is_empty() {
        let [first, last] = onsets.dates.map(|date| date.to_string());
        return faint(&words.say_with("no-new-land", &[("first", first.into()), ("last", last.into())]));
    }
    let rows = html! {
        @for row in &onsets.rows {
            tr {
                th scope="row" { (row.after) }
                td { (row.until) }
                td { (words.number(Some(row.confirmed_ha), 1)) }
                td { (words.number(Some(row.provisional_ha), 1)) }
            }
        }
    };
    table("new-land", &ONSET_HEAD, rows, words)
}

/// Headings of the table of onsets.
pub(super) const ONSET_HEAD: [&str; 4] = ["undisturbed-on", "disturbed-on", "confirmed-column", "provisional-column"];

/// Table of permits by first day.
pub(super) fn permits(permits: &[Permit], words: &Words) -> Markup {
    if permits.is_empty() {
        return faint(&words.say("no-permit"));
    }
    let mut order: Vec<&Permit> = permits.iter().collect();
    order.sort_by_key(|permit| permit.valid_from);
    let rows = html! {
        @for permit in order {
            tr {
                th scope="row" { (permit.number) }
                td { (permit.valid_from) }
                td { @match permit.valid_to { Some(date) => (date), None => (words.say("open-ended")) } }
                td { (words.hectares(permit.limit_ha)) }
                td.words { (words.say(if permit.polygon.is_some() { "own-polygon" } else { "site-boundary" })) }
                td.words {
                    (text(permit.document.as_ref()))
                    @if let Some(hash) = &permit.document_sha256 { br; code { (hash) } }
                }
            }
        }
    };
    let head = ["permit", "valid-from", "valid-to", "limit", "<permitted-area", "<document"];
    html! {
        (table("permits", &head, rows, words))
        p.faint.small { (words.say("permits-known")) }
    }
}

/// Table of scenes, latest first. A details section lists how each radiometric offset was handled.
pub(super) fn scenes(scenes: &[SceneRow], words: &Words) -> Markup {
    if scenes.is_empty() {
        return faint(&words.say("no-scene"));
    }
    let mut order: Vec<&SceneRow> = scenes.iter().collect();
    order.sort_by(|a, b| (b.date, &a.id).cmp(&(a.date, &b.id)));
    let rows = html! {
        @for scene in &order {
            tr {
                th scope="row" { (scene.date) }
                td.words.id { (scene.id) }
                td { (words.percent(scene.cloud_cover_percent.map(|percent| percent / 100.0), 1)) }
                td { (words.percent(scene.share_assessed, 1)) }
                td { (text(scene.processing_baseline.as_ref())) }
            }
        }
    };
    let offset_rows = html! {
        @for scene in &order {
            tr {
                th scope="row" { (scene.date) }
                td.words.id { (scene.id) }
                td.words { (record(&scene.offset_decision)) }
            }
        }
    };
    let head = ["date", "<scene", "cloud", "share-column", "baseline"];
    let offset_head = ["date", "<scene", "<offset"];
    html! {
        (table("scenes", &head, rows, words))
        details { summary { (words.say("offsets")) } (table("offsets", &offset_head, offset_rows, words)) }
    }
}

/// Table of the numbers in the chart over time.
pub(super) fn chart_numbers(order: &[&Observation], words: &Words) -> Markup {
    let of_area = |o: &Observation, value: fn(&Area) -> f64| words.number(o.area.as_ref().map(value), 1);
    let rows = html! {
        @for o in order {
            tr {
                th scope="row" { (o.date) }
                td { (of_area(o, |area| area.ha)) }
                td { (of_area(o, |area| area.lower_ha)) }
                td { (of_area(o, |area| area.upper_ha)) }
                @for value in [o.limit_ha, o.gain_ha, o.loss_ha] { td { (words.number(value, 1)) } }
                td.words { (badge(Some(o.verdict), words)) (provisional(o, words)) }
            }
        }
    };
    let head =
        ["date", "axis-area", "from-column", "to-column", "limit-column", "gain-column", "loss-column", "<verdict"];
    html! { (details(table("numbers-of-chart", &head, rows, words), words)) (note_on(order, words)) }
}

/// Table of the numbers in the chart of indices.
pub(super) fn index_numbers(points: &[IndexPoint], words: &Words) -> Markup {
    let rows = html! {
        @for point in points {
            tr {
                th scope="row" { (point.date) }
                @for (_, _, value) in INDICES {
                    td { (words.number(value(&point.inside), 3)) }
                    td { (words.number(value(&point.around), 3)) }
                }
            }
        }
    };
    let of_index =
        |name: &'static str| ["index-inside", "index-around"].map(|key| words.say_with(key, &[("index", name.into())]));
    let names = INDICES.into_iter().flat_map(|(name, ..)| of_index(name));
    let head: Vec<String> = std::iter::once(words.say("date")).chain(names).collect();
    details(table_with("numbers-of-chart", &head, rows, words), words)
}

fn details(inside: Markup, words: &Words) -> Markup {
    html! { details { summary { (words.say("numbers-of-chart")) } (inside) } }
}
