//! Area by date with its interval, the limit of the permits, and gain and loss, as inline SVG.

use std::fmt::Write;

use super::axis::{Days, END, LEFT, Scale, WIDTH, step, ticks};
use super::sign::{REVISION, is_exceedance, label, shape};
use super::text::{ha, hectares, interval, level, number, percent};
use crate::preview::escaped;
use crate::register::{Area, Observation, Permit, Verdict};

/// Where the plot of areas begins and ends, in units of the view box.
const TOP: f64 = 20.0;
const BOTTOM: f64 = 270.0;
/// Where the plot of changes begins and ends.
const CHANGE_TOP: f64 = 296.0;
const CHANGE_BOTTOM: f64 = 386.0;
/// Room for dates below.
const FOOT: f64 = 40.0;

/// A chart and what its caption must say.
pub(super) struct Timeline {
    pub(super) svg: String,
    /// The axis of areas does not begin at zero.
    pub(super) is_cut: bool,
    pub(super) has_limit: bool,
    pub(super) has_change: bool,
}

/// The chart of observations in their order; none without any.
pub(super) fn timeline(observations: &[&Observation], permits: &[Permit]) -> Option<Timeline> {
    let days = Days::over(observations.iter().map(|observation| observation.date))?;
    let limits = limits(permits, &days);
    let mut values: Vec<f64> = limits.iter().map(|limit| limit.ha).collect();
    for area in observations.iter().filter_map(|observation| area(observation)) {
        values.extend([area.lower_ha, area.ha, area.upper_ha]);
    }
    let areas = area_scale(&values);
    let has_change = observations.iter().any(|o| o.gain_ha.is_some() || o.loss_ha.is_some());
    let bottom = if has_change { CHANGE_BOTTOM } else { BOTTOM };
    let mut body = String::new();
    axes(&mut body, &areas, &days, bottom);
    draw_limits(&mut body, &limits, &areas);
    draw_areas(&mut body, observations, &areas, &days);
    if has_change {
        draw_changes(&mut body, observations, &days);
    }
    let svg = format!(
        r#"<svg class="chart" viewBox="0 0 {WIDTH} {}" role="img" aria-label="Disturbed land by date with intervals, the limit of the permits, gain and loss. The numbers stand in the table below.">{body}</svg>"#,
        bottom + FOOT
    );
    Some(Timeline { svg, is_cut: areas.low > 0.0, has_limit: !limits.is_empty(), has_change })
}

fn area(observation: &Observation) -> Option<Area> {
    observation.area.filter(|a| a.ha.is_finite() && a.lower_ha.is_finite() && a.upper_ha.is_finite())
}

/// From zero, unless that would leave most of the chart empty.
fn area_scale(values: &[f64]) -> Scale {
    let low = values.iter().copied().reduce(f64::min).unwrap_or(0.0);
    let high = values.iter().copied().reduce(f64::max).unwrap_or(0.0);
    let (low, high) = if low > 0.6 * high && high > low {
        let room = (high - low) * 0.35;
        let step = step(low - room, high, 5);
        ((((low - room) / step).floor() * step).max(0.0), high + (high - low) * 0.15)
    } else {
        (0.0, if high > 0.0 { high * 1.1 } else { 1.0 })
    };
    Scale { low, high, start: BOTTOM, end: TOP }
}

fn axes(body: &mut String, areas: &Scale, days: &Days, bottom: f64) {
    let (values, digits) = ticks(areas.low, areas.high, 6);
    for value in values {
        let y = areas.at(value);
        let _ = write!(
            body,
            r#"<line class="grid" x1="{LEFT}" x2="{END}" y1="{y:.1}" y2="{y:.1}"/><text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            LEFT - 7.0,
            y + 4.0,
            number(Some(value), digits)
        );
    }
    dates(body, days, TOP, bottom);
    let middle = f64::midpoint(TOP, BOTTOM);
    let _ = write!(
        body,
        r#"<line class="axis" x1="{LEFT}" x2="{END}" y1="{BOTTOM}" y2="{BOTTOM}"/><text transform="rotate(-90 14 {middle})" x="14" y="{middle}" text-anchor="middle">Disturbed land (ha)</text>"#
    );
}

