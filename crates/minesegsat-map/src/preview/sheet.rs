//! Panels on a sheet, with titles, colour bars, legend and scale: [`render_sheet`].

use tiny_skia::{FillRule, Mask, Path, PathBuilder, Pixmap, Rect, Stroke, Transform};

use super::panel::{Image, Legend, Panel, draw, hatched};
use super::view::{State, View};
use crate::quicklook::Picture;
use crate::quicklook::draw::{
    BACKGROUND, OUTLINE, SWATCH, TEXT, dimmed, draw_north, draw_scale_bar, draw_text, fill, opaque, paint, picture,
    rings, solid, stroke_outlines,
};
use crate::quicklook::text::{self, Weight};
use minesegsat_core::{Error, Result};
use minesegsat_scene::Scene;

/// Grey of secondary text.
const FAINT: [u8; 3] = [158, 160, 164];
const MARGIN: usize = 18;
const TITLE_SIZE: f32 = 24.0;
const TEXT_SIZE: f32 = 15.0;
/// Heights of the lines above and below the panels.
const TITLE_HEIGHT: usize = 40;
const FACTS_HEIGHT: usize = 24;
const PANEL_TITLE_HEIGHT: usize = 28;
const COLOUR_BAR_HEIGHT: usize = 40;
const CLASS_HEIGHT: usize = 22;
const FOOTER_HEIGHT: usize = 46;
/// Minimum width of a panel with a title.
const MIN_PANEL_WIDTH: usize = 240;
/// Preferred aspect of a sheet: width to height.
const ASPECT: f64 = 1.35;

/// The heading of a sheet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heading {
    /// The name of the place or scene.
    pub title: String,
    /// Place, date, commodity, mining share and similar facts, in display order.
    pub facts: Vec<String>,
}

impl Heading {
    /// Creates the heading of a scene: name, MGRS tile, centre, date, level and mining share.
    pub fn of_scene(scene: &Scene, view: &View) -> Self {
        let info = scene.info();
        let mut facts = Vec::new();
        facts.extend(info.mgrs_tile.as_ref().map(|tile| format!("T{tile}")));
        facts.extend(view.centre().map(|(lon, lat)| lon_lat(lon, lat)));
        facts.extend(info.date.map(|date| date.to_string()));
        let platform = info.platform.as_deref().map(|name| name.replace("sentinel-", "Sentinel-"));
        facts.extend(platform.map(|name| name.replace("2a", "2A").replace("2b", "2B").replace("2c", "2C")));
        facts.extend(info.level.map(|level| level.to_string()));
        facts.extend(view.mining_share().map(mining));
        Self { title: info.name.clone(), facts }
    }
}

/// `49.6389° N, 121.6067° W`.
pub(super) fn lon_lat(lon: f64, lat: f64) -> String {
    let (ns, ew) = (if lat < 0.0 { 'S' } else { 'N' }, if lon < 0.0 { 'W' } else { 'E' });
    format!("{:.4}° {ns}, {:.4}° {ew}", lat.abs(), lon.abs())
}

/// `mining 12.3 %`.
pub(super) fn mining(share: f64) -> String {
    format!("mining {:.1} %", share * 100.0)
}

/// A finished sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// The picture.
    pub picture: Picture,
    /// Panels on the sheet.
    pub panels: Vec<Panel>,
    /// Panels that could not be drawn, with the reason: (`bsi`, `needs B11`).
    pub left_out: Vec<(Panel, String)>,
}

