//! A small true-colour picture of a scene with its polygons: [`Quicklook`], and pictures to show: [`Plate`].
//!
//! Rows are averaged into the picture's pixels as they arrive, so memory depends only on the size of the picture.

pub(crate) mod draw;
mod plate;
pub(crate) mod text;

use std::path::Path;

use fs_err as fs;
use geo::MultiPolygon;

use draw::{Canvas, FOOTER_HEIGHT};
use minesegsat_core::{Error, Result};
pub use plate::Plate;

/// Settings of a [`Quicklook`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuicklookOptions {
    /// Maximum width and height of the picture, in pixels.
    pub max_side: usize,
    /// Target for the longer side of small scenes, in pixels. They are enlarged by a whole factor.
    pub min_side: usize,
    /// Percentages of the values that become black and full colour.
    pub stretch_percent: (f64, f64),
    /// Brightens dark tones: out = in ^ (1 / gamma).
    pub gamma: f32,
    /// Pixel width of the scene in metres, for the scale bar. `None`: no scale bar.
    pub pixel_size_m: Option<f64>,
}

impl Default for QuicklookOptions {
    fn default() -> Self {
        Self { max_side: 1600, min_side: 512, stretch_percent: (2.0, 98.0), gamma: 1.3, pixel_size_m: None }
    }
}

/// State of a pixel of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    NoData,
    NotAssessable,
    Valid,
}

/// Sums of an unfinished row of the picture.
#[derive(Debug, Clone, Default)]
struct Sums {
    /// Weighted sums of red, green and blue, the weight of the pixels with data, and the weight of valid pixels.
    columns: Vec<[f32; 5]>,
}

/// An unfinished picture.
///
/// ```
/// use minesegsat_map::quicklook::{Quicklook, QuicklookOptions};
///
/// let mut quicklook = Quicklook::new(2, 1, QuicklookOptions::default());
/// quicklook.push_rows([&[0.1, 0.2], &[0.1, 0.2], &[0.1, 0.2]], &[1, 1], 1)?;
/// let picture = quicklook.render(&[], "two pixels");
/// assert!(picture.width >= 512);
/// # Ok::<(), minesegsat_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Quicklook {
    /// Size of the scene.
    width: usize,
    height: usize,
    /// Size of the decimated scene.
    columns: usize,
    rows: usize,
    /// Picture pixels per pixel of the decimated scene.
    enlargement: usize,
    options: QuicklookOptions,
    /// Number of scene rows received.
    pushed: usize,
    /// The current row of the decimated scene and the next one. One row of the scene may touch both.
    sums: [Sums; 2],
    /// The decimated scene, `[rows, columns]`: reflectance and state.
    pixels: Vec<([f32; 3], State)>,
}

