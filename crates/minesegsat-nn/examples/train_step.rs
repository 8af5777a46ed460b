//! Times training steps on the CPU: `train_step [NAME] [--batch 2] [--size 256] [--steps 9] [--plain]`.
//!
//! A step is forward pass, Tversky loss, backward pass and AdamW, on random weights. Prints the median of the steps and of
//! their parts in milliseconds, and the process's peak memory in MiB. `--plain` uses Burn's own operations instead of
//! the fused ones. `benches/pytorch_train_step.py` runs this program beside PyTorch.

use std::{error::Error, fs, time::Instant};

use burn::{
    optim::{GradientsParams, ModuleOptimizer},
    tensor::{Tensor, TensorData},
};
use minesegsat_nn::{
    AdamW, Device, Network, NetworkConfig,
    loss::{Target, TverskyLoss},
    with_plain_operations,
};

// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut name, mut batch, mut size, mut steps, mut plain) = ("b0".to_owned(), 2, 256, 9, false);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--batch" => batch = value()?.parse()?,
            "--size" => size = value()?.parse()?,
            "--steps" => steps = value()?.parse::<usize>()?,
            "--plain" => plain = true,
            _ => name = argument,
        }
    }
    let config = NetworkConfig::named(&name, 12, 1)?;
    let times = if plain {
        with_plain_operations(|| time(&config, batch, size, steps))
    } else {
        time(&config, batch, size, steps)
    };
    let median = |part: usize| {
        let mut column: Vec<f64> = times.iter().map(|step| step[part]).collect();
        column.sort_by(f64::total_cmp);
        column[column.len() / 2]
    };
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak_kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let peak_mib = peak_kib.and_then(|kib| kib.trim().parse::<u64>().ok()).unwrap_or(0) / 1024;
    println!(
        "step_ms {:.1} forward_ms {:.1} loss_ms {:.1} backward_ms {:.1} optimiser_ms {:.1} peak_mib {peak_mib}",
        median(4),
        median(0),
        median(1),
        median(2),
        median(3)
    );
    Ok(())
}

/// Milliseconds of each step after the first: forward, loss, backward, optimiser, all.
fn time(config: &NetworkConfig, batch: usize, size: usize, steps: usize) -> Vec<[f64; 5]> {
    let device = Device::flex().autodiff();
    let mut network = Network::new(config, &device);
    let values = |len: usize, step: usize, modulus: usize| {
        (0..len).map(|i| (i * step % modulus) as f32 / modulus as f32).collect::<Vec<_>>()
    };
    let input = TensorData::new(values(batch * 12 * size * size, 7919, 1009), [batch, 12, size, size]);
    let masks: Vec<u8> = (0..batch * size * size).map(|i| u8::from(i / 37 % 5 == 0)).collect();
    let loss = TverskyLoss { alpha: 4.0, beta: 4.0, smooth: 1.0, gamma: 1.0 };
    let mut optimiser = ModuleOptimizer::from(AdamW::default());
    let mut times = Vec::new();
    for step in 0..=steps {
        let input = Tensor::<4>::from_data(input.clone(), &device);
        let target = Target::new(&masks, [batch, 1, size, size], 255, &device);
        let mut marks = [Instant::now(); 5];
        let logits = network.forward(input);
        marks[1] = Instant::now();
        let loss = loss.forward(logits, &target);
        let value = loss.clone().into_scalar::<f32>();
        assert!(value.is_finite(), "the loss of step {step} is {value}");
        marks[2] = Instant::now();
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        marks[3] = Instant::now();
        network = optimiser.step(3e-4, network, gradients);
        marks[4] = Instant::now();
        if step > 0 {
            let mut row = [0.0; 5];
            for part in 0..4 {
                row[part] = (marks[part + 1] - marks[part]).as_secs_f64() * 1e3;
            }
            row[4] = (marks[4] - marks[0]).as_secs_f64() * 1e3;
            times.push(row);
        }
    }
    times
}
