//! The page of a summary: a map of the zones by their share of disturbed land, and a table of each period.

use geo::{BoundingRect, InteriorPoint, MapCoords, MultiPolygon, Simplify, coord};
use maud::{Markup, html};
use minesegsat_page::chart::{Drawing, ticks};
use minesegsat_page::text::number;
use minesegsat_page::{Page, scroll, svg_path, table};
use minesegsat_scene::manifest::counted;

use super::{ALL_ZONES, ZoneRow, ZoneSummary};

const STYLE: &str = include_str!("page.css");
/// Width of the map, and its least and greatest height, in units of the view box.
const WIDTH: f64 = 900.0;
const HEIGHTS: (f64, f64) = (240.0, 640.0);
/// Space around the map.
const MARGIN: f64 = 12.0;
/// Space below the map, for the longitudes.
const BOTTOM: f64 = 26.0;
/// Number of classes of shares above 0.
const CLASSES: usize = 5;
/// Most zones that are named on the map.
const MOST_NAMES: usize = 25;

/// The page of a summary as self-contained HTML.
pub(super) fn page(summary: &ZoneSummary) -> String {
    let title = "Mining-disturbed land by zone";
    let last = summary.periods.last().map_or("", |period| period.name.as_str());
    let zones = summary.rows.iter().filter(|row| row.period == last && row.zone != ALL_ZONES).count();
    let all = summary.rows.iter().find(|row| row.period == last && row.zone == ALL_ZONES);
    let shares = Shares::new(summary, last);
    let body = html! {
        header {
            h1 { (title) }
            p.lead {
                (zones) @if zones == 1 { " zone" } @else { " zones" } ", "
                @for (at, period) in summary.periods.iter().enumerate() { @if at > 0 { ", " } (period.name) }
                ", found by the model " (summary.model)
            }
            @if let Some(all) = all { (tiles(all, summary.level_percent)) }
        }
        main {
            h2 { "Share of the zones that is mapped as disturbed, " (last) }
            div.panel {
                (legend(&shares))
                @if let Some(map) = map(summary, last, &shares) { (scroll("Map of the zones", map)) }
            }
            @for period in summary.periods.iter().rev() {
                h2 { "Hectares, " (period.name) }
                (rows(summary, &period.name))
            }
            h2 { "How to read these numbers" }
            div.panel { (notes(summary)) }
        }
        footer { "minesegsat " (env!("CARGO_PKG_VERSION")) ". Contains modified Copernicus Sentinel data unless the scenes are simulated." }
    };
    Page { title, style: STYLE, script: "", body }.into_html()
}

fn hectares(value: f64) -> String {
    number(Some(value), 1)
}

fn interval(lower: f64, upper: f64) -> String {
    format!("{} to {}", hectares(lower), hectares(upper))
}

/// The numbers of all zones together.
fn tiles(all: &ZoneRow, level_percent: f64) -> Markup {
    let tile = |name: &str, value: String, note: String| {
        html! { div.tile { dt { (name) } dd.value { (value) } dd { (note) } } }
    };
    let range = interval(all.disturbed_lower_ha, all.disturbed_upper_ha);
    html! {
        dl.tiles {
            (tile("Mapped in all zones", hectares(all.mapped_ha) + " ha", format!("in {} ha that were seen", hectares(all.seen_ha))))
            (tile("Disturbed", hectares(all.disturbed_ha) + " ha", format!("{range} ha at {level_percent:.0} %")))
            @if all.compared_ha.is_some() {
                (tile("Gain", number(all.gain_ha, 1) + " ha", "since the last period that shows the land".to_owned()))
                (tile("Loss", number(all.loss_ha, 1) + " ha", "since the last period that shows the land".to_owned()))
            }
            @if let Some(outside) = all.outside_permit_ha {
                (tile("Mapped outside all permits", hectares(outside) + " ha", counted(all.permits.unwrap_or_default(), "permit")))
            }
        }
    }
}

/// Share of the seen land of a zone that is mapped as disturbed, in percent. `None` if nothing was seen.
fn share_percent(row: &ZoneRow) -> Option<f64> {
    (row.seen_ha > 0.0).then(|| row.mapped_ha / row.seen_ha * 100.0)
}

/// Classes of shares: shares of 0, and others in groups with as many zones each.
struct Shares {
    /// Least and greatest share of each class above 0, in ascending order.
    classes: Vec<(f64, f64)>,
    has_unseen: bool,
}

impl Shares {
    fn new(summary: &ZoneSummary, period: &str) -> Self {
        let rows = || summary.rows.iter().filter(|row| row.period == period && row.zone != ALL_ZONES);
        Self::of(rows().filter_map(share_percent).collect(), rows().any(|row| share_percent(row).is_none()))
    }

    fn of(mut shares: Vec<f64>, has_unseen: bool) -> Self {
        shares.retain(|share| *share > 0.0);
        shares.sort_by(f64::total_cmp);
        let mut classes: Vec<(f64, f64)> = Vec::new();
        for (at, &share) in shares.iter().enumerate() {
            let is_next = at * CLASSES / shares.len() != at.saturating_sub(1) * CLASSES / shares.len();
            match classes.last_mut() {
                // Equal shares have one class.
                Some(class) if !is_next || class.1 == share => class.1 = share,
                _ => classes.push((share, share)),
            }
        }
        Self { classes, has_unseen }
    }

