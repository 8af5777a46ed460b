//! The page of a summary: a map of the zones by their share of disturbed land, and a table of each period.

use geo::{BoundingRect, InteriorPoint, MapCoords, MultiPolygon, Simplify, coord};
use maud::{Markup, html};
use minesegsat_page::chart::{Drawing, ticks};
use minesegsat_page::words::{Locale, Value, Words};
use minesegsat_page::{Page, scroll, svg_path, table};

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

/// The page of a summary as self-contained HTML, in the words and numbers of a locale.
pub(super) fn page(summary: &ZoneSummary, locale: Locale) -> String {
    let words = &locale.words();
    let title = words.say("zones-title");
    let last = summary.periods.last().map_or("", |period| period.name.as_str());
    let all = summary.rows.iter().find(|row| row.period == last && row.zone == ALL_ZONES);
    let shares = Shares::new(summary, last);
    let of_period = |key: &str, period: &str| words.say_with(key, &[("period", period.into())]);
    let body = html! {
        header {
            h1 { (title) }
            p.lead { (lead(summary, last, words)) }
            @if let Some(all) = all { (tiles(all, summary.level_percent, words)) }
        }
        main {
            h2 { (of_period("zones-share-heading", last)) }
            div.panel {
                (legend(&shares, words))
                @if let Some(map) = map(summary, last, &shares, words) { (scroll(&words.say("zones-map"), map)) }
            }
            @for period in summary.periods.iter().rev() {
                @let heading = of_period("zones-hectares", &period.name);
                h2 { (heading) }
                (rows(summary, &period.name, &heading, words))
            }
            h2 { (words.say("zones-notes")) }
            div.panel { (notes(summary, words)) }
        }
        footer { "minesegsat " (env!("CARGO_PKG_VERSION")) ". " (words.say("zones-copernicus")) }
    };
    Page { title: &title, style: STYLE, script: "", body }.into_html_in(words.language())
}

/// The number of zones, the periods and the model.
fn lead(summary: &ZoneSummary, last: &str, words: &Words) -> String {
    let zones = summary.rows.iter().filter(|row| row.period == last && row.zone != ALL_ZONES).count();
    let periods: Vec<&str> = summary.periods.iter().map(|period| period.name.as_str()).collect();
    let values = [
        ("count", zones.into()),
        ("number", whole(zones, words).into()),
        ("periods", periods.join(", ").into()),
        ("model", summary.model.as_str().into()),
    ];
    words.say_with("zones-lead", &values)
}

/// A number of things.
fn whole(count: usize, words: &Words) -> String {
    words.number(Some(count as f64), 0)
}

/// A number of things with their name, from a key.
fn counted(key: &str, count: usize, words: &Words) -> String {
    words.say_with(key, &[("count", count.into()), ("number", whole(count, words).into())])
}

/// Hectares without the unit.
fn hectares(value: f64, words: &Words) -> String {
    words.number(Some(value), 1)
}

/// Hectares without the unit, in the words of a key.
fn of_area(key: &str, value: f64, words: &Words) -> String {
    words.say_with(key, &[("area", hectares(value, words).into())])
}

/// The numbers of all zones together.
fn tiles(all: &ZoneRow, level_percent: f64, words: &Words) -> Markup {
    let tile = |key: &str, value: Option<f64>, note: String| {
        html! { div.tile { dt { (words.say(key)) } dd.value { (words.hectares(value)) } dd { (note) } } }
    };
    let seen = words.say_with("zones-of-seen", &[("area", words.hectares(Some(all.seen_ha)).into())]);
    let interval = [
        ("level", format!("{}\u{a0}%", words.level(level_percent)).into()),
        ("from", hectares(all.disturbed_lower_ha, words).into()),
        ("to", hectares(all.disturbed_upper_ha, words).into()),
    ];
    html! {
        dl.tiles {
            (tile("zones-mapped-in-all", Some(all.mapped_ha), seen))
            (tile("disturbed-land", Some(all.disturbed_ha), words.say_with("interval-at-level", &interval)))
            @if all.compared_ha.is_some() {
                (tile("gain", all.gain_ha, words.say("zones-since-last")))
                (tile("loss", all.loss_ha, words.say("zones-since-last")))
            }
            @if let Some(outside) = all.outside_permit_ha {
                @let permits = counted("zones-permits", all.permits.unwrap_or_default(), words);
                (tile("zones-outside-all-permits", Some(outside), permits))
            }
        }
    }
}

