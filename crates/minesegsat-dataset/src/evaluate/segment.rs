//! Segments whole samples: [`segment_sample`], [`for_each_sample`].

use minesegsat_core::job::Job;
use std::sync::mpsc::sync_channel;

use crate::{SamplePatch, SampleReader, SampleRecord};
use minesegsat_core::patch_grid::{LARGEST_PATCH_PX, PatchGrid};
use minesegsat_core::resample::SignedWindow;
use minesegsat_core::{Error, Result, Segmenter};

/// Windows per call of the network. Devices other than the CPU gain from a few.
const BATCH: usize = 4;
/// Maximum number of samples read ahead of the network.
const READ_AHEAD: usize = 2;

/// Probabilities of a whole sample of any size. Overlapping windows are blended as [`predict`](minesegsat_map::predict)
/// blends patches. Windows that extend beyond the sample repeat its edges.
///
/// # Shapes
/// - `sample.data`: `[channels, H, W]`
/// - output `[H, W]`
pub fn segment_sample(
    segmenter: &dyn Segmenter,
    sample: &SamplePatch,
    channels: usize,
    window: usize,
    overlap: usize,
) -> Result<Vec<f32>> {
    if !(1..=LARGEST_PATCH_PX).contains(&window) {
        let divisor = segmenter.size_divisor();
        return Err(Error::Argument {
            name: "window",
            value: window.to_string(),
            accepted: format!("1 to {LARGEST_PATCH_PX}, best a multiple of {divisor} pixels, since others are padded"),
        });
    }
    let (height, width) = sample.size;
    assert_eq!(sample.data.len(), channels * height * width, "one value per channel and pixel");
    let grid = PatchGrid::new(width, height, window, overlap)?;
    let mut sums = vec![0.0; height * width];
    let places: Vec<(usize, usize)> =
        (0..grid.rows()).flat_map(|row| (0..grid.cols()).map(move |col| (row, col))).collect();
    let pixels = window * window;
    let mut patches = Vec::new();
    let mut answers = Vec::new();
    for places in places.chunks(BATCH) {
        patches.clear();
        for &(row, col) in places {
            cut(sample, channels, grid.window(row, col), &mut patches);
        }
        answers.clear();
        answers.resize(places.len() * pixels, 0.0);
        segmenter.segment(&patches, [places.len(), channels, window, window], &mut answers)?;
        if !answers.iter().all(|p| (0.0..=1.0).contains(p)) {
            return Err(Error::segmenter(
                "it answered with values outside of 0 to 1 (weights damaged, or input outside of its range)".to_owned(),
            ));
        }
        for (&(row, col), answer) in places.iter().zip(answers.chunks_exact(pixels)) {
            blend(&mut sums, (height, width), answer, grid.window(row, col), grid.weights(row, col));
        }
    }
    for sum in &mut sums {
        // Weights sum to one except for rounding.
        *sum = sum.clamp(0.0, 1.0);
    }
    Ok(sums)
}

/// Appends a window of a sample to `out`, `[C, window, window]`.
fn cut(sample: &SamplePatch, channels: usize, window: SignedWindow, out: &mut Vec<f32>) {
    let (height, width) = sample.size;
    let inside = |at: i64, len: usize| at.clamp(0, len as i64 - 1) as usize;
    for channel in sample.data.chunks_exact(height * width).take(channels) {
        for r in 0..window.height {
            let line = &channel[inside(window.row + r as i64, height) * width..][..width];
            let start = inside(window.col, width);
            let known = window.width.min(width - start);
            out.extend_from_slice(&line[start..start + known]);
            out.extend(std::iter::repeat_n(line[width - 1], window.width - known));
        }
    }
}

/// Adds a window's weighted probabilities to the sums, inside the sample only.
fn blend(
    sums: &mut [f32],
    (height, width): (usize, usize),
    answer: &[f32],
    window: SignedWindow,
    (by_col, by_row): (&[f32], &[f32]),
) {
    let (top, left) = (window.row as usize, window.col as usize);
    let (rows, cols) = (window.height.min(height - top), window.width.min(width - left));
    for r in 0..rows {
        let line = &mut sums[(top + r) * width + left..][..cols];
        for ((sum, p), weight) in line.iter_mut().zip(&answer[r * window.width..]).zip(by_col) {
            *sum += p * (weight * by_row[r]);
        }
    }
}

/// Reads samples ahead on a separate thread and calls `each` with each of them, in order, on the calling thread.
pub fn for_each_sample(
    reader: &SampleReader,
    samples: &[&SampleRecord],
    read: impl Fn(&SampleReader, &SampleRecord) -> Result<SamplePatch> + Sync,
    job: Job<'_>,
    mut each: impl FnMut(usize, SamplePatch) -> Result<()>,
) -> Result<()> {
    read_ahead(
        samples.len(),
        |i| read(reader, samples[i]),
        job,
        |i, sample| {
            each(i, sample)?;
            job.progress.advance(i + 1, samples.len());
            Ok(())
        },
    )
}

