//! Tables of the page on a site.

use super::index_chart::INDICES;
use super::sign::{FOOTNOTE, badge, is_exceedance};
use super::site_report::{IndexPoint, SceneRow};
use super::text::{NONE, hectares, interval, level, number, percent};
use crate::preview::escaped;
use crate::register::{Observation, Permit};

/// A table that scrolls by itself where the window is narrow. `name` is for those who do not see it; heads that begin with `<` are
/// those of columns of words, which stand to the left.
fn table(name: &str, class: &str, head: &[&str], rows: &[String]) -> String {
    let head: String = head
        .iter()
        .map(|words| match words.strip_prefix('<') {
            Some(words) => format!(r#"<th scope="col" class="words">{words}</th>"#),
            None => format!(r#"<th scope="col">{words}</th>"#),
        })
        .collect();
    format!(
        r#"<div class="scroll" role="region" aria-label="{name}" tabindex="0"><table class="{class}"><thead><tr>{head}</tr></thead><tbody>{}</tbody></table></div>"#,
        rows.concat()
    )
}

fn faint(words: &str) -> String {
    format!(r#"<p class="faint">{words}</p>"#)
}

fn text(value: Option<&String>) -> String {
    value.map_or_else(|| NONE.to_owned(), |text| escaped(text))
}

/// The note on asterisks, where a table has one.
pub(super) fn footnote<'a>(observations: impl IntoIterator<Item = &'a Observation>) -> String {
    let has_exceedance = observations.into_iter().any(|o| is_exceedance(Some(o.verdict)));
    if has_exceedance { format!(r#"<p class="faint small">{FOOTNOTE}</p>"#) } else { String::new() }
}

/// Observations, the last one first.
pub(super) fn observations(order: &[&Observation]) -> String {
    if order.is_empty() {
        return faint("The site has not been observed yet.");
    }
    let row = |o: &&Observation| {
        let area = o.area.map_or_else(
            || NONE.to_owned(),
            |area| {
                format!(
                    r#"{} <span class="range">{} ({} %)</span>"#,
                    hectares(Some(area.ha)),
                    interval(&area),
                    level(o.confidence_level_percent)
                )
            },
        );
        let since =
            o.compared_with.map_or_else(String::new, |date| format!(r#" <span class="range">since {date}</span>"#));
        let since = if o.gain_ha.is_some() || o.loss_ha.is_some() { since } else { String::new() };
        let limit = o.limit_ha.map_or_else(
            || NONE.to_owned(),
            |limit| {
                let permit = o
                    .permit
                    .as_ref()
                    .map_or_else(String::new, |number| format!(r#" <span class="range">{}</span>"#, escaped(number)));
                format!("{}{permit}", hectares(Some(limit)))
            },
        );
        let warnings: String =
            o.warnings.iter().map(|warning| format!(r#"<span class="warning">{}</span>"#, escaped(warning))).collect();
        format!(
            r#"<tr><th scope="row">{}</th><td>{area}</td><td>{}{since}</td><td>{}</td><td>{}</td><td>{limit}</td><td>{}</td><td class="words">{}{warnings}</td></tr>"#,
            o.date,
            hectares(o.gain_ha),
            hectares(o.loss_ha),
            hectares(o.outside_permit_ha),
            percent(Some(o.share_assessed)),
            badge(Some(o.verdict))
        )
    };
    let rows: Vec<String> = order.iter().rev().map(row).collect();
    let head = [
        "Date",
        "Disturbed land, interval",
        "Gain",
        "Loss",
        "Outside the permit",
        "Limit, permit",
        "Assessed",
        "<Verdict",
    ];
    table("Observations", "numbers", &head, &rows) + &footnote(order.iter().copied())
}

/// Permits by their beginning.
pub(super) fn permits(permits: &[Permit]) -> String {
    if permits.is_empty() {
        return faint(
            "No permit is in the register. There may be one all the same: no verdict on a limit can be given.",
        );
    }
    let mut order: Vec<&Permit> = permits.iter().collect();
    order.sort_by_key(|permit| permit.valid_from);
    let row = |permit: &&Permit| {
        let until = permit.valid_to.map_or_else(|| "open-ended".to_owned(), |date| date.to_string());
        let area = if permit.polygon.is_some() { "own polygon" } else { "boundary of the site" };
        let hash = permit
            .document_sha256
            .as_ref()
            .map_or_else(String::new, |hash| format!("<br/><code>{}</code>", escaped(hash)));
        format!(
            r#"<tr><th scope="row">{}</th><td>{}</td><td>{until}</td><td>{}</td><td class="words">{area}</td><td class="words">{}{hash}</td></tr>"#,
            escaped(&permit.number),
            permit.valid_from,
            hectares(permit.limit_ha),
            text(permit.document.as_ref())
        )
    };
    let rows: Vec<String> = order.iter().map(row).collect();
    let head = ["Permit", "Valid from", "Valid to", "Limit", "<Permitted area", "<Document and its SHA-256"];
    table("Permits", "numbers", &head, &rows)
        + r#"<p class="faint small">What is in the register: a revision of a permit may be missing from it.</p>"#
}

/// Scenes by date, the last one first.
pub(super) fn scenes(scenes: &[SceneRow]) -> String {
    if scenes.is_empty() {
        return faint("No scene is known.");
    }
    let mut order: Vec<&SceneRow> = scenes.iter().collect();
    order.sort_by(|a, b| (b.date, &a.id).cmp(&(a.date, &b.id)));
    let row = |scene: &&SceneRow| {
        let cloud = scene.cloud_cover_percent.map(|percent| percent / 100.0);
        format!(
            r#"<tr><th scope="row">{}</th><td class="words id">{}</td><td>{}</td><td>{}</td><td>{}</td><td class="words">{}</td></tr>"#,
            scene.date,
            escaped(&scene.id),
            percent(cloud),
            percent(scene.share_assessed),
            text(scene.processing_baseline.as_ref()),
            escaped(&scene.offset_decision)
        )
    };
    let rows: Vec<String> = order.iter().map(row).collect();
    let head = ["Date", "<Scene", "Cloud, whole scene", "Site assessed", "Baseline", "<Offset of the digital numbers"];
    table("Scenes", "numbers", &head, &rows)
}

/// The numbers of the chart over time, in its order.
pub(super) fn chart_numbers(order: &[&Observation]) -> String {
    let row = |o: &&Observation| {
        let of_area = |value: fn(&crate::register::Area) -> f64| number(o.area.as_ref().map(value), 1);
        format!(
            r#"<tr><th scope="row">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class="words">{}</td></tr>"#,
            o.date,
            of_area(|area| area.ha),
            of_area(|area| area.lower_ha),
            of_area(|area| area.upper_ha),
            number(o.limit_ha, 1),
            number(o.gain_ha, 1),
            number(o.loss_ha, 1),
            badge(Some(o.verdict))
        )
    };
    let rows: Vec<String> = order.iter().map(row).collect();
    let head = ["Date", "Disturbed (ha)", "From (ha)", "To (ha)", "Limit (ha)", "Gain (ha)", "Loss (ha)", "<Verdict"];
    details("The numbers of this chart", &table("Numbers of the chart of areas", "numbers", &head, &rows))
        + &footnote(order.iter().copied())
}

/// The numbers of the chart of indices, in its order.
pub(super) fn index_numbers(points: &[IndexPoint]) -> String {
    let row = |point: &IndexPoint| {
        let values: String = INDICES
            .iter()
            .map(|(_, _, value)| {
                format!("<td>{}</td><td>{}</td>", number(value(&point.inside), 3), number(value(&point.around), 3))
            })
            .collect();
        format!(r#"<tr><th scope="row">{}</th>{values}</tr>"#, point.date)
    };
    let rows: Vec<String> = points.iter().map(row).collect();
    let names: Vec<String> =
        INDICES.iter().flat_map(|(name, ..)| [format!("{name} inside"), format!("{name} around")]).collect();
    let head: Vec<&str> = std::iter::once("Date").chain(names.iter().map(String::as_str)).collect();
    details("The numbers of this chart", &table("Numbers of the chart of indices", "numbers", &head, &rows))
}

fn details(summary: &str, inside: &str) -> String {
    format!("<details><summary>{summary}</summary>{inside}</details>")
}
