//! [`depthwise`]: depthwise convolutions over maps `[N, C, H, W]`.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::{
    convolution::{Geometry, inside},
    operation::{Gradient, Operation, apply},
    sums,
};
use crate::fused::kernels::{LANES, vectorised};

/// A convolution of each channel with its own square kernel, without bias, for a stride of 1.
///
/// # Shapes
/// - `x`: `[N, C, H, W]`; `weight`: `[C, 1, k, k]`
/// - output `[N, C, H', W']`, with `H' = H + 2 padding - dilation (k - 1)`
pub(crate) fn depthwise(x: Tensor<4>, weight: Tensor<4>, geometry: Geometry) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let [_, _, kernel, _] = weight.dims();
    let [out_height, out_width] =
        [height, width].map(|len| len + 2 * geometry.padding - geometry.dilation * (kernel - 1));
    let operation = Depthwise { size: [height, width], out_size: [out_height, out_width], channels, kernel, geometry };
    apply(operation, [x.into_dispatch(), weight.into_dispatch()], [batch, channels, out_height, out_width]).0
}

#[derive(Debug)]
struct Depthwise {
    size: [usize; 2],
    out_size: [usize; 2],
    channels: usize,
    kernel: usize,
    geometry: Geometry,
}

impl Depthwise {
    fn area(&self) -> usize {
        self.kernel * self.kernel
    }

    fn planes(&self) -> [usize; 2] {
        [self.size[0] * self.size[1], self.out_size[0] * self.out_size[1]]
    }

    /// For each tap: the first output row and column whose tap lies inside the map, the position of that tap, and the number of
    /// such rows and columns.
    fn overlaps(&self) -> Vec<Overlap> {
        (0..self.area())
            .map(|tap| {
                let [y, x] = [(0, tap / self.kernel), (1, tap % self.kernel)]
                    .map(|(axis, tap)| inside(tap, self.out_size[axis], self.size[axis], self.geometry));
                // The tap lies outside the map for all outputs.
                if y.0 == y.1 || x.0 == x.1 {
                    return Overlap { out: [0; 2], of: [0; 2], len: [0; 2] };
                }
                Overlap { out: [y.0, x.0], of: [y.2, x.2], len: [y.1 - y.0, x.1 - x.0] }
            })
            .collect()
    }
}

#[derive(Debug, Clone, Copy)]
struct Overlap {
    out: [usize; 2],
    of: [usize; 2],
    len: [usize; 2],
}

impl Operation<2> for Depthwise {
    type Saved = ();
    const READS: [bool; 2] = [true, true];

    fn forward(&self, [x, weight]: [&[f32]; 2]) -> (Vec<f32>, ()) {
        let [plane, out_plane] = self.planes();
        let overlaps = self.overlaps();
        let widths = [self.size[1], self.out_size[1]];
        let mut out = vec![0.0; x.len() / plane * out_plane];
        out.par_chunks_mut(out_plane).zip(x.par_chunks(plane)).enumerate().for_each(|(i, (out, x))| {
            let weight = &weight[i % self.channels * self.area()..][..self.area()];
            accumulate(out, x, weight, &overlaps, widths);
        });
        (out, ())
    }

