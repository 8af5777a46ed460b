//! The page of one site: [`site_page`].

use jiff::civil::Date;
use maud::{Markup, html};
use minesegsat_page::words::Language;
use minesegsat_page::{Page, scroll};

use super::index_chart::index_chart;
use super::pictures::pictures;
use super::sign::{self, REVISION, asterisk, is_exceedance};
use super::site_report::{IndexPoint, MethodFacts, SiteReport};
use super::text::{NONE, beyond, hectares, interval, level, percent, status};
use super::timeline::timeline;
use super::{STYLE, tables};
use minesegsat_core::Result;
use minesegsat_watch::register::{Observation, Permit, ShownChange, Verdict};

/// The page of one site as self-contained HTML.
///
/// Fails if a picture is not a PNG, or not of the size that its outlines were made for.
pub fn site_page(report: &SiteReport) -> Result<String> {
    let order = report.in_order();
    let last = order.last().copied();
    let today = last.map_or_else(|| report.created.to_zoned(jiff::tz::TimeZone::UTC).date(), |last| last.date);
    let (before, after) = (report.before.as_ref(), report.after.as_ref());
    let body = html! {
        header {
            h1 { (report.site.name) }
            p.lead { (lead(report, last)) }
            (verdict(&order))
            (notes(report))
            (tiles(report, &order, today))
        }
        main {
            h2 { @if before.is_some() && after.is_some() { "Before and after" } @else { "Satellite picture" } }
            (pictures(before, after)?)
            h2 { "Over time" }
            (over_time(report, &order))
            h2 { "Observations" }
            (tables::observations(&order))
            h2 { "Permits" }
            (tables::permits(&report.permits))
            h2 { "Scenes" }
            (tables::scenes(&report.scenes))
            h2 { "Method and limitations" }
            div.two-columns {
                div.panel { (method(report.method.as_ref(), last)) }
                div.panel { h3 { "Model and software" } (facts(report.method.as_ref())) }
            }
        }
        footer {
            p {
                "Made on " (report.created.strftime("%Y-%m-%d %H:%M UTC")) " by minesegsat " (env!("CARGO_PKG_VERSION"))
                ". Sentinel-2 images: contains modified Copernicus Sentinel data."
            }
        }
    };
    let title = format!("{}: disturbed land", report.site.name);
    Ok(Page { title: &title, style: STYLE, script: include_str!("site_page.js"), body }.into_html())
}

fn lead(report: &SiteReport, last: Option<&Observation>) -> Markup {
    let site = &report.site;
    let dot = html! { " " span.dot aria-hidden="true" { "·" } " " };
    html! {
        @for text in [&site.operator, &site.commodity].into_iter().flatten() { span { (text) } (dot) }
        span { (status(site.status)) } (dot)
        span { code { (site.id) } } (dot)
        @match last {
            Some(last) => { span { "last observed on " b { (last.date) } } }
            None => { span { "never observed" } }
        }
    }
}

fn verdict(order: &[&Observation]) -> Markup {
    let last = order.last();
    let verdict = last.map(|last| last.verdict);
    let assessed = order.iter().rev().find(|o| o.verdict != Verdict::NotAssessable);
    let warnings = last.map(|last| last.warnings.as_slice()).unwrap_or_default();
    html! {
        div.verdict.(sign::class(verdict)) role="group" aria-label="Verdict" {
            (sign::icon(verdict))
            div {
                p.heading { (sign::heading(verdict)) }
                p.statement {
                    (last.map_or("The site is in the register but has not been observed yet.", |last| &last.statement))
                }
                @if is_exceedance(verdict) {
                    // The sentence above may say it already.
                    p.revision {
                        @if !last.is_some_and(|last| says_revision(&last.statement)) { (REVISION) " " }
                        "This page alone is no proof of a breach."
                    }
                }
                @if verdict == Some(Verdict::NotAssessable) {
                    p {
                        @match assessed {
                            None => "The site could not be assessed on any date yet.",
                            Some(o) => {
                                b { "Last assessable observation, " (o.date) ": " (o.verdict) "." }
                                " " (o.statement)
                                @if is_exceedance(Some(o.verdict)) && !says_revision(&o.statement) { " " (REVISION) }
                            }
                        }
                    }
                }
            }
        }
        @if !warnings.is_empty() {
            ul.notes aria-label="Warnings on this observation" { @for warning in warnings { li { (warning) } } }
        }
    }
}

