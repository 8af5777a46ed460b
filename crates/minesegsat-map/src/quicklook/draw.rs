//! Drawing of the scene, outlines and footer.

use geo::{LineString, MultiPolygon};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap, PremultipliedColorU8, Rect, Stroke,
    Transform,
};

use super::text::{self, Weight};
use super::{Picture, State, Stretch};

/// Height of the footer in pixels.
pub(super) const FOOTER_HEIGHT: usize = 44;
/// Minimum width of a picture. Narrower pictures are padded to fit the footer.
const MIN_WIDTH: usize = 360;

pub(crate) const BACKGROUND: [u8; 3] = [24, 26, 30];
pub(crate) const NO_DATA: [u8; 3] = [52, 54, 58];
pub(crate) const OUTLINE: [u8; 3] = [255, 122, 0];
pub(crate) const CASING: ([u8; 3], f32) = ([20, 8, 0], 0.75);
pub(crate) const TEXT: [u8; 3] = [238, 238, 235];
const FONT_SIZE: f32 = 17.0;
const MARGIN: f32 = 14.0;

/// Minimum distance of drawn vertices, in pixels of the picture.
const VERTEX_DISTANCE: f32 = 0.4;

/// The canvas of a picture: the scene, centred, and the footer below.
#[derive(Debug)]
pub(super) struct Canvas {
    pixmap: Pixmap,
    scene_width: usize,
    scene_height: usize,
    /// First column of the scene.
    left: usize,
}

impl Canvas {
    pub(super) fn new(scene_width: usize, scene_height: usize) -> Self {
        let width = scene_width.max(MIN_WIDTH);
        let size = tiny_skia::IntSize::from_wh(width as u32, (scene_height + FOOTER_HEIGHT) as u32);
        let mut pixmap = size
            .and_then(|size| Pixmap::new(size.width(), size.height()))
            .expect("the sides are positive and bounded by the options");
        pixmap.fill(opaque(BACKGROUND));
        Self { pixmap, scene_width, scene_height, left: (width - scene_width) / 2 }
    }

    /// Draws the decimated scene `[rows, columns]`, each pixel as a square of `enlargement` pixels.
    pub(super) fn draw_scene(
        &mut self,
        enlargement: usize,
        columns: usize,
        pixels: &[([f32; 3], State)],
        stretch: &Stretch,
    ) {
        let stride = self.pixmap.width() as usize;
        let target = self.pixmap.pixels_mut();
        for y in 0..self.scene_height {
            for x in 0..self.scene_width {
                let found = pixels.get(y / enlargement * columns + x / enlargement);
                let color = match found {
                    Some((rgb, State::Valid)) => stretch.brightness(*rgb),
                    Some((rgb, State::NotAssessable)) => dimmed(stretch.brightness(*rgb), x, y),
                    Some((_, State::NoData)) | None => NO_DATA,
                };
                target[y * stride + self.left + x] = solid(color);
            }
        }
    }

    /// Draws all rings as a bright line on a dark line, which is visible on sand and on water.
    pub(super) fn draw_outlines(&mut self, polygons: &[MultiPolygon<f64>], scale_x: f64, scale_y: f64) {
        let left = self.left as f32;
        let Some(path) = rings(polygons, |x, y| (left + (x * scale_x) as f32, (y * scale_y) as f32)) else { return };
        let width = (self.scene_width.max(self.scene_height) as f32 / 800.0).clamp(1.4, 1.9);
        stroke_outlines(&mut self.pixmap, &path, width, None);
        // Lines across the edge of the scene must not reach into the footer.
        let (top, width) = (self.scene_height as f32, self.pixmap.width() as f32);
        fill(&mut self.pixmap, BACKGROUND, 0.0, top, width, FOOTER_HEIGHT as f32);
    }