impl Quicklook {
    /// Starts a picture of a scene of `width` x `height` pixels.
    pub fn new(width: usize, height: usize, options: QuicklookOptions) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        let max_rows = options.max_side.saturating_sub(FOOTER_HEIGHT).max(1);
        let max_columns = options.max_side.max(1);
        let scale = (max_columns as f64 / width as f64).min(max_rows as f64 / height as f64);
        let side = |pixels: usize| ((pixels as f64 * scale.min(1.0)).round() as usize).max(1);
        let wanted = options.min_side.div_ceil(width.max(height)).max(1);
        let enlargement = wanted.min(scale.floor().max(1.0) as usize);
        let (columns, rows) = (side(width), side(height));
        let sums = Sums { columns: vec![[0.0; 5]; columns] };
        Self {
            width,
            height,
            columns,
            rows,
            enlargement,
            options,
            pushed: 0,
            sums: [sums.clone(), sums],
            pixels: Vec::with_capacity(columns * rows),
        }
    }

    /// Adds the next rows of the scene.
    ///
    /// # Shapes
    /// - `rgb`: red, green and blue reflectance, each `[rows, width]`; NaN without data
    /// - `valid`: `[rows, width]`, 0 where the scene cannot be assessed (cloud, shadow, no data)
    pub fn push_rows(&mut self, rgb: [&[f32]; 3], valid: &[u8], rows: usize) -> Result<()> {
        let pixels = rows * self.width;
        if rgb.iter().any(|band| band.len() != pixels) || valid.len() != pixels || self.pushed + rows > self.height {
            return Err(Error::Argument {
                name: "rows of the quicklook",
                value: format!("{rows} after {}", self.pushed),
                accepted: format!("whole rows of {} pixels, {} in all", self.width, self.height),
            });
        }
        let mut line = vec![[0.0; 5]; self.columns];
        for start in (0..pixels).step_by(self.width) {
            let row = start..start + self.width;
            line.fill([0.0; 5]);
            self.add_columns(rgb.map(|band| &band[row.clone()]), &valid[row], &mut line);
            self.add_row(&line);
        }
        Ok(())
    }

    /// Sums a row of the scene into the columns of the picture.
    fn add_columns(&self, rgb: [&[f32]; 3], valid: &[u8], line: &mut [[f32; 5]]) {
        for (x, (((&red, &green), &blue), &is_valid)) in rgb[0].iter().zip(rgb[1]).zip(rgb[2]).zip(valid).enumerate() {
            if !(red + green + blue).is_finite() {
                continue;
            }
            for (column, weight) in shares(x, self.width, self.columns) {
                let sums = &mut line[column];
                sums[0] += red * weight;
                sums[1] += green * weight;
                sums[2] += blue * weight;
                sums[3] += weight;
                sums[4] += if is_valid == 0 { 0.0 } else { weight };
            }
        }
    }

    /// Adds a row of the scene to the rows of the picture and finishes full rows.
    fn add_row(&mut self, line: &[[f32; 5]]) {
        let making = self.pixels.len() / self.columns;
        for (row, weight) in shares(self.pushed, self.height, self.rows) {
            for (sums, values) in self.sums[row - making].columns.iter_mut().zip(line) {
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += value * weight;
                }
            }
        }
        self.pushed += 1;
        // Row j of the picture is full when row `pushed` of the scene begins at or after its end.
        if self.pushed * self.rows >= (making + 1) * self.height {
            let full = self.width as f32 / self.columns as f32 * self.height as f32 / self.rows as f32;
            for &[red, green, blue, there, valid] in &self.sums[0].columns {
                let state = if there < 0.5 * full {
                    State::NoData
                } else if valid < 0.5 * full {
                    State::NotAssessable
                } else {
                    State::Valid
                };
                let scale = if there > 0.0 { 1.0 / there } else { 0.0 };
                self.pixels.push(([red * scale, green * scale, blue * scale], state));
            }
            self.sums.swap(0, 1);
            self.sums[1].columns.fill([0.0; 5]);
        }
    }

    /// Renders the picture: stretched colours, polygon outlines, and a footer with caption, legend and scale bar.
    ///
    /// Polygons are in pixel coordinates of the scene, (0, 0) at the upper left corner of the first pixel. Missing
    /// rows are drawn as missing data.
    pub fn render(&self, polygons: &[MultiPolygon<f64>], caption: &str) -> Picture {
        let stretch = Stretch::fit(&self.pixels, &self.options);
        let mut canvas = Canvas::new(self.columns * self.enlargement, self.rows * self.enlargement);
        canvas.draw_scene(self.enlargement, self.columns, &self.pixels, &stretch);
        let scale_x = (self.columns * self.enlargement) as f64 / self.width as f64;
        let scale_y = (self.rows * self.enlargement) as f64 / self.height as f64;
        canvas.draw_outlines(polygons, scale_x, scale_y);
        let is_partly_unknown = self.pixels.iter().any(|(_, state)| *state == State::NotAssessable);
        canvas.draw_footer(caption, self.options.pixel_size_m.map(|size| size / scale_x), is_partly_unknown);
        canvas.into_picture()
    }
}

/// A finished picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `[height, width, 3]`: red, green, blue.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// Writes the picture as PNG.
    pub fn write_png(&self, path: &Path) -> Result<()> {
        let fail = |error: png::EncodingError| match error {
            png::EncodingError::IoError(error) => Error::Io(error),
            other => Error::raster_write(path, "").caused_by(other),
        };
        let file = std::io::BufWriter::new(fs::File::create(path)?);
        let mut encoder = png::Encoder::new(file, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().map_err(fail)?;
        writer.write_image_data(&self.rgb).map_err(fail)?;
        writer.finish().map_err(fail)
    }
}

/// Coarse pixels that overlap the fine pixel `index`, each with the overlapping part of the fine pixel.
fn shares(index: usize, fine: usize, coarse: usize) -> impl Iterator<Item = (usize, f32)> {
    let first = index * coarse / fine;
    // In units of 1 / (fine x coarse): the fine pixel ends at (index + 1) x coarse, the coarse one at (first + 1) x fine.
    let over = ((index + 1) * coarse).saturating_sub((first + 1) * fine) as f32 / coarse as f32;
    [(first, 1.0 - over), (first + 1, over)].into_iter().filter(|&(_, weight)| weight > 0.0)
}

