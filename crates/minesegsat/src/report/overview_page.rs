//! The page on all sites: [`overview_page`].

use std::fmt::Write;

use super::map::map;
use super::overview::{Overview, OverviewSite};
use super::page;
use super::sign::{self, FOOTNOTE, is_exceedance};
use super::text::{NONE, hectares, interval, level, percent, status};
use crate::Result;
use crate::preview::{escaped, href};

const TEMPLATE: &str = include_str!("overview_page.html");

/// The page on all sites, as self-contained HTML, the sites first that need attention.
pub fn overview_page(overview: &Overview) -> Result<String> {
    let mut order: Vec<&OverviewSite> = overview.sites.iter().collect();
    // Within a verdict those first that use most of their limit.
    order.sort_by(|a, b| {
        let share = |site: &OverviewSite| site.share_of_limit().unwrap_or(-1.0);
        (a.rank().cmp(&b.rank()))
            .then(share(b).total_cmp(&share(a)))
            .then_with(|| (&a.site.name, &a.site.id).cmp(&(&b.site.name, &b.site.id)))
    });
    let last = order.iter().filter_map(|site| Some(site.last.as_ref()?.date)).max();
    let sites = match order.len() {
        1 => "1 site".to_owned(),
        n => format!("{n} sites"),
    };
    let lead =
        last.map_or_else(|| format!("{sites}, none observed yet"), |last| format!("{sites}, last observed on {last}"));
    let title = escaped(&overview.title);
    Ok(page(
        TEMPLATE,
        &[
            ("title", &title),
            ("name", &title),
            ("lead", &lead),
            ("counts", &counts(&order)),
            ("map", &positions(&order)),
            ("choices", &choices(&order)),
            ("table", &table(&order)),
            ("note", &note(&order)),
            ("software", &escaped(&overview.software)),
            ("created", &overview.created.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        ],
    ))
}

fn counts(order: &[&OverviewSite]) -> String {
    let mut out = String::new();
    for verdict in sign::ALL {
        let count = order.iter().filter(|site| site.verdict() == verdict).count();
        let mark = if is_exceedance(verdict) { "*" } else { "" };
        let _ = write!(
            out,
            r#"<div class="tile {}"><dt>{}{}{mark}</dt><dd class="value">{count}</dd></div>"#,
            sign::class(verdict),
            sign::icon(verdict),
            sign::label(verdict)
        );
    }
    format!(r#"<dl class="tiles counts">{out}</dl><p class="faint small">{FOOTNOTE}</p>"#)
}

fn positions(order: &[&OverviewSite]) -> String {
    map(order).map_or_else(
        || r#"<p class="faint">There is no site to show.</p>"#.to_owned(),
        |svg| {
            format!(
                r#"<div class="panel"><div class="scroll" role="region" aria-label="Sketch of positions" tabindex="0">{svg}</div></div>"#
            )
        },
    )
}

fn choices(order: &[&OverviewSite]) -> String {
    let mut out = r#"<option value="all">all</option>"#.to_owned();
    for verdict in sign::ALL {
        if order.iter().any(|site| site.verdict() == verdict) {
            let _ = write!(out, r#"<option value="{}">{}</option>"#, sign::class(verdict), sign::label(verdict));
        }
    }
    out
}

fn note(order: &[&OverviewSite]) -> String {
    if order.iter().any(|site| is_exceedance(site.verdict())) {
        format!(r#"<p class="faint small">{FOOTNOTE}</p>"#)
    } else {
        String::new()
    }
}

fn table(order: &[&OverviewSite]) -> String {
    if order.is_empty() {
        return r#"<p class="faint">The register has no site.</p>"#.to_owned();
    }
    let rows: String = order.iter().map(|site| row(site)).collect();
    format!(
        r#"<div class="scroll" role="region" aria-label="Sites" tabindex="0"><table id="sites" class="numbers"><thead><tr><th scope="col">Site</th><th scope="col" class="words">Verdict</th><th scope="col">Last observation</th><th scope="col">Disturbed land, interval</th><th scope="col">Limit</th><th scope="col">Part of the limit used</th></tr></thead><tbody>{rows}</tbody></table></div>"#
    )
}

fn row(entry: &OverviewSite) -> String {
    let site = &entry.site;
    let verdict = entry.verdict();
    let name = escaped(&site.name);
    let name = match &entry.page {
        Some(page) => format!(r#"<a href="{}">{name}</a>"#, escaped(&href(page))),
        None => name,
    };
    let about: Vec<String> = [site.operator.as_ref(), site.commodity.as_ref()]
        .into_iter()
        .flatten()
        .map(|text| escaped(text))
        .chain([status(site.status).to_owned()])
        .collect();
    let searched = [
        site.name.as_str(),
        site.id.as_str(),
        site.operator.as_deref().unwrap_or_default(),
        site.commodity.as_deref().unwrap_or_default(),
        status(site.status),
    ]
    .join(" ")
    .to_lowercase();
    let last = entry.last.as_ref();
    let date = last.map_or_else(|| NONE.to_owned(), |last| last.date.to_string());
    let area = last.and_then(|last| Some((last, last.area?))).map_or_else(
        || NONE.to_owned(),
        |(last, area)| {
            format!(
                r#"{} <span class="range">{} ({} %)</span>"#,
                hectares(Some(area.ha)),
                interval(&area),
                level(last.confidence_level_percent)
            )
        },
    );
    let limit = hectares(last.and_then(|last| last.limit_ha));
    let share = entry.share_of_limit();
    // What is well needs no sentence here: its own page has it.
    let statement = last
        .filter(|last| is_exceedance(verdict) || last.area.is_none())
        .map_or_else(String::new, |last| format!(r#"<span class="warning">{}</span>"#, escaped(&last.statement)));
    format!(
        r#"<tr data-site="{}" data-verdict="{}" data-text="{}"><th scope="row" class="words">{name}<span class="range">{}</span></th><td class="words">{}{statement}</td><td>{date}</td><td>{area}</td><td>{limit}</td><td>{}{}</td></tr>"#,
        site.id,
        sign::class(verdict),
        escaped(&searched),
        about.join(" · "),
        sign::badge(verdict),
        percent(share),
        bar(entry).unwrap_or_default()
    )
}

/// Parts of the limit that fit in the bar.
const MOST: f64 = 1.5;

/// The part of the limit that is used, and its interval, beside the limit.
fn bar(site: &OverviewSite) -> Option<String> {
    let last = site.last.as_ref()?;
    let share = site.share_of_limit()?;
    let (limit, area) = (last.limit_ha?, last.area?);
    let at = |share: f64| 1.0 + share.clamp(0.0, MOST) / MOST * 88.0;
    let interval = if area.lower_ha.is_finite() && area.upper_ha.is_finite() {
        format!(r#"<path class="whisker" d="M{:.1} 7H{:.1}"/>"#, at(area.lower_ha / limit), at(area.upper_ha / limit))
    } else {
        String::new()
    };
    Some(format!(
        r#"<svg class="bar" viewBox="0 0 90 14" aria-hidden="true"><rect class="track" x="1" y="3" width="88" height="8"/><rect class="used {}" x="1" y="3" width="{:.1}" height="8"/>{interval}<path class="tick" d="M{:.1} 0V14"/></svg>"#,
        sign::class(site.verdict()),
        at(share) - 1.0,
        at(1.0)
    ))
}