    /// Draws the caption at the left, and legend, scale bar and north arrow at the right, as far as they fit.
    pub(super) fn draw_footer(&mut self, caption: &str, pixel_size_m: Option<f64>, is_partly_unknown: bool) {
        let middle = self.scene_height as f32 + FOOTER_HEIGHT as f32 / 2.0;
        let mut right = self.pixmap.width() as f32 - MARGIN;
        right = draw_north(&mut self.pixmap, right, middle) - 1.4 * MARGIN;
        if let Some(size) = pixel_size_m.filter(|size| size.is_finite() && *size > 0.0) {
            let longest = (self.scene_width as f64 * 0.25).clamp(40.0, 240.0);
            right = draw_scale_bar(&mut self.pixmap, size, longest, right, middle) - 1.8 * MARGIN;
        }
        let caption_width = text::width(caption, Weight::Bold, FONT_SIZE);
        let entries = [("not assessable", is_partly_unknown), ("mining", true)];
        for (label, _) in entries.into_iter().filter(|(_, is_shown)| *is_shown) {
            let width = SWATCH + 7.0 + text::width(label, Weight::Bold, FONT_SIZE);
            if right - width < 3.0 * MARGIN + caption_width {
                break;
            }
            self.draw_legend(label, right - width, middle);
            right -= width + 1.4 * MARGIN;
        }
        let caption = text::fitted(caption, Weight::Bold, FONT_SIZE, right - MARGIN);
        self.draw_text(&caption, MARGIN, middle);
    }

    fn draw_legend(&mut self, label: &str, left: f32, middle: f32) {
        let top = middle - SWATCH / 2.0;
        if label == "mining" {
            let mut builder = PathBuilder::new();
            if let Some(rect) = Rect::from_xywh(left + 1.5, top + 1.5, SWATCH - 3.0, SWATCH - 3.0) {
                builder.push_rect(rect);
            }
            if let Some(path) = builder.finish() {
                let stroke = Stroke { width: 2.4, ..Stroke::default() };
                self.pixmap.stroke_path(&path, &paint(OUTLINE, 1.0), &stroke, Transform::identity(), None);
            }
        } else {
            let stride = self.pixmap.width() as usize;
            for y in 0..SWATCH as usize {
                for x in 0..SWATCH as usize {
                    let place = (top as usize + y) * stride + left as usize + x;
                    self.pixmap.pixels_mut()[place] = solid(dimmed([200; 3], x, y));
                }
            }
        }
        self.draw_text(label, left + SWATCH + 7.0, middle);
    }

    fn draw_text(&mut self, text: &str, left: f32, middle: f32) {
        draw_text(&mut self.pixmap, text, Weight::Bold, FONT_SIZE, TEXT, left, middle);
    }

    pub(super) fn into_picture(self) -> Picture {
        picture(&self.pixmap)
    }
}

/// Converts an opaque pixmap to a picture.
pub(crate) fn picture(pixmap: &Pixmap) -> Picture {
    let rgb = pixmap.pixels().iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect();
    Picture { width: pixmap.width(), height: pixmap.height(), rgb }
}

/// All rings of polygons as one path, each vertex placed by `place`.
pub(crate) fn rings(polygons: &[MultiPolygon<f64>], place: impl Fn(f64, f64) -> (f32, f32)) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for polygon in polygons.iter().flat_map(|multi| &multi.0) {
        for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
            append_ring(&mut builder, ring, &place);
        }
    }
    builder.finish()
}

/// Strokes outlines as a bright line on a dark line, which is visible on sand and on water.
pub(crate) fn stroke_outlines(pixmap: &mut Pixmap, path: &Path, width: f32, clip: Option<&Mask>) {
    let stroke = |width| Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
    pixmap.stroke_path(path, &paint(CASING.0, CASING.1), &stroke(width + 1.6), Transform::identity(), clip);
    pixmap.stroke_path(path, &paint(OUTLINE, 1.0), &stroke(width), Transform::identity(), clip);
}

/// Draws a line of text that starts at `left`, with its capitals centred on `middle`.
pub(crate) fn draw_text(
    pixmap: &mut Pixmap,
    text: &str,
    weight: Weight,
    size: f32,
    color: [u8; 3],
    left: f32,
    middle: f32,
) {
    // Capitals of this font are 0.73 of its size high.
    if let Some(path) = text::outline(text, weight, size, left, middle + 0.365 * size) {
        pixmap.fill_path(&path, &paint(color, 1.0), FillRule::Winding, Transform::identity(), None);
    }
}

