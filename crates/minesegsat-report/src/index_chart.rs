//! Chart of index medians inside and around a site by date.

use maud::Markup;
use minesegsat_page::chart::{Days, Drawing, Plot, Scale};
use minesegsat_page::words::Words;

use super::site_report::{IndexPoint, IndexValues};
use super::timeline::{END, LEFT, WIDTH};

/// Height of a plot, and of the gap between two plots, in view box units.
const PLOT: f64 = 84.0;
const GAP: f64 = 30.0;
const TOP: f64 = 26.0;
const FOOT: f64 = 40.0;

type Value = fn(&IndexValues) -> Option<f64>;

/// Name, key of the meaning, and value of each index.
pub(super) const INDICES: [(&str, &str, Value); 3] = [
    ("NDVI", "index-ndvi", |values| values.ndvi),
    ("BSI", "index-bsi", |values| values.bsi),
    ("NDWI", "index-ndwi", |values| values.ndwi),
];

/// Selects the values inside or around the site.
type Side = fn(&IndexPoint) -> &IndexValues;

/// Draws the chart of points, which are sorted by date. `None` without values.
pub(super) fn index_chart(points: &[IndexPoint], words: &Words) -> Option<Markup> {
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    let values =
        |value: Value| points.iter().flat_map(move |p| [&p.inside, &p.around]).filter_map(move |v| finite(value(v)));
    let known: Vec<_> = INDICES.into_iter().filter(|(_, _, value)| values(*value).next().is_some()).collect();
    let days = Days::over(points.iter().map(|point| point.date), LEFT, END).filter(|_| !known.is_empty())?;
    let bottom = TOP + known.len() as f64 * (PLOT + GAP) - GAP;
    let mut drawing = Drawing::new(WIDTH, bottom + FOOT);
    let whole = Plot { x: days.scale(), y: Scale { low: 0.0, high: 1.0, start: bottom, end: TOP } };
    whole.x_axis(&mut drawing, &words.say("axis-date"), TOP, &days.ticks());
    for (i, (name, meaning, value)) in known.iter().enumerate() {
        let top = TOP + i as f64 * (PLOT + GAP);
        let low = values(*value).fold(f64::INFINITY, f64::min);
        let high = values(*value).fold(f64::NEG_INFINITY, f64::max);
        let room = ((high - low) * 0.12).max(0.02);
        let y = Scale { low: low - room, high: high + room, start: top + PLOT, end: top };
        let plot = Plot { x: days.scale(), y };
        let number = |value: f64, digits: usize| words.number(Some(value), u8::try_from(digits.max(1)).unwrap_or(1));
        plot.y_axis(&mut drawing, "", 4, number);
        drawing.text("strong", "start", (LEFT, top - 8.0), &format!("{name} ({})", words.say(meaning)));
        let sides: [(&str, &str, Side); 2] =
            [("around", "index-around", |p| &p.around), ("inside", "index-inside", |p| &p.inside)];
        for (class, key, side) in sides {
            let name = words.say_with(key, &[("index", (*name).into())]);
            let line: Vec<(f64, f64, String)> = points
                .iter()
                .filter_map(|p| {
                    let value = finite(value(side(p)))?;
                    let title = format!("{}: {name} {}", p.date, words.number(Some(value), 3));
                    Some((days.at(p.date), y.at(value), title))
                })
                .collect();
            drawing.path(class, line.iter().map(|(x, y, _)| (*x, *y)));
            for (x, y, title) in line {
                drawing.titled(&title, |group| group.dot(class, (x, y), 3.2));
            }
        }
    }
    Some(drawing.finish("chart wide", Some(&words.say("indices-by-date"))))
}