/// Makes `count` items on a separate thread, at most [`READ_AHEAD`] ahead, and calls `each` with each of them in order.
fn read_ahead<T: Send>(
    count: usize,
    make: impl Fn(usize) -> Result<T> + Sync,
    job: Job<'_>,
    mut each: impl FnMut(usize, T) -> Result<()>,
) -> Result<()> {
    let (sender, receiver) = sync_channel(READ_AHEAD);
    std::thread::scope(|scope| {
        // The receiver is moved in, so that an error drops it and the sending thread does not block forever.
        let receiver = receiver;
        let make = &make;
        scope.spawn(move || {
            for i in 0..count {
                if job.is_cancelled() || sender.send(make(i)).is_err() {
                    return;
                }
            }
        });
        for i in 0..count {
            let next = receiver.recv();
            job.check()?;
            each(i, next.map_err(|_| Error::segmenter("the thread that reads samples ended early".to_owned()))??)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// Returns the first channel as probabilities.
    struct Echo;

    impl Segmenter for Echo {
        fn in_channels(&self) -> usize {
            2
        }

        fn size_divisor(&self) -> usize {
            4
        }

        fn segment(&self, patches: &[f32], [n, c, h, w]: [usize; 4], probabilities: &mut [f32]) -> Result<()> {
            for (patch, out) in patches.chunks_exact(c * h * w).zip(probabilities.chunks_exact_mut(h * w)).take(n) {
                out.copy_from_slice(&patch[..h * w]);
            }
            Ok(())
        }
    }

    fn sample(height: usize, width: usize) -> SamplePatch {
        let value = |i: usize| (i * 37 % 101) as f32 / 100.0;
        SamplePatch {
            data: (0..2 * height * width).map(value).collect(),
            mask: vec![0; height * width],
            size: (height, width),
        }
    }

    #[test]
    fn samples_of_any_size_come_back_whole() {
        for (height, width, window, overlap) in
            [(3, 5, 8, 2), (8, 8, 8, 4), (20, 9, 8, 2), (33, 40, 16, 8), (1, 1, 4, 0)]
        {
            let sample = sample(height, width);
            let found = segment_sample(&Echo, &sample, 2, window, overlap).unwrap();
            assert_eq!(found.len(), height * width);
            for (found, expected) in found.iter().zip(&sample.data) {
                assert!((found - expected).abs() < 1e-5, "{height}x{width} window {window}: {found} {expected}");
            }
        }
    }

    #[test]
    fn windows_beyond_the_sample_repeat_its_edges() {
        let sample = SamplePatch { data: vec![1.0, 2.0, 3.0, 4.0], mask: vec![0; 4], size: (2, 2) };
        let mut out = Vec::new();
        cut(&sample, 1, SignedWindow { col: 0, row: 0, width: 3, height: 3 }, &mut out);
        assert_eq!(out, [1.0, 2.0, 2.0, 3.0, 4.0, 4.0, 3.0, 4.0, 4.0]);
    }

    #[test]
    fn what_is_read_ahead_comes_in_order_and_an_error_on_either_side_ends_it() {
        let stopped = AtomicBool::new(false);
        let go = Job::with_cancel(&stopped);
        let mut seen = Vec::new();
        let mut push = |i: usize, value: usize| {
            assert_eq!(value, i * i);
            seen.push(i);
            Ok(())
        };
        read_ahead(50, |i| Ok(i * i), go, &mut push).unwrap();
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
        let fail = || Err(Error::segmenter("broken".to_owned()));
        // The reader still has many items left when the other side stops.
        assert!(read_ahead(50, Ok, go, |i, _| if i == 3 { fail() } else { Ok(()) }).is_err());
        assert!(read_ahead(50, |i| if i == 3 { fail().map(|()| i) } else { Ok(i) }, go, |_, _| Ok(())).is_err());
        let stop = |i: usize, _| {
            stopped.store(i == 5, Ordering::Relaxed);
            Ok(())
        };
        assert!(matches!(read_ahead(50, Ok, go, stop), Err(Error::Interrupted)));
    }

    #[test]
    fn a_window_without_pixels_is_refused() {
        let error = segment_sample(&Echo, &sample(8, 8), 2, 0, 0).unwrap_err().to_string();
        assert_eq!(
            error,
            "window `0` is not accepted: 1 to 4096, best a multiple of 4 pixels, since others are padded"
        );
        let error = segment_sample(&Echo, &sample(8, 8), 2, 8, 5).unwrap_err().to_string();
        assert!(error.contains("overlap `5`"), "{error}");
    }
}
