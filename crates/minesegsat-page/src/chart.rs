//! Charts as inline SVG. CSS classes set their colours.
//!
//! A [`Drawing`] collects shapes in units of its view box. A [`Plot`] converts values to positions and draws the
//! axes.

mod axis;

use maud::{Markup, PreEscaped, html};

use crate::palette;

pub use self::axis::{Days, Scale, step, ticks};

/// Width of a letter in charts, in units of the view box.
pub const LETTER: f64 = 6.6;

/// An SVG drawing under construction.
#[derive(Debug)]
pub struct Drawing {
    width: f64,
    height: f64,
    body: String,
}

/// Formats a coordinate to one decimal, which is precise enough.
fn px(value: f64) -> String {
    format!("{value:.1}")
}

impl Drawing {
    /// Creates an empty drawing of a size.
    pub fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    /// Adds an element.
    pub fn add(&mut self, element: Markup) {
        self.body += &element.0;
    }

    /// Adds a straight line.
    pub fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.add(html! { line class=(class) x1=(px(x1)) x2=(px(x2)) y1=(px(y1)) y2=(px(y2)) {} });
    }

    /// Adds a line through points. Fewer than two points draw nothing.
    pub fn path(&mut self, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        let points: Vec<String> = points.into_iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        if points.len() > 1 {
            self.add(html! { path class=(class) d={ "M" (points.join("L")) } {} });
        }
    }

    /// Adds a disc.
    pub fn dot(&mut self, class: &str, (x, y): (f64, f64), radius: f64) {
        self.add(html! { circle class=(class) cx=(px(x)) cy=(px(y)) r=(px(radius)) {} });
    }

    /// Adds a rectangle between two corners.
    pub fn rect(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let (width, height) = (px((x2 - x1).abs()), px((y2 - y1).abs()));
        self.add(html! { rect class=(class) x=(px(x1.min(x2))) y=(px(y1.min(y2))) width=(width) height=(height) {} });
    }

    /// Adds a vertical interval with caps.
    pub fn interval(&mut self, x: f64, low: f64, high: f64) {
        let caps = format!("M{x:.1} {low:.1}V{high:.1}M{0:.1} {low:.1}h8M{0:.1} {high:.1}h8", x - 4.0);
        self.add(html! { path.whisker d=(caps) {} });
    }

    /// Adds text; `anchor` is `start`, `middle` or `end`.
    pub fn text(&mut self, class: &str, anchor: &str, (x, y): (f64, f64), words: &str) {
        let class = (!class.is_empty()).then_some(class);
        self.add(html! { text class=[class] x=(px(x)) y=(px(y)) text-anchor=(anchor) { (words) } });
    }

    /// Adds shapes with a title, which browsers show on hover.
    pub fn titled(&mut self, title: &str, draw: impl FnOnce(&mut Self)) {
        self.add(Self::group(title, draw));
    }

    /// Creates a group of shapes with a title.
    pub fn group(title: &str, draw: impl FnOnce(&mut Self)) -> Markup {
        let mut group = Self::new(0.0, 0.0);
        draw(&mut group);
        html! { g { title { (title) } (PreEscaped(group.body)) } }
    }

    /// The finished drawing. Screen readers announce the `label`. A drawing without a label is decoration.
    pub fn finish(self, class: &str, label: Option<&str>) -> Markup {
        let Self { width, height, body } = self;
        html! {
            svg class=(class) viewBox={ "0 0 " (width) " " (height) } role=[label.map(|_| "img")] aria-label=[label]
                aria-hidden=[label.is_none().then_some("true")] { (PreEscaped(body)) }
        }
    }
}

