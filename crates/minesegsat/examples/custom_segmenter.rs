//! Maps a scene with a segmenter of one's own: here a threshold of the bare soil index, without any network.
//!
//! ```sh
//! cargo run --release -p minesegsat --example custom_segmenter -- SCENE out
//! ```
#![allow(clippy::print_stdout, reason = "an example")]

use std::path::Path;

use minesegsat::model_description::{BandNormalisation, ModelDescription};
use minesegsat::predict::{PredictOptions, predict};
use minesegsat::{Band, Job, OpenOptions, Result, Scene, Segmenter};

/// Bare soil index of Rikimaru et al. 2002, from 0 to 1: `((B11 + B04) - (B08 + B02)) / ((B11 + B04) + (B08 + B02))`.
struct BareSoil;

const BANDS: [Band; 4] = [Band::B02, Band::B04, Band::B08, Band::B11];

impl Segmenter for BareSoil {
    fn in_channels(&self) -> usize {
        BANDS.len()
    }

    fn size_divisor(&self) -> usize {
        1
    }

    fn segment(&self, patches: &[f32], [_, channels, height, width]: [usize; 4], out: &mut [f32]) -> Result<()> {
        let pixels = height * width;
        for (patch, out) in patches.chunks_exact(channels * pixels).zip(out.chunks_exact_mut(pixels)) {
            for (i, probability) in out.iter_mut().enumerate() {
                let [blue, red, nir, swir] = [0, 1, 2, 3].map(|band| patch[band * pixels + i]);
                let (bare, green) = (swir + red, nir + blue);
                // Pixels without data are 0 in every band.
                *probability = ((bare - green) / (bare + green).max(1e-6) / 2.0 + 0.5).clamp(0.0, 1.0);
            }
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scene, output] = arguments.as_slice() else {
        return Err("usage: custom_segmenter SCENE OUTPUT".into());
    };
    let area_ha = map_bare_soil(scene, output.as_ref())?;
    println!("{area_ha:.1} ha of bare soil");
    Ok(())
}

/// Maps the land whose index is above 0.1, and returns its area in hectares.
pub(crate) fn map_bare_soil(scene: &str, output: &Path) -> Result<f64> {
    let scene = Scene::open(scene, &OpenOptions::default())?;
    let description = ModelDescription {
        title: "bare soil index".to_owned(),
        bands: BANDS.to_vec(),
        normalisation: vec![BandNormalisation::IDENTITY; BANDS.len()],
        absent: Vec::new(),
        familiarity: None,
        gsd_m: 10.0,
        record: serde_json::json!({ "title": "bare soil index" }),
    };
    // An index of 0.1 is a probability of 0.55.
    let options = PredictOptions { threshold: 0.55, ..PredictOptions::default() };
    Ok(predict(&scene, &description, &BareSoil, output, &options, Job::silent())?.totals.area_ha)
}
