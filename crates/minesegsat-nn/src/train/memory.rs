//! Checks that a batch fits into memory before training starts: [`check`].
//!
//! Linux kills a process that uses too much memory, without a message. So one step with a single crop is measured, and the batch
//! is assumed to need the same per crop. That holds for the tensors that are kept for the backward pass, which are nearly all.

use std::fs::{read_to_string, write};

use burn::module::Module;
use minesegsat_dataset::Batch;

use super::{setting::Setting, state::gradients};
use crate::{Checkpoint, Error, Result};

/// Values stored per weight: the weight, its gradient, two moments and the average.
const COPIES: usize = 5;

/// Fails if the batch of the configuration does not fit. The error states the batch size that would.
///
/// Works only for the CPU and on Linux. It trains a separate network, so the run is not affected.
pub(super) fn check(setting: &Setting<'_>) -> Result<()> {
    let data = &setting.config.data;
    if data.batch_size < 2 || !setting.config.device.split(',').all(|name| name.trim().starts_with("cpu")) {
        return Ok(());
    }
    let (Some(before), Some(())) = (kib_of("/proc/self/status", "VmRSS:"), reset_peak()) else { return Ok(()) };
    let [channels, side] = [setting.card.bands.len(), data.patch_size];
    let weights = {
        let checkpoint = Checkpoint::random(&setting.network, setting.config.seed);
        let network = checkpoint.load(&setting.network, &setting.devices[0])?.train();
        let batch = Batch {
            data: vec![0.0; channels * side * side],
            mask: vec![0; side * side],
            shape: [1, channels, side, side],
            ids: vec![String::new()],
        };
        gradients(setting, &network, batch);
        checkpoint.num_params() * size_of::<f32>()
    };
    let (Some(peak), Some(free)) = (kib_of("/proc/self/status", "VmHWM:"), free_bytes()) else { return Ok(()) };
    // At least the pixels, in case the step only used memory that was already allocated.
    let pixels = channels * side * side * size_of::<f32>();
    let crop = ((peak.saturating_sub(before)) << 10).saturating_sub(2 * weights).max(pixels);
    match largest_batch(crop, COPIES * weights, free) {
        fits if fits >= data.batch_size => Ok(()),
        fits => Err(Error::argument(
            "data.batch_size",
            data.batch_size.to_string(),
            too_large(data.batch_size, fits, [channels, side], crop, free),
        )),
    }
}

/// Number of crops that fit into `free` bytes, of which `fixed` bytes are needed otherwise.
fn largest_batch(crop: usize, fixed: usize, free: usize) -> usize {
    free.saturating_sub(fixed) / crop
}

fn too_large(batch: usize, fits: usize, [channels, side]: [usize; 2], crop: usize, free: usize) -> String {
    let gib = |bytes: usize| bytes as f64 / f64::from(1 << 30);
    let takes = format!(
        "a crop of {channels} x {side} x {side} takes about {:.2} GiB in training and {:.1} GiB are free",
        gib(crop),
        gib(free)
    );
    if fits == 0 {
        return format!("{takes}: not even one fits; make `data.patch_size` smaller");
    }
    format!("at most {fits}, as {takes}; with `optimiser.accumulate = {}` steps are as large", batch.div_ceil(fits))
}

/// Resets the peak memory of this process (proc(5), `/proc/pid/clear_refs`).
fn reset_peak() -> Option<()> {
    write("/proc/self/clear_refs", "5").ok()
}

fn kib_of(file: &str, name: &str) -> Option<usize> {
    let text = read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix(" kB")?.parse().ok()
}

/// Memory that is available without swapping and within the limit of the control group.
fn free_bytes() -> Option<usize> {
    let host = kib_of("/proc/meminfo", "MemAvailable:")? << 10;
    let number = |file: &str| read_to_string(file).ok()?.trim().parse::<usize>().ok();
    let group = number("/sys/fs/cgroup/memory.max")
        .zip(number("/sys/fs/cgroup/memory.current"))
        .map(|(most, now)| most.saturating_sub(now));
    Some(group.map_or(host, |group| group.min(host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: usize = 1 << 30;

    #[test]
    fn the_batch_that_fits_leaves_room_for_the_weights() {
        assert_eq!(largest_batch(GIB, 0, 8 * GIB), 8);
        assert_eq!(largest_batch(GIB, GIB / 2, 8 * GIB), 7);
        assert_eq!(largest_batch(9 * GIB, GIB, 8 * GIB), 0);
    }

    #[test]
    fn the_error_says_what_to_do() {
        assert_eq!(
            too_large(8, 3, [12, 512], 3 * GIB, 10 * GIB),
            "at most 3, as a crop of 12 x 512 x 512 takes about 3.00 GiB in training and 10.0 GiB are free; with \
             `optimiser.accumulate = 3` steps are as large"
        );
        assert!(
            too_large(2, 0, [12, 4096], 30 * GIB, GIB).ends_with("not even one fits; make `data.patch_size` smaller")
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_taken_is_seen() {
        let Some(()) = reset_peak() else {
            minesegsat_testing::reference::skip("the peak cannot be reset here");
            return;
        };
        let before = kib_of("/proc/self/status", "VmRSS:").unwrap();
        // A large buffer, since other tests free memory meanwhile.
        let taken = std::hint::black_box(vec![1u8; 512 << 20]);
        drop(taken);
        let peak = kib_of("/proc/self/status", "VmHWM:").unwrap();
        assert!(peak >= before + (64 << 10), "{before} {peak}");
        assert!(free_bytes().unwrap() > 1 << 20);
    }
}
