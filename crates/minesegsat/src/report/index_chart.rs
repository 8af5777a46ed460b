//! Medians of indices inside and around a site by date, as inline SVG.

use std::fmt::Write;

use super::axis::{Days, END, LEFT, Scale, WIDTH, ticks};
use super::site_report::{IndexPoint, IndexValues};
use super::text::number;
use super::timeline::dates;

/// Height of a plot, and of the room between two, in units of the view box.
const PLOT: f64 = 84.0;
const GAP: f64 = 30.0;
const TOP: f64 = 26.0;
const FOOT: f64 = 40.0;

type Value = fn(&IndexValues) -> Option<f64>;

/// Name, words and value of the indices.
pub(super) const INDICES: [(&str, &str, Value); 3] = [
    ("NDVI", "green plants", |values| values.ndvi),
    ("BSI", "bare soil", |values| values.bsi),
    ("NDWI", "open water", |values| values.ndwi),
];

/// The chart of points in their order; none where nothing is known.
pub(super) fn index_chart(points: &[IndexPoint]) -> Option<String> {
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    let known: Vec<_> = INDICES
        .into_iter()
        .filter(|(_, _, value)| points.iter().any(|p| finite(value(&p.inside)).or(finite(value(&p.around))).is_some()))
        .collect();
    let days = Days::over(points.iter().map(|point| point.date)).filter(|_| !known.is_empty())?;
    let bottom = TOP + known.len() as f64 * (PLOT + GAP) - GAP;
    let mut body = String::new();
    dates(&mut body, &days, TOP, bottom);
    for (i, (name, words, value)) in known.iter().enumerate() {
        let top = TOP + i as f64 * (PLOT + GAP);
        let of = |values: &IndexValues| finite(value(values));
        let all: Vec<f64> = points.iter().flat_map(|p| [of(&p.inside), of(&p.around)]).flatten().collect();
        let low = all.iter().copied().fold(f64::INFINITY, f64::min);
        let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let room = ((high - low) * 0.12).max(0.02);
        let scale = Scale { low: low - room, high: high + room, start: top + PLOT, end: top };
        let (values, digits) = ticks(scale.low, scale.high, 4);
        for value in values {
            let y = scale.at(value);
            let _ = write!(
                body,
                r#"<line class="grid" x1="{LEFT}" x2="{END}" y1="{y:.1}" y2="{y:.1}"/><text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
                LEFT - 7.0,
                y + 4.0,
                number(Some(value), digits.max(1))
            );
        }
        let _ = write!(body, r#"<text class="strong" x="{LEFT}" y="{:.1}">{name} ({words})</text>"#, top - 8.0);
        for (class, place, side) in [("around", "around the site", 1), ("inside", "inside the site", 0)] {
            let line: Vec<(f64, f64, f64, &IndexPoint)> = points
                .iter()
                .filter_map(|p| {
                    let value = of(if side == 0 { &p.inside } else { &p.around })?;
                    Some((days.at(p.date), scale.at(value), value, p))
                })
                .collect();
            let path: Vec<String> = line.iter().map(|(x, y, ..)| format!("{x:.1} {y:.1}")).collect();
            if path.len() > 1 {
                let _ = write!(body, r#"<path class="{class}" d="M{}"/>"#, path.join("L"));
            }
            for (x, y, value, point) in line {
                let _ = write!(
                    body,
                    r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="3.2"><title>{}: {name} {} {place}</title></circle>"#,
                    point.date,
                    number(Some(value), 3)
                );
            }
        }
    }
    Some(format!(
        r#"<svg class="chart" viewBox="0 0 {WIDTH} {}" role="img" aria-label="Medians of indices by date, inside and around the site. The numbers stand in the table below.">{body}</svg>"#,
        bottom + FOOT
    ))
}
