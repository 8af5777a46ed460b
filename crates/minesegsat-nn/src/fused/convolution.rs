//! [`convolution`]: convolutions without groups over maps `[N, C, H, W]`.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::{
    operation::{Gradient, Operation, apply},
    sums,
};
use crate::fused::{
    kernels::vectorised,
    matmul::{MatMut, MatRef, Parallelism, matmul},
};

/// Stride, padding and dilation of a square kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    pub(crate) stride: usize,
    pub(crate) padding: usize,
    pub(crate) dilation: usize,
}

/// A convolution with a square kernel, without bias.
///
/// The inputs of a tile of outputs are gathered, with a row per channel and tap and a column per output, and multiplied by the
/// weight in its own layout. Both are read and written along rows of the map.
///
/// # Shapes
/// - `x`: `[N, C, H, W]`; `weight`: `[O, C, k, k]`
/// - output `[N, O, H', W']`, with `H' = floor((H + 2 padding - dilation (k - 1) - 1) / stride) + 1`
pub(crate) fn convolution(x: Tensor<4>, weight: Tensor<4>, geometry: Geometry) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let [out_channels, _, kernel, _] = weight.dims();
    let out_size = [height, width]
        .map(|len| (len + 2 * geometry.padding - geometry.dilation * (kernel - 1) - 1) / geometry.stride + 1);
    let operation = Convolution { size: [height, width], out_size, channels, out_channels, kernel, geometry };
    let shape = [batch, out_channels, out_size[0], out_size[1]];
    apply(operation, [x.into_dispatch(), weight.into_dispatch()], shape).0
}

#[derive(Debug)]
struct Convolution {
    size: [usize; 2],
    out_size: [usize; 2],
    channels: usize,
    out_channels: usize,
    kernel: usize,
    geometry: Geometry,
}

/// Gathered values per tile. Together with the weight they stay in the L2 cache.
const TILE: usize = 128 * 1024;

/// Minimum and maximum outputs per tile. Fewer make products slow, more do not make them faster.
const OUTPUTS: [usize; 2] = [128, 1024];

/// With fewer tiles than this, tiles run one after the other, and threads share each product.
const FEW_TILES: usize = 8;

/// Maximum tasks for the weight's gradient. Each task has its own sums.
const TASKS: usize = 16;

/// Rows of gathered gradients per task, for the input's gradient.
const ROWS: usize = 144;

/// Whole rows of a sample's outputs.
#[derive(Debug, Clone, Copy)]
struct Tile {
    sample: usize,
    row: usize,
    rows: usize,
}

impl Convolution {
    fn area(&self) -> usize {
        self.kernel * self.kernel
    }

    /// Input values per output.
    fn depth(&self) -> usize {
        self.channels * self.area()
    }

