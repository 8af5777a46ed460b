//! The backward pass of the depthwise convolution.

use super::part::{load_part, store_part};
use super::{Isa, Kernel, Vector};

/// Channels that lie together in a padded gradient.
pub const GROUP: usize = 64;

/// A pixel of a padded gradient.
pub type Group = [f32; GROUP];

/// See [`training::depthwise_gradients`](crate::training::depthwise_gradients).
pub(crate) fn depthwise_gradients(
    isa: Isa,
    padded: &[Group],
    x: &[f32],
    taps: &[f32],
    [width, first]: [usize; 2],
    of_x: &mut [f32],
    parameters: &mut [f32],
) {
    let channels = taps.len() / 9;
    assert!(taps.len() == 9 * channels && parameters.len() == 10 * channels, "{channels} channels");
    assert!(first < channels && width > 0, "no channel {first} of {channels}");
    let line = width * channels;
    assert!(x.len() == of_x.len() && x.len().is_multiple_of(line), "{} values are not a multiple of {line}", x.len());
    let rows = x.len() / line;
    assert!(padded.len() >= (rows + 2) * (width + 2), "the padded gradient ends early");
    isa.run(Gradients {
        padded: padded.as_ptr(),
        x: x.as_ptr(),
        taps: taps.as_ptr(),
        rows,
        width,
        channels,
        first,
        of_x: of_x.as_mut_ptr(),
        parameters: parameters.as_mut_ptr(),
    });
}

struct Gradients {
    padded: *const Group,
    x: *const f32,
    taps: *const f32,
    rows: usize,
    width: usize,
    channels: usize,
    first: usize,
    of_x: *mut f32,
    parameters: *mut f32,
}

impl Kernel for Gradients {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // Nine weights and ten sums: a register of channels at a time is as much as registers hold.
        for offset in (0..GROUP).step_by(V::LANES) {
            let channel = self.first + offset;
            if channel >= self.channels {
                break;
            }
            let len = V::LANES.min(self.channels - channel);
            // SAFETY: `depthwise_gradients` has checked that all pixels, taps and parameters of `len` channels lie in their
            // slices.
            unsafe {
                if len == V::LANES {
                    self.channels::<V, true>(offset, len);
                } else {
                    self.channels::<V, false>(offset, len);
                }
            }
        }
    }
}

impl Gradients {
    /// A register of channels of all pixels: `len` channels, which fill the register if `WHOLE`.
    ///
    /// # Safety
    /// As for the kernel; the channels exist.
    #[inline(always)]
    unsafe fn channels<V: Vector, const WHOLE: bool>(&self, offset: usize, len: usize) {
        let Self { padded, x, taps, rows, width, channels, first, of_x, parameters } = *self;
        let channel = first + offset;
        // SAFETY: as the caller guarantees.
        unsafe {
            let mut weights = [V::splat(0.0); 9];
            for (tap, weight) in weights.iter_mut().enumerate() {
                *weight = load_part::<V, WHOLE>(taps.add(tap * channels + channel), len, 0.0);
            }
            let mut sums = [V::splat(0.0); 10];
            for y in 0..rows {
                for col in 0..width {
                    let at = (y * width + col) * channels + channel;
                    let pixel = load_part::<V, WHOLE>(x.add(at), len, 0.0);
                    let mut out = V::splat(0.0);
                    for tap in 0..9 {
                        // p - t, in a map with a border of 1: down and right of p for the first tap.
                        let group = padded.add((y + 2 - tap / 3) * (width + 2) + col + 2 - tap % 3);
                        let d = V::load(group.cast::<f32>().add(offset));
                        out = d.fma(weights[tap], out);
                        sums[tap] = d.fma(pixel, sums[tap]);
                        if tap == 4 {
                            sums[9] = sums[9].add(d);
                        }
                    }
                    store_part::<V, WHOLE>(out, of_x.add(at), len);
                }
            }
            for (tap, sum) in sums.into_iter().enumerate() {
                let parameters = parameters.add(tap * channels + channel);
                let total = load_part::<V, WHOLE>(parameters, len, 0.0).add(sum);
                store_part::<V, WHOLE>(total, parameters, len);
            }
        }
    }
}
