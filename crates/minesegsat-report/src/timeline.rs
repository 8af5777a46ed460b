//! Chart over time: area with its interval, the permits' limit, gain and loss.

use maud::Markup;
use minesegsat_page::chart::{Days, Drawing, Plot, Scale, step};
use minesegsat_page::words::{Value, Words};

use super::limit_labels::{Occupied, Segment, Wanted};
use super::sign::{label, revision, shape};
use minesegsat_watch::register::{Area, Observation, Permit, Verdict};
use minesegsat_watch::sentence::interval_at_level;

/// Width of charts over time, in view box units.
pub(super) const WIDTH: f64 = 860.0;
/// Left and right edges of their plots.
pub(super) const LEFT: f64 = 62.0;
pub(super) const END: f64 = WIDTH - 18.0;
/// Top and bottom of the plot of areas, in view box units.
const TOP: f64 = 20.0;
const BOTTOM: f64 = 270.0;
/// Top and bottom of the plot of changes.
const CHANGE_TOP: f64 = 296.0;
const CHANGE_BOTTOM: f64 = 386.0;
/// Half of the size of a mark.
const MARK: f64 = 8.0;
/// Space below the plots for dates.
const FOOT: f64 = 40.0;

/// A chart, and the facts that its caption depends on.
pub(super) struct Timeline {
    pub(super) svg: Markup,
    /// Whether the axis of areas does not begin at zero.
    pub(super) is_cut: bool,
    pub(super) has_limit: bool,
    pub(super) has_change: bool,
}

/// Draws the chart of observations, which are sorted by date. `None` without observations.
pub(super) fn timeline(observations: &[&Observation], permits: &[Permit], words: &Words) -> Option<Timeline> {
    let days = Days::over(observations.iter().map(|observation| observation.date), LEFT, END)?;
    let limits = limits(permits, &days, words);
    let mut values: Vec<f64> = limits.iter().map(|limit| limit.ha).collect();
    for area in observations.iter().filter_map(|observation| area(observation)) {
        values.extend([area.lower_ha, area.ha, area.upper_ha]);
    }
    let areas = Plot { x: days.scale(), y: area_scale(&values) };
    let has_change = observations.iter().any(|o| o.gain_ha.is_some() || o.loss_ha.is_some());
    let changes = Plot { x: days.scale(), y: change_scale(observations) };
    let lowest = if has_change { &changes } else { &areas };
    let mut drawing = Drawing::new(WIDTH, lowest.y.start + FOOT);
    let number = |value: f64, digits: usize| words.number(Some(value), u8::try_from(digits).unwrap_or(0));
    areas.y_axis(&mut drawing, &words.say("axis-area"), 6, number);
    lowest.x_axis(&mut drawing, &words.say("axis-date"), TOP, &days.ticks());
    drawing.line("axis", (LEFT, BOTTOM), (END, BOTTOM));
    draw_limits(&mut drawing, &limits, &areas.y);
    draw_areas(&mut drawing, observations, &areas.y, &days, words);
    label_limits(&mut drawing, &limits, marks(observations, &limits, &areas.y, &days), &areas.y, words);
    if has_change {
        changes.y_axis(&mut drawing, &words.say("axis-change"), 4, |value, digits| {
            format!("{}{}", if value > 0.0 { "+" } else { "" }, number(value, digits))
        });
        draw_changes(&mut drawing, observations, &changes.y, &days, words);
    }
    let svg = drawing.finish("chart wide", Some(&words.say("chart-of-areas")));
    Some(Timeline { svg, is_cut: areas.y.low > 0.0, has_limit: !limits.is_empty(), has_change })
}

fn area(observation: &Observation) -> Option<Area> {
    observation.area.filter(|a| a.ha.is_finite() && a.lower_ha.is_finite() && a.upper_ha.is_finite())
}

/// Scale of areas: from zero, unless that would leave most of the chart empty.
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

fn positive(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite() && *value > 0.0)
}