    /// CSS class of a share.
    fn css(&self, share: Option<f64>) -> String {
        let Some(share) = share else { return "unseen".to_owned() };
        if share <= 0.0 {
            return "share-0".to_owned();
        }
        let at = self.classes.iter().position(|&(_, greatest)| share <= greatest).unwrap_or(self.classes.len());
        // A few classes take the strongest colours apart.
        let number = (at + 1) * CLASSES / self.classes.len().max(1);
        format!("share-{}", number.clamp(1, CLASSES))
    }
}

fn legend(shares: &Shares) -> Markup {
    let key = |class: &str| {
        let mut drawing = Drawing::new(26.0, 16.0);
        drawing.rect(&format!("zone {class}"), (0.5, 0.5), (25.5, 15.5));
        drawing.finish("key", None)
    };
    let percent = |share: f64| format!("{} %", number(Some(share), if share < 1.0 { 2 } else { 1 }));
    html! {
        ul.legend {
            li { (key("share-0")) "none" }
            @for &(least, greatest) in &shares.classes {
                li {
                    (key(&shares.css(Some(least))))
                    @if percent(least) == percent(greatest) { (percent(least)) } @else { (percent(least)) " to " (percent(greatest)) }
                }
            }
            @if shares.has_unseen { li { (key("unseen")) "not seen" } }
        }
    }
}

/// The map of the zones. The projection is equirectangular: east-west distances are true at the middle latitude. `None` if no
/// zone has an extent.
fn map(summary: &ZoneSummary, period: &str, shares: &Shares) -> Option<Markup> {
    let mut zones: Vec<(&ZoneRow, MultiPolygon<f64>)> = summary
        .with_outlines()
        .filter(|(row, _)| row.period == period && row.zone != ALL_ZONES)
        .map(|(row, outline)| (row, outline.clone()))
        .collect();
    let bounds = |zones: &[(&ZoneRow, MultiPolygon<f64>)]| {
        let rects = zones.iter().filter_map(|(_, outline)| outline.bounding_rect());
        let corners = rects.map(|rect| [rect.min().x, rect.min().y, rect.max().x, rect.max().y]);
        corners.reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])])
    };
    let [west, _, east, _] = bounds(&zones)?;
    if east - west > 180.0 {
        // Zones on both sides of the antimeridian stay together.
        let east_of_greenwich = |outline: &MultiPolygon<f64>| {
            outline.map_coords(|c| coord! { x: if c.x < 0.0 { c.x + 360.0 } else { c.x }, y: c.y })
        };
        let turned: Vec<(&ZoneRow, MultiPolygon<f64>)> =
            zones.iter().map(|(row, outline)| (*row, east_of_greenwich(outline))).collect();
        if bounds(&turned).is_some_and(|[from, _, to, _]| to - from < east - west) {
            zones = turned;
        }
    }
    let [west, south, east, north] = bounds(&zones)?;
    let shrink = f64::midpoint(south, north).to_radians().cos().max(0.05);
    let (wide, high) = (((east - west) * shrink).max(1e-3), (north - south).max(1e-3));
    let plot_width = WIDTH - 2.0 * MARGIN;
    let plot_height = (plot_width * high / wide).clamp(HEIGHTS.0, HEIGHTS.1);
    // A margin inside the frame.
    let scale = 0.94 * (plot_width / wide).min(plot_height / high);
    let (middle_x, middle_y) = (f64::midpoint(west, east), f64::midpoint(south, north));
    let place_x = |longitude: f64| WIDTH / 2.0 + (longitude - middle_x) * shrink * scale;
    let place_y = |latitude: f64| MARGIN + plot_height / 2.0 - (latitude - middle_y) * scale;
    let (right, bottom) = (WIDTH - MARGIN, MARGIN + plot_height);
    let mut drawing = Drawing::new(WIDTH, (bottom + BOTTOM).round());
    drawing.rect("sea", (MARGIN, MARGIN), (right, bottom));
    for (row, outline) in &zones {
        let on_page = outline.map_coords(|c| coord! { x: place_x(c.x), y: place_y(c.y) }).simplify(0.5);
        let share = share_percent(row);
        let words = share.map_or_else(|| "not seen".to_owned(), |share| format!("{share:.2} %"));
        let title = format!("{}: {} ha mapped, {words}", row.name, hectares(row.mapped_ha));
        let class = format!("zone {}", shares.css(share));
        drawing.titled(&title, |group| group.add(html! { path class=(class) d=(svg_path(&on_page, 1.0, 1.0)) {} }));
    }
    if zones.len() <= MOST_NAMES {
        for (row, outline) in &zones {
            if let Some(at) = outline.interior_point() {
                drawing.text("strong", "middle", (place_x(at.x()), place_y(at.y()) + 4.0), &row.name);
            }
        }
    }
    let degrees = |value: f64, digits: usize, [positive, negative]: [&str; 2]| {
        let side = if value.abs() < 1e-9 {
            ""
        } else if value > 0.0 {
            positive
        } else {
            negative
        };
        format!("{:.digits$}°{side}", value.abs())
    };
    let half_x = plot_width / 2.0 / scale / shrink;
    let (longitudes, digits) = ticks(middle_x - half_x, middle_x + half_x, 7);
    for longitude in longitudes {
        let x = place_x(longitude);
        let shown = if longitude > 180.0 { longitude - 360.0 } else { longitude };
        drawing.line("axis", (x, bottom), (x, bottom + 4.0));
        let at = (x.clamp(MARGIN + 18.0, right - 18.0), bottom + 18.0);
        drawing.text("", "middle", at, &degrees(shown, digits, ["E", "W"]));
    }
    let half_y = plot_height / 2.0 / scale;
    let (latitudes, digits) = ticks((middle_y - half_y).max(-90.0), (middle_y + half_y).min(90.0), 5);
    for latitude in latitudes {
        let y = place_y(latitude);
        drawing.line("axis", (MARGIN, y), (MARGIN + 4.0, y));
        drawing.text("", "start", (MARGIN + 7.0, (y + 4.0).max(MARGIN + 11.0)), &degrees(latitude, digits, ["N", "S"]));
    }
    Some(drawing.finish("chart wide map", Some("Map of the zones by their share of disturbed land")))
}

