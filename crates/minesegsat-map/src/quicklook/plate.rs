//! Pictures to show: enlarged, with caption, legend, scale bar and an arrow to the north below.

use tiny_skia::{IntSize, Pixmap};

use super::Picture;
use super::draw::{BACKGROUND, SWATCH, TEXT, draw_north, draw_scale_bar, draw_text, fill, opaque, picture, solid};
use super::text::{self, Weight};
use minesegsat_core::{Error, Result};

/// Minimum length of the longer side of the area, in pixels of the plate.
const LEAST_SIDE: usize = 1000;
/// Minimum width of a plate, so that its caption fits.
const LEAST_WIDTH: usize = 640;
const MARGIN: f32 = 14.0;
const LINE_HEIGHT: f32 = 26.0;
const FONT_SIZE: f32 = 17.0;

/// A picture of an area with a caption and a legend.
///
/// # Shapes
/// - `pixels`, and the mask of `outline`: `[height, width]`
#[derive(Debug)]
pub struct Plate<'a> {
    /// Red, green, blue.
    pub pixels: &'a [[u8; 3]],
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// An area to outline, and the colour of the line.
    pub outline: Option<(&'a [bool], [u8; 3])>,
    /// Lines of the caption; the first one is bold.
    pub caption: Vec<String>,
    /// Colours and their meaning.
    pub legend: Vec<([u8; 3], String)>,
    /// Width on the ground of one of `pixels`, in metres. `None`: no scale bar.
    pub pixel_m: Option<f64>,
}

impl Plate<'_> {
    /// Draws the plate. Small areas are enlarged by a whole factor to a longer side of 1000 pixels or more.
    pub fn draw(&self) -> Result<Picture> {
        let factor = LEAST_SIDE.div_ceil(self.width.max(self.height).max(1));
        let (width, height) = (self.width * factor, self.height * factor);
        let plate_width = width.max(LEAST_WIDTH);
        let legend = self.legend_lines(plate_width as f32 - 2.0 * MARGIN);
        // The last line has the scale bar and the arrow.
        let lines = self.caption.len() + legend.len() + 1;
        let footer = lines as f32 * LINE_HEIGHT + MARGIN;
        let size = u32::try_from(plate_width).ok().zip(u32::try_from(height + footer as usize).ok());
        let mut canvas = size
            .and_then(|(width, height)| IntSize::from_wh(width, height))
            .and_then(|size| Pixmap::new(size.width(), size.height()))
            .ok_or_else(|| Error::raster_write("plate", format!("{plate_width} x {height} pixels cannot be drawn")))?;
        canvas.fill(opaque(BACKGROUND));
        let left = (plate_width - width) / 2;
        let target = canvas.pixels_mut();
        for y in 0..height {
            for x in 0..width {
                let colour = match self.outline {
                    Some((mask, colour)) if self.is_edge(mask, x, y, factor) => colour,
                    _ => self.pixels[y / factor * self.width + x / factor],
                };
                target[y * plate_width + left + x] = solid(colour);
            }
        }
        let mut middle = height as f32 + MARGIN / 2.0 + LINE_HEIGHT / 2.0;
        for (i, line) in self.caption.iter().enumerate() {
            let weight = if i == 0 { Weight::Bold } else { Weight::Regular };
            let line = text::fitted(line, weight, FONT_SIZE, plate_width as f32 - 2.0 * MARGIN);
            draw_text(&mut canvas, &line, weight, FONT_SIZE, TEXT, MARGIN, middle);
            middle += LINE_HEIGHT;
        }
        for line in legend {
            let mut x = MARGIN;
            for (colour, words) in line {
                fill(&mut canvas, *colour, x, middle - SWATCH / 2.0, SWATCH, SWATCH);
                draw_text(&mut canvas, words, Weight::Regular, FONT_SIZE, TEXT, x + SWATCH + 7.0, middle);
                x += entry_width(words);
            }
            middle += LINE_HEIGHT;
        }
        let mut right = plate_width as f32 - MARGIN;
        right = draw_north(&mut canvas, right, middle) - 1.4 * MARGIN;
        if let Some(pixel_m) = self.pixel_m.filter(|size| size.is_finite() && *size > 0.0) {
            draw_scale_bar(&mut canvas, pixel_m / factor as f64, (width as f64 / 4.0).max(40.0), right, middle);
        }
        Ok(picture(&canvas))
    }

    /// Whether a pixel of the plate lies on the inner edge of the mask: a line of two pixels.
    fn is_edge(&self, mask: &[bool], x: usize, y: usize, factor: usize) -> bool {
        let reach = factor.min(2);
        let is_in = |x: usize, y: usize| mask[y / factor * self.width + x / factor];
        let (width, height) = (self.width * factor, self.height * factor);
        is_in(x, y)
            && ((x >= reach && !is_in(x - reach, y))
                || (x + reach < width && !is_in(x + reach, y))
                || (y >= reach && !is_in(x, y - reach))
                || (y + reach < height && !is_in(x, y + reach)))
    }

    /// The entries of the legend, broken into lines of a width.
    fn legend_lines(&self, width: f32) -> Vec<Vec<&([u8; 3], String)>> {
        let mut lines: Vec<Vec<&([u8; 3], String)>> = Vec::new();
        let mut left = 0.0;
        for entry in &self.legend {
            let needed = entry_width(&entry.1);
            if left >= needed
                && let Some(line) = lines.last_mut()
            {
                line.push(entry);
            } else {
                lines.push(vec![entry]);
                left = width;
            }
            left -= needed;
        }
        lines
    }
}

/// Width of an entry of the legend with the gap behind it.
fn entry_width(words: &str) -> f32 {
    SWATCH + 7.0 + text::width(words, Weight::Regular, FONT_SIZE) + 1.6 * MARGIN
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: [u8; 3] = [200, 0, 0];
    const GREEN: [u8; 3] = [0, 120, 0];

    fn plate<'a>(pixels: &'a [[u8; 3]], mask: &'a [bool]) -> Plate<'a> {
        Plate {
            pixels,
            width: 50,
            height: 20,
            outline: Some((mask, RED)),
            caption: vec!["Quarry".to_owned(), "2024-07-01".to_owned()],
            legend: vec![(RED, "mapped".to_owned()), (GREEN, "a word ".repeat(12)), (GREEN, "b".repeat(90))],
            pixel_m: Some(10.0),
        }
    }

    #[test]
    fn small_areas_are_enlarged_and_outlined() {
        let pixels = vec![GREEN; 50 * 20];
        let mask: Vec<bool> =
            (0..50 * 20).map(|i| (10..40).contains(&(i % 50)) && (5..15).contains(&(i / 50))).collect();
        let drawn = plate(&pixels, &mask).draw().unwrap();
        assert_eq!(drawn.width, 1000, "20 pixels for each");
        assert!(drawn.height > 400);
        let at = |x: usize, y: usize| &drawn.rgb[(y * 1000 + x) * 3..][..3];
        assert_eq!(at(100, 150), GREEN, "outside");
        assert_eq!([at(200, 150), at(201, 150), at(799, 150)], [RED; 3], "on the line");
        assert_eq!(at(203, 150), GREEN, "inside");
        assert_eq!(plate(&pixels, &mask).legend_lines(600.0).len(), 3);
    }

    #[test]
    fn areas_of_one_pixel_can_be_drawn() {
        let one = Plate {
            pixels: &[GREEN],
            width: 1,
            height: 1,
            outline: None,
            caption: Vec::new(),
            legend: Vec::new(),
            pixel_m: None,
        };
        assert_eq!(one.draw().unwrap().width, 1000);
    }
}