    fn backward(
        &self,
        [x, weight]: [&[f32]; 2],
        (): &(),
        gradient: &[f32],
        [needs_x, needs_weight]: [bool; 2],
    ) -> [Gradient; 2] {
        let [plane, out_plane] = self.planes();
        let overlaps = self.overlaps();
        let widths = [self.size[1], self.out_size[1]];
        [
            Gradient::when(needs_x, || {
                // The same, with map and outputs swapped.
                let back: Vec<Overlap> =
                    overlaps.iter().map(|o| Overlap { out: o.of, of: o.out, len: o.len }).collect();
                let mut of_x = vec![0.0; x.len()];
                of_x.par_chunks_mut(plane).zip(gradient.par_chunks(out_plane)).enumerate().for_each(
                    |(i, (of_x, g))| {
                        let weight = &weight[i % self.channels * self.area()..][..self.area()];
                        accumulate(of_x, g, weight, &back, [widths[1], widths[0]]);
                    },
                );
                of_x
            }),
            Gradient::when(needs_weight, || {
                let mut of_planes = vec![0.0; x.len() / plane * self.area()];
                of_planes
                    .par_chunks_mut(self.area())
                    .zip(x.par_chunks(plane).zip(gradient.par_chunks(out_plane)))
                    .for_each(|(of_weight, (x, gradient))| correlate(of_weight, x, gradient, &overlaps, widths));
                sums::total(of_planes.chunks(weight.len()).map(<[f32]>::to_vec).collect())
            }),
        ]
    }
}

vectorised! {
    /// For each tap, adds `x`, shifted by the tap and multiplied by its weight, to `out`. `widths` are those of `x` and `out`.
    fn accumulate<'a>(
        out: &'a mut [f32],
        x: &'a [f32],
        weight: &'a [f32],
        overlaps: &'a [Overlap],
        widths: [usize; 2],
    ) {
        for (w, overlap) in weight.iter().zip(overlaps) {
            let Overlap { out: [out_y, out_x], of: [y, col], len: [rows, columns] } = *overlap;
            for row in 0..rows {
                let x = &x[(y + row) * widths[0] + col..][..columns];
                for (o, v) in out[(out_y + row) * widths[1] + out_x..][..columns].iter_mut().zip(x) {
                    *o = v.mul_add(*w, *o);
                }
            }
        }
    }
}

vectorised! {
    /// For each tap, the sum of the products of `x`, shifted by the tap, and the gradient.
    fn correlate<'a>(
        of_weight: &'a mut [f32],
        x: &'a [f32],
        gradient: &'a [f32],
        overlaps: &'a [Overlap],
        widths: [usize; 2],
    ) {
        for (sum, overlap) in of_weight.iter_mut().zip(overlaps) {
            let Overlap { out: [out_y, out_x], of: [y, col], len: [rows, columns] } = *overlap;
            let mut lanes = [0.0_f32; LANES];
            for row in 0..rows {
                let x = &x[(y + row) * widths[0] + col..][..columns];
                let gradient = &gradient[(out_y + row) * widths[1] + out_x..][..columns];
                let (x, x_rest) = x.as_chunks::<LANES>();
                let (gradient, gradient_rest) = gradient.as_chunks::<LANES>();
                for (x, g) in x.iter().zip(gradient) {
                    for ((lane, x), g) in lanes.iter_mut().zip(x).zip(g) {
                        *lane = x.mul_add(*g, *lane);
                    }
                }
                for ((lane, x), g) in lanes.iter_mut().zip(x_rest).zip(gradient_rest) {
                    *lane = x.mul_add(*g, *lane);
                }
            }
            *sum = lanes.iter().sum();
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{module::conv2d, ops::ConvOptions};

    use super::*;
    use crate::fused::check::{compare, random};

    #[test]
    fn as_burn_computes_it() {
        for (n, c, [h, w], k, padding, dilation) in
            [(2, 3, [13, 40], 3, 1, 1), (1, 5, [17, 19], 3, 12, 12), (2, 4, [16, 18], 3, 3, 2), (1, 2, [9, 8], 5, 0, 1)]
        {
            compare(
                [random(n * h * w * c), random(c * k * k)],
                |[x, weight]| {
                    let geometry = Geometry { stride: 1, padding, dilation };
                    depthwise(x.reshape([n, c, h, w]), weight.reshape([c, 1, k, k]), geometry)
                },
                |[x, weight]| {
                    let options = ConvOptions::new([1; 2], [padding; 2], [dilation; 2], c);
                    conv2d(x.reshape([n, c, h, w]), weight.reshape([c, 1, k, k]), None, options)
                },
            );
        }
    }
}