/// The table of a period.
fn rows(summary: &ZoneSummary, period: &str) -> Markup {
    let has_permits = summary.has_permits();
    let mut head = vec!["<Zone", "Seen", "Mapped", "Share", "Disturbed", "Compared", "Gain", "Loss"];
    if has_permits {
        head.extend(["Permits", "Permitted", "Mapped outside permits"]);
    }
    let rows = html! {
        @for row in summary.rows.iter().filter(|row| row.period == period) {
            tr.all[row.zone == ALL_ZONES] {
                th.words scope="row" {
                    (row.name)
                    @if row.name != row.zone { span.range { (row.zone) } }
                }
                td {
                    (hectares(row.seen_ha))
                    span.range { "of " (hectares(row.zone_ha)) }
                    @if row.missing_ha > 0.0 { span.range { (hectares(row.missing_ha)) " missing" } }
                }
                td { (hectares(row.mapped_ha)) span.range { (counted(row.polygons, "polygon")) } }
                td { (number(share_percent(row), 2)) @if row.seen_ha > 0.0 { " %" } }
                td {
                    (hectares(row.disturbed_ha))
                    span.range { (interval(row.disturbed_lower_ha, row.disturbed_upper_ha)) }
                    @if row.assumed_ha > 0.0 { span.range { (hectares(row.assumed_ha)) " assumed" } }
                }
                td { (number(row.compared_ha, 1)) }
                td { (number(row.gain_ha, 1)) }
                td { (number(row.loss_ha, 1)) }
                @if has_permits {
                    td { (row.permits.unwrap_or_default()) }
                    td { (number(row.permitted_ha, 1)) }
                    td { (number(row.outside_permit_ha, 1)) }
                }
            }
        }
    };
    table(&format!("Hectares, {period}"), &head, rows)
}

fn notes(summary: &ZoneSummary) -> Markup {
    html! {
        p { "All areas are hectares on the ellipsoid. Zones may overlap. The row of all zones counts each place once." }
        p { "Mapped: pixels that the masks show as disturbed. They are counted, so they have no interval." }
        p {
            "Disturbed: the sum of the probabilities, with the interval at " (format!("{:.0}", summary.level_percent)) " %. It includes land "
            "that is assumed where no scene shows the ground. The interval treats the error of the model as shared by all tiles."
        }
        p {
            "Gain and loss: mapped land that appeared or disappeared since the last period that shows the place, in the land that has such a "
            "period (compared). They are differences of two maps, and mostly noise on small areas."
        }
        @if summary.has_permits() {
            p { "Permits: those that hold on a day of the period and whose land lies in the zone. Land outside permits lies in none of them." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_have_as_many_zones_each() {
        let shares = Shares::of((0..10).map(f64::from).chain([0.0]).collect(), false);
        assert_eq!(shares.classes, [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0), (7.0, 8.0), (9.0, 9.0)]);
        assert_eq!(shares.css(Some(0.0)), "share-0");
        assert_eq!(shares.css(Some(4.0)), "share-2");
        assert_eq!(shares.css(Some(9.0)), "share-5");
        assert_eq!(shares.css(None), "unseen");
    }

    #[test]
    fn few_or_equal_shares_have_few_classes() {
        let one = Shares::of(vec![0.5], false);
        assert_eq!((one.classes.len(), one.css(Some(0.5)).as_str()), (1, "share-5"));
        let equal = Shares::of(vec![2.0; 7], false);
        assert_eq!((equal.classes.as_slice(), equal.css(Some(2.0)).as_str()), (&[(2.0, 2.0)][..], "share-5"));
        assert!(Shares::of(Vec::new(), true).classes.is_empty());
    }
}