/// Draws panels of a view on a sheet. Each panel has the size of the view, or is enlarged by a whole factor to a
/// longer side of about `panel_side` pixels.
///
/// Panels that cannot be drawn are listed at the foot of the sheet. If no panel can be drawn, the result is an error.
/// Without `panels`, all possible panels are drawn, and a missing mask or classification is not listed.
pub fn render_sheet(view: &View, heading: &Heading, panels: Option<&[Panel]>, panel_side: usize) -> Result<Sheet> {
    let mut images = Vec::new();
    let mut left_out = Vec::new();
    for &panel in panels.unwrap_or(&Panel::ALL) {
        match draw(view, panel) {
            Ok(image) => images.push(image),
            Err(_) if panels.is_none() && matches!(panel, Panel::Mask | Panel::Classification) => {}
            Err(reason) => left_out.push((panel, reason)),
        }
    }
    if images.is_empty() {
        let reasons: Vec<String> = left_out.iter().map(|(panel, reason)| format!("{panel} {reason}")).collect();
        return Err(Error::Argument {
            name: "sheet",
            value: panels.unwrap_or(&Panel::ALL).iter().map(|panel| panel.id()).collect::<Vec<_>>().join(","),
            accepted: format!("none of its panels can be drawn: {}", reasons.join("; ")),
        });
    }
    let layout = Layout::new(view, &images, heading, panel_side, !left_out.is_empty());
    let mut painter = Painter::new(view, layout)?;
    painter.draw_heading(heading);
    for (place, image) in images.iter().enumerate() {
        painter.draw_panel(view, image, place);
    }
    painter.draw_footer(view, &images, &left_out);
    let panels = images.iter().map(|image| image.panel).collect();
    Ok(Sheet { picture: picture(&painter.pixmap), panels, left_out })
}

/// Layout of a sheet, in pixels.
#[derive(Debug, Clone, PartialEq)]
struct Layout {
    /// Sheet pixels per pixel of the view.
    enlargement: usize,
    /// Size of a panel's picture.
    image: (usize, usize),
    /// Width of a panel: the width of its picture, or more if the title needs it.
    panel_width: usize,
    columns: usize,
    /// Lines of facts above the panels.
    facts: Vec<String>,
    /// Top of each row of panels.
    tops: Vec<usize>,
    /// Top of the line about left-out panels.
    notes_top: usize,
    width: usize,
    height: usize,
}

impl Layout {
    fn new(view: &View, images: &[Image], heading: &Heading, panel_side: usize, has_notes: bool) -> Self {
        let (view_width, view_height) = view.size();
        let longest = view_width.max(view_height);
        let enlargement = ((panel_side as f64 / longest as f64).round() as usize).max(1);
        let image = (view_width * enlargement, view_height * enlargement);
        let panel_width = image.0.max(MIN_PANEL_WIDTH);
        let columns = columns(images.len(), panel_width, image.1 + PANEL_TITLE_HEIGHT + COLOUR_BAR_HEIGHT / 2);
        let width = MARGIN + columns * (panel_width + MARGIN);
        let facts = wrapped(&heading.facts, (width - 2 * MARGIN) as f32);
        let mut y = MARGIN / 2 + TITLE_HEIGHT + facts.len() * FACTS_HEIGHT + MARGIN / 2;
        let mut tops = Vec::new();
        for row in images.chunks(columns) {
            tops.push(y);
            let legend = row.iter().map(|image| legend_height(&image.legend, panel_width)).max().unwrap_or(0);
            y += PANEL_TITLE_HEIGHT + image.1 + legend + MARGIN;
        }
        let notes_top = y;
        let height = y + if has_notes { FACTS_HEIGHT } else { 0 } + FOOTER_HEIGHT;
        Self { enlargement, image, panel_width, columns, facts, tops, notes_top, width, height }
    }

    /// Upper left corner of a panel.
    fn corner(&self, place: usize) -> (usize, usize) {
        (MARGIN + place % self.columns * (self.panel_width + MARGIN), self.tops[place / self.columns])
    }
}

/// The number of columns for a sheet near the preferred aspect with few empty places.
fn columns(panels: usize, width: usize, height: usize) -> usize {
    let score = |columns: usize| {
        let rows = panels.div_ceil(columns);
        let aspect = (columns * width) as f64 / (rows * height) as f64;
        (aspect / ASPECT).ln().abs() + 0.35 * (rows * columns - panels) as f64
    };
    (1..=panels).min_by(|&a, &b| score(a).total_cmp(&score(b))).unwrap_or(1)
}

/// Wraps facts into lines of at most `space`.
fn wrapped(facts: &[String], space: f32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for fact in facts.iter().filter(|fact| !fact.trim().is_empty()) {
        let longer = lines.last().map(|line| format!("{line}   ·   {fact}"));
        match (lines.last_mut(), longer) {
            (Some(line), Some(longer)) if text::width(&longer, Weight::Regular, TEXT_SIZE) <= space => *line = longer,
            _ => lines.push(text::fitted(fact, Weight::Regular, TEXT_SIZE, space)),
        }
    }
    lines
}

