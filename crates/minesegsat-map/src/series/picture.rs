//! A picture of a series, `onset.png`: new land in the colour of its date, with a legend.

use jiff::civil::Date;
use tiny_skia::Pixmap;

use crate::preview::{ColourMap, png};
use crate::quicklook::draw::{BACKGROUND, TEXT, draw_text, fill, opaque};
use crate::quicklook::text::{self, Weight};
use minesegsat_core::Result;
use minesegsat_core::pixel_class::{HISTORY_PALETTE, LandHistory};

/// Longest side of the map in the picture, in pixels.
const LONGEST: usize = 1400;
/// Least width of the picture, so that the legend fits.
const MIN_WIDTH: usize = 620;
/// Height of the legend.
const LEGEND: usize = 44;
const MARGIN: f32 = 14.0;
const FONT_SIZE: f32 = 15.0;
/// Width and height of a colour in the legend.
const RAMP: f32 = 120.0;
const SWATCH: f32 = 14.0;
/// Undisturbed land, and land that no date shows.
const UNDISTURBED: [u8; 3] = [58, 60, 64];
const HIDDEN: [u8; 3] = [96, 100, 106];

/// Colour (red, green, blue) of an onset by its position in time, from violet at 0 (first date) to pale yellow at 1 (last date).
/// Positions outside take the colour of the end.
pub fn onset_colour(position: f64) -> [u8; 3] {
    // The darker part of the map does not differ enough from undisturbed land.
    const DARKEST: f64 = 5.0 / 17.0;
    ColourMap::MAGMA.colour((DARKEST + (1.0 - DARKEST) * position.clamp(0.0, 1.0)) as f32)
}

/// The picture, filled while rows arrive.
pub(super) struct OnsetPicture {
    /// Grid pixels per picture pixel, along each axis.
    factor: usize,
    width: usize,
    height: usize,
    /// The most important class of each picture pixel, and the latest onset in it.
    classes: Vec<u8>,
    onsets: Vec<u16>,
}

/// Order of classes in a picture pixel: small new land must not vanish in a reduced picture.
fn importance(class: u8) -> u8 {
    const ORDER: [LandHistory; 7] = [
        LandHistory::NotAssessable,
        LandHistory::Undisturbed,
        LandHistory::Disturbed,
        LandHistory::RegrownProvisional,
        LandHistory::Regrown,
        LandHistory::NewProvisional,
        LandHistory::New,
    ];
    ORDER.iter().position(|known| *known as u8 == class).unwrap_or(0) as u8
}

impl OnsetPicture {
    pub(super) fn new(width: usize, height: usize) -> Self {
        let factor = width.max(height).div_ceil(LONGEST).max(1);
        let (width, height) = (width.div_ceil(factor), height.div_ceil(factor));
        let classes = vec![LandHistory::NotAssessable as u8; width * height];
        Self { factor, width, height, classes, onsets: vec![0; width * height] }
    }

    /// Adds rows of the grid, `[rows, width]` each.
    pub(super) fn add(&mut self, first_row: usize, grid_width: usize, states: &[u8], onsets: &[u16]) {
        for (i, (&state, &onset)) in states.iter().zip(onsets).enumerate() {
            let (row, col) = ((first_row + i / grid_width) / self.factor, i % grid_width / self.factor);
            let at = row * self.width + col;
            if importance(state) >= importance(self.classes[at]) {
                self.classes[at] = state;
            }
            self.onsets[at] = self.onsets[at].max(onset);
        }
    }