/// Fills a rectangle.
pub(crate) fn fill(pixmap: &mut Pixmap, color: [u8; 3], x: f32, y: f32, width: f32, height: f32) {
    if let Some(rect) = Rect::from_xywh(x, y, width, height) {
        pixmap.fill_rect(rect, &paint(color, 1.0), Transform::identity(), None);
    }
}

/// Draws a north arrow and returns its left edge.
pub(crate) fn draw_north(pixmap: &mut Pixmap, right: f32, middle: f32) -> f32 {
    let letter = text::width("N", Weight::Bold, FONT_SIZE);
    draw_text(pixmap, "N", Weight::Bold, FONT_SIZE, TEXT, right - letter, middle);
    let (tip, half) = (right - letter - 12.0, 6.0);
    let mut arrow = PathBuilder::new();
    arrow.move_to(tip, middle - 10.0);
    arrow.line_to(tip + half, middle + 8.0);
    arrow.line_to(tip, middle + 4.0);
    arrow.line_to(tip - half, middle + 8.0);
    arrow.close();
    if let Some(path) = arrow.finish() {
        pixmap.fill_path(&path, &paint(TEXT, 1.0), FillRule::Winding, Transform::identity(), None);
    }
    tip - half
}

/// Draws a scale bar of a round length and at most `longest` pixels, and returns its left edge.
pub(crate) fn draw_scale_bar(pixmap: &mut Pixmap, pixel_size_m: f64, longest: f64, right: f32, middle: f32) -> f32 {
    let length_m = round_length(pixel_size_m * longest);
    let label = if length_m >= 1000.0 { format!("{} km", length_m / 1000.0) } else { format!("{length_m} m") };
    let bar = (length_m / pixel_size_m) as f32;
    let label_width = text::width(&label, Weight::Bold, FONT_SIZE);
    draw_text(pixmap, &label, Weight::Bold, FONT_SIZE, TEXT, right - label_width, middle);
    let end = right - label_width - 8.0;
    let start = end - bar;
    fill(pixmap, TEXT, start, middle - 1.0, bar, 2.0);
    for x in [start, end - 2.0] {
        fill(pixmap, TEXT, x, middle - 6.0, 2.0, 12.0);
    }
    start
}

/// Side of a swatch of the legend.
pub(crate) const SWATCH: f32 = 16.0;

/// Largest of 1, 2, 5, 10, 20, ... (also 0.1, 0.2, ...) that does not exceed `longest`.
fn round_length(longest: f64) -> f64 {
    let power = 10_f64.powf(longest.log10().floor());
    let factor = [5.0, 2.0, 1.0].into_iter().find(|factor| factor * power <= longest).unwrap_or(1.0);
    factor * power
}

fn append_ring(builder: &mut PathBuilder, ring: &LineString<f64>, place: impl Fn(f64, f64) -> (f32, f32)) {
    // The last vertex repeats the first.
    let Some((&first, rest)) = ring.0.split_last().and_then(|(_, open)| open.split_first()) else { return };
    let mut last = place(first.x, first.y);
    builder.move_to(last.0, last.1);
    for vertex in rest {
        let at = place(vertex.x, vertex.y);
        if (at.0 - last.0).hypot(at.1 - last.1) >= VERTEX_DISTANCE {
            builder.line_to(at.0, at.1);
            last = at;
        }
    }
    builder.close();
}

/// Grey, darker, with diagonal lines.
pub(crate) fn dimmed(rgb: [u8; 3], x: usize, y: usize) -> [u8; 3] {
    let grey = rgb.iter().map(|&part| u32::from(part)).sum::<u32>() / 3;
    let is_line = (x + y) % 8 < 2;
    let shade = if is_line { grey * 3 / 10 + 105 } else { grey * 4 / 10 + 38 };
    [shade as u8; 3]
}

pub(crate) fn opaque(rgb: [u8; 3]) -> Color {
    Color::from_rgba8(rgb[0], rgb[1], rgb[2], 255)
}

pub(crate) fn solid(rgb: [u8; 3]) -> PremultipliedColorU8 {
    tiny_skia::ColorU8::from_rgba(rgb[0], rgb[1], rgb[2], 255).premultiply()
}

pub(crate) fn paint(rgb: [u8; 3], opacity: f32) -> Paint<'static> {
    let mut color = opaque(rgb);
    color.set_alpha(opacity);
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(color);
    paint
}