/// Columns of a legend of classes.
fn class_columns(panel_width: usize) -> usize {
    (panel_width / 170).max(1)
}

fn legend_height(legend: &Legend, panel_width: usize) -> usize {
    match legend {
        Legend::None => 0,
        Legend::ColourBar(..) => COLOUR_BAR_HEIGHT,
        Legend::Classes(classes) => 8 + classes.len().div_ceil(class_columns(panel_width)) * CLASS_HEIGHT,
    }
}

struct Painter {
    pixmap: Pixmap,
    layout: Layout,
    /// Outlines, relative to the corner of a panel's picture.
    outlines: Option<Path>,
}

impl Painter {
    fn new(view: &View, layout: Layout) -> Result<Self> {
        let too_large = || Error::Argument {
            name: "size",
            value: format!("{} x {} pixels", layout.width, layout.height),
            accepted: "a sheet that fits in memory: fewer or smaller panels".to_owned(),
        };
        let pixmap = u32::try_from(layout.width).ok().zip(u32::try_from(layout.height).ok());
        let mut pixmap = pixmap.and_then(|(width, height)| Pixmap::new(width, height)).ok_or_else(too_large)?;
        pixmap.fill(opaque(BACKGROUND));
        let scale = layout.enlargement as f64;
        let outlines = rings(std::slice::from_ref(&view.outlines), |x, y| ((x * scale) as f32, (y * scale) as f32));
        Ok(Self { pixmap, layout, outlines })
    }

    fn text(&mut self, text: &str, weight: Weight, size: f32, colour: [u8; 3], left: f32, middle: f32) {
        draw_text(&mut self.pixmap, text, weight, size, colour, left, middle);
    }

    fn draw_heading(&mut self, heading: &Heading) {
        let space = (self.layout.width - 2 * MARGIN) as f32;
        let title = text::fitted(&heading.title, Weight::Bold, TITLE_SIZE, space);
        let mut middle = (MARGIN / 2 + TITLE_HEIGHT / 2) as f32;
        self.text(&title, Weight::Bold, TITLE_SIZE, TEXT, MARGIN as f32, middle);
        middle += (TITLE_HEIGHT / 2 + FACTS_HEIGHT / 2) as f32;
        for line in self.layout.facts.clone() {
            self.text(&line, Weight::Regular, TEXT_SIZE, TEXT, MARGIN as f32, middle);
            middle += FACTS_HEIGHT as f32;
        }
    }

    fn draw_panel(&mut self, view: &View, image: &Image, place: usize) {
        let (left, top) = self.layout.corner(place);
        let (width, height) = self.layout.image;
        let middle = (top + PANEL_TITLE_HEIGHT / 2 - 2) as f32;
        let space = self.layout.panel_width as f32;
        let title = text::fitted(image.panel.title(), Weight::Bold, TEXT_SIZE, space);
        self.text(&title, Weight::Bold, TEXT_SIZE, TEXT, left as f32, middle);
        let used = text::width(&title, Weight::Bold, TEXT_SIZE) + 12.0;
        let size = TEXT_SIZE - 2.0;
        if text::width(&image.subtitle, Weight::Regular, size) <= space - used {
            self.text(&image.subtitle, Weight::Regular, size, FAINT, left as f32 + used, middle + 1.0);
        }

        let top = top + PANEL_TITLE_HEIGHT;
        let (stride, enlargement) = (self.layout.width, self.layout.enlargement);
        let target = self.pixmap.pixels_mut();
        for y in 0..height {
            for x in 0..width {
                let pixel = y / enlargement * view.grid.width + x / enlargement;
                target[(top + y) * stride + left + x] = solid(image.colour(pixel, x, y));
            }
        }
        if !matches!(image.panel, Panel::Mask | Panel::Classification) {
            self.draw_outlines(left, top);
        }
        let legend_top = (top + height) as f32;
        match &image.legend {
            Legend::None => {}
            Legend::ColourBar(map, range) => {
                let bar_top = top + height + 6;
                let target = self.pixmap.pixels_mut();
                for x in 0..width {
                    let colour = solid(map.colour(x as f32 / (width - 1).max(1) as f32));
                    for y in bar_top..bar_top + 10 {
                        target[y * stride + left + x] = colour;
                    }
                }
                let middle = legend_top + 28.0;
                for (part, value) in [(0.0, range[0]), (0.5, f32::midpoint(range[0], range[1])), (1.0, range[1])] {
                    let label = number(value);
                    let at = left as f32 + part * (width as f32 - text::width(&label, Weight::Regular, 13.0));
                    self.text(&label, Weight::Regular, 13.0, TEXT, at, middle);
                }
            }
            Legend::Classes(classes) => self.draw_classes(classes, left as f32, legend_top + 8.0),
        }
    }