    /// The PNG with its legend. The colours run from the first to the last date.
    pub(super) fn render(&self, dates: [Date; 2], days: [i32; 2]) -> Result<Vec<u8>> {
        let width = self.width.max(MIN_WIDTH);
        let left = (width - self.width) / 2;
        let mut pixels = vec![BACKGROUND; width * (self.height + LEGEND)];
        let of_class = |class: LandHistory| HISTORY_PALETTE[class as usize];
        let is = |class: u8, of: LandHistory| class == of as u8;
        for (i, (&class, &onset)) in self.classes.iter().zip(&self.onsets).enumerate() {
            let position = f64::from(i32::from(onset) - days[0]) / f64::from(days[1] - days[0]).max(1.0);
            pixels[i / self.width * width + left + i % self.width] = if is(class, LandHistory::NotAssessable) {
                HIDDEN
            } else if is(class, LandHistory::Undisturbed) {
                UNDISTURBED
            } else if is(class, LandHistory::Disturbed) {
                of_class(LandHistory::Disturbed)
            } else if is(class, LandHistory::New) || is(class, LandHistory::NewProvisional) {
                onset_colour(position)
            } else {
                of_class(LandHistory::RegrownProvisional)
            };
        }
        if let Some(legend) = legend(width, dates) {
            let start = self.height * width;
            for (pixel, of_legend) in pixels[start..].iter_mut().zip(legend.pixels()) {
                *pixel = [of_legend.red(), of_legend.green(), of_legend.blue()];
            }
        }
        png(&pixels, width, self.height + LEGEND)
    }
}

/// The strip below the picture that explains its colours.
fn legend(width: usize, [first, last]: [Date; 2]) -> Option<Pixmap> {
    let mut pixmap = Pixmap::new(width as u32, LEGEND as u32)?;
    pixmap.fill(opaque(BACKGROUND));
    let middle = LEGEND as f32 / 2.0;
    let mut x = MARGIN;
    let write = |pixmap: &mut Pixmap, words: &str, x: &mut f32| {
        draw_text(pixmap, words, Weight::Regular, FONT_SIZE, TEXT, *x, middle);
        *x += text::width(words, Weight::Regular, FONT_SIZE);
    };
    write(&mut pixmap, &format!("new since {first} "), &mut x);
    for step in 0..RAMP as usize {
        let colour = onset_colour(step as f64 / f64::from(RAMP));
        fill(&mut pixmap, colour, x + step as f32, middle - SWATCH / 2.0, 1.0, SWATCH);
    }
    x += RAMP;
    write(&mut pixmap, &format!(" {last}"), &mut x);
    let others = [
        ("disturbed before", HISTORY_PALETTE[LandHistory::Disturbed as usize]),
        ("regrown", HISTORY_PALETTE[LandHistory::RegrownProvisional as usize]),
    ];
    for (words, colour) in others {
        x += 1.5 * MARGIN;
        fill(&mut pixmap, colour, x, middle - SWATCH / 2.0, SWATCH, SWATCH);
        x += SWATCH + 6.0;
        write(&mut pixmap, words, &mut x);
    }
    Some(pixmap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_land_has_the_colour_of_its_date_and_is_never_averaged_away() {
        // Twice as wide as the longest picture: pixels are reduced by two.
        let mut picture = OnsetPicture::new(2 * LONGEST, 2);
        let mut states = vec![LandHistory::Undisturbed as u8; 4 * LONGEST];
        let mut onsets = vec![0; 4 * LONGEST];
        (states[3], onsets[3]) = (LandHistory::New as u8, 200);
        states[2 * LONGEST] = LandHistory::Disturbed as u8;
        picture.add(0, 2 * LONGEST, &states[..2 * LONGEST], &onsets[..2 * LONGEST]);
        picture.add(1, 2 * LONGEST, &states[2 * LONGEST..], &onsets[2 * LONGEST..]);
        assert_eq!((picture.factor, picture.width, picture.height), (2, LONGEST, 1));
        let dates = [jiff::civil::date(1970, 4, 11), jiff::civil::date(1970, 7, 20)];
        let bytes = picture.render(dates, [100, 200]).unwrap();
        let mut reader = ::png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels[..9], [[215, 205, 165], [252, 253, 191], UNDISTURBED].concat());
        assert_eq!(
            (onset_colour(0.0), onset_colour(1.0), onset_colour(2.0)),
            ([98, 25, 128], [252, 253, 191], [252, 253, 191])
        );
    }
}
