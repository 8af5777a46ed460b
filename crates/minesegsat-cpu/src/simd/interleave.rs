//! From planes to pixels.

use super::{Element, Isa, Kernel, Vector};

/// Pixels whose channels lie together, of planes.
///
/// # Shapes
/// - `x`: from the first of the pixels in the first plane on; the same pixel of the next plane is `plane` further
/// - `out`: `[pixels, channels]`
pub(crate) fn interleave<T: Element>(isa: Isa, x: &[f32], plane: usize, channels: usize, out: &mut [T]) {
    let pixels = out.len() / channels;
    assert!(out.len() == pixels * channels && pixels <= plane, "{} values are no pixels of {channels}", out.len());
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
        // Converted by registers, then moved one by one.
        let mut block = [T::of(0.0); 64];
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
                        *v = T::of(*x.add(i));
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
