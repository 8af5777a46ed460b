//! Writes a sample of a data set as the paper's loader stacks it: signed 16-bit numbers, little-endian, `[C, H, W]` in
//! the paper's order of bands, followed by the mask with one byte per pixel. Used by `scripts/compare_paper_layout.py`.
//!
//! ```sh
//! cargo run --example read_sample -- DATASET ID OUT
//! ```
#![allow(clippy::print_stdout, reason = "an example")]

use std::sync::Arc;

use minesegsat_core::Band;
use minesegsat_core::model_description::BandNormalisation;
use minesegsat_dataset::{Dataset, SampleReader};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(id), Some(out)) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: read_sample DATASET ID OUT".into());
    };
    let dataset = Arc::new(Dataset::open(folder)?);
    let reader = SampleReader::new(Arc::clone(&dataset), &Band::PAPER, &[BandNormalisation::IDENTITY; 12])?;
    let sample = dataset.samples().iter().find(|sample| sample.id == id).ok_or("there is no such sample")?;
    let raw = reader.read_raw_int16(sample)?;
    let mut bytes: Vec<u8> = raw.data.iter().flat_map(|value| value.to_le_bytes()).collect();
    bytes.extend(&raw.mask);
    std::fs::write(out, bytes)?;
    println!("{} x {} pixels", raw.size.1, raw.size.0);
    Ok(())
}