    /// Pixels of an input channel.
    fn plane(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Pixels of an output channel.
    fn out_plane(&self) -> usize {
        self.out_size[0] * self.out_size[1]
    }

    /// Whether each output depends only on the pixel at its own position, so that nothing has to be gathered.
    const fn is_pointwise(&self) -> bool {
        self.kernel == 1 && self.geometry.stride == 1 && self.geometry.padding == 0
    }

    /// Rows of outputs in a tile.
    fn tile_rows(&self) -> usize {
        let outputs = (TILE / self.depth()).clamp(OUTPUTS[0], OUTPUTS[1]);
        (outputs / self.out_size[1]).clamp(1, self.out_size[0])
    }

    fn tiles(&self, batch: usize) -> Vec<Tile> {
        let step = self.tile_rows();
        (0..batch)
            .flat_map(|sample| {
                (0..self.out_size[0]).step_by(step).map(move |row| Tile {
                    sample,
                    row,
                    rows: step.min(self.out_size[0] - row),
                })
            })
            .collect()
    }

    /// Inputs of the outputs of a tile, `[depth, outputs]`. Gathered, unless the map already has this layout.
    fn inputs_of_tile<'a>(&self, x: &'a [f32], tile: Tile, gathered: &'a mut Vec<f32>) -> MatRef<'a> {
        let sample = &x[tile.sample * self.channels * self.plane()..][..self.channels * self.plane()];
        let outputs = tile.rows * self.out_size[1];
        if self.is_pointwise() {
            let first = tile.row * self.out_size[1];
            return MatRef::new(&sample[first..], self.channels, outputs, self.plane());
        }
        gathered.resize(self.depth() * outputs, 0.0);
        let task = (ROWS / self.area()).max(1);
        gathered
            .par_chunks_mut(task * self.area() * outputs)
            .zip(sample.par_chunks(task * self.plane()))
            .for_each(|(rows, planes)| gather(self, planes, tile, rows));
        MatRef::new(gathered, self.depth(), outputs, outputs)
    }

    /// A tile of the output map, `[out_channels, outputs]`.
    fn outputs_of_tile<'a>(&self, map: &'a [f32], tile: Tile) -> MatRef<'a> {
        let sample = &map[tile.sample * self.out_channels * self.out_plane()..];
        let end = self.out_channels * self.out_plane();
        let (first, outputs) = (tile.row * self.out_size[1], tile.rows * self.out_size[1]);
        MatRef::new(&sample[first..end], self.out_channels, outputs, self.out_plane())
    }

    fn gradient_of_x(&self, weight: &[f32], gradient: &[f32], batch: usize) -> Vec<f32> {
        let (area, depth, plane) = (self.area(), self.depth(), self.plane());
        let mut of_x = vec![0.0; batch * self.channels * plane];
        let tiles = self.tiles(1);
        // At least four tasks per sample, so that all threads have work.
        let block = (ROWS / area).min(self.channels.div_ceil(4)).max(1);
        of_x.par_chunks_mut(self.channels * plane).enumerate().for_each(|(sample, of_x)| {
            of_x.par_chunks_mut(block * plane).enumerate().for_each_init(Vec::new, |rows, (i, of_x)| {
                let channels = of_x.len() / plane;
                let taps = channels * area;
                let weight = MatRef::new(&weight[i * block * area..], self.out_channels, taps, depth).transposed();
                for &tile in &tiles {
                    let gradient = self.outputs_of_tile(gradient, Tile { sample, ..tile });
                    let outputs = tile.rows * self.out_size[1];
                    if self.is_pointwise() {
                        let of_x = MatMut::new(&mut of_x[tile.row * self.out_size[1]..], channels, outputs, plane);
                        matmul(of_x, false, weight, gradient, Parallelism::None);
                        continue;
                    }
                    rows.resize(taps * outputs, 0.0);
                    matmul(MatMut::new(rows, taps, outputs, outputs), false, weight, gradient, Parallelism::None);
                    scatter(self, of_x, tile, rows);
                }
            });
        });
        of_x
    }

    fn gradient_of_weight(&self, x: &[f32], gradient: &[f32], batch: usize) -> Vec<f32> {
        let (depth, out_channels) = (self.depth(), self.out_channels);
        let tiles = self.tiles(batch);
        let sum_of = |tiles: &[Tile], parallelism: Parallelism| {
            let mut sum = vec![0.0; out_channels * depth];
            let mut gathered = Vec::new();
            for &tile in tiles {
                let seen = self.inputs_of_tile(x, tile, &mut gathered).transposed();
                let out = MatMut::new(&mut sum, out_channels, depth, depth);
                matmul(out, true, self.outputs_of_tile(gradient, tile), seen, parallelism);
            }
            sum
        };
        if tiles.len() < FEW_TILES {
            return sum_of(&tiles, Parallelism::Rayon(0));
        }
        let parts = tiles.par_chunks(tiles.len().div_ceil(TASKS)).map(|tiles| sum_of(tiles, Parallelism::None));
        sums::total(parts.collect())
    }
}

impl Operation<2> for Convolution {
    type Saved = ();
    const READS: [bool; 2] = [true, true];

    fn forward(&self, [x, weight]: [&[f32]; 2]) -> (Vec<f32>, ()) {
        let (depth, plane, out_channels) = (self.depth(), self.out_plane(), self.out_channels);
        let batch = x.len() / (self.channels * self.plane());
        let tiles = self.tiles(batch);
        let weight = MatRef::new(weight, out_channels, depth, depth);
        let mut out = vec![0.0; batch * out_channels * plane];
        // A tile's part of each channel's plane.
        let step = self.tile_rows() * self.out_size[1];
        let of_sample = plane.div_ceil(step);
        let mut pieces: Vec<Vec<&mut [f32]>> = tiles.iter().map(|_| Vec::with_capacity(out_channels)).collect();
        for (sample, out) in out.chunks_exact_mut(out_channels * plane).enumerate() {
            for channel in out.chunks_exact_mut(plane) {
                for (i, piece) in channel.chunks_mut(step).enumerate() {
                    pieces[sample * of_sample + i].push(piece);
                }
            }
        }
        let multiply = |buffers: &mut [Vec<f32>; 2], tile: Tile, pieces: Vec<&mut [f32]>, parallelism: Parallelism| {
            let [gathered, product] = buffers;
            let outputs = tile.rows * self.out_size[1];
            product.resize(out_channels * outputs, 0.0);
            let seen = self.inputs_of_tile(x, tile, gathered);
            matmul(MatMut::new(product, out_channels, outputs, outputs), false, weight, seen, parallelism);
            for (piece, product) in pieces.into_iter().zip(product.chunks_exact(outputs)) {
                piece.copy_from_slice(product);
            }
        };
        if tiles.len() < FEW_TILES {
            let mut buffers = Default::default();
            for (tile, pieces) in tiles.into_iter().zip(pieces) {
                multiply(&mut buffers, tile, pieces, Parallelism::Rayon(0));
            }
        } else {
            tiles.into_par_iter().zip(pieces).for_each_init(Default::default, |buffers, (tile, pieces)| {
                multiply(buffers, tile, pieces, Parallelism::None);
            });
        }
        (out, ())
    }

    fn backward(
        &self,
        [x, weight]: [&[f32]; 2],
        (): &(),
        gradient: &[f32],
        [needs_x, needs_weight]: [bool; 2],
    ) -> [Gradient; 2] {
        let batch = x.len() / (self.channels * self.plane());
        [
            Gradient::when(needs_x, || self.gradient_of_x(weight, gradient, batch)),
            Gradient::when(needs_weight, || self.gradient_of_weight(x, gradient, batch)),
        ]
    }
}