/// A drawing as an SVG file of its own, in the colours of the light theme. `css` is added after the rules of charts.
pub fn standalone(drawing: &Markup, css: &str) -> Vec<u8> {
    let rules = palette::in_light(&[include_str!("chart.css"), css].concat());
    let style = html! { style { "text { font-family: 'DejaVu Sans'; } " (PreEscaped(rules)) } };
    let (tag, inside) = drawing.0.split_once('>').unwrap_or((&drawing.0, ""));
    let tag = tag.replacen("<svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"", 1);
    format!("{tag}>{}{inside}", style.0).into_bytes()
}

/// Position of the value axes in a drawing. `y.start` is the bottom.
#[derive(Debug, Clone, Copy)]
pub struct Plot {
    /// Horizontal axis, from left to right.
    pub x: Scale,
    /// Vertical axis, from bottom to top.
    pub y: Scale,
}

impl Plot {
    /// Position of a point, clamped to the plot.
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x.held(x), self.y.held(y))
    }

    /// Draws grid lines at round values of `y`, with the values at the left and the title of the axis.
    pub fn y_axis(&self, drawing: &mut Drawing, title: &str, most: usize, words: impl Fn(f64, usize) -> String) {
        let (left, right) = (self.x.start, self.x.end);
        let (values, digits) = ticks(self.y.low, self.y.high, most);
        for value in values {
            let y = self.y.at(value);
            let is_base = value == 0.0 && self.y.low < 0.0;
            drawing.line(if is_base { "axis" } else { "grid" }, (left, y), (right, y));
            drawing.text("", "end", (left - 7.0, y + 4.0), &words(value, digits));
        }
        if !title.is_empty() {
            let middle = px(f64::midpoint(self.y.start, self.y.end));
            drawing.add(html! {
                text transform={ "rotate(-90 13 " (middle) ")" } x="13" y=(middle) text-anchor="middle" { (title) }
            });
        }
    }

    /// Draws vertical grid lines at positions, with labels and the title of the axis below. They start at `top`,
    /// which may lie above this plot.
    pub fn x_axis(&self, drawing: &mut Drawing, title: &str, top: f64, ticks: &[(f64, String)]) {
        let bottom = self.y.start;
        for (x, words) in ticks {
            // The first and the last label must not be cut off.
            let half = words.chars().count() as f64 * LETTER / 2.0;
            drawing.line("grid", (*x, top), (*x, bottom));
            drawing.text("", "middle", (x.clamp(half, drawing.width - half), bottom + 17.0), words);
        }
        drawing.text("", "middle", (f64::midpoint(self.x.start, self.x.end), bottom + 35.0), title);
    }
}

/// Draws a value with its interval on a line from 0 to 1. Other values appear as rings.
pub fn forest(value: f64, interval: Option<(f64, f64)>, others: &[f64]) -> Markup {
    const Y: f64 = 8.0;
    let scale = Scale { low: 0.0, high: 1.0, start: 5.0, end: 145.0 };
    let mut drawing = Drawing::new(150.0, 16.0);
    drawing.line("axis", (scale.start, Y), (scale.end, Y));
    if let Some((low, high)) = interval {
        drawing.line("range", (scale.held(low), Y), (scale.held(high), Y));
    }
    for other in others {
        drawing.dot("other", (scale.held(*other), Y), 3.0);
    }
    drawing.dot("dot", (scale.held(value), Y), 4.0);
    drawing.finish("forest", None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_escaped_and_pictures_have_a_label_or_none() {
        let mut drawing = Drawing::new(100.0, 50.5);
        drawing.titled("<b>", |group| group.text("", "middle", (1.0, 2.0), "a & b"));
        drawing.path("thread", [(1.0, 1.0)]);
        assert_eq!(
            drawing.finish("chart", Some("a \"chart\"")).0,
            "<svg class=\"chart\" viewBox=\"0 0 100 50.5\" role=\"img\" aria-label=\"a &quot;chart&quot;\"><g>\
             <title>&lt;b&gt;</title><text x=\"1.0\" y=\"2.0\" text-anchor=\"middle\">a &amp; b</text></g></svg>"
        );
        assert!(forest(0.5, Some((0.4, 1.2)), &[0.1]).0.contains("aria-hidden=\"true\""));
    }
}