    fn draw_classes(&mut self, classes: &[([u8; 3], &'static str, f64)], left: f32, top: f32) {
        let columns = class_columns(self.layout.panel_width);
        let step = (self.layout.panel_width / columns) as f32;
        for (i, (colour, name, share)) in classes.iter().enumerate() {
            let x = left + (i % columns) as f32 * step;
            let y = top + (i / columns * CLASS_HEIGHT) as f32;
            fill(&mut self.pixmap, FAINT, x, y + 3.0, 14.0, 14.0);
            fill(&mut self.pixmap, *colour, x + 1.0, y + 4.0, 12.0, 12.0);
            let share = if *share < 0.1 { "< 0.1 %".to_owned() } else { format!("{share:.1} %") };
            let label = text::fitted(&format!("{name} {share}"), Weight::Regular, 13.0, step - 26.0);
            self.text(&label, Weight::Regular, 13.0, TEXT, x + 20.0, y + 10.5);
        }
    }

    /// Draws the outlines on one panel, clipped to its edges.
    fn draw_outlines(&mut self, left: usize, top: usize) {
        let (width, height) = self.layout.image;
        let place = Transform::from_translate(left as f32, top as f32);
        let Some(path) = self.outlines.clone().and_then(|path| path.transform(place)) else { return };
        let Some(mut clip) = Mask::new(self.pixmap.width(), self.pixmap.height()) else { return };
        let Some(frame) = Rect::from_xywh(left as f32, top as f32, width as f32, height as f32) else { return };
        clip.fill_path(&PathBuilder::from_rect(frame), FillRule::Winding, false, Transform::identity());
        stroke_outlines(&mut self.pixmap, &path, 1.4, Some(&clip));
    }

    fn draw_footer(&mut self, view: &View, images: &[Image], left_out: &[(Panel, String)]) {
        if !left_out.is_empty() {
            let notes: Vec<String> = left_out.iter().map(|(panel, reason)| format!("{panel} {reason}")).collect();
            let space = (self.layout.width - 2 * MARGIN) as f32;
            let line = text::fitted(&format!("Left out: {}", notes.join("; ")), Weight::Regular, 13.0, space);
            let middle = (self.layout.notes_top + FACTS_HEIGHT / 2 - 4) as f32;
            self.text(&line, Weight::Regular, 13.0, FAINT, MARGIN as f32, middle);
        }
        let middle = self.layout.height as f32 - FOOTER_HEIGHT as f32 / 2.0 - 2.0;
        let mut right = (self.layout.width - MARGIN) as f32;
        right = draw_north(&mut self.pixmap, right, middle) - 22.0;
        let size = view.pixel_size_m().map(|size| size / self.layout.enlargement as f64);
        if let Some(size) = size.filter(|size| size.is_finite() && *size > 0.0) {
            let longest = (self.layout.image.0 as f64 * 0.4).clamp(40.0, 240.0);
            right = draw_scale_bar(&mut self.pixmap, size, longest, right, middle) - 24.0;
        }
        let has = |state: State| images.iter().any(|image| image.states.contains(&state));
        let signs = [
            (Sign::Mining, !view.outlines.0.is_empty()),
            (Sign::NoData, has(State::NoData)),
            (Sign::NotAssessable, has(State::NotAssessable)),
        ];
        let mut left = MARGIN as f32;
        for (sign, _) in signs.into_iter().filter(|(_, is_there)| *is_there) {
            let width = SWATCH + 8.0 + text::width(sign.label(), Weight::Regular, TEXT_SIZE);
            if left + width > right {
                break;
            }
            self.draw_sign(sign, left, middle);
            left += width + 24.0;
        }
    }

    fn draw_sign(&mut self, sign: Sign, left: f32, middle: f32) {
        let top = middle - SWATCH / 2.0;
        match sign {
            Sign::Mining => {
                if let Some(frame) = Rect::from_xywh(left + 1.5, top + 1.5, SWATCH - 3.0, SWATCH - 3.0) {
                    let stroke = Stroke { width: 2.4, ..Stroke::default() };
                    let frame = PathBuilder::from_rect(frame);
                    self.pixmap.stroke_path(&frame, &paint(OUTLINE, 1.0), &stroke, Transform::identity(), None);
                }
            }
            Sign::NoData | Sign::NotAssessable => {
                let stride = self.layout.width;
                for y in 0..SWATCH as usize {
                    for x in 0..SWATCH as usize {
                        let colour = if sign == Sign::NoData { hatched(x, y) } else { dimmed([150; 3], x, y) };
                        let place = (top as usize + y) * stride + left as usize + x;
                        self.pixmap.pixels_mut()[place] = solid(colour);
                    }
                }
            }
        }
        self.text(sign.label(), Weight::Regular, TEXT_SIZE, TEXT, left + SWATCH + 8.0, middle);
    }
}

/// Entries of the legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Mining,
    NoData,
    NotAssessable,
}

impl Sign {
    const fn label(self) -> &'static str {
        match self {
            Self::Mining => "mining",
            Self::NoData => "no data",
            Self::NotAssessable => "not assessable (cloud, shadow)",
        }
    }
}