/// Share of the seen land of a zone that is mapped as disturbed. `None` if nothing was seen.
fn share(row: &ZoneRow) -> Option<f64> {
    (row.seen_ha > 0.0).then(|| row.mapped_ha / row.seen_ha)
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
        Self::of(rows().filter_map(share).collect(), rows().any(|row| share(row).is_none()))
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

fn legend(shares: &Shares, words: &Words) -> Markup {
    let key = |class: &str| {
        let mut drawing = Drawing::new(26.0, 16.0);
        drawing.rect(&format!("zone {class}"), (0.5, 0.5), (25.5, 15.5));
        drawing.finish("key", None)
    };
    let percent = |share: f64| words.percent(Some(share), if share < 0.01 { 2 } else { 1 });
    let range = |(least, greatest): (f64, f64)| {
        let (from, to) = (percent(least), percent(greatest));
        if from == to { from } else { words.say_with("from-to", &[("from", from.into()), ("to", to.into())]) }
    };
    html! {
        ul.legend {
            li { (key("share-0")) (words.say("zones-none")) }
            @for &class in &shares.classes {
                li { (key(&shares.css(Some(class.0)))) (range(class)) }
            }
            @if shares.has_unseen { li { (key("unseen")) (words.say("zones-not-seen")) } }
        }
    }
}

/// The map of the zones. The projection is equirectangular: east-west distances are true at the middle latitude. `None` if no
/// zone has an extent.
fn map(summary: &ZoneSummary, period: &str, shares: &Shares, words: &Words) -> Option<Markup> {
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
        let class = format!("zone {}", shares.css(share(row)));
        drawing.titled(&on_map(row, words), |group| {
            group.add(html! { path class=(class) d=(svg_path(&on_page, 1.0, 1.0)) {} });
        });
    }
    if zones.len() <= MOST_NAMES {
        for (row, outline) in &zones {
            if let Some(at) = outline.interior_point() {
                drawing.text("strong", "middle", (place_x(at.x()), place_y(at.y()) + 4.0), &row.name);
            }
        }
    }
    let half_x = plot_width / 2.0 / scale / shrink;
    let (longitudes, digits) = ticks(middle_x - half_x, middle_x + half_x, 7);
    for longitude in longitudes {
        let x = place_x(longitude);
        let shown = if longitude > 180.0 { longitude - 360.0 } else { longitude };
        drawing.line("axis", (x, bottom), (x, bottom + 4.0));
        let at = (x.clamp(MARGIN + 18.0, right - 18.0), bottom + 18.0);
        drawing.text("", "middle", at, &words.degrees(shown, digits, ["side-east", "side-west"]));
    }
    let half_y = plot_height / 2.0 / scale;
    let (latitudes, digits) = ticks((middle_y - half_y).max(-90.0), (middle_y + half_y).min(90.0), 5);
    for latitude in latitudes {
        let y = place_y(latitude);
        drawing.line("axis", (MARGIN, y), (MARGIN + 4.0, y));
        let degrees = words.degrees(latitude, digits, ["side-north", "side-south"]);
        drawing.text("", "start", (MARGIN + 7.0, (y + 4.0).max(MARGIN + 11.0)), &degrees);
    }
    Some(drawing.finish("chart wide map", Some(&words.say("zones-map-label"))))
}

/// What the map says of a zone.
fn on_map(row: &ZoneRow, words: &Words) -> String {
    let zone = ("zone", row.name.as_str().into());
    let Some(share) = share(row) else { return words.say_with("zones-unseen-on-map", &[zone]) };
    let area = ("area", words.hectares(Some(row.mapped_ha)).into());
    words.say_with("zones-on-map", &[zone, area, ("share", words.percent(Some(share), 2).into())])
}

