//! True-colour pictures of a site's window for its page, rendered the same way on all dates.

use std::path::Path;

use minesegsat_core::{Grid, Result};
use minesegsat_map::change::picture::TrueColour;
use minesegsat_map::preview::png;
use minesegsat_scene::Scene;

/// Writes the picture of a scene on a grid. Returns `false` if required bands are missing.
pub(super) fn write(path: &Path, scene: &Scene, grid: &Grid) -> Result<bool> {
    let Some(picture) = TrueColour::read(scene, grid)? else { return Ok(false) };
    let pixels = TrueColour::rendered(&[&picture]).swap_remove(0);
    minesegsat_core::output::atomic_write(path, &png(&pixels, picture.width, picture.height)?)?;
    Ok(true)
}
