//! Signs of verdicts: each has a shape, a colour and words, so that it can be read without colour.

use maud::{Markup, html};
use minesegsat_page::words::Words;

use minesegsat_watch::register::Verdict;

/// All states of a site, most urgent first; `None` is a site without an observation.
pub(super) const ALL: [Option<Verdict>; 6] = [
    Some(Verdict::Exceeded),
    Some(Verdict::PossibleExceedance),
    Some(Verdict::NotAssessable),
    None,
    Some(Verdict::NoLimit),
    Some(Verdict::Within),
];

/// CSS class, and name in `data-` attributes.
pub(super) const fn class(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(verdict) => verdict.name(),
        None => "unseen",
    }
}

/// Short name of a verdict.
pub(super) fn label(verdict: Option<Verdict>, words: &Words) -> String {
    words.say(&format!("verdict-{}", class(verdict)))
}

/// Heading of a verdict.
pub(super) fn heading(verdict: Option<Verdict>, words: &Words) -> String {
    words.say(&format!("verdict-{}-heading", class(verdict)))
}

/// Whether the verdict is an exceedance, certain or possible, and so needs the warning of a missing revision.
pub(super) const fn is_exceedance(verdict: Option<Verdict>) -> bool {
    matches!(verdict, Some(Verdict::Exceeded | Verdict::PossibleExceedance))
}

/// Explanation of a verdict for the method section.
pub(super) fn meaning(verdict: Option<Verdict>, words: &Words) -> String {
    let meaning = words.say(&format!("verdict-{}-meaning", class(verdict)));
    if is_exceedance(verdict) { format!("{meaning} {}", words.say("revision-may-be-missing")) } else { meaning }
}

/// Whether a sentence of the record warns of a missing revision of the permit.
pub(super) fn says_revision(statement: &str) -> bool {
    statement.contains("revision of the permit may be missing")
}

/// What the title of a mark in a drawing adds to a verdict: the warning of a missing revision, or nothing.
pub(super) fn revision(verdict: Option<Verdict>, words: &Words) -> String {
    if is_exceedance(verdict) { format!(". {}", words.say("revision-may-be-missing")) } else { String::new() }
}

/// The asterisk of the [`footnote`] if the verdict needs it, else empty.
pub(super) const fn asterisk(verdict: Option<Verdict>) -> &'static str {
    if is_exceedance(verdict) { "*" } else { "" }
}

/// SVG shape of a verdict around a point: a disc, a triangle, an octagon, a cross, a ring or a square.
pub(super) fn shape(verdict: Option<Verdict>, x: f64, y: f64, r: f64) -> Markup {
    let point = |(dx, dy): &(f64, f64)| format!("{:.1} {:.1}", x + dx * r, y + dy * r);
    let outline = |corners: &[(f64, f64)]| {
        let points: Vec<String> = corners.iter().map(point).collect();
        html! { path.mark.(class(verdict)) d={ "M" (points.join("L")) "z" } {} }
    };
    let disc = |class: &str, r: f64| {
        html! { circle class=(class) cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r=(format!("{r:.1}")) {} }
    };
    let class = class(verdict);
    match verdict {
        Some(Verdict::Within) => disc(&format!("mark {class}"), r * 0.9),
        Some(Verdict::PossibleExceedance) => outline(&[(0.0, -1.15), (1.15, 0.85), (-1.15, 0.85)]),
        Some(Verdict::Exceeded) => {
            let (a, b) = (0.42, 1.0);
            outline(&[(-a, -b), (a, -b), (b, -a), (b, a), (a, b), (-a, b), (-b, a), (-b, -a)])
        }
        Some(Verdict::NotAssessable) => {
            let [a, b, c, d] =
                [(-0.75, -0.75), (0.75, 0.75), (-0.75, 0.75), (0.75, -0.75)].map(|corner| point(&corner));
            html! { path.mark.open.(class) d={ "M" (a) "L" (b) "M" (c) "L" (d) } {} }
        }
        Some(Verdict::NoLimit) => disc(&format!("mark open {class}"), r * 0.8),
        None => {
            let (corner, side) = (point(&(-0.75, -0.75)), r * 1.5);
            html! { path.mark.open.(class) d={ "M" (corner) (format!("h{side:.1}v{side:.1}h-{side:.1}z")) } {} }
        }
    }
}

/// Icon beside text. It is hidden from screen readers because words stand beside it.
pub(super) fn icon(verdict: Option<Verdict>) -> Markup {
    let glyph = match verdict {
        Some(Verdict::Within) => Some("M8 12.3l2.7 2.8L16 9.4"),
        Some(Verdict::PossibleExceedance) => Some("M12 9v5M12 17v.2"),
        Some(Verdict::Exceeded) => Some("M12 7v6.2M12 16.8v.2"),
        _ => None,
    };
    html! {
        svg.icon viewBox="0 0 24 24" aria-hidden="true" {
            (shape(verdict, 12.0, 12.0, 9.5))
            @if let Some(glyph) = glyph { path.glyph d=(glyph) {} }
        }
    }
}

/// Icon and short name, with the asterisk of the [`footnote`].
pub(super) fn badge(verdict: Option<Verdict>, words: &Words) -> Markup {
    html! { span.badge.(class(verdict)) { (icon(verdict)) (label(verdict, words)) (asterisk(verdict)) } }
}

/// Footnote of tables that mark a verdict with an asterisk.
pub(super) fn footnote(words: &Words) -> Markup {
    html! { p.faint.small { "* " (words.say("footnote")) } }
}

/// The [`footnote`] if one of the verdicts has an asterisk, else nothing.
pub(super) fn footnote_of(mut verdicts: impl Iterator<Item = Option<Verdict>>, words: &Words) -> Markup {
    html! { @if verdicts.any(is_exceedance) { (footnote(words)) } }
}