/// Along one axis: the outputs `start..end` for which a tap lies inside the map, and its position for the first of them.
pub(super) fn inside(tap: usize, outputs: usize, len: usize, geometry: Geometry) -> (usize, usize, usize) {
    // The tap of output o lies at o * stride + tap * dilation - padding.
    let shift = tap * geometry.dilation;
    let start = geometry.padding.saturating_sub(shift).div_ceil(geometry.stride).min(outputs);
    let end = (len + geometry.padding).saturating_sub(shift).div_ceil(geometry.stride).clamp(start, outputs);
    (start, end, (start * geometry.stride + shift).saturating_sub(geometry.padding))
}

vectorised! {
    /// Gathers the inputs of a tile for some channels, with a row per channel and tap. Zero outside the map.
    fn gather<'a>(convolution: &'a Convolution, planes: &'a [f32], tile: Tile, rows: &'a mut [f32]) {
        let Convolution { size: [height, width], out_size: [_, out_width], kernel, geometry, .. } = *convolution;
        let outputs = tile.rows * out_width;
        for (plane, rows) in planes.chunks_exact(height * width).zip(rows.chunks_exact_mut(kernel * kernel * outputs)) {
            for (tap, row) in rows.chunks_exact_mut(outputs).enumerate() {
                let (ky, kx) = (tap / kernel, tap % kernel);
                let (start, end, first) = inside(kx, out_width, width, geometry);
                for (i, out) in row.chunks_exact_mut(out_width).enumerate() {
                    let y = ((tile.row + i) * geometry.stride + ky * geometry.dilation).wrapping_sub(geometry.padding);
                    if y >= height || start >= end {
                        out.fill(0.0);
                        continue;
                    }
                    out[..start].fill(0.0);
                    out[end..].fill(0.0);
                    let line = &plane[y * width + first..(y + 1) * width];
                    let out = &mut out[start..end];
                    if geometry.stride == 1 {
                        out.copy_from_slice(&line[..out.len()]);
                    } else {
                        for (o, v) in out.iter_mut().zip(line.iter().step_by(geometry.stride)) {
                            *o = *v;
                        }
                    }
                }
            }
        }
    }
}

vectorised! {
    /// The transpose of [`gather`]: adds the gradients of gathered rows to their pixels.
    fn scatter<'a>(convolution: &'a Convolution, planes: &'a mut [f32], tile: Tile, rows: &'a [f32]) {
        let Convolution { size: [height, width], out_size: [_, out_width], kernel, geometry, .. } = *convolution;
        let outputs = tile.rows * out_width;
        for (plane, rows) in planes.chunks_exact_mut(height * width).zip(rows.chunks_exact(kernel * kernel * outputs)) {
            for (tap, row) in rows.chunks_exact(outputs).enumerate() {
                let (ky, kx) = (tap / kernel, tap % kernel);
                let (start, end, first) = inside(kx, out_width, width, geometry);
                if start >= end {
                    continue;
                }
                for (i, gradient) in row.chunks_exact(out_width).enumerate() {
                    let y = ((tile.row + i) * geometry.stride + ky * geometry.dilation).wrapping_sub(geometry.padding);
                    if y >= height {
                        continue;
                    }
                    let line = &mut plane[y * width + first..(y + 1) * width];
                    let gradient = &gradient[start..end];
                    if geometry.stride == 1 {
                        for (o, g) in line[..gradient.len()].iter_mut().zip(gradient) {
                            *o += g;
                        }
                    } else {
                        for (o, g) in line.iter_mut().step_by(geometry.stride).zip(gradient) {
                            *o += g;
                        }
                    }
                }
            }
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
        for (n, [h, w], [c, o], k, stride, padding, dilation) in [
            (1, [1, 1], [2, 3], 3, 1, 1, 1),
            (2, [13, 10], [3, 5], 7, 2, 3, 1),
            (2, [64, 96], [12, 20], 3, 1, 1, 1),
            (2, [40, 64], [6, 9], 3, 2, 1, 1),
            (2, [41, 63], [6, 9], 1, 2, 0, 1),
            (3, [17, 19], [70, 10], 1, 1, 0, 1),
            (1, [16, 18], [20, 30], 3, 1, 2, 2),
            (2, [8, 6], [4, 6], 3, 1, 12, 12),
            (1, [9, 300], [3, 2], 3, 1, 1, 1),
        ] {
            compare(
                [random(n * h * w * c), random(o * c * k * k)],
                |[x, weight]| {
                    let geometry = Geometry { stride, padding, dilation };
                    convolution(x.reshape([n, c, h, w]), weight.reshape([o, c, k, k]), geometry)
                },
                |[x, weight]| {
                    let options = ConvOptions::new([stride; 2], [padding; 2], [dilation; 2], 1);
                    conv2d(x.reshape([n, c, h, w]), weight.reshape([o, c, k, k]), None, options)
                },
            );
        }
    }
}
