//! True-colour pictures of a site's window for its page, all dates alike.

use std::path::Path;

use crate::change::picture::TrueColour;
use crate::preview::png;
use crate::{Grid, Result, Scene};

/// Writes the picture of a scene on a grid; `false` where it cannot be made, since bands lack.
pub(super) fn write(path: &Path, scene: &Scene, grid: &Grid) -> Result<bool> {
    let Some(picture) = TrueColour::of(scene, grid)? else { return Ok(false) };
    let pixels = TrueColour::rendered(&[&picture]).swap_remove(0);
    crate::output::atomic_write(path, &png(&pixels, picture.width, picture.height)?)?;
    Ok(true)
}