/// Minimum range of the stretch, 5 % of reflectance, so that noise in a flat scene stays faint.
const LEAST_RANGE: f32 = 0.05;

/// Conversion of reflectance to brightness, band by band.
#[derive(Debug)]
struct Stretch {
    low: [f32; 3],
    range: [f32; 3],
    exponent: f32,
}

impl Stretch {
    /// Computes percentiles of the valid pixels, or of all pixels with data if none is valid.
    fn fit(pixels: &[([f32; 3], State)], options: &QuicklookOptions) -> Self {
        // Half a million values are enough for a percentile.
        let step = (pixels.len() >> 19).max(1);
        let of_state = |at_least: fn(State) -> bool| {
            pixels
                .iter()
                .step_by(step)
                .filter(move |(_, state)| at_least(*state))
                .map(|(rgb, _)| *rgb)
                .collect::<Vec<_>>()
        };
        let mut chosen = of_state(|state| state == State::Valid);
        if chosen.is_empty() {
            chosen = of_state(|state| state != State::NoData);
        }
        let (mut low, mut range) = ([0.0; 3], [1.0; 3]);
        if !chosen.is_empty() {
            for band in 0..3 {
                let mut values: Vec<f32> = chosen.iter().map(|rgb| rgb[band]).collect();
                let mut percentile = |percent: f64| {
                    let place = ((values.len() - 1) as f64 * percent / 100.0).round() as usize;
                    *values.select_nth_unstable_by(place.min(chosen.len() - 1), f32::total_cmp).1
                };
                low[band] = percentile(options.stretch_percent.0);
                range[band] = percentile(options.stretch_percent.1) - low[band];
            }
            // Each range moves part of the way (on a logarithmic scale) to the widest range. Separate ranges
            // exaggerate colours, one common range leaves a cast.
            let widest = range.into_iter().fold(LEAST_RANGE, f32::max);
            for band in 0..3 {
                let wanted = (range[band].max(0.0).powf(0.75) * widest.powf(0.25)).max(LEAST_RANGE);
                if range[band] < LEAST_RANGE {
                    low[band] -= (wanted - range[band]) / 2.0;
                }
                range[band] = wanted;
            }
        }
        Self { low, range, exponent: 1.0 / options.gamma }
    }

    fn brightness(&self, rgb: [f32; 3]) -> [u8; 3] {
        std::array::from_fn(|band| {
            let part = ((rgb[band] - self.low[band]) / self.range[band]).clamp(0.0, 1.0);
            (part.powf(self.exponent) * 255.0).round() as u8
        })
    }
}

#[cfg(test)]
mod tests {
    use geo::{LineString, Polygon};

    use super::*;

    fn grey(pixels: usize, value: f32) -> Vec<f32> {
        vec![value; pixels]
    }

    #[test]
    fn shares_of_a_pixel_add_up_and_fill_every_coarse_pixel_alike() {
        for (fine, coarse) in [(10, 10), (7, 3), (1933, 1545), (5, 1)] {
            let mut filled = vec![0.0; coarse];
            for index in 0..fine {
                for (place, weight) in shares(index, fine, coarse) {
                    filled[place] += weight;
                }
            }
            let each = fine as f32 / coarse as f32;
            assert!(filled.iter().all(|sum| (sum - each).abs() < 1e-3), "{fine} into {coarse}: {filled:?}");
        }
    }

    #[test]
    fn rows_are_averaged_alike_however_they_are_divided() {
        let (width, height) = (37, 23);
        let options = QuicklookOptions { max_side: 60, min_side: 1, ..QuicklookOptions::default() };
        let band: Vec<f32> = (0..width * height).map(|i| ((i * 31) % 97) as f32 / 97.0).collect();
        let valid: Vec<u8> = (0..width * height).map(|i| u8::from(i % 11 > 0)).collect();
        let picture = |rows_per_call: usize| {
            let mut quicklook = Quicklook::new(width, height, options);
            assert_eq!((quicklook.columns, quicklook.rows), (26, 16), "44 rows are the footer's");
            for row in (0..height).step_by(rows_per_call) {
                let rows = rows_per_call.min(height - row);
                let part = row * width..(row + rows) * width;
                let rgb = [&band[part.clone()]; 3];
                quicklook.push_rows(rgb, &valid[part], rows).expect("whole rows");
            }
            assert_eq!(quicklook.pixels.len(), 26 * 16);
            quicklook.render(&[], "")
        };
        assert!(picture(1) == picture(23));
    }