/// The table of a period.
fn rows(summary: &ZoneSummary, period: &str, heading: &str, words: &Words) -> Markup {
    let has_permits = summary.has_permits();
    let mut keys = vec!["zones-seen", "mapped", "zones-share", "disturbed-land", "zones-compared", "gain", "loss"];
    if has_permits {
        keys.extend(["permits", "zones-permitted", "zones-outside-permits"]);
    }
    let zone = format!("<{}", words.say("zones-zone"));
    let head: Vec<String> = std::iter::once(zone).chain(keys.into_iter().map(|key| words.say(key))).collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let number = |value: Option<f64>| words.number(value, 1);
    let rows = html! {
        @for row in summary.rows.iter().filter(|row| row.period == period) {
            tr.all[row.zone == ALL_ZONES] {
                th.words scope="row" {
                    @if row.zone == ALL_ZONES { (words.say("zones-all")) } @else {
                        (row.name)
                        @if row.name != row.zone { span.range { (row.zone) } }
                    }
                }
                td {
                    (number(Some(row.seen_ha)))
                    span.range { (of_area("zones-of-area", row.zone_ha, words)) }
                    @if row.missing_ha > 0.0 { span.range { (of_area("zones-missing", row.missing_ha, words)) } }
                }
                td { (number(Some(row.mapped_ha))) span.range { (counted("zones-polygons", row.polygons, words)) } }
                td { (words.percent(share(row), 2)) }
                td {
                    (number(Some(row.disturbed_ha)))
                    span.range { (interval(row, words)) }
                    @if row.assumed_ha > 0.0 { span.range { (of_area("zones-assumed", row.assumed_ha, words)) } }
                }
                td { (number(row.compared_ha)) }
                td { (number(row.gain_ha)) }
                td { (number(row.loss_ha)) }
                @if has_permits {
                    td { (whole(row.permits.unwrap_or_default(), words)) }
                    td { (number(row.permitted_ha)) }
                    td { (number(row.outside_permit_ha)) }
                }
            }
        }
    };
    table(heading, &head, rows)
}

/// The interval of the disturbed land of a row, without the unit.
fn interval(row: &ZoneRow, words: &Words) -> String {
    let end = |value: f64| -> Value<'_> { hectares(value, words).into() };
    words.say_with("from-to", &[("from", end(row.disturbed_lower_ha)), ("to", end(row.disturbed_upper_ha))])
}

fn notes(summary: &ZoneSummary, words: &Words) -> Markup {
    let level = words.level(summary.level_percent);
    html! {
        p { (words.say("zones-note-areas")) }
        p { (words.say("zones-note-mapped")) }
        p { (words.say_with("zones-note-disturbed", &[("level", level.into())])) }
        p { (words.say("zones-note-change")) }
        @if summary.has_permits() { p { (words.say("zones-note-permits")) } }
    }
}

#[cfg(test)]
mod tests {
    use minesegsat_page::palette::{self, Rgb, contrast};

    use super::*;

    /// A colour of the palette: in the light theme, and in the dark one.
    fn themed(name: &str) -> [Rgb; 2] {
        let root = palette::root();
        let (_, rest) = root.split_once(&format!("--{name}: light-dark(")).unwrap();
        let (light, dark) = rest.split_once(')').unwrap().0.split_once(", ").unwrap();
        [light, dark].map(|colour| [1, 3, 5].map(|i| u8::from_str_radix(&colour[i..i + 2], 16).unwrap()))
    }

    #[test]
    fn classes_and_their_outlines_stand_out_in_light_and_in_dark() {
        let (surface, accent) = (themed("surface"), themed("accent"));
        let (_, rest) = STYLE.split_once(".zone { stroke: var(--").unwrap();
        let outline = themed(rest.split_once(')').unwrap().0);
        // Percent of the accent in the first four classes. The last one has the accent alone.
        let mixed = STYLE.split("var(--accent) ").skip(1).map(|rest| rest.split_once('%').unwrap().0);
        let percents: Vec<f64> = std::iter::once("0").chain(mixed).chain(["100"]).map(|p| p.parse().unwrap()).collect();
        assert_eq!(percents.len(), CLASSES + 1);
        for theme in [0, 1] {
            let colour = |percent: f64| -> Rgb {
                let part = |i: usize| {
                    let (from, to) = (f64::from(surface[theme][i]), f64::from(accent[theme][i]));
                    (from + (to - from) * percent / 100.0).round() as u8
                };
                [part(0), part(1), part(2)]
            };
            let classes: Vec<Rgb> = percents.iter().map(|percent| colour(*percent)).collect();
            for pair in classes.windows(2) {
                assert!(contrast(pair[0], pair[1]) > 1.2, "theme {theme}: {pair:?}");
            }
            for class in classes {
                let ratio = contrast(class, outline[theme]);
                assert!(ratio > 1.5, "theme {theme}: the outline on {class:?} has {ratio:.2}");
            }
        }
    }

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
