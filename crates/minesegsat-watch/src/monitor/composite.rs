//! Cloud-free composite of several scenes: the median of their clear pixels.

use std::path::Path;

use rayon::prelude::*;

use minesegsat_core::model_description::BandNormalisation;
use minesegsat_core::{Band, Result};
use minesegsat_io::Pixels;
use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter};
use minesegsat_scene::patch::{PatchReader, Validity};
use minesegsat_scene::{Scene, SclClass};

/// Writes the median reflectance of the clear pixels of several scenes on the grid of the first scene, band by band. Pixels
/// that are never clear are NaN. A band `SCL` says which pixels are clear. Scenes with another grid or without the bands
/// are left out. Returns the names of the scenes used, sorted.
///
/// Of an even number of values, the lower median is used, so that every value was really measured.
pub(super) fn write(path: &Path, scenes: &[Scene], bands: &[Band]) -> Result<Vec<String>> {
    let grid = scenes[0].grid().clone();
    let mut used = Vec::new();
    let mut patches = Vec::new();
    for scene in scenes {
        if scene.grid() != &grid || scene.require(bands).is_err() {
            continue;
        }
        let reader = PatchReader::new(scene, bands, &vec![BandNormalisation::IDENTITY; bands.len()])?;
        patches.push(reader.read(grid.full_window().into())?);
        used.push(scene.info().name.clone());
    }
    let pixels = grid.width * grid.height;
    let median = |band: usize| -> Vec<f32> {
        (0..pixels)
            .into_par_iter()
            .map(|i| {
                let mut values: Vec<f32> = patches
                    .iter()
                    .filter(|patch| patch.validity[i] == Validity::Assessable as u8)
                    .map(|patch| patch.data[band * pixels + i])
                    .collect();
                if values.is_empty() {
                    return f32::NAN;
                }
                let middle = (values.len() - 1) / 2;
                *values.select_nth_unstable_by(middle, f32::total_cmp).1
            })
            .collect()
    };
    // Hidden pixels are left out already, so the classes say which ones were clear.
    let clear = |i: usize| patches.iter().any(|patch| patch.validity[i] == Validity::Assessable as u8);
    let class = |i: usize| if clear(i) { f32::from(SclClass::Unclassified.value()) } else { f32::NAN };
    let options = CogOptions {
        bands: bands.iter().map(ToString::to_string).chain(["SCL".to_owned()]).map(BandMeta::named).collect(),
        metadata: vec![("COMPOSITE".to_owned(), used.join(" "))],
        ..CogOptions::default()
    };
    let mut cog = CogWriter::create(path, &grid, options)?;
    let mut values: Vec<Pixels> = (0..bands.len()).map(|band| Pixels::F32(median(band))).collect();
    values.push(Pixels::F32((0..pixels).map(class).collect()));
    cog.write_rows(&values)?;
    cog.finish()?;
    used.sort();
    Ok(used)
}