/// A number at a colour bar, with a true minus sign. It has one decimal, or two if the middle needs it.
fn number(value: f32) -> String {
    let digits = if (value * 10.0 - (value * 10.0).round()).abs() < 1e-3 { 1 } else { 2 };
    let text = format!("{:.digits$}", value.abs());
    if value < 0.0 && text.contains(|c: char| c.is_ascii_digit() && c != '0') { format!("−{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use geo::polygon;

    use super::*;
    use minesegsat_core::{Band, Crs, GeoTransform, Grid};

    fn view(width: usize, height: usize, bands: &[Band]) -> View {
        let transform = GeoTransform::north_up(600_000.0, 5_500_020.0, 10.0);
        let grid = Grid { crs: Crs::from_epsg(32610).unwrap(), transform, width, height };
        let pixels = |band: &Band| {
            let index = band.index();
            (0..width * height).map(|i| ((i * 7 + index * 13) % 50) as f32 / 100.0).collect::<Vec<_>>()
        };
        View::new(grid, bands.iter().map(|band| (*band, pixels(band))).collect::<BTreeMap<_, _>>())
    }

    fn pixel(sheet: &Sheet, x: usize, y: usize) -> [u8; 3] {
        let at = (y * sheet.picture.width as usize + x) * 3;
        [0, 1, 2].map(|i| sheet.picture.rgb[at + i])
    }

    #[test]
    fn all_panels_fit_on_one_sheet_whatever_their_shape() {
        for (width, height) in [(512, 512), (500, 20), (20, 500), (1, 1), (24, 42)] {
            let mut view = view(width, height, &Panel::BANDS);
            view.classes = Some((0..width * height).map(|i| (i % 12) as u8).collect());
            view.set_mask(vec![0.5; width * height]);
            let heading = Heading { title: "a title".repeat(30), facts: vec!["a fact".repeat(20); 4] };
            let sheet = render_sheet(&view, &heading, None, 256).unwrap();
            assert_eq!((sheet.panels.len(), sheet.left_out.len()), (9, 0));
            assert_eq!(sheet.picture.rgb.len(), (sheet.picture.width * sheet.picture.height * 3) as usize);
        }
    }

    #[test]
    fn panels_that_lack_bands_are_left_out_and_said_so() {
        let view = view(64, 64, &[Band::B02, Band::B03, Band::B04]);
        let sheet = render_sheet(&view, &Heading::default(), None, 64).unwrap();
        assert_eq!(sheet.panels, [Panel::TrueColour]);
        let names: Vec<&str> = sheet.left_out.iter().map(|(panel, _)| panel.id()).collect();
        assert_eq!(
            names,
            ["swir", "false-colour", "ndvi", "ndbi", "ndwi", "bsi"],
            "mask and classes were not asked for"
        );
        let asked = [Panel::Mask, Panel::TrueColour];
        let sheet = render_sheet(&view, &Heading::default(), Some(&asked), 64).unwrap();
        assert_eq!(sheet.left_out, [(Panel::Mask, "needs a mask or outlines".to_owned())]);
        let error = render_sheet(&view, &Heading::default(), Some(&[Panel::Swir]), 64).unwrap_err().to_string();
        assert_eq!(
            error,
            "sheet `swir` is not accepted: none of its panels can be drawn: swir needs B12 or B11, B8A or B08"
        );
    }

    #[test]
    fn pictures_lie_where_the_layout_says_and_outlines_stay_in_them() {
        let mut view = view(100, 100, &[Band::B02, Band::B03, Band::B04]);
        let image = draw(&view, Panel::TrueColour).unwrap();
        // A square that reaches out of the picture on the left and above.
        let square = polygon![(x: -50.0, y: -50.0), (x: 50.5, y: -50.0), (x: 50.5, y: 50.5), (x: -50.0, y: 50.5)];
        view.outlines = geo::MultiPolygon(vec![square]);
        let heading = Heading { title: "t".to_owned(), facts: vec!["f".to_owned()] };
        let sheet = render_sheet(&view, &heading, Some(&[Panel::TrueColour]), 300).unwrap();
        let layout = Layout::new(&view, std::slice::from_ref(&image), &heading, 300, false);
        assert_eq!((layout.enlargement, layout.image), (3, (300, 300)));
        let (left, top) = layout.corner(0);
        let top = top + PANEL_TITLE_HEIGHT;
        for (x, y) in [(0, 0), (80, 10), (99, 99), (10, 90)] {
            let found = pixel(&sheet, left + 3 * x + 1, top + 3 * y + 1);
            assert_eq!(found, image.pixels[y * 100 + x], "pixel {x}, {y}");
        }
        let is_orange = |x: usize, y: usize| {
            let [r, _, b] = pixel(&sheet, x, y);
            r > 180 && b < 60
        };
        assert!(is_orange(left + 151, top + 60), "the right edge of the square");
        let above = (0..top).flat_map(|y| (0..layout.width).map(move |x| (x, y)));
        assert_eq!(above.filter(|&(x, y)| is_orange(x, y)).count(), 0, "nothing over the picture");
        assert!((0..layout.height - FOOTER_HEIGHT).all(|y| (0..left).all(|x| !is_orange(x, y))), "nor beside it");
    }

    #[test]
    fn sheets_are_neither_towers_nor_ribbons() {
        let found: Vec<usize> = (1..=9).map(|panels| columns(panels, 512, 560)).collect();
        assert_eq!(found, [1, 2, 3, 2, 3, 3, 4, 4, 3]);
        assert_eq!(columns(9, 2000, 200), 1, "wide pictures lie on each other");
    }

    #[test]
    fn numbers_and_places_are_written_for_people() {
        assert_eq!([0.0, -0.0, 0.3, -0.3, 0.35, -0.001].map(number), ["0.0", "0.0", "0.3", "−0.3", "0.35", "0.00"]);
        assert_eq!(lon_lat(-121.60671, 49.63889), "49.6389° N, 121.6067° W");
        assert_eq!(lon_lat(30.5, -2.25), "2.2500° S, 30.5000° E");
        assert_eq!(wrapped(&["a".into(), " ".into(), "b".into()], 500.0), ["a   ·   b"]);
        assert_eq!(wrapped(&["aaaaaaaaaa".into(), "bbbbbbbbbb".into()], 100.0).len(), 2);
    }
}