/// Whether a sentence warns of a missing revision of the permit.
fn says_revision(statement: &str) -> bool {
    statement.contains("revision of the permit may be missing")
}

/// Rows of the register that cannot be read, and changes of the boundary.
fn notes(report: &SiteReport) -> Markup {
    let (boundary, corrections) = (report.boundary_notes(), report.correction_notes());
    html! {
        @if !(report.problems.is_empty() && boundary.is_empty() && corrections.is_empty()) {
            ul.notes aria-label="Notes on the register" {
                @for note in report.problems.iter().chain(&boundary).chain(&corrections) { li { (note) } }
            }
        }
    }
}

fn tile(label: &str, value: &str, note: Markup) -> Markup {
    html! { div.tile { dt { (label) } dd.value { (value) } dd.faint.small { (note) } } }
}

/// A tile of gain or loss. What lies below the noise floor is noted.
fn change_tile(label: &str, shown: Option<ShownChange>, since: Markup) -> Markup {
    let note = html! {
        @if let Some(floor) = shown.and_then(|shown| shown.below_noise_ha) {
            "below the noise of " (hectares(Some(floor))) "; "
        }
        (since)
    };
    tile(label, &hectares(shown.map(|shown| shown.ha)), note)
}

/// Tiles with the key numbers.
fn tiles(report: &SiteReport, order: &[&Observation], today: Date) -> Markup {
    let last = order.last().copied();
    let shown = order.iter().rev().copied().find(|o| o.area.is_some()).or(last);
    let limit = limit_tile(shown, &report.permits, today);
    let Some((shown, last)) = shown.zip(last) else { return html! { dl.tiles { (limit) } } };
    let day = |date: Date| html! { span.keep { (date) } };
    let on = || html! { "on " (day(shown.date)) };
    let since = || {
        html! {
            @if let Some(date) = shown.compared_with { "since " (day(date)) }
            @else { "no earlier date to compare with" }
        }
    };
    let note = html! {
        @if let Some(area) = &shown.area {
            (level(shown.confidence_level_percent)) " % interval " (interval(area)) " ha; " (on())
            @if let Some(parts) = shown.parts_text() { "; " (parts) }
        } @else { "not assessable" }
    };
    html! {
        dl.tiles {
            (tile("Disturbed land", &hectares(shown.area.map(|area| area.ha)), note))
            (limit)
            (change_tile("Gain", shown.gain(), since()))
            (change_tile("Loss", shown.loss(), since()))
            (tile("Outside the permitted area", &hectares(shown.outside_permit_ha), html! { "inside the site; " (on()) }))
            (tile("Outside the site", &hectares(shown.parts.map(|parts| parts.outside_site_ha)), html! {
                "in one piece with land inside; " (on())
            }))
            (tile("Share of the site seen", &percent(Some(last.share_assessed)), html! {
                "on " (day(last.date))
                @if let Some(beyond) = beyond(last) { "; " (beyond) " beyond the scenes" }
            }))
        }
    }
}

fn limit_tile(shown: Option<&Observation>, permits: &[Permit], today: Date) -> Markup {
    let of_observation = shown.and_then(|o| Some((o.limit_ha?, o.permit.clone().unwrap_or_default())));
    let of_register = || {
        let permit = permits.iter().find(|permit| permit.holds_on(today))?;
        Some((permit.limit_ha?, permit.number.clone()))
    };
    let (value, note) = match of_observation.or_else(of_register) {
        Some((limit, number)) if number.is_empty() => (hectares(Some(limit)), html! { "permit number unknown" }),
        Some((limit, number)) => (hectares(Some(limit)), html! { "permit " (number) }),
        None => (NONE.to_owned(), html! { "none is in the register for that date" }),
    };
    tile("Limit", &value, note)
}

