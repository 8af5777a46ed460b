//! A scene without clouds, of several with some: the median of what was clear.

use std::path::Path;

use rayon::prelude::*;

use crate::cog::{BandMeta, CogOptions, CogWriter};
use crate::patch::{BandNormalisation, PatchReader, Validity};
use crate::{Band, Pixels, Result, Scene};

/// Writes the median reflectance of the clear pixels of several scenes on the grid of the first, one band after the other, NaN where
/// none was clear; and says how many scenes went in. Scenes on other pixels than the first's are left out.
///
/// The median is the lower one of an even number: every value is one that was measured.
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
    let options = CogOptions {
        bands: bands.iter().map(|band| BandMeta::named(band.to_string())).collect(),
        metadata: vec![("COMPOSITE".to_owned(), used.join(" "))],
        ..CogOptions::default()
    };
    let mut cog = CogWriter::create(path, &grid, options)?;
    let values: Vec<Pixels> = (0..bands.len()).map(|band| Pixels::F32(median(band))).collect();
    cog.write_rows(&values)?;
    cog.finish()?;
    used.sort();
    Ok(used)
}
