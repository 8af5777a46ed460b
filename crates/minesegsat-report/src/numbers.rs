//! The key numbers of a site: the table of the PDF and the tiles of the page.

use jiff::tz::TimeZone;
use minesegsat_page::words::{Value, Words};

use super::site_report::SiteReport;
use super::text::{NONE, beyond};
use minesegsat_watch::register::{Observation, ShownChange};

/// Rows of name, value and note, from observations sorted by date. The first one is the headline. Without an observation it is the
/// limit.
pub(super) fn numbers(report: &SiteReport, order: &[&Observation], words: &Words) -> Vec<[String; 3]> {
    let last = order.last().copied();
    let Some((shown, last)) = order.iter().rev().copied().find(|o| o.area.is_some()).or(last).zip(last) else {
        return vec![limit(report, None, words)];
    };
    let on = |o: &Observation| -> Vec<(&str, Value<'_>)> { vec![("date", words.date(o.date).into())] };
    let number = |value: f64| words.number(Some(value), 1);
    let mut rows = Vec::new();
    let row = |key: &str, value: String, note: String| [words.say(key), value, note];
    rows.push(match shown.area {
        None => row("disturbed-land", NONE.to_owned(), words.say_with("not-assessable-on", &on(shown))),
        Some(area) => {
            let mut values = on(shown);
            values.push(("level", words.level(shown.confidence_level_percent).into()));
            values.push(("lower", number(area.lower_ha).into()));
            values.push(("upper", number(area.upper_ha).into()));
            row("disturbed-land", words.hectares(Some(area.ha)), words.say_with("disturbed-land-note", &values))
        }
    });
    if let Some(parts) = shown.parts {
        if shown.share_assessed < 1.0 {
            let unseen = words.percent(Some(1.0 - shown.share_assessed), 1);
            rows.push(row("estimated", words.hectares(Some(parts.estimated.ha)), words.say("estimated-note")));
            let note = words.say_with("assumed-note", &[("share", unseen.into())]);
            rows.push(row("assumed", words.hectares(Some(parts.assumed_ha)), note));
        }
        rows.push(row("mapped", words.hectares(Some(parts.mapped_ha)), words.say("mapped-note")));
    }
    rows.push(limit(report, Some((shown, last)), words));
    for (key, change) in [("gain", shown.gain()), ("loss", shown.loss())] {
        rows.push(row(key, words.hectares(change.map(|change| change.ha)), change_note(shown, change, words)));
    }
    rows.push(row("outside-permit", words.hectares(shown.outside_permit_ha), words.say("outside-permit-note")));
    let outside = shown.parts.map(|parts| parts.outside_site_ha);
    rows.push(row("outside-site", words.hectares(outside), words.say("outside-site-note")));
    let note = joined(std::iter::once(last.date.to_string()).chain(beyond(last, words)));
    rows.push(row("share-seen", words.percent(Some(last.share_assessed), 1), note));
    rows
}

/// The limit of the observation that is shown, else of the permit on the day of the last one, else of the report's day.
fn limit(report: &SiteReport, observations: Option<(&Observation, &Observation)>, words: &Words) -> [String; 3] {
    let today = observations.map_or_else(|| report.created.to_zoned(TimeZone::UTC).date(), |(_, last)| last.date);
    let of_observation =
        observations.and_then(|(shown, _)| Some((shown.limit_ha?, shown.permit.clone().unwrap_or_default())));
    let of_register = || {
        let permit = report.permits.iter().find(|permit| permit.holds_on(today))?;
        Some((permit.limit_ha?, permit.number.clone()))
    };
    let (value, note) = match of_observation.or_else(of_register) {
        None => (NONE.to_owned(), words.say("no-limit-known")),
        Some((limit, number)) if number.is_empty() => (words.hectares(Some(limit)), words.say("permit-unknown")),
        Some((limit, number)) => {
            (words.hectares(Some(limit)), words.say_with("limit-of-permit", &[("number", number.into())]))
        }
    };
    [words.say("limit"), value, note]
}

/// Since when gain or loss is counted, and whether it lies below the noise floor.
fn change_note(shown: &Observation, change: Option<ShownChange>, words: &Words) -> String {
    let below = change.and_then(|change| change.below_noise_ha);
    let below = below.map(|floor| words.say_with("below-noise-note", &[("floor", words.hectares(Some(floor)).into())]));
    let since = shown.compared_with.map_or_else(
        || words.say("no-earlier-date"),
        |date| words.say_with("since", &[("date", words.date(date).into())]),
    );
    joined(below.into_iter().chain([since]))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("; ")
}
