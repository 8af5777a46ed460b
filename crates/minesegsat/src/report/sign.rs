//! How a verdict looks: a shape, a colour and words, so that it is told without the colour.

use crate::register::Verdict;

/// Goes with everything that is said of an exceedance.
pub(super) const REVISION: &str = "A revision of the permit may be missing from the register.";

/// The note under a table that has a verdict with an asterisk.
pub(super) const FOOTNOTE: &str =
    "* As far as the permits in the register tell: a revision of the permit may be missing from it.";

/// All that a site can be, what needs attention first; none for a site without an observation.
pub(super) const ALL: [Option<Verdict>; 6] = [
    Some(Verdict::Exceeded),
    Some(Verdict::PossibleExceedance),
    Some(Verdict::NotAssessable),
    None,
    Some(Verdict::NoLimit),
    Some(Verdict::Within),
];

/// Class of the page's style, and name in its data.
pub(super) const fn class(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(verdict) => verdict.name(),
        None => "unseen",
    }
}

/// In a few words.
pub(super) fn label(verdict: Option<Verdict>) -> String {
    verdict.map_or_else(|| "no observation yet".to_owned(), |verdict| verdict.to_string())
}

/// As the heading of its sentence.
pub(super) const fn heading(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Within) => "Within the limit",
        Some(Verdict::PossibleExceedance) => "Possible exceedance of the limit",
        Some(Verdict::Exceeded) => "Limit exceeded, as far as the permits are known",
        Some(Verdict::NotAssessable) => "Not assessable",
        Some(Verdict::NoLimit) => "No limit known",
        None => "No observation yet",
    }
}

/// Whether it speaks of an exceedance, and so needs [`REVISION`].
pub(super) const fn is_exceedance(verdict: Option<Verdict>) -> bool {
    matches!(verdict, Some(Verdict::Exceeded | Verdict::PossibleExceedance))
}

/// What it means, for the legend of the method.
pub(super) const fn meaning(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Within) => "The whole interval of the area lies below the limit.",
        Some(Verdict::PossibleExceedance) => {
            "The limit lies inside the interval: the area may be below or above it. A revision of the permit may be missing."
        }
        Some(Verdict::Exceeded) => {
            "The whole interval lies above the limit that is in the register. A revision of the permit may be missing."
        }
        Some(Verdict::NotAssessable) => {
            "Too little of the site could be seen for a verdict. It means neither within nor exceeded."
        }
        Some(Verdict::NoLimit) => "No permit with a limit is in the register for that day.",
        None => "Nothing has been looked at yet.",
    }
}

/// Its shape as SVG about a point: a disc, a triangle, an octagon, a cross, a ring, a square.
pub(super) fn shape(verdict: Option<Verdict>, x: f64, y: f64, r: f64) -> String {
    let class = class(verdict);
    let corners = |corners: &[(f64, f64)]| {
        let points: Vec<String> =
            corners.iter().map(|(dx, dy)| format!("{:.1},{:.1}", x + dx * r, y + dy * r)).collect();
        format!(r#"<polygon class="mark {class}" points="{}"/>"#, points.join(" "))
    };
    match verdict {
        Some(Verdict::Within) => {
            format!(r#"<circle class="mark {class}" cx="{x:.1}" cy="{y:.1}" r="{:.1}"/>"#, r * 0.9)
        }
        Some(Verdict::PossibleExceedance) => corners(&[(0.0, -1.15), (1.15, 0.85), (-1.15, 0.85)]),
        Some(Verdict::Exceeded) => corners(&[
            (-0.42, -1.0),
            (0.42, -1.0),
            (1.0, -0.42),
            (1.0, 0.42),
            (0.42, 1.0),
            (-0.42, 1.0),
            (-1.0, 0.42),
            (-1.0, -0.42),
        ]),
        Some(Verdict::NotAssessable) => {
            let d = r * 0.75;
            format!(
                r#"<path class="mark open {class}" d="M{:.1} {:.1}L{:.1} {:.1}M{:.1} {:.1}L{:.1} {:.1}"/>"#,
                x - d,
                y - d,
                x + d,
                y + d,
                x - d,
                y + d,
                x + d,
                y - d
            )
        }
        Some(Verdict::NoLimit) => {
            format!(r#"<circle class="mark open {class}" cx="{x:.1}" cy="{y:.1}" r="{:.1}"/>"#, r * 0.8)
        }
        None => format!(
            r#"<rect class="mark open {class}" x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}"/>"#,
            x - r * 0.75,
            y - r * 0.75,
            r * 1.5,
            r * 1.5
        ),
    }
}

/// Its shape beside text, with a sign in it where there is room: for eyes only, as words stand beside it.
pub(super) fn icon(verdict: Option<Verdict>) -> String {
    let glyph = match verdict {
        Some(Verdict::Within) => r#"<path class="glyph" d="M8 12.3l2.7 2.8L16 9.4"/>"#,
        Some(Verdict::PossibleExceedance) => r#"<path class="glyph" d="M12 9v5M12 17v.2"/>"#,
        Some(Verdict::Exceeded) => r#"<path class="glyph" d="M12 7v6.2M12 16.8v.2"/>"#,
        _ => "",
    };
    format!(
        r#"<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">{}{glyph}</svg>"#,
        shape(verdict, 12.0, 12.0, 9.5)
    )
}

/// Icon and words, with the asterisk of [`FOOTNOTE`].
pub(super) fn badge(verdict: Option<Verdict>) -> String {
    let mark = if is_exceedance(verdict) { "*" } else { "" };
    format!(r#"<span class="badge {}">{}{}{mark}</span>"#, class(verdict), icon(verdict), label(verdict))
}
