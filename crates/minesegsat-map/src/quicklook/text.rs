//! One line of text as an outline, in the embedded fonts.

use tiny_skia::{Path, PathBuilder};
use ttf_parser::{Face, OutlineBuilder};

/// The fonts in the program: DejaVu Sans Condensed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

impl Weight {
    fn face(self) -> Option<Face<'static>> {
        let font: &[u8] = match self {
            Self::Regular => dejavu::sans_condensed::regular(),
            Self::Bold => dejavu::sans_condensed::bold(),
        };
        Face::parse(font, 0).ok()
    }
}

/// Moves and scales glyphs into the path while they are outlined.
struct Placed {
    path: PathBuilder,
    scale: f32,
    x: f32,
    baseline: f32,
}

impl Placed {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.baseline - y * self.scale)
    }
}

impl OutlineBuilder for Placed {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

/// Outline of a line of text on `baseline` that starts at `x`. `None` if there is nothing to draw.
pub(crate) fn outline(text: &str, weight: Weight, size: f32, x: f32, baseline: f32) -> Option<Path> {
    let face = weight.face()?;
    let scale = size / f32::from(face.units_per_em());
    let mut placed = Placed { path: PathBuilder::new(), scale, x, baseline };
    for letter in text.chars() {
        // Glyph 0 is the box for missing letters.
        let glyph = face.glyph_index(letter).unwrap_or_default();
        face.outline_glyph(glyph, &mut placed);
        placed.x += f32::from(face.glyph_hor_advance(glyph).unwrap_or_default()) * scale;
    }
    placed.path.finish()
}

/// Width of a line of text in pixels.
pub(crate) fn width(text: &str, weight: Weight, size: f32) -> f32 {
    let Some(face) = weight.face() else { return 0.0 };
    let advance = |letter| face.glyph_hor_advance(face.glyph_index(letter).unwrap_or_default()).unwrap_or_default();
    text.chars().map(|letter| f32::from(advance(letter))).sum::<f32>() * size / f32::from(face.units_per_em())
}

/// The text, shortened with an ellipsis if it is wider than `space`.
pub(crate) fn fitted(text: &str, weight: Weight, size: f32, space: f32) -> String {
    if width(text, weight, size) <= space {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    (0..letters.len())
        .rev()
        .map(|kept| letters[..kept].iter().collect::<String>().trim_end().to_owned() + "…")
        .find(|cut| width(cut, weight, size) <= space)
        .unwrap_or_default()
}