    #[test]
    fn means_skip_missing_pixels_and_states_follow_the_larger_part() {
        let options = QuicklookOptions { max_side: 2 + FOOTER_HEIGHT, min_side: 1, ..QuicklookOptions::default() };
        let mut quicklook = Quicklook::new(2, 8, options);
        assert_eq!((quicklook.columns, quicklook.rows), (1, 2));
        let nan = f32::NAN;
        let band = [0.1, 0.3, nan, nan, 0.1, 0.3, 0.2, 0.2, nan, nan, nan, nan, nan, 0.5, 0.2, nan];
        let valid = [1, 1, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
        quicklook.push_rows([&band; 3], &valid, 8).expect("all rows");
        let [(first, first_state), (_, second_state)] = quicklook.pixels[..] else { panic!("two pixels") };
        assert!((first[0] - 0.2).abs() < 1e-6, "{first:?}");
        assert_eq!((first_state, second_state), (State::NotAssessable, State::NoData));
    }

    #[test]
    fn constant_and_empty_scenes_have_a_picture() {
        for (value, is_valid) in [(0.3, 1), (0.0, 1), (f32::NAN, 0), (0.3, 0)] {
            let mut quicklook = Quicklook::new(30, 20, QuicklookOptions::default());
            let band = grey(600, value);
            quicklook.push_rows([&band; 3], &vec![is_valid; 600], 20).expect("all rows");
            let picture =
                quicklook.render(&[], "a caption that is far too long for a picture that is this small, so it is cut");
            assert_eq!((picture.width, picture.height), (540, 360 + FOOTER_HEIGHT as u32));
            assert_eq!(picture.rgb.len(), 540 * (360 + FOOTER_HEIGHT) * 3);
        }
        let mut quicklook = Quicklook::new(1, 3000, QuicklookOptions::default());
        assert!(quicklook.push_rows([&[0.0]; 3], &[1], 2).is_err(), "not whole rows");
        assert!(quicklook.render(&[], "rows are missing").width >= 300);
    }

    #[test]
    fn outlines_lie_on_the_edges_of_their_pixels() {
        let mut quicklook = Quicklook::new(100, 100, QuicklookOptions::default());
        let band = grey(10_000, 0.2);
        quicklook.push_rows([&band; 3], &[1; 10_000], 100).expect("all rows");
        let square = |a: f64, b: f64| LineString::from(vec![(a, a), (b, a), (b, b), (a, b), (a, a)]);
        let with_hole = MultiPolygon(vec![Polygon::new(square(20.0, 80.0), vec![square(40.0, 60.0)])]);
        let picture = quicklook.render(&[with_hole], "");
        let enlargement = 6;
        let is_orange = |x: usize, y: usize| {
            let at = (y * picture.width as usize + x) * 3;
            picture.rgb[at] > 200 && picture.rgb[at + 2] < 60
        };
        let middle = 50 * enlargement;
        let orange: Vec<usize> = (0..600).filter(|&x| is_orange(x, middle)).collect();
        let near = |edge: usize| orange.iter().filter(|&&x| x.abs_diff(edge * enlargement) <= 1).count();
        assert!([20, 40, 60, 80].into_iter().all(|edge| near(edge) > 0), "{orange:?}");
        assert_eq!(orange.len(), [20, 40, 60, 80].map(near).iter().sum::<usize>(), "{orange:?}");
    }

    #[test]
    fn pictures_are_read_back_from_png() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("quicklook.png");
        let picture = Picture { width: 2, height: 1, rgb: vec![1, 2, 3, 4, 5, 6] };
        picture.write_png(&path).expect("written");
        let file = std::io::BufReader::new(std::fs::File::open(&path).expect("file"));
        let mut reader = png::Decoder::new(file).read_info().expect("PNG");
        let mut bytes = vec![0; reader.output_buffer_size().expect("size")];
        let info = reader.next_frame(&mut bytes).expect("frame");
        assert_eq!((info.width, info.height, &bytes[..]), (2, 1, &picture.rgb[..]));
        let nowhere = folder.path().join("missing/quicklook.png");
        assert!(picture.write_png(&nowhere).expect_err("no folder").to_string().contains("missing"));
    }
}
