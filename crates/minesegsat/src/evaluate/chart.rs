//! Curves as inline SVG: [`Chart`]. Colours come from the classes of the page's style.

use std::fmt::Write;

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 330.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;

/// A square of 0 to 1 by 0 to 1 with axes.
pub(super) struct Chart {
    body: String,
    label: String,
}

impl Chart {
    /// `label` is for those who do not see it.
    pub(super) fn new(label: &str, x: &str, y: &str) -> Self {
        let mut body = String::new();
        for tick in 0..=5 {
            let part = f64::from(tick) / 5.0;
            let (at_x, at_y) = (place_x(part), place_y(part));
            let _ = write!(
                body,
                r#"<line class="grid" x1="{at_x:.1}" x2="{at_x:.1}" y1="{TOP}" y2="{:.1}"/><line class="grid" x1="{LEFT}" x2="{:.1}" y1="{at_y:.1}" y2="{at_y:.1}"/><text x="{at_x:.1}" y="{:.1}" text-anchor="middle">{part}</text><text x="{:.1}" y="{:.1}" text-anchor="end">{part}</text>"#,
                HEIGHT - BOTTOM,
                WIDTH - RIGHT,
                HEIGHT - BOTTOM + 15.0,
                LEFT - 6.0,
                at_y + 4.0
            );
        }
        let (middle_x, middle_y) = (place_x(0.5), place_y(0.5));
        let _ = write!(
            body,
            r#"<text x="{middle_x:.1}" y="{:.1}" text-anchor="middle">{x}</text><text transform="rotate(-90 12 {middle_y:.1})" x="12" y="{middle_y:.1}" text-anchor="middle">{y}</text>"#,
            HEIGHT - 8.0
        );
        Self { body, label: label.to_owned() }
    }

    /// A line through points.
    pub(super) fn line(&mut self, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        let mut path = String::new();
        for (x, y) in points {
            let _ = write!(path, "{}{:.1} {:.1}", if path.is_empty() { "M" } else { "L" }, place_x(x), place_y(y));
        }
        if !path.is_empty() {
            let _ = write!(self.body, r#"<path class="{class}" d="{path}"/>"#);
        }
    }

    /// A line from the bottom to the top.
    pub(super) fn vertical(&mut self, class: &str, x: f64) {
        self.line(class, [(x, 0.0), (x, 1.0)]);
    }

    /// A bar that stands on the bottom.
    pub(super) fn bar(&mut self, from: f64, to: f64, height: f64) {
        let _ = write!(
            self.body,
            r#"<rect class="bar" x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}"/>"#,
            place_x(from) + 0.5,
            place_y(height),
            (place_x(to) - place_x(from) - 1.0).max(0.5),
            place_y(0.0) - place_y(height)
        );
    }

    pub(super) fn dot(&mut self, class: &str, x: f64, y: f64, radius: f64) {
        let _ = write!(
            self.body,
            r#"<circle class="{class}" cx="{:.1}" cy="{:.1}" r="{radius}"/>"#,
            place_x(x),
            place_y(y)
        );
    }

    /// Text beside a point, on the side that has room.
    pub(super) fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let (anchor, shift) = if x > 0.6 { ("end", -8.0) } else { ("start", 8.0) };
        self.text_at(class, anchor, place_x(x) + shift, place_y(y) + if y > 0.9 { 14.0 } else { -7.0 }, text);
    }

    fn text_at(&mut self, class: &str, anchor: &str, x: f64, y: f64, text: &str) {
        let _ =
            write!(self.body, r#"<text class="{class}" text-anchor="{anchor}" x="{x:.1}" y="{y:.1}">{text}</text>"#);
    }

    pub(super) fn finish(self) -> String {
        let Self { body, label } = self;
        format!(r#"<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{body}</svg>"#)
    }
}

fn place_x(part: f64) -> f64 {
    LEFT + part.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
}

fn place_y(part: f64) -> f64 {
    HEIGHT - BOTTOM - part.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
}

/// An interval and its value on a line from 0 to 1, and the values of others as rings.
pub(super) fn forest(value: f64, interval: Option<(f64, f64)>, others: &[f64]) -> String {
    let at = |part: f64| 5.0 + part.clamp(0.0, 1.0) * 140.0;
    let mut body = r#"<line class="axis" x1="5" x2="145" y1="8" y2="8"/>"#.to_owned();
    if let Some((low, high)) = interval {
        let _ = write!(body, r#"<line class="range" x1="{:.1}" x2="{:.1}" y1="8" y2="8"/>"#, at(low), at(high));
    }
    for other in others {
        let _ = write!(body, r#"<circle class="other" cx="{:.1}" cy="8" r="3"/>"#, at(*other));
    }
    let _ = write!(body, r#"<circle class="dot" cx="{:.1}" cy="8" r="4"/>"#, at(value));
    format!(r#"<svg class="forest" viewBox="0 0 150 16" aria-hidden="true">{body}</svg>"#)
}
