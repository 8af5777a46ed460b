//! The map of a unit, on the pixels of its tile.

use std::sync::Arc;

use minesegsat_core::{Error, Grid, Result, Window};
use minesegsat_io::{Location, Pixels, RasterSource, open_raster};
use minesegsat_map::change::shift;
use minesegsat_scene::manifest::OutputRecord;

use crate::project::{PROBABILITY, Project, Unit, UnitState};
use crate::store::LocalFile;

/// The map of a unit, open for reading.
#[derive(Debug)]
pub(crate) struct UnitMap {
    raster: Arc<dyn RasterSource>,
    /// Column and row of its first pixel on the tile.
    place: (i64, i64),
    /// Probability that is assumed where the unit's scenes show nothing; NaN if they show nothing at all.
    pub(crate) assumed: f32,
    /// Kept as long as it is read.
    _file: LocalFile,
}

impl UnitMap {
    /// Opens the map of a unit of a tile with this grid. `None` if the unit is not mapped.
    ///
    /// # Errors
    /// The record or the map cannot be read; its pixels are not those of the tile; it is not the map that the record is about.
    pub(crate) fn open(project: &Project, unit: &Unit, tile: &Grid) -> Result<Option<Self>> {
        let record = project.record(unit)?;
        if record.state != UnitState::Done {
            return Ok(None);
        }
        let file = project.bring(unit, PROBABILITY)?;
        let raster = open_raster(&Location::from(file.path.as_path()))?;
        let place_in_store = project.unit_store(unit).path_of(PROBABILITY);
        let fail = |reason: String| Err(Error::raster(place_in_store.display().to_string(), reason));
        let Some(place) = shift(tile, &raster.info().grid) else {
            return fail(format!("its pixels are not those of tile {}", project.tile(unit).name));
        };
        let hash = OutputRecord::from_file(PROBABILITY, &file.path)?;
        if hash.sha256 != record.sha256 {
            return fail(format!("it is not the map that the record of unit {} is about", unit.id));
        }
        // Without a seen pixel nothing can be assumed for the others.
        let assumed = record.mean_probability.map_or(f32::NAN, |mean| mean as f32);
        Ok(Some(Self { raster, place, assumed, _file: file }))
    }

    /// Reads the probabilities of a window of the tile. Pixels beyond the map are left as they are.
    ///
    /// # Shapes
    /// - `out`: `[H, W]` of the window
    ///
    /// # Errors
    /// The map cannot be read, or does not hold probabilities.
    pub(crate) fn read(&self, window: Window, out: &mut [f32]) -> Result<()> {
        let grid = &self.raster.info().grid;
        let overlap = |start: i64, len: usize, from: usize, count: usize| {
            let first = start.max(from as i64);
            let end = (start + len as i64).min((from + count) as i64);
            (first < end).then(|| (first as usize, (end - first) as usize))
        };
        let (map_col, map_row) = self.place;
        let (Some((first_row, rows)), Some((first_col, cols))) = (
            overlap(map_row, grid.height, window.row, window.height),
            overlap(map_col, grid.width, window.col, window.width),
        ) else {
            return Ok(());
        };
        let (col, row) = ((first_col as i64 - map_col) as usize, (first_row as i64 - map_row) as usize);
        let fail = |reason: String| Err(Error::raster(self.raster.info().location.clone(), reason));
        let Pixels::F32(values) = self.raster.read(0, Window::new(col, row, cols, rows))? else {
            return fail("it does not hold probabilities of type F32".to_owned());
        };
        if let Some(wrong) = values.iter().find(|p| !p.is_nan() && !(0.0..=1.0).contains(*p)) {
            return fail(format!("{wrong} is not a probability, 0 to 1"));
        }
        for (i, values) in values.chunks_exact(cols).enumerate() {
            let at = (first_row - window.row + i) * window.width + first_col - window.col;
            out[at..][..cols].copy_from_slice(values);
        }
        Ok(())
    }
}
