//! Times one patch through a model folder on the CPU: `time_forward FOLDER [--size 512] [--runs 7] [--each] [--probabilities FILE]`.
//!
//! Prints the median and the fastest run in milliseconds and the process's peak memory in MiB. `--each` adds a line with
//! every run. `random:NAME:PATH` as the folder first writes a model with random weights. `benches/pytorch_forward.py` runs this
//! program beside PyTorch; `time_segformer` of `minesegsat-cpu` times the native engine alone.

use std::{error::Error, fs, time::Instant};

use minesegsat_core::Segmenter;
use minesegsat_nn::{Device, ImportOptions, ModelSegmenter, NetworkConfig, random_model};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut folder, mut size, mut runs, mut each, mut probabilities) = (None, 512, 7, false, None);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--size" => size = value()?.parse()?,
            "--runs" => runs = value()?.parse::<usize>()?,
            "--each" => each = true,
            "--probabilities" => probabilities = Some(value()?),
            _ => folder = Some(argument),
        }
    }
    let mut folder = folder.ok_or("usage: time_forward FOLDER [--size 512] [--runs 7] [--probabilities FILE]")?;
    if let Some((variant, path)) = folder.strip_prefix("random:").and_then(|rest| rest.split_once(':')) {
        let config = NetworkConfig::named(variant, 12, 1)?;
        random_model(&config, 0, path, &ImportOptions::default())?;
        folder = path.to_owned();
    }
    let segmenter = ModelSegmenter::open(&folder, &Device::flex())?;
    let channels = segmenter.in_channels();
    let mut answer = vec![0.0; size * size];
    let values: Vec<f32> = (0..channels * size * size).map(|i| (i * 7919 % 1009) as f32 / 1009.0).collect();
    let mut times = Vec::new();
    for run in 0..=runs {
        let start = Instant::now();
        segmenter.segment(&values, [1, channels, size, size], &mut answer)?;
        if run > 0 {
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        if run == runs
            && let Some(path) = &probabilities
        {
            fs::write(path, answer.iter().flat_map(|p| p.to_le_bytes()).collect::<Vec<_>>())?;
        }
    }
    if each {
        println!("each_ms {}", times.iter().map(f64::to_string).collect::<Vec<_>>().join(" "));
    }
    times.sort_by(f64::total_cmp);
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak_kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let peak_mib = peak_kib.and_then(|kib| kib.trim().parse::<u64>().ok()).unwrap_or(0) / 1024;
    println!("median_ms {:.1} min_ms {:.1} peak_mib {peak_mib}", times[times.len() / 2], times[0]);
    Ok(())
}