fn over_time(report: &SiteReport, order: &[&Observation]) -> Markup {
    let Some(chart) = timeline(order, &report.permits, Language::English.words()) else {
        return html! { p.faint { "There is nothing to draw before the first observation." } };
    };
    let key = |inside: Markup| html! { svg.key viewBox="0 0 26 16" aria-hidden="true" { (inside) } };
    let line = |class: &str, d: &str| key(html! { path class=(class) d=(d) {} });
    let bar = |class: &str| key(html! { rect class=(class) x="5" y="3" width="16" height="10" {} });
    let mut points: Vec<IndexPoint> = report.indices.clone();
    points.sort_by_key(|point| point.date);
    let is_used = |verdict: Option<Verdict>| order.iter().any(|o| Some(o.verdict) == verdict);
    html! {
        div.panel {
            ul.legend {
                @for verdict in sign::ALL.into_iter().filter(|verdict| is_used(*verdict)) {
                    li { (key(sign::shape(verdict, 13.0, 8.0, 6.0))) (sign::label(verdict)) (asterisk(verdict)) }
                }
                li {
                    (line("whisker", "M13 2V14M9 2h8M9 14h8"))
                    (level(order.last().map_or(90.0, |o| o.confidence_level_percent))) " % interval of the area"
                }
                @if chart.has_limit { li { (line("limit", "M1 8H25")) "limit of the permits in the register" } }
                @if chart.has_change {
                    li { (bar("change-gain")) "gain" }
                    li { (bar("change-loss")) "loss" }
                }
            }
            (scroll("Chart of areas", chart.svg))
            @if chart.is_cut { p.faint.small { "The axis of areas does not begin at zero." } }
            (tables::chart_numbers(order))
        }
        @if let Some(svg) = index_chart(&points) {
            h3 { "Green plants, bare soil and water" }
            div.panel {
                ul.legend {
                    li { (line("inside", "M1 8H25")) "median inside the site" }
                    li { (line("around", "M1 8H25")) "median around it" }
                }
                (scroll("Chart of indices", svg))
                (tables::index_numbers(&points))
            }
        }
    }
}

fn method(facts: Option<&MethodFacts>, last: Option<&Observation>) -> Markup {
    let percent = facts
        .map(|facts| facts.confidence_level_percent)
        .or_else(|| last.map(|last| last.confidence_level_percent))
        .unwrap_or(90.0);
    let floor = facts.and_then(|facts| facts.noise_floor_ha);
    html! {
        h3 { "What was analysed" }
        p {
            "Images of the Sentinel-2 satellites, with pixels of 10 metres. A neural network estimates for every pixel the \
             probability that its land is disturbed by mining. The probabilities are calibrated: of the pixels with 70 %, about 70 \
             in 100 were disturbed land in the calibration data."
        }
        h3 { "What the interval means" }
        p {
            "The area and its interval are computed from these probabilities. If they are right, the true area lies within the \
             interval in about " (level(percent)) " of 100 cases. The interval accounts for errors that neighbouring pixels share. \
             It does not account for systematic errors, such as a kind of land that the network never learned."
        }
        h3 { "Gain, loss and the noise floor" }
        p {
            "Gain is land that is disturbed now and was not on the earlier date. Loss is the opposite, such as land that plants \
             cover again. "
            @match floor {
                None => "Maps of two dates differ slightly even on sites where nothing happened. Such small differences are",
                Some(floor) => {
                    "Maps of two dates differ slightly even on sites where nothing happened, by up to about "
                    (hectares(Some(floor))) ". This is the noise floor. Smaller changes are"
                }
            }
            " reported as no change."
        }
        h3 { "Not assessable" }
        p {
            "Land under cloud, in shadow or without data is not assessed: it counts neither as disturbed nor as undisturbed. If \
             too little of a site can be assessed, there is no verdict. This does not mean that the site is within its limit."
        }
        h3 { "What the verdicts mean" }
        ul.verdicts {
            @for verdict in sign::ALL.into_iter().flatten() {
                li { (sign::icon(Some(verdict))) div { b { (sign::label(Some(verdict))) "." } " " (sign::meaning(Some(verdict))) } }
            }
        }
        h3 { "What this page does not show" }
        p {
            "It shows disturbed land, not who is responsible for it. Bare rock, fields, roads and river banks can look like a mine. \
             The limits are those in the register: " b { "a revision of a permit may be missing" } ". So an exceedance here is a \
             reason to look closer and to ask, not proof of a breach."
        }
    }
}

fn facts(facts: Option<&MethodFacts>) -> Markup {
    let Some(facts) = facts else {
        return html! { p.faint { "There is no observation yet, so no model is listed here." } };
    };
    html! {
        dl.facts {
            dt { "Model" } dd { (facts.model_title) }
            dt { "Weights (SHA-256)" } dd { code { (facts.model_sha256) } }
            dt { "Probability threshold of disturbed land" } dd { (facts.threshold) }
            dt { "Confidence level of intervals" } dd { (level(facts.confidence_level_percent)) " %" }
            dt { "Noise floor of change" } dd { (hectares(facts.noise_floor_ha)) }
            dt { "Software" } dd { (facts.software) }
        }
    }
}