fn change_scale(observations: &[&Observation]) -> Scale {
    let most = |value: fn(&Observation) -> Option<f64>| {
        observations.iter().filter_map(|o| positive(value(o))).fold(0.0, f64::max)
    };
    let (gain, loss) = (most(|o| o.gain_ha), most(|o| o.loss_ha));
    let room = (gain + loss).max(1.0) * 0.06;
    let high = if gain + loss > 0.0 { gain + room } else { 1.0 };
    Scale { low: -(loss + room), high, start: CHANGE_BOTTOM, end: CHANGE_TOP }
}

/// A permit's limit, and the part of its validity inside the chart.
struct Limit {
    ha: f64,
    from: f64,
    to: f64,
    number: String,
    title: String,
}

fn limits(permits: &[Permit], days: &Days, words: &Words) -> Vec<Limit> {
    let mut order: Vec<&Permit> = permits.iter().collect();
    order.sort_by_key(|permit| permit.valid_from);
    let limit = |permit: &Permit| {
        let ha = permit.limit_ha.filter(|ha| ha.is_finite())?;
        let (from, _) = days.held(permit.valid_from);
        // A permit is valid through its last day.
        let to = permit.valid_to.map_or(END, |last| days.held(last.tomorrow().unwrap_or(last)).0);
        (to > from).then(|| Limit {
            ha,
            from,
            to,
            number: permit.number.clone(),
            title: limit_title(permit, ha, words),
        })
    };
    order.into_iter().filter_map(limit).collect()
}

fn limit_title(permit: &Permit, limit_ha: f64, words: &Words) -> String {
    let mut values: Vec<(&str, Value<'_>)> = vec![
        ("number", permit.number.as_str().into()),
        ("ha", words.hectares(Some(limit_ha)).into()),
        ("from", permit.valid_from.to_string().into()),
    ];
    let Some(last) = permit.valid_to else { return words.say_with("permit-title-open", &values) };
    values.push(("to", last.to_string().into()));
    words.say_with("permit-title", &values)
}

fn draw_limits(drawing: &mut Drawing, limits: &[Limit], areas: &Scale) {
    for pair in limits.windows(2) {
        if follows(pair) {
            let x = pair[1].from;
            drawing.line("limit", (x, areas.at(pair[0].ha)), (x, areas.at(pair[1].ha)));
        }
    }
    for Limit { ha: limit, from, to, title, .. } in limits {
        let y = areas.at(*limit);
        drawing.titled(title, |group| {
            group.line("limit", (*from, y), (*to, y));
            group.rect("hit", (*from, y - 6.0), (*to, y + 6.0));
        });
    }
}

/// The lines that labels of limits must not cross: intervals with their marks, the line that joins the areas, and the limits.
fn marks(observations: &[&Observation], limits: &[Limit], areas: &Scale, days: &Days) -> Occupied {
    let mut segments: Vec<Segment> = Vec::new();
    let mut last: Option<(f64, f64)> = None;
    for observation in observations {
        let x = days.at(observation.date);
        let Some(area) = area(observation) else {
            segments.push([(x, BOTTOM - MARK), (x, BOTTOM + MARK)]);
            continue;
        };
        let (low, high, place) = (areas.at(area.lower_ha), areas.at(area.upper_ha), (x, areas.at(area.ha)));
        // The caps of an interval, and the mark of its area.
        segments.extend([low, high].map(|y| [(x - 4.0, y), (x + 4.0, y)]));
        segments.extend([[(x, low), (x, high)], [(x - MARK, place.1), (x + MARK, place.1)]]);
        segments.push([(x, place.1 - MARK), (x, place.1 + MARK)]);
        segments.extend(last.map(|last| [last, place]));
        last = Some(place);
    }
    segments.extend(limits.iter().map(|limit| [(limit.from, areas.at(limit.ha)), (limit.to, areas.at(limit.ha))]));
    segments.extend(limits.windows(2).filter(|pair| follows(pair)).map(|pair| {
        let x = pair[1].from;
        [(x, areas.at(pair[0].ha)), (x, areas.at(pair[1].ha))]
    }));
    Occupied::by(segments)
}

