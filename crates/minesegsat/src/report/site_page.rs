//! The page on a site: [`site_page`].

use std::fmt::Write;

use jiff::civil::Date;

use super::index_chart::index_chart;
use super::sign::{self, REVISION, is_exceedance};
use super::site_report::{IndexPoint, MethodFacts, SiteReport};
use super::text::{NONE, hectares, interval, level, percent, status};
use super::timeline::timeline;
use super::{page, pictures, tables};
use crate::Result;
use crate::preview::escaped;
use crate::register::{Observation, Permit, Verdict};

const TEMPLATE: &str = include_str!("site_page.html");

/// The page on a site, as self-contained HTML.
///
/// Fails where a picture is no PNG or not of the size that its outlines were made for.
pub fn site_page(report: &SiteReport) -> Result<String> {
    let order = report.in_order();
    let last = order.last().copied();
    let today = last.map_or_else(|| report.created.to_zoned(jiff::tz::TimeZone::UTC).date(), |last| last.date);
    let name = escaped(&report.site.name);
    let has_both = report.before.is_some() && report.after.is_some();
    Ok(page(
        TEMPLATE,
        &[
            ("title", &format!("{name}: disturbed land")),
            ("name", &name),
            ("lead", &lead(report, last)),
            ("verdict", &verdict(&order)),
            ("tiles", &tiles(report, &order, today)),
            ("above", if has_both { "Before and after" } else { "Seen from above" }),
            ("pictures", &pictures::pictures(report.before.as_ref(), report.after.as_ref())?),
            ("timeline", &over_time(report, &order)),
            ("observations", &tables::observations(&order)),
            ("permits", &tables::permits(&report.permits)),
            ("scenes", &tables::scenes(&report.scenes)),
            ("method", &method(report.method.as_ref(), last)),
            ("facts", &facts(report.method.as_ref())),
            ("created", &report.created.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        ],
    ))
}

fn lead(report: &SiteReport, last: Option<&Observation>) -> String {
    let site = &report.site;
    let mut parts: Vec<String> = [site.operator.as_ref(), site.commodity.as_ref()]
        .into_iter()
        .flatten()
        .map(|text| format!("<span>{}</span>", escaped(text)))
        .collect();
    parts.push(format!("<span>{}</span>", status(site.status)));
    parts.push(format!("<span><code>{}</code></span>", site.id));
    parts.push(last.map_or_else(
        || "<span>never observed</span>".to_owned(),
        |last| format!("<span>last observed on <b>{}</b></span>", last.date),
    ));
    parts.join(r#" <span class="dot" aria-hidden="true">·</span> "#)
}

fn verdict(order: &[&Observation]) -> String {
    let last = order.last();
    let verdict = last.map(|last| last.verdict);
    let statement = last.map_or_else(
        || "The site is in the register and has not been observed.".to_owned(),
        |last| escaped(&last.statement),
    );
    let mut out = format!(
        r#"<div class="verdict {}" role="group" aria-label="Verdict">{}<div><p class="heading">{}</p><p class="statement">{statement}</p>"#,
        sign::class(verdict),
        sign::icon(verdict),
        sign::heading(verdict)
    );
    if is_exceedance(verdict) {
        let _ = write!(out, r#"<p class="revision">{REVISION} This page alone is no proof of a breach.</p>"#);
    }
    if verdict == Some(Verdict::NotAssessable) {
        let assessed = order.iter().rev().find(|o| o.verdict != Verdict::NotAssessable);
        out += &assessed.map_or_else(
            || "<p>The site could not be assessed on any date yet.</p>".to_owned(),
            |o| {
                let verdict = Some(o.verdict);
                let revision = if is_exceedance(verdict) { format!(" {REVISION}") } else { String::new() };
                format!(
                    "<p><b>Last assessable observation, {}: {}.</b> {}{revision}</p>",
                    o.date,
                    sign::label(verdict),
                    escaped(&o.statement)
                )
            },
        );
    }
    out += "</div></div>";
    let warnings: String =
        last.iter().flat_map(|last| &last.warnings).map(|warning| format!("<li>{}</li>", escaped(warning))).collect();
    if !warnings.is_empty() {
        let _ = write!(out, r#"<ul class="notes" aria-label="Warnings on this observation">{warnings}</ul>"#);
    }
    out
}

/// The numbers that people look for first.
fn tiles(report: &SiteReport, order: &[&Observation], today: Date) -> String {
    let mut out = String::new();
    let mut tile = |label: &str, value: &str, note: &str| {
        let _ = write!(
            out,
            r#"<div class="tile"><dt>{label}</dt><dd class="value">{value}</dd><dd class="faint small">{note}</dd></div>"#
        );
    };
    let last = order.last().copied();
    let Some(shown) = order.iter().rev().copied().find(|o| o.area.is_some()).or(last) else {
        limit_tile(&mut tile, None, &report.permits, today);
        return format!(r#"<dl class="tiles">{out}</dl>"#);
    };
    let day = |date: Date| format!(r#"<span class="keep">{date}</span>"#);
    let on = format!("on {}", day(shown.date));
    let note = shown.area.map_or_else(
        || "not assessable".to_owned(),
        |area| format!("{} % interval {} ha; {on}", level(shown.confidence_level_percent), interval(&area)),
    );
    tile("Disturbed land", &hectares(shown.area.map(|area| area.ha)), &note);
    limit_tile(&mut tile, Some(shown), &report.permits, today);
    let since = shown.compared_with.map_or_else(
        || "nothing to compare with yet".to_owned(),
        |date| format!("since {}, above the noise floor", day(date)),
    );
    tile("Gain", &hectares(shown.gain_ha), &since);
    tile("Loss", &hectares(shown.loss_ha), &since);
    tile("Outside the permitted area", &hectares(shown.outside_permit_ha), &on);
    if let Some(last) = last {
        tile("Part of the site that was seen", &percent(Some(last.share_assessed)), &format!("on {}", day(last.date)));
    }
    format!(r#"<dl class="tiles">{out}</dl>"#)
}

fn limit_tile(tile: &mut impl FnMut(&str, &str, &str), shown: Option<&Observation>, permits: &[Permit], today: Date) {
    let of_observation = shown.and_then(|o| Some((o.limit_ha?, o.permit.clone().unwrap_or_default())));
    let of_register = || {
        let permit = permits.iter().find(|permit| permit.holds_on(today))?;
        Some((permit.limit_ha?, permit.number.clone()))
    };
    match of_observation.or_else(of_register) {
        Some((limit, number)) if number.is_empty() => tile("Limit", &hectares(Some(limit)), "as far as known"),
        Some((limit, number)) => {
            tile("Limit", &hectares(Some(limit)), &format!("permit {}, as far as known", escaped(&number)));
        }
        None => tile("Limit", NONE, "none is in the register for that date"),
    }
}

fn over_time(report: &SiteReport, order: &[&Observation]) -> String {
    let Some(chart) = timeline(order, &report.permits) else {
        return r#"<p class="faint">There is nothing to draw before the first observation.</p>"#.to_owned();
    };
    let mut legend = String::new();
    let mut item = |key: String, words: &str| {
        let _ = write!(legend, "<li>{key}{words}</li>");
    };
    let key = |inside: &str| format!(r#"<svg class="key" viewBox="0 0 26 16" aria-hidden="true">{inside}</svg>"#);
    for verdict in sign::ALL.into_iter().flatten() {
        if order.iter().any(|o| o.verdict == verdict) {
            let mark = if is_exceedance(Some(verdict)) { "*" } else { "" };
            item(key(&sign::shape(Some(verdict), 13.0, 8.0, 6.0)), &format!("{verdict}{mark}"));
        }
    }
    let levels = order.last().map_or(90.0, |o| o.confidence_level_percent);
    item(
        key(r#"<path class="whisker" d="M13 2V14M9 2h8M9 14h8"/>"#),
        &format!("{} % interval of the area", level(levels)),
    );
    if chart.has_limit {
        item(key(r#"<path class="limit" d="M1 8H25"/>"#), "limit of the permits in the register");
    }
    if chart.has_change {
        item(key(r#"<rect class="change-gain" x="5" y="3" width="16" height="10"/>"#), "gain");
        item(key(r#"<rect class="change-loss" x="5" y="3" width="16" height="10"/>"#), "loss");
    }
    let cut = if chart.is_cut { r#"<p class="faint small">The axis of areas does not begin at zero.</p>"# } else { "" };
    let mut out = format!(
        r#"<div class="panel"><ul class="legend">{legend}</ul><div class="scroll" role="region" aria-label="Chart of areas" tabindex="0">{}</div>{cut}{}</div>"#,
        chart.svg,
        tables::chart_numbers(order)
    );
    let mut points: Vec<IndexPoint> = report.indices.clone();
    points.sort_by_key(|point| point.date);
    if let Some(svg) = index_chart(&points) {
        let _ = write!(
            out,
            r#"<h3>Green plants, bare soil and water</h3><div class="panel"><ul class="legend"><li>{}median inside the site</li><li>{}median around it</li></ul><div class="scroll" role="region" aria-label="Chart of indices" tabindex="0">{svg}</div>{}</div>"#,
            key(r#"<path class="inside" d="M1 8H25"/>"#),
            key(r#"<path class="around" d="M1 8H25"/>"#),
            tables::index_numbers(&points)
        );
    }
    out
}

fn method(facts: Option<&MethodFacts>, last: Option<&Observation>) -> String {
    let percent = facts
        .map(|facts| facts.confidence_level_percent)
        .or_else(|| last.map(|last| last.confidence_level_percent))
        .unwrap_or(90.0);
    let level = level(percent);
    let floor = facts.and_then(|facts| facts.noise_floor_ha).map_or_else(
        || "Maps of two dates never agree to the pixel, even where nothing happened".to_owned(),
        |floor| {
            format!(
                "Maps of two dates never agree to the pixel: on sites where nothing happened they differ by up to about \
                 {}, the noise floor",
                hectares(Some(floor))
            )
        },
    );
    let verdicts: String = sign::ALL
        .into_iter()
        .filter(Option::is_some)
        .map(|verdict| {
            format!(
                "<li>{}<div><b>{}.</b> {}</div></li>",
                sign::icon(verdict),
                sign::label(verdict),
                sign::meaning(verdict)
            )
        })
        .collect();
    format!(
        "<h3>What was looked at</h3><p>Images of the Sentinel-2 satellites, in pixels of 10 metres. A neural network gives every \
         pixel a probability that its land is disturbed by mining. The probabilities are calibrated: of pixels with 70 %, about 70 in \
         100 were disturbed land in the data that they were calibrated on.</p>\
         <h3>What the interval means</h3><p>The area follows from these probabilities, and so does how sure it is. If they are right, \
         the true area lies within the interval in about {level} of 100 cases. That neighbouring pixels are wrong together is taken into \
         account. What the network mistakes everywhere alike, such as a kind of land that it never learned, is not.</p>\
         <h3>Gain, loss and the noise floor</h3><p>Gain is land that was not disturbed on the earlier date and is now; loss is the \
         opposite, such as land that grows over. {floor}. Less than that is reported as no change.</p>\
         <h3>Not assessable</h3><p>Under cloud, in shadow, and where data are missing, nothing can be said: such land counts neither as \
         disturbed nor as not. Where too little of a site is left there is no verdict, which does not mean that all is \
         well.</p>\
         <h3>What the verdicts say</h3><ul class=\"verdicts\">{verdicts}</ul>\
         <h3>What this page does not say</h3><p>It shows disturbed land and not who is responsible for it. Bare rock, fields, roads \
         and river banks can look like a mine. The limits are those in the register: <b>a revision of a permit may be missing</b>, so that an \
         exceedance here is a reason to look closer and to ask, and no proof of a breach.</p>"
    )
}

fn facts(facts: Option<&MethodFacts>) -> String {
    let Some(facts) = facts else {
        return r#"<p class="faint">No observation has been made yet, so no model is named here.</p>"#.to_owned();
    };
    let rows = [
        ("Model", escaped(&facts.model_title)),
        ("Weights (SHA-256)", format!("<code>{}</code>", escaped(&facts.model_sha256))),
        ("Drawn as disturbed from", format!("a probability of {}", facts.threshold)),
        ("Confidence level of intervals", format!("{} %", level(facts.confidence_level_percent))),
        ("Noise floor of change", hectares(facts.noise_floor_ha)),
        ("Software", escaped(&facts.software)),
    ];
    let rows: String = rows.iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{value}</dd>")).collect();
    format!(r#"<dl class="facts">{rows}</dl>"#)
}