/// Lines and words of the dates.
pub(super) fn dates(body: &mut String, days: &Days, top: f64, bottom: f64) {
    for (x, words) in days.ticks() {
        // The first and the last word must not be cut.
        let at = x.clamp(LEFT - 10.0, WIDTH - 34.0);
        let _ = write!(
            body,
            r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="{top}" y2="{bottom}"/><text x="{at:.1}" y="{:.1}" text-anchor="middle">{words}</text>"#,
            bottom + 17.0
        );
    }
    let _ = write!(
        body,
        r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">Date of the observation</text>"#,
        f64::midpoint(LEFT, END),
        bottom + 35.0
    );
}

/// A limit over the part of its validity that is in the chart.
struct Limit {
    ha: f64,
    from: f64,
    to: f64,
    words: String,
    title: String,
}

fn limits(permits: &[Permit], days: &Days) -> Vec<Limit> {
    let mut order: Vec<&Permit> = permits.iter().collect();
    order.sort_by_key(|permit| permit.valid_from);
    let limit = |permit: &Permit| {
        let ha = permit.limit_ha.filter(|ha| ha.is_finite())?;
        let (from, _) = days.held(permit.valid_from);
        // A permit holds through its last day.
        let to = permit.valid_to.map_or(END, |last| days.held(last.tomorrow().unwrap_or(last)).0);
        let until = permit.valid_to.map_or_else(|| "open-ended".to_owned(), |last| format!("to {last}"));
        (to > from).then(|| Limit {
            ha,
            from,
            to,
            words: permit.number.clone(),
            title: format!(
                "Permit {}: at most {}, from {} {until}",
                permit.number,
                hectares(Some(ha)),
                permit.valid_from
            ),
        })
    };
    order.into_iter().filter_map(limit).collect()
}

