//! Times a SegFormer on the CPU: `time_segformer FOLDER [--size 512] [--batch 1] [--runs 7] [--precision fp32|bf16] [--isa NAME] [--profile] [--each]`.
//!
//! Prints the median and the fastest run in milliseconds per patch. `--each` adds a line with every run, `--profile` a table of
//! times per operation. `benches/engines.py` runs this program beside ONNX Runtime and OpenVINO.

use std::error::Error;
use std::time::Instant;

use minesegsat_cpu::{Options, SegFormer};
use minesegsat_model::{ModelCard, NetworkConfig, Weights};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut folder, mut size, mut batch, mut runs, mut each) = (None, 512_usize, 1_usize, 7_usize, false);
    let mut options = Options::new()?;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--size" => size = value()?.parse()?,
            "--batch" => batch = value()?.parse()?,
            "--runs" => runs = value()?.parse()?,
            "--precision" => options.precision = value()?.parse()?,
            "--isa" => options.isa = value()?.parse()?,
            "--profile" => options.profile = true,
            "--each" => each = true,
            _ => folder = Some(argument),
        }
    }
    let folder = folder.ok_or("usage: time_segformer FOLDER [--size 512] [--runs 7]")?;
    let card = ModelCard::read(&folder)?;
    let NetworkConfig::SegFormer(config) = &card.architecture else {
        return Err("the model is not a SegFormer".into());
    };
    let segformer = SegFormer::new(config, &Weights::read(&folder, &card)?, options)?;
    let shape = [batch, config.in_channels, size, size];
    let values: Vec<f32> = (0..shape.iter().product()).map(|i: usize| (i * 7919 % 1009) as f32 / 1009.0).collect();
    let mut times = Vec::new();
    for run in 0..=runs {
        let start = Instant::now();
        let logits = segformer.logits(&values, shape);
        if run > 0 {
            times.push(start.elapsed().as_secs_f64() * 1e3 / batch as f64);
        } else {
            segformer.take_profile();
        }
        std::hint::black_box(logits);
    }
    if each {
        println!("each_ms {}", times.iter().map(f64::to_string).collect::<Vec<_>>().join(" "));
    }
    times.sort_by(f64::total_cmp);
    println!("median_ms {:.1} min_ms {:.1}", times[times.len() / 2], times[0]);
    if let Some(profile) = segformer.take_profile() {
        println!("{profile}");
    }
    Ok(())
}
