//! The page of all sites: [`overview_page`].

use maud::{Markup, html};
use minesegsat_page::chart::{Drawing, Scale};
use minesegsat_page::words::{Locale, Words};
use minesegsat_page::{Page, href, scroll};

use super::map::map;
use super::overview::{Overview, OverviewSite};
use super::paper;
use super::sign::{self, asterisk, footnote, footnote_of, is_exceedance};
use super::text::{NONE, record};
use super::{STYLE, tables};
use minesegsat_core::Result;

/// The page of all sites as self-contained HTML, with the most urgent sites first; in the words of a language or with the numbers of a
/// [`Locale`].
pub fn overview_page(overview: &Overview, locale: impl Into<Locale>) -> Result<String> {
    let locale: Locale = locale.into();
    let words = &locale.words();
    let order = overview.in_order();
    let last = order.iter().filter_map(|site| Some(site.last.as_ref()?.date)).max();
    let seen = last.map_or_else(
        || words.say("none-observed"),
        |date| words.say_with("last-observed-on", &[("date", words.date(date).into())]),
    );
    // The script puts the numbers in.
    let shown = words.say_with("sites-shown", &[("shown", "#".into()), ("all", "##".into())]);
    let count = |verdict| order.iter().filter(|site| site.verdict() == verdict).count();
    let body = html! {
        header {
            h1 { (overview.title) }
            p.lead {
                (words.say_with("sites-in-register", &[("count", order.len().into())])) ", " (seen)
            }
            dl.tiles.counts {
                @for verdict in sign::ALL {
                    div.tile.(sign::class(verdict)) {
                        dt { (sign::icon(verdict)) (sign::label(verdict, words)) (asterisk(verdict)) }
                        dd.value { (count(verdict)) }
                    }
                }
            }
            (footnote(words))
            @if !overview.problems.is_empty() {
                ul.notes aria-label=(words.say("damaged-rows")) {
                    @for problem in &overview.problems { li { (record(problem)) } }
                }
            }
        }
        main {
            h2 { (words.say("locations")) }
            @match map(&order, words) {
                Some(map) => { div.panel { (scroll(&words.say("locations"), map)) } }
                None => { p.faint { (words.say("no-site")) } }
            }
            h2 { (words.say("sites")) }
            div.filter {
                label for="words" { (words.say("filter-words")) input #words type="search"; }
                label for="verdict" {
                    (words.say("verdict"))
                    select #verdict {
                        option value="all" { (words.say("all-verdicts")) }
                        @for verdict in sign::ALL.into_iter().filter(|verdict| count(*verdict) > 0) {
                            option value=(sign::class(verdict)) { (sign::label(verdict, words)) }
                        }
                    }
                }
                p #shown role="status" data-words=(shown) {}
            }
            (site_table(&order, words))
            (footnote_of(order.iter().map(|site| site.verdict()), words))
            h2 { (words.say("how-to-read")) }
            div.panel { p { (words.say("how-to-read-text")) } }
        }
        (paper::foot(overview.created, &overview.software, words))
    };
    let page = Page { title: &overview.title, style: STYLE, script: include_str!("overview_page.js"), body };
    Ok(page.into_html_in(words.language()))
}

fn site_table(order: &[&OverviewSite], words: &Words) -> Markup {
    if order.is_empty() {
        return html! { p.faint { (words.say("no-site")) } };
    }
    let head = ["<site", "<verdict", "last-observation", "area-with-interval", "limit", "share-of-limit"];
    let rows = html! { @for site in order { (row(site, words)) } };
    html! { div #sites { (tables::table("sites", &head, rows, words)) } }
}

fn row(entry: &OverviewSite, words: &Words) -> Markup {
    let site = &entry.site;
    let verdict = entry.verdict();
    let status = paper::status(site.status, words);
    let about: Vec<&str> =
        [site.operator.as_deref(), site.commodity.as_deref(), Some(status.as_str())].into_iter().flatten().collect();
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
                (sign::badge(verdict, words))
                // The site's page has the sentence of the other verdicts.
                @if let Some(last) = last.filter(|last| is_exceedance(verdict) || last.area.is_none()) {
                    span.warning { (paper::sentence(last, words)) }
                }
            }
            td { @match last { Some(last) => (last.date), None => (NONE) } }
            td { (tables::area(last, words)) }
            td { (words.hectares(last.and_then(|last| last.limit_ha))) }
            td { (words.percent(entry.share_of_limit(), 1)) @if let Some(bar) = bar(entry) { (bar) } }
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
