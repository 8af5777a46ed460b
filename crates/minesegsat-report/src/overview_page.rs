//! The page of all sites: [`overview_page`].

use maud::{Markup, PreEscaped, html};
use minesegsat_page::chart::{Drawing, Scale};
use minesegsat_page::words::Language;
use minesegsat_page::{Page, href, scroll, table};

use super::map::map;
use super::overview::{Overview, OverviewSite};
use super::sign::{self, FOOTNOTE, asterisk, footnote, is_exceedance};
use super::text::{NONE, hectares, percent, status};
use super::{STYLE, tables};
use minesegsat_core::Result;

/// The page of all sites as self-contained HTML, with the most urgent sites first.
pub fn overview_page(overview: &Overview) -> Result<String> {
    let order = overview.in_order();
    let last = order.iter().filter_map(|site| Some(site.last.as_ref()?.date)).max();
    let count = |verdict| order.iter().filter(|site| site.verdict() == verdict).count();
    let body = html! {
        header {
            h1 { (overview.title) }
            p.lead {
                @if order.len() == 1 { "1 site, " } @else { (order.len()) " sites, " }
                @match last { Some(date) => { "last observed on " (date) }, None => "none observed yet" }
            }
            dl.tiles.counts {
                @for verdict in sign::ALL {
                    div.tile.(sign::class(verdict)) {
                        dt { (sign::icon(verdict)) (sign::label(verdict)) (asterisk(verdict)) }
                        dd.value { (count(verdict)) }
                    }
                }
            }
            p.faint.small { (FOOTNOTE) }
            @if !overview.problems.is_empty() {
                ul.notes aria-label="Rows of the register that cannot be used" {
                    @for problem in &overview.problems { li { (problem) } }
                }
            }
        }
        main {
            h2 { "Locations" }
            @match map(&order, Language::English.words()) {
                Some(map) => { div.panel { (scroll("Sketch of positions", map)) } }
                None => { p.faint { "There is no site to show." } }
            }
            h2 { "Sites" }
            div.filter {
                label for="words" { "Name, operator or commodity" input #words type="search"; }
                label for="verdict" {
                    "Verdict"
                    select #verdict {
                        option value="all" { "all" }
                        @for verdict in sign::ALL.into_iter().filter(|verdict| count(*verdict) > 0) {
                            option value=(sign::class(verdict)) { (sign::label(verdict)) }
                        }
                    }
                }
                p #shown role="status" {}
            }
            (site_table(&order))
            (footnote(order.iter().map(|site| site.verdict())))
            h2 { "How to read this" }
            div.panel { (PreEscaped(include_str!("reading.html"))) }
        }
        footer {
            p {
                "Made on " (overview.created.strftime("%Y-%m-%d %H:%M UTC")) " by " (overview.software)
                ". Sentinel-2 images: contains modified Copernicus Sentinel data."
            }
        }
    };
    Ok(Page { title: &overview.title, style: STYLE, script: include_str!("overview_page.js"), body }.into_html())
}

fn site_table(order: &[&OverviewSite]) -> Markup {
    if order.is_empty() {
        return html! { p.faint { "The register has no site." } };
    }
    let head =
        ["<Site", "<Verdict", "Last observation", "Disturbed land, interval", "Limit", "Share of the limit used"];
    html! { div #sites { (table("Sites", &head, html! { @for site in order { (row(site)) } })) } }
}

fn row(entry: &OverviewSite) -> Markup {
    let site = &entry.site;
    let verdict = entry.verdict();
    let about: Vec<&str> = [site.operator.as_deref(), site.commodity.as_deref(), Some(status(site.status))]
        .into_iter()
        .flatten()
        .collect();
    let searched = [&[site.name.as_str(), site.id.as_str()], about.as_slice()].concat().join(" ").to_lowercase();
    let last = entry.last.as_ref();
    html! {
        tr data-site=(site.id) data-verdict=(sign::class(verdict)) data-text=(searched) {
            th.words scope="row" {
                @match &entry.page {
                    Some(page) => { a href=(href(page)) { (site.name) } }
                    None => (site.name),
                }
                span.range { (about.join(" · ")) }
            }
            td.words {
                (sign::badge(verdict))
                // The site's page has the sentence of the other verdicts.
                @if let Some(last) = last.filter(|last| is_exceedance(verdict) || last.area.is_none()) {
                    span.warning { (last.statement) }
                }
            }
            td { @match last { Some(last) => (last.date), None => (NONE) } }
            td { (tables::area(last)) }
            td { (hectares(last.and_then(|last| last.limit_ha))) }
            td { (percent(entry.share_of_limit())) @if let Some(bar) = bar(entry) { (bar) } }
        }
    }
}

/// Bar of the share of the limit that is used, with its interval and a tick at the limit.
fn bar(site: &OverviewSite) -> Option<Markup> {
    let last = site.last.as_ref()?;
    let share = site.share_of_limit()?;
    let (limit, area) = (last.limit_ha?, last.area?);
    let scale = Scale { low: 0.0, high: 1.5, start: 1.0, end: 89.0 };
    let mut drawing = Drawing::new(90.0, 14.0);
    drawing.rect("track", (scale.start, 3.0), (scale.end, 11.0));
    drawing.rect(&format!("used {}", sign::class(site.verdict())), (scale.start, 3.0), (scale.held(share), 11.0));
    if area.lower_ha.is_finite() && area.upper_ha.is_finite() {
        let end = |ha: f64| (scale.held(ha / limit), 7.0);
        drawing.line("whisker", end(area.lower_ha), end(area.upper_ha));
    }
    drawing.line("tick", (scale.at(1.0), 0.0), (scale.at(1.0), 14.0));
    Some(drawing.finish("bar", None))
}
