//! Where the sites lie: a sketch of positions without a background, as inline SVG.
//!
//! Equirectangular: east-west distances are right at the middle latitude.

use std::fmt::Write;

use geo::{BoundingRect, Rect};

use super::axis::{WIDTH, ticks};
use super::overview::OverviewSite;
use super::sign::{REVISION, is_exceedance, label, shape};
use super::text::number;
use crate::preview::escaped;

const LEFT: f64 = 12.0;
const TOP: f64 = 12.0;
const RIGHT: f64 = 12.0;
const BOTTOM: f64 = 26.0;
/// Least and greatest height of the plot, in units of the view box.
const HEIGHTS: (f64, f64) = (240.0, 430.0);
/// Radius of a mark.
const MARK: f64 = 7.0;
/// Width of a letter of the names.
const LETTER: f64 = 6.3;
/// Letters of a name; longer ones are cut.
const MOST_LETTERS: usize = 26;

/// A rectangle: left, top, right, bottom.
type Rectangle = [f64; 4];

fn overlap(a: &Rectangle, b: &Rectangle) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// Longitude where to cut the globe: behind the widest stretch without a site, so that sites on both sides of the antimeridian
/// lie together.
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

fn degrees(value: f64, digits: usize, [positive, negative]: [&str; 2]) -> String {
    let side = if value > 0.0 { positive } else { negative };
    let side = if value.abs() < 1e-9 { "" } else { side };
    format!("{}°{side}", number(Some(value.abs()), digits))
}

/// The map of sites, those first that matter most; none without any.
pub(super) fn map(sites: &[&OverviewSite]) -> Option<String> {
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
    // Room around, and a tenth of a degree at least.
    let wide = ((east - west) * 1.2).max(0.1) * shrink;
    let high = ((north - south) * 1.2).max(0.1);
    let plot_width = WIDTH - LEFT - RIGHT;
    let plot_height = (plot_width * high / wide).clamp(HEIGHTS.0, HEIGHTS.1);
    let scale = (plot_width / wide).min(plot_height / high);
    let place_x = |longitude: f64| LEFT + plot_width / 2.0 + (longitude - middle_x) * shrink * scale;
    let place_y = |latitude: f64| TOP + plot_height / 2.0 - (latitude - middle_y) * scale;

    let (right, bottom) = (LEFT + plot_width, TOP + plot_height);
    let mut body =
        format!(r#"<rect class="sea" x="{LEFT}" y="{TOP}" width="{plot_width}" height="{plot_height:.1}"/>"#);
    let half_x = plot_width / 2.0 / scale / shrink;
    let half_y = plot_height / 2.0 / scale;
    let (longitudes, digits) = ticks(middle_x - half_x, middle_x + half_x, 7);
    for longitude in longitudes {
        let x = place_x(longitude);
        let words = degrees((longitude + 180.0).rem_euclid(360.0) - 180.0, digits, ["E", "W"]);
        let _ = write!(
            body,
            r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="{TOP}" y2="{bottom:.1}"/><text x="{:.1}" y="{:.1}" text-anchor="middle">{words}</text>"#,
            x.clamp(LEFT + 18.0, right - 18.0),
            bottom + 16.0
        );
    }
    let (latitudes, digits) = ticks((middle_y - half_y).max(-90.0), (middle_y + half_y).min(90.0), 5);
    for latitude in latitudes {
        let y = place_y(latitude);
        let words = degrees(latitude, digits, ["N", "S"]);
        let _ = write!(
            body,
            r#"<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1}" y2="{y:.1}"/><text x="{:.1}" y="{:.1}">{words}</text>"#,
            LEFT + 4.0,
            (y - 4.0).max(TOP + 11.0)
        );
    }

    let places: Vec<(f64, f64)> = known.iter().map(|(_, at)| (place_x(east_of_cut(at.x)), place_y(at.y))).collect();
    let mut taken: Vec<Rectangle> = places.iter().map(|(x, y)| [x - MARK, y - MARK, x + MARK, y + MARK]).collect();
    let mut names = vec![String::new(); known.len()];
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
                *name = format!(
                    r#"<text class="strong" x="{at:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
                    y + 4.0,
                    escaped(&text)
                );
                taken.push(rectangle);
                break;
            }
        }
    }
    // Those that matter most are drawn last, over the others.
    for (((site, _), (x, y)), name) in known.iter().zip(&places).zip(&names).rev() {
        let verdict = site.verdict();
        let revision = if is_exceedance(verdict) { format!(". {REVISION}") } else { String::new() };
        let title = format!("{}: {}{revision}", site.site.name, label(verdict));
        let _ = write!(
            body,
            r#"<g data-site="{}"><title>{}</title><circle class="halo" cx="{x:.1}" cy="{y:.1}" r="{:.1}"/>{}{name}</g>"#,
            site.site.id,
            escaped(&title),
            MARK + 2.0,
            shape(verdict, *x, *y, MARK)
        );
    }
    Some(format!(
        r#"<svg class="chart map" viewBox="0 0 {WIDTH} {:.1}" role="img" aria-label="Positions of the sites by longitude and latitude, with the shapes of their verdicts. The table below says the same.">{body}</svg>"#,
        bottom + BOTTOM
    ))
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

    #[test]
    fn degrees_have_their_side() {
        assert_eq!(degrees(-121.5, 1, ["E", "W"]), "121.5°W");
        assert_eq!(degrees(0.0, 0, ["N", "S"]), "0°");
    }
}