fn draw_limits(body: &mut String, limits: &[Limit], areas: &Scale) {
    for pair in limits.windows(2) {
        if (pair[1].from - pair[0].to).abs() < 0.5 {
            let (x, from, to) = (pair[1].from, areas.at(pair[0].ha), areas.at(pair[1].ha));
            let _ = write!(body, r#"<line class="limit" x1="{x:.1}" x2="{x:.1}" y1="{from:.1}" y2="{to:.1}"/>"#);
        }
    }
    for Limit { ha: limit, from, to, words, title } in limits {
        let y = areas.at(*limit);
        let _ = write!(
            body,
            r#"<g><title>{}</title><line class="limit" x1="{from:.1}" x2="{to:.1}" y1="{y:.1}" y2="{y:.1}"/><rect class="hit" x="{from:.1}" y="{:.1}" width="{:.1}" height="12"/></g>"#,
            escaped(title),
            y - 6.0,
            to - from
        );
        // Letters of 12 units are about 6.6 wide; a word that does not fit stands in the title.
        let fits = |text: &String| text.chars().count() as f64 * 6.6 + 8.0 < to - from;
        let full = format!("limit {} ha ({words})", ha(*limit));
        if let Some(text) =
            [full, format!("limit {} ha", ha(*limit)), format!("{} ha", ha(*limit))].into_iter().find(fits)
        {
            let _ = write!(
                body,
                r#"<text class="strong" x="{:.1}" y="{:.1}">{}</text>"#,
                from + 5.0,
                y - 7.0,
                escaped(&text)
            );
        }
    }
}

fn draw_areas(body: &mut String, observations: &[&Observation], areas: &Scale, days: &Days) {
    let seen: Vec<(f64, f64)> =
        observations.iter().filter_map(|o| Some((days.at(o.date), areas.at(area(o)?.ha)))).collect();
    let path: Vec<String> = seen.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    if path.len() > 1 {
        let _ = write!(body, r#"<path class="thread" d="M{}"/>"#, path.join("L"));
    }
    for observation in observations {
        let x = days.at(observation.date);
        let title = escaped(&title(observation));
        let verdict = Some(observation.verdict);
        let Some(area) = area(observation) else {
            let mark = shape(Some(Verdict::NotAssessable), x, BOTTOM, 7.0);
            let _ = write!(body, "<g><title>{title}</title>{mark}{}</g>", hit(x, BOTTOM - 9.0, BOTTOM + 9.0));
            continue;
        };
        let (low, high) = (areas.at(area.lower_ha), areas.at(area.upper_ha));
        let _ = write!(
            body,
            r#"<g><title>{title}</title><path class="whisker" d="M{x:.1} {low:.1}V{high:.1}M{:.1} {low:.1}h8M{:.1} {high:.1}h8"/>{}{}</g>"#,
            x - 4.0,
            x - 4.0,
            shape(verdict, x, areas.at(area.ha), 6.0),
            hit(x, high - 6.0, low + 6.0)
        );
    }
}

/// Something to point at that is wider than what is seen.
fn hit(x: f64, top: f64, bottom: f64) -> String {
    format!(r#"<rect class="hit" x="{:.1}" y="{top:.1}" width="16" height="{:.1}"/>"#, x - 8.0, bottom - top)
}

fn title(observation: &Observation) -> String {
    let verdict = Some(observation.verdict);
    let seen = match area(observation) {
        None => format!("{} of the site could be seen", percent(Some(observation.share_assessed))),
        Some(area) => format!(
            "{} ({} % interval {})",
            hectares(Some(area.ha)),
            level(observation.confidence_level_percent),
            interval(&area)
        ),
    };
    let revision = if is_exceedance(verdict) { format!(". {REVISION}") } else { String::new() };
    format!("{}: {seen}, {}{revision}", observation.date, label(verdict))
}

fn draw_changes(body: &mut String, observations: &[&Observation], days: &Days) {
    let known = |value: Option<f64>| value.filter(|value| value.is_finite() && *value > 0.0);
    let most = |values: &dyn Fn(&Observation) -> Option<f64>| {
        observations.iter().filter_map(|o| known(values(o))).fold(0.0, f64::max)
    };
    let (gain, loss) = (most(&|o| o.gain_ha), most(&|o| o.loss_ha));
    let room = (gain + loss).max(1.0) * 0.06;
    let high = if gain + loss > 0.0 { gain + room } else { 1.0 };
    let scale = Scale { low: -(loss + room), high, start: CHANGE_BOTTOM, end: CHANGE_TOP };
    let (values, digits) = ticks(scale.low, scale.high, 4);
    for value in values {
        let y = scale.at(value);
        let class = if value == 0.0 { "axis" } else { "grid" };
        let text = number(Some(value), digits);
        let sign = if value > 0.0 { "+" } else { "" };
        let _ = write!(
            body,
            r#"<line class="{class}" x1="{LEFT}" x2="{END}" y1="{y:.1}" y2="{y:.1}"/><text x="{:.1}" y="{:.1}" text-anchor="end">{sign}{text}</text>"#,
            LEFT - 7.0,
            y + 4.0
        );
    }
    let middle = f64::midpoint(CHANGE_TOP, CHANGE_BOTTOM);
    let _ = write!(
        body,
        r#"<text transform="rotate(-90 14 {middle})" x="14" y="{middle}" text-anchor="middle">Change (ha)</text>"#
    );
    let places: Vec<f64> = observations.iter().map(|o| days.at(o.date)).collect();
    let nearest =
        places.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0.5).fold(f64::INFINITY, f64::min);
    let width = (nearest * 0.6).clamp(3.0, 16.0);
    for (observation, x) in observations.iter().zip(places) {
        let since = observation.compared_with.map_or_else(String::new, |date| format!(" since {date}"));
        for (value, sign, class, words) in [
            (known(observation.gain_ha), 1.0, "gain", "newly disturbed"),
            (known(observation.loss_ha), -1.0, "loss", "no longer disturbed"),
        ] {
            let Some(value) = value else { continue };
            let (zero, end) = (scale.at(0.0), scale.at(sign * value));
            let _ = write!(
                body,
                r#"<rect class="change-{class}" x="{:.1}" y="{:.1}" width="{width:.1}" height="{:.1}"><title>{}: {} {words}{since}</title></rect>"#,
                x - width / 2.0,
                zero.min(end),
                (zero - end).abs().max(0.8),
                observation.date,
                hectares(Some(value))
            );
        }
    }
}
