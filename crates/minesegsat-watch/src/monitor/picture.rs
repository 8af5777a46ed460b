//! True-colour pictures of a site's window for its page, with one stretch of brightness on all dates.

use std::path::Path;

use minesegsat_core::{Grid, Result};
use minesegsat_map::change::picture::TrueColour;
use minesegsat_map::preview::{Stretch, png_with_texts};
use minesegsat_scene::Scene;

/// Keyword of the text in a picture that holds its [`Stretch`].
const STRETCH: &str = "minesegsat-stretch";

/// Writes the picture of a scene on a grid. Returns `false` if required bands are missing.
///
/// The stretch is that of the picture `like`, so that both are comparable; without it, the one that suits the scene.
pub(super) fn write(path: &Path, scene: &Scene, grid: &Grid, like: Option<&Path>) -> Result<bool> {
    let Some(picture) = TrueColour::read(scene, grid)? else { return Ok(false) };
    let known = like.and_then(|like| stretch_of(&fs_err::read(like).ok()?));
    let stretch = known.unwrap_or_else(|| TrueColour::common_stretch(&[&picture]));
    let (pixels, text) = (picture.stretched(&stretch), stretch.to_string());
    let bytes = png_with_texts(&pixels, picture.width, picture.height, &[(STRETCH, &text)])?;
    minesegsat_core::output::atomic_write(path, &bytes)?;
    Ok(true)
}

/// The stretch of brightness that the picture of an observation was made with, from its PNG. `None` in pictures of older versions.
pub fn stretch_of(png: &[u8]) -> Option<Stretch> {
    let reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().ok()?;
    let texts = &reader.info().uncompressed_latin1_text;
    texts.iter().find(|text| text.keyword == STRETCH)?.text.parse().ok()
}
