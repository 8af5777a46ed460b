//! Sketch map of the sites' positions, without a background map.
//!
//! The projection is equirectangular: east-west distances are true at the middle latitude.

use geo::{BoundingRect, Rect};
use maud::{Markup, html};
use minesegsat_page::chart::{Drawing, LETTER, ticks};
use minesegsat_page::words::Words;

use super::overview::OverviewSite;
use super::sign::{label, revision, shape};
use super::timeline::WIDTH;

const LEFT: f64 = 12.0;
const TOP: f64 = 12.0;
const RIGHT: f64 = 12.0;
const BOTTOM: f64 = 26.0;
/// Minimum and maximum height of the plot, in view box units.
const HEIGHTS: (f64, f64) = (240.0, 430.0);
/// Radius of a mark, in view box units.
const MARK: f64 = 7.0;
/// Maximum characters of a name; longer names are cut.
const MOST_LETTERS: usize = 26;

/// A rectangle: left, top, right, bottom.
type Rectangle = [f64; 4];

fn overlap(a: &Rectangle, b: &Rectangle) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// Longitude at which the globe is cut: after the widest gap between sites. Sites on both sides of the antimeridian stay
/// together.
fn cut(longitudes: &[f64]) -> f64 {
    let mut order = longitudes.to_vec();
    order.sort_by(f64::total_cmp);
    let (Some(first), Some(last)) = (order.first(), order.last()) else { return -180.0 };
    let mut widest = (first + 360.0 - last, *first);
    for pair in order.windows(2) {
        if pair[1] - pair[0] > widest.0 {
            widest = (pair[1] - pair[0], pair[1]);
        }
    }
    widest.1
}

/// Draws the map of sites, which are sorted most urgent first. `None` without sites.
pub(super) fn map(sites: &[&OverviewSite], words: &Words) -> Option<Markup> {
    let centre = |site: &&OverviewSite| site.site.boundary.bounding_rect().map(Rect::center);
    let known: Vec<(&OverviewSite, geo::Coord<f64>)> =
        sites.iter().filter_map(|site| Some((*site, centre(site)?))).collect();
    if known.is_empty() {
        return None;
    }
    let first = cut(&known.iter().map(|(_, at)| at.x).collect::<Vec<_>>());
    let east_of_cut = |longitude: f64| first + (longitude - first).rem_euclid(360.0);
    let xs = || known.iter().map(|(_, at)| east_of_cut(at.x));
    let ys = || known.iter().map(|(_, at)| at.y);
    let bounds = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    let ((west, east), (south, north)) = (bounds(&mut xs()), bounds(&mut ys()));
    let (middle_x, middle_y) = (f64::midpoint(west, east), f64::midpoint(south, north));
    let shrink = middle_y.to_radians().cos().max(0.05);
    // With a margin, and at least a tenth of a degree.
    let wide = ((east - west) * 1.2).max(0.1) * shrink;
    let high = ((north - south) * 1.2).max(0.1);
    let plot_width = WIDTH - LEFT - RIGHT;
    let plot_height = (plot_width * high / wide).clamp(HEIGHTS.0, HEIGHTS.1);
    let scale = (plot_width / wide).min(plot_height / high);
    let place_x = |longitude: f64| LEFT + plot_width / 2.0 + (longitude - middle_x) * shrink * scale;
    let place_y = |latitude: f64| TOP + plot_height / 2.0 - (latitude - middle_y) * scale;

    let (right, bottom) = (LEFT + plot_width, TOP + plot_height);
    let mut drawing = Drawing::new(WIDTH, (bottom + BOTTOM).round());
    drawing.rect("sea", (LEFT, TOP), (right, bottom));
    let half_x = plot_width / 2.0 / scale / shrink;
    let half_y = plot_height / 2.0 / scale;
    let (longitudes, digits) = ticks(middle_x - half_x, middle_x + half_x, 7);
    for longitude in longitudes {
        let x = place_x(longitude);
        let longitude = (longitude + 180.0).rem_euclid(360.0) - 180.0;
        let label = words.degrees(longitude, digits, ["side-east", "side-west"]);
        drawing.line("grid", (x, TOP), (x, bottom));
        drawing.text("", "middle", (x.clamp(LEFT + 18.0, right - 18.0), bottom + 16.0), &label);
    }
    let (latitudes, digits) = ticks((middle_y - half_y).max(-90.0), (middle_y + half_y).min(90.0), 5);
    for latitude in latitudes {
        let y = place_y(latitude);
        let label = words.degrees(latitude, digits, ["side-north", "side-south"]);
        drawing.line("grid", (LEFT, y), (right, y));
        drawing.text("", "start", (LEFT + 4.0, (y - 4.0).max(TOP + 11.0)), &label);
    }

    let places: Vec<(f64, f64)> = known.iter().map(|(_, at)| (place_x(east_of_cut(at.x)), place_y(at.y))).collect();
    let mut taken: Vec<Rectangle> = places.iter().map(|(x, y)| [x - MARK, y - MARK, x + MARK, y + MARK]).collect();
    // Text of a name, its anchor and its position.
    let mut names: Vec<Option<(String, &str, f64)>> = vec![None; known.len()];
    for (((site, _), (x, y)), name) in known.iter().zip(&places).zip(&mut names) {
        let mut text: String = site.site.name.chars().take(MOST_LETTERS).collect();
        if text.len() < site.site.name.len() {
            text.push('…');
        }
        let width = text.chars().count() as f64 * LETTER;
        let beside = [
            (x + MARK + 4.0, x + MARK + 4.0 + width, "start", x + MARK + 4.0),
            (x - MARK - 4.0 - width, x - MARK - 4.0, "end", x - MARK - 4.0),
        ];
        for (from, to, anchor, at) in beside {
            let rectangle = [from, y - 7.0, to, y + 7.0];
            let is_inside = from > LEFT && to < right;
            if is_inside && !taken.iter().any(|other| overlap(&rectangle, other)) {
                *name = Some((text, anchor, at));
                taken.push(rectangle);
                break;
            }
        }
    }
    // The most urgent sites are drawn last, on top.
    for (((site, _), (x, y)), name) in known.iter().zip(&places).zip(&names).rev() {
        let verdict = site.verdict();
        let title = format!("{}: {}{}", site.site.name, label(verdict, words), revision(verdict, words));
        let mark = Drawing::group(&title, |group| {
            group.dot("halo", (*x, *y), MARK + 2.0);
            group.add(shape(verdict, *x, *y, MARK));
            if let Some((text, anchor, at)) = name {
                group.text("strong", anchor, (*at, y + 4.0), text);
            }
        });
        drawing.add(html! { g data-site=(site.site.id) { (mark) } });
    }
    Some(drawing.finish("chart wide map", Some(&words.say("map-of-sites"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_globe_is_cut_where_no_site_is() {
        assert_eq!(cut(&[-121.0, -114.0, -118.0]), -121.0);
        assert_eq!(cut(&[179.0, -179.0, 170.0]), 170.0);
        assert_eq!(cut(&[12.0]), 12.0);
    }
}
