//! Tables of a site's page.

use maud::{Markup, html};
use minesegsat_page::table;

use super::index_chart::INDICES;
use super::sign::{badge, footnote};
use super::site_report::{IndexPoint, SceneRow};
use super::text::{NONE, beyond, change, hectares, interval, level, number, percent};
use minesegsat_watch::register::{Area, Observation, Permit};

fn faint(words: &str) -> Markup {
    html! { p.faint { (words) } }
}

/// A word beside a verdict that too few dates show so far.
fn provisional(observation: &Observation) -> Markup {
    html! { @if observation.is_provisional == Some(true) { " " span.range { "provisional" } } }
}

fn text(value: Option<&String>) -> &str {
    value.map_or(NONE, String::as_str)
}

/// The area of an observation with its interval, or a dash.
pub(super) fn area(observation: Option<&Observation>) -> Markup {
    html! {
        @match observation.and_then(|o| Some((o.area?, o.confidence_level_percent))) {
            None => (NONE),
            Some((area, percent)) => {
                (hectares(Some(area.ha))) " "
                span.range { (interval(&area)) " (" (level(percent)) " %)" }
            }
        }
    }
}

fn note_on(order: &[&Observation]) -> Markup {
    footnote(order.iter().map(|o| Some(o.verdict)))
}

/// Table of observations, latest first.
pub(super) fn observations(order: &[&Observation]) -> Markup {
    if order.is_empty() {
        return faint("The site has not been observed yet.");
    }
    let rows = html! {
        @for o in order.iter().rev() {
            tr {
                th scope="row" { (o.date) }
                td {
                    (area(Some(o)))
                    @if let Some(parts) = o.parts_text() { br; span.range { (parts) } }
                }
                td {
                    (change(o.gain()))
                    @if let Some(date) = o.compared_with.filter(|_| o.gain_ha.is_some() || o.loss_ha.is_some()) {
                        " " span.range { "since " (date) }
                    }
                }
                td { (change(o.loss())) }
                td { (hectares(o.outside_permit_ha)) }
                td { (hectares(o.parts.map(|parts| parts.outside_site_ha))) }
                td {
                    (hectares(o.limit_ha))
                    @if let Some(number) = o.permit.as_ref().filter(|_| o.limit_ha.is_some()) {
                        " " span.range { (number) }
                    }
                }
                td {
                    (percent(Some(o.share_assessed)))
                    @if let Some(beyond) = beyond(o) { " " span.range { (beyond) " beyond the scenes" } }
                }
                td.words {
                    (badge(Some(o.verdict))) (provisional(o))
                    @for warning in &o.warnings { span.warning { (warning) } }
                }
            }
        }
    };
    let head = [
        "Date",
        "Disturbed land, interval",
        "Gain",
        "Loss",
        "Outside the permit",
        "Outside the site",
        "Limit, permit",
        "Assessed",
        "<Verdict",
    ];
    html! { (table("Observations", &head, rows)) (note_on(order)) }
}

/// Table of permits by first day.
pub(super) fn permits(permits: &[Permit]) -> Markup {
    if permits.is_empty() {
        return faint("No permit is in the register, so there is no verdict on a limit. A permit may still exist.");
    }
    let mut order: Vec<&Permit> = permits.iter().collect();
    order.sort_by_key(|permit| permit.valid_from);
    let rows = html! {
        @for permit in order {
            tr {
                th scope="row" { (permit.number) }
                td { (permit.valid_from) }
                td { @match permit.valid_to { Some(date) => (date), None => "open-ended" } }
                td { (hectares(permit.limit_ha)) }
                td.words { @if permit.polygon.is_some() { "own polygon" } @else { "boundary of the site" } }
                td.words {
                    (text(permit.document.as_ref()))
                    @if let Some(hash) = &permit.document_sha256 { br; code { (hash) } }
                }
            }
        }
    };
    let head = ["Permit", "Valid from", "Valid to", "Limit", "<Permitted area", "<Document and its SHA-256"];
    html! {
        (table("Permits", &head, rows))
        p.faint.small { "These are the permits in the register." }
    }
}

/// Table of scenes, latest first. A details section lists how each radiometric offset was handled.
pub(super) fn scenes(scenes: &[SceneRow]) -> Markup {
    if scenes.is_empty() {
        return faint("No scene is known.");
    }
    let mut order: Vec<&SceneRow> = scenes.iter().collect();
    order.sort_by(|a, b| (b.date, &a.id).cmp(&(a.date, &b.id)));
    let rows = html! {
        @for scene in &order {
            tr {
                th scope="row" { (scene.date) }
                td.words.id { (scene.id) }
                td { (percent(scene.cloud_cover_percent.map(|percent| percent / 100.0))) }
                td { (percent(scene.share_assessed)) }
                td { (text(scene.processing_baseline.as_ref())) }
            }
        }
    };
    let offset_rows = html! {
        @for scene in &order {
            tr {
                th scope="row" { (scene.date) }
                td.words.id { (scene.id) }
                td.words { (scene.offset_decision) }
            }
        }
    };
    let head = ["Date", "<Scene", "Cloud, whole scene", "Site assessed", "Baseline"];
    let offset_head = ["Date", "<Scene", "<Offset of the digital numbers"];
    html! {
        (table("Scenes", &head, rows))
        details { summary { "Radiometric offset of each scene" } (table("Offsets of the scenes", &offset_head, offset_rows)) }
    }
}

/// Table of the numbers in the chart over time.
pub(super) fn chart_numbers(order: &[&Observation]) -> Markup {
    let of_area = |o: &Observation, value: fn(&Area) -> f64| number(o.area.as_ref().map(value), 1);
    let rows = html! {
        @for o in order {
            tr {
                th scope="row" { (o.date) }
                td { (of_area(o, |area| area.ha)) }
                td { (of_area(o, |area| area.lower_ha)) }
                td { (of_area(o, |area| area.upper_ha)) }
                @for value in [o.limit_ha, o.gain_ha, o.loss_ha] { td { (number(value, 1)) } }
                td.words { (badge(Some(o.verdict))) (provisional(o)) }
            }
        }
    };
    let head = ["Date", "Disturbed (ha)", "From (ha)", "To (ha)", "Limit (ha)", "Gain (ha)", "Loss (ha)", "<Verdict"];
    html! { (details(table("Numbers of the chart of areas", &head, rows))) (note_on(order)) }
}

/// Table of the numbers in the chart of indices.
pub(super) fn index_numbers(points: &[IndexPoint]) -> Markup {
    let rows = html! {
        @for point in points {
            tr {
                th scope="row" { (point.date) }
                @for (_, _, value) in INDICES {
                    td { (number(value(&point.inside), 3)) }
                    td { (number(value(&point.around), 3)) }
                }
            }
        }
    };
    let names: Vec<String> =
        INDICES.iter().flat_map(|(name, ..)| [format!("{name} inside"), format!("{name} around")]).collect();
    let head: Vec<&str> = std::iter::once("Date").chain(names.iter().map(String::as_str)).collect();
    details(table("Numbers of the chart of indices", &head, rows))
}

fn details(inside: Markup) -> Markup {
    html! { details { summary { "The numbers of this chart" } (inside) } }
}
