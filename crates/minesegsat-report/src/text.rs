//! Words and numbers that several pages and charts have.

use maud::{Markup, html};
pub(super) use minesegsat_page::text::NONE;
use minesegsat_page::words::{Value, Words};

use minesegsat_watch::register::{Area, Observation, ShownChange};

/// A sentence of the record, which is English in all languages.
pub(super) fn record(sentence: &str) -> Markup {
    html! { span lang="en" { (sentence) } }
}

/// Gain or loss in words, or a dash.
pub(super) fn change(shown: Option<ShownChange>, words: &Words) -> String {
    match shown {
        None => NONE.to_owned(),
        Some(ShownChange { ha, below_noise_ha: None }) => words.hectares(Some(ha)),
        Some(ShownChange { ha, below_noise_ha: Some(floor) }) => words.say_with(
            "below-noise",
            &[("ha", words.hectares(Some(ha)).into()), ("floor", words.hectares(Some(floor)).into())],
        ),
    }
}

/// Both ends of the interval of an area, in hectares, without the unit.
pub(super) fn interval(area: &Area, words: &Words) -> String {
    let end = |ha: f64| -> Value<'_> { words.number(Some(ha), 1).into() };
    words.say_with("from-to", &[("from", end(area.lower_ha)), ("to", end(area.upper_ha))])
}

/// What the area of an observation is made of. `None` if not assessable.
pub(super) fn parts(observation: &Observation, words: &Words) -> Option<String> {
    let parts = observation.parts?;
    let ha = |value: f64| -> Value<'_> { words.hectares(Some(value)).into() };
    let (estimated, mapped) = (("estimated", ha(parts.estimated.ha)), ("mapped", ha(parts.mapped_ha)));
    Some(if observation.share_assessed < 1.0 {
        words.say_with("parts-with-unseen", &[estimated, ("assumed", ha(parts.assumed_ha)), mapped])
    } else {
        words.say_with("parts-seen", &[estimated, mapped])
    })
}

/// Share of a site beyond the scenes of an observation in words, if there is any.
pub(super) fn beyond(observation: &Observation, words: &Words) -> Option<String> {
    let share = observation.share_beyond_map.filter(|share| *share > 0.0)?;
    Some(words.say_with("beyond-the-scenes", &[("share", words.percent(Some(share), 1).into())]))
}