/// Whether the second of two limits begins where the first one ends.
fn follows(pair: &[Limit]) -> bool {
    (pair[1].from - pair[0].to).abs() < 0.5
}

/// Labels each limit where nothing else is drawn. The title of a limit has the full words if only shorter ones fit here.
fn label_limits(drawing: &mut Drawing, limits: &[Limit], mut occupied: Occupied, areas: &Scale, words: &Words) {
    for Limit { ha, from, to, number, .. } in limits {
        let short = words.hectares(Some(*ha));
        let value = || ("ha", short.clone().into());
        let full = words.say_with("chart-limit", &[value(), ("permit", number.as_str().into())]);
        let texts = vec![full, words.say_with("chart-limit-short", &[value()]), short.clone()];
        let wanted = Wanted { from: *from, to: *to, y: areas.at(*ha), texts };
        let Some(label) = occupied.place(&wanted, (TOP - 14.0, BOTTOM)) else { continue };
        if let Some([start, end]) = label.leader {
            drawing.line("thread", start, end);
        }
        drawing.text("strong", "start", label.at, &label.text);
    }
}

fn draw_areas(drawing: &mut Drawing, observations: &[&Observation], areas: &Scale, days: &Days, words: &Words) {
    drawing.path("thread", observations.iter().filter_map(|o| Some((days.at(o.date), areas.at(area(o)?.ha)))));
    for observation in observations {
        let x = days.at(observation.date);
        drawing.titled(&title(observation, words), |group| {
            let (low, high) = if let Some(area) = area(observation) {
                let (low, high) = (areas.at(area.lower_ha), areas.at(area.upper_ha));
                group.interval(x, low, high);
                group.add(shape(Some(observation.verdict), x, areas.at(area.ha), 6.0));
                (low + 6.0, high - 6.0)
            } else {
                group.add(shape(Some(Verdict::NotAssessable), x, BOTTOM, 7.0));
                (BOTTOM + 9.0, BOTTOM - 9.0)
            };
            // An invisible target for the pointer, wider than the mark.
            group.rect("hit", (x - 8.0, high), (x + 8.0, low));
        });
    }
}

fn title(observation: &Observation, words: &Words) -> String {
    let verdict = Some(observation.verdict);
    let seen = match area(observation) {
        None => {
            let share = words.percent(Some(observation.share_assessed), 1);
            words.say_with("seen-of-site", &[("share", share.into())])
        }
        Some(area) => {
            format!(
                "{} ({})",
                words.hectares(Some(area.ha)),
                interval_at_level(&area, observation.confidence_level_percent, words)
            )
        }
    };
    format!("{}: {seen}, {}{}", observation.date, label(verdict, words), revision(verdict, words))
}

fn draw_changes(drawing: &mut Drawing, observations: &[&Observation], changes: &Scale, days: &Days, words: &Words) {
    let places: Vec<f64> = observations.iter().map(|o| days.at(o.date)).collect();
    let nearest =
        places.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0.5).fold(f64::INFINITY, f64::min);
    let half = (nearest * 0.6).clamp(3.0, 16.0) / 2.0;
    for (observation, x) in observations.iter().zip(places) {
        let since = observation.compared_with.map_or_else(String::new, |date| {
            format!(", {}", words.say_with("since", &[("date", words.date(date).into())]))
        });
        for (value, sign, class, key) in [
            (positive(observation.gain_ha), -1.0, "change-gain", "gain"),
            (positive(observation.loss_ha), 1.0, "change-loss", "loss"),
        ] {
            let Some(value) = value else { continue };
            let zero = changes.at(0.0);
            let length = (changes.at(-value) - zero).max(0.8);
            let title = format!("{}: {} {}{since}", observation.date, words.say(key), words.hectares(Some(value)));
            drawing.titled(&title, |group| group.rect(class, (x - half, zero), (x + half, zero + sign * length)));
        }
    }
}
