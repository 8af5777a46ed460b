//! Goes through a data set as training does, with every augmentation, says how fast, and writes pictures of the first batches
//! to event files: what the network sees, and in red what it is told. For `scripts/check_tensorboard.py`, and to look at.
//!
//! ```sh
//! cargo run --release -p minesegsat-nn --example load_batches -- DATASET OUT [PATCH_SIZE]
//! tensorboard --logdir OUT
//! ```
#![allow(clippy::print_stdout, reason = "an example")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use minesegsat_core::Band;
use minesegsat_core::model_description::BandNormalisation;
use minesegsat_dataset::{Augmentation, Batch, Dataset, Loader, LoaderOptions};
use minesegsat_nn::tensorboard::EventWriter;

/// Reflectance that is white.
const WHITE: f32 = 0.35;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out, size @ ..] = arguments.as_slice() else {
        return Err("usage: load_batches DATASET OUT [PATCH_SIZE]".into());
    };
    let dataset = Arc::new(Dataset::open(folder)?);
    let colours = [Band::B04, Band::B03, Band::B02];
    let mut bands: Vec<Band> = dataset.card().bands.clone();
    bands.sort_by_key(|band| colours.iter().position(|colour| colour == band).unwrap_or(colours.len()));
    let augmentation = Augmentation {
        flip: 0.5,
        rotate90: 0.5,
        rotate: 0.5,
        rotate_degrees: 45.0,
        scale: 0.5,
        scale_range: [0.75, 1.5],
        brightness: 0.5,
        brightness_amount: 0.2,
        contrast: 0.5,
        contrast_amount: 0.2,
        band_gain: 0.5,
        band_gain_amount: 0.1,
        atmosphere: 0.5,
        atmosphere_amount: 0.06,
        noise: 0.5,
        noise_std: 0.005,
        clouds: 0.5,
        clouds_cover: 0.5,
        ..Augmentation::default()
    };
    let options = LoaderOptions {
        patch_size: size.first().map_or(Ok(256), |size| size.parse())?,
        mine_centred: 0.5,
        ..LoaderOptions::default()
    };
    let normalisation = vec![BandNormalisation::IDENTITY; bands.len()];
    let samples = dataset.samples().to_vec();
    let loader = Loader::new(dataset, samples, &bands, &normalisation, augmentation, options)?;
    let mut events = EventWriter::create(Path::new(out))?;
    let mut step = 0;
    for epoch in 0..3 {
        let started = Instant::now();
        let mut samples = 0;
        for (number, batch) in loader.epoch(epoch, 0).enumerate() {
            let batch = batch?;
            samples += batch.shape[0];
            step += 1;
            events.scalar("loader/mean", step, batch.data.iter().sum::<f32>() / batch.data.len() as f32)?;
            if number < 2 {
                events.image("loader/batch", step, &picture(&batch)?)?;
            }
        }
        let seconds = started.elapsed().as_secs_f64();
        println!("epoch {epoch}: {samples} samples, {:.1} per second", samples as f64 / seconds);
    }
    println!("{}", events.path().display());
    Ok(())
}

/// The samples of a batch side by side.
fn picture(batch: &Batch) -> Result<Vec<u8>, png::EncodingError> {
    let [samples, channels, height, width] = batch.shape;
    let plane = height * width;
    let mut rgb = Vec::with_capacity(samples * plane * 3);
    for row in 0..height {
        for sample in 0..samples {
            for col in 0..width {
                let at = row * width + col;
                let value = |channel: usize| {
                    let channel = channel.min(channels - 1);
                    (batch.data[(sample * channels + channel) * plane + at] / WHITE * 255.0) as u8
                };
                let [r, g, b] = [value(0), value(1), value(2)];
                rgb.extend(match batch.mask[sample * plane + at] {
                    0 => [r, g, b],
                    // Ignored: half as bright.
                    255 => [r / 2, g / 2, b / 2],
                    _ => [r / 2 + 127, g / 2, b / 2],
                });
            }
        }
    }
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, (samples * width) as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header()?.write_image_data(&rgb)?;
    Ok(out)
}
