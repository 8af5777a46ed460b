//! From channel planes to channels-last pixels.

use super::{Element, Isa, Kernel, Vector};

/// Converts channel planes to pixels whose channels lie together.
///
/// # Shapes
/// - `x`: starts at the first pixel in the first plane; the same pixel of the next plane is `plane` numbers further on
/// - `out`: `[pixels, channels]`
pub(crate) fn interleave<T: Element>(isa: Isa, x: &[f32], plane: usize, channels: usize, out: &mut [T]) {
    let pixels = out.len() / channels;
    assert!(
        out.len() == pixels * channels && pixels <= plane,
        "{} values are not a multiple of {channels} channels",
        out.len()
    );
    assert!(pixels == 0 || (channels - 1) * plane + pixels <= x.len(), "planes end early");
    isa.run(Interleave { x: x.as_ptr(), plane, channels, pixels, out: out.as_mut_ptr() });
}

struct Interleave<T> {
    x: *const f32,
    plane: usize,
    channels: usize,
    pixels: usize,
    out: *mut T,
}

impl<T: Element> Kernel for Interleave<T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // Converted register by register, then moved number by number.
        let mut block = [T::from_f32(0.0); 64];
        for first in (0..self.pixels).step_by(block.len()) {
            let count = block.len().min(self.pixels - first);
            let whole = count / V::LANES * V::LANES;
            for c in 0..self.channels {
                // SAFETY: `interleave` has checked that all planes hold the pixels, and the output their channels.
                unsafe {
                    let x = self.x.add(c * self.plane + first);
                    for i in (0..whole).step_by(V::LANES) {
                        T::store(V::load(x.add(i)), block.as_mut_ptr().add(i));
                    }
                    for (i, v) in block.iter_mut().enumerate().take(count).skip(whole) {
                        *v = T::from_f32(*x.add(i));
                    }
                    let mut out = self.out.add(first * self.channels + c);
                    for v in &block[..count] {
                        *out = *v;
                        out = out.wrapping_add(self.channels);
                    }
                }
            }
        }
    }
}
